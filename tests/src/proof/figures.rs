//! What is counted.

use super::Marks;
use detector::engine::{Severity, Verdict};
use serde::Serialize;

/// Low findings that a silent build may have.
const LOW_BUDGET: usize = 3;

/// Findings by severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// Of severity critical.
    pub critical: usize,
    /// Of severity high.
    pub high: usize,
    /// Of severity medium.
    pub medium: usize,
    /// Of severity low.
    pub low: usize,
    /// Of severity info.
    pub info: usize,
}

impl Findings {
    /// One more.
    pub fn add(&mut self, severity: Severity) {
        *match severity {
            Severity::Critical => &mut self.critical,
            Severity::High => &mut self.high,
            Severity::Medium => &mut self.medium,
            Severity::Low => &mut self.low,
            Severity::Info => &mut self.info,
        } += 1;
    }
}

/// One run of an honest build under the detector.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Run {
    /// Its verdict; absent before it is known.
    pub verdict: Option<Verdict>,
    /// Why, where it is not PASS.
    pub reasons: Vec<String>,
    /// Its findings, counted.
    pub findings: Findings,
    /// What they say, with their severity: without process ids, each once, worst first.
    pub messages: Vec<String>,
    /// Sends that were refused or dropped.
    pub denied: usize,
    /// Processes that were killed.
    pub killed: usize,
    /// Exit status, as a shell has it; absent when it had to be ended.
    pub status: Option<i32>,
    /// The same status as the bare run.
    pub same_status: bool,
    /// The same standard output and standard error as the bare run.
    pub same_output: bool,
    /// The hosts received what the bare run sent them.
    pub same_received: bool,
    /// What was marked.
    pub marks: Marks,
    /// Events on which the kernel side and the engine decided differently.
    pub disagreements: usize,
    /// Events in the recording.
    pub events: usize,
}

impl Run {
    /// Nothing denied or killed, nothing above low, at most three low, everything seen, and as the bare run.
    pub fn is_silent(&self) -> bool {
        let Findings { critical, high, medium, low, .. } = self.findings;
        let quiet = critical + high + medium == 0 && low <= LOW_BUDGET && self.verdict == Some(Verdict::Pass);
        let untouched = self.denied == 0 && self.killed == 0;
        quiet && untouched && self.same_status && self.same_output && self.same_received
    }
}

/// One honest build.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Build {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub does: &'static str,
    /// What a user added to the builtin policy.
    pub policy: Vec<String>,
    /// What its tools make anew in every run, and is not compared.
    pub noise: Vec<String>,
    /// Exit status of the bare run.
    pub status: Option<i32>,
    /// What is wrong with the build itself, bare: nothing can be said of it then.
    pub broken: Vec<String>,
    /// Under `--mode audit`.
    pub audit: Option<Run>,
    /// Under `--mode enforce`.
    pub enforce: Option<Run>,
}

impl Build {
    /// Both runs are.
    pub fn is_silent(&self) -> bool {
        self.broken.is_empty()
            && [&self.audit, &self.enforce].iter().all(|run| run.as_ref().is_some_and(Run::is_silent))
    }
}

/// One theft.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Theft {
    /// The incident.
    pub name: &'static str,
    /// Findings in audit.
    pub audit: Findings,
    /// Findings in enforce.
    pub enforce: Findings,
    /// Classes of its leaks.
    pub classes: Vec<String>,
    /// Bytes of secrets that reached the sink in audit.
    pub sent: usize,
    /// Bytes that reached the sink in enforce: requests for what the thief fetches first, say.
    pub arrived: usize,
    /// Bytes of secrets that reached the sink in enforce.
    pub canary_bytes: usize,
    /// Processes killed in enforce.
    pub killed: usize,
    /// What was expected and is not so.
    pub missed: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet() -> Run {
        Run {
            verdict: Some(Verdict::Pass),
            same_status: true,
            same_output: true,
            same_received: true,
            findings: Findings { low: LOW_BUDGET, info: 9, ..Findings::default() },
            ..Run::default()
        }
    }

    #[test]
    fn every_part_of_silence_counts() {
        assert!(quiet().is_silent());
        let spoilt: [fn(&mut Run); 10] = [
            |run| run.verdict = Some(Verdict::Inconclusive),
            |run| run.same_status = false,
            |run| run.same_output = false,
            |run| run.same_received = false,
            |run| run.denied = 1,
            |run| run.killed = 1,
            |run| run.findings.low += 1,
            |run| run.findings.medium = 1,
            |run| run.findings.high = 1,
            |run| run.findings.critical = 1,
        ];
        for spoil in spoilt {
            let mut run = quiet();
            spoil(&mut run);
            assert!(!run.is_silent(), "{run:?}");
        }
        let build = |enforce| Build { audit: Some(quiet()), enforce, ..Build::default() };
        assert!(build(Some(quiet())).is_silent());
        assert!(!build(None).is_silent());
        assert!(!Build { broken: vec!["x".to_owned()], ..build(Some(quiet())) }.is_silent());
    }
}
