//! What a holder, object or socket carries, and how each class got there.

use super::{Did, Link, ProcessName, Strength};
use crate::{event::Process, policy::Policy, process::Program, secret::ClassSet};
use detector_common::judge::Sets;
use std::{collections::BTreeMap, sync::Arc};

/// Links of a chain that are kept; of a longer one, the middle goes. Bounds what a loop of forks or execs can
/// pile up, and how deep a chain is walked and dropped.
pub(super) const LINKS: usize = 64;

/// What happened in one event, for the chain.
#[derive(Debug)]
pub(super) struct Moment {
    /// The how-many-eth event the engine was given: later is larger, whatever `event` says.
    pub(super) order: u64,
    /// `Event::seq`.
    pub(super) event: u64,
    /// `Event::time`.
    pub(super) time: u64,
    /// Who.
    pub(super) process: Process,
    /// What that ran then.
    pub(super) program: Arc<Program>,
}

impl Moment {
    /// As a link of a finding's chain.
    pub(super) fn link(&self, did: Did, strength: Strength, classes: Vec<String>) -> Link {
        let Self { event, time, process, ref program, .. } = *self;
        let name = program.name().to_owned();
        let process = ProcessName { process, name, path: program.path.clone(), argv: program.argv.clone() };
        Link { event, time, process, did, strength, classes }
    }
}

/// Why something carries a class. Causes outlive the processes, holders and objects they speak of, and go
/// when nothing descends from them any more.
#[derive(Debug)]
pub(super) struct Cause {
    moment: Moment,
    did: Did,
    /// How strong the evidence is from here on.
    strength: Strength,
    /// Links from the source up to here.
    depth: usize,
    /// What it came from; nothing where the class was joined from outside.
    from: Carried,
}

impl Cause {
    /// The cause that `did` is, where the classes came from `from`.
    pub(super) fn new(moment: Moment, did: Did, strength: Strength, from: Carried) -> Arc<Self> {
        let from = if from.depth() < LINKS { from } else { from.sources() };
        Arc::new(Self { depth: from.depth() + 1, moment, did, strength, from })
    }
}

/// The links of some chains in the order of events, and of one event strongest first and sources last, each with the
/// classes that came along it.
pub(super) type Trace<'a> = BTreeMap<(u64, Strength, bool), (ClassSet, &'a Cause)>;

/// Classes by strength, each with the first cause it was brought by.
#[derive(Clone, Debug, Default)]
pub(super) struct Carried {
    sets: [ClassSet; Strength::ALL.len()],
    /// Never empty; those of one strength are disjoint, and together its set.
    parts: Vec<(ClassSet, Arc<Cause>)>,
}

impl Carried {
    /// Nothing.
    pub(super) const NONE: Self = Self { sets: [ClassSet::EMPTY; Strength::ALL.len()], parts: Vec::new() };

    /// The classes of this strength.
    pub(super) fn set(&self, strength: Strength) -> ClassSet {
        self.sets[strength as usize]
    }

    /// The classes of all strengths.
    pub(super) fn sets(&self) -> Sets {
        let [held, own, soft, inherited] = self.sets.map(ClassSet::bits);
        Sets { held, own, soft, inherited }
    }

    /// The greatest strength of any of `classes`.
    pub(super) fn strength(&self, classes: ClassSet) -> Option<Strength> {
        Strength::ALL.into_iter().find(|strength| !self.set(*strength).intersection(classes).is_empty())
    }

    /// Adds `classes`, brought by `cause` at its strength; those already there keep theirs.
    pub(super) fn join(&mut self, classes: ClassSet, cause: &Arc<Cause>) {
        let set = &mut self.sets[cause.strength as usize];
        let new = classes.minus(*set);
        if new.is_empty() {
            return;
        }
        *set = set.union(new);
        match self.parts.iter_mut().find(|(_, known)| Arc::ptr_eq(known, cause)) {
            Some((classes, _)) => *classes = classes.union(new),
            None => self.parts.push((new, Arc::clone(cause))),
        }
    }

    /// Adds all of `other`, with its causes.
    pub(super) fn absorb(&mut self, other: &Self) {
        for (classes, cause) in &other.parts {
            self.join(*classes, cause);
        }
    }

    /// Of it, `classes` of this strength.
    pub(super) fn of(&self, strength: Strength, classes: ClassSet) -> Self {
        let mut only = Self::NONE;
        for (part, cause) in self.parts.iter().filter(|(_, cause)| cause.strength == strength) {
            only.join(part.intersection(classes), cause);
        }
        only
    }

    /// Of it, `classes`, each at the greatest strength it has.
    pub(super) fn strongest(&self, classes: ClassSet) -> Self {
        let mut strongest = Self::NONE;
        for (part, cause) in self.pick(classes) {
            strongest.join(part, cause);
        }
        strongest
    }

    /// Of it, what was joined at `time` or before.
    pub(super) fn until(&self, time: u64) -> Self {
        let mut until = Self::NONE;
        for (part, cause) in self.parts.iter().filter(|(_, cause)| cause.moment.time <= time) {
            until.join(*part, cause);
        }
        until
    }

    /// Of the parts, what brought `classes`, each at the greatest strength it has.
    fn pick(&self, classes: ClassSet) -> impl Iterator<Item = (ClassSet, &Arc<Cause>)> {
        self.parts.iter().filter_map(move |(part, cause)| {
            let stronger =
                self.sets[..cause.strength as usize].iter().fold(ClassSet::EMPTY, |all, set| all.union(*set));
            let part = part.intersection(classes).minus(stronger);
            (!part.is_empty()).then_some((part, cause))
        })
    }

    fn depth(&self) -> usize {
        self.parts.iter().map(|(_, cause)| cause.depth).max().unwrap_or(0)
    }

    /// The same classes, straight from where they were first joined.
    fn sources(&self) -> Self {
        let mut sources = Self::NONE;
        for (classes, cause) in &self.parts {
            if cause.from.parts.is_empty() {
                sources.join(*classes, cause);
            } else {
                sources.absorb(&cause.from.strongest(*classes).sources());
            }
        }
        sources
    }

    /// Adds the causes of `classes`, back to their sources, to `trace`.
    pub(super) fn trace<'a>(&'a self, classes: ClassSet, trace: &mut Trace<'a>) {
        for (along, cause) in self.pick(classes) {
            let key = (cause.moment.order, cause.strength, cause.from.parts.is_empty());
            let (seen, _) = trace.entry(key).or_insert((ClassSet::EMPTY, cause));
            let new = along.minus(*seen);
            *seen = seen.union(new);
            if !new.is_empty() {
                cause.from.trace(new, trace);
            }
        }
    }
}

/// The links of `trace`.
pub(super) fn links(trace: &Trace<'_>, policy: &Policy) -> Vec<Link> {
    let link = |(classes, cause): &(ClassSet, &Cause)| {
        cause.moment.link(cause.did.clone(), cause.strength, policy.names(*classes))
    };
    trace.values().map(link).collect()
}
