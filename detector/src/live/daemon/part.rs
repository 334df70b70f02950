//! What is recorded and judged together: a job, or what its worker does beside those that it has at once.

use super::{
    super::session::Session,
    policies::Applied,
    store::{Files, Store, reopen},
};
use crate::{
    engine::{Conclusion, Finding},
    event::{Body, Called, Counted, Event, JobId, Kept, Step},
    kernel::{Left, boottime},
    policy::Policy,
    recording::{Header, Reader},
};
use detector_common::counter::Counter;
use std::{collections::BTreeMap, io};

/// Counters of the kernel side, by name.
pub(super) type Counters = BTreeMap<&'static str, u64>;

/// A recording that grows, and what is made of it.
pub(super) struct Part {
    /// As people see it: the number of the job that the kernel side knows, and behind a dot its own.
    label: String,
    session: Session,
    files: Files,
    /// The host's counters as it began.
    before: Counters,
    findings: u64,
    /// Whether anything was told of it.
    any: bool,
    /// Whether it was told what it is called.
    called: bool,
}

/// What another process recorded of a part.
pub(super) struct Resumed {
    /// The part, which goes on.
    pub(super) part: Part,
    /// The provider's name.
    pub(super) provider: String,
    /// The head of its recording.
    pub(super) header: Header,
    /// The policy that it was under.
    pub(super) policy: Policy,
    /// What had been told.
    pub(super) told: Vec<Event>,
    /// What was written of its workspace.
    pub(super) workspace: Option<String>,
}

impl Part {
    /// One of kernel job `job` that begins now, under this policy.
    pub(super) fn begin(
        (job, label): (JobId, String),
        provider: &str,
        header: &Header,
        (policy, store): (&Applied, &Store),
        before: Counters,
    ) -> io::Result<Self> {
        let (files, recording) = store.begin(header.started.realtime / 1_000_000_000, provider, &label)?;
        let mut session = Session::new(job, policy.policy.clone(), policy.mode, header, Some(recording));
        for known in policy.known.borrow().iter() {
            session.own(boottime(), Body::Known(known.clone()));
        }
        Ok(Self { label, session, files, before, findings: 0, any: false, called: false })
    }

    /// One that a daemon before this one began, from what that recorded.
    pub(super) fn resume(job: JobId, label: String, store: &Store, before: Counters) -> Option<Resumed> {
        let (files, provider, recording) = store.unfinished(&label)?;
        let resumed = || -> Result<_, Box<dyn std::error::Error>> {
            let file = reopen(&recording)?;
            let mut reader = Reader::open(&recording)?;
            let told = reader.by_ref().collect::<Result<Vec<_>, _>>()?;
            let header = reader.into_header();
            let policy = Policy::from_document(header.policy.document.clone())?;
            let session = Session::resume(job, policy.clone(), &header, told.clone(), file);
            Ok((header, policy, session, told))
        };
        let (header, policy, mut session, told) = match resumed() {
            Ok(resumed) => resumed,
            Err(error) => {
                tracing::error!("the recording of job {label} cannot be gone on with: {error}");
                return None;
            }
        };
        let counters = BTreeMap::from([(Counter::Away.name().to_owned(), 1)]);
        session.own(boottime(), Body::Lost(Counted { counters }));
        let any = told.iter().any(|event| event.actor.is_some());
        let called = told.iter().any(|event| matches!(event.body, Body::Called(_)));
        let workspace = files.workspace();
        let part = Self { label, session, files, before, findings: 0, any, called };
        Some(Resumed { part, provider, header, policy, told, workspace })
    }

    /// The same, with a line beside its recording by which the next daemon knows its workspace.
    pub(super) fn with_workspace(self, workspace: Option<&str>) -> io::Result<Self> {
        workspace.map(|workspace| self.files.note_workspace(workspace)).transpose()?;
        Ok(self)
    }

    /// Takes in a record of it.
    pub(super) fn record(&mut self, record: &[u8]) -> Vec<Finding> {
        let found = self.session.record(record);
        self.findings += found.len() as u64;
        self.any = true;
        found
    }

    /// Takes in a record that all parts of a job need to know.
    pub(super) fn know(&mut self, record: &[u8]) -> Vec<Finding> {
        self.session.record(record)
    }

    /// Takes in an event that all parts of a job need to know.
    pub(super) fn tell(&mut self, event: Event) {
        self.session.tell(event);
    }

    /// What its agent calls it, said once.
    pub(super) fn call(&mut self, called: Option<Called>) {
        if let Some(called) = called.filter(|_| !self.called) {
            self.session.own(boottime(), Body::Called(called));
            self.called = true;
        }
    }

    /// What the sensor says of itself.
    pub(super) fn own(&mut self, time: u64, body: Body) {
        self.session.own(time, body);
    }

    /// What its agent calls steps.
    pub(super) fn name(&mut self, steps: impl IntoIterator<Item = Step>) {
        for step in steps {
            self.session.own(boottime(), Body::Step(step));
        }
    }

    /// A file of the job named a place, and the kernel side has known that since `time`.
    pub(super) fn keep(&mut self, time: u64, kept: Kept) {
        self.session.keep(time, kept);
    }

    /// The policy, with what was kept so far.
    pub(super) fn policy(&self) -> &Policy {
        self.session.policy()
    }

    /// What makes the verdict no better than INCONCLUSIVE.
    pub(super) fn note(&mut self, reason: &str) {
        self.session.note_incomplete(reason.to_owned());
    }

    /// Writes the recording out.
    pub(super) fn flush(&mut self) {
        self.session.flush();
    }

    /// Leaks that the kernel side told of.
    pub(super) fn told(&self) -> u64 {
        self.session.told()
    }

    /// Findings so far.
    pub(super) fn findings(&self) -> u64 {
        self.findings
    }

    /// Whether anything was told of it.
    pub(super) fn any(&self) -> bool {
        self.any
    }

    /// As people see it.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// Takes its files away: there was nothing.
    pub(super) fn discard(self) {
        if let Err(error) = self.files.discard() {
            tracing::warn!("the files of a job that was none cannot be removed: {error}");
        }
    }

    /// Ends it: `now` are the host's counters, of which what counts up for several jobs counts for each; `unexplained` is how many
    /// leaks were decided and told of by nobody.
    pub(super) fn conclude(self, now: &Counters, unexplained: u64, left: Left, late: u64) {
        let mut counters: BTreeMap<_, _> = now
            .iter()
            .map(|(name, count)| (*name, count.saturating_sub(self.before.get(name).copied().unwrap_or(0))))
            .filter(|(_, count)| *count != 0)
            .collect();
        let leaks = self.session.told() + unexplained;
        if leaks == 0 {
            counters.remove("leaks")
        } else {
            counters.insert("leaks", leaks)
        };
        let conclusion: Conclusion = self.session.end(boottime(), None, &counters, left, late);
        let (label, path, verdict) = (self.label, self.files.path().display(), conclusion.verdict);
        if let Err(error) = self.files.conclude(&conclusion) {
            tracing::error!("the report of job {label} cannot be written to {path}: {error}");
        }
        let findings = conclusion.findings.len();
        tracing::info!("job {label} ended: {verdict:?}, {findings} finding(s): {path}");
    }
}
