//! How far the bits spread: distinct objects that carry any, counted from a recording by the library's own engine.

use crate::recording::Recording;
use detector::{
    engine::Engine,
    event::{Body, Event, Object, Process},
    policy::Policy,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// How many distinct objects hold a class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Held, as a reader or not: enforced.
    pub held: usize,
    /// Inherited only: reported.
    pub inherited: usize,
}

/// What was marked in one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Marks {
    /// Processes.
    pub processes: Count,
    /// Files.
    pub files: Count,
    /// Pipes.
    pub pipes: Count,
    /// Sockets.
    pub sockets: Count,
}

impl Marks {
    /// Those of a recording.
    pub fn of(recording: &Recording) -> anyhow::Result<Self> {
        let policy = Policy::from_document(recording.header.policy.document.clone())?;
        let mut engine = Engine::new(policy, recording.header.mode, recording.header.started.boottime);
        let mut seen = Seen::default();
        for event in &recording.events {
            engine.apply(&Event { kernel: None, ..event.clone() });
            seen.note(event, &engine);
        }
        Ok(Self {
            processes: seen.processes.count(),
            files: seen.files.count(),
            pipes: seen.pipes.count(),
            sockets: seen.sockets.count(),
        })
    }
}

/// Objects that carry any, and which of them hold it.
struct Marked<T>(BTreeMap<T, bool>);

impl<T: Ord> Default for Marked<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Ord> Marked<T> {
    /// `object` holds something, or inherits something.
    fn note(&mut self, object: T, holds: bool, inherits: bool) {
        if holds || inherits {
            *self.0.entry(object).or_default() |= holds;
        }
    }

    fn count(&self) -> Count {
        let held = self.0.values().filter(|holds| **holds).count();
        Count { held, inherited: self.0.len() - held }
    }
}

#[derive(Default)]
struct Seen {
    processes: Marked<Process>,
    files: Marked<Object>,
    pipes: Marked<Object>,
    sockets: Marked<u64>,
}

impl Seen {
    fn note(&mut self, event: &Event, engine: &Engine) {
        let Some(actor) = &event.actor else { return };
        let decided = engine.decision();
        let sets = engine.sets(actor.holder);
        self.processes.note(actor.process, sets.strong() != 0, sets.inherited != 0);
        match &event.body {
            Body::Fork(fork) => {
                let sets = engine.sets(fork.holder);
                self.processes.note(fork.child, sets.strong() != 0, sets.inherited != 0);
            }
            Body::Give(flow) => {
                let objects = if matches!(flow.object, Object::Pipe(_)) { &mut self.pipes } else { &mut self.files };
                objects.note(flow.object, decided.bits != 0, decided.inherited != 0);
            }
            Body::Network(network) if network.socket != 0 => {
                self.sockets.note(network.socket, decided.bits & !sets.inherited != 0, decided.bits != 0);
            }
            _ => {}
        }
    }
}
