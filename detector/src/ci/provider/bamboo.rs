//! Bamboo: one Java agent, kept by a service wrapper, serves job after job.
//!
//! The agent is the worker, and runs one job at a time. A script task is a file of the agent's own,
//! `temp/PROJECT-PLAN-JOB-NUMBER-ScriptBuildTask-RANDOM.sh`, and its child's first command line names the job by it;
//! other tasks name nothing. Bamboo is not public: this is from its documentation and published logs, so it is likely,
//! not certain.
//!
//! Source: Bamboo's documentation, "Remote agent supervisor", "Elastic agent supervisor".

use super::{java, model::Model};
use crate::{
    ci::{Jobs, Named, Role, Started, started},
    secret::redact,
};

/// The agent's class, which the wrapper's own class is given.
const BOOTSTRAP: &str = "com.atlassian.bamboo.agent.bootstrap.AgentBootstrap";

/// What stands between the job and the random number.
const SCRIPT: &[u8] = b"-ScriptBuildTask-";

/// Longest name that is kept, bytes.
const NAME_MAX: usize = 128;

pub(super) const MODEL: Model = Model { role, named, ..Model::SERVICE };

fn role(process: &Started<'_>) -> Option<Role> {
    let main = java::main(process)?;
    let wrapped = !main.archive
        && main.name.ends_with(b".WrapperSimpleApp")
        && main.arguments.first().is_some_and(|class| *class == BOOTSTRAP.as_bytes());
    (wrapped || main.is_class(BOOTSTRAP)).then_some(Role::Worker(Jobs::Many))
}

fn named(child: &Started<'_>) -> Option<Named> {
    child.arguments().chain([child.executable]).find_map(|path| {
        let script = started::leaf(path);
        let at = script.windows(SCRIPT.len()).position(|window| window == SCRIPT)?;
        (at > 0).then(|| Named { job: Some(redact::text(&script[..at], NAME_MAX)), step: None })
    })
}

#[cfg(test)]
mod tests {
    use crate::ci::{Agent, Provider, Started};

    #[test]
    fn the_agent_is_wrapped_and_its_script_names_the_job() {
        let argv = b"java\0-cp\0lib/wrapper.jar\0org.tanukisoftware.wrapper.WrapperSimpleApp\0com.atlassian.bamboo.agent.bootstrap.AgentBootstrap\0http://ci.test/agentServer/\0";
        let agent = Agent::of(&Started { executable: b"/jvm/bin/java", argv, uid: 0 });
        assert_eq!(agent.map(|agent| agent.provider), Some(Provider::Bamboo));
        let argv = b"/bin/sh\0/home/ci/temp/WEB-REL-JOB1-46-ScriptBuildTask-4500901.sh\0";
        let named = Provider::Bamboo.named(&Started { executable: b"/bin/sh", argv, uid: 0 });
        assert_eq!(named.and_then(|named| named.job).as_deref(), Some("WEB-REL-JOB1-46"));
    }
}
