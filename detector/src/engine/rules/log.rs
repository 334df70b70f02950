//! `leak-log`: an encoded block in the job's log, by what holds a secret whose leak kills.
//!
//! The log is a destination, and often everybody may read it (tj-actions-2025, prt-scan-2026). What holders print all day is not
//! looked into; a block is what encoders make, so that the masking of CI systems does not know a secret again.

use super::emit::{Direct, who};
use crate::{
    engine::{
        Did, Engine, Finding, Severity,
        carried::{Trace, links},
    },
    event::{Actor, Event, Outcome, Print},
};

const RULE: &str = "leak-log";
/// Exfiltration Over Web Service.
const TECHNIQUE: &str = "T1567";

impl Engine {
    /// A block was printed.
    pub(super) fn printed(&mut self, event: &Event, actor: &Actor, print: &Print) -> Option<Finding> {
        let classes = self.held(actor.holder).intersection(self.roles.log);
        if classes.is_empty() {
            return None;
        }
        let mut trace = Trace::new();
        self.holders.carried(actor.holder).trace(classes, &mut trace);
        let before = links(&trace, &self.policy);
        let outcome = Some(print.outcome);
        let direct = Direct { classes, before, outcome, ..Direct::new(RULE, TECHNIQUE, Severity::High, Did::Print) };
        let tried = if print.outcome == Outcome::Passed { "printed" } else { "tried to print" };
        self.emit(event, actor, direct, |finding| {
            let secret = finding.secret.join(", ");
            format!("{} {tried} an encoded block to the job's log, and holds [{secret}]", who(finding))
        })
    }
}
