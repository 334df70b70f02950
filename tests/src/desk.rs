//! A directory with policy files, and `detector policy` in it.

use crate::console::{Finished, Running, detector, run};
use std::{fs, io, path::PathBuf, process::Stdio};
use tempfile::TempDir;

/// A directory of its own.
pub struct Desk(TempDir);

impl Desk {
    /// An empty one.
    pub fn new() -> io::Result<Self> {
        tempfile::Builder::new().prefix("detector-desk-").tempdir().map(Self)
    }

    /// The file `name` in it.
    pub fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes it.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> io::Result<()> {
        fs::write(self.at(name), text)
    }

    /// `detector policy ARGUMENTS` there, with nothing on its stdin.
    pub fn policy(&self, arguments: &[&str]) -> anyhow::Result<Finished> {
        run(detector(["policy"])?.args(arguments).current_dir(self.0.path()))
    }

    /// The same with `input` on its stdin.
    pub fn policy_of(&self, arguments: &[&str], input: impl Into<Vec<u8>>) -> anyhow::Result<Finished> {
        let mut command = detector(["policy"])?;
        command.args(arguments).current_dir(self.0.path());
        let mut running = Running::start(command.stdin(Stdio::piped()))?;
        running.feed(input.into())?;
        running.finish()
    }
}

/// Every message about the file `name` that has a place has the line of `text` below it, and a mark under the column:
/// how many there are.
///
/// # Panics
/// When one has not.
#[track_caller]
pub fn marked(finished: &Finished, name: &str, text: &str) -> usize {
    let said = finished.err();
    let said: Vec<_> = said.lines().collect();
    let mut places = 0;
    for (n, message) in said.iter().enumerate() {
        let message = message.strip_prefix("detector: ").unwrap_or(message);
        let Some(place) = message.strip_prefix(name).and_then(|rest| rest.strip_prefix(':')) else { continue };
        let mut numbers = place.split(':').map_while(|number| number.parse::<usize>().ok());
        let (Some(line), Some(column)) = (numbers.next(), numbers.next()) else { continue };
        let before = format!("  {line} | ");
        let shown = text.lines().nth(line - 1).map(|text| before.clone() + text);
        assert_eq!(said.get(n + 1).copied(), shown.as_deref(), "{finished:?}");
        assert_eq!(said.get(n + 2).and_then(|mark| mark.find('^')), Some(before.len() + column - 1), "{finished:?}");
        places += 1;
    }
    places
}
