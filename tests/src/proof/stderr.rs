//! The job's own standard error, apart from what the detector says on its own.

use crate::stream::Stream;
use anyhow::Context as _;
use rustix::fs::{FileType, Mode, OFlags, mknodat, open};
use std::{fs::File, path::Path};

/// A named pipe that a job's standard error goes into.
pub(super) struct Stderr {
    stream: Stream,
    /// Keeps the pipe from ending before the job has opened it.
    keeper: File,
}

impl Stderr {
    /// A new one at `path`.
    pub(super) fn at(path: &Path) -> anyhow::Result<Self> {
        mknodat(rustix::fs::CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0)
            .with_context(|| format!("cannot make a pipe at {}", path.display()))?;
        let keeper = File::from(open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?);
        let reader = File::from(open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?);
        Ok(Self { stream: Stream::collect(Some(reader))?, keeper })
    }

    /// What came.
    pub(super) fn finish(self) -> Vec<u8> {
        drop(self.keeper);
        self.stream.finish()
    }
}
