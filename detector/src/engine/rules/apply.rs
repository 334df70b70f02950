//! Which rules look at which event.

use crate::{
    engine::{Engine, Finding},
    event::{Actor, Body, Event, Process},
    secret::ClassSet,
};

/// Ancestors that are asked whether they install: the scripts of packages start few programs deep.
const ANCESTORS: usize = 16;

impl Engine {
    /// Adds to `found` what the rules find in `event`. Processes still are what they were before it.
    pub(in crate::engine) fn look(&mut self, event: &Event, found: &mut Vec<Finding>) {
        #[cfg(test)]
        if self.rules.off {
            return;
        }
        if let Some(actor) = &event.actor {
            match &event.body {
                Body::Exec(exec) => {
                    found.extend(self.dumped(event, actor, exec));
                    found.extend(self.ran(event, actor, exec));
                }
                Body::Open(open) => {
                    found.extend(self.decoy_opened(event, actor, open));
                    found.extend(self.opened(event, actor, open));
                    found.extend(self.written(event, actor, open));
                    self.swept_open(event, actor, open, found);
                }
                Body::Attempt(attempt) => {
                    found.extend(self.decoy_tried(event, actor, attempt));
                    found.extend(self.refused(event, actor, attempt));
                    self.swept_attempt(event, actor, attempt, found);
                }
                Body::Access(access) => {
                    found.extend(self.accessed(event, actor, access));
                    self.swept_access(event, actor, access, found);
                }
                Body::Print(print) => found.extend(self.printed(event, actor, print)),
                Body::Network(network) => self.sent(event, actor, network, found),
                Body::Question(question) => self.asked(event, actor, question, found),
                _ => {}
            }
        }
        self.rules.lineages.apply(event);
    }

    /// Classes that `process` reads as a declared reader, or as the user of their SDK.
    pub(super) fn reads(&self, process: Process) -> ClassSet {
        let reader = self.processes.image(process).reader();
        ClassSet::from_bits(reader.reads | reader.sdk)
    }

    /// Whether `process` runs a declared installer, or descends from one that still does.
    pub(super) fn installs(&self, process: Process) -> Installing {
        if self.processes.image(process).is_installer() {
            return Installing::Itself;
        }
        let above = std::iter::successors(self.processes.parent(process), |parent| self.processes.parent(*parent));
        let below = above.take(ANCESTORS).any(|ancestor| self.processes.image(ancestor).is_installer());
        if below { Installing::Below } else { Installing::No }
    }

    /// The process that stands for the lineage of `actor`: what the step's shell started, else the step's first process.
    pub(super) fn root(&self, actor: &Actor) -> Process {
        let descent = self.rules.lineages.of(actor.process);
        let shell = super::known::is_shell(self.processes.program(descent.top).name());
        if shell { descent.branch } else { descent.top }
    }
}

/// How a process stands to installers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Installing {
    /// Not at all.
    No,
    /// It is one.
    Itself,
    /// One started it.
    Below,
}
