//! Forgejo Actions and Gitea Actions with labels of the kind `host`: one runner serves all jobs of the host.
//!
//! The runner is the worker: it carries the workflow out in its own process, and its children are the steps' shells and
//! `node`. `forgejo-runner one-job` ends after one job. The paths of scripts name neither job nor step. Each job has a
//! directory of its own, `RANDOM/hostexecutor` in the runner's cache, in or below which its steps begin.
//!
//! Source: the documentation of Forgejo ("Runner installation guide") and Gitea ("Act Runner"); the binary has been
//! called `act_runner`, `gitea-runner` and `forgejo-runner`. nektos/act, `pkg/runner/run_context.go`
//! (`startHostEnvironment`), `pkg/container/host_environment.go`.

use super::model::{Begun, Model, until};
use crate::ci::{Jobs, Role, Started};

pub(super) const MODEL: Model = Model {
    leaves: &["forgejo-runner", "act_runner", "gitea-runner"],
    role,
    workspace: Some(workspace),
    ..Model::SERVICE
};

fn role(process: &Started<'_>) -> Option<Role> {
    if !MODEL.leaves.iter().any(|leaf| leaf.as_bytes() == process.leaf()) {
        return None;
    }
    match process.command(&["daemon", "one-job"])? {
        "one-job" => Some(Role::Worker(Jobs::One)),
        _ => Some(Role::Worker(Jobs::Many)),
    }
}

fn workspace<'a>(begun: &'a Begun<'_>) -> Option<&'a [u8]> {
    until(begun.workdir, |_, name| name == b"hostexecutor")
}

#[cfg(test)]
mod tests {
    use crate::ci::{Agent, Begun, Jobs, Provider, Role, Started};

    #[test]
    fn a_runner_serves_as_a_daemon_or_once() {
        let role = |executable: &str, argv: &str| {
            let started = Started { executable: executable.as_bytes(), argv: argv.as_bytes(), uid: 0 };
            Agent::of(&started).map(|agent| agent.role)
        };
        assert_eq!(role("/usr/bin/act_runner", "act_runner\0daemon\0"), Some(Role::Worker(Jobs::Many)));
        assert_eq!(role("/x/forgejo-runner", "r\0-c\0/c.yml\0one-job\0--wait\0"), Some(Role::Worker(Jobs::One)));
        assert_eq!(role("/x/forgejo-runner", "forgejo-runner\0register\0"), None);
    }
    #[test]
    fn a_job_has_a_directory_of_its_own() {
        let workspace = |workdir| {
            let begun = Begun { child: Started::default(), workdir, at: b"/home/act" };
            Provider::Forgejo.workspace(&begun).map(<[u8]>::to_vec)
        };
        let own = Some(b"/home/act/.cache/act/5d41402abc4b2a76/hostexecutor".to_vec());
        assert_eq!(workspace(b"/home/act/.cache/act/5d41402abc4b2a76/hostexecutor/src/app"), own);
        assert_eq!(workspace(b"/home/act/.cache/act/5d41402abc4b2a76/hostexecutor"), own);
        assert_eq!(workspace(b"/home/act"), None);
    }
}
