//! The process table.

use super::{Image, Program};
use crate::{
    engine::ProcessName,
    event::{Actor, Body, Event, Process, StepId},
};
use rustc_hash::FxHashMap;
use std::{collections::VecDeque, sync::Arc};

/// Exited processes that are remembered, the latest ones: late records still name them.
const EXITED: usize = 16_384;

/// The processes of a recording by identity. Fed with events and nothing else; its size follows the live
/// processes, not the recording. Who needs a name for longer than a process lives keeps the [`Program`].
#[derive(Debug, Default)]
pub struct Table {
    processes: FxHashMap<Process, Entry>,
    exited: VecDeque<Process>,
    forgotten: u64,
    unknown: Arc<Program>,
    nothing: Image,
}

#[derive(Debug)]
struct Entry {
    parent: Option<Process>,
    step: StepId,
    program: Arc<Program>,
    image: Image,
    /// Every fork from the worker to it was seen.
    rooted: bool,
    exited: bool,
}

impl Table {
    /// Takes in what `event` says of processes.
    pub fn apply(&mut self, event: &Event) {
        let Some(actor) = &event.actor else { return };
        match &event.body {
            Body::Fork(fork) => {
                let Entry { program, image, rooted, .. } = self.adopt(actor);
                let (program, image, rooted) = (Arc::clone(program), image.clone(), *rooted);
                let parent = Some(actor.process);
                let child = Entry { parent, step: fork.step, program, image, rooted, exited: false };
                self.processes.insert(fork.child, child);
            }
            Body::Exec(exec) => {
                let program = Program { path: exec.path.clone(), argv: exec.argv.clone() };
                self.adopt(actor).program = Arc::new(program);
            }
            Body::Exit(_) => self.exit(actor.process),
            _ => {}
        }
    }

    /// What `process` runs.
    pub fn program(&self, process: Process) -> &Arc<Program> {
        self.processes.get(&process).map_or(&self.unknown, |entry| &entry.program)
    }

    /// What policy knows of what `process` runs.
    pub fn image(&self, process: Process) -> &Image {
        self.processes.get(&process).map_or(&self.nothing, |entry| &entry.image)
    }

    /// The same of the process that acts, to be changed.
    pub fn image_mut(&mut self, actor: &Actor) -> &mut Image {
        &mut self.adopt(actor).image
    }

    /// `process` as a person recognises it.
    pub fn name(&self, process: Process) -> ProcessName {
        let program = self.program(process);
        let name = program.name().to_owned();
        ProcessName { process, name, path: program.path.clone(), argv: program.argv.clone() }
    }

    /// Who forked it, where that was seen.
    pub fn parent(&self, process: Process) -> Option<Process> {
        self.processes.get(&process)?.parent
    }

    /// Its step, where the process is known.
    pub fn step(&self, process: Process) -> Option<StepId> {
        self.processes.get(&process).map(|entry| entry.step)
    }

    /// Whether its lineage was seen, from the worker on, and its end was not.
    pub fn is_known(&self, process: Process) -> bool {
        self.processes.get(&process).is_some_and(|entry| entry.rooted && !entry.exited)
    }

    /// Processes in the table.
    pub fn len(&self) -> usize {
        self.processes.len()
    }

    /// Whether no process was seen.
    pub fn is_empty(&self) -> bool {
        self.processes.is_empty()
    }

    /// Exited processes that were let go of.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// The entry of a process that acts, made where its fork was not seen: that of a worker (step 0) never is.
    fn adopt(&mut self, actor: &Actor) -> &mut Entry {
        let Self { processes, unknown, .. } = self;
        processes.entry(actor.process).or_insert_with(|| Entry {
            parent: None,
            step: actor.step,
            program: Arc::clone(unknown),
            image: Image::default(),
            rooted: actor.step == 0,
            exited: false,
        })
    }

    fn exit(&mut self, process: Process) {
        let Some(entry) = self.processes.get_mut(&process) else { return };
        if std::mem::replace(&mut entry.exited, true) {
            return;
        }
        self.exited.push_back(process);
        while self.exited.len() > EXITED {
            let Some(oldest) = self.exited.pop_front() else { return };
            // An identity that was forked again is alive, and in the queue for its former life.
            if self.processes.get(&oldest).is_some_and(|entry| entry.exited) {
                self.processes.remove(&oldest);
                self.forgotten += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Exec, Exit, File, Fork, HolderId};

    const ROOT: Process = Process { pid: 1, start: 1 };

    fn process(pid: u32) -> Process {
        Process { pid, start: u64::from(pid) * 10 }
    }

    fn event(process: Process, body: Body) -> Event {
        let actor = Actor { job: 1, step: process.pid - 1, process, thread: process.pid, holder: HolderId(1) };
        Event { seq: 1, time: 1, actor: Some(actor), body, kernel: None }
    }

    fn fork(parent: Process, child: Process) -> Event {
        event(parent, Body::Fork(Fork { child, holder: HolderId(2), step: 7 }))
    }

    fn exec(who: Process, path: &str) -> Event {
        let argv = vec![path.into()];
        event(
            who,
            Body::Exec(Exec {
                before: HolderId(1),
                entered: None,
                path: path.into(),
                file: File::default(),
                argv,
                ..Exec::default()
            }),
        )
    }

    fn exit(who: Process) -> Event {
        event(who, Body::Exit(Exit { code: 0, signal: 0 }))
    }

    #[test]
    fn a_child_runs_what_its_parent_ran_until_it_execs() {
        let mut table = Table::default();
        for event in [exec(ROOT, "/bin/bash"), fork(ROOT, process(2))] {
            table.apply(&event);
        }
        assert_eq!(table.name(process(2)).name, "bash");
        assert_eq!((table.parent(process(2)), table.step(process(2))), (Some(ROOT), Some(7)));
        table.apply(&exec(process(2), "/usr/bin/curl"));
        assert_eq!(table.name(process(2)).path, "/usr/bin/curl");
        assert_eq!(table.name(ROOT).name, "bash");
        assert!(table.is_known(ROOT) && table.is_known(process(2)));
    }

    #[test]
    fn an_unknown_process_has_no_name() {
        let table = Table::default();
        let name = table.name(process(9));
        assert_eq!((name.process, name.name.as_str(), name.path.as_str()), (process(9), "", ""));
        assert!(table.is_empty() && table.step(process(9)).is_none());
    }

    #[test]
    fn a_lineage_is_known_from_the_worker_on() {
        let mut table = Table::default();
        for event in [fork(process(5), process(6)), fork(process(6), process(7)), fork(ROOT, process(2))] {
            table.apply(&event);
        }
        let known = [2, 5, 6, 7].map(|pid| table.is_known(process(pid)));
        assert_eq!(known, [true, false, false, false]);
    }

    #[test]
    fn a_process_keeps_its_name_for_a_while_after_its_end() {
        let mut table = Table::default();
        for event in [fork(ROOT, process(2)), exec(process(2), "/bin/cat"), exit(process(2)), exit(process(2))] {
            table.apply(&event);
        }
        assert_eq!(table.name(process(2)).name, "cat");
        assert!(!table.is_known(process(2)));
    }

    #[test]
    fn short_lived_processes_do_not_pile_up() {
        let mut table = Table::default();
        for pid in 2..60_002 {
            table.apply(&fork(ROOT, process(pid)));
            table.apply(&exit(process(pid)));
        }
        assert_eq!(table.len(), EXITED + 1);
        assert_eq!(table.forgotten(), 60_000 - EXITED as u64);
        assert!(table.parent(process(60_001)).is_some() && table.parent(process(2)).is_none());
    }
}
