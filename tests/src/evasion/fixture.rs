//! The fixtures, as their files tell of them.

use crate::fixture::part;
use anyhow::{Context as _, bail};
use serde::Deserialize;
use std::{ffi::OsString, process::Command};

/// Files with fixtures.
pub const FILES: [&str; 8] =
    ["names.py", "content.py", "flows.py", "shapes.sh", "exits.py", "uring.py", "doors.py", "hiding.py"];

/// What a run is to come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    /// Not a byte of the secret leaves, and the leak is found.
    Deny,
    /// The leak is found.
    Found,
    /// It may leave; the report says so.
    Gap,
    /// As an honest job: nothing is found, and it arrives.
    Pass,
    /// There is no such run.
    None,
}

/// One of them.
#[derive(Clone, Debug, Deserialize)]
pub struct Fixture {
    /// The file.
    #[serde(skip)]
    pub file: String,
    /// Its name there.
    pub name: String,
    /// Row of the table of evasions.
    pub row: String,
    /// What it does.
    pub what: String,
    /// Under enforce.
    pub enforce: Expected,
    /// In audit.
    pub audit: Expected,
    /// The same act on a file that is no secret, under enforce.
    pub twin: Expected,
    /// Of a gap: words of the report's own that tell of it.
    pub why: Option<String>,
}

impl Fixture {
    /// The command line that does it.
    pub fn command(&self) -> Vec<OsString> {
        line(&self.file, &self.name)
    }
}

/// Those of `file`.
pub fn all(file: &str) -> anyhow::Result<Vec<Fixture>> {
    let words = line(file, "--list");
    let output = Command::new(&words[0]).args(&words[1..]).env("PYTHONDONTWRITEBYTECODE", "1").output()?;
    if !output.status.success() {
        bail!("{file} --list: {}; {}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    let read = |line: &str| -> anyhow::Result<Fixture> {
        let fixture: Fixture = serde_json::from_str(line).with_context(|| format!("{file}: {line}"))?;
        Ok(Fixture { file: file.to_owned(), ..fixture })
    };
    String::from_utf8(output.stdout)?.lines().map(read).collect()
}

fn line(file: &str, word: &str) -> Vec<OsString> {
    // Without what a site adds to it, which opens files of its own.
    let interpreter: &[&str] = if file.ends_with(".py") { &["/usr/bin/python3", "-S"] } else { &["/bin/bash"] };
    let interpreter = interpreter.iter().map(OsString::from);
    interpreter.chain([part("evasions").join(file).into(), word.into()]).collect()
}
