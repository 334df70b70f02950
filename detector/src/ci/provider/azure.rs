//! Azure Pipelines: `Agent.Listener` starts one `Agent.Worker` for a job.
//!
//! The worker is the job, its children are tasks; what it calls them is in its diagnostic log
//! ([`StepLog`](crate::ci::StepLog)). That log names no process, so tasks are matched by time alone.
//!
//! Source: microsoft/azure-pipelines-agent, `Agent.Listener/JobDispatcher.cs`, `Agent.Worker/Program.cs`.

use super::{dotnet, model::Model};

const LISTENER: &str = "Agent.Listener";
const WORKER: &str = "Agent.Worker";

pub(super) const MODEL: Model = Model {
    leaves: &[LISTENER, WORKER],
    role: |process| dotnet::role(process, LISTENER, WORKER),
    child_of: |worker, parent| dotnet::child_of(worker, parent, LISTENER),
    ..Model::SERVICE
};
