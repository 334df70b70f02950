//! Buildkite: `buildkite-agent start` starts one `buildkite-agent bootstrap` for a job.
//!
//! The bootstrap is the job; its children are hooks, `git` and the command, all of one step in Buildkite's words. The
//! agent hands it the job by environment, as the server sent it, before any of them runs; so the bootstrap's *own*
//! environment, as exec left it, is out of a step's reach. Which of it a pipeline's `env` may override is the server's
//! decision, and the label is the pipeline's text, as any name is.
//!
//! A `bootstrap-script` of the host's own that does not end in `exec buildkite-agent bootstrap` is not found.
//!
//! Source: buildkite/agent, `agent/job_runner.go`, `clicommand/bootstrap.go`, `clicommand/kubernetes_bootstrap.go`.

use super::model::Model;
use crate::{
    ci::{Job, Jobs, Role, Started},
    secret::redact,
};

const AGENT: &str = "buildkite-agent";
const LISTENERS: [&str; 2] = ["start", "kubernetes-bootstrap"];

/// Longest value that is kept, bytes.
const VALUE_MAX: usize = 256;

pub(super) const MODEL: Model = Model { leaves: &[AGENT], role, child_of, job, ..Model::SERVICE };

fn role(process: &Started<'_>) -> Option<Role> {
    if process.leaf() != AGENT.as_bytes() {
        return None;
    }
    match process.command(&["bootstrap", LISTENERS[0], LISTENERS[1]])? {
        "bootstrap" => Some(Role::Worker(Jobs::One)),
        _ => Some(Role::Listener),
    }
}

/// The same binary in another role. A wrapper of the host's own (`sudo`, a container) between the two is not believed.
fn child_of(worker: &Started<'_>, parent: &Started<'_>) -> bool {
    parent.leaf() == AGENT.as_bytes() && parent.command(&LISTENERS).is_some() && parent.uid == worker.uid
}

fn job(environment: &[u8]) -> Option<Job> {
    let value = |name: &str| {
        let value = environment
            .split(|b| *b == 0)
            .find_map(|variable| variable.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
        Some(redact::text(value, VALUE_MAX))
    };
    let id = value("BUILDKITE_JOB_ID")?;
    Some(Job {
        id,
        name: value("BUILDKITE_LABEL").unwrap_or_default(),
        repository: value("BUILDKITE_REPO").unwrap_or_default(),
        workflow: value("BUILDKITE_PIPELINE_SLUG").unwrap_or_default(),
        run: value("BUILDKITE_BUILD_NUMBER").unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ci::{Agent, Provider, is_plausible};

    fn at<'a>(executable: &'a str, argv: &'a str) -> Started<'a> {
        Started { executable: executable.as_bytes(), argv: argv.as_bytes(), uid: 7 }
    }

    #[test]
    fn the_bootstrap_is_the_worker() {
        let path = "/usr/bin/buildkite-agent";
        let worker = at(path, "/usr/bin/buildkite-agent\0bootstrap\0");
        let agent = Agent::of(&worker).unwrap();
        assert_eq!(agent, Agent { provider: Provider::Buildkite, role: Role::Worker(Jobs::One) });
        let listener = at(path, "buildkite-agent\0start\0--tags\0queue=x\0");
        assert_eq!(Agent::of(&listener).unwrap().role, Role::Listener);
        assert!(is_plausible(agent, &worker, &listener));
        assert!(!is_plausible(agent, &worker, &at("/bin/sh", "sh\0start\0")));
        assert!(!is_plausible(agent, &worker, &at(path, "buildkite-agent\0meta-data\0get\0start\0")));
        assert!(Agent::of(&at(path, "buildkite-agent\0pipeline\0upload\0bootstrap\0")).is_none());
    }

    #[test]
    fn its_environment_names_the_job() {
        let environment = b"PATH=/bin\0BUILDKITE_JOB_ID=0190-ab\0BUILDKITE_LABEL=:npm: test\x1b\0BUILDKITE_LABELX=no\0BUILDKITE_BUILD_NUMBER=12\0";
        let job = Provider::Buildkite.job(environment).unwrap();
        assert_eq!((job.id.as_str(), job.name.as_str(), job.run.as_str()), ("0190-ab", ":npm: test\\x1b", "12"));
        assert_eq!(job.repository, "");
        assert_eq!(Provider::Buildkite.job(b"X=BUILDKITE_JOB_ID=1\0"), None);
        assert_eq!(Provider::GitHub.job(environment), None);
    }
}
