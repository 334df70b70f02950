//! What was seen and what was missed.

use super::{Capability, Coverage};
use crate::event::{Body, Counted, Event, Service};
use detector_common::counter::{Counter, Kind};
use std::collections::BTreeMap;

/// A counter that this version does not know.
const UNKNOWN: &str = "unknown";

/// What the engine observed of the observation.
#[derive(Debug, Default)]
pub(super) struct Observed {
    /// `Event::seq` of the last event.
    last: u64,
    missing: u64,
    disordered: u64,
    unattributed: u64,
    orphans: u64,
    unexplained: u64,
    seen: BTreeMap<&'static str, u64>,
    lost: BTreeMap<&'static str, u64>,
    /// `CLOCK_BOOTTIME`, nanoseconds.
    armed: Option<u64>,
    proved: Option<u64>,
    incomplete: Vec<String>,
    /// Services of the host that were asked for names, and how often.
    asked: BTreeMap<Service, u64>,
}

impl Observed {
    /// Counts `event` in.
    pub(super) fn note(&mut self, event: &Event) {
        if event.seq > self.last {
            add(&mut self.missing, event.seq - self.last - 1);
            self.last = event.seq;
        } else {
            add(&mut self.disordered, 1);
        }
        add(self.seen.entry(kind(&event.body)).or_insert(0), 1);
        match &event.body {
            Body::Armed => _ = self.armed.get_or_insert(event.time),
            Body::Proved => _ = self.proved.get_or_insert(event.time),
            Body::Lost(counted) => self.lost(counted),
            Body::Unexplained { leaks } => add(&mut self.unexplained, *leaks),
            _ => {}
        }
    }

    fn lost(&mut self, counted: &Counted) {
        for (name, count) in &counted.counters {
            let counter = Counter::ALL.iter().find(|counter| counter.name() == name);
            if *count > 0 && counter.is_none_or(|counter| counter.kind() != Kind::Activity) {
                add(self.lost.entry(counter.map_or(UNKNOWN, |counter| counter.name())).or_insert(0), *count);
            }
        }
    }

    /// An event of the secret, memory, flow or leak kinds whose actor has no known lineage, or one that contradicts it.
    pub(super) fn unattributed(&mut self) {
        add(&mut self.unattributed, 1);
    }

    /// A take whose give was not seen.
    pub(super) fn orphan(&mut self) {
        add(&mut self.orphans, 1);
    }

    /// A holder asked a service of the host for a name.
    pub(super) fn asked(&mut self, service: Service) {
        add(self.asked.entry(service).or_insert(0), 1);
    }

    /// Something outside the events makes them incomplete.
    pub(super) fn incomplete(&mut self, reason: String) {
        if !self.incomplete.contains(&reason) {
            self.incomplete.push(reason);
        }
    }

    /// Why not everything was seen, a sentence each.
    pub(super) fn gaps(&self) -> Vec<String> {
        let mut gaps = Vec::new();
        let mut gap = |count: u64, one: &str, many: &str| match count {
            0 => {}
            1 => gaps.push(format!("1 {one}")),
            _ => gaps.push(format!("{count} {many}")),
        };
        gap(self.missing, "event is missing", "events are missing");
        gap(self.disordered, "event is out of order", "events are out of order");
        for (name, count) in self.lost.iter().filter(|(name, _)| is_loss(name)) {
            let what = format!("lost, cut or not attributed in the kernel ({name})");
            gap(*count, &format!("event was {what}"), &format!("events were {what}"));
        }
        let what = "of a process whose lineage was not seen, or that had ended";
        gap(self.unattributed, &format!("event is {what}"), &format!("events are {what}"));
        gap(self.orphans, "read took from a write that was not seen", "reads took from writes that were not seen");
        let what = "decided by the kernel side that no recorded event explains";
        gap(self.unexplained, &format!("leak was {what}"), &format!("leaks were {what}"));
        gaps.extend(self.incomplete.iter().cloned());
        gaps
    }

    /// For the report; times count from `start`.
    pub(super) fn coverage(&self, capabilities: Vec<Capability>, start: u64) -> Coverage {
        let owned = |counts: &BTreeMap<&str, u64>| counts.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
        let since = |time: Option<u64>| time.map(|time| time.saturating_sub(start));
        Coverage {
            capabilities,
            seen: owned(&self.seen),
            lost: owned(&self.lost),
            armed: since(self.armed),
            proved: since(self.proved),
            gaps: self.asked.iter().map(|(service, count)| unanswered(*service, *count)).collect(),
        }
    }
}

/// What a service of the host answers is not seen, and what it asks itself is no job's.
fn unanswered(service: Service, count: u64) -> String {
    let (name, s) = (service.name(), if count == 1 { "" } else { "s" });
    format!(
        "{name} was asked {count} question{s} by processes that held a secret: each was judged by its name, and none could be refused, \
         since {name} asks in its own name; its answers are not seen, so no address was learned from them"
    )
}

fn add(count: &mut u64, more: u64) {
    *count = count.saturating_add(more);
}

/// What is not known may be a loss.
fn is_loss(name: &str) -> bool {
    Counter::ALL.iter().find(|counter| counter.name() == name).is_none_or(|counter| counter.kind() == Kind::Loss)
}

fn kind(body: &Body) -> &'static str {
    match body {
        Body::Fork(_) => "fork",
        Body::Exec(_) => "exec",
        Body::Script(_) => "script",
        Body::Workdir(_) => "workdir",
        Body::Exit(_) => "exit",
        Body::Open(_) => "open",
        Body::Attempt(_) => "attempt",
        Body::Access(_) => "access",
        Body::Give(_) => "give",
        Body::Take(_) => "take",
        Body::Print(_) => "print",
        Body::Network(_) => "network",
        Body::Name(_) => "name",
        Body::Question(_) => "question",
        Body::Drop(_) => "drop",
        Body::Kill(_) => "kill",
        Body::Armed => "armed",
        Body::Proved => "proved",
        Body::Step(_) => "step",
        Body::Called(_) => "called",
        Body::Kept(_) => "kept",
        Body::Known(_) => "known",
        Body::Lost(_) => "lost",
        Body::Unexplained { .. } => "unexplained",
    }
}
