//! What a worker calls its steps, from its own log.
//!
//! The log is read through the worker's own descriptor and no further than it went when a step was forked: whatever a step writes there
//! later was not there before. What is read tells names, and decides nothing.

use super::agents::Seen;
use crate::{
    ci::{Event as Said, Job as Named, Kind, Provider, StepLog, Sure, diagnostics, is_worker_log},
    event::{Called, Step, StepId},
};
use std::{
    fs::{self, File},
    io::Read as _,
    os::unix::ffi::OsStrExt as _,
};

/// Bytes of a log that are read in all.
const BYTES: u64 = 64 << 20;
/// Steps that wait for their names.
const WAITING: usize = 1_024;

/// The log of one worker.
pub(super) struct Steps {
    worker: u32,
    parser: StepLog,
    /// What it calls the job, until it was told.
    called: Option<Called>,
    file: Option<File>,
    read: u64,
    /// Steps, with the process and the time (nanoseconds since 1970) that they began with.
    waiting: Vec<(StepId, u32, u64)>,
}

impl Steps {
    /// Those of `worker`, where its agent writes such a log.
    pub(super) fn of(worker: &Seen, provider: Provider) -> Option<Self> {
        diagnostics(&worker.started())?;
        let parser = StepLog::new(provider)?;
        Some(Self { worker: worker.pid(), parser, called: None, file: None, read: 0, waiting: Vec::new() })
    }

    /// The worker forked process `pid` as `step` at `time` (nanoseconds since 1970): the names that are known by now.
    pub(super) fn forked(&mut self, step: StepId, pid: u32, time: u64) -> Vec<Step> {
        self.read();
        if self.waiting.len() < WAITING {
            self.waiting.push((step, pid, time));
        }
        self.named(false)
    }

    /// What it calls the job, once.
    pub(super) fn called(&mut self) -> Option<Called> {
        self.called.take()
    }

    /// The worker has ended: the rest of the names.
    pub(super) fn ended(&mut self) -> Vec<Step> {
        self.read();
        self.named(true)
    }

    fn named(&mut self, all: bool) -> Vec<Step> {
        let mut named = Vec::new();
        self.waiting.retain(|(step, pid, time)| {
            let Some(found) = self.parser.step_of(*pid, *time) else { return !all };
            let likely = found.sure == Sure::Likely;
            // The log may say it of the process itself by the next time.
            if likely && !all {
                return true;
            }
            let runs = match &found.step.kind {
                Kind::Script => Some("script".to_owned()),
                Kind::Action(text) | Kind::Local(text) | Kind::Image(text) | Kind::Task(text) => Some(text.clone()),
                Kind::Agent | Kind::Unknown => None,
            };
            named.push(Step { step: *step, name: found.step.name.clone(), runs, likely });
            false
        });
        named
    }

    /// Feeds the parser what is there now.
    fn read(&mut self) {
        if self.file.is_none() {
            self.file = opened(self.worker);
        }
        let Some(file) = &mut self.file else { return };
        let len = file.metadata().map_or(0, |metadata| metadata.len());
        let mut rest = len.min(BYTES).saturating_sub(self.read);
        let mut buffer = vec![0; 64 << 10];
        while rest > 0 {
            let most = usize::try_from(rest).unwrap_or(usize::MAX).min(buffer.len());
            match file.read(&mut buffer[..most]) {
                Ok(0) | Err(_) => break,
                Ok(n) => {
                    let called = self.parser.feed(&buffer[..n]).into_iter().find_map(|said| match said {
                        Said::Job(job) => Some(job),
                        _ => None,
                    });
                    self.called = called.map(called_as).or(self.called.take());
                    rest -= n as u64;
                    self.read += n as u64;
                }
            }
        }
    }
}

/// What an agent calls a job, as it is recorded.
pub(super) fn called_as(Named { name, repository, workflow, run, .. }: Named) -> Called {
    Called { name, repository, workflow, run }
}

/// The log that process `pid` has open.
fn opened(pid: u32) -> Option<File> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let paths = descriptors.flatten().map(|entry| entry.path());
    let mut logs = paths.filter(|path| {
        let target = fs::read_link(path).unwrap_or_default();
        target.file_name().is_some_and(|name| is_worker_log(name.as_bytes()))
    });
    File::open(logs.next()?).ok()
}
