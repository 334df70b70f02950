//! What the jobs of thefts and of their twins have beside what all jobs have.

use crate::{namespace::OTHER_V4, run::Job, scene::Scene};
use std::time::Duration;

/// What may be left in the kernel is gone by then: no theft here has data on its way when it is stopped.
pub(super) const SOON: Duration = Duration::from_secs(5);
pub(super) const SIGKILL: u8 = 9;

/// The policy of who writes none.
pub const BUILTIN: &str = "version: 1\nextends: builtin\n";

/// A job whose npm is told of another configuration than `~/.npmrc`, as set-up actions do, has read no credential before a
/// hook runs.
pub(super) fn npmrc(job: Job<'_>, own: bool) -> Job<'_> {
    if own { job } else { job.env("npm_config_userconfig", "/dev/null") }
}

/// `$FORGE`, where forges, vendors and registries are, is the sink's other address; and the job has two secrets of its own in
/// the environment.
pub(super) fn equipped<'a>(scene: &'a Scene, job: Job<'a>) -> Job<'a> {
    let [deploy, runtime] = &scene.variables;
    let forge = scene.sink.at(OTHER_V4).to_string();
    job.env("FORGE", forge).env("DEPLOY_TOKEN", deploy.value()).env("RUNTIME_TOKEN", runtime.value())
}
