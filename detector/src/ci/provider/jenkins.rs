//! Jenkins: one Java agent runs the steps of all builds that the controller sends to it.
//!
//! The agent is the worker. Each child is a step (`sh`), a tool of a plugin (`git`), or the keeper of a durable step:
//! `nohup sh -c '(cp '…/JOB@tmp/durable-ID/script.sh' …'`, which goes to the background and starts the script there.
//! Its arguments are written by the agent before the step runs, and the path in them names the workspace, which Jenkins
//! names after the job (`JOB`, `JOB@2` where two run at once, `FOLDER/JOB`; multibranch jobs are shortened). An
//! administrator or a pipeline (`ws`, `dir`) may choose another workspace, so the name is a hint. A step's own
//! `BUILD_TAG`, `JOB_NAME` and `JENKINS_SERVER_COOKIE` are a step's environment and are not asked. Freestyle jobs
//! (`/tmp/jenkins1.sh`) say nothing.
//!
//! Builds on the controller itself (`jenkins.war`) are not found: its other children are not told from steps.
//!
//! Source: jenkinsci/remoting, `pom.xml`, `hudson/remoting/Launcher.java`, `jnlp/Main.java`;
//! jenkinsci/durable-task-plugin, `BourneShellScript.java`, `FileMonitoringTask.java`.

use super::{
    java,
    model::{Begun, Model},
};
use crate::{
    ci::{Jobs, Named, Role, Started, started},
    secret::redact,
};

/// Longest name that is kept, bytes.
const NAME_MAX: usize = 128;

/// What stands between a workspace and the number of a durable step.
const DURABLE: &[u8] = b"@tmp/durable-";

pub(super) const MODEL: Model = Model { role, named, workspace: Some(workspace), ..Model::SERVICE };

fn role(process: &Started<'_>) -> Option<Role> {
    let main = java::main(process)?;
    let swarm = main.archive && main.name.starts_with(b"swarm-client") && main.name.ends_with(b".jar");
    let agent = main.is_archive(&["agent.jar", "remoting.jar", "slave.jar"])
        || main.is_class("hudson.remoting.Launcher")
        || main.is_class("hudson.remoting.jnlp.Main");
    (agent || swarm).then_some(Role::Worker(Jobs::Many))
}

/// Each build has a workspace of its own, in which its steps begin, or below it (`dir`).
fn workspace<'a>(begun: &'a Begun<'_>) -> Option<&'a [u8]> {
    Some(begun.child.arguments().find_map(|argument| Some(durable(argument)?.0)).unwrap_or(begun.workdir))
}

fn named(child: &Started<'_>) -> Option<Named> {
    let (workspace, id) = child.arguments().find_map(durable)?;
    let leaf = started::leaf(workspace);
    // `JOB@2`: the second at once (WorkspaceList.java).
    let job = match leaf.iter().rposition(|b| *b == b'@') {
        Some(at) if at > 0 && leaf[at + 1..].iter().all(u8::is_ascii_digit) => &leaf[..at],
        _ => leaf,
    };
    let step = format!("durable-{}", String::from_utf8_lossy(id));
    Some(Named { job: Some(redact::text(job, NAME_MAX)), step: Some(step) })
}

/// The workspace and the number in `argument`, a path or a script with paths in quotes or behind `=`.
fn durable(argument: &[u8]) -> Option<(&[u8], &[u8])> {
    /// Digits of a number.
    const DIGITS: usize = 32;
    let at = argument.windows(DURABLE.len()).position(|window| window == DURABLE)?;
    let (before, after) = (&argument[..at], &argument[at + DURABLE.len()..]);
    let start = before.iter().rposition(|b| matches!(b, b'\'' | b'=' | b'"')).map_or(0, |quote| quote + 1);
    let path = &before[start..];
    let digits = after.iter().take(DIGITS).take_while(|b| b.is_ascii_hexdigit()).count();
    (path.starts_with(b"/") && !started::leaf(path).is_empty() && digits > 0).then(|| (path, &after[..digits]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ci::{Agent, Provider};

    #[test]
    fn agents_are_archives() {
        let agent = |argv: &str| {
            let agent = Agent::of(&Started { executable: b"/usr/bin/java", argv: argv.as_bytes(), uid: 0 });
            agent.map(|agent| agent.provider)
        };
        for argv in [
            "java\0-jar\0agent.jar\0-url\0https://ci.test/\0-secret\0x\0-name\0a\0",
            "/usr/bin/java\0-Xmx512m\0-jar\0/home/ci/remoting.jar\0-workDir\0/home/ci\0-jarCache\0/x\0",
            "java\0-jar\0/opt/swarm-client-3.40.jar\0",
            "java\0-cp\0/usr/share/jenkins/agent.jar\0hudson.remoting.jnlp.Main\0-headless\0",
        ] {
            assert_eq!(agent(argv), Some(Provider::Jenkins), "{argv}");
        }
        assert_eq!(agent("java\0-jar\0/usr/share/java/jenkins.war\0"), None);
        assert_eq!(agent("java\0-jar\0x.jar\0-jar\0agent.jar\0"), None);
    }

    fn names(argv: &str) -> Option<(String, String)> {
        let child = Started { executable: b"/usr/bin/nohup", argv: argv.as_bytes(), uid: 0 };
        let named = Provider::Jenkins.named(&child)?;
        Some((named.job?, named.step?))
    }

    #[test]
    fn a_durable_step_names_its_job() {
        let keeper = "nohup\0sh\0-c\0(cp '/w/workspace/release@tmp/durable-1a2b3c4d/script.sh' '/w/workspace/release@tmp/durable-1a2b3c4d/script.sh.copy'; wait) >&- 2>&- &\0";
        let expected = Some(("release".to_owned(), "durable-1a2b3c4d".to_owned()));
        assert_eq!(names(keeper), expected);
        assert_eq!(names("sh\0-xe\0/w/workspace/release@2@tmp/durable-1a2b3c4d/script.sh.copy\0"), expected);
        assert_eq!(names("/x/durable_task_monitor\0-controldir=/w/release@tmp/durable-1a2b3c4d\0-daemon\0"), expected);
    }

    #[test]
    fn other_paths_name_nothing() {
        for argv in [
            "sh\0-xe\0/tmp/jenkins4233.sh\0",
            "sh\0@tmp/durable-1a\0",
            "sh\0/w/@tmp/durable-1a\0",
            "sh\0/w/x@tmp/durable-zz\0",
            "@tmp/durable-",
        ] {
            assert_eq!(names(argv), None, "{argv}");
        }
        assert_eq!(names("sh\0/w/a\x1b[2Jb@tmp/durable-1a/s\0").unwrap().0, "a\\x1b[2Jb");
    }

    #[test]
    fn a_build_has_a_workspace() {
        let workspace = |argv: &str, workdir: &str| {
            let child = Started { executable: b"/usr/bin/nohup", argv: argv.as_bytes(), uid: 0 };
            let begun = Begun { child, workdir: workdir.as_bytes(), at: b"/w" };
            Provider::Jenkins.workspace(&begun).map(|own| String::from_utf8(own.to_vec()).unwrap())
        };
        let durable = "sh\0-xe\0/w/workspace/app@2@tmp/durable-1a2b/script.sh\0";
        // Whoever put a link there: the agent wrote the path.
        assert_eq!(workspace(durable, "/w/workspace/other").as_deref(), Some("/w/workspace/app@2"));
        assert_eq!(workspace("git\0fetch\0", "/w/workspace/app@2").as_deref(), Some("/w/workspace/app@2"));
    }
}
