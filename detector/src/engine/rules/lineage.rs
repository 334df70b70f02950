//! Which processes of a step belong together.

use crate::event::{Body, Event, Process};
use rustc_hash::FxHashMap;

/// Where a process comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Descent {
    /// The first process of its step.
    pub(super) top: Process,
    /// The child of that from which it descends, or the first process itself.
    pub(super) branch: Process,
}

/// The descent of the processes that live.
#[derive(Debug, Default)]
pub(super) struct Lineages {
    descents: FxHashMap<Process, Descent>,
    by_pid: FxHashMap<u32, Process>,
}

impl Lineages {
    /// Takes in what `event` says of processes.
    pub(super) fn apply(&mut self, event: &Event) {
        let Some(actor) = &event.actor else { return };
        match &event.body {
            Body::Fork(fork) => {
                let descent = if actor.step == 0 {
                    Descent { top: fork.child, branch: fork.child }
                } else {
                    let parent = self.of(actor.process);
                    let first = parent.top == actor.process;
                    Descent { branch: if first { fork.child } else { parent.branch }, ..parent }
                };
                self.descents.insert(fork.child, descent);
                self.by_pid.insert(fork.child.pid, fork.child);
            }
            Body::Exit(_) => {
                self.descents.remove(&actor.process);
                if self.by_pid.get(&actor.process.pid) == Some(&actor.process) {
                    self.by_pid.remove(&actor.process.pid);
                }
            }
            _ => {}
        }
    }

    /// Where `process` comes from. One whose fork was not seen, or that has ended, stands for itself.
    pub(super) fn of(&self, process: Process) -> Descent {
        self.descents.get(&process).copied().unwrap_or(Descent { top: process, branch: process })
    }

    /// Whether a process of this number lives in a job.
    pub(super) fn has(&self, pid: u32) -> bool {
        self.by_pid.contains_key(&pid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Actor, Exit, Fork, HolderId};

    fn process(pid: u32) -> Process {
        Process { pid, start: u64::from(pid) * 10 }
    }

    fn event(step: u32, pid: u32, body: Body) -> Event {
        let actor = Actor { job: 1, step, process: process(pid), thread: pid, holder: HolderId(1) };
        Event { seq: 1, time: 1, actor: Some(actor), body, kernel: None }
    }

    fn fork(step: u32, parent: u32, child: u32) -> Event {
        event(step, parent, Body::Fork(Fork { child: process(child), holder: HolderId(1), step: step.max(1) }))
    }

    #[test]
    fn a_lineage_starts_below_the_first_process_of_the_step() {
        let mut lineages = Lineages::default();
        for event in [fork(0, 1, 10), fork(1, 10, 11), fork(1, 11, 12), fork(1, 12, 13), fork(1, 10, 20)] {
            lineages.apply(&event);
        }
        let of = |pid| (lineages.of(process(pid)).top.pid, lineages.of(process(pid)).branch.pid);
        assert_eq!((of(10), of(11), of(13), of(20)), ((10, 10), (10, 11), (10, 11), (10, 20)));
        assert_eq!(of(99), (99, 99));
    }

    #[test]
    fn who_ended_is_gone() {
        let mut lineages = Lineages::default();
        lineages.apply(&fork(0, 1, 10));
        assert!(lineages.has(10));
        lineages.apply(&event(1, 10, Body::Exit(Exit { code: 0, signal: 0 })));
        assert!(!lineages.has(10) && lineages.descents.is_empty() && lineages.by_pid.is_empty());
    }
}
