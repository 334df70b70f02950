//! Findings: folded, numbered, and kept up to date by what the sensor did later.

use super::{
    Action, Destination, Finding, Severity,
    enforcement::{Outcomes, Reach},
    model::UNREADABLE,
};
use crate::{
    event::{Call, Drop, JobId, Outcome, Process, Service, StepId},
    policy::Rule,
    secret::ClassSet,
};
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

/// Findings of one severity that are listed; more are counted. A budget each, so that noise hides nothing worse.
const LISTED: usize = 1024;

/// Places that a finding of what is only inherited tells apart.
const PLACES: usize = 256;

/// A secret went, or was about to go, where it is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Leak {
    /// It is there, and policy decides what is done.
    Held,
    /// It is there, read by a program that runs its SDK, and alone.
    Sdk,
    /// It is there, and what spends it makes a release, which takes the secrets of one forge and one registry.
    Pair,
}

impl Leak {
    /// The rule.
    pub(super) fn rule(self) -> Rule {
        match self {
            Self::Held => Rule::Leak,
            Self::Sdk | Self::Pair => Rule::LeakAlert,
        }
    }
}

/// A destination as findings tell them apart: by its name, where it has one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Target {
    Name(Arc<str>),
    Address(IpAddr, u16),
}

impl Target {
    /// That of `to`.
    pub(super) fn of(to: &Destination) -> Self {
        to.name.as_ref().map_or(Self::Address(to.address, to.port), |name| Self::Name(Arc::clone(name)))
    }

    fn text(&self) -> String {
        match self {
            Self::Name(name) => name.to_string(),
            Self::Address(address, port) => SocketAddr::new(*address, *port).to_string(),
        }
    }
}

/// What makes two leaks one finding.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) job: JobId,
    pub(super) step: StepId,
    pub(super) process: Process,
    pub(super) classes: ClassSet,
    pub(super) to: Target,
    pub(super) leak: Leak,
}

/// The findings so far, in order of events.
#[derive(Debug, Default)]
pub(super) struct Findings {
    records: Vec<Record>,
    leaks: FxHashMap<Key, usize>,
    /// Of what is only inherited: disjoint classes.
    inherited: FxHashMap<(JobId, StepId), Vec<(ClassSet, usize)>>,
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
    about: About,
    outcomes: Outcomes,
    /// So far a name server was asked for the destination, and nothing more.
    asked: bool,
}

/// What a finding's message says.
#[derive(Debug)]
enum About {
    Leak(Leak),
    /// The places that were reached.
    Inherited(BTreeSet<Target>),
    Unexplained,
    /// What its rule says.
    Direct,
}

impl Record {
    fn new(finding: Finding, about: About) -> Self {
        Self { finding, about, outcomes: Outcomes::default(), asked: false }
    }

    /// Counts `reach` in, and brings the finding up to date.
    fn note(&mut self, reach: &Reach) {
        if let About::Inherited(places) = &mut self.about
            && places.len() < PLACES
        {
            places.insert(Target::of(&reach.to));
        }
        if reach.call == Call::Ask {
            self.asked |= self.outcomes.is_empty();
            // The one that could not be refused.
            if self.asked && reach.to.service.is_some() {
                self.finding.destination = Some(reach.to.clone());
            }
        } else if self.asked {
            self.asked = false;
            self.finding.destination = Some(reach.to.clone());
        }
        self.outcomes.note(reach);
        self.refresh();
    }

    /// Brings the finding up to date with what became of its sends.
    fn refresh(&mut self) {
        let Self { finding, about, outcomes, asked } = self;
        if matches!(about, About::Direct) {
            return;
        }
        if let (Some(enforced), Some(outcome)) = (finding.enforced.as_mut(), outcomes.worst()) {
            enforced.outcome = outcome;
        }
        finding.message = message(finding, about, *asked, outcomes.got_out());
    }
}

impl Findings {
    /// Counts a leak into the finding it repeats; false when it is a new one.
    pub(super) fn fold(&mut self, key: &Key, reach: &Reach) -> bool {
        let Some(&n) = self.leaks.get(key) else { return false };
        let Some(record) = self.records.get_mut(n) else { return false };
        record.finding.count = record.finding.count.saturating_add(1);
        record.note(reach);
        // Another address of the same name.
        if key.leak == Leak::Held {
            let known = self.by_address.entry(reach.to.address).or_default();
            if !known.contains(&n) {
                known.push(n);
            }
        }
        true
    }

    /// Adds a new leak, which gets its id and message here; `None` when there are too many to list.
    pub(super) fn leak(&mut self, key: Key, reach: &Reach, finding: Finding) -> Option<Finding> {
        let mut record = Record::new(finding, About::Leak(key.leak));
        record.note(reach);
        let n = self.add(record)?;
        self.by_process.entry(key.process).or_default().push(n);
        // What is only reported explains no drop.
        if key.leak == Leak::Held {
            self.by_address.entry(reach.to.address).or_default().push(n);
        }
        self.leaks.insert(key, n);
        self.records.get(n).map(|record| record.finding.clone())
    }

    /// Counts a reach with inherited `classes` into the findings of the step; returns the classes that have none yet.
    pub(super) fn fold_inherited(&mut self, job: JobId, step: StepId, classes: ClassSet, reach: &Reach) -> ClassSet {
        let Self { records, inherited, .. } = self;
        let mut new = classes;
        for (known, n) in inherited.get(&(job, step)).into_iter().flatten() {
            if known.intersection(classes).is_empty() {
                continue;
            }
            new = new.minus(*known);
            if let Some(record) = records.get_mut(*n) {
                record.finding.count = record.finding.count.saturating_add(1);
                record.note(reach);
            }
        }
        new
    }

    /// As [`Self::leak`], of `classes` that are only inherited.
    pub(super) fn inherited(&mut self, classes: ClassSet, reach: &Reach, finding: Finding) -> Option<Finding> {
        let step = (finding.job, finding.step);
        let mut record = Record::new(finding, About::Inherited(BTreeSet::new()));
        record.note(reach);
        let n = self.add(record)?;
        self.inherited.entry(step).or_default().push((classes, n));
        self.records.get(n).map(|record| record.finding.clone())
    }

    /// Leaks that the kernel side decided and no event explains: one finding a recording.
    pub(super) fn unexplained(&mut self, job: JobId, leaks: u64, severity: Severity) -> Option<Finding> {
        if leaks == 0 {
            return None;
        }
        if let Some(record) = self.unexplained.and_then(|n| self.records.get_mut(n)) {
            record.finding.count = record.finding.count.saturating_add(leaks);
            record.refresh();
            return None;
        }
        let finding = Finding {
            id: String::new(),
            rule: Rule::SensorUnexplained.id().to_owned(),
            technique: None,
            severity,
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
        let mut record = Record::new(finding, About::Unexplained);
        record.refresh();
        self.unexplained = self.add(record);
        self.records.get(self.unexplained?).map(|record| record.finding.clone())
    }

    /// Adds a finding of a rule that needs no destination, which gets its id here; its place, unless there are too many to
    /// list.
    pub(super) fn direct(&mut self, finding: Finding) -> Option<usize> {
        let process = finding.process.as_ref().filter(|_| finding.enforced.is_some()).map(|name| name.process);
        let n = self.add(Record::new(finding, About::Direct))?;
        if let Some(process) = process {
            self.by_process.entry(process).or_default().push(n);
        }
        Some(n)
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
            let Some(record) = records.get_mut(n) else { continue };
            let finding = &record.finding;
            // At egress, port 0 stands for what has no port there.
            if drop.port != 0 && finding.destination.as_ref().is_some_and(|to| to.port != drop.port) {
                continue;
            }
            let same = finding.process.as_ref().is_some_and(|name| name.process == process);
            if record.outcomes.settle(drop.socket, same, drop.dropped) {
                explained = true;
                record.refresh();
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
        let first = id(&record, 0);
        let same = self.ids.entry(first.clone()).or_insert(0);
        record.finding.id = if *same == 0 { first } else { id(&record, *same) };
        *same += 1;
        self.records.push(record);
        Some(self.records.len() - 1)
    }
}

/// The `nth` finding's id among those of the same rule, step, program, classes and destination: 12 hexadecimal
/// digits of a digest. Neither pids nor times are in it, so that it is the same in the next run; nor, where many programs
/// and places are one finding, the one that happened to be first.
fn id(record: &Record, nth: u64) -> String {
    let finding = &record.finding;
    let (program, to) = match record.about {
        About::Inherited(_) => ("", String::new()),
        _ => {
            let program = finding.process.as_ref().map_or("", |process| &*process.path);
            (program, finding.destination.as_ref().map(|to| Target::of(to).text()).unwrap_or_default())
        }
    };
    let mut digest = Sha256::new();
    let mut field = |text: &str| {
        digest.update(text);
        // No field contains it: text from the watched side is escaped.
        digest.update([0]);
    };
    field(&finding.rule);
    field(&finding.step.to_string());
    field(program);
    field(&finding.secret.join(","));
    field(&to);
    field(&nth.to_string());
    digest.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// What was asked for at `to`, which says so itself where that is no name.
fn asked_for(to: &Destination) -> String {
    if to.name.is_none() && to.service.is_some() { UNREADABLE.to_owned() } else { Target::of(to).text() }
}

fn message(finding: &Finding, about: &About, asked: bool, got_out: bool) -> String {
    let (Some(process), Some(to)) = (&finding.process, &finding.destination) else {
        let (count, s) = (finding.count, if finding.count == 1 { "" } else { "s" });
        return format!("the kernel side decided {count} leak{s} that no recorded event explains");
    };
    let pid = process.process.pid;
    let who = if process.name.is_empty() { format!("process {pid}") } else { process.name.clone() };
    let what = finding.secret.join(", ");
    let one = finding.secret.len() == 1;
    let it = if one { "it" } else { "them" };
    let outcome = finding.enforced.map(|enforced| enforced.outcome);
    let to = if asked { asked_for(to) } else { to.to_string() };
    if let About::Inherited(places) = about {
        let to = match places.len() {
            0 | 1 => format!("reached {to}, which does not"),
            n => {
                let more = if n < PLACES { (n - 1).to_string() } else { format!("at least {}", PLACES - 1) };
                format!("reached {to}, and this step {more} more, which do not")
            }
        };
        let (were, they) = if one { ("that secret was", "it") } else { ("those secrets were", "they") };
        return format!("{who} {to} accept [{what}]: {were} upstream, and nothing shows that {they} came along");
    }
    let refuses = format!("to {to}, which does not accept {it}");
    let service = finding.destination.as_ref().and_then(|to| to.service).map(Service::name);
    let said = match (outcome, service) {
        (Some(Outcome::Passed), Some(service)) if asked => format!(
            "{who} holds [{what}] and asked {service} for {to}, which does not accept {it}; {service} asks in its own name, so that \
             could not be refused"
        ),
        (Some(Outcome::Passed), None) if asked => {
            format!("{who} holds [{what}] and asked a name server for {to}, which does not accept {it}")
        }
        _ if asked => format!("{who} tried to ask a name server for {to}, which does not accept [{what}]"),
        (Some(Outcome::Passed), _) if got_out => format!("{who} sent [{what}] {refuses}"),
        (Some(Outcome::Passed), _) => format!("{who} holds [{what}] and connected {refuses}"),
        _ => format!("{who} tried to send [{what}] {refuses}"),
    };
    match about {
        About::Leak(Leak::Sdk) => {
            format!("{said}; it runs the SDK of that secret and holds no other, as honest users do")
        }
        About::Leak(Leak::Pair) => {
            format!("{said}; a release spends the secrets of one forge and one registry")
        }
        _ => said,
    }
}
