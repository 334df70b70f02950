//! A finding's causal chain, from the secret to the destination.

use super::line::{bounded, clip, squeeze};
use crate::{
    engine::{Did, Enforced, Finding, Link, ProcessName, Strength},
    event::{Call, Outcome, Process},
};

/// Links shown of a long chain: where the secret came from, and how it left.
const FIRST: usize = 6;
const LAST: usize = 10;

/// The chain as parts of one line, every one but the first with its arrow in front; empty without a chain.
pub(super) fn chain(finding: &Finding) -> Vec<String> {
    let links = &finding.chain;
    let skip = if links.len() > FIRST + LAST + 1 { FIRST..links.len() - LAST } else { 0..0 };
    let mut steps = Vec::new();
    let mut named = None;
    let mut before = None;
    for (at, link) in links.iter().enumerate() {
        if skip.contains(&at) {
            if at == skip.start {
                steps.push(format!("{} more", skip.len()));
                named = None;
            }
        } else if at == 0 || at == skip.end || at + 1 == links.len() || !says_no_more(&links[at - 1], link) {
            let change = if before.replace(link.strength) == Some(link.strength) { "" } else { strength(link) };
            steps.push(step(link, &mut named) + change);
        }
    }
    let arrow = |(at, step)| if at == 0 { step } else { format!("-> {step}") };
    steps.into_iter().enumerate().map(arrow).collect()
}

/// A process for people: `name(pid)`.
pub(super) fn who(process: &ProcessName) -> String {
    let name = if process.name.is_empty() { "?" } else { &process.name };
    format!("{}({})", clip(name, 32), process.process.pid)
}

/// What was done about a finding. A kill is said beside, and stops nothing by itself.
pub(super) fn became(enforced: Enforced) -> String {
    let outcome = match enforced.outcome {
        Outcome::Passed => "NOT STOPPED",
        Outcome::Refused => "DENIED",
        Outcome::Quarantined => "DENIED (quarantined)",
        Outcome::Masked => "MASKED",
    };
    format!("{outcome}{}", if enforced.killed { ", killed" } else { "" })
}

/// Whether `link` says no more than the one before it: a take from what was given, since the next link names who took; or
/// the same fork, which passes on all strengths alike.
fn says_no_more(before: &Link, link: &Link) -> bool {
    match (&before.did, &link.did) {
        (Did::Give { object: given }, Did::Take { object: taken }) => {
            given == taken && before.strength == link.strength
        }
        (Did::Fork, Did::Fork) => before.event == link.event,
        _ => false,
    }
}

/// How strong the evidence is from `link` on, where that is not what one would think.
fn strength(link: &Link) -> &'static str {
    match link.strength {
        Strength::Held if matches!(link.did, Did::Read { .. } | Did::Access { .. } | Did::Dump) => "",
        Strength::Held => " [held]",
        Strength::Reader => " as reader",
        Strength::Sdk => " as SDK user",
        Strength::Inherited => " [inherited]",
    }
}

/// One step, with the process in front unless the step before named it.
fn step<'a>(link: &'a Link, named: &mut Option<(Process, &'a str)>) -> String {
    let process = (link.process.process, link.process.name.as_str());
    let same = named.replace(process) == Some(process);
    let did = match &link.did {
        Did::Read { path } => format!("read {} {}", squeeze(path, 72), classes(&link.classes)),
        // Nothing came of it.
        Did::Access { door, target } if link.classes.is_empty() => {
            format!("try {} of {}", clip(door, 16), clip(target, 28))
        }
        Did::Access { door, target } => {
            format!("read {} of {} {}", clip(door, 16), clip(target, 28), classes(&link.classes))
        }
        Did::Probe { path, found } => {
            let absent = if *found { "" } else { " (not there)" };
            format!("look for {}{absent} {}", squeeze(path, 72), classes(&link.classes))
        }
        Did::Write { path } => format!("write {}", squeeze(path, 72)),
        Did::Run { what } => format!("run {}", squeeze(what, 96)),
        Did::Print => "print it to the job's log".to_owned(),
        Did::Dump => format!("print its environment {}", classes(&link.classes)),
        Did::Fork => "fork".to_owned(),
        Did::Exec => "exec".to_owned(),
        Did::Give { object } if same => through(object),
        Did::Give { object } => format!("write {}", through(object)),
        Did::Take { object } => format!("read {}", through(object)),
        Did::Send { call, to } => format!("{} {}", name(*call), clip(to, 48)),
    };
    if same { did } else { format!("{} {did}", who(&link.process)) }
}

/// A pipe has no name worth a line.
fn through(object: &str) -> String {
    if object.starts_with("pipe") { "pipe".to_owned() } else { squeeze(object, 48) }
}

fn classes(names: &[String]) -> String {
    format!("[{}]", bounded(names, 3, |name| clip(name, 16)).join(", "))
}

fn name(call: Call) -> &'static str {
    match call {
        Call::Connect => "connect",
        Call::SendTo => "sendto",
        Call::Send => "send",
        Call::Ask => "ask for",
        Call::Packet => "packets to",
    }
}
