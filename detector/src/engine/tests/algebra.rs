//! Each rule with a theft and its honest twin.

use super::{
    classes, programs,
    story::{AWS, NPMRC, REGISTRY, SINK, Story, at, file, pipe, socket},
};
use crate::{
    engine::{
        Strength::Held,
        Verdict::{self, Fail, Pass},
    },
    event::{Call, Door, Exec, Relation},
};
use detector_common::judge::Sets;

const BASH: u32 = 10;
const CAT: u32 = 11;
const CURL: u32 = 12;

/// A step whose shell runs.
fn step() -> Story {
    let mut story = Story::new();
    story.start(BASH, "/bin/bash");
    story
}

#[track_caller]
fn expect(story: &Story, verdict: Verdict, secret: &[&str]) {
    let conclusion = story.conclude();
    assert_eq!(conclusion.verdict, verdict, "{:?}", conclusion.reasons);
    let found: Vec<_> = conclusion.findings.iter().flat_map(|finding| &finding.secret).collect();
    assert_eq!(found, secret);
}

#[test]
fn join_by_open() {
    expect(step().read(BASH, AWS).connect(BASH, SINK), Fail, &["aws"]);
    expect(step().open(BASH, AWS, false).connect(BASH, SINK), Pass, &[]);
    expect(step().read(BASH, "/root/.aws/config").connect(BASH, SINK), Pass, &[]);
    expect(step().connect(BASH, SINK).read(BASH, AWS), Pass, &[]);
}

#[test]
fn join_by_access() {
    use Relation::{Descendant, Job, Outside, Unknown};
    for door in [Door::Mem, Door::ProcessVmRead, Door::PtraceAttach, Door::PtraceSeize, Door::Kcore, Door::PerfEvent] {
        for relation in [Outside, Unknown] {
            expect(step().access(BASH, door, relation, 0).connect(BASH, SINK), Fail, &["runner-memory"]);
        }
        expect(step().access(BASH, door, Outside, 13).connect(BASH, SINK), Pass, &[]);
        expect(step().access(BASH, door, Descendant, 0).access(BASH, door, Job, 0).connect(BASH, SINK), Pass, &[]);
        // A process of the job that holds something gives it to who reads its memory.
        let mut held = step();
        held.fork(BASH, CAT).read(CAT, AWS).fork(BASH, CURL);
        expect(held.enter(CURL, CAT, door, Job).connect(CURL, SINK), Fail, &["aws"]);
    }
    for relation in [Outside, Unknown, Job] {
        expect(step().access(BASH, Door::Environ, relation, 0).connect(BASH, SINK), Fail, &["foreign-environ"]);
    }
    expect(step().access(BASH, Door::Environ, Descendant, 0).connect(BASH, SINK), Pass, &[]);
    for door in [Door::Maps, Door::Smaps, Door::Pagemap, Door::Auxv] {
        expect(step().access(BASH, door, Outside, 0).connect(BASH, SINK), Pass, &[]);
    }
}

#[test]
fn flow_by_fork() {
    expect(step().read(BASH, AWS).fork(BASH, CURL).connect(CURL, SINK), Fail, &["aws"]);
    expect(step().fork(BASH, CURL).read(BASH, AWS).connect(CURL, SINK), Pass, &[]);
    expect(step().fork(BASH, CAT).read(CAT, AWS).connect(BASH, SINK), Pass, &[]);
}

#[test]
fn what_shares_memory_is_one_holder() {
    expect(step().share(BASH, CURL).read(BASH, AWS).connect(CURL, SINK), Fail, &["aws"]);
    expect(step().share(BASH, CURL).read(CURL, AWS).exit(CURL).connect(BASH, SINK), Fail, &["aws"]);
    let mut parted = step();
    expect(parted.share(BASH, CURL).exec(CURL, "/usr/bin/curl").read(BASH, AWS).connect(CURL, SINK), Pass, &[]);
}

#[test]
fn flow_by_exec() {
    let mut story = step();
    expect(story.read(BASH, AWS).exec(BASH, "/usr/bin/python3").connect(BASH, SINK), Fail, &["aws"]);
    // A child that shares memory until it execs takes along what was held then.
    let mut story = step();
    story.share(BASH, CURL).read(BASH, AWS).exec(CURL, "/usr/bin/curl").connect(CURL, SINK);
    expect(&story, Fail, &["aws"]);
}

#[test]
fn flow_through_a_pipe_outlives_its_writer() {
    let pair = || {
        let mut story = step();
        story.spawn(BASH, CAT, "/bin/cat").spawn(BASH, CURL, "/usr/bin/curl");
        story.read(CAT, AWS).give(CAT, pipe(1)).exit(CAT);
        story
    };
    expect(pair().take(CURL, pipe(1)).connect(CURL, SINK), Fail, &["aws"]);
    expect(pair().connect(CURL, SINK), Pass, &[]);
    expect(pair().connect(CURL, SINK).take(CURL, pipe(1)), Pass, &[]);
}

#[test]
fn flow_through_a_file_reaches_a_later_step() {
    let mut story = step();
    story.read(BASH, AWS).give(BASH, file(1)).exit(BASH).start(CURL, "/usr/bin/curl").take(CURL, file(1));
    expect(story.connect(CURL, SINK), Fail, &["aws"]);
    let mut clean = step();
    clean.give(BASH, file(1)).read(BASH, AWS).exit(BASH).start(CURL, "/usr/bin/curl").take(CURL, file(1));
    expect(clean.connect(CURL, SINK), Pass, &[]);
}

#[test]
fn what_is_sent_within_the_host_is_received_there() {
    let mut story = step();
    story.start(CURL, "/usr/bin/curl").read(BASH, AWS).give(BASH, socket(1));
    expect(story.take(CURL, socket(1)).connect(CURL, SINK), Fail, &["aws"]);
    let mut clean = step();
    clean.start(CURL, "/usr/bin/curl").give(BASH, socket(1)).read(BASH, AWS);
    expect(clean.take(CURL, socket(1)).connect(CURL, SINK), Pass, &[]);
}

#[test]
fn what_was_there_before_is_known_by_any_name() {
    let story = |known: &str| {
        let mut story = step();
        story.know(known).open_as(BASH, AWS, "/tmp/name", true).connect(BASH, SINK);
        story
    };
    expect(&story(AWS), Fail, &["aws"]);
    expect(&story("/root/else"), Pass, &[]);
}

/// An open descriptor of it came from elsewhere: no open of it was seen, and no give.
#[test]
fn what_was_there_before_needs_no_open() {
    let story = |known: &str| {
        let mut story = step();
        story.know(known).take(BASH, at(AWS)).connect(BASH, SINK);
        story
    };
    expect(&story(AWS), Fail, &["aws"]);
    assert_eq!(story(AWS).conclude().coverage.gaps, step().conclude().coverage.gaps, "a give is missed");
    assert_ne!(story("/root/else").conclude().verdict, Pass, "a give that was not seen");
}

#[test]
fn memory_carries_what_its_holders_hold_and_not_what_a_reader_read() {
    let story = |program: Option<u16>| {
        let mut story = step();
        story.start(CURL, "/usr/bin/curl");
        if let Some(program) = program {
            let exec = Exec { program, skip: 2, ..Exec::default() };
            story.run(BASH, "/usr/bin/npm", exec);
        }
        story.read(BASH, NPMRC).store(BASH, pipe(1)).load(CURL, pipe(1)).connect(CURL, SINK);
        story
    };
    expect(&story(None), Fail, &["npm"]);
    expect(&story(Some(programs::NPM)), Pass, &[]);
}

/// Its packets may go anywhere: what some place accepts leaks, too.
#[test]
fn a_packet_socket_leads_nowhere_in_particular() {
    expect(step().read(BASH, NPMRC).reach(BASH, Call::Packet, 0, "0.0.0.0:0"), Fail, &["npm"]);
    expect(step().reach(BASH, Call::Packet, 0, "0.0.0.0:0"), Pass, &[]);
}

#[test]
fn an_object_is_per_job_and_a_pipe_is_no_file() {
    let mut story = step();
    story.read(BASH, AWS).give(BASH, pipe(1));
    let engine = story.tell();
    let crate::event::Object::Pipe(id) = pipe(1) else { unreachable!() };
    assert_eq!(engine.objects.carried(1, pipe(1)).set(Held), classes(&["aws"]));
    assert_eq!(engine.objects.carried(2, pipe(1)).sets(), Sets::default());
    assert_eq!(engine.objects.carried(1, crate::event::Object::File(id)).sets(), Sets::default());
}

#[test]
fn leak_is_what_the_destination_does_not_accept() {
    let holds = || {
        let mut story = step();
        story.read(BASH, AWS).read(BASH, NPMRC);
        story
    };
    expect(holds().connect(BASH, REGISTRY), Fail, &["aws"]);
    expect(holds().connect(BASH, "198.51.100.7:80"), Fail, &["aws", "npm"]);
    expect(step().read(BASH, NPMRC).connect(BASH, REGISTRY), Pass, &[]);
    expect(holds().connect(BASH, "127.0.0.1:8080").connect(BASH, "[::1]:8080"), Pass, &[]);
}

#[test]
fn a_socket_remembers_what_was_sent_on_it() {
    let handed_over = |call| {
        let mut story = step();
        story.fork(BASH, CURL).read(BASH, NPMRC).reach(BASH, call, 77, REGISTRY).send(CURL, 77, SINK);
        story
    };
    expect(&handed_over(Call::Send), Fail, &["npm"]);
    expect(&handed_over(Call::SendTo), Fail, &["npm"]);
    expect(&handed_over(Call::Connect), Pass, &[]);
    let mut unnamed = step();
    unnamed.fork(BASH, CURL).read(BASH, NPMRC).send(BASH, 0, REGISTRY).send(CURL, 0, SINK);
    expect(&unnamed, Pass, &[]);
}

#[test]
fn the_action_decides_how_bad_it_is() {
    use crate::engine::{Action, Severity};
    for (path, action, severity, verdict) in [
        (AWS, Action::Kill, Severity::Critical, Fail),
        (NPMRC, Action::Deny, Severity::High, Fail),
        ("/root/.pypirc", Action::Alert, Severity::Medium, Pass),
    ] {
        let conclusion = step().read(BASH, path).connect(BASH, SINK).conclude();
        let finding = &conclusion.findings[0];
        assert_eq!((finding.action, finding.severity, conclusion.verdict), (action, severity, verdict), "{path}");
    }
    let mut observed = step();
    assert!(observed.read(BASH, "/root/.notes").connect(BASH, SINK).conclude().findings.is_empty());
}

#[test]
fn the_decision_is_in_the_kernel_sides_terms() {
    let mut story = step();
    story.read(BASH, AWS).give(BASH, pipe(1)).give(BASH, pipe(1)).fork(BASH, CURL).exec(CURL, "/usr/bin/curl");
    story.open(CURL, NPMRC, false).read(CURL, NPMRC).take(CURL, pipe(1)).connect(CURL, REGISTRY);
    story.access(CURL, Door::Mem, Relation::Outside, 1).exit(CURL);
    let mut engine = super::story::tell(&[]);
    let decided: Vec<_> = story
        .events
        .iter()
        .map(|event| {
            engine.apply(event);
            (engine.decision().bits, engine.decision().leak)
        })
        .collect();
    let (aws, npm, both) = (classes(&["aws"]).bits(), classes(&["npm"]).bits(), classes(&["aws", "npm"]).bits());
    let expected = [
        (0, 0),
        (0, 0),
        (aws, 0),
        (aws, 0),
        (0, 0),
        (aws, 0),
        (aws, 0),
        (npm, 0),
        (npm, 0),
        (0, 0),
        (both, aws),
        (0, 0),
        (0, 0),
    ];
    assert_eq!(decided, expected);
}
