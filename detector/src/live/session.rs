//! One job under watch: every event goes into the recording first, then to the engine.

use super::attribute::{attribute, kill};
use crate::{
    engine::{Action, Capability, Conclusion, Engine, Finding, Mode},
    event::{Body, Counted, Event, JobId, Kept, Kill},
    kernel::{Left, boottime, decode, time},
    policy::Policy,
    recording::{Footer, Header, Writer},
};
use detector_common::counter::{Counter, Kind};
use std::{
    collections::{BTreeMap, VecDeque},
    fs::File,
};

/// The job that `run` watches.
pub(super) const JOB: JobId = 1;

/// Whether the kernel side tells of a leak that it counted.
pub(super) fn tells_of_leak(event: &Event) -> bool {
    matches!(event.body, Body::Network(_) | Body::Drop(_) | Body::Print(_) | Body::Question(_))
        && event.kernel.is_some_and(|kernel| kernel.leak != 0)
}

/// One job under watch.
pub(super) struct Session {
    job: JobId,
    mode: Mode,
    engine: Engine,
    writer: Option<Writer<File>>,
    capabilities: Vec<Capability>,
    seq: u64,
    undecoded: u64,
    /// Leaks that the kernel side told of.
    told: u64,
    /// Of these, those that the events do not explain.
    unexplained: u64,
    /// What files of the job named, with when the kernel side was told: its records of before come first.
    kept: VecDeque<(u64, Kept)>,
}

impl Session {
    /// Starts with `header` as the recording's first line, where there is a recording.
    pub(super) fn new(job: JobId, policy: Policy, mode: Mode, header: &Header, record: Option<File>) -> Self {
        let mut session = Self {
            job,
            mode,
            engine: Engine::new(policy, mode, header.started.boottime),
            writer: record.map(Writer::new),
            capabilities: header.capabilities.clone(),
            seq: 0,
            undecoded: 0,
            told: 0,
            unexplained: 0,
            kept: VecDeque::new(),
        };
        session.write(|writer| writer.header(header));
        session
    }

    /// Goes on where another process left off: `told` is what that recorded, and `record` is open behind it.
    pub(super) fn resume(job: JobId, policy: Policy, header: &Header, told: Vec<Event>, record: File) -> Self {
        let mut session = Self {
            job,
            mode: header.mode,
            engine: Engine::new(policy, header.mode, header.started.boottime),
            writer: None,
            capabilities: header.capabilities.clone(),
            seq: 0,
            undecoded: 0,
            told: 0,
            unexplained: 0,
            kept: VecDeque::new(),
        };
        let events = told.len() as u64;
        for event in told {
            session.event(event);
        }
        session.writer = Some(Writer::resume(record, events));
        session
    }

    /// A record of the kernel side. Those of other jobs (the proof's) are not of this session.
    pub(super) fn record(&mut self, bytes: &[u8]) -> Vec<Finding> {
        self.kept_until(time(bytes));
        let decoded = decode(bytes, |name| self.engine.policy().known_labels(name));
        match decoded {
            Ok(None) => Vec::new(),
            Ok(Some(event)) if event.actor.is_some_and(|actor| actor.job != self.job) => Vec::new(),
            Ok(Some(mut event)) => {
                attribute(&mut event);
                let actor = event.actor;
                let found = self.event(event);
                if let Some(actor) = actor.filter(|_| self.mode == Mode::Enforce && found.iter().any(kills)) {
                    let body = Body::Kill(Kill { errno: kill(actor.process) });
                    self.event(Event { seq: 0, time: boottime(), actor: Some(actor), body, kernel: None });
                }
                found
            }
            Err(error) => {
                tracing::warn!("{error}");
                self.undecoded += 1;
                Vec::new()
            }
        }
    }

    /// A file of the job named a place, and the kernel side has known that since `time`.
    pub(super) fn keep(&mut self, time: u64, kept: Kept) {
        self.kept.push_back((time, kept));
    }

    fn kept_until(&mut self, time: u64) {
        while self.kept.front().is_some_and(|(told, _)| *told <= time)
            && let Some((told, kept)) = self.kept.pop_front()
        {
            self.own(told, Body::Kept(kept));
        }
    }

    /// The policy, with what was kept so far.
    pub(super) fn policy(&self) -> &Policy {
        self.engine.policy()
    }

    /// What the sensor says of itself at `time`.
    pub(super) fn own(&mut self, time: u64, body: Body) {
        self.event(Event { seq: 0, time, actor: None, body, kernel: None });
    }

    /// An event that was decoded already, and of which nothing can be found.
    pub(super) fn tell(&mut self, event: Event) {
        self.event(event);
    }

    fn event(&mut self, mut event: Event) -> Vec<Finding> {
        self.seq += 1;
        event.seq = self.seq;
        self.write(|writer| writer.event(&event));
        let found = self.engine.apply(&event);
        if tells_of_leak(&event) {
            self.told += 1;
            self.unexplained += u64::from(self.engine.decision().leak == 0);
        }
        found
    }

    /// Leaks that the kernel side told of so far.
    pub(super) fn told(&self) -> u64 {
        self.told
    }

    /// What makes the verdict no better than INCONCLUSIVE: a sentence for its reasons.
    pub(super) fn note_incomplete(&mut self, reason: String) {
        self.engine.note_incomplete(reason);
    }

    /// Lets what was written so far be seen.
    pub(super) fn flush(&mut self) {
        self.write(Writer::flush);
    }

    /// Ends: what was lost, what the kernel side decided and the events do not explain, the footer.
    pub(super) fn end(
        mut self,
        ended: u64,
        status: Option<crate::recording::Status>,
        counters: &BTreeMap<&'static str, u64>,
        left: Left,
        late: u64,
    ) -> Conclusion {
        self.kept_until(u64::MAX);
        let mut lost: BTreeMap<String, u64> = Counter::ALL
            .iter()
            .filter(|counter| counter.kind() != Kind::Activity)
            .filter_map(|counter| Some((counter.name().to_owned(), *counters.get(counter.name())?)))
            .collect();
        let own = [
            (Counter::LeftHolding, left.holding),
            (Counter::LeftRunning, left.processes - left.holding),
            (Counter::Late, late),
            (Counter::Undecoded, self.undecoded),
        ];
        lost.extend(own.iter().filter(|(_, n)| *n != 0).map(|(counter, n)| (counter.name().to_owned(), *n)));
        if !lost.is_empty() {
            self.own(ended, Body::Lost(Counted { counters: lost }));
        }
        let decided = counters.get(Counter::Leaks.name()).copied().unwrap_or(0);
        let unexplained = self.unexplained + decided.saturating_sub(self.told);
        if unexplained != 0 {
            self.own(ended, Body::Unexplained { leaks: unexplained });
        }
        let footer = Footer {
            events: self.seq,
            ended,
            status,
            counters: counters.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect(),
        };
        self.write(|writer| writer.footer(&footer));
        self.engine.conclude(self.capabilities, true)
    }

    /// A recording that fails never stops what is watched; the verdict says so.
    fn write<E: std::fmt::Display>(&mut self, write: impl FnOnce(&mut Writer<File>) -> Result<(), E>) {
        let Some(writer) = &mut self.writer else { return };
        if let Err(error) = write(writer) {
            tracing::warn!("the recording ends here: {error}");
            self.engine.note_incomplete(format!("the recording is incomplete: {error}"));
        }
    }
}

/// Whether `finding` is of a leak that kills, and that only user space could tell: what a service of the host was asked.
fn kills(finding: &Finding) -> bool {
    finding.action == Action::Kill && finding.destination.as_ref().is_some_and(|to| to.service.is_some())
}
