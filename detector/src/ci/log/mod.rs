//! The diagnostic log of GitHub's and Azure's workers: which step began when, and which process it started.
//!
//! # What it can be trusted for
//!
//! The worker writes `_diag/Worker_YYYYMMDD-HHMMSS-utc.log` line by line, flushed, before it does what a line says. The
//! file belongs to the user that steps run as, so a step can append to it or replace it. Therefore:
//!
//! - *which file*: the one that the worker itself holds open for writing (its descriptors, not the directory's
//!   listing), of the name that [`is_worker_log`] knows, opened by the caller before the first step;
//! - *how much of it*: read at each step's fork, and no further than it was long then. Until the first step was forked
//!   nothing of this job can have written there, so the job and its plan are the worker's own words; what other jobs of
//!   the same user leave running is not excluded;
//! - *a step that opens it for writing*, a file that shrinks or is replaced: a finding of its own, and the names are
//!   worth nothing from then on. The worker goes on writing where it stopped, over what a step appended, so bytes once
//!   read are not to be read again;
//! - *what the worker writes for others*: messages quote text that the workflow, and by outputs an earlier step, chose
//!   (arguments of a container, texts of exceptions). Such text may hold a line break and then a line of the worker's
//!   form, which nothing tells from the worker's own. The parser holds what it reads against the plan and against the
//!   worker's order of lines, and what does not fit makes it doubtful: [`Sure::Certain`] is not said again.
//!
//! So a name is a label for people. A grant, a denial or an identity must never hang on it: the kernel numbers steps
//! itself.
//!
//! # What is masked
//!
//! The worker masks the job's secrets in each message, not in its head, so a name may have `***` in it and the plan's
//! JSON may be broken by it; the plan is therefore read by lines and indentation, and not as JSON.
//!
//! Source: actions/runner, `Runner.Common/HostTraceListener.cs`, `Tracing.cs`, `ProcessInvoker.cs`,
//! `Runner.Worker/Worker.cs`, `StepsRunner.cs`, `ActionRunner.cs`, `JobExtension.cs`; microsoft/azure-pipelines-agent,
//! the files of the same names.

mod dialect;
mod event;
mod file;
mod header;
mod lines;
mod message;
mod place;
mod plan;
mod read;
mod time;

pub use event::Event;
pub use file::{diagnostics, is_worker_log};
pub use place::{Match, Sure};
pub use read::StepLog;
pub use time::UtcNanos;

#[cfg(test)]
mod tests;
