//! CircleCI: `circleci-runner` (machine runner 3) or `circleci-launch-agent` starts one `circleci-agent`, the task
//! agent, for a job.
//!
//! The task agent is the job, as far as its command line shows (`circleci-agent _internal …`); its children are shells
//! with the step's script as an argument. Neither names a step. The agent is not public: this is from its documentation
//! and from process lists that people published, so it is likely, not certain. `command_prefix` may put a program of
//! the host's own between the two, so a parent says little.
//!
//! Source: CircleCI's "Self-hosted runner concepts" and "Machine runner 3.0 configuration reference".

use super::model::Model;
use crate::ci::{Jobs, Role, Started};

const TASK: &str = "circleci-agent";
const LISTENERS: [&str; 2] = ["circleci-runner", "circleci-launch-agent"];

pub(super) const MODEL: Model = Model { leaves: &[TASK, LISTENERS[0], LISTENERS[1]], role, child_of, ..Model::SERVICE };

fn role(process: &Started<'_>) -> Option<Role> {
    let leaf = process.leaf();
    if LISTENERS.iter().any(|listener| listener.as_bytes() == leaf) {
        return Some(Role::Listener);
    }
    // Steps call the same binary (`circleci-agent step halt`, `circleci tests split`).
    (leaf == TASK.as_bytes() && process.command(&["_internal"]).is_some()).then_some(Role::Worker(Jobs::One))
}

fn child_of(_: &Started<'_>, parent: &Started<'_>) -> bool {
    !matches!(parent.leaf(), b"sh" | b"bash" | b"dash" | b"zsh")
}

#[cfg(test)]
mod tests {
    use crate::ci::{Agent, Jobs, Role, Started};

    #[test]
    fn the_task_agent_is_no_tool() {
        let role = |executable: &str, argv: &str| {
            let started = Started { executable: executable.as_bytes(), argv: argv.as_bytes(), uid: 3434 };
            Agent::of(&started).map(|agent| agent.role)
        };
        let inner = "/bin/circleci-agent\0_internal\0inner\0--innerConfig\0-\0";
        assert_eq!(role("/bin/circleci-agent", inner), Some(Role::Worker(Jobs::One)));
        assert_eq!(role("/bin/circleci-agent", "circleci-agent\0step\0halt\0"), None);
        assert_eq!(role("/usr/bin/circleci-runner", "circleci-runner\0machine\0-c\0x\0"), Some(Role::Listener));
    }
}
