//! Drone with the exec runner: one `drone-runner-exec` serves all builds of the host.
//!
//! The runner is the worker. It writes each step's commands to `ROOT/opt/STEP`, where `ROOT` is a directory of its own
//! for this build (`/tmp/drone-RANDOM`), and starts `/bin/sh -e ROOT/opt/STEP`: the child's first command line, which
//! the runner wrote, names both. `ROOT` tells builds apart as long as only a child's first exec is asked. A step's name
//! is shortened to letters, digits and dashes by Drone itself.
//!
//! Source: drone-runners/drone-runner-exec, `engine/compiler/compiler.go`, `engine/exec.go`, `command/command.go`.

use super::model::{Begun, Model};
use crate::{
    ci::{Jobs, Named, Role, Started, started},
    secret::redact,
};

/// Longest name that is kept, bytes.
const NAME_MAX: usize = 128;

pub(super) const MODEL: Model =
    Model { leaves: &["drone-runner-exec"], role, named, workspace: Some(workspace), ..Model::SERVICE };

fn role(process: &Started<'_>) -> Option<Role> {
    let is_runner = process.leaf() == MODEL.leaves[0].as_bytes();
    (is_runner && process.command(&["daemon", "service"]).is_some()).then_some(Role::Worker(Jobs::Many))
}

fn workspace<'a>(begun: &'a Begun<'_>) -> Option<&'a [u8]> {
    let root = begun.child.arguments().last().and_then(script).map(|(root, _)| root);
    root.or_else(|| begun.workdir.strip_suffix(b"/drone/src").filter(|root| is_root(root)))
}

/// Root and step of the path of a step's commands.
fn script(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let step = started::leaf(path);
    let root = path.strip_suffix(step)?.strip_suffix(b"/opt/")?;
    (!step.is_empty() && is_root(root)).then_some((root, step))
}

fn is_root(path: &[u8]) -> bool {
    started::leaf(path).starts_with(b"drone-")
}

fn named(child: &Started<'_>) -> Option<Named> {
    let (root, step) = script(child.arguments().last()?)?;
    let build = started::leaf(root);
    Some(Named { job: Some(redact::text(build, NAME_MAX)), step: Some(redact::text(step, NAME_MAX)) })
}

#[cfg(test)]
mod tests {
    use super::Begun;
    use crate::ci::{Agent, Jobs, Provider, Role, Started};

    #[test]
    fn a_step_is_named_by_its_script() {
        let named = |argv: &str| {
            let started = Started { executable: b"/bin/sh", argv: argv.as_bytes(), uid: 0 };
            Provider::Drone.named(&started).map(|named| (named.job.unwrap(), named.step.unwrap()))
        };
        let expected = ("drone-x1y2".to_owned(), "unit-tests".to_owned());
        assert_eq!(named("/bin/sh\0-e\0/tmp/drone-x1y2/opt/unit-tests\0"), Some(expected));
        for other in ["/bin/sh\0-e\0/tmp/other/opt/x\0", "/bin/sh\0", "sh\0-e\0/tmp/drone-x/opt/\0", ""] {
            assert_eq!(named(other), None, "{other:?}");
        }
    }

    #[test]
    fn the_daemon_is_the_worker() {
        let role = |argv: &str| {
            let started = Started { executable: b"/usr/bin/drone-runner-exec", argv: argv.as_bytes(), uid: 0 };
            Agent::of(&started).map(|agent| agent.role)
        };
        assert_eq!(role("drone-runner-exec\0daemon\0"), Some(Role::Worker(Jobs::Many)));
        assert_eq!(role("drone-runner-exec\0service\0run\0"), Some(Role::Worker(Jobs::Many)));
        assert_eq!(role("drone-runner-exec\0compile\0"), None);
    }

    #[test]
    fn a_build_has_a_directory_of_its_own() {
        let workspace = |argv: &str, workdir: &str| {
            let child = Started { executable: b"/bin/sh", argv: argv.as_bytes(), uid: 0 };
            let begun = Begun { child, workdir: workdir.as_bytes(), at: b"/" };
            Provider::Drone.workspace(&begun).map(|own| String::from_utf8(own.to_vec()).unwrap())
        };
        let (one, other) = ("/tmp/drone-Jb8fXk2LqP0aZt4w", "/tmp/drone-Qr5tYw7EpM1sDc3v");
        let script = format!("/bin/sh\0-e\0{one}/opt/unit\0");
        // Whoever put a link there: the runner wrote the path.
        assert_eq!(workspace(&script, &format!("{other}/drone/src")).as_deref(), Some(one));
        assert_eq!(workspace("git\0clone\0", &format!("{other}/drone/src")).as_deref(), Some(other));
        assert_eq!(workspace("git\0", "/var/lib/drone-runner/x"), None);
    }
}
