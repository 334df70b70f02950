//! Which process is an agent.

use super::{
    provider::{JAVA, Provider},
    started::Started,
};

/// A process of a CI agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Whose.
    pub provider: Provider,
    /// What it does.
    pub role: Role,
}

/// What a process of an agent does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It waits for jobs and starts workers.
    Listener,
    /// Its children are steps.
    Worker(Jobs),
}

/// How many jobs a worker has in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jobs {
    /// One: the process is the job.
    One,
    /// Several, one after another or at once. Where one ends is written with each provider.
    Many,
}

impl Agent {
    /// What `process` is, by the name of its executable and its arguments.
    ///
    /// Anyone may give a program such a name and such arguments. The caller asks only about processes outside of every
    /// tracked job (a step is never an agent, whatever it is called), and then whether the worker [`is_plausible`].
    pub fn of(process: &Started<'_>) -> Option<Self> {
        Provider::ALL.into_iter().find_map(|provider| {
            let role = (provider.model().role)(process)?;
            Some(Self { provider, role })
        })
    }
}

impl Agent {
    /// The worker whose executable has a name that nothing else has, and which has one job and does nothing else.
    pub fn by_name(leaf: &str) -> Option<Self> {
        let provider = match leaf {
            "Runner.Worker" => Provider::GitHub,
            "Agent.Worker" => Provider::Azure,
            _ => return None,
        };
        Some(Self { provider, role: Role::Worker(Jobs::One) })
    }
}

/// Whether `worker`, which was taken for `agent`, has the parent that this agent's workers have.
///
/// True where a provider's worker has no parent of its own kind (a service of the host): then nothing speaks against
/// it, and nothing for it.
pub fn is_plausible(agent: Agent, worker: &Started<'_>, parent: &Started<'_>) -> bool {
    (agent.provider.model().child_of)(worker, parent)
}

/// Names of executables by which the kernel finds agents at exec; for `java` its arguments must be looked at, too.
///
/// A binary that was installed under another name (`gitlab-runner-linux-amd64`) is not found.
pub fn leaves() -> impl Iterator<Item = &'static str> {
    let native = Provider::ALL.into_iter().flat_map(|provider| provider.model().leaves).copied();
    native.chain([JAVA])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn leaves_fit_the_kernels_key_and_come_once() {
        let leaves: Vec<_> = leaves().collect();
        assert!(leaves.iter().all(|leaf| (1..=62).contains(&leaf.len()) && !leaf.contains('/')));
        assert_eq!(leaves.iter().collect::<HashSet<_>>().len(), leaves.len());
        assert!(leaves.contains(&"Runner.Worker") && leaves.contains(&"java"));
    }

    #[test]
    fn what_is_found_has_a_leaf_in_the_table() {
        for (executable, argv) in [
            ("/r/bin/Runner.Worker", "Runner.Worker\0spawnclient\x00100\x00103\0"),
            ("/usr/bin/gitlab-runner", "gitlab-runner\0run\0"),
            ("/usr/bin/java", "java\0-jar\0agent.jar\0"),
        ] {
            let started = Started { executable: executable.as_bytes(), argv: argv.as_bytes(), uid: 1 };
            assert!(Agent::of(&started).is_some());
            assert!(leaves().any(|leaf| leaf.as_bytes() == started.leaf()));
        }
    }

    #[test]
    fn an_honest_program_is_nothing() {
        for (executable, argv) in [
            ("/usr/bin/bash", "bash\0-e\0x.sh\0"),
            ("/usr/bin/java", "java\0-jar\0app.jar\0agent.jar\0"),
            ("/usr/bin/gitlab-runner", "gitlab-runner\0register\0--name\0run\0"),
            ("/usr/bin/buildkite-agent", "buildkite-agent\0artifact\0upload\0x\0"),
            ("/tmp/x", "/r/bin/Runner.Worker\0spawnclient\x00100\x00103\0"),
            ("", ""),
        ] {
            let started = Started { executable: executable.as_bytes(), argv: argv.as_bytes(), uid: 1 };
            assert_eq!(Agent::of(&started), None, "{executable}");
        }
    }
}
