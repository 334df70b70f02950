//! Which step a process belongs to.

use super::{
    read::StepLog,
    time::{SECOND, UtcNanos},
};
use crate::ci::{Outcome, Step};

/// A step that a process belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match<'a> {
    /// The step.
    pub step: &'a Step,
    /// How sure that is.
    pub sure: Sure,
}

/// How sure a match is, as far as the log itself is to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sure {
    /// No other step can be meant.
    Certain,
    /// Another one can.
    Likely,
}

impl StepLog {
    /// The step that ran when the worker forked a process at `time`.
    ///
    /// All that the log held at that time must have been fed. A step's line is written before its first process is
    /// forked, and says the second only: from a second after the line on, the step has certainly begun. In that second
    /// itself, in which most steps start their first process, and in the one in which it ended, another may be meant:
    /// the answer is likely, and [`step_of`](Self::step_of) is better. `None` before the first step, between two steps
    /// (the agent's own children), after the last, and where steps were too many to be kept.
    ///
    /// `time` is of the kernel's clocks, brought to UTC by the caller: an error of that, or a clock that was set, moves
    /// the answer by as much.
    pub fn step_at(&self, time: UtcNanos) -> Option<Match<'_>> {
        if self.full_since.is_some_and(|since| time >= since) {
            return None;
        }
        // One that was skipped started nothing.
        let began = |step: &&Step| step.began <= time && step.outcome != Some(Outcome::Skipped);
        let step = self.steps.iter().rev().find(began)?;
        // The next step begins when this one has ended, so an end that is over for a second leaves nobody.
        if step.ended.is_some_and(|ended| time >= ended + SECOND) && !self.has_background() {
            return None;
        }
        // Whoever was forked in the seconds in which it began and ended may have come before and after it.
        let within = time >= step.began + SECOND && step.ended.is_none_or(|ended| time < ended);
        let sure = if within { self.sure() } else { Sure::Likely };
        Some(Match { step, sure })
    }

    /// The step that started process `pid` at `time`; the process as the worker numbers it, in its own pid namespace.
    /// The worker says so after the fork, GitHub's only. A number may come again, so the first time that it says so
    /// from then on counts.
    pub fn step_of(&self, pid: u32, time: UtcNanos) -> Option<Match<'_>> {
        let started = self.processes.iter().find(|started| started.pid == pid && started.time + SECOND > time)?;
        let step = self.steps.get(started.step)?;
        Some(Match { step, sure: self.sure() })
    }

    fn sure(&self) -> Sure {
        if self.is_doubtful() || self.has_background() { Sure::Likely } else { Sure::Certain }
    }
}
