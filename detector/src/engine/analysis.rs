//! The engine: state of the analysis, and which rule an event goes to.

use super::{
    Capability, Conclusion, Finding, Mode, Severity, Strength,
    carried::Moment,
    coverage::Observed,
    exception::Exceptions,
    finding::Findings,
    holder::Holders,
    names::Names,
    object::{Objects, Sockets},
    rules::Rules,
    verdict::verdict,
};
use crate::{
    event::{Actor, Body, Event, HolderId, Kernel, StepId},
    policy::{Policy, Rule},
    process::Table,
    secret::ClassSet,
};
use detector_common::judge::Sets;
use std::{collections::BTreeMap, sync::Arc};

/// Steps of which names are kept.
const STEPS: usize = 4_096;

/// Join, flow and leak over events in recorded order: the same events give the same conclusion, live or replayed.
/// State grows with what is alive (processes, holders) and with what data is still in (objects, sockets, findings).
#[derive(Debug)]
pub struct Engine {
    pub(super) policy: Policy,
    pub(super) roles: Roles,
    pub(super) processes: Table,
    pub(super) holders: Holders,
    pub(super) objects: Objects,
    pub(super) sockets: Sockets,
    pub(super) names: Names,
    /// What the agent calls the job.
    called: Option<String>,
    /// What it calls steps.
    steps: BTreeMap<StepId, String>,
    pub(super) findings: Findings,
    pub(super) excepted: Exceptions,
    pub(super) rules: Rules,
    pub(super) observed: Observed,
    pub(super) decision: Kernel,
    mode: Mode,
    /// `CLOCK_BOOTTIME`, nanoseconds.
    start: u64,
    /// Events applied.
    order: u64,
}

/// Sets of classes that are asked for again and again.
#[derive(Debug)]
pub(super) struct Roles {
    /// Recorded only.
    pub(super) observed: ClassSet,
    /// Joined by dumping the own environment.
    pub(super) dump: ClassSet,
    /// Not accepted by the job's log.
    pub(super) log: ClassSet,
    pub(super) forge: ClassSet,
    pub(super) registry: ClassSet,
}

impl Roles {
    fn of(policy: &Policy) -> Self {
        let (observed, dump) = (policy.observed(), policy.dump());
        Self { observed, dump, log: policy.log(), forge: policy.forge(), registry: policy.registry() }
    }
}

impl Engine {
    /// An engine that has seen nothing. `start` is the recording's, `CLOCK_BOOTTIME` nanoseconds; `mode` is reported
    /// and decides nothing.
    pub fn new(policy: Policy, mode: Mode, start: u64) -> Self {
        Self {
            rules: Rules::new(&policy),
            roles: Roles::of(&policy),
            policy,
            processes: Table::default(),
            holders: Holders::default(),
            objects: Objects::default(),
            sockets: Sockets::default(),
            names: Names::default(),
            called: None,
            steps: BTreeMap::new(),
            findings: Findings::default(),
            excepted: Exceptions::default(),
            observed: Observed::default(),
            decision: Kernel::default(),
            mode,
            start,
            order: 0,
        }
    }

    /// Takes in the next event. The findings that are new, or worse than before; one that repeats or is updated shows in
    /// [`Self::conclude`]. `event.kernel` is not looked at.
    pub fn apply(&mut self, event: &Event) -> Vec<Finding> {
        self.order += 1;
        self.decision = Kernel::default();
        self.observed.note(event);
        self.attribute(event);
        let mut found = match &event.actor {
            Some(actor) => self.judge(event, actor),
            None => Vec::new(),
        };
        if let Body::Step(step) = &event.body
            && self.steps.len() < STEPS
        {
            let name = if step.likely { format!("probably {}", step.name) } else { step.name.clone() };
            self.steps.insert(step.step, name);
        }
        if let Body::Called(called) = &event.body {
            self.called = Some(called.to_string());
        }
        if let Body::Known(known) = &event.body {
            let classes = self.policy.classes_opened(&known.path, false).minus(self.roles.observed);
            self.objects.know(known.file, classes, &known.path);
        }
        if let Body::Kept(kept) = &event.body {
            self.keep(kept);
        }
        if let Body::Unexplained { leaks } = event.body {
            let severity = self.policy.rule(Rule::SensorUnexplained).severity(Severity::High);
            found.extend(self.findings.unexplained(event.actor.map_or(0, |actor| actor.job), leaks, severity));
        }
        self.look(event, &mut found);
        // Last: in an exec's own link the process still runs what it ran before.
        self.processes.apply(event);
        found
    }

    /// The policy that it goes by.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What the engine decided about the last event, in the kernel side's terms: for comparison with
    /// `event.kernel`. What it says of an event without a decision is zero.
    pub fn decision(&self) -> Kernel {
        self.decision
    }

    /// What `holder` holds, by the strength of the evidence.
    pub fn sets(&self, holder: HolderId) -> Sets {
        self.holders.sets(holder)
    }

    /// Of that, the secrets themselves.
    pub(super) fn held(&self, holder: HolderId) -> ClassSet {
        self.holders.carried(holder).set(Strength::Held)
    }

    /// Something that no event tells makes the recording incomplete (it could not be written to its end, say): a
    /// sentence for the reasons of the conclusion.
    pub fn note_incomplete(&mut self, reason: String) {
        self.observed.incomplete(reason);
    }

    /// What the events so far come to. `complete` says that the recording was ended in order.
    pub fn conclude(&self, capabilities: Vec<Capability>, complete: bool) -> Conclusion {
        let findings = self.findings.listed();
        let mut gaps = self.observed.gaps();
        if !complete {
            gaps.push("the recording has no footer: it ends early".to_owned());
        }
        let (verdict, reasons) = verdict(&findings, self.findings.unlisted(), self.policy.fail_on(), gaps);
        Conclusion {
            verdict,
            reasons,
            mode: self.mode,
            policy: self.policy.digest(),
            coverage: self.observed.coverage(capabilities, self.start),
            findings,
            called: self.called.clone(),
            steps: self.steps.clone(),
            excepted: self.excepted.listed(),
        }
    }

    fn judge(&mut self, event: &Event, actor: &Actor) -> Vec<Finding> {
        match &event.body {
            Body::Fork(fork) => self.fork(event, actor, fork),
            Body::Exec(exec) => self.exec(event, actor, exec),
            Body::Exit(_) => self.holders.leave(actor.process),
            Body::Open(open) => self.open(event, actor, open),
            Body::Access(access) => self.access(event, actor, access),
            Body::Give(flow) => self.give(event, actor, flow),
            Body::Take(flow) => self.take(event, actor, flow),
            Body::Print(_) => self.print(actor),
            Body::Network(network) => return self.network(event, actor, network),
            Body::Name(name) => self.name(actor, name),
            Body::Question(question) => return self.question(event, actor, question),
            Body::Drop(drop) => return self.drop(event, actor, drop),
            Body::Script(script) => self.script(actor, script),
            Body::Kill(kill) if kill.errno == 0 => {
                self.holders.kill(actor.process);
                self.findings.killed(actor.process);
            }
            Body::Kill(_) | Body::Attempt(_) | Body::Workdir(_) => {}
            Body::Armed
            | Body::Proved
            | Body::Step(_)
            | Body::Called(_)
            | Body::Kept(_)
            | Body::Known(_)
            | Body::Lost(_)
            | Body::Unexplained { .. } => {}
        }
        Vec::new()
    }

    /// Makes the actor part of its holder; counts events whose actor cannot be trusted to be known. What comes after
    /// a process's end (drops, kills) does not bring it back.
    fn attribute(&mut self, event: &Event) {
        let secret = match event.body {
            Body::Open(_) | Body::Access(_) | Body::Give(_) | Body::Take(_) | Body::Print(_) | Body::Network(_) => true,
            Body::Question(_) => true,
            Body::Fork(_) | Body::Exec(_) => false,
            _ => return,
        };
        let Some(actor) = &event.actor else { return self.observed.unattributed() };
        let holder = if let Body::Exec(exec) = &event.body { exec.before } else { actor.holder };
        let consistent = self.holders.settle(actor.process, holder);
        // Step 0 is the worker: it was there before, and nobody forks it.
        let known = actor.step == 0 || self.processes.is_known(actor.process);
        if !consistent || (secret && !known) {
            self.observed.unattributed();
        }
    }

    /// `event`, for the chain.
    pub(super) fn moment(&self, event: &Event, actor: &Actor) -> Moment {
        let program = Arc::clone(self.processes.program(actor.process));
        Moment { order: self.order, event: event.seq, time: event.time, process: actor.process, program }
    }
}
