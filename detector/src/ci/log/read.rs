//! Reads the log.

use super::{
    dialect::{Dialect, Said},
    event::{Event, Process},
    header::{self, Header},
    lines::Lines,
    message::Message,
    plan::{self, Plan},
    time::UtcNanos,
};
use crate::{
    ci::{Kind, Outcome, Provider, Step},
    secret::redact,
};

/// Most steps that are kept, with those of actions before and after the job.
const STEPS_MAX: usize = 4096;

/// Most processes that are kept.
const PROCESSES_MAX: usize = 16384;

/// Longest name that is kept, bytes.
const NAME_MAX: usize = 256;

/// The log of one worker, fed in pieces of any size. It never fails: what is not understood is skipped.
#[derive(Debug)]
pub struct StepLog {
    dialect: Dialect,
    lines: Lines,
    /// The job message, while it is being read.
    message: Option<Message>,
    plan: Option<Plan>,
    pub(super) steps: Vec<Step>,
    pub(super) processes: Vec<Process>,
    /// When the first step began that was not kept.
    pub(super) full_since: Option<UtcNanos>,
    last: UtcNanos,
    /// Arguments are being written, of one line or more.
    arguments: bool,
    doubtful: bool,
}

impl StepLog {
    /// The log of a worker of `provider`, if its workers write one that is known.
    pub fn new(provider: Provider) -> Option<Self> {
        let dialect = match provider {
            Provider::GitHub => Dialect::GitHub,
            Provider::Azure => Dialect::Azure,
            _ => return None,
        };
        Some(Self {
            dialect,
            lines: Lines::default(),
            message: None,
            plan: None,
            steps: Vec::new(),
            processes: Vec::new(),
            full_since: None,
            last: 0,
            arguments: false,
            doubtful: false,
        })
    }

    /// Takes the next bytes, and says what they say.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        let mut lines = std::mem::take(&mut self.lines);
        lines.feed(bytes, |line, cut| self.line(line, cut, &mut events));
        self.lines = lines;
        events
    }

    /// The steps that began.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Something stood in it that the worker does not write in that place: a step that the plan does not have, a step
    /// that begins before the last ended, a line among the arguments of a process, a time that goes back, a second
    /// plan.
    pub fn is_doubtful(&self) -> bool {
        self.doubtful
    }

    /// Steps may run beside each other.
    pub(super) fn has_background(&self) -> bool {
        self.plan.as_ref().is_some_and(Plan::has_background)
    }

    fn line(&mut self, line: &[u8], cut: bool, events: &mut Vec<Event>) {
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        let Some(header) = header::parse(line) else {
            if let Some(message) = &mut self.message {
                message.line(line, cut);
            }
            return;
        };
        if let Some(message) = self.message.take() {
            let (job, plan) = message.finish();
            self.plan = Some(plan);
            events.push(Event::Job(job));
        }
        self.doubtful |= header.time < self.last;
        self.last = self.last.max(header.time);
        if let Some(said) = self.dialect.read(&header) {
            self.said(said, &header, events);
        }
    }

    fn said(&mut self, said: Said<'_>, header: &Header<'_>, events: &mut Vec<Event>) {
        match said {
            // The worker writes these one after the other, so what stands between them is an argument's text.
            Said::Arguments => self.arguments = true,
            Said::Directory => self.doubtful |= !std::mem::take(&mut self.arguments),
            _ if self.arguments && !self.has_background() => self.doubtful = true,
            Said::Plan if self.plan.is_none() && self.steps.is_empty() => self.message = Some(Message::default()),
            Said::Plan => self.doubtful = true,
            Said::Begins(name) => self.begins(name, header.time, events),
            Said::Ends(outcome) => self.ends(outcome, header.time, events),
            Said::Task { name, version, stage } => {
                if let Some(step) = self.steps.last_mut().filter(|step| step.ended.is_none()) {
                    let task = [name, b"@", version].concat();
                    (step.kind, step.stage) = (Kind::Task(redact::text(&task, NAME_MAX)), stage);
                }
            }
            Said::Part(name) => {
                if let Some(step) = self.running() {
                    events.push(Event::Part { order: self.steps[step].order, name: redact::text(name, NAME_MAX) });
                }
            }
            Said::Started(pid) => {
                if let Some(step) = self.running().filter(|_| self.processes.len() < PROCESSES_MAX) {
                    self.processes.push(Process { pid, step, time: header.time });
                    events.push(Event::Started { order: self.steps[step].order, pid });
                }
            }
        }
    }

    fn begins(&mut self, name: &[u8], time: UtcNanos, events: &mut Vec<Event>) {
        self.doubtful |= self.running().is_some();
        if self.steps.len() == STEPS_MAX {
            self.full_since.get_or_insert(time);
            return;
        }
        let full = plan::clip(&String::from_utf8_lossy(name));
        let place = self.plan.get_or_insert_default().begin(&full, self.dialect);
        self.doubtful |= !place.fits;
        let step = Step {
            order: u32::try_from(self.steps.len() + 1).unwrap_or(u32::MAX),
            name: redact::text(name, NAME_MAX),
            kind: place.kind,
            stage: place.stage,
            background: place.background,
            began: time,
            ended: None,
            outcome: None,
        };
        events.push(Event::Begins(step.clone()));
        self.steps.push(step);
    }

    /// The runner's loop is over with the step. One in the background only begins there, and its end is not followed.
    fn ends(&mut self, outcome: Outcome, time: UtcNanos, events: &mut Vec<Event>) {
        let Some(step) = self.running().map(|at| &mut self.steps[at]) else {
            self.doubtful |= self.full_since.is_none();
            return;
        };
        (step.ended, step.outcome) = (Some(time), Some(outcome));
        events.push(Event::Ends { order: step.order, outcome });
    }

    /// The step that the runner's loop is at.
    fn running(&self) -> Option<usize> {
        let at = self.steps.len().checked_sub(1)?;
        (self.steps[at].ended.is_none() && self.full_since.is_none()).then_some(at)
    }
}
