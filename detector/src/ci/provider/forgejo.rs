//! Forgejo Actions and Gitea Actions with labels of the kind `host`: one runner serves all jobs of the host.
//!
//! The runner is the worker: it carries the workflow out in its own process, and its children are the steps' shells and
//! `node`. `forgejo-runner one-job` ends after one job. The paths of scripts name neither job nor step, and jobs of one
//! runner share the parent, so they are told apart only where its capacity is one (the default), and then by time
//! alone.
//!
//! Source: the documentation of Forgejo ("Runner installation guide") and Gitea ("Act Runner"); the binary has been
//! called `act_runner`, `gitea-runner` and `forgejo-runner`.

use super::model::Model;
use crate::ci::{Jobs, Role, Started};

pub(super) const MODEL: Model =
    Model { leaves: &["forgejo-runner", "act_runner", "gitea-runner"], role, ..Model::SERVICE };

fn role(process: &Started<'_>) -> Option<Role> {
    if !MODEL.leaves.iter().any(|leaf| leaf.as_bytes() == process.leaf()) {
        return None;
    }
    match process.command(&["daemon", "one-job"])? {
        "one-job" => Some(Role::Worker(Jobs::One)),
        _ => Some(Role::Worker(Jobs::Many)),
    }
}

#[cfg(test)]
mod tests {
    use crate::ci::{Agent, Jobs, Role, Started};

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
}
