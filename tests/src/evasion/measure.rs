//! What a fixture comes to: as a theft in both modes, and as its twin.

use super::fixture::{Expected, Fixture};
use crate::{canary::Canary, quarantine, scene::Scene, watched::Watched, wire::Wire};
use detector::{engine::Verdict, event::Outcome as Fate};
use std::time::{Duration, Instant};

/// How long an arrival is waited for.
const SOON: Duration = Duration::from_secs(3);
/// How often is looked.
const TICK: Duration = Duration::from_millis(10);
/// Tries of a TCP socket that has lost its process.
const TRIES: u8 = 2;

/// What it came to.
#[derive(Clone, Debug)]
pub struct Figures {
    /// The fixture.
    pub fixture: Fixture,
    /// Whether the secret arrived under enforce.
    pub enforce: bool,
    /// Whether it arrived in audit.
    pub audit: bool,
    /// By what it was stopped.
    pub stopped: Vec<String>,
    /// What is not as it is expected.
    pub wrong: Vec<String>,
}

/// A run of a fixture, and what it adds to the figures.
type Run = fn(&mut Figures) -> anyhow::Result<()>;

/// Runs it as a theft in both modes, and as its twin.
pub fn measure(fixture: &Fixture) -> Figures {
    runs(fixture, &[enforced, audited, twin])
}

/// Runs it as a theft under enforce, which is what matters most; where there is reason to doubt its twin, that, too.
pub fn theft(fixture: &Fixture, with_twin: bool) -> Figures {
    runs(fixture, if with_twin { &[enforced, twin] } else { &[enforced] })
}

fn runs(fixture: &Fixture, runs: &[Run]) -> Figures {
    let mut figures =
        Figures { fixture: fixture.clone(), enforce: false, audit: false, stopped: Vec::new(), wrong: Vec::new() };
    for run in runs {
        if let Err(error) = run(&mut figures) {
            figures.wrong.push(format!("{error:#}"));
        }
    }
    figures
}

fn enforced(figures: &mut Figures) -> anyhow::Result<()> {
    let (scene, fixture) = (Scene::new()?, figures.fixture.clone());
    let wire = Wire::tap(&scene.network.sink)?;
    quarantine::shorten_retries(&scene.network.job, TRIES)?;
    let run = Watched::run(&scene, &job(&scene, &fixture, &scene.home.credential("ssh")).mode("enforce"))?;
    quarantine::await_end(&run.pins()?, quarantine::GONE)?;
    figures.enforce = arrived(&scene, &wire, scene.home.canary("ssh"));
    let fates = run.leaks().filter_map(|leak| Some(format!("{:?}", leak.enforced?.outcome).to_lowercase()));
    figures.stopped = fates.collect();
    figures.stopped.sort();
    figures.stopped.dedup();
    let mut say = |wrong: String| figures.wrong.push(format!("enforce: {wrong}"));
    let stopped = run.leaks().all(|leak| leak.enforced.is_some_and(|enforced| enforced.outcome != Fate::Passed));
    match fixture.enforce {
        Expected::Deny => {
            if arrived(&scene, &wire, scene.home.canary("ssh")) {
                say("the secret arrived".to_owned());
            }
            if run.conclusion.verdict != Verdict::Fail || run.leaks().next().is_none() || !stopped {
                say(format!("{:?}, {:?}", run.conclusion.verdict, told(&run)));
            }
        }
        _ => {
            let told_of = says(&run, fixture.why.as_deref());
            if run.conclusion.verdict == Verdict::Pass && !told_of {
                say("it passed, and the report does not say that it may".to_owned());
            }
            if figures.enforce && stopped && run.leaks().next().is_some() {
                figures.wrong.push("enforce: the report says that it was stopped, and it arrived".to_owned());
            }
        }
    }
    Ok(())
}

fn audited(figures: &mut Figures) -> anyhow::Result<()> {
    let (scene, fixture) = (Scene::new()?, &figures.fixture);
    let wire = Wire::tap(&scene.network.sink)?;
    let run = Watched::run(&scene, &job(&scene, fixture, &scene.home.credential("ssh")).mode("audit"))?;
    figures.audit = arrives(&scene, &wire, scene.home.canary("ssh"));
    if !figures.audit {
        let heard = String::from_utf8_lossy(&run.outcome.stderr).into_owned();
        figures.wrong.push(format!("audit: nothing arrived; {}; {heard}", run.outcome.status));
    }
    let found = run.conclusion.verdict == Verdict::Fail && run.leaks().next().is_some();
    if fixture.audit == Expected::Found && !found {
        figures.wrong.push(format!("audit: {:?}, {:?}", run.conclusion.verdict, told(&run)));
    }
    Ok(())
}

fn twin(figures: &mut Figures) -> anyhow::Result<()> {
    let (scene, fixture) = (Scene::new()?, &figures.fixture);
    if fixture.twin == Expected::None {
        return Ok(());
    }
    let wire = Wire::tap(&scene.network.sink)?;
    let run = Watched::run(&scene, &job(&scene, fixture, &scene.home.artifact()).mode("enforce"))?;
    let heard = || String::from_utf8_lossy(&run.outcome.stderr).into_owned();
    if !arrives(&scene, &wire, scene.home.payload()) || run.outcome.code() != Some(0) {
        figures.wrong.push(format!("twin: nothing arrived; {}; {}", run.outcome.status, heard()));
    }
    if run.conclusion.verdict != Verdict::Pass || !run.conclusion.findings.is_empty() {
        let reasons = &run.conclusion.reasons;
        figures.wrong.push(format!("twin: {:?}, {:?}, {reasons:?}", run.conclusion.verdict, told(&run)));
    }
    Ok(())
}

fn job<'a>(scene: &'a Scene, fixture: &Fixture, file: &std::path::Path) -> crate::run::Job<'a> {
    scene.job(fixture.command()).env("FILE", file).env("PYTHONDONTWRITEBYTECODE", "1")
}

fn arrived(scene: &Scene, wire: &Wire, canary: &Canary) -> bool {
    wire.carried(canary) || scene.sink.contains(canary)
}

fn arrives(scene: &Scene, wire: &Wire, canary: &Canary) -> bool {
    let began = Instant::now();
    while !arrived(scene, wire, canary) {
        if began.elapsed() > SOON {
            return false;
        }
        std::thread::sleep(TICK);
    }
    true
}

/// Whether the report tells of the gap in these words.
fn says(run: &Watched, why: Option<&str>) -> bool {
    let gaps = run.conclusion.coverage.capabilities.iter().filter_map(|capability| capability.gap.as_deref());
    let mut said = gaps.chain(run.conclusion.coverage.gaps.iter().map(String::as_str));
    why.is_some_and(|why| said.any(|gap| gap.contains(why)))
}

fn told(run: &Watched) -> Vec<&str> {
    run.conclusion.findings.iter().map(|finding| finding.message.as_str()).collect()
}
