//! What the log says.

use super::time::UtcNanos;
use crate::ci::{Job, Outcome, Step};

/// What the log says next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The job is known.
    Job(Job),
    /// A step begins.
    Begins(Step),
    /// A part of a composite action begins, within the step of that order.
    Part {
        /// The step.
        order: u32,
        /// The part's name.
        name: String,
    },
    /// A step started a process.
    Started {
        /// The step.
        order: u32,
        /// The process, as the worker numbers it.
        pid: u32,
    },
    /// A step ended.
    Ends {
        /// The step.
        order: u32,
        /// How.
        outcome: Outcome,
    },
}

/// A process that a step started.
#[derive(Clone, Copy, Debug)]
pub(super) struct Process {
    pub pid: u32,
    pub step: usize,
    pub time: UtcNanos,
}
