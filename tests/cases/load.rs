//! Honest load: every process is seen and named, nothing is lost, and opens that concern nobody leave no trace.

use detector::{
    engine::Verdict,
    event::{Body, Process},
};
use detector_tests::{
    fixture::{act, binary},
    scene::Scene,
    watched::Watched,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    time::Duration,
};

type Result = anyhow::Result<()>;

/// A fixture ends within 20 seconds, whatever it does: several, one after the other, start ten thousand in all.
const PARENTS: usize = 4;
const CHILDREN: usize = 2_500;
const OPENS: u64 = 1_000_000;
const LONG: Duration = Duration::from_secs(120);

#[track_caller]
fn assert_quiet(run: &Watched) {
    assert_eq!(run.conclusion.verdict, Verdict::Pass, "{}", run.outcome.text.as_deref().unwrap_or_default());
    assert!(run.conclusion.findings.is_empty() && run.conclusion.coverage.lost.is_empty());
    assert_eq!(run.outcome.code(), Some(0), "{}", String::from_utf8_lossy(&run.outcome.stderr));
}

#[test]
fn ten_thousand_processes_none_missing_none_wrong() -> Result {
    let scene = Scene::new()?;
    let script = r#"for ((i = 0; i < $1; i++)); do "$0" many "$2" || exit; done"#;
    let (parents, children) = (PARENTS.to_string().into(), CHILDREN.to_string().into());
    let words: [OsString; 6] =
        ["bash".into(), "-c".into(), script.into(), binary("fixture")?.into(), parents, children];
    let run = Watched::run(&scene, &scene.job(words).mode("enforce").timeout(LONG))?;
    assert_quiet(&run);

    let parents = run.recording.ran("fixture", &["many", &CHILDREN.to_string()]);
    assert_eq!(parents.len(), PARENTS);
    let mut parent_of = BTreeMap::new();
    for (actor, child) in run.recording.forks().filter(|(_, child)| !parents.contains(child)) {
        if actor.step != 0 {
            assert!(parents.contains(&actor.process), "who forked {child:?}? not {:?}", actor.process);
            assert_eq!(parent_of.insert(child, actor.process), None, "{child:?} was forked twice");
        }
    }
    assert_eq!(parent_of.len(), PARENTS * CHILDREN);

    let fixture = binary("fixture")?.canonicalize()?.to_string_lossy().into_owned();
    let (mut ran, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    for (actor, exec) in
        run.recording.execs().filter(|(_, exec)| exec.argv.get(1).is_some_and(|word| word == "nothing"))
    {
        let [_, _, number] = exec.argv.as_slice() else { panic!("argv {:?}", exec.argv) };
        let number: usize = number.parse()?;
        let program = if number.is_multiple_of(2) { "true" } else { "fixture" };
        assert_eq!(exec.path.rsplit('/').next(), Some(program), "the program of number {number}");
        assert!(number.is_multiple_of(2) || exec.path == fixture, "{}", exec.path);
        let Some(parent) = parent_of.get(&actor.process) else { panic!("{:?} was never forked", actor.process) };
        assert!(numbers.insert((*parent, number)), "number {number} of {parent:?} ran twice");
        assert!(ran.insert(actor.process), "{:?} ran twice", actor.process);
    }
    let wanted = parents.iter().flat_map(|parent| (0..CHILDREN).map(|number| (*parent, number)));
    assert!(numbers.iter().copied().eq(wanted), "{} of {} ran", numbers.len(), PARENTS * CHILDREN);

    let ended: BTreeSet<Process> = run.recording.exits().map(|(actor, _)| actor.process).collect();
    assert!(parent_of.keys().all(|child| ended.contains(child)), "an end is missing");
    assert_eq!(run.recording.exits().count(), PARENTS * (CHILDREN + 1) + 1);
    Ok(())
}

#[test]
fn a_million_opens_leave_no_trace() -> Result {
    let scene = Scene::new()?;
    let artifact = scene.home.artifact();
    let job =
        scene.job(act(&["opens", &OPENS.to_string(), &artifact.to_string_lossy()])?).mode("enforce").timeout(LONG);
    let run = Watched::run(&scene, &job)?;
    assert_quiet(&run);
    let opens = run.recording.footer.counters.get("opens").copied().unwrap_or(0);
    assert!(opens >= OPENS, "{opens} opens were looked at");
    assert!(!run.recording.events.iter().any(|event| matches!(event.body, Body::Open(_) | Body::Attempt(_))));
    let events = run.recording.events.iter().filter(|event| !matches!(event.body, Body::Known(_))).count();
    assert!(events < 10, "{events} events");
    Ok(())
}
