//! The jobs that one worker has at once, each a part of what the kernel side knows as one job.

use super::{
    part::{Counters, Part, Resumed},
    policies::Applied,
    sorter::{Sorted, Sorter, Workspace},
    store::Store,
};
use crate::{
    ci::{Named, Provider},
    engine::Finding,
    event::{Body, Called, Event, JobId, Kept, Step, StepId},
    kernel::{Left, boottime, decode},
    recording::Header,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Answers of name servers that are kept for jobs to come.
const NAMES: usize = 4_096;

/// The jobs of one worker.
pub(super) struct Several {
    sorter: Sorter,
    parts: BTreeMap<u32, Part>,
    /// Leaks that those told of that are over.
    told: u64,
    /// Addresses of names where something may be spent: the kernel side tells of them once.
    names: Vec<Event>,
    kept: Vec<(u64, Kept)>,
}

/// What a job begins with.
pub(super) struct Beginning<'a> {
    /// The number that the kernel side knows.
    pub(super) job: JobId,
    /// Whose worker it is.
    pub(super) provider: Provider,
    /// The head of its recording.
    pub(super) header: Header,
    /// The policy that it is under.
    pub(super) policy: &'a Applied,
    /// Where its files go.
    pub(super) store: &'a Store,
    /// The host's counters, from before it.
    pub(super) counters: Counters,
    /// When the sensor was armed, and when it was proved.
    pub(super) times: (u64, u64),
}

impl Several {
    /// Those of a worker of `provider` whose current directory is `at`.
    pub(super) fn new(provider: Provider, at: Vec<u8>) -> Self {
        let sorter = Sorter::new(provider, at);
        Self { sorter, parts: BTreeMap::new(), told: 0, names: Vec::new(), kept: Vec::new() }
    }

    /// Goes on with those of `job` that a daemon before this one began; `own` is what that recorded of the worker itself.
    pub(super) fn resume(
        &mut self,
        (job, kept): (JobId, Vec<Kept>),
        own: (&Header, &[Event]),
        store: &Store,
        before: &Counters,
    ) {
        self.kept = kept.into_iter().map(|kept| (boottime(), kept)).collect();
        self.names = own.1.iter().filter(|event| is_useful(event)).take(NAMES).cloned().collect();
        let (unfinished, last) = store.parts(job);
        self.sorter.skip(last);
        for number in unfinished {
            let Some(resumed) = Part::resume(job, label(job, number), store, before.clone()) else { continue };
            let Resumed { part, header, told, workspace, .. } = resumed;
            // Numbers come round with another boot, and with another version.
            let of_before = header.started.boottime < own.0.started.boottime;
            if of_before || header.host.boot_id != own.0.host.boot_id {
                continue;
            }
            let workspace = workspace.as_deref().and_then(Workspace::parse);
            self.sorter.resume(number, workspace, steps(&told));
            self.parts.insert(number, part);
        }
    }

    /// Takes in a record; `own` is the part of the worker itself, and `begin` tells what a new job begins with.
    pub(super) fn record<'a>(
        &mut self,
        record: Vec<u8>,
        own: &mut Part,
        begin: impl FnOnce() -> Beginning<'a>,
    ) -> Vec<Finding> {
        match self.sorter.sort(record) {
            Sorted::Later => Vec::new(),
            Sorted::Own(record) => own.record(&record),
            Sorted::Of(job, record) => self.part(job, own).record(&record),
            Sorted::All(record) => {
                let found = own.know(&record);
                if let Ok(Some(event)) = decode(&record, |name| own.policy().known_labels(name)) {
                    self.parts.values_mut().for_each(|part| part.tell(event.clone()));
                    if self.names.len() < NAMES && is_useful(&event) {
                        self.names.push(event);
                    }
                }
                found
            }
            Sorted::Begun(step, job, named, records) => {
                if !self.parts.contains_key(&job) {
                    self.begin(job, begin());
                }
                let part = self.part(job, own);
                let found = records.iter().flat_map(|record| part.record(record)).collect();
                part.call(named.as_ref().and_then(called));
                part.name(named.and_then(|named| named_step(step, named)));
                found
            }
        }
    }

    fn part<'a>(&'a mut self, job: u32, own: &'a mut Part) -> &'a mut Part {
        self.parts.get_mut(&job).unwrap_or(own)
    }

    fn begin(&mut self, number: u32, beginning: Beginning<'_>) {
        let Beginning { job, provider, header, policy, store, counters, times } = beginning;
        let label = label(job, number);
        let workspace = self.sorter.workspace(number).map(|workspace| workspace.to_string());
        let begun = Part::begin((job, label.clone()), provider.name(), &header, (policy, store), counters)
            .and_then(|part| part.with_workspace(workspace.as_deref()));
        let mut part = match begun {
            Ok(part) => part,
            Err(error) => return tracing::error!("job {label} is recorded with its worker: {error}"),
        };
        let whose = if workspace.is_some() { "" } else { ", what it runs in no directory of a job" };
        tracing::info!("job {label} began: {} worker{whose}", provider.name());
        part.own(times.0, Body::Armed);
        part.own(times.1, Body::Proved);
        self.names.iter().for_each(|name| part.tell(name.clone()));
        for (time, kept) in &self.kept {
            part.keep(*time, kept.clone());
        }
        self.parts.insert(number, part);
    }

    /// A file of the worker's jobs named a place.
    pub(super) fn keep(&mut self, time: u64, kept: &Kept) {
        self.parts.values_mut().for_each(|part| part.keep(time, kept.clone()));
        self.kept.push((time, kept.clone()));
    }

    /// The parts, one a job.
    pub(super) fn parts(&self) -> impl Iterator<Item = &Part> {
        self.parts.values()
    }

    /// The parts, one a job.
    pub(super) fn parts_mut(&mut self) -> impl Iterator<Item = &mut Part> {
        self.parts.values_mut()
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Leaks that were told of, also by those that are over.
    pub(super) fn told(&self) -> u64 {
        self.told + self.parts.values().map(Part::told).sum::<u64>()
    }

    /// Ends those of which nothing was told for so long and nothing is left, of what is left by step.
    pub(super) fn end_idle(&mut self, idle: Duration, left: &BTreeMap<StepId, Left>, now: &Counters, late: u64) {
        for number in self.sorter.idle(idle, left) {
            self.sorter.end(number);
            if let Some(part) = self.parts.remove(&number) {
                self.told += part.told();
                part.conclude(now, 0, Left::default(), late);
            }
        }
    }

    /// Tells what still waits to be sorted, as it is.
    pub(super) fn settle(&mut self, own: &mut Part) {
        for sorted in self.sorter.rest() {
            if let Sorted::Begun(_, job, _, records) = sorted {
                let part = self.part(job, own);
                records.iter().for_each(|record| _ = part.record(record));
            }
        }
    }

    /// Ends all of them, of what is left by step; what is left of what was left.
    pub(super) fn conclude(self, now: &Counters, left: &BTreeMap<StepId, Left>, late: u64) -> Left {
        let mut rest = left.values().fold(Left::default(), |sum, left| sum + *left);
        for (number, part) in self.parts {
            let its = self.sorter.left(number, left);
            rest.processes -= its.processes;
            rest.holding -= its.holding;
            part.conclude(now, 0, its, late);
        }
        rest
    }
}

fn label(job: JobId, number: u32) -> String {
    format!("{job}.{number}")
}

/// Whether the event tells an address at which something may be spent.
fn is_useful(event: &Event) -> bool {
    matches!(event.body, Body::Name(_)) && event.kernel.is_some_and(|kernel| kernel.bits | kernel.own != 0)
}

fn called(named: &Named) -> Option<Called> {
    Some(Called { name: named.job.clone()?, ..Called::default() })
}

fn named_step(step: StepId, named: Named) -> Option<Step> {
    Some(Step { step, name: named.step?, runs: None, likely: false })
}

/// The steps that a recording tells of.
fn steps(told: &[Event]) -> BTreeSet<StepId> {
    let of = |event: &Event| match &event.body {
        Body::Fork(fork) => Some(fork.step),
        _ => event.actor.map(|actor| actor.step),
    };
    told.iter().filter_map(of).filter(|step| *step != 0).collect()
}
