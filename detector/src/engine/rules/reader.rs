//! `undeclared-reader`: a process that is no declared reader of a credential opened it for reading.
//!
//! One finding a step and program: which classes it read, as severe as the worst of them.

use super::{
    emit::{Direct, who},
    known::copies_trees,
    place::{Place, is_below, normal, place, repository},
};
use crate::{
    engine::{Did, Engine, Finding, Severity},
    event::{Actor, Event, Open},
    secret::ClassSet,
};

const RULE: &str = "undeclared-reader";
/// Unsecured Credentials: Credentials In Files, Private Keys.
const FILES: &str = "T1552.001";
const KEYS: &str = "T1552.004";

impl Engine {
    pub(super) fn opened(&mut self, event: &Event, actor: &Actor, open: &Open) -> Option<Finding> {
        if !open.read {
            return None;
        }
        let kinds = &self.rules.kinds;
        // By its name, or because it was opened by one before.
        let classes = ClassSet::from_bits(self.decision.bits);
        let about = classes.minus(kinds.decoy).minus(kinds.written);
        if about.is_empty() {
            return None;
        }
        let classes = about.minus(self.reads(actor.process));
        let severity = self.severity_of_read(actor, classes, &open.path)?;
        let technique = if classes.is_subset(self.rules.kinds.keys) { KEYS } else { FILES };
        let did = Did::Read { path: open.path.clone() };
        let direct = Direct { classes, ..Direct::new(RULE, technique, severity, did) };
        self.emit(event, actor, direct, |finding| {
            format!("{} read [{}] and is no declared reader of it", who(finding), finding.secret.join(", "))
        })
    }

    fn severity_of_read(&self, actor: &Actor, classes: ClassSet, path: &str) -> Option<Severity> {
        let kinds = &self.rules.kinds;
        if classes.is_empty() {
            return None;
        }
        let program = self.processes.program(actor.process);
        let most = if copies_trees(program.name(), &program.argv) || self.is_workspace(path) {
            Severity::Low
        } else {
            Severity::Medium
        };
        let severity = if !classes.intersection(kinds.grave).is_empty() {
            Severity::Medium
        } else if !classes.intersection(kinds.strong).is_empty() {
            Severity::Low
        } else {
            Severity::Info
        };
        Some(severity.min(most))
    }

    /// Files of a repository are the build's own: its tools and scanners read them.
    pub(super) fn is_workspace(&self, path: &str) -> bool {
        let path = normal(path);
        repository(&path).is_some()
            || place(&path) != Place::System
                && self.rules.sweeps.repositories().any(|repository| is_below(&path, repository))
    }
}
