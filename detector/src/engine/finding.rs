//! Findings: folded, numbered, and kept up to date by what the sensor did later.

use super::{
    Action, Destination, Finding, Severity,
    enforcement::{Outcomes, Reach},
};
use crate::{
    event::{Drop, JobId, Outcome, Process, StepId},
    secret::ClassSet,
};
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};
use std::{
    cmp::Reverse,
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

/// A secret went, or was about to go, where it is not accepted.
pub(super) const LEAK: &str = "leak";
/// The kernel side saw a leak that the recorded events do not show.
const UNEXPLAINED: &str = "sensor-unexplained";

/// Findings of one severity that are listed; more are counted. A budget each, so that noise hides nothing worse.
const LISTED: usize = 1024;

/// What makes two leaks one finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) job: JobId,
    pub(super) step: StepId,
    pub(super) process: Process,
    pub(super) classes: ClassSet,
    pub(super) to: Destination,
}

/// The findings so far, in order of events.
#[derive(Debug, Default)]
pub(super) struct Findings {
    records: Vec<Record>,
    leaks: FxHashMap<Key, usize>,
    by_process: FxHashMap<Process, Vec<usize>>,
    by_address: FxHashMap<IpAddr, Vec<usize>>,
    unexplained: Option<usize>,
    /// How many findings have an id, by what it is a digest of.
    ids: FxHashMap<String, u64>,
    listed: BTreeMap<Severity, usize>,
    unlisted: u64,
}

#[derive(Debug)]
struct Record {
    finding: Finding,
    outcomes: Outcomes,
}

impl Findings {
    /// Counts a leak into the finding it repeats; false when it is a new one.
    pub(super) fn fold(&mut self, key: &Key, reach: &Reach) -> bool {
        let Some(record) = self.leaks.get(key).and_then(|&n| self.records.get_mut(n)) else { return false };
        record.finding.count = record.finding.count.saturating_add(1);
        record.outcomes.note(reach);
        refresh(&mut record.finding, &record.outcomes);
        true
    }

    /// Adds a new leak, which gets its id and message here; `None` when there are too many to list.
    pub(super) fn leak(&mut self, key: Key, reach: &Reach, finding: Finding) -> Option<Finding> {
        let mut record = Record { finding, outcomes: Outcomes::default() };
        record.outcomes.note(reach);
        refresh(&mut record.finding, &record.outcomes);
        let n = self.add(record)?;
        self.leaks.insert(key, n);
        self.by_process.entry(key.process).or_default().push(n);
        self.by_address.entry(key.to.address).or_default().push(n);
        self.records.get(n).map(|record| record.finding.clone())
    }

    /// Leaks that the kernel side decided and no event explains: one finding a recording.
    pub(super) fn unexplained(&mut self, job: JobId, leaks: u64) -> Option<Finding> {
        if leaks == 0 {
            return None;
        }
        if let Some(record) = self.unexplained.and_then(|n| self.records.get_mut(n)) {
            record.finding.count = record.finding.count.saturating_add(leaks);
            refresh(&mut record.finding, &record.outcomes);
            return None;
        }
        let finding = Finding {
            id: String::new(),
            rule: UNEXPLAINED.to_owned(),
            technique: None,
            severity: Severity::High,
            action: Action::Alert,
            enforced: None,
            secret: Vec::new(),
            destination: None,
            job,
            step: 0,
            process: None,
            chain: Vec::new(),
            count: leaks,
            message: String::new(),
        };
        let mut record = Record { finding, outcomes: Outcomes::default() };
        refresh(&mut record.finding, &record.outcomes);
        self.unexplained = self.add(record);
        self.records.get(self.unexplained?).map(|record| record.finding.clone())
    }

    /// Adds a finding of a rule that needs no destination, which gets its id here; its place, unless there are too many to
    /// list.
    pub(super) fn direct(&mut self, finding: Finding) -> Option<usize> {
        self.add(Record { finding, outcomes: Outcomes::default() })
    }

    /// The finding at a place that [`Self::direct`] gave.
    pub(super) fn get_mut(&mut self, n: usize) -> Option<&mut Finding> {
        self.records.get_mut(n).map(|record| &mut record.finding)
    }

    /// The finding at that place is of severity `to` from now on.
    pub(super) fn raise(&mut self, n: usize, to: Severity) -> Option<Finding> {
        let finding = &mut self.records.get_mut(n)?.finding;
        if let Some(listed) = self.listed.get_mut(&finding.severity) {
            *listed = listed.saturating_sub(1);
        }
        *self.listed.entry(to).or_insert(0) += 1;
        finding.severity = to;
        Some(finding.clone())
    }

    /// Egress saw a packet of `process` that leaks. False when no finding is about it.
    pub(super) fn dropped(&mut self, process: Process, drop: &Drop) -> bool {
        let Self { records, by_address, .. } = self;
        let mut explained = false;
        for &n in by_address.get(&drop.address).into_iter().flatten() {
            let Some(Record { finding, outcomes }) = records.get_mut(n) else { continue };
            // At egress, port 0 stands for what has no port there.
            if drop.port != 0 && finding.destination.is_some_and(|to| to.port != drop.port) {
                continue;
            }
            let same = finding.process.as_ref().is_some_and(|name| name.process == process);
            if outcomes.settle(drop.socket, same, drop.dropped) {
                explained = true;
                refresh(finding, outcomes);
            }
        }
        explained
    }

    /// The sensor killed `process`.
    pub(super) fn killed(&mut self, process: Process) {
        let Self { records, by_process, .. } = self;
        for &n in by_process.get(&process).into_iter().flatten() {
            if let Some(enforced) = records.get_mut(n).and_then(|record| record.finding.enforced.as_mut()) {
                enforced.killed = true;
            }
        }
    }

    /// All that are listed, worst first, then in order of events.
    pub(super) fn listed(&self) -> Vec<Finding> {
        let mut findings: Vec<_> = self.records.iter().map(|record| record.finding.clone()).collect();
        findings.sort_by_key(|finding| Reverse(finding.severity));
        findings
    }

    /// New findings that came after too many of their severity.
    pub(super) fn unlisted(&self) -> u64 {
        self.unlisted
    }

    fn add(&mut self, mut record: Record) -> Option<usize> {
        let listed = self.listed.entry(record.finding.severity).or_insert(0);
        if *listed == LISTED {
            self.unlisted = self.unlisted.saturating_add(1);
            return None;
        }
        *listed += 1;
        let first = id(&record.finding, 0);
        let same = self.ids.entry(first.clone()).or_insert(0);
        record.finding.id = if *same == 0 { first } else { id(&record.finding, *same) };
        *same += 1;
        self.records.push(record);
        Some(self.records.len() - 1)
    }
}

/// Brings `finding` up to date with what became of its sends.
fn refresh(finding: &mut Finding, outcomes: &Outcomes) {
    if let (Some(enforced), Some(outcome)) = (finding.enforced.as_mut(), outcomes.worst()) {
        enforced.outcome = outcome;
    }
    finding.message = message(finding, outcomes.got_out());
}

/// The `nth` finding's id among those of the same rule, step, program, classes and destination: 12 hexadecimal
/// digits of a digest. Neither pids nor times are in it, so that it is the same in the next run.
fn id(finding: &Finding, nth: u64) -> String {
    let mut digest = Sha256::new();
    let mut field = |text: &str| {
        digest.update(text);
        // No field contains it: text from the watched side is escaped.
        digest.update([0]);
    };
    field(&finding.rule);
    field(&finding.step.to_string());
    field(finding.process.as_ref().map_or("", |process| &process.path));
    field(&finding.secret.join(","));
    field(&finding.destination.map(place).unwrap_or_default());
    field(&nth.to_string());
    digest.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

fn message(finding: &Finding, got_out: bool) -> String {
    let (Some(process), Some(to)) = (&finding.process, finding.destination) else {
        let (count, s) = (finding.count, if finding.count == 1 { "" } else { "s" });
        return format!("the kernel side decided {count} leak{s} that no recorded event explains");
    };
    let pid = process.process.pid;
    let who = if process.name.is_empty() { format!("process {pid}") } else { process.name.clone() };
    let (what, to) = (finding.secret.join(", "), place(to));
    let it = if finding.secret.len() == 1 { "it" } else { "them" };
    match finding.enforced.map(|enforced| enforced.outcome) {
        Some(Outcome::Passed) if got_out => format!("{who} sent [{what}] to {to}, which does not accept {it}"),
        Some(Outcome::Passed) => format!("{who} holds [{what}] and connected to {to}, which does not accept {it}"),
        _ => format!("{who} tried to send [{what}] to {to}, which does not accept {it}"),
    }
}

fn place(to: Destination) -> String {
    SocketAddr::new(to.address, to.port).to_string()
}
