//! What every direct finding passes through: folding, ids, exceptions.

use crate::{
    engine::{Action, Did, Enforced, Engine, Finding, Link, ProcessName, Severity, Strength, exception::path},
    event::{Actor, Body, Event, JobId, Outcome, Process, StepId},
    policy::{Matched, Rule, RuleSettings},
    secret::ClassSet,
};
use rustc_hash::FxHashMap;

/// Links that the chain of a direct finding keeps: the first ones.
const LINKS: usize = 16;

/// Something that a rule found in one event.
pub(super) struct Direct {
    /// The rule.
    pub(super) rule: &'static str,
    /// How bad.
    pub(super) severity: Severity,
    /// Technique of MITRE ATT&CK.
    pub(super) technique: &'static str,
    /// The classes it is about.
    pub(super) classes: ClassSet,
    /// What it is done to: findings of a rule, step and program that differ in it are several.
    pub(super) subject: String,
    /// What led to it, before the event itself.
    pub(super) before: Vec<Link>,
    /// What the process did.
    pub(super) did: Did,
    /// Who did it, where that is not what the process ran before the event.
    pub(super) process: Option<ProcessName>,
    /// The process with which a lineage starts, where it is the lineage that did it.
    pub(super) root: Option<Process>,
    /// What became of it, where that is in the sensor's hands.
    pub(super) outcome: Option<Outcome>,
}

impl Direct {
    /// `did` by the actor is what `rule` looks for, whatever it is done to.
    pub(super) fn new(rule: &'static str, technique: &'static str, severity: Severity, did: Did) -> Self {
        let (classes, subject, before) = (ClassSet::EMPTY, String::new(), Vec::new());
        Self { rule, severity, technique, classes, subject, before, did, process: None, root: None, outcome: None }
    }
}

/// What makes two direct findings one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    job: JobId,
    step: StepId,
    rule: &'static str,
    by: By,
    subject: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum By {
    Program(String),
    Lineage(Process),
}

/// Where in the list of findings the direct ones are. Bounded by that list.
#[derive(Debug, Default)]
pub(super) struct Said(FxHashMap<Key, usize>);

impl Engine {
    /// Says `direct`; `message` words it, again when it happens again. A finding when it is a new one, or worse than before.
    pub(super) fn emit(
        &mut self,
        event: &Event,
        actor: &Actor,
        direct: Direct,
        message: impl Fn(&Finding) -> String,
    ) -> Option<Finding> {
        let Direct { rule, severity, technique, classes, subject, before, did, process, root, outcome } = direct;
        let number = match &event.body {
            // It is about what the process becomes.
            Body::Exec(exec) if process.is_some() => exec.program,
            _ => self.processes.image(root.unwrap_or(actor.process)).spender(),
        };
        let secret = self.policy.names(classes);
        let mut link = self.moment(event, actor).link(did, Strength::Held, secret.clone());
        if let Some(process) = process {
            link.process = process;
        }
        let process = root.map_or_else(|| link.process.clone(), |root| self.processes.name(root));
        let settings = match Rule::named(rule) {
            Some(rule) => {
                // A lineage touched more files than are links of its chain.
                let paths: Vec<_> = path(&link.did).into_iter().filter(|_| root.is_none()).collect();
                let matched = Matched {
                    classes,
                    program: &process.path,
                    number,
                    paths: &paths,
                    destination: None,
                    names: &[],
                    step: actor.step,
                };
                if !self.makes(rule, &matched) {
                    return None;
                }
                self.policy.rule(rule)
            }
            None => RuleSettings::default(),
        };
        let severity = settings.severity(severity);
        let action = settings.action(match outcome {
            Some(_) => Action::Deny,
            None if severity == Severity::Info => Action::Observe,
            None => Action::Alert,
        });
        let by = root.map_or_else(|| By::Program(process.path.clone()), By::Lineage);
        let key = Key { job: actor.job, step: actor.step, rule, by, subject };
        if let Some(&n) = self.rules.said.0.get(&key) {
            let finding = self.findings.get_mut(n)?;
            finding.count = finding.count.saturating_add(1);
            let worse = severity > finding.severity;
            // One that passed outweighs all that did not.
            if let (Some(enforced), Some(outcome)) = (&mut finding.enforced, outcome) {
                enforced.outcome = enforced.outcome.min(outcome);
            }
            if secret.iter().any(|name| !finding.secret.contains(name)) {
                // In the order of their bits, as everywhere.
                let known = std::mem::take(&mut finding.secret);
                let all = self.policy.classes().iter().map(|class| &class.name);
                finding.secret = all.filter(|name| known.contains(name) || secret.contains(name)).cloned().collect();
            }
            // What made it worse is told in any case.
            let room = finding.chain.len() < LINKS || worse && finding.chain.len() < 2 * LINKS;
            if room && !finding.chain.iter().any(|other| (&other.did, &other.process) == (&link.did, &link.process)) {
                finding.chain.push(link);
            }
            if worse {
                (finding.technique, finding.action) = (Some(technique.to_owned()), action);
            }
            finding.message = message(finding);
            return if worse { self.findings.raise(n, severity) } else { None };
        }
        let mut chain = before;
        chain.truncate(LINKS - 1);
        if chain.last().is_none_or(|last| last.event != link.event) {
            chain.push(link);
        }
        let mut finding = Finding {
            id: String::new(),
            rule: rule.to_owned(),
            technique: Some(technique.to_owned()),
            severity,
            action,
            enforced: outcome.map(|outcome| Enforced { outcome, killed: self.holders.is_killed(actor.process) }),
            // Not yet: the id is the same whichever of its classes comes first.
            secret: Vec::new(),
            destination: None,
            job: actor.job,
            step: actor.step,
            process: Some(process),
            chain,
            count: 1,
            message: String::new(),
        };
        finding.message = message(&Finding { secret: secret.clone(), ..finding.clone() });
        let n = self.findings.direct(finding)?;
        self.rules.said.0.insert(key, n);
        let finding = self.findings.get_mut(n)?;
        finding.secret = secret;
        Some(finding.clone())
    }
}

/// `name`, or where there is none, the process by its number.
pub(super) fn who(finding: &Finding) -> String {
    match &finding.process {
        Some(process) if !process.name.is_empty() => process.name.clone(),
        Some(process) => format!("process {}", process.process.pid),
        None => "a process".to_owned(),
    }
}
