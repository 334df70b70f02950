//! Which of a worker's jobs a record is of.
//!
//! A worker that has several at once has each step begin in a directory of its job's own. The kernel side tells that directory at the
//! step's first exec, before anything of the step runs; what it told of the step before that waits.

use crate::{
    ci::{Named, Provider, Started},
    event::{Process, StepId},
    kernel::{About, glance, image, workdir},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::{Duration, Instant},
};

/// Records of a step that wait until it is known whose it is: of one that runs no program there may be any number.
const WAITING: usize = 64;

/// Which job: one of those of the worker's steps by number, or the worker's own.
pub(super) type Whose = Option<u32>;

/// Sorts the records of one worker.
pub(super) struct Sorter {
    provider: Provider,
    /// The worker's current directory: who begins there or above was given no directory.
    at: String,
    steps: BTreeMap<StepId, Step>,
    jobs: BTreeMap<u32, Job>,
    /// No number is used twice.
    last: u32,
}

enum Step {
    /// Nothing was told of its directory yet: what was told of it, and its first process.
    Waits(Process, Vec<Vec<u8>>),
    Of(Whose),
}

struct Job {
    workspace: String,
    processes: BTreeSet<Process>,
    seen: Instant,
}

/// What becomes of a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sorted {
    /// It is of this job.
    Of(Whose, Vec<u8>),
    /// All must know.
    All(Vec<u8>),
    /// It is told later.
    Later,
    /// It is known now whose this step is: with what its first command line says, and all that was told of it.
    Begun(StepId, Whose, Option<Named>, Vec<Vec<u8>>),
}

impl Sorter {
    /// One for a worker of `provider` whose current directory is `at` (escaped).
    pub(super) fn new(provider: Provider, at: String) -> Self {
        Self { provider, at, steps: BTreeMap::new(), jobs: BTreeMap::new(), last: 0 }
    }

    /// Whose worker it is.
    pub(super) fn provider(&self) -> Provider {
        self.provider
    }

    /// Goes on with a job of which this is known; `last` is the highest number that was given to any.
    pub(super) fn resume(
        &mut self,
        number: u32,
        workspace: String,
        steps: impl IntoIterator<Item = StepId>,
        processes: BTreeSet<Process>,
    ) {
        self.steps.extend(steps.into_iter().map(|step| (step, Step::Of(Some(number)))));
        self.jobs.insert(number, Job { workspace, processes, seen: Instant::now() });
        self.skip(number);
    }

    /// Numbers up to `last` were given to others.
    pub(super) fn skip(&mut self, last: u32) {
        self.last = self.last.max(last);
    }

    /// The directory of a job.
    pub(super) fn workspace(&self, job: u32) -> &str {
        self.jobs.get(&job).map_or("", |job| &job.workspace)
    }

    /// Processes of a job that have not ended.
    pub(super) fn processes(&self, job: u32) -> u64 {
        self.jobs.get(&job).map_or(0, |job| job.processes.len() as u64)
    }

    /// Whose `record` is.
    pub(super) fn sort(&mut self, record: Vec<u8>) -> Sorted {
        let Some(glance) = glance(&record) else { return Sorted::Of(None, record) };
        if glance.about == About::Name {
            return Sorted::All(record);
        }
        if let About::Fork { child, step } = glance.about
            && glance.step == 0
        {
            self.steps.insert(step, Step::Waits(child, vec![record]));
            return Sorted::Later;
        }
        match self.steps.get_mut(&glance.step) {
            Some(Step::Of(Some(whose))) => {
                let whose = *whose;
                self.note(whose, &record);
                Sorted::Of(Some(whose), record)
            }
            Some(Step::Waits(first, told)) => {
                let ended = glance.about == About::Exit && glance.process == *first;
                told.push(record);
                let told_enough = ended || told.len() >= WAITING;
                if glance.about == About::Workdir || told_enough { self.begun(glance.step) } else { Sorted::Later }
            }
            Some(Step::Of(None)) | None => Sorted::Of(None, record),
        }
    }

    /// A step of which enough was told.
    fn begun(&mut self, step: StepId) -> Sorted {
        let Some(Step::Waits(_, told)) = self.steps.remove(&step) else { return Sorted::Later };
        let whose = told.last().and_then(|record| workdir(record)).and_then(|workdir| self.of(&workdir));
        self.steps.insert(step, Step::Of(whose));
        let named = told.iter().rev().find_map(|record| image(record)).and_then(|image| {
            let started = Started { executable: &image.executable, argv: &image.argv, uid: image.uid };
            self.provider.named(&started)
        });
        if let Some(whose) = whose {
            told.iter().for_each(|record| self.note(whose, record));
        }
        Sorted::Begun(step, whose, named, told)
    }

    /// Whose a step is that begins in `workdir`.
    fn of(&mut self, workdir: &str) -> Whose {
        let workspace = Path::new(self.provider.workspace(workdir)?);
        if !workspace.is_absolute() || Path::new(&self.at).starts_with(workspace) {
            return None;
        }
        // A step may begin below its job's directory, and be the first.
        let is = |job: &Job| workspace.starts_with(&job.workspace) || Path::new(&job.workspace).starts_with(workspace);
        if let Some((number, job)) = self.jobs.iter_mut().find(|(_, job)| is(job)) {
            if Path::new(&job.workspace).starts_with(workspace) {
                job.workspace = workspace.to_string_lossy().into_owned();
            }
            return Some(*number);
        }
        self.last += 1;
        let workspace = workspace.to_string_lossy().into_owned();
        self.jobs.insert(self.last, Job { workspace, processes: BTreeSet::new(), seen: Instant::now() });
        Some(self.last)
    }

    fn note(&mut self, whose: u32, record: &[u8]) {
        let (Some(job), Some(glance)) = (self.jobs.get_mut(&whose), glance(record)) else { return };
        job.seen = Instant::now();
        match glance.about {
            About::Fork { child, .. } => _ = job.processes.insert(child),
            About::Exit => _ = job.processes.remove(&glance.process),
            About::Workdir | About::Name | About::Other => {}
        }
    }

    /// Jobs that have been without a process for so long, where `lives` says which processes there are.
    pub(super) fn idle(&mut self, ago: Duration, lives: impl Fn(Process) -> bool) -> Vec<u32> {
        let quiet = self.jobs.iter_mut().filter(|(_, job)| job.seen.elapsed() >= ago);
        let idle = quiet.filter_map(|(number, job)| {
            // What was told of their ends may have been lost.
            job.processes.retain(|process| lives(*process));
            job.processes.is_empty().then_some(*number)
        });
        idle.collect()
    }

    /// The job is over.
    pub(super) fn end(&mut self, job: u32) {
        self.jobs.remove(&job);
        self.steps.retain(|_, step| !matches!(step, Step::Of(Some(whose)) if *whose == job));
    }

    /// What still waits is told as it is.
    pub(super) fn rest(&mut self) -> Vec<Sorted> {
        let waiting = self.steps.iter().filter(|(_, step)| matches!(step, Step::Waits(..)));
        let waiting: Vec<_> = waiting.map(|(step, _)| *step).collect();
        waiting.into_iter().map(|step| self.begun(step)).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;
    use detector_common::{
        identity::ProcessId,
        record::{self, Header, kind},
        watch::Component,
    };
    use zerocopy::{FromZeros as _, IntoBytes as _};

    fn id(pid: u32) -> ProcessId {
        ProcessId { start: u64::from(pid) * 10, pid, reserved: 0 }
    }

    fn header(kind: u16, step: u32, pid: u32) -> Header {
        Header { kind, step, process: id(pid), ..Header::default() }
    }

    fn fork(by: (u32, u32), step: u32, child: u32) -> Vec<u8> {
        let header = header(kind::FORK, by.0, by.1);
        record::Fork { header, child: id(child), step, ..record::Fork::default() }.as_bytes().to_vec()
    }

    fn exit(step: u32, pid: u32) -> Vec<u8> {
        record::Exit { header: header(kind::EXIT, step, pid), ..record::Exit::default() }.as_bytes().to_vec()
    }

    fn begins(step: u32, pid: u32, at: &str) -> Vec<u8> {
        let mut record = record::Workdir::new_zeroed();
        record.header = header(kind::WORKDIR, step, pid);
        for name in at.split('/').rev().filter(|name| !name.is_empty()) {
            record.path.components[record.path.steps as usize] = Component::new(name.as_bytes());
            record.path.steps += 1;
        }
        let used = record.path.steps as usize * size_of::<Component>();
        record.as_bytes()[..std::mem::offset_of!(record::Workdir, path.components) + used].to_vec()
    }

    /// A step of `worker` (process 1) whose first process is `pid` and begins at `at`: whose it is.
    fn step(sorter: &mut Sorter, step: u32, pid: u32, at: &str) -> Whose {
        assert_eq!(sorter.sort(fork((0, 1), step, pid)), Sorted::Later);
        match sorter.sort(begins(step, pid, at)) {
            Sorted::Begun(begun, whose, _, told) => {
                assert_eq!((begun, told.len()), (step, 2), "nothing is lost that was told before");
                whose
            }
            other => panic!("{other:?}"),
        }
    }

    fn sorter() -> Sorter {
        Sorter::new(Provider::Jenkins, "/home/ci".to_owned())
    }

    #[test]
    fn steps_of_one_directory_are_of_one_job() {
        let mut sorter = sorter();
        assert_eq!(step(&mut sorter, 1, 11, "/home/ci/workspace/app"), Some(1));
        assert_eq!(step(&mut sorter, 2, 12, "/home/ci/workspace/app@2"), Some(2));
        assert_eq!(step(&mut sorter, 3, 13, "/home/ci/workspace/app/sub"), Some(1));
        assert_eq!(step(&mut sorter, 4, 14, "/home/ci/workspace/other/sub"), Some(3));
        assert_eq!(step(&mut sorter, 5, 15, "/home/ci/workspace/other"), Some(3), "the first began below");
        assert_eq!(sorter.workspace(3), "/home/ci/workspace/other");
        // What they do later is theirs, wherever they go.
        for (by, whose) in [((1, 11), Some(1)), ((2, 12), Some(2))] {
            assert!(matches!(sorter.sort(fork(by, by.0, 100 + by.1)), Sorted::Of(is, _) if is == whose));
            assert!(
                matches!(sorter.sort(begins(by.0, by.1, "/home/ci/workspace/other")), Sorted::Of(is, _) if is == whose)
            );
        }
    }

    #[test]
    fn who_was_given_no_directory_is_the_workers() {
        let mut sorter = sorter();
        for (n, at) in [(1, "/home/ci"), (2, "/home"), (3, "/")] {
            assert_eq!(step(&mut sorter, n, 10 + n, at), None, "{at}");
        }
        let mut gitlab = Sorter::new(Provider::GitLab, "/home/ci".to_owned());
        assert_eq!(step(&mut gitlab, 1, 11, "/home/ci/builds/x"), None);
        assert!(matches!(sorter.sort(exit(0, 1)), Sorted::Of(None, _)));
    }

    #[test]
    fn a_step_that_runs_nothing_does_not_wait_for_ever() {
        let mut sorter = sorter();
        assert_eq!(sorter.sort(fork((0, 1), 1, 11)), Sorted::Later);
        assert!(matches!(sorter.sort(exit(1, 11)), Sorted::Begun(1, None, None, told) if told.len() == 2));
        assert_eq!(sorter.sort(fork((0, 1), 2, 12)), Sorted::Later);
        let rest = (0..).map(|child| sorter.sort(fork((2, 12), 2, 100 + child)));
        let told = rest.take_while(|sorted| *sorted == Sorted::Later).count();
        assert_eq!(told, WAITING - 2);
        assert!(matches!(sorter.sort(fork((2, 12), 2, 99)), Sorted::Of(None, _)));
        assert_eq!(sorter.sort(fork((0, 1), 3, 13)), Sorted::Later);
        assert!(matches!(&sorter.rest()[..], [Sorted::Begun(3, None, None, _)]));
    }

    #[test]
    fn a_job_is_idle_when_its_last_process_is_gone() {
        let mut sorter = sorter();
        let now = Duration::ZERO;
        assert_eq!(step(&mut sorter, 1, 11, "/home/ci/workspace/app"), Some(1));
        sorter.sort(fork((1, 11), 1, 20));
        sorter.sort(exit(1, 11));
        assert_eq!((sorter.idle(now, |_| true), sorter.processes(1)), (Vec::new(), 1));
        assert!(sorter.idle(Duration::from_secs(3600), |_| false).is_empty());
        assert_eq!(sorter.idle(now, |_| false), [1], "its end may have been lost");
        sorter.end(1);
        assert_eq!(step(&mut sorter, 2, 12, "/home/ci/workspace/app"), Some(2), "another run of the job");
        sorter.sort(exit(2, 12));
        assert_eq!(sorter.idle(now, |_| true), [2]);
    }
}
