//! `decoy`: a file that is there to be touched by nobody.

use super::emit::{Direct, who};
use crate::{
    engine::{Did, Engine, Finding, Severity},
    event::{Actor, Attempt, Event, Open},
    secret::ClassSet,
};

const RULE: &str = "decoy";
/// Unsecured Credentials: Credentials In Files.
const TECHNIQUE: &str = "T1552.001";
const ENOENT: u32 = 2;
const ENOTDIR: u32 = 20;

impl Engine {
    pub(super) fn decoy_opened(&mut self, event: &Event, actor: &Actor, open: &Open) -> Option<Finding> {
        let classes = self.policy.classes_of(&open.path).intersection(self.rules.kinds.decoy);
        self.decoy(event, actor, classes, Did::Read { path: open.path.clone() })
    }

    /// A decoy that is not there is none.
    pub(super) fn decoy_tried(&mut self, event: &Event, actor: &Actor, attempt: &Attempt) -> Option<Finding> {
        if is_missing(attempt) || self.rules.kinds.decoy.is_empty() {
            return None;
        }
        let classes = self.classes_tried(&super::place::normal(&attempt.path)).intersection(self.rules.kinds.decoy);
        self.decoy(event, actor, classes, Did::Probe { path: attempt.path.clone(), found: true })
    }

    fn decoy(&mut self, event: &Event, actor: &Actor, classes: ClassSet, did: Did) -> Option<Finding> {
        if classes.is_empty() {
            return None;
        }
        let direct = Direct { classes, ..Direct::new(RULE, TECHNIQUE, Severity::High, did) };
        self.emit(event, actor, direct, |finding| {
            format!("{} touched a decoy [{}], which nothing has a reason to", who(finding), finding.secret.join(", "))
        })
    }

    /// The classes of a path as a caller wrote it, in normal form: of a relative one as far as its components tell.
    pub(super) fn classes_tried(&self, path: &str) -> ClassSet {
        if path.starts_with('/') {
            self.policy.classes_of(path)
        } else {
            self.policy.classes_of(&format!("…/{path}"))
        }
    }
}

/// Whether what was tried is not there.
pub(super) fn is_missing(attempt: &Attempt) -> bool {
    matches!(attempt.errno, ENOENT | ENOTDIR)
}
