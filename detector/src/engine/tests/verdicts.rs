//! What makes PASS something else.

use super::story::{AWS, SINK, Story, pipe, renumber, tell};
use crate::{
    engine::Verdict::{self, Fail, Inconclusive, Pass},
    event::{Actor, Body, Counted, Event, HolderId, Process},
};

const BASH: u32 = 10;

fn build() -> Story {
    let mut story = Story::new();
    story.start(BASH, "/bin/bash").connect(BASH, SINK);
    story
}

fn counted(name: &str, count: u64) -> Body {
    Body::Lost(Counted { counters: [(name.to_owned(), count)].into() })
}

#[track_caller]
fn expect(events: &[Event], verdict: Verdict, reason: &str) {
    let conclusion = tell(events).conclude(Vec::new(), true);
    assert_eq!(conclusion.verdict, verdict, "{:?}", conclusion.reasons);
    assert_eq!(conclusion.reasons.is_empty(), verdict == Pass);
    assert!(conclusion.reasons.iter().any(|it| it.contains(reason)) || verdict == Pass, "{:?}", conclusion.reasons);
}

#[test]
fn a_whole_recording_without_a_finding_passes() {
    expect(&build().events, Pass, "");
    expect(&[], Pass, "");
    assert_eq!(tell(&[]).conclude(Vec::new(), false).verdict, Inconclusive);
}

#[test]
fn a_recording_that_was_not_written_to_its_end_is_inconclusive() {
    let mut engine = build().tell();
    engine.note_incomplete("the recording could not be written: disk full".into());
    engine.note_incomplete("the recording could not be written: disk full".into());
    let conclusion = engine.conclude(Vec::new(), true);
    assert_eq!((conclusion.verdict, conclusion.reasons.len()), (Inconclusive, 1));
}

#[test]
fn loss_counts_and_noise_does_not() {
    for (name, verdict) in [
        ("lost-secret", Inconclusive),
        ("lost-process", Inconclusive),
        ("foreign-abi", Inconclusive),
        ("from-the-future", Inconclusive),
        ("lost-network", Pass),
        ("path-cut", Pass),
        ("opens", Pass),
    ] {
        expect(&build().say(None, counted(name, 2)).events, verdict, "2 events were lost");
        expect(&build().say(None, counted(name, 0)).events, Pass, "");
    }
    let mut story = build();
    story.say(None, counted("lost-network", 2)).say(None, counted("lost-network", u64::MAX));
    let coverage = story.say(None, counted("opens", 9)).conclude().coverage;
    assert_eq!(coverage.lost, [("lost-network".to_owned(), u64::MAX)].into());
    assert_eq!((coverage.seen["lost"], coverage.seen["network"], coverage.seen["fork"]), (3, 1, 1));
}

#[test]
fn a_missing_or_misplaced_event_is_noticed() {
    let mut events = build().events;
    events.remove(1);
    expect(&events, Inconclusive, "1 event is missing");
    let mut events = build().events;
    events.swap(1, 2);
    expect(&events, Inconclusive, "out of order");
}

#[test]
fn a_take_needs_its_give() {
    let mut story = build();
    expect(&story.take(BASH, pipe(1)).events, Inconclusive, "1 read took");
    let mut story = build();
    expect(&story.give(BASH, pipe(1)).take(BASH, pipe(1)).events, Pass, "");
}

#[test]
fn an_actor_needs_its_fork() {
    let actor =
        |step| Actor { job: 1, step, process: Process { pid: 99, start: 99 }, thread: 99, holder: HolderId(99) };
    let mut story = build();
    story.connect(BASH, SINK).read(BASH, AWS);
    for place in [2, 4] {
        let body = story.events[place].body.clone();
        expect(&build().say(Some(actor(1)), body.clone()).events, Inconclusive, "lineage was not seen");
        expect(&build().say(None, body.clone()).events, Inconclusive, "lineage was not seen");
        expect(&build().say(Some(actor(0)), body).events, Pass, "");
    }
}

#[test]
fn who_acts_after_its_end_or_as_another_holder_is_noticed() {
    expect(&build().exit(BASH).connect(BASH, SINK).events, Inconclusive, "had ended");
    expect(&build().exit(BASH).kill(BASH, 0).events, Pass, "");
    let mut story = build();
    story.read(BASH, AWS).exec(BASH, "/usr/bin/curl").connect(BASH, SINK);
    story.events.retain(|event| !matches!(&event.body, Body::Exec(exec) if exec.path.ends_with("curl")));
    renumber(&mut story.events);
    let conclusion = story.conclude();
    assert_eq!(conclusion.verdict, Fail, "an exec that was not seen does not wash off");
    assert_eq!(conclusion.reasons.len(), 2);
}

#[test]
fn leaks_that_no_event_explains_are_a_finding() {
    let mut story = build();
    story.say(None, Body::Unexplained { leaks: 0 });
    expect(&story.events, Pass, "");
    story.say(None, Body::Unexplained { leaks: 2 }).say(None, Body::Unexplained { leaks: 1 });
    let findings = story.conclude().findings;
    assert_eq!((findings.len(), findings[0].count, findings[0].rule.as_str()), (1, 3, "sensor-unexplained"));
    assert_eq!(findings[0].message, "the kernel side decided 3 leaks that no recorded event explains");
    expect(&story.events, Fail, "3 leaks were decided");
}

#[test]
fn arming_is_told_from_the_start_of_the_recording() {
    let mut story = Story::new();
    story.say(None, Body::Armed).say(None, Body::Proved).say(None, Body::Armed);
    let mut engine = crate::engine::Engine::new(super::policy(), crate::engine::Mode::Enforce, 4);
    story.events.iter().for_each(|event| assert!(engine.apply(event).is_empty()));
    let coverage = engine.conclude(Vec::new(), true).coverage;
    assert_eq!((coverage.armed, coverage.proved), (Some(6), Some(16)));
}

#[test]
fn a_child_is_as_well_known_as_its_parent() {
    let mut story = build();
    story.spawn(BASH, 11, "/usr/bin/curl").connect(11, SINK);
    expect(&story.events, Pass, "");
    // The fork of the shell, which does nothing else here.
    story.events.retain(|event| !matches!(event.body, Body::Network(_)) || event.seq == 6);
    story.events.remove(0);
    renumber(&mut story.events);
    expect(&story.events, Inconclusive, "lineage was not seen");
}
