//! GoCD: a bootstrapper (Java) starts the agent (Java), which serves job after job.
//!
//! The agent is the worker, and runs one job at a time. A task is a child with the task's own command line, started in
//! `pipelines/PIPELINE` or below; its command line names nothing.
//!
//! Source: gocd/gocd, `agent-process-launcher/…/AgentProcessParentImpl.java`, `agent-common/…/Downloader.java`.

use super::{
    java,
    model::{Begun, Model},
};
use crate::ci::{Jobs, Role, Started};

pub(super) const MODEL: Model = Model { role, child_of, workspace: Some(workspace), ..Model::SERVICE };

fn role(process: &Started<'_>) -> Option<Role> {
    let main = java::main(process)?;
    // Jenkins has an `agent.jar` too, which is never told `-serverUrl`; GoCD's always is.
    let server = main.arguments.iter().any(|argument| *argument == b"-serverUrl");
    if main.is_archive(&["agent.jar"]) && server {
        Some(Role::Worker(Jobs::Many))
    } else {
        is_bootstrapper(process).then_some(Role::Listener)
    }
}

fn child_of(worker: &Started<'_>, parent: &Started<'_>) -> bool {
    is_bootstrapper(parent) && parent.uid == worker.uid
}

/// As an archive, or told to the service wrapper's own class.
fn is_bootstrapper(process: &Started<'_>) -> bool {
    const ARCHIVE: &[u8] = b"agent-bootstrapper.jar";
    java::main(process).is_some_and(|main| {
        let wrapped = !main.archive && main.name.ends_with(b".WrapperJarApp");
        main.archive && main.name == ARCHIVE || wrapped && main.arguments.first().is_some_and(|a| a.ends_with(ARCHIVE))
    })
}

/// Below the agent's own directory.
fn workspace<'a>(begun: &'a Begun<'_>) -> Option<&'a [u8]> {
    begun.workdir.strip_prefix(begun.at)?.strip_prefix(b"/pipelines/")?;
    let from = begun.at.len() + "/pipelines/".len();
    let end = begun.workdir[from..].iter().position(|b| *b == b'/').map_or(begun.workdir.len(), |at| from + at);
    Some(&begun.workdir[..end])
}

#[cfg(test)]
mod tests {
    use super::Begun;
    use crate::ci::{Agent, Jobs, Provider, Role, Started, is_plausible};

    #[test]
    fn its_agent_is_not_jenkins() {
        let java = |argv: &'static str| Started { executable: b"/jvm/bin/java", argv: argv.as_bytes(), uid: 5 };
        let worker =
            java("/jvm/bin/java\0-Dx=y\0-jar\0agent.jar\0-serverUrl\0https://go.test/go\0-sslVerificationMode\0NONE\0");
        let agent = Agent::of(&worker).unwrap();
        assert_eq!(agent, Agent { provider: Provider::GoCd, role: Role::Worker(Jobs::Many) });
        let parent =
            java("java\0org.tanukisoftware.wrapper.WrapperJarApp\0/usr/share/go-agent/lib/agent-bootstrapper.jar\0");
        assert!(is_plausible(agent, &worker, &parent));
        assert!(!is_plausible(agent, &worker, &worker));
    }

    #[test]
    fn a_pipeline_has_a_directory_of_its_own() {
        let workspace = |workdir| {
            let begun = Begun { child: Started::default(), workdir, at: b"/srv/pipelines/agent" };
            Provider::GoCd.workspace(&begun).map(<[u8]>::to_vec)
        };
        let own = Some(b"/srv/pipelines/agent/pipelines/app".to_vec());
        assert_eq!(workspace(b"/srv/pipelines/agent/pipelines/app"), own);
        assert_eq!(workspace(b"/srv/pipelines/agent/pipelines/app/sub/pipelines/x"), own);
        assert_eq!(workspace(b"/srv/pipelines/agent"), None);
    }
}
