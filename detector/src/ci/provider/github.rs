//! GitHub Actions: `Runner.Listener` starts one `Runner.Worker` for a job.
//!
//! The worker is the job. Its children are steps: scripts, actions, the docker client of container steps. What it calls
//! them is in its diagnostic log ([`StepLog`](crate::ci::StepLog)); its environment and the steps' say nothing that the
//! workflow could not have chosen.
//!
//! Source: actions/runner, `Runner.Listener/JobDispatcher.cs`, `Runner.Worker/Program.cs`.

use super::{dotnet, model::Model};

const LISTENER: &str = "Runner.Listener";
const WORKER: &str = "Runner.Worker";

pub(super) const MODEL: Model = Model {
    leaves: &[LISTENER, WORKER],
    role: |process| dotnet::role(process, LISTENER, WORKER),
    child_of: |worker, parent| dotnet::child_of(worker, parent, LISTENER),
    ..Model::SERVICE
};

#[cfg(test)]
mod tests {
    use crate::ci::{Agent, Jobs, Provider, Role, Started, is_plausible};

    const BIN: &str = "/srv/runner/bin.2.330.0/";

    fn at<'a>(executable: &'a str, argv: &'a str) -> Started<'a> {
        Started { executable: executable.as_bytes(), argv: argv.as_bytes(), uid: 1001 }
    }

    #[test]
    fn a_worker_is_spawned_with_two_pipes() {
        let path = format!("{BIN}Runner.Worker");
        let agent = |argv| Agent::of(&at(&path, argv));
        let worker = Some(Agent { provider: Provider::GitHub, role: Role::Worker(Jobs::One) });
        assert_eq!(agent("Runner.Worker\0spawnclient\x00121\x00124\0"), worker);
        for other in ["Runner.Worker\0", "Runner.Worker\0spawnclient\0a\0b\0", "x\0spawnclient\x001\x002\x003\0", ""] {
            assert_eq!(agent(other), None, "{other:?}");
        }
        let listener = at("/srv/runner/bin/Runner.Listener", "/srv/runner/bin/Runner.Listener\0run\0");
        assert_eq!(Agent::of(&listener), Some(Agent { provider: Provider::GitHub, role: Role::Listener }));
    }

    #[test]
    fn its_parent_is_the_listener_beside_it() {
        let (path, listener) = (format!("{BIN}Runner.Worker"), format!("{BIN}Runner.Listener"));
        let worker = at(&path, "Runner.Worker\0spawnclient\x00121\x00124\0");
        let agent = Agent::of(&worker).unwrap();
        let child_of = |parent: &Started<'_>| is_plausible(agent, &worker, parent);
        assert!(child_of(&at(&listener, "")));
        assert!(!child_of(&at("/tmp/Runner.Listener", "")), "of another directory");
        assert!(!child_of(&at("/usr/bin/bash", "Runner.Listener\0")), "by argv[0] only");
        assert!(!child_of(&Started { uid: 0, ..at(&listener, "") }), "of another user");
    }
}
