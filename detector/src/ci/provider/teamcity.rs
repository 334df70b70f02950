//! TeamCity: a launcher (Java) starts the agent (Java), which serves build after build.
//!
//! The agent is the worker, and runs one build at a time. Its children are the build runners' tools and scripts
//! (`agentTmp/custom_script123`), which name neither build nor step: builds are told apart by nothing in its view.
//!
//! Source: TeamCity's documentation, "Configuring Build Agent Startup Properties".

use super::{java, model::Model};
use crate::ci::{Jobs, Role, Started};

pub(super) const MODEL: Model = Model { role, child_of, ..Model::SERVICE };

fn role(process: &Started<'_>) -> Option<Role> {
    let main = java::main(process)?;
    // The launcher has the agent's class among its arguments.
    if main.is_class("jetbrains.buildServer.agent.AgentMain") {
        Some(Role::Worker(Jobs::Many))
    } else {
        is_launcher(process).then_some(Role::Listener)
    }
}

fn child_of(worker: &Started<'_>, parent: &Started<'_>) -> bool {
    is_launcher(parent) && parent.uid == worker.uid
}

fn is_launcher(process: &Started<'_>) -> bool {
    java::main(process).is_some_and(|main| main.is_class("jetbrains.buildServer.agent.Launcher"))
}

#[cfg(test)]
mod tests {
    use crate::ci::{Agent, Jobs, Role, Started, is_plausible};

    #[test]
    fn the_launcher_is_not_the_agent() {
        let java = |argv: &'static str| Started { executable: b"/jvm/bin/java", argv: argv.as_bytes(), uid: 5 };
        let launcher = java(
            "java\0-Xmx64m\0-cp\0../launcher/lib/launcher.jar\0jetbrains.buildServer.agent.Launcher\0-ea\0jetbrains.buildServer.agent.AgentMain\0-file\0x\0",
        );
        let worker = java("java\0-Xmx384m\0-classpath\0a.jar:b.jar\0jetbrains.buildServer.agent.AgentMain\0-file\0x\0");
        assert_eq!(Agent::of(&launcher).unwrap().role, Role::Listener);
        let agent = Agent::of(&worker).unwrap();
        assert_eq!(agent.role, Role::Worker(Jobs::Many));
        assert!(is_plausible(agent, &worker, &launcher));
        assert!(!is_plausible(agent, &worker, &worker));
    }
}
