//! `step-env`: a process prints its own environment, where steps get their secrets.
//!
//! People debug so: alone it is low. What is printed and sent elsewhere is a leak of the class with the door `dump`, and
//! is found as such.

use super::{command::started, emit::Direct};
use crate::{
    engine::{Did, Engine, Finding, Severity},
    event::{Actor, Event, Exec, Stream},
};
use detector_common::command::line;

const RULE: &str = "step-env";
/// Unsecured Credentials.
const TECHNIQUE: &str = "T1552";

impl Engine {
    /// A program was started on a command line that prints the environment, and somebody can read what it prints.
    pub(super) fn dumped(&mut self, event: &Event, actor: &Actor, exec: &Exec) -> Option<Finding> {
        let into = match exec.stdout {
            Stream::Pipe => "a pipe",
            Stream::File => "a file",
            Stream::Socket => "a socket",
            Stream::None | Stream::Device => return None,
        };
        if exec.line & line::DUMPS == 0 || exec.script != 0 {
            return None;
        }
        let (process, what) = started(actor, exec);
        let message = format!("{} prints the environment of its step into {into}", process.name);
        let did = Did::Run { what };
        let classes = self.policy.dump();
        let direct = Direct { classes, process: Some(process), ..Direct::new(RULE, TECHNIQUE, Severity::Low, did) };
        self.emit(event, actor, direct, |_| message.clone())
    }

    /// A process opened its own environment in /proc.
    pub(super) fn own_environment(&mut self, event: &Event, actor: &Actor) -> Option<Finding> {
        let classes = self.policy.dump();
        let declared = self.reads(actor.process).intersection(classes.union(self.policy.environ()));
        if !declared.is_empty() {
            return None;
        }
        let did = Did::Access { door: "environ".to_owned(), target: "itself".to_owned() };
        let direct = Direct { classes, ..Direct::new(RULE, TECHNIQUE, Severity::Low, did) };
        self.emit(event, actor, direct, |finding| {
            format!("{} read the environment of its step from /proc", super::emit::who(finding))
        })
    }
}
