//! The shape that GitHub's runner and Azure's agent share: they come from one source.

use crate::ci::{Jobs, Role, Started};

/// What `process` is, of an agent whose executables are `listener` and `worker`.
///
/// A worker is started as `spawnclient IN OUT`, the numbers of two inherited pipes, and refuses to run otherwise
/// (`Runner.Worker/Program.cs`, `Agent.Worker/Program.cs`).
pub(super) fn role(process: &Started<'_>, listener: &str, worker: &str) -> Option<Role> {
    let leaf = process.leaf();
    if leaf == listener.as_bytes() {
        return Some(Role::Listener);
    }
    (leaf == worker.as_bytes() && is_spawned(process)).then_some(Role::Worker(Jobs::One))
}

/// The listener starts the worker from its own directory, as its own user (`JobDispatcher.cs`).
pub(super) fn child_of(worker: &Started<'_>, parent: &Started<'_>, listener: &str) -> bool {
    parent.leaf() == listener.as_bytes() && parent.directory() == worker.directory() && parent.uid == worker.uid
}

fn is_spawned(process: &Started<'_>) -> bool {
    let mut arguments = process.arguments();
    let is_number = |argument: Option<&[u8]>| {
        argument.is_some_and(|digits| (1..=10).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit))
    };
    arguments.next().is_some_and(|command| command.eq_ignore_ascii_case(b"spawnclient"))
        && is_number(arguments.next())
        && is_number(arguments.next())
        && arguments.next().is_none()
}
