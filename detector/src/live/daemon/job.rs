//! One job of the host, from its worker's beginning to its end.

use super::{
    super::{LiveError, kept::Keeper, run, session::Session},
    agents::Seen,
    policies::Applied,
    steps::{Steps, called_as},
    store::{Files, Store, reopen},
};
use crate::{
    ci::{Jobs, Provider},
    engine::{Capability, Conclusion, Finding},
    event::{Body, Counted, Event, Step},
    kernel::{Left, Notice, Sensor, boottime},
    policy::Policy,
    recording::Reader,
};
use detector_common::counter::Counter;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    io,
    rc::Rc,
    time::{Duration, Instant},
};

/// A job that runs.
pub(super) struct Job {
    number: u32,
    provider: Provider,
    worker: u32,
    session: Session,
    files: Files,
    /// The policy that it is under.
    pub(super) policy: Rc<Applied>,
    /// The host's counters as it began.
    before: Counters,
    findings: u64,
    keeper: Keeper,
    /// What its worker calls its steps.
    steps: Option<Steps>,
    /// What is to be added to `CLOCK_BOOTTIME` for the time since 1970, nanoseconds.
    clock: u64,
    /// Whether its worker has other jobs, before it and after.
    many: bool,
    /// When something of it was told last; nothing was yet where it is absent.
    seen: Option<Instant>,
    /// Its worker has gone on to the next job.
    pub(super) past: bool,
    /// When its worker ended.
    ended: Option<Instant>,
    /// When the host's counters were taken after that, these, and what was left of the job.
    pub(super) counted: Option<(Instant, Counters, Left)>,
}

/// Counters of the kernel side, by name.
pub(super) type Counters = BTreeMap<&'static str, u64>;

/// What the control socket tells of a job.
#[derive(Serialize)]
pub(super) struct Told {
    job: u32,
    provider: &'static str,
    worker: u32,
    findings: u64,
}

impl Job {
    /// A job whose worker is process `worker` with these arguments.
    pub(super) fn begin(
        (number, (provider, jobs), worker): (u32, (Provider, Jobs), &Seen),
        policy: Rc<Applied>,
        store: &Store,
        (before, capabilities): (Counters, Vec<Capability>),
    ) -> io::Result<Self> {
        let header = run::header(&worker.arguments(), &policy.policy, policy.mode, capabilities);
        let (files, recording) = store.begin(header.started.realtime / 1_000_000_000, provider.name(), number)?;
        let mut session = Session::new(number, policy.policy.clone(), policy.mode, &header, Some(recording));
        // The agent made it for this job before a step ran.
        if let Some(named) = provider.job(&worker.environment()) {
            session.own(boottime(), Body::Called(called_as(named)));
        }
        let steps = Steps::of(worker, provider);
        let clock = header.started.realtime.wrapping_sub(header.started.boottime);
        let worker = worker.pid();
        let keeper = policy.keeper(number);
        Ok(Self {
            number,
            provider,
            worker,
            session,
            files,
            policy,
            before,
            findings: 0,
            keeper,
            steps,
            clock,
            many: jobs == Jobs::Many,
            seen: None,
            past: false,
            ended: None,
            counted: None,
        })
    }

    /// A job that a daemon before this one began, from what that recorded; `worker` where it still runs.
    pub(super) fn resume(
        number: u32,
        worker: Option<&Seen>,
        store: &Store,
        before: Counters,
        (id, now): (u32, &Applied),
    ) -> Option<Self> {
        let (files, provider, recording) = store.unfinished(number)?;
        let provider = Provider::ALL.into_iter().find(|known| known.name() == provider)?;
        let resumed = || -> Result<_, Box<dyn std::error::Error>> {
            let file = reopen(&recording)?;
            let mut reader = Reader::open(&recording)?;
            let told = reader.by_ref().collect::<Result<Vec<_>, _>>()?;
            let header = reader.into_header();
            let policy = Policy::from_document(header.policy.document.clone())?;
            let is_kept = |event: &Event| match &event.body {
                Body::Kept(kept) => Some(kept.clone()),
                _ => None,
            };
            let kept: Vec<_> = told.iter().filter_map(is_kept).collect();
            let any = told.iter().any(|event| event.actor.is_some());
            let session = Session::resume(number, policy.clone(), &header, told, file);
            Ok((header, policy, session, (kept, any)))
        };
        let (header, policy, mut session, (kept, any)) = match resumed() {
            Ok(resumed) => resumed,
            Err(error) => {
                tracing::error!("the recording of job {number} cannot be gone on with: {error}");
                return None;
            }
        };
        let counters = BTreeMap::from([(Counter::Away.name().to_owned(), 1)]);
        session.own(boottime(), Body::Lost(Counted { counters }));
        let tables = policy.tables(id);
        let policy = Rc::new(Applied { id, policy, tables, mode: header.mode, before: now.before.clone() });
        let keeper = policy.keeper(number).resume(kept);
        let steps = worker.and_then(|worker| Steps::of(worker, provider));
        let clock = header.started.realtime.wrapping_sub(header.started.boottime);
        let many = worker.and_then(Seen::worker).is_some_and(|(_, jobs)| jobs == Jobs::Many);
        let worker = worker.map_or(0, Seen::pid);
        Some(Self {
            number,
            provider,
            worker,
            session,
            files,
            policy,
            before,
            findings: 0,
            keeper,
            steps,
            clock,
            many,
            seen: any.then(Instant::now),
            past: false,
            ended: None,
            counted: None,
        })
    }

    /// Takes in a record of it.
    pub(super) fn record(&mut self, record: &[u8]) -> Vec<Finding> {
        let found = self.session.record(record);
        self.findings += found.len() as u64;
        self.seen = Some(Instant::now());
        self.keeper.note(record);
        if let (Some(steps), Some(forked)) = (&mut self.steps, Notice::step(record)) {
            let named = steps.forked(forked.step, forked.pid, forked.time.wrapping_add(self.clock));
            self.name(named);
        }
        found
    }

    /// The files that were read before it began go on being believed.
    pub(super) fn believe(&self, sensor: &mut Sensor) -> Result<(), LiveError> {
        Ok(self.keeper.begin(sensor, &self.policy.policy, &self.policy.before.read)?)
    }

    /// Looks at its files that name places, where there is a reason.
    pub(super) fn look(&mut self, sensor: &mut Sensor) -> Result<(), LiveError> {
        Ok(self.keeper.look(sensor, &mut self.session)?)
    }

    fn name(&mut self, steps: Vec<Step>) {
        if let Some(called) = self.steps.as_mut().and_then(Steps::called) {
            self.session.own(boottime(), Body::Called(called));
        }
        for step in steps {
            self.session.own(boottime(), Body::Step(step));
        }
    }

    /// What makes the verdict no better than INCONCLUSIVE.
    pub(super) fn note(&mut self, reason: &str) {
        self.session.note_incomplete(reason.to_owned());
    }

    /// What the sensor says of itself.
    pub(super) fn own(&mut self, time: u64, body: Body) {
        self.session.own(time, body);
    }

    /// Its worker, where it may have gone on to another job: it has many, and for so long it was told nothing of this one.
    pub(super) fn rests(&self, ago: Duration) -> Option<u32> {
        let rests = self.many && !self.past && !self.is_ending() && self.seen.is_some_and(|seen| seen.elapsed() >= ago);
        rests.then_some(self.worker)
    }

    /// Whether its worker, which has many, waited for a job, and none came.
    pub(super) fn is_none(&self) -> bool {
        self.many && self.seen.is_none()
    }

    /// Its worker has ended.
    pub(super) fn end(&mut self) {
        self.ended = Some(Instant::now());
    }

    /// Whether its worker has ended.
    pub(super) fn is_ending(&self) -> bool {
        self.ended.is_some()
    }

    /// Whether its worker ended so long ago.
    pub(super) fn is_over(&self, ago: Duration) -> bool {
        self.ended.is_some_and(|ended| ended.elapsed() >= ago)
    }

    /// Writes the recording out.
    pub(super) fn flush(&mut self) {
        self.session.flush();
    }

    /// Leaks that the kernel side told of.
    pub(super) fn told(&self) -> u64 {
        self.session.told()
    }

    /// For the control socket.
    pub(super) fn status(&self) -> Told {
        Told { job: self.number, provider: self.provider.name(), worker: self.worker, findings: self.findings }
    }

    /// Ends it: `now` are the host's counters, of which what counts up for several jobs counts for each; `unexplained` is how many
    /// leaks were decided and told of by nobody.
    pub(super) fn conclude(mut self, now: &Counters, unexplained: u64, left: Left, late: u64) {
        if self.is_none() {
            if let Err(error) = self.files.discard() {
                tracing::warn!("the files of a job that was none cannot be removed: {error}");
            }
            return;
        }
        let mut counters: BTreeMap<_, _> = now
            .iter()
            .map(|(name, count)| (*name, count - self.before.get(name).copied().unwrap_or(0)))
            .filter(|(_, count)| *count != 0)
            .collect();
        let leaks = self.session.told() + unexplained;
        if leaks == 0 {
            counters.remove("leaks")
        } else {
            counters.insert("leaks", leaks)
        };
        let named = self.steps.as_mut().map(Steps::ended).unwrap_or_default();
        self.name(named);
        let conclusion: Conclusion = self.session.end(boottime(), None, &counters, left, late);
        let (path, verdict) = (self.files.path().display(), conclusion.verdict);
        if let Err(error) = self.files.conclude(&conclusion) {
            tracing::error!("the report of job {} cannot be written to {path}: {error}", self.number);
        }
        let findings = conclusion.findings.len();
        tracing::info!("job {} ended: {verdict:?}, {findings} finding(s): {path}", self.number);
    }
}
