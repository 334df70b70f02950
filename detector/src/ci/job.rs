//! What an agent calls a job.

/// A job, in the words of its agent: escaped, bounded, empty where nothing was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Job {
    /// As people see it.
    pub name: String,
    /// The provider's identity of this run of it.
    pub id: String,
    /// Repository, as the provider names it.
    pub repository: String,
    /// Workflow or pipeline.
    pub workflow: String,
    /// Number of the run that the job belongs to.
    pub run: String,
}

/// What the command line that an agent gave to a step's first process says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// The job.
    pub job: Option<String>,
    /// The step.
    pub step: Option<String>,
}
