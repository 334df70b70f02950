//! Which of a worker's jobs a record is of.
//!
//! A worker that has several at once has each step begin in a directory of its job's own. The kernel side tells that directory at the
//! step's first exec, before anything of the step runs; what it told of the step before that waits.

use crate::{
    ci::{Begun, Named, Provider, Started},
    event::{Process, StepId},
    kernel::{About, Left, glance, image, workdir},
};
use sha2::{Digest as _, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    os::unix::ffi::OsStrExt as _,
    path::Path,
    time::{Duration, Instant},
};

/// Records of a step that wait until it is known whose it is: of one that runs no program there may be any number.
const WAITING: usize = 64;
/// Jobs that a worker may have at once; what it begins beside them is of none in particular.
const JOBS: usize = 64;

/// What a directory is known by: a digest, since a name may be a secret, and its redacted form may be that of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Workspace([u8; 16]);

impl Workspace {
    fn of(path: &Path) -> Self {
        let digest = Sha256::digest(path.as_os_str().as_bytes());
        Self(std::array::from_fn(|n| digest[n]))
    }

    /// As [`Self::to_string`] wrote it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        u128::from_str_radix(text.trim_end(), 16).ok().map(|number| Self(number.to_be_bytes()))
    }
}

impl std::fmt::Display for Workspace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// Sorts the records of one worker.
pub(super) struct Sorter {
    provider: Provider,
    /// The worker's current directory: who begins there or above was given no directory.
    at: Vec<u8>,
    steps: BTreeMap<StepId, Step>,
    jobs: BTreeMap<u32, Job>,
    /// No number is used twice.
    last: u32,
}

enum Step {
    /// Nothing was told of its directory yet: what was told of it, and its first process.
    Waits(Process, Vec<Vec<u8>>),
    /// It is of this job.
    Of(u32),
}

struct Job {
    /// None for what is of no job in particular.
    workspace: Option<Workspace>,
    seen: Instant,
}

/// What becomes of a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sorted {
    /// It is the worker's own.
    Own(Vec<u8>),
    /// It is of this job.
    Of(u32, Vec<u8>),
    /// All must know.
    All(Vec<u8>),
    /// It is told later.
    Later,
    /// It is known now that the step is of this job: with what its first command line says, and all that was told of it.
    Begun(StepId, u32, Option<Named>, Vec<Vec<u8>>),
}

impl Sorter {
    /// One for a worker of `provider` whose current directory is `at`.
    pub(super) fn new(provider: Provider, at: Vec<u8>) -> Self {
        Self { provider, at, steps: BTreeMap::new(), jobs: BTreeMap::new(), last: 0 }
    }

    /// Goes on with a job of which this is known.
    pub(super) fn resume(
        &mut self,
        number: u32,
        workspace: Option<Workspace>,
        steps: impl IntoIterator<Item = StepId>,
    ) {
        self.steps.extend(steps.into_iter().map(|step| (step, Step::Of(number))));
        self.jobs.insert(number, Job { workspace, seen: Instant::now() });
        self.skip(number);
    }

    /// Numbers up to `last` were given to others.
    pub(super) fn skip(&mut self, last: u32) {
        self.last = self.last.max(last);
    }

    /// What the directory of a job is known by; none where it is of no job in particular.
    pub(super) fn workspace(&self, job: u32) -> Option<Workspace> {
        self.jobs.get(&job)?.workspace
    }

    /// Whose `record` is.
    pub(super) fn sort(&mut self, record: Vec<u8>) -> Sorted {
        let Some(glance) = glance(&record) else { return Sorted::Own(record) };
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
            Some(Step::Of(job)) => {
                let number = *job;
                if let Some(job) = self.jobs.get_mut(&number) {
                    job.seen = Instant::now();
                }
                Sorted::Of(number, record)
            }
            Some(Step::Waits(first, told)) => {
                let ended = glance.about == About::Exit && glance.process == *first;
                told.push(record);
                let enough = ended || told.len() >= WAITING;
                if glance.about == About::Workdir || enough { self.begun(glance.step) } else { Sorted::Later }
            }
            // What was told of its beginning was lost.
            None if glance.about == About::Workdir && glance.step != 0 => {
                self.steps.insert(glance.step, Step::Waits(glance.process, vec![record]));
                self.begun(glance.step)
            }
            None => Sorted::Own(record),
        }
    }

    /// A step of which enough was told.
    fn begun(&mut self, step: StepId) -> Sorted {
        let Some(Step::Waits(_, told)) = self.steps.remove(&step) else { return Sorted::Later };
        let image = told.iter().rev().find_map(|record| image(record)).unwrap_or_default();
        let child = Started { executable: &image.executable, argv: &image.argv, uid: image.uid };
        let workdir = told.last().and_then(|record| workdir(record));
        let workspace = workdir.and_then(|workdir| {
            let begun = Begun { child, workdir: &workdir, at: &self.at };
            self.provider.workspace(&begun).map(|own| Path::new(OsStr::from_bytes(own)).to_owned())
        });
        let job = self.of(workspace.as_deref());
        self.steps.insert(step, Step::Of(job));
        Sorted::Begun(step, job, self.provider.named(&child), told)
    }

    /// Whose a step is that begins in `workspace`: that of the closest directory around it.
    fn of(&mut self, workspace: Option<&Path>) -> u32 {
        let at = Path::new(OsStr::from_bytes(&self.at));
        let workspace = workspace.filter(|workspace| workspace.is_absolute() && !at.starts_with(workspace));
        let find = |jobs: &BTreeMap<u32, Job>, workspace| {
            jobs.iter().find(|(_, job)| job.workspace == workspace).map(|(number, _)| *number)
        };
        let around = workspace.into_iter().flat_map(Path::ancestors);
        let known = around.map(Workspace::of).find_map(|around| find(&self.jobs, Some(around)));
        let fresh = workspace.map(Workspace::of).filter(|_| self.jobs.len() < JOBS);
        let known = known.or_else(|| fresh.is_none().then(|| find(&self.jobs, None))?);
        let number = known.unwrap_or_else(|| {
            self.last += 1;
            self.last
        });
        self.jobs.entry(number).or_insert(Job { workspace: fresh, seen: Instant::now() }).seen = Instant::now();
        number
    }

    /// What is left of a job, of what is left by step.
    pub(super) fn left(&self, job: u32, left: &BTreeMap<StepId, Left>) -> Left {
        let its = |step: &StepId| matches!(self.steps.get(step), Some(Step::Of(number)) if *number == job);
        left.iter().filter(|(step, _)| its(step)).fold(Left::default(), |sum, (_, left)| sum + *left)
    }

    /// Jobs of which nothing was told for so long, and of which nothing is left, of what is left by step.
    pub(super) fn idle(&self, ago: Duration, left: &BTreeMap<StepId, Left>) -> Vec<u32> {
        let quiet = self.jobs.iter().filter(|(_, job)| job.seen.elapsed() >= ago).map(|(number, _)| *number);
        quiet.filter(|number| self.left(*number, left).processes == 0).collect()
    }

    /// The job is over.
    pub(super) fn end(&mut self, job: u32) {
        self.jobs.remove(&job);
        self.steps.retain(|_, step| !matches!(step, Step::Of(number) if *number == job));
    }

    /// What still waits is told as it is.
    pub(super) fn rest(&mut self) -> Vec<Sorted> {
        let waiting = self.steps.iter().filter(|(_, step)| matches!(step, Step::Waits(..)));
        let waiting: BTreeSet<_> = waiting.map(|(step, _)| *step).collect();
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

    /// A step of the worker (process 1) whose first process is `pid` and begins at `at`: whose it is.
    fn step(sorter: &mut Sorter, step: u32, pid: u32, at: &str) -> u32 {
        assert_eq!(sorter.sort(fork((0, 1), step, pid)), Sorted::Later);
        match sorter.sort(begins(step, pid, at)) {
            Sorted::Begun(begun, job, _, told) => {
                assert_eq!((begun, told.len()), (step, 2), "nothing is lost that was told before");
                job
            }
            other => panic!("{other:?}"),
        }
    }

    fn sorter() -> Sorter {
        Sorter::new(Provider::Jenkins, b"/home/ci".to_vec())
    }

    #[test]
    fn steps_of_one_directory_are_of_one_job() {
        let mut sorter = sorter();
        assert_eq!(step(&mut sorter, 1, 11, "/home/ci/workspace/app"), 1);
        assert_eq!(step(&mut sorter, 2, 12, "/home/ci/workspace/app@2"), 2);
        assert_eq!(step(&mut sorter, 3, 13, "/home/ci/workspace/app/sub"), 1);
        // What is redacted alike is not the same.
        let random = ["Jb8fXk2LqP0aZt4wJb8fXk2L", "Qr5tYw7EpM1sDc3vQr5tYw7E"];
        let [one, other] = random.map(|name| format!("/home/ci/workspace/{name}"));
        assert_eq!((step(&mut sorter, 4, 14, &one), step(&mut sorter, 5, 15, &other)), (3, 4));
        // What they do later is theirs, wherever they go.
        for (by, job) in [((1, 11), 1), ((2, 12), 2)] {
            assert!(matches!(sorter.sort(fork(by, by.0, 100 + by.1)), Sorted::Of(is, _) if is == job));
            assert!(matches!(sorter.sort(begins(by.0, by.1, &other)), Sorted::Of(is, _) if is == job));
        }
    }

    /// Whoever begins above the workspaces of others takes none of them over.
    #[test]
    fn the_closest_directory_counts() {
        let mut sorter = sorter();
        assert_eq!(step(&mut sorter, 1, 11, "/w/a"), 1);
        assert_eq!(step(&mut sorter, 2, 12, "/w/b"), 2);
        assert_eq!(step(&mut sorter, 3, 13, "/w"), 3);
        assert_eq!(step(&mut sorter, 4, 14, "/w/b"), 2);
        assert_eq!(step(&mut sorter, 5, 15, "/w/a/sub"), 1);
        assert_eq!(step(&mut sorter, 6, 16, "/w/c"), 3);
    }

    #[test]
    fn who_was_given_no_directory_is_of_none() {
        let mut sorter = sorter();
        for (n, at) in [(1, "/home/ci"), (2, "/home"), (3, "/")] {
            assert_eq!(step(&mut sorter, n, 10 + n, at), 1, "{at}");
        }
        assert_eq!(sorter.workspace(1), None);
        assert_eq!(step(&mut sorter, 4, 14, "/home/ci/workspace/app"), 2);
        assert!(sorter.workspace(2).is_some());
        assert!(matches!(sorter.sort(exit(0, 1)), Sorted::Own(_)));
        // What there is no room for.
        for n in 0..100 {
            let job = step(&mut sorter, 100 + n, 200 + n, &format!("/tmp/{n}"));
            assert_eq!(job, if n < 62 { n + 3 } else { 1 });
        }
    }

    #[test]
    fn a_step_that_runs_nothing_does_not_wait_for_ever() {
        let mut sorter = sorter();
        assert_eq!(sorter.sort(fork((0, 1), 1, 11)), Sorted::Later);
        assert!(matches!(sorter.sort(exit(1, 11)), Sorted::Begun(1, 1, None, told) if told.len() == 2));
        assert_eq!(sorter.sort(fork((0, 1), 2, 12)), Sorted::Later);
        let rest = (0..).map(|child| sorter.sort(fork((2, 12), 2, 100 + child)));
        let told = rest.take_while(|sorted| *sorted == Sorted::Later).count();
        assert_eq!(told, WAITING - 2);
        assert!(matches!(sorter.sort(fork((2, 12), 2, 99)), Sorted::Of(1, _)));
        assert_eq!(sorter.sort(fork((0, 1), 3, 13)), Sorted::Later);
        assert!(matches!(&sorter.rest()[..], [Sorted::Begun(3, 1, None, _)]));
        // Its fork was lost.
        assert!(matches!(sorter.sort(begins(4, 14, "/home/ci/workspace/app")), Sorted::Begun(4, 2, None, _)));
    }

    #[test]
    fn a_job_is_idle_when_nothing_is_left_of_it() {
        let mut sorter = sorter();
        let (now, one) = (Duration::ZERO, Left { processes: 1, holding: 1 });
        assert_eq!(step(&mut sorter, 1, 11, "/home/ci/workspace/app"), 1);
        assert_eq!(step(&mut sorter, 2, 12, "/home/ci/workspace/other"), 2);
        let left = BTreeMap::from([(1, one)]);
        assert_eq!((sorter.idle(now, &left), sorter.left(1, &left)), (vec![2], one));
        assert!(sorter.idle(Duration::from_secs(3600), &BTreeMap::new()).is_empty());
        sorter.end(1);
        assert_eq!(step(&mut sorter, 3, 13, "/home/ci/workspace/app"), 3, "another run of the job");
    }

    #[test]
    fn a_workspace_is_known_by_what_is_written_of_it() {
        let workspace = Workspace::of(Path::new("/home/ci/workspace/app"));
        assert_eq!(Workspace::parse(&format!("{workspace}\n")), Some(workspace));
        assert_eq!(Workspace::parse("x"), None);
    }
}
