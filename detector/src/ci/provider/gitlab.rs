//! GitLab CI with the shell executor: one `gitlab-runner run` serves all jobs of the host.
//!
//! The runner is the worker, and every child is one *stage* of some job (prepare, get sources, script, after script): a
//! shell that reads its script from standard input, so that its arguments say nothing, with the runner's own
//! environment, so that that says nothing either. `CI_JOB_ID` is set by the script itself, within the shell, where a
//! step may set it as well; the build directory is entered by the script. So nothing outside a step's reach says which
//! job a stage belongs to. Whoever takes each stage as a job of its own loses what passes from stage to stage; whoever
//! takes the runner as one job mixes those of several projects.
//!
//! Other executors run steps in containers or elsewhere; their processes are no descendants of the runner.
//!
//! Source: gitlab-org/gitlab-runner, `executors/shell/shell.go`, `shells/bash.go`.

use super::model::Model;
use crate::ci::{Jobs, Role, Started};

pub(super) const MODEL: Model = Model { leaves: &["gitlab-runner", "gitlab-ci-multi-runner"], role, ..Model::SERVICE };

fn role(process: &Started<'_>) -> Option<Role> {
    if !MODEL.leaves.iter().any(|leaf| leaf.as_bytes() == process.leaf()) {
        return None;
    }
    // Stages call the same binary (`cache-extractor`, `artifacts-uploader`): those are no workers.
    process.command(&["run", "run-single"]).map(|_| Role::Worker(Jobs::Many))
}

#[cfg(test)]
mod tests {
    use crate::ci::{Agent, Jobs, Provider, Role, Started};

    #[test]
    fn only_the_service_is_a_worker() {
        let agent = |argv: &str| {
            let executable = b"/usr/bin/gitlab-runner";
            Agent::of(&Started { executable, argv: argv.as_bytes(), uid: 0 }).map(|agent| agent.role)
        };
        let worker = Some(Role::Worker(Jobs::Many));
        assert_eq!(agent("/usr/bin/gitlab-runner\0run\0--config\0/etc/gitlab-runner/config.toml\0"), worker);
        assert_eq!(agent("gitlab-runner\0--log-level\0debug\0run\0"), worker);
        assert_eq!(agent("gitlab-runner\0artifacts-uploader\0--url\0x\0run\0"), None);
        let old = Started { executable: b"/usr/bin/gitlab-ci-multi-runner", argv: b"x\0run\0", uid: 0 };
        assert_eq!(Agent::of(&old).map(|agent| agent.provider), Some(Provider::GitLab));
    }
}
