//! The daemon itself: what the kernel side says, sorted by job.

use super::{
    super::{LiveError, proof, resolvers, session::tells_of_leak},
    agents::{self, Seen},
    config::Config,
    control::{Ask, Asked, Control, Reply},
    job::Job,
    part::Counters,
    policies::{Applied, NoPolicy, Policies},
    store::Store,
};
use crate::{
    ci::Jobs,
    engine::{Finding, Mode},
    kernel::{
        Flags, JobSettings, LayoutSource, Left, Notice, Quarantine, Rings, Sensor, Standing, Tracing, boottime, job_of,
    },
};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::signal::unix::{SignalKind, signal};

/// Jobs that are ready for workers to come.
const READY: u32 = 8;
/// How long after its worker's end a job's last records are waited for.
const SETTLED: Duration = Duration::from_millis(50);
/// How often is looked whether something has come to its end.
const TICK: Duration = Duration::from_millis(25);
/// How often is looked whether anything is left of ended jobs.
const SWEEP: Duration = Duration::from_secs(2);

/// Watches the host until it is told to end. `found` is told of each finding as it is made, with its job.
///
/// # Errors
/// When the sensor does not start or does not prove itself, another daemon is there, or the policy is bad.
pub async fn daemon(config: Config, layout: LayoutSource, found: impl FnMut(&Finding)) -> Result<(), LiveError> {
    let control = Control::listen(&config.socket)?;
    let store = Store::open(&config.directory, config.keep)?;
    Quarantine::sweep();
    if let Some(standing) = Standing::find() {
        return again(config, control, store, (standing, &layout), found).await;
    }
    let mut policies = Policies::load(&config, 0)?;
    let mut sensor = Sensor::load(&layout, Flags::Detected, Tracing::detect())?;
    let mut standing = Standing::new()?;
    sensor.stand(&standing)?;
    let resolvers = resolvers::configured();
    let resolvers: Vec<_> = resolvers.iter().map(|address| (*address, resolvers::is_own(*address))).collect();
    sensor.believe(&resolvers)?;
    let mut rings = sensor.rings()?;
    let armed = boottime();
    proof::prove(&mut sensor, &mut rings, policies.usual().mode).await?;
    let proved = boottime();
    sensor.disarm()?;
    policies.write(&mut sensor)?;
    let counters = sensor.counters()?;
    let told = counters.get("leaks").copied().unwrap_or(0);
    let mut watch = Watch {
        sensor,
        store,
        policies,
        numbers: 0,
        ready: BTreeMap::new(),
        jobs: BTreeMap::new(),
        ended: BTreeMap::new(),
        told,
        times: (armed, proved),
        flushes: Vec::new(),
        calm: (Instant::now(), counters.clone()),
        config,
    };
    watch.make_ready()?;
    watch.sensor.look_for(agents::names())?;
    watch.find()?;
    standing.complete()?;
    watch.stay(rings, control, standing, found).await
}

/// Takes over what a daemon before this one left in the middle.
async fn again(
    config: Config,
    control: Control,
    store: Store,
    (standing, layout): (Standing, &LayoutSource),
    found: impl FnMut(&Finding),
) -> Result<(), LiveError> {
    let mut sensor = Sensor::resume(&standing, layout)?;
    let rings = sensor.rings()?;
    let jobs = sensor.jobs()?;
    let numbers = jobs.iter().map(|(job, _)| *job).filter(|job| *job != proof::JOB).max().unwrap_or(0);
    // Whatever is there of policies, whether or not a job is under them: no number is used twice.
    let mut there = sensor.policies()?;
    there.extend(jobs.iter().map(|(_, policy)| *policy));
    there.remove(&proof::JOB);
    let mut policies = Policies::load(&config, there.last().copied().unwrap_or(0))?;
    policies.note(there.into_iter());
    policies.write(&mut sensor)?;
    // What waited for workers is under the policy of before.
    let mut stale = Vec::new();
    while let Some(job) = sensor.take_job()? {
        stale.push(job);
    }
    let counters = sensor.counters()?;
    let now = boottime();
    let mut watch = Watch {
        sensor,
        store,
        policies,
        numbers,
        ready: BTreeMap::new(),
        jobs: BTreeMap::new(),
        ended: BTreeMap::new(),
        told: 0,
        times: (now, now),
        flushes: Vec::new(),
        calm: (Instant::now(), counters.clone()),
        config,
    };
    for job in &stale {
        watch.sensor.forget_job(*job)?;
    }
    let workers: BTreeMap<_, _> = watch.sensor.workers()?.into_iter().map(|(pid, job)| (job, pid)).collect();
    for (job, id) in jobs.into_iter().filter(|(job, _)| *job != proof::JOB && !stale.contains(job)) {
        let worker = workers.get(&job).and_then(|pid| Seen::of(*pid));
        let root = worker.as_ref().and_then(Seen::root);
        let policy = Rc::clone(watch.policies.of(root.as_deref()));
        match Job::resume(job, worker.as_ref(), (&watch.store, &watch.sensor), (id, &policy))? {
            Some(mut resumed) => {
                tracing::info!("job {job} goes on: the daemon before this one ended in the middle of it");
                // Its end may be told in what the kernel side said meanwhile; if that was lost, it is over now.
                if worker.is_none() {
                    resumed.end();
                }
                watch.jobs.insert(job, resumed);
            }
            None => _ = watch.ended.insert(job, (id, policy)),
        }
    }
    let told: u64 = watch.jobs.values().map(Job::told).sum();
    watch.told = counters.get("leaks").copied().unwrap_or(0).saturating_sub(told);
    watch.make_ready()?;
    watch.stay(rings, control, standing, found).await
}

struct Watch {
    sensor: Sensor,
    store: Store,
    config: Config,
    policies: Policies,
    /// Jobs so far: no number is used twice.
    numbers: u32,
    /// Jobs that no worker has yet, with the policy that each is under.
    ready: BTreeMap<u32, u32>,
    jobs: BTreeMap<u32, Job>,
    /// Jobs of which something may be left, each with the id of the policy that this is under, and what is known of that.
    ended: BTreeMap<u32, (u32, Rc<Applied>)>,
    /// Leaks that are accounted for, those of ended jobs and of none.
    told: u64,
    /// When the sensor was armed, and when it was proved.
    times: (u64, u64),
    /// Who waits for what was seen until he asked to be written.
    flushes: Vec<(Instant, Reply)>,
    /// The host's counters as they were, and when, before anything of what waits in the rings: a job that begins with that counts from
    /// there.
    calm: (Instant, Counters),
}

impl Watch {
    /// Watches to the end, and takes down what is not needed then.
    async fn stay(
        mut self,
        mut rings: Rings,
        control: Control,
        standing: Standing,
        mut found: impl FnMut(&Finding),
    ) -> Result<(), LiveError> {
        self.run(&mut rings, control, &mut found).await?;
        let quarantined = self.sensor.quarantined().is_ok_and(|sockets| !sockets.is_empty());
        if let Err(error) = standing.end(quarantined) {
            tracing::warn!("{error}");
        }
        Ok(())
    }

    async fn run(
        &mut self,
        rings: &mut Rings,
        mut control: Control,
        found: &mut impl FnMut(&Finding),
    ) -> Result<(), LiveError> {
        let caught = |kind| signal(kind).map_err(LiveError::system("cannot catch signals"));
        let (mut hangup, mut terminate) = (caught(SignalKind::hangup())?, caught(SignalKind::terminate())?);
        let mut interrupt = caught(SignalKind::interrupt())?;
        // From here on a signal does what it is for.
        tracing::info!(
            "watching this host ({:?}); asked at {}",
            self.policies.usual().mode,
            self.config.socket.display()
        );
        let mut swept = Instant::now();
        loop {
            let soon = !self.flushes.is_empty() || self.jobs.values().any(Job::is_ending);
            let wait = if soon { TICK } else { SWEEP };
            let mut asked = None;
            tokio::select! {
                waited = rings.wait() => waited.map_err(LiveError::system("cannot wait for the rings"))?,
                question = control.next() => asked = question,
                _ = hangup.recv() => self.reload(),
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                () = tokio::time::sleep(wait) => {}
            }
            self.count()?;
            let calm = self.calmed(rings)?;
            self.drain(rings, false, found)?;
            if let Some(calm) = calm.filter(|_| !rings.waiting()) {
                self.calm = calm;
            }
            if let Some(asked) = asked {
                self.answer(asked);
            }
            if !rings.is_behind() {
                self.settle(rings.late());
                self.flushed();
            }
            if swept.elapsed() >= SWEEP {
                swept = Instant::now();
                if !rings.is_behind() {
                    self.end_idle(rings.late())?;
                }
                self.turn()?;
                self.sweep()?;
            }
        }
        let counters = self.sensor.counters()?;
        self.drain(rings, true, found)?;
        for (number, mut job) in std::mem::take(&mut self.jobs) {
            if !job.is_ending() {
                job.note("the daemon was stopped while the job ran");
            }
            let left = self.sensor.left_by_step(number)?;
            self.conclude(number, job, &counters, &left, rings.late());
        }
        self.flushed();
        Ok(())
    }

    fn drain(&mut self, rings: &mut Rings, all: bool, found: &mut impl FnMut(&Finding)) -> Result<(), LiveError> {
        let mut records = Vec::new();
        rings.drain(all, |record| records.push(record));
        let any = !records.is_empty();
        for record in records {
            match Notice::of(&record) {
                Some(Notice::Began { pid, start, parent, job, name, .. }) => {
                    self.began((pid, start), (parent, name), job)?
                }
                Some(Notice::Ended { job }) => {
                    if let Some(job) = self.jobs.get_mut(&job) {
                        job.end();
                    }
                }
                None => match self.jobs.get_mut(&job_of(&record)) {
                    Some(job) => {
                        let now = (&self.sensor, &self.calm.1);
                        job.record(record, &self.store, now).iter().for_each(&mut *found);
                    }
                    None => self.late(&record),
                },
            }
        }
        for job in self.jobs.values_mut() {
            job.look(&mut self.sensor)?;
        }
        if any {
            // Whatever becomes of this process, what it saw is written.
            self.jobs.values_mut().for_each(Job::flush);
        }
        Ok(())
    }

    /// What is left of a job goes on after its verdict.
    fn late(&mut self, record: &[u8]) {
        let job = job_of(record);
        if let Some((_, applied)) = self.ended.get(&job)
            && let Ok(Some(event)) = crate::kernel::decode(record, |name| applied.policy.known_labels(name))
            && tells_of_leak(&event)
        {
            // It is no other job's.
            self.told += 1;
            tracing::warn!("what is left of job {job} tried to send a secret: {:?}", event.body);
        }
    }

    /// A program of an agent's name began; the kernel side may have given it a job already.
    fn began(&mut self, (pid, start): (u32, u64), (parent, name): (u32, usize), job: u32) -> Result<(), LiveError> {
        if self.jobs.contains_key(&job) && job != 0 {
            return Ok(()); // the worker runs another program of an agent's name
        }
        let seen = Seen::of(pid).filter(|seen| seen.is(start));
        // Gone before anyone looked: what it began was watched all the same.
        let seen = seen.or_else(|| Seen::gone(pid, parent, agents::names().nth(name)?.0).filter(|_| job != 0));
        match seen.and_then(|seen| Some((seen.worker()?, seen))) {
            Some(((provider, jobs), seen)) => {
                let job = if job == 0 { self.adopt(pid)? } else { job };
                self.begin(job, provider, jobs, &seen, false)
            }
            None if job == 0 => Ok(()),
            None => {
                tracing::warn!("process {pid}, started by {parent}, is called as a worker and is none: not watched");
                self.sensor.remove_worker(pid)?;
                self.sensor.offer_job(job)?;
                Ok(())
            }
        }
    }

    /// Process `pid` is a worker from now on; its job, or 0 where there is none to give.
    fn adopt(&mut self, pid: u32) -> Result<u32, LiveError> {
        let Some(job) = self.sensor.take_job()? else { return Ok(0) };
        self.sensor.add_worker(pid, job)?;
        Ok(job)
    }

    fn begin(
        &mut self,
        job: u32,
        provider: crate::ci::Provider,
        jobs: Jobs,
        seen: &Seen,
        running: bool,
    ) -> Result<(), LiveError> {
        if job == 0 {
            tracing::error!("worker {} is NOT MONITORED: too many jobs at once", seen.pid());
            return Ok(());
        }
        let under = self.ready.remove(&job);
        self.ended.remove(&job);
        let policy = Rc::clone(self.policies.of(seen.root().as_deref()));
        // What jobs before it left or renewed. One beside it goes on with what it began with.
        if !self.jobs.values().any(|job| job.policy.id == policy.id)
            && let Err(error) = policy.know(&mut self.sensor)
        {
            tracing::warn!("credential files that jobs have made are known by their own names only: {error}");
        }
        // Until now it was under the usual one.
        if under != Some(policy.id) {
            self.set(job, &policy)?;
        }
        match Job::begin((job, (provider, jobs), seen), &policy, (&self.store, &self.sensor), self.times) {
            Ok(mut begun) => {
                begun.believe(&mut self.sensor)?;
                if running {
                    begun.note("the job had begun before the daemon did: what it had started is not watched");
                }
                tracing::info!("job {job} began: {} worker {} ({jobs:?})", provider.name(), seen.pid());
                self.jobs.insert(job, begun);
            }
            Err(error) => {
                tracing::error!("job {job} is watched and not recorded: {error}");
                self.ended.insert(job, (policy.id, policy));
            }
        }
        self.make_ready()
    }

    /// Ends jobs that workers have beside others, and that have run nothing for a while.
    fn end_idle(&mut self, late: u64) -> Result<(), LiveError> {
        let idle = Duration::from_secs(self.config.idle);
        self.jobs.values_mut().try_for_each(|job| job.end_idle(idle, &self.sensor, late))
    }

    /// Workers that have many jobs, and have run nothing for a while, get another one: what they run next is no part of the one before.
    fn turn(&mut self) -> Result<(), LiveError> {
        let idle = Duration::from_secs(self.config.idle);
        let resting = self.jobs.iter().filter_map(|(number, job)| Some((*number, job.rests(idle)?)));
        for (number, worker) in resting.collect::<Vec<_>>() {
            if self.sensor.left(number)?.processes != 0 {
                continue;
            }
            let seen = Seen::of(worker).and_then(|seen| Some((seen.worker()?, seen)));
            // Where it is gone, its end is about to be told.
            let Some(((provider, jobs), seen)) = seen else { continue };
            let next = self.adopt(worker)?;
            if next == 0 {
                continue;
            }
            if let Some(job) = self.jobs.get_mut(&number) {
                job.past = true;
            }
            self.begin(next, provider, jobs, &seen, false)?;
        }
        // What a worker began in between is of the job before.
        let left = self.jobs.iter().filter(|(_, job)| job.past && !job.is_ending()).map(|(number, _)| *number);
        for number in left.collect::<Vec<_>>() {
            if self.sensor.left(number)?.processes == 0
                && let Some(job) = self.jobs.get_mut(&number)
            {
                job.end();
            }
        }
        Ok(())
    }

    /// Workers that are here already.
    fn find(&mut self) -> Result<(), LiveError> {
        for seen in agents::all() {
            if let Some((provider, jobs)) = seen.worker() {
                let job = self.adopt(seen.pid())?;
                // One with many jobs may have none now.
                self.begin(job, provider, jobs, &seen, jobs == Jobs::One)?;
            }
        }
        Ok(())
    }

    /// Sees to it that workers to come find jobs, under the policy of now.
    fn make_ready(&mut self) -> Result<(), LiveError> {
        while self.ready.len() < READY as usize {
            self.numbers += 1;
            let job = self.numbers;
            self.set(job, &Rc::clone(self.policies.usual()))?;
            self.sensor.offer_job(job)?;
            self.ready.insert(job, self.policies.usual().id);
        }
        Ok(())
    }

    fn set(&mut self, job: u32, under: &Applied) -> Result<(), LiveError> {
        let Applied { id, tables, mode, .. } = under;
        let settings = JobSettings { job, enforce: *mode == Mode::Enforce, relayed: false, tables };
        Ok(self.sensor.set_job(settings, *id)?)
    }

    /// The host's counters of now, where a job that begins may need them, and not too often. They count once what was there is told.
    fn calmed(&self, rings: &Rings) -> Result<Option<(Instant, Counters)>, LiveError> {
        let due = !rings.is_behind() && self.calm.0.elapsed() >= SETTLED && self.jobs.values().any(Job::has_several);
        due.then(|| Ok((Instant::now(), self.sensor.counters()?))).transpose()
    }

    /// Takes the host's counters for jobs that are over: before the records, so that whatever was counted is told of by the time
    /// that they are judged.
    fn count(&mut self) -> Result<(), LiveError> {
        let is_over = |job: &&mut Job| job.is_over(SETTLED) && job.counted.is_none();
        let over: Vec<_> = self.jobs.iter_mut().filter(|(_, job)| is_over(job)).collect();
        if over.is_empty() {
            return Ok(());
        }
        let (counters, now) = (self.sensor.counters()?, Instant::now());
        for (number, job) in over {
            job.counted = Some((now, counters.clone(), self.sensor.left_by_step(*number)?));
        }
        Ok(())
    }

    /// Ends the jobs whose workers have ended, once their last records are here.
    fn settle(&mut self, late: u64) {
        let is_told = |job: &Job| job.counted.as_ref().is_some_and(|(counted, ..)| counted.elapsed() >= TICK);
        let over: Vec<_> = self.jobs.iter().filter(|(_, job)| is_told(job)).map(|(number, _)| *number).collect();
        for number in over {
            if let Some(mut job) = self.jobs.remove(&number)
                && let Some((_, counters, left)) = job.counted.take()
            {
                self.conclude(number, job, &counters, &left, late);
            }
        }
    }

    fn conclude(&mut self, number: u32, job: Job, counters: &Counters, left: &BTreeMap<u32, Left>, late: u64) {
        let decided = counters.get("leaks").copied().unwrap_or(0);
        let told = self.told + job.told() + self.jobs.values().map(Job::told).sum::<u64>();
        let unexplained = if job.is_none() { 0 } else { decided.saturating_sub(told) };
        self.told += job.told() + unexplained;
        self.ended.insert(number, (job.policy.id, Rc::clone(&job.policy)));
        job.conclude(counters, unexplained, left, late);
    }

    /// Forgets jobs of which nothing is left, and policies that nobody is under.
    fn sweep(&mut self) -> Result<(), LiveError> {
        let working: BTreeSet<_> = self.sensor.workers()?.into_iter().map(|(_, job)| job).collect();
        let ended: Vec<_> = self.ended.keys().copied().filter(|job| !working.contains(job)).collect();
        for job in ended {
            if self.sensor.forget_job(job)? {
                self.ended.remove(&job);
            }
        }
        let jobs = self.jobs.values().map(|job| &job.policy);
        let used = jobs.map(|applied| applied.id).chain(self.ended.values().map(|(id, _)| *id));
        let used = used.chain(self.ready.values().copied()).collect();
        self.policies.sweep(&mut self.sensor, &used)
    }

    /// Reads the policies anew: for jobs to come, all of it or nothing.
    fn reload(&mut self) {
        // For the new ones there must be room.
        let room = self.sweep().map_err(NoPolicy::from);
        if let Err(error) = room.and_then(|()| self.policies.reload(&mut self.sensor, &self.config)) {
            return tracing::error!("the policy of before stays in force: {error}");
        }
        let usual = Rc::clone(self.policies.usual());
        for job in self.ready.keys().copied().collect::<Vec<_>>() {
            match self.set(job, &usual) {
                Ok(()) => _ = self.ready.insert(job, usual.id),
                Err(error) => tracing::error!("job {job} keeps the policy of before: {error}"),
            }
        }
        tracing::info!("policy {} is in force for jobs to come", usual.policy.digest());
    }

    fn answer(&mut self, (ask, reply): Asked) {
        let text = match ask {
            // What has just been seen still waits for its turn.
            Ask::Flush => return self.flushes.push((Instant::now(), reply)),
            Ask::Status => json!({
                "version": env!("CARGO_PKG_VERSION"),
                "mode": self.policies.usual().mode,
                "policy": self.policies.usual().policy.digest(),
                "jobs": self.jobs.values().flat_map(Job::status).collect::<Vec<_>>(),
                "left": self.ended.len(),
            }),
        };
        // Who asked may be gone.
        let _ = reply.send(text.to_string());
    }

    /// Answers those who asked for what they now have.
    fn flushed(&mut self) {
        for (asked, reply) in std::mem::take(&mut self.flushes) {
            if asked.elapsed() < TICK {
                self.flushes.push((asked, reply));
                continue;
            }
            self.jobs.values_mut().for_each(Job::flush);
            // Who asked may be gone.
            let _ = reply.send(json!({ "flushed": self.jobs.len() }).to_string());
        }
    }
}
