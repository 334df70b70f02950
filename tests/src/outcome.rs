//! What came of a run.

use anyhow::Context as _;
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};
use tempfile::TempDir;

pub(crate) const RECORDING: &str = "recording.jsonl";
pub(crate) const JSON: &str = "report.json";
pub(crate) const TEXT: &str = "report.txt";

/// What came of a run. Its files live as long as it does.
#[derive(Debug)]
pub struct Outcome {
    /// Exit status of the command, or of the detector.
    pub status: ExitStatus,
    /// It was killed for taking too long.
    pub timed_out: bool,
    /// Wall time.
    pub elapsed: Duration,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
    /// The JSON report; absent in a bare run, and where the detector wrote none.
    pub report: Option<Value>,
    /// The text report.
    pub text: Option<String>,
    files: TempDir,
}

impl Outcome {
    pub(crate) fn collect(
        status: ExitStatus,
        timed_out: bool,
        elapsed: Duration,
        [stdout, stderr]: [Vec<u8>; 2],
        files: TempDir,
    ) -> anyhow::Result<Self> {
        let text = fs::read_to_string(files.path().join(TEXT)).ok();
        let parse = |bytes: Vec<u8>| serde_json::from_slice(&bytes);
        let report = fs::read(files.path().join(JSON)).ok().map(parse).transpose();
        let report = report
            .with_context(|| format!("the JSON report is not JSON; {status}, {}", String::from_utf8_lossy(&stderr)))?;
        Ok(Self { status, timed_out, elapsed, stdout, stderr, report, text, files })
    }

    /// The exit code; absent when a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The recording, where there is one.
    pub fn recording(&self) -> Option<PathBuf> {
        Some(self.files.path().join(RECORDING)).filter(|path| path.exists())
    }

    /// Directory of the recording and of the reports.
    pub fn files(&self) -> &Path {
        self.files.path()
    }

    /// `verdict` of the JSON report.
    pub fn verdict(&self) -> Option<&str> {
        self.report.as_ref()?.get("verdict")?.as_str()
    }

    /// `findings` of the JSON report.
    pub fn findings(&self) -> &[Value] {
        let findings = self.report.as_ref().and_then(|report| report.get("findings")?.as_array());
        findings.map_or(&[], Vec::as_slice)
    }

    /// The secret classes of all findings of rule `leak`.
    pub fn leaked(&self) -> BTreeSet<&str> {
        let leaks = self.findings().iter().filter(|finding| finding["rule"] == "leak");
        leaks.filter_map(|finding| finding["secret"].as_array()).flatten().filter_map(Value::as_str).collect()
    }

    /// Every byte that the run wrote: both streams, the recording and the reports. For canary searches.
    pub fn everything(&self) -> anyhow::Result<Vec<u8>> {
        let mut bytes = [self.stdout.as_slice(), b"\n", &self.stderr, b"\n"].concat();
        for entry in fs::read_dir(self.files.path())? {
            bytes.extend(fs::read(entry?.path())?);
            bytes.push(b'\n');
        }
        Ok(bytes)
    }
}
