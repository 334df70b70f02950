//! Woodpecker with the local backend: one `woodpecker-agent` serves all workflows of the host.
//!
//! The agent is the worker; each child is a step: a shell with the step's commands as an argument (`-e -c …`), or a
//! plugin. Neither names the step. A workflow has a directory of its own (`woodpecker-local-RANDOM/workspace`) in which
//! the agent starts its children, so that the current directory of a child's first exec tells workflows apart.
//!
//! Source: woodpecker-ci/woodpecker, `pipeline/backend/local/local.go`, `command.go`, `cmd/agent/core/run.go`.

use super::model::{Begun, Model, until};
use crate::ci::{Jobs, Role, Started};

pub(super) const MODEL: Model =
    Model { leaves: &["woodpecker-agent"], role, workspace: Some(workspace), ..Model::SERVICE };

fn role(process: &Started<'_>) -> Option<Role> {
    let is_agent = process.leaf() == MODEL.leaves[0].as_bytes();
    // It serves when it is told nothing.
    (is_agent && process.command(&["ping", "decode-base64", "help"]).is_none()).then_some(Role::Worker(Jobs::Many))
}

fn workspace<'a>(begun: &'a Begun<'_>) -> Option<&'a [u8]> {
    until(begun.workdir, |_, name| name.starts_with(b"woodpecker-local-"))
}

#[cfg(test)]
mod tests {
    use crate::ci::{Begun, Provider, Started};

    #[test]
    fn a_workflow_has_a_directory_of_its_own() {
        let workspace = |workdir| {
            let begun = Begun { child: Started::default(), workdir, at: b"/" };
            Provider::Woodpecker.workspace(&begun).map(<[u8]>::to_vec)
        };
        assert_eq!(
            workspace(b"/tmp/woodpecker-local-2398471650/workspace/src"),
            Some(b"/tmp/woodpecker-local-2398471650".to_vec())
        );
        assert_eq!(workspace(b"/tmp/woodpecker-local-9"), Some(b"/tmp/woodpecker-local-9".to_vec()));
        assert_eq!(workspace(b"/var/lib/woodpecker"), None);
    }
}
