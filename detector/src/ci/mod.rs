//! Continuous integration, provider by provider: which process is an agent, and what it calls the steps that it starts.
//!
//! Pure functions over what the caller read. What a step says of itself (its environment, its name for itself) is never
//! asked; what an agent says of a step names it in a report, and decides nothing.

mod agent;
mod job;
mod log;
mod provider;
mod started;
mod step;

pub use agent::{Agent, Jobs, Role, is_plausible, leaves};
pub use job::{Job, Named};
pub use log::{Event, Match, StepLog, Sure, UtcNanos, diagnostics, is_worker_log};
pub use provider::{Begun, Provider};
pub use started::Started;
pub use step::{Kind, Outcome, Stage, Step};
