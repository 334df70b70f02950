//! The thefts of the proof: each is a fixture under `attacks`, run in audit and in enforce under the builtin policy.

use super::{Findings, TheftFigures};
use crate::{canary, fixture::attack, quarantine, run::Job, scene::Scene, watched::Watched};
use detector::engine::{Mode, Verdict};
use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

/// A theft: its fixture is `attacks/NAME/run.sh`.
#[derive(Clone, Copy, Debug)]
pub struct Theft {
    /// The incident.
    pub name: &'static str,
    /// The job that it is.
    pub job: for<'a> fn(&'a Scene, &str) -> Job<'a>,
    /// What arrived, as the thief can read it.
    pub opened: fn(&Scene) -> anyhow::Result<Vec<u8>>,
}

impl Theft {
    /// One that sends packed loot to `$SINK`.
    const fn packed(name: &'static str) -> Self {
        Self { name, job, opened }
    }
}

/// Every theft. One line adds one.
pub const THEFTS: &[Theft] =
    &[Theft::packed("trivy-2026"), Theft::packed("litellm-2026"), Theft::packed("telnyx-2026")];

/// What may be left in the kernel is gone by then.
const SOON: Duration = Duration::from_secs(5);

impl Theft {
    /// Runs it and counts. What does not hold that must always hold (no secret in the output, replay alike, kernel and engine
    /// alike) is missed, too.
    pub fn measure(&self) -> TheftFigures {
        let mut figures = TheftFigures { name: self.name, ..TheftFigures::default() };
        for mode in [Mode::Audit, Mode::Enforce] {
            // The harness fails by panicking; the figures of the other thefts are still wanted.
            let ran = catch_unwind(AssertUnwindSafe(|| self.run(mode, &mut figures)));
            match ran {
                Ok(Ok(())) => {}
                Ok(Err(error)) => figures.missed.push(format!("{}: {error:#}", word(mode))),
                Err(_) => figures.missed.push(format!("{}: the harness panicked", word(mode))),
            }
        }
        figures
    }

    fn run(&self, mode: Mode, figures: &mut TheftFigures) -> anyhow::Result<()> {
        let scene = Scene::new()?;
        let watched = Watched::run(&scene, &(self.job)(&scene, self.name).mode(word(mode)))?;
        if watched.leaks().next().is_none() || watched.conclusion.verdict != Verdict::Fail {
            figures.missed.push(format!("{}: no leak was found: {:?}", word(mode), watched.conclusion.verdict));
        }
        match mode {
            Mode::Audit => {
                figures.audit = counted(&watched);
                figures.classes = classes(&watched);
                figures.sent = canary::spelled(&scene.canaries(), &(self.opened)(&scene)?);
                if figures.sent == 0 {
                    figures.missed.push("audit: no secret was sent: the theft itself does not work".to_owned());
                }
            }
            Mode::Enforce => {
                quarantine::await_end(&watched.pins()?, SOON)?;
                figures.enforce = counted(&watched);
                figures.killed = watched.recording.killed().len();
                let (bytes, secrets, opened) = (scene.sink.bytes(), scene.canaries(), (self.opened)(&scene)?);
                figures.arrived = bytes.len();
                // Also a part of one, and in another spelling.
                let traces = [&bytes, &opened].map(|bytes| canary::trace(&secrets, bytes).is_some());
                let part = if traces.contains(&true) { canary::WINDOW } else { 0 };
                figures.canary_bytes = canary::spelled(&secrets, &opened).max(part);
                if figures.canary_bytes != 0 {
                    figures.missed.push(format!("enforce: {} bytes of secrets arrived", figures.canary_bytes));
                }
            }
        }
        Ok(())
    }
}

fn job<'a>(scene: &'a Scene, name: &str) -> Job<'a> {
    scene.job([attack(name)])
}

fn opened(scene: &Scene) -> anyhow::Result<Vec<u8>> {
    Ok(scene.keys.open(&scene.sink)?.concat())
}

fn word(mode: Mode) -> &'static str {
    match mode {
        Mode::Audit => "audit",
        Mode::Enforce => "enforce",
    }
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
