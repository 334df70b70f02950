//! What may be spent where, and what is found of it.

use super::{
    programs::{GH, GIT, NODE, NPM, PYTHON, SH},
    story::{AWS, CRATES, FORGE, GIT_TOKEN, NPMRC, REGISTRY, SINK, Story, pipe},
};
use crate::{
    engine::{
        Action, Finding, Severity,
        Strength::{self, Held, Inherited, Reader, Sdk},
        Verdict::{Fail, Pass},
    },
    event::{Call, Exec, Outcome},
};
use detector_common::command::line::{INSTALLS, QUIET};

const BASH: u32 = 10;
const CHILD: u32 = 11;

const OF_AWS: &[&str] = &["aws"];
const OF_GIT: &[&str] = &["git"];
const OF_NPM: &[&str] = &["npm"];
const ELSEWHERE: &str = "203.0.113.9:22";
const ANYWHERE: &str = "0.0.0.0:0";

fn step() -> Story {
    let mut story = Story::new();
    story.start(BASH, "/bin/bash");
    story
}

fn runs(program: u16, line: u16) -> Exec {
    Exec { program, line, ..Exec::default() }
}

fn only(story: &Story) -> Finding {
    let findings = story.conclude().findings;
    assert_eq!(findings.len(), 1, "{findings:?}");
    findings.into_iter().next().unwrap()
}

fn strengths(finding: &Finding) -> Vec<Strength> {
    finding.chain.iter().map(|link| link.strength).collect()
}

/// Python, whose SDK is that of `aws`, has read that class.
fn python() -> Story {
    let mut story = step();
    story.run(BASH, "/usr/bin/python3", runs(PYTHON, 0)).read(BASH, super::BOTO).read(BASH, AWS);
    story
}

#[test]
fn a_reader_spends_its_own_where_only_it_may() {
    let gh = |program| {
        let mut story = step();
        story.run(BASH, "/usr/bin/gh", runs(program, 0)).read(BASH, GIT_TOKEN);
        story
    };
    gh(GH).connect(BASH, ELSEWHERE).send(BASH, 5, ELSEWHERE).finds(&[]);
    gh(GIT).connect(BASH, FORGE).finds(&[]);
    gh(GIT).connect(BASH, ELSEWHERE).finds(&[("leak", OF_GIT)]);
    gh(0).connect(BASH, ELSEWHERE).finds(&[("leak", OF_GIT)]);
    // Not what was handed to it, nor what it holds beside, nor by what it runs.
    let mut handed = step();
    handed.read(BASH, GIT_TOKEN).give(BASH, pipe(1)).start(CHILD, "/bin/sh").run(CHILD, "/usr/bin/gh", runs(GH, 0));
    handed.receive(CHILD, pipe(1), true).read(CHILD, GIT_TOKEN).connect(CHILD, ELSEWHERE);
    handed.finds(&[("leak", OF_GIT)]);
    gh(GH).read(BASH, AWS).connect(BASH, ELSEWHERE).finds(&[("leak", OF_AWS)]);
    gh(GH).exec(BASH, "/bin/sh").connect(BASH, ELSEWHERE).finds(&[("leak", OF_GIT)]);
    let mut injected = step();
    injected.run(BASH, "/usr/bin/gh", Exec { injected: true, ..runs(GH, 0) }).read(BASH, GIT_TOKEN);
    injected.connect(BASH, ELSEWHERE).finds(&[("leak", OF_GIT)]);
}

#[test]
fn what_a_reader_may_spend_is_no_mark_on_its_socket() {
    let mut story = step();
    story.run(BASH, "/usr/bin/gh", runs(GH, 0)).read(BASH, GIT_TOKEN).fork(BASH, CHILD).send(BASH, 5, ELSEWHERE);
    story.run(CHILD, "/bin/sh", runs(SH, 0)).send(CHILD, 5, SINK);
    story.finds(&[("leak-inherited", OF_GIT)]);
    let mut other = step();
    other.run(BASH, "/usr/bin/git", runs(GIT, QUIET)).read(BASH, GIT_TOKEN).send(BASH, 5, FORGE);
    other.start(CHILD, "/bin/sh").send(CHILD, 5, SINK).finds(&[("leak", OF_GIT)]);
}

#[test]
fn inherited_is_one_low_finding_a_step() {
    let mut story = step();
    story.run(BASH, "/usr/bin/git", runs(GIT, QUIET)).read(BASH, GIT_TOKEN).fork(BASH, CHILD);
    story.run(CHILD, "/usr/bin/curl", Exec { fresh: true, ..runs(SH, 0) }).connect(CHILD, SINK).connect(CHILD, FORGE);
    let finding = only(&story);
    assert_eq!(
        (finding.rule.as_str(), finding.severity, finding.action),
        ("leak-inherited", Severity::Low, Action::Alert)
    );
    assert_eq!(finding.enforced, None);
    let said = "curl reached 203.0.113.9:443, which does not accept [git]: that secret was upstream, and nothing shows that it \
                came along";
    assert_eq!(finding.message, said);
    assert_eq!(strengths(&finding), [Reader, Reader, Inherited, Inherited]);
    assert_eq!(story.conclude().verdict, Pass);
    // By others, to other places, and once more.
    story.fork(CHILD, 20).connect(20, ELSEWHERE).send(20, 5, ELSEWHERE).connect(CHILD, REGISTRY);
    let folded = only(&story);
    assert_eq!((folded.count, &folded.id), (4, &finding.id));
    assert!(
        folded.message.starts_with("curl reached 203.0.113.9:443, and this step 2 more, which do not accept [git]")
    );
    // Another class is another one, which has what is new only.
    story.read(20, AWS).run(20, "/bin/sh", runs(SH, 0)).connect(20, SINK);
    story.finds(&[("leak-inherited", OF_GIT), ("leak-inherited", OF_AWS)]);
    let findings = story.conclude().findings;
    assert_eq!(findings.iter().map(|finding| finding.count).collect::<Vec<_>>(), [5, 1]);
    // Another step is.
    story.next_step().start(30, "/bin/sh").read(30, AWS).run(30, "/bin/sh", runs(SH, 0)).connect(30, SINK);
    story.finds(&[("leak-inherited", OF_GIT), ("leak-inherited", OF_AWS), ("leak-inherited", OF_AWS)]);
}

#[test]
fn the_id_of_inherited_is_not_that_of_who_came_first() {
    let id = |first: &str, to: &str| {
        let mut story = step();
        story.read(BASH, AWS).fork(BASH, CHILD).run(CHILD, first, Exec::default()).connect(CHILD, to);
        only(&story).id
    };
    assert_eq!(id("/usr/bin/curl", SINK), id("/usr/bin/wget", ELSEWHERE));
}

#[test]
fn places_without_end_are_counted_up_to_a_bound() {
    let mut story = step();
    story.read(BASH, AWS).run(BASH, "/bin/sh", runs(SH, 0));
    for port in 1..2001 {
        story.connect(BASH, &format!("203.0.113.9:{port}"));
    }
    let finding = only(&story);
    assert_eq!(finding.count, 2000);
    assert!(finding.message.contains("this step at least 255 more"), "{}", finding.message);
}

#[test]
fn the_held_one_of_two_is_a_leak_and_the_other_is_not() {
    let mut story = step();
    story.run(BASH, "/usr/bin/git", runs(GIT, QUIET)).read(BASH, GIT_TOKEN).read(BASH, AWS);
    story.run(BASH, "/bin/sh", Exec { fresh: true, ..runs(SH, 0) }).connect(BASH, SINK);
    story.finds(&[("leak", OF_AWS), ("leak-inherited", OF_GIT)]);
    let decision = story.tell().decision();
    let bits = |names| super::classes(names).bits();
    assert_eq!((decision.bits, decision.leak, decision.weak), (bits(&["aws", "git"]), bits(OF_AWS), bits(OF_GIT)));
    let found = story.conclude();
    assert_eq!((found.verdict, strengths(&found.findings[0])), (Fail, vec![Held, Held, Held]));
}

#[test]
fn a_lone_class_of_an_sdk_is_an_alert() {
    let mut story = python();
    story.connect(BASH, SINK).send(BASH, 5, SINK).finds(&[("leak-alert", OF_AWS)]);
    let finding = only(&story);
    assert_eq!((finding.severity, finding.action, finding.count), (Severity::Medium, Action::Alert, 2));
    assert_eq!(strengths(&finding), [Sdk, Sdk]);
    let said = "python3 sent [aws] to 203.0.113.9:443, which does not accept it; ";
    assert!(finding.message.starts_with(said), "{}", finding.message);
    assert_eq!(finding.enforced.map(|enforced| enforced.outcome), Some(Outcome::Passed));
    assert_eq!(story.conclude().verdict, Pass);
    // The socket is not marked, whichever way it was sent.
    story.reach(BASH, Call::SendTo, 6, SINK).send(BASH, 7, ANYWHERE).start(CHILD, "/bin/sh");
    story.send(CHILD, 5, SINK).send(CHILD, 6, SINK).send(CHILD, 7, SINK);
    story.finds(&[("leak-alert", OF_AWS)]);
}

#[test]
fn with_company_it_is_a_leak() {
    python().read(BASH, NPMRC).connect(BASH, SINK).finds(&[("leak", &["aws", "npm"])]);
    python().read(BASH, NPMRC).connect(BASH, REGISTRY).finds(&[("leak", OF_AWS)]);
    // Its own again, handed to it.
    let mut handed = python();
    handed.give(BASH, pipe(1)).start(CHILD, "/bin/sh").run(CHILD, "/usr/bin/python3", runs(PYTHON, 0));
    handed.read(CHILD, super::BOTO).read(CHILD, AWS).take(CHILD, pipe(1)).connect(CHILD, SINK);
    handed.finds(&[("leak", OF_AWS)]);
    // Not an interpreter any more.
    python().exec(BASH, "/usr/bin/curl").connect(BASH, SINK).finds(&[("leak", OF_AWS)]);
}

/// A shell that npm runs as it installs.
fn hook() -> Story {
    let mut story = step();
    let npm = Exec { script: NPM, skip: 2, ..runs(NODE, INSTALLS) };
    story.run(BASH, "/usr/bin/node", npm).script(BASH, NPM).fork(BASH, CHILD).run(CHILD, "/bin/sh", runs(SH, 0));
    story
}

#[test]
fn an_install_hook_has_no_excuse() {
    let mut sdk = hook();
    sdk.run(CHILD, "/usr/bin/python3", runs(PYTHON, 0)).read(CHILD, super::BOTO).read(CHILD, AWS).connect(CHILD, SINK);
    sdk.finds(&[("leak", OF_AWS)]);
    let mut pair = hook();
    pair.read(CHILD, GIT_TOKEN).read(CHILD, NPMRC).connect(CHILD, FORGE).connect(CHILD, REGISTRY);
    pair.finds(&[("leak", OF_NPM), ("leak", OF_GIT)]);
}

#[test]
fn a_release_spends_two_tokens_at_either_place() {
    let release = || {
        let mut story = step();
        story.read(BASH, GIT_TOKEN).read(BASH, NPMRC);
        story
    };
    let mut both = release();
    both.send(BASH, 5, FORGE).send(BASH, 6, REGISTRY).finds(&[("leak-alert", OF_NPM), ("leak-alert", OF_GIT)]);
    let conclusion = both.conclude();
    assert!(conclusion.findings.iter().all(|finding| finding.severity == Severity::Low));
    assert_eq!(conclusion.verdict, Pass);
    assert!(
        conclusion.findings[0].message.contains("one forge and one registry"),
        "{}",
        conclusion.findings[0].message
    );
    release().connect(BASH, SINK).finds(&[("leak", &["npm", "git"])]);
    release().read(BASH, AWS).connect(BASH, FORGE).finds(&[("leak", &["aws", "npm"])]);
    release().read(BASH, CRATES).connect(BASH, FORGE).finds(&[("leak", &["npm", "crates"])]);
    // One that is upstream only is none of the two.
    let mut upstream = step();
    upstream.read(BASH, GIT_TOKEN).run(BASH, "/bin/sh", runs(SH, 0)).read(BASH, NPMRC).connect(BASH, FORGE);
    upstream.finds(&[("leak", OF_NPM)]);
}

#[test]
fn a_datagram_without_an_address_marks_and_is_no_leak() {
    let mut story = step();
    story.read(BASH, AWS).send(BASH, 5, ANYWHERE).finds(&[]);
    let decision = story.tell().decision();
    assert_eq!((decision.bits, decision.leak, decision.weak), (super::classes(OF_AWS).bits(), 0, 0));
    story.start(CHILD, "/bin/sh").reach(CHILD, Call::SendTo, 5, SINK).finds(&[("leak", OF_AWS)]);
    let mut inherited = step();
    inherited.read(BASH, AWS).run(BASH, "/bin/sh", runs(SH, 0)).send(BASH, 5, ANYWHERE).finds(&[]);
    inherited.start(CHILD, "/bin/sh").reach(CHILD, Call::SendTo, 5, SINK).finds(&[]);
}

#[test]
fn an_alert_explains_no_drop() {
    let mut story = python();
    story.connect(BASH, SINK).start(CHILD, "/bin/sh").read(CHILD, AWS).send(CHILD, 5, "127.0.0.1:80");
    story.send(BASH, 5, "127.0.0.1:80").dropped(BASH, 5, SINK, true);
    story.finds(&[("leak", OF_AWS), ("leak-alert", OF_AWS)]);
}

#[test]
fn what_everybody_accepts_is_no_finding_at_any_strength() {
    let mut story = python();
    story.read(BASH, GIT_TOKEN).fork(BASH, CHILD).run(CHILD, "/bin/sh", runs(SH, 0));
    for pid in [BASH, CHILD] {
        story.connect(pid, "127.0.0.1:80").send(pid, 5, "[::1]:80");
    }
    story.finds(&[]);
}
