//! Chains, folding, ids, and what the sensor did about it.

use super::story::{AWS, NPMRC, REGISTRY, SINK, Story, pipe, process};
use crate::{
    engine::{Conclusion, Did, Enforced, Verdict},
    event::{Body, Call, Door, Outcome, Relation},
};

const BASH: u32 = 10;
const CAT: u32 = 11;
const CURL: u32 = 12;

fn theft() -> Story {
    let mut story = Story::new();
    story.start(BASH, "/bin/bash").spawn(BASH, CAT, "/bin/cat").spawn(BASH, CURL, "/usr/bin/curl");
    story.read(CAT, AWS).give(CAT, pipe(4711)).exit(CAT).take(CURL, pipe(4711));
    story
}

/// `cat(11) read …` and so on.
fn chain(conclusion: &Conclusion) -> Vec<String> {
    let did = |did: &Did| match did {
        Did::Read { path } => format!("read {path}"),
        Did::Access { door, target } => format!("{door} of {target}"),
        Did::Probe { path, .. } => format!("probe {path}"),
        Did::Write { path } => format!("write {path}"),
        Did::Run { what } => format!("run {what}"),
        Did::Dump => "dump".into(),
        Did::Print => "print".into(),
        Did::Fork => "fork".into(),
        Did::Exec => "exec".into(),
        Did::Give { object } => format!("give {object}"),
        Did::Take { object } => format!("take {object}"),
        Did::Send { call, to } => format!("{call:?} {to}"),
    };
    let links = conclusion.findings.first().map(|finding| finding.chain.as_slice()).unwrap_or_default();
    let classes = |names: &[String]| names.join(",");
    links
        .iter()
        .map(|link| {
            let who = format!("{}({})", link.process.name, link.process.process.pid);
            format!("{who} {} [{}]", did(&link.did), classes(&link.classes))
        })
        .collect()
}

#[test]
fn the_chain_goes_from_the_secret_to_the_destination() {
    let mut story = theft();
    let conclusion = story.send(CURL, 5, SINK).conclude();
    let expected = [
        "cat(11) read /root/.aws/credentials [aws]",
        "cat(11) give pipe 4711 [aws]",
        "curl(12) take pipe 4711 [aws]",
        "curl(12) Send 203.0.113.9:443 [aws]",
    ];
    assert_eq!(chain(&conclusion), expected);
    let finding = &conclusion.findings[0];
    assert_eq!(finding.message, "curl sent [aws] to 203.0.113.9:443, which does not accept it");
    let events: Vec<_> = finding.chain.iter().map(|link| link.event).collect();
    assert_eq!(events, [7, 8, 10, 11]);
    assert_eq!(finding.chain[3].time, 110);
}

#[test]
fn forks_and_execs_are_links_by_the_name_of_then() {
    let mut story = Story::new();
    story.start(BASH, "/bin/bash").access(BASH, Door::Mem, Relation::Outside, 0);
    story.fork(BASH, CURL).exec(CURL, "/usr/bin/curl").exec(CURL, "/usr/bin/python3").connect(CURL, SINK);
    let expected = [
        "bash(10) mem of Runner.Worker(2) [runner-memory]",
        "bash(10) fork [runner-memory]",
        "bash(12) exec [runner-memory]",
        "curl(12) exec [runner-memory]",
        "python3(12) Connect 203.0.113.9:443 [runner-memory]",
    ];
    assert_eq!(chain(&story.conclude()), expected);
}

#[test]
fn a_chain_of_two_classes_says_which_came_along() {
    let mut story = theft();
    story.read(CURL, NPMRC).send(CURL, 5, SINK);
    let chain = chain(&story.conclude());
    assert_eq!(chain[2], "curl(12) take pipe 4711 [aws]");
    assert_eq!(chain[3], "curl(12) read /root/.npmrc [npm]");
    assert_eq!(chain.len(), 5);
}

#[test]
fn a_handed_over_socket_is_a_link() {
    let mut story = Story::new();
    story.start(BASH, "/bin/bash").fork(BASH, CURL).read(BASH, NPMRC).send(BASH, 5, REGISTRY).send(CURL, 5, SINK);
    let expected = [
        "bash(10) read /root/.npmrc [npm]",
        "bash(10) Send 198.51.100.7:443 [npm]",
        "bash(12) Send 203.0.113.9:443 [npm]",
    ];
    assert_eq!(chain(&story.conclude()), expected);
}

#[test]
fn the_first_cause_stays() {
    let mut story = theft();
    story.read(CURL, AWS).take(CURL, pipe(4711)).send(CURL, 5, SINK);
    assert_eq!(chain(&story.conclude()).len(), 4);
}

#[test]
fn the_same_leak_again_is_one_finding() {
    let mut story = theft();
    for socket in 5..10 {
        story.send(CURL, socket, SINK);
    }
    let findings = story.send(CURL, 5, "203.0.113.9:80").conclude().findings;
    assert_eq!(findings.iter().map(|finding| finding.count).collect::<Vec<_>>(), [5, 1]);
    let mut engine = crate::engine::Engine::new(super::policy(), crate::engine::Mode::Audit, 0);
    let new = story.events.iter().flat_map(|event| engine.apply(event)).filter(|found| found.rule == "leak").count();
    assert_eq!(new, 2);
}

#[test]
fn ids_know_neither_pids_nor_times() {
    let ids = |shift: u32, pad: usize| {
        let mut story = Story::new();
        (0..pad).for_each(|_| _ = story.say(None, Body::Armed));
        story.start(BASH + shift, "/bin/bash").read(BASH + shift, AWS);
        story.spawn(BASH + shift, CURL + shift, "/usr/bin/curl").connect(CURL + shift, SINK);
        story.spawn(BASH + shift, 50 + shift, "/usr/bin/curl").connect(50 + shift, SINK);
        story.connect(50 + shift, "203.0.113.9:80");
        story.conclude().findings.into_iter().map(|finding| finding.id).collect::<Vec<_>>()
    };
    let (one, other) = (ids(0, 0), ids(100, 9));
    assert_eq!(one, other);
    assert!(one.iter().all(|id| id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_hexdigit())));
    assert!(one[0] != one[1] && one[1] != one[2] && one[0] != one[2], "{one:?}");
}

#[track_caller]
fn enforced(story: &Story, outcome: Outcome, killed: bool, message: &str) {
    let finding = &story.conclude().findings[0];
    assert_eq!(finding.enforced, Some(Enforced { outcome, killed }));
    assert!(finding.message.starts_with(message), "{}", finding.message);
}

#[test]
fn a_kill_after_the_leak_shows_in_its_finding() {
    use Outcome::{Passed, Refused};
    let refused = || {
        let mut story = theft();
        story.stopping(Refused).connect(CURL, SINK);
        story
    };
    enforced(&refused(), Refused, false, "curl tried to send");
    enforced(refused().kill(CURL, 0).exit(CURL), Refused, true, "curl tried");
    enforced(refused().kill(BASH, 0), Refused, false, "curl tried");
    enforced(refused().kill(CURL, 3), Refused, false, "curl tried");
    enforced(refused().stopping(Passed).reach(CURL, Call::SendTo, 9, SINK), Passed, false, "curl sent");
    // Another thread, before the signal got to it.
    let mut late = theft();
    late.kill(CURL, 0).stopping(Refused).connect(CURL, SINK);
    enforced(&late, Refused, true, "curl tried");
}

#[test]
fn a_drop_says_what_became_of_the_send() {
    use Outcome::{Passed, Quarantined};
    let sent = |outcome| {
        let mut story = theft();
        story.stopping(outcome).send(CURL, 5, SINK).exit(CURL);
        story
    };
    enforced(sent(Quarantined).dropped(CURL, 5, SINK, true), Quarantined, false, "curl tried");
    enforced(sent(Quarantined).dropped(CURL, 5, SINK, false), Passed, false, "curl sent");
    enforced(sent(Passed).dropped(CURL, 5, SINK, true), Quarantined, false, "curl tried");
    enforced(sent(Passed).dropped(CURL, 5, "203.0.113.9:0", true), Quarantined, false, "curl tried");
    enforced(sent(Passed).dropped(CURL, 6, SINK, true), Passed, false, "curl sent");
    enforced(sent(Passed).dropped(BASH, 5, SINK, true), Quarantined, false, "curl tried");
    assert_eq!(sent(Quarantined).dropped(CURL, 5, SINK, true).conclude().findings[0].count, 1);
    let mut unnamed = theft();
    unnamed.stopping(Quarantined).send(CURL, 0, SINK).dropped(CURL, 9, SINK, false);
    enforced(&unnamed, Passed, false, "curl sent");
    let mut audit = theft();
    enforced(audit.connect(CURL, SINK), Passed, false, "curl holds [aws] and connected to");
}

#[test]
fn a_drop_that_no_send_explains_is_a_leak() {
    let mut story = Story::new();
    story.start(BASH, "/bin/bash").read(BASH, NPMRC).send(BASH, 5, REGISTRY).exit(BASH);
    assert_eq!(story.conclude().verdict, Verdict::Pass);
    let conclusion = story.dropped(BASH, 5, SINK, true).conclude();
    assert_eq!((conclusion.verdict, conclusion.findings.len()), (Verdict::Fail, 1));
    assert_eq!(chain(&conclusion).len(), 3);
    let mut clean = Story::new();
    clean.start(BASH, "/bin/bash").dropped(BASH, 5, SINK, true);
    assert!(clean.conclude().findings.is_empty());
}

#[test]
fn the_worst_come_first_then_the_earliest() {
    let mut story = Story::new();
    story.start(BASH, "/bin/bash").read(BASH, NPMRC).connect(BASH, SINK).connect(BASH, "203.0.113.1:1");
    story.read(BASH, AWS).connect(BASH, REGISTRY);
    let findings = story.conclude().findings;
    let to: Vec<_> = findings.iter().map(|finding| finding.destination.as_ref().map(|to| to.port)).collect();
    assert_eq!(to, [Some(443), Some(443), Some(1)]);
    assert_eq!(findings[0].secret, ["aws"]);
    assert!(findings.iter().all(|finding| finding.process.as_ref().is_some_and(|it| it.process == process(BASH))));
}
