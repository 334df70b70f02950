//! Where each job's files go: a directory a job, named by when it began.

use super::super::LiveError;
use crate::{
    engine::{Conclusion, Verdict},
    report,
};
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// The recording, in a job's directory.
const RECORDING: &str = "recording.jsonl";

/// What the workspace is known by, where a worker has several jobs.
const WORKSPACE: &str = "workspace";

/// The directory of all jobs' files.
pub(super) struct Store {
    directory: PathBuf,
    keep: usize,
}

/// Opens a recording that another process left, to go on with it: a last line that is not whole is cut off.
pub(super) fn reopen(recording: &Path) -> io::Result<File> {
    let bytes = fs::read(recording)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    let file = OpenOptions::new().append(true).open(recording)?;
    file.set_len(whole as u64)?;
    Ok(file)
}

/// One job's files.
pub(super) struct Files {
    directory: PathBuf,
}

impl Files {
    /// Takes them away: there was no job.
    pub(super) fn discard(self) -> io::Result<()> {
        fs::remove_dir_all(self.directory)
    }
}

impl Store {
    /// Opens it, made where it is not there.
    pub(super) fn open(directory: &Path, keep: usize) -> Result<Self, LiveError> {
        let failed = |source| LiveError::Output { path: directory.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
        let metadata = fs::symlink_metadata(directory).map_err(failed)?;
        let own = rustix::process::geteuid().as_raw();
        if !metadata.is_dir() || metadata.uid() != own || metadata.mode() & 0o022 != 0 {
            return Err(failed(io::Error::other(
                "others can write to it, or it is a link; name a directory of root's own",
            )));
        }
        Ok(Self { directory: directory.to_owned(), keep })
    }

    /// Files of a job that began at `seconds` since 1970; removes those of the oldest jobs.
    pub(super) fn begin(&self, seconds: u64, provider: &str, label: &str) -> io::Result<(Files, File)> {
        self.tidy();
        let directory = self.directory.join(format!("{seconds:010}-{provider}-{label}"));
        DirBuilder::new().mode(0o700).create(&directory)?;
        let files = Files { directory };
        let recording = files.create(RECORDING)?;
        Ok((files, recording))
    }

    /// The files of the job of this label, which no verdict was written of: which provider it is of, and its recording.
    pub(super) fn unfinished(&self, label: &str) -> Option<(Files, String, PathBuf)> {
        let end = format!("-{label}");
        let entries = fs::read_dir(&self.directory).ok()?;
        let own = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(&end));
        let mut found: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(own).collect();
        found.sort();
        let directory = found.pop().filter(|path| !path.join("verdict").exists())?;
        let name = directory.file_name()?.to_str()?.strip_suffix(&end)?;
        let provider = name.split_once('-')?.1.to_owned();
        let recording = directory.join(RECORDING);
        Some((Files { directory }, provider, recording))
    }

    /// Which parts of `job` no verdict was written of, by their numbers, and the last number of all.
    pub(super) fn parts(&self, job: u32) -> (Vec<u32>, u32) {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let parts = entries.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let (of, number) = name.rsplit('-').next()?.split_once('.')?;
            (of.parse() == Ok(job)).then(|| Some((number.parse().ok()?, entry.path().join("verdict").exists())))?
        });
        let parts: Vec<(u32, bool)> = parts.collect();
        let last = parts.iter().map(|(number, _)| *number).max().unwrap_or(0);
        (parts.into_iter().filter(|(_, judged)| !judged).map(|(number, _)| number).collect(), last)
    }

    /// Names begin with the time: their order is that of the jobs.
    fn tidy(&self) {
        let Ok(entries) = fs::read_dir(&self.directory) else { return };
        let ended = |path: &PathBuf| path.join("verdict").exists();
        let mut jobs: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(ended).collect();
        jobs.sort();
        let many = jobs.len().saturating_sub(self.keep.saturating_sub(1));
        for path in jobs.iter().take(many) {
            if let Err(error) = fs::remove_dir_all(path) {
                tracing::warn!("{} could not be removed: {error}", path.display());
            }
        }
    }
}

impl Files {
    fn create(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.directory.join(name))
    }

    /// Writes the job's reports, the verdict last: where that is, all is.
    pub(super) fn conclude(&self, conclusion: &Conclusion) -> io::Result<()> {
        let word = match conclusion.verdict {
            Verdict::Pass => "PASS\n",
            Verdict::Fail => "FAIL\n",
            Verdict::Inconclusive => "INCONCLUSIVE\n",
        };
        for (name, text) in [
            ("report.txt", report::text(conclusion)),
            ("report.json", report::json(conclusion)),
            ("verdict", word.to_owned()),
        ] {
            self.create(name)?.write_all(text.as_bytes())?;
        }
        Ok(())
    }

    /// Notes what the job's workspace is known by.
    pub(super) fn note_workspace(&self, workspace: &str) -> io::Result<()> {
        writeln!(self.create(WORKSPACE)?, "{workspace}")
    }

    /// What was noted.
    pub(super) fn workspace(&self) -> Option<String> {
        fs::read_to_string(self.directory.join(WORKSPACE)).ok()
    }

    /// Where they are.
    pub(super) fn path(&self) -> &Path {
        &self.directory
    }
}
