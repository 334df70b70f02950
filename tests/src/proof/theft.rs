//! The thefts of the proof: each is a fixture under `attacks`, run in audit and in enforce under the builtin policy.

use super::{Findings, TheftFigures};
use crate::{canary, fixture::attack, quarantine, scene::Scene, watched::Watched};
use detector::engine::{Mode, Verdict};
use std::{collections::BTreeSet, time::Duration};

/// A theft: its fixture is `attacks/NAME/run.sh`, which sends to `$SINK`.
#[derive(Clone, Copy, Debug)]
pub struct Theft {
    /// The incident.
    pub name: &'static str,
}

/// Every theft. One line adds one.
pub const THEFTS: &[Theft] =
    &[Theft { name: "trivy-2026" }, Theft { name: "litellm-2026" }, Theft { name: "telnyx-2026" }];

/// What may be left in the kernel is gone by then.
const SOON: Duration = Duration::from_secs(5);

impl Theft {
    /// Runs it and counts.
    ///
    /// # Errors
    /// When a run does not hold what every run must hold: no secret in the output, replay alike, kernel and engine alike.
    ///
    /// # Panics
    /// When a secret is in what a run wrote.
    pub fn measure(&self) -> anyhow::Result<TheftFigures> {
        let mut missed = Vec::new();
        let (watched, scene) = self.run("audit", &mut missed)?;
        let (audit, classes) = (counted(&watched), classes(&watched));
        let sent = scene.sink.bytes().len();
        if sent == 0 {
            missed.push("audit: nothing was sent: the theft itself does not work".to_owned());
        }
        let (watched, scene) = self.run("enforce", &mut missed)?;
        let arrived = scene.sink.bytes();
        let canary_bytes = stolen(&scene)?;
        if canary_bytes != 0 {
            missed.push(format!("enforce: {canary_bytes} bytes of secrets arrived"));
        }
        Ok(TheftFigures {
            name: self.name,
            audit,
            enforce: counted(&watched),
            classes,
            sent,
            arrived: arrived.len(),
            canary_bytes,
            killed: watched.recording.killed().len(),
            missed,
        })
    }

    fn run(&self, mode: &'static str, missed: &mut Vec<String>) -> anyhow::Result<(Watched, Scene)> {
        let scene = Scene::new()?;
        let watched = Watched::run(&scene, &scene.job([attack(self.name)]).mode(mode))?;
        if watched.leaks().next().is_none() || watched.conclusion.verdict != Verdict::Fail {
            missed.push(format!("{mode}: no leak was found, the verdict is {:?}", watched.conclusion.verdict));
        }
        if watched.conclusion.mode == Mode::Enforce {
            quarantine::await_end(&watched.pins()?, SOON)?;
        }
        Ok((watched, scene))
    }
}

/// Bytes of secrets at the sink: those of opened loot, and those of whatever came in the clear or in a known spelling.
fn stolen(scene: &Scene) -> anyhow::Result<usize> {
    let loot: usize = scene.keys.open(&scene.sink)?.iter().map(Vec::len).sum();
    let clear = canary::trace(&scene.canaries(), &scene.sink.bytes()).map_or(0, |_| canary::WINDOW);
    Ok(loot + clear)
}

fn counted(watched: &Watched) -> Findings {
    let mut findings = Findings::default();
    watched.conclusion.findings.iter().for_each(|finding| findings.add(finding.severity));
    findings
}

fn classes(watched: &Watched) -> Vec<String> {
    let classes: BTreeSet<&String> = watched.leaks().flat_map(|leak| &leak.secret).collect();
    classes.into_iter().cloned().collect()
}
