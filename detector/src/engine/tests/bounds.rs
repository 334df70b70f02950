//! Memory follows what is alive, not how long the recording is.

use super::{
    classes, programs,
    story::{AWS, GIT_TOKEN, NPMRC, SINK, Story, file, pipe},
};
use crate::{engine::carried::LINKS, event::Exec};
use detector_common::command::line::QUIET;

const BASH: u32 = 10;

#[test]
fn a_holder_lives_as_long_as_a_process_of_it() {
    let mut story = Story::new();
    story.start(BASH, "/bin/bash").share(BASH, 11).share(11, 12).read(12, AWS).exit(12).exit(BASH);
    assert_eq!(story.tell().held(story.holder(11)), classes(&["aws"]));
    assert!(story.exit(11).tell().held(story.holder(11)).is_empty());
}

#[test]
fn short_processes_leave_no_holders() {
    let mut story = Story::new();
    story.start(BASH, "/bin/bash").read(BASH, AWS);
    for pid in 100..20_100 {
        story.spawn(BASH, pid, "/bin/true").exit(pid);
    }
    let engine = story.tell();
    assert_eq!(engine.holders.len(), 2, "the worker's and the shell's");
    assert!(engine.processes.len() < 20_000);
}

#[test]
fn a_loop_of_execs_keeps_a_chain_of_bounded_length() {
    let mut story = Story::new();
    story.start(BASH, "/bin/bash").read(BASH, AWS);
    for _ in 0..20_000 {
        story.exec(BASH, "/bin/sh");
    }
    let finding = &story.connect(BASH, SINK).conclude().findings[0];
    assert!(finding.chain.len() <= LINKS + 1, "{}", finding.chain.len());
    assert!(finding.chain[0].event == 3 && finding.chain.len() > 2);
}

#[test]
fn a_long_way_through_many_hands_keeps_its_source() {
    let mut story = Story::new();
    story.start(BASH, "/bin/bash").read(BASH, AWS).read(BASH, "/root/.npmrc").give(BASH, pipe(0)).exit(BASH);
    for hop in 0..500_u32 {
        let pid = 100 + hop;
        story.start(pid, "/bin/cat").take(pid, pipe(hop.into())).give(pid, pipe((hop + 1).into())).exit(pid);
    }
    story.start(BASH, "/bin/bash").take(BASH, pipe(500)).connect(BASH, SINK);
    let conclusion = story.conclude();
    let chain = &conclusion.findings[0].chain;
    assert!(chain.len() <= LINKS + 1);
    assert_eq!((&chain[0].classes[..], &chain[1].classes[..]), (&["aws".to_owned()][..], &["npm".to_owned()][..]));
}

#[test]
fn writing_and_reading_in_a_circle_adds_nothing() {
    let mut story = Story::new();
    story.start(BASH, "/bin/bash").read(BASH, AWS).fork(BASH, 11);
    for _ in 0..1000 {
        story.give(BASH, file(1)).take(11, file(1)).give(11, file(2)).take(BASH, file(2));
    }
    assert_eq!(story.connect(11, SINK).conclude().findings[0].chain.len(), 3);
}

#[test]
fn too_many_findings_are_counted_and_hide_nothing_worse() {
    let mut story = Story::new();
    story.start(BASH, "/bin/bash").read(BASH, "/root/.pypirc");
    for port in 1..3001 {
        story.connect(BASH, &format!("203.0.113.9:{port}"));
    }
    let conclusion = story.read(BASH, AWS).connect(BASH, SINK).conclude();
    assert_eq!(conclusion.findings.len(), 1025);
    assert_eq!(conclusion.findings[0].secret, ["aws", "pypi"]);
    assert!(conclusion.reasons.iter().any(|it| it == "1976 more leaks were found than are listed"));
}

#[test]
fn a_long_way_keeps_the_strength_of_its_source_and_of_its_end() {
    use crate::engine::Strength::{Inherited, Reader};
    let mut story = Story::new();
    let git = || Exec { program: programs::GIT, line: QUIET, ..Exec::default() };
    story.start(BASH, "/bin/bash").run(BASH, "/usr/bin/git", git()).read(BASH, GIT_TOKEN);
    for _ in 0..20_000 {
        story.run(BASH, "/usr/bin/git", git());
    }
    for hop in 0..500_u32 {
        let pid = 100 + hop;
        story
            .give(if hop == 0 { BASH } else { pid - 1 }, pipe(hop.into()))
            .start(pid, "/bin/cat")
            .take(pid, pipe(hop.into()));
    }
    let finding = &story.connect(599, SINK).conclude().findings[0];
    let (first, rest) = finding.chain.split_first().unwrap();
    assert!(finding.chain.len() <= LINKS + 1, "{}", finding.chain.len());
    assert_eq!((finding.rule.as_str(), first.strength), ("leak-inherited", Reader));
    assert!(rest.iter().all(|link| link.strength == Inherited));
}

#[test]
fn what_is_only_inherited_leaves_as_few_holders_and_findings() {
    let mut story = Story::new();
    story.start(BASH, "/bin/bash").read(BASH, AWS).read(BASH, NPMRC).read(BASH, GIT_TOKEN);
    story.run(BASH, "/bin/sh", Exec::default());
    for pid in 100..10_100 {
        story.fork(BASH, pid).run(pid, "/usr/bin/curl", Exec::default());
        story.connect(pid, &format!("203.0.113.9:{pid}")).exit(pid);
    }
    assert_eq!(story.tell().holders.len(), 2, "the worker's and the shell's");
    let findings = story.conclude().findings;
    assert_eq!((findings.len(), findings[0].count), (1, 10_000));
}
