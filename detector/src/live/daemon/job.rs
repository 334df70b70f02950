//! One job of the host, from its worker's beginning to its end.

use super::{
    super::{run, session::Session},
    policies::Applied,
    store::{Files, Store},
};
use crate::{
    ci::Provider,
    engine::{Conclusion, Finding, Verdict},
    kernel::{Left, boottime},
};
use serde::Serialize;
use std::{collections::BTreeMap, ffi::OsString, io, rc::Rc, time::Instant};

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
    before: BTreeMap<&'static str, u64>,
    findings: u64,
    /// When its worker ended.
    pub(super) ended: Option<Instant>,
}

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
        (number, provider, worker): (u32, Provider, u32),
        argv: &[OsString],
        policy: Rc<Applied>,
        store: &Store,
        before: BTreeMap<&'static str, u64>,
    ) -> io::Result<Self> {
        let header = run::header(argv, &policy.policy, policy.mode);
        let (files, recording) = store.begin(header.started.realtime / 1_000_000_000, provider.name(), number)?;
        let session = Session::new(number, policy.policy.clone(), policy.mode, &header, Some(recording));
        Ok(Self { number, provider, worker, session, files, policy, before, findings: 0, ended: None })
    }

    /// Takes in a record of it.
    pub(super) fn record(&mut self, record: &[u8]) -> Vec<Finding> {
        let found = self.session.record(record);
        self.findings += found.len() as u64;
        found
    }

    /// What makes the verdict no better than INCONCLUSIVE.
    pub(super) fn note(&mut self, reason: &str) {
        self.session.note_incomplete(reason.to_owned());
    }

    /// What the sensor says of itself.
    pub(super) fn own(&mut self, time: u64, body: crate::event::Body) {
        self.session.own(time, body);
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
    pub(super) fn conclude(
        mut self,
        now: &BTreeMap<&'static str, u64>,
        unexplained: u64,
        left: Left,
        late: u64,
    ) -> Verdict {
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
        self.session.flush();
        let conclusion: Conclusion = self.session.end(boottime(), None, &counters, left, late);
        let (path, verdict) = (self.files.path().display(), conclusion.verdict);
        if let Err(error) = self.files.conclude(&conclusion) {
            tracing::error!("the report of job {} cannot be written to {path}: {error}", self.number);
        }
        let findings = conclusion.findings.len();
        tracing::info!("job {} ended: {verdict:?}, {findings} finding(s): {path}", self.number);
        verdict
    }
}
