//! The jobs that one worker has at once, each a part of what the kernel side knows as one job.

use super::{
    part::{Counters, Part, Resumed},
    policies::Applied,
    sorter::{Sorted, Sorter, Whose},
    store::Store,
};
use crate::{
    ci::{Named, Provider},
    engine::Finding,
    event::{Body, Called, Event, JobId, Kept, Process, Step, StepId},
    kernel::{Left, boottime},
    recording::Header,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Answers of name servers that are kept for jobs to come: as many addresses as the kernel side keeps for all.
const NAMES: usize = 4_096;

/// The jobs of one worker.
pub(super) struct Several {
    sorter: Sorter,
    parts: BTreeMap<u32, Part>,
    /// Leaks that those told of that are over.
    told: u64,
    /// Records that every job needs to know.
    names: Vec<Vec<u8>>,
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
    /// The host's counters.
    pub(super) counters: Counters,
    /// When the sensor was armed, and when it was proved.
    pub(super) times: (u64, u64),
}

impl Several {
    /// Those of a worker of `provider` whose current directory is `at` (escaped).
    pub(super) fn new(provider: Provider, at: String) -> Self {
        let sorter = Sorter::new(provider, at);
        Self { sorter, parts: BTreeMap::new(), told: 0, names: Vec::new(), kept: Vec::new() }
    }

    /// Goes on with those of `job` that a daemon before this one began.
    pub(super) fn resume(&mut self, job: JobId, kept: Vec<Kept>, store: &Store, before: &Counters) {
        self.kept = kept.into_iter().map(|kept| (boottime(), kept)).collect();
        let (unfinished, last) = store.parts(job);
        self.sorter.skip(last);
        for number in unfinished {
            let Some(resumed) = Part::resume(job, label(job, number), store, before.clone()) else { continue };
            let Resumed { part, told, .. } = resumed;
            let (workspace, steps, processes) = known(&told, self.sorter.provider());
            self.sorter.resume(number, workspace, steps, processes);
            self.parts.insert(number, part);
        }
    }

    /// Takes in a record; `own` is the part of the worker itself, and `begin` tells what a new job begins with. What was found, and
    /// whether it was the worker's own.
    pub(super) fn record<'a>(
        &mut self,
        record: Vec<u8>,
        own: &mut Part,
        begin: impl FnOnce() -> Beginning<'a>,
    ) -> Vec<Finding> {
        match self.sorter.sort(record) {
            Sorted::Later => Vec::new(),
            Sorted::Of(whose, record) => self.part(whose, own).record(&record),
            Sorted::All(record) => {
                let mut found = own.know(&record);
                for part in self.parts.values_mut() {
                    found.extend(part.know(&record));
                }
                if self.names.len() < NAMES {
                    self.names.push(record);
                }
                found
            }
            Sorted::Begun(step, whose, named, records) => {
                if let Some(number) = whose.filter(|number| !self.parts.contains_key(number)) {
                    self.begin(number, named.as_ref(), begin());
                }
                let part = self.part(whose, own);
                let found = records.iter().flat_map(|record| part.record(record)).collect();
                part.name(named.and_then(|named| called(step, named)));
                found
            }
        }
    }

    fn part<'a>(&'a mut self, whose: Whose, own: &'a mut Part) -> &'a mut Part {
        whose.and_then(|number| self.parts.get_mut(&number)).unwrap_or(own)
    }

    fn begin(&mut self, number: u32, named: Option<&Named>, beginning: Beginning<'_>) {
        let Beginning { job, provider, header, policy, store, counters, times } = beginning;
        let label = label(job, number);
        let begun = Part::begin((job, label.clone()), provider.name(), &header, (policy, store), counters);
        let mut part = match begun {
            Ok(part) => part,
            Err(error) => return tracing::error!("job {label} is recorded with its worker: {error}"),
        };
        let workspace = self.sorter.workspace(number);
        let name = named.and_then(|named| named.job.clone()).unwrap_or_else(|| name_of(workspace).to_owned());
        tracing::info!("job {label} began: {} in {workspace}", provider.name());
        part.own(boottime(), Body::Called(Called { name, ..Called::default() }));
        part.own(times.0, Body::Armed);
        part.own(times.1, Body::Proved);
        for record in &self.names {
            part.know(record);
        }
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

    /// Ends those of which no process was there for so long.
    pub(super) fn end_idle(&mut self, idle: Duration, lives: impl Fn(Process) -> bool, now: &Counters, late: u64) {
        for number in self.sorter.idle(idle, lives) {
            self.sorter.end(number);
            if let Some(part) = self.parts.remove(&number) {
                self.told += part.told();
                part.conclude(now, 0, Left::default(), late);
            }
        }
    }

    /// Tells what still waits to be sorted.
    pub(super) fn settle(&mut self, own: &mut Part) {
        for sorted in self.sorter.rest() {
            if let Sorted::Begun(_, whose, _, records) = sorted {
                let part = self.part(whose, own);
                records.iter().for_each(|record| _ = part.record(record));
            }
        }
    }

    /// Ends all of them; what is left of what was left.
    pub(super) fn conclude(self, now: &Counters, mut left: Left, late: u64) -> Left {
        for (number, part) in self.parts {
            let processes = self.sorter.processes(number).min(left.processes);
            // Which of them hold something, only the kernel side knows, and of all.
            let its = Left { processes, holding: processes.min(left.holding) };
            left.processes -= processes;
            part.conclude(now, 0, its, late);
        }
        Left { holding: left.holding.min(left.processes), ..left }
    }
}

fn label(job: JobId, number: u32) -> String {
    format!("{job}.{number}")
}

/// The last component of a workspace; `NAME@2` is the second one of that name at once (Jenkins, WorkspaceList.java).
fn name_of(workspace: &str) -> &str {
    let name = workspace.rsplit('/').next().unwrap_or_default();
    match name.rsplit_once('@') {
        Some((name, number)) if !name.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => name,
    }
}

fn called(step: StepId, named: Named) -> Option<Step> {
    Some(Step { step, name: named.step?, runs: None, likely: false })
}

/// What a recording says of the directory, the steps and the processes of its job.
fn known(told: &[Event], provider: Provider) -> (String, BTreeSet<StepId>, BTreeSet<Process>) {
    let mut workspace: Option<&str> = None;
    let (mut steps, mut processes) = (BTreeSet::new(), BTreeSet::new());
    for event in told {
        let Some(actor) = event.actor else { continue };
        match &event.body {
            Body::Fork(fork) => {
                steps.insert(fork.step);
                processes.insert(fork.child);
            }
            Body::Exit(_) => _ = processes.remove(&actor.process),
            Body::Workdir(workdir) => {
                let own = provider.workspace(&workdir.path);
                workspace = own.filter(|own| workspace.is_none_or(|known| known.starts_with(own))).or(workspace);
            }
            _ => {}
        }
    }
    (workspace.unwrap_or_default().to_owned(), steps, processes)
}
