//! One job of the host as the kernel side knows it, from its worker's beginning to its end. Of a worker that has several at once it is
//! all of them.

use super::{
    super::{LiveError, kept::Keeper, run},
    agents::Seen,
    part::{Counters, Part, Resumed},
    policies::Applied,
    several::{Beginning, Several},
    steps::{Steps, called_as},
    store::Store,
};
use crate::{
    ci::{Jobs, Provider},
    engine::Finding,
    event::{Body, Kept, Step, StepId},
    kernel::{Left, Notice, Sensor, boottime},
};
use serde::Serialize;
use std::{
    cell::RefCell,
    collections::BTreeMap,
    ffi::OsString,
    os::unix::ffi::OsStringExt as _,
    rc::Rc,
    time::{Duration, Instant},
};

/// A job that runs.
pub(super) struct Job {
    number: u32,
    provider: Provider,
    worker: u32,
    /// Arguments of its worker.
    command: Vec<OsString>,
    /// What is of no job in particular where there are several, else all.
    own: Part,
    several: Option<Several>,
    /// The policy that it is under.
    pub(super) policy: Rc<Applied>,
    keeper: Keeper,
    /// What its worker calls its steps.
    steps: Option<Steps>,
    /// What is to be added to `CLOCK_BOOTTIME` for the time since 1970, nanoseconds.
    clock: u64,
    /// Whether its worker has other jobs, before it and after.
    many: bool,
    /// When the sensor was armed, and when it was proved.
    times: (u64, u64),
    /// When something of it was told last; nothing was yet where it is absent.
    seen: Option<Instant>,
    /// Its worker has gone on to the next job.
    pub(super) past: bool,
    /// When its worker ended.
    ended: Option<Instant>,
    /// When the host's counters were taken after that, these, and what was left of the job.
    pub(super) counted: Option<(Instant, Counters, BTreeMap<StepId, Left>)>,
}

/// What the control socket tells of a job.
#[derive(Serialize)]
pub(super) struct Told {
    job: String,
    provider: &'static str,
    worker: u32,
    findings: u64,
}

impl Job {
    /// A job that `worker` begins, with a sensor that was armed and proved at these times.
    pub(super) fn begin(
        (number, (provider, jobs), worker): (u32, (Provider, Jobs), &Seen),
        policy: &Rc<Applied>,
        (store, sensor): (&Store, &Sensor),
        times: (u64, u64),
    ) -> Result<Self, LiveError> {
        let command = worker.arguments();
        let header = run::header(&command, &policy.policy, policy.mode, sensor.capabilities());
        let clock = header.started.realtime.wrapping_sub(header.started.boottime);
        let label = (number, number.to_string());
        let begun = Part::begin(label, provider.name(), &header, (policy, store), sensor.counters()?);
        let mut own = begun.map_err(LiveError::system("cannot write the recording of a job"))?;
        // The agent made it for this job before a step ran.
        if let Some(named) = provider.job(&worker.environment()) {
            own.own(boottime(), Body::Called(called_as(named)));
        }
        own.own(times.0, Body::Armed);
        own.own(times.1, Body::Proved);
        let job = Self::with(own, (number, provider, Some((jobs, worker))), policy.keeper(number), Rc::clone(policy));
        Ok(Self { command, clock, times, ..job })
    }

    /// A job that a daemon before this one began, from what that recorded; `worker` where it still runs.
    pub(super) fn resume(
        number: u32,
        worker: Option<&Seen>,
        (store, sensor): (&Store, &Sensor),
        (id, now): (u32, &Applied),
    ) -> Result<Option<Self>, LiveError> {
        let before = sensor.counters()?;
        let resumed = Part::resume(number, number.to_string(), store, before.clone());
        let Some(Resumed { part, provider, header, policy, told, .. }) = resumed else { return Ok(None) };
        let Some(provider) = Provider::ALL.into_iter().find(|known| known.name() == provider) else { return Ok(None) };
        let kept = told.iter().filter_map(|event| match &event.body {
            Body::Kept(kept) => Some(kept.clone()),
            _ => None,
        });
        let kept: Vec<Kept> = kept.collect();
        let tables = policy.tables(id);
        let policy = Rc::new(Applied {
            id,
            policy,
            tables,
            mode: header.mode,
            before: now.before.clone(),
            known: RefCell::default(),
        });
        let keeper = policy.keeper(number).resume(kept.clone());
        let jobs = worker.and_then(|worker| Some((worker.worker()?.1, worker)));
        let mut job = Self::with(part, (number, provider, jobs), keeper, policy);
        if let Some(several) = &mut job.several {
            several.resume((number, kept), (&header, &told), store, &before);
        }
        job.clock = header.started.realtime.wrapping_sub(header.started.boottime);
        let any = job.own.any() || job.several.as_ref().is_some_and(|several| !several.is_empty());
        job.seen = any.then(Instant::now);
        Ok(Some(job))
    }

    fn with(
        own: Part,
        (number, provider, worker): (u32, Provider, Option<(Jobs, &Seen)>),
        keeper: Keeper,
        policy: Rc<Applied>,
    ) -> Self {
        // Where it is gone, what was recorded tells.
        let several = provider.has_workspaces() && worker.is_none_or(|(jobs, _)| jobs == Jobs::Many);
        let at = worker.map(|(_, worker)| worker.directory()).unwrap_or_default();
        let now = boottime();
        Self {
            number,
            provider,
            worker: worker.map_or(0, |(_, worker)| worker.pid()),
            command: worker.map(|(_, worker)| worker.arguments()).unwrap_or_default(),
            own,
            several: several.then(|| Several::new(provider, at.into_os_string().into_vec())),
            policy,
            keeper,
            steps: worker.and_then(|(_, worker)| Steps::of(worker, provider)),
            clock: 0,
            many: worker.is_some_and(|(jobs, _)| jobs == Jobs::Many),
            times: (now, now),
            seen: None,
            past: false,
            ended: None,
            counted: None,
        }
    }

    /// Takes in a record of it. A job of its worker may begin with it; `before` are the host's counters from before that.
    pub(super) fn record(
        &mut self,
        record: Vec<u8>,
        store: &Store,
        (sensor, before): (&Sensor, &Counters),
    ) -> Vec<Finding> {
        self.seen = Some(Instant::now());
        self.keeper.note(&record);
        let forked = Notice::step(&record);
        let found = match &mut self.several {
            None => self.own.record(&record),
            Some(several) => {
                let (policy, command) = (&self.policy, &self.command);
                let (job, provider, times) = (self.number, self.provider, self.times);
                several.record(record, &mut self.own, || Beginning {
                    job,
                    provider,
                    header: run::header(command, &policy.policy, policy.mode, sensor.capabilities()),
                    policy,
                    store,
                    counters: before.clone(),
                    times,
                })
            }
        };
        if let (Some(steps), Some(forked)) = (&mut self.steps, forked) {
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
        for (time, kept) in self.keeper.look(sensor, self.own.policy())? {
            if let Some(several) = &mut self.several {
                several.keep(time, &kept);
            }
            self.own.keep(time, kept);
        }
        Ok(())
    }

    fn name(&mut self, steps: Vec<Step>) {
        if let Some(called) = self.steps.as_mut().and_then(Steps::called) {
            self.own.own(boottime(), Body::Called(called));
        }
        self.own.name(steps);
    }

    fn parts_mut(&mut self) -> impl Iterator<Item = &mut Part> {
        std::iter::once(&mut self.own).chain(self.several.iter_mut().flat_map(Several::parts_mut))
    }

    /// What makes the verdict no better than INCONCLUSIVE.
    pub(super) fn note(&mut self, reason: &str) {
        self.parts_mut().for_each(|part| part.note(reason));
    }

    /// Its worker, where it may have gone on to another job: it has many, and for so long it was told nothing of this one.
    pub(super) fn rests(&self, ago: Duration) -> Option<u32> {
        let rests = self.many && !self.past && !self.is_ending() && self.seen.is_some_and(|seen| seen.elapsed() >= ago);
        rests.then_some(self.worker)
    }

    /// Ends those of its worker's jobs that had no process for so long.
    pub(super) fn end_idle(&mut self, idle: Duration, sensor: &Sensor, late: u64) -> Result<(), LiveError> {
        if let Some(several) = self.several.as_mut().filter(|several| !several.is_empty()) {
            let left = sensor.left_by_step(self.number)?;
            several.end_idle(idle, &left, &sensor.counters()?, late);
        }
        Ok(())
    }

    /// Whether its worker may have several at once.
    pub(super) fn has_several(&self) -> bool {
        self.several.is_some()
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

    /// Writes the recordings out.
    pub(super) fn flush(&mut self) {
        self.parts_mut().for_each(Part::flush);
    }

    /// Leaks that the kernel side told of.
    pub(super) fn told(&self) -> u64 {
        self.own.told() + self.several.as_ref().map_or(0, Several::told)
    }

    /// For the control socket: the jobs that its worker has, and where that has none, itself.
    pub(super) fn status(&self) -> Vec<Told> {
        let told = |part: &Part| Told {
            job: part.label().to_owned(),
            provider: self.provider.name(),
            worker: self.worker,
            findings: part.findings(),
        };
        let several = self.several.as_ref().filter(|several| !several.is_empty());
        let own = (several.is_none() || self.own.any()).then_some(&self.own);
        own.into_iter().chain(several.into_iter().flat_map(Several::parts)).map(told).collect()
    }

    /// Ends it: `now` are the host's counters; `unexplained` is how many leaks were decided and told of by nobody, `left` what
    /// is left of each step.
    pub(super) fn conclude(mut self, now: &Counters, unexplained: u64, left: &BTreeMap<StepId, Left>, late: u64) {
        let named = self.steps.as_mut().map(Steps::ended).unwrap_or_default();
        self.name(named);
        let many = self.many || self.several.is_some();
        let left = match self.several {
            Some(mut several) => {
                several.settle(&mut self.own);
                several.conclude(now, left, late)
            }
            None => left.values().fold(Left::default(), |sum, left| sum + *left),
        };
        // There was no job, or it did nothing beside them.
        if many && !self.own.any() && unexplained == 0 && left.processes == 0 {
            return self.own.discard();
        }
        self.own.conclude(now, unexplained, left, late);
    }
}
