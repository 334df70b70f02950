//! A run under the detector, held to what must be true of every run: no secret in any output, replay gives the very same
//! reports, kernel and engine decide alike, and the exit status is the documented one.

use crate::{
    outcome::{JSON, Outcome, TEXT},
    quarantine,
    recording::Recording,
    run::{self, Job},
    scene::Scene,
};
use anyhow::{Context as _, bail};
use detector::{
    engine::{Action, Conclusion, Finding, Mode, Severity, Verdict},
    event::Process,
    recording::Status,
};
use std::{collections::BTreeSet, fs, path::PathBuf, process::Command};

/// A run under the detector and all that it left.
pub struct Watched {
    /// What came of it.
    pub outcome: Outcome,
    /// Its recording.
    pub recording: Recording,
    /// Its report.
    pub conclusion: Conclusion,
}

impl Watched {
    /// Runs `job`; an error when anything does not hold that must always hold.
    pub fn run(scene: &Scene, job: &Job<'_>) -> anyhow::Result<Self> {
        let outcome = job.watched()?;
        let stderr = String::from_utf8_lossy(&outcome.stderr).into_owned();
        let (status, timed_out) = (outcome.status, outcome.timed_out);
        let heard = || format!("{status}, timed out: {timed_out}; stderr: {stderr}");
        let path = outcome.recording().with_context(|| format!("no recording: {}", heard()))?;
        let recording = Recording::open(&path).with_context(heard)?;
        let report = outcome.report.clone().with_context(|| format!("no report: {}", heard()))?;
        let conclusion = serde_json::from_value(report).context("the JSON report is no conclusion")?;
        let watched = Self { outcome, recording, conclusion };
        watched.silent(scene)?;
        watched.replays().with_context(heard)?;
        watched.recording.decided_alike().with_context(heard)?;
        watched.status_as_documented().with_context(heard)?;
        Ok(watched)
    }

    /// Findings of rule `leak`.
    pub fn leaks(&self) -> impl Iterator<Item = &Finding> {
        self.conclusion.findings.iter().filter(|finding| finding.rule == "leak")
    }

    /// The processes of all leaks.
    pub fn culprits(&self) -> BTreeSet<Process> {
        self.processes("leak")
    }

    /// The processes of leaks of a class that its policy kills for: any other is refused, and lives.
    pub fn to_kill(&self) -> BTreeSet<Process> {
        processes(self.leaks().filter(|finding| finding.action == Action::Kill))
    }

    /// The processes of all findings of `rule`.
    pub fn processes(&self, rule: &str) -> BTreeSet<Process> {
        processes(self.conclusion.findings.iter().filter(|finding| finding.rule == rule))
    }

    /// How bad the worst finding of `rule` is; none when it found nothing.
    pub fn worst(&self, rule: &str) -> Option<Severity> {
        self.conclusion.findings.iter().filter(|finding| finding.rule == rule).map(|finding| finding.severity).max()
    }

    /// Where a quarantine of this run is pinned.
    pub fn pins(&self) -> anyhow::Result<PathBuf> {
        Ok(quarantine::directory(self.recording.sensor().context("no fork of the sensor was recorded")?))
    }

    fn silent(&self, scene: &Scene) -> anyhow::Result<()> {
        scene.assert_absent_from("what the run wrote", &self.outcome.everything()?);
        Ok(())
    }

    /// Replay of the recording gives the reports of the live run, byte by byte, and the verdict's exit status.
    fn replays(&self) -> anyhow::Result<()> {
        let directory = tempfile::tempdir()?;
        let mut command = Command::new(run::detector()?);
        command.arg("replay").args(self.outcome.recording());
        for (format, file) in [("json", JSON), ("text", TEXT)] {
            command.arg("--report").arg(format!("{format}={}", directory.path().join(file).display()));
        }
        let output = command.output().context("cannot run replay")?;
        let expected = if self.conclusion.verdict == Verdict::Fail { 100 } else { 0 };
        if output.status.code() != Some(expected) {
            bail!("replay: {}; {}", output.status, String::from_utf8_lossy(&output.stderr));
        }
        for file in [JSON, TEXT] {
            let (live, replayed) = (fs::read(self.outcome.files().join(file))?, fs::read(directory.path().join(file))?);
            if live != replayed {
                let (live, replayed) = (String::from_utf8_lossy(&live), String::from_utf8_lossy(&replayed));
                bail!("{file}: replay differs from the live run.\nlive:\n{live}\nreplay:\n{replayed}");
            }
        }
        Ok(())
    }

    fn status_as_documented(&self) -> anyhow::Result<()> {
        let own = match self.recording.footer.status.context("the recording does not say how the command ended")? {
            Status::Code(code) => i32::from(code),
            Status::Signal(signal) => 128 + i32::from(signal),
        };
        let stopped = self.conclusion.mode == Mode::Enforce && self.conclusion.verdict == Verdict::Fail;
        let expected = if stopped { 100 } else { own };
        if self.outcome.code() != Some(expected) {
            bail!("exit status {} where {expected} is documented", self.outcome.status);
        }
        Ok(())
    }
}

fn processes<'a>(findings: impl Iterator<Item = &'a Finding>) -> BTreeSet<Process> {
    findings.filter_map(|finding| Some(finding.process.as_ref()?.process)).collect()
}
