//! A job's log as the workers write it, and what a step could make of it.

mod hostile;
mod jobs;
mod plan;
mod properties;

use super::*;
use crate::ci::{Kind, Provider, Stage};

/// 2026-03-01 10:00:00Z.
const TEN: UtcNanos = 1_772_359_200 * time::SECOND;

const GITHUB: &str = include_str!("../samples/github.txt");
const AZURE: &str = include_str!("../samples/azure.txt");
/// Another job, whose plan is odd: a broken member, a step that is off, one that runs beside others.
const BACKGROUND: &str = include_str!("../samples/background.txt");

fn read(provider: Provider, text: impl AsRef<[u8]>) -> (StepLog, Vec<Event>) {
    let mut log = StepLog::new(provider).unwrap();
    let events = log.feed(text.as_ref());
    (log, events)
}

fn github(text: impl AsRef<[u8]>) -> StepLog {
    read(Provider::GitHub, text).0
}

/// Name and kind of each step.
fn steps(log: &StepLog) -> Vec<(&str, &Kind, Stage)> {
    log.steps().iter().map(|step| (step.name.as_str(), &step.kind, step.stage)).collect()
}
