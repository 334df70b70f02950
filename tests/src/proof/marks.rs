//! How far the bits spread: distinct objects that carry any, counted from a recording by the library's own engine.

use crate::recording::Recording;
use detector::{
    engine::Engine,
    event::{Body, Event, Object, Process},
    policy::Policy,
};
use serde::Serialize;
use std::collections::BTreeSet;

/// How many distinct objects hold a class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Held: enforced.
    pub held: usize,
    /// Inherited only: reported. Absent where the engine does not tell the two apart.
    pub inherited: Option<usize>,
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
        let held = |held| Count { held, inherited: None };
        Ok(Self {
            processes: held(seen.processes.len()),
            files: held(seen.files.len()),
            pipes: held(seen.pipes.len()),
            sockets: held(seen.sockets.len()),
        })
    }
}

#[derive(Default)]
struct Seen {
    processes: BTreeSet<Process>,
    files: BTreeSet<Object>,
    pipes: BTreeSet<Object>,
    sockets: BTreeSet<u64>,
}

impl Seen {
    fn note(&mut self, event: &Event, engine: &Engine) {
        let Some(actor) = &event.actor else { return };
        let carries = engine.decision().bits != 0;
        if !(engine.sets(actor.holder).strong() == 0) {
            self.processes.insert(actor.process);
        }
        match &event.body {
            Body::Fork(fork) if !(engine.sets(fork.holder).strong() == 0) => {
                self.processes.insert(fork.child);
            }
            Body::Give(flow) if carries => {
                let objects = if matches!(flow.object, Object::Pipe(_)) { &mut self.pipes } else { &mut self.files };
                objects.insert(flow.object);
            }
            Body::Network(network) if carries && network.socket != 0 => {
                self.sockets.insert(network.socket);
            }
            _ => {}
        }
    }
}
