//! Files that a command writes: opened before anything runs, written when it has ended.

use super::{
    arguments::{Format, ReportArgument},
    exit::Failure,
};
use crate::{engine::Conclusion, report};
use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
};
use std::{
    fs::File,
    io::Write,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Files opened so far: no two outputs may be one.
#[derive(Default)]
pub(super) struct Outputs(Vec<(u64, u64)>);

impl Outputs {
    /// Opens `path` for writing, anew. A link in its last place is refused: the directory may be the build's. So is a
    /// pipe that nobody reads, which would be waited for.
    pub(super) fn create(&mut self, path: &Path) -> Result<File, Failure> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let flags = flags | OFlags::NOCTTY | OFlags::CLOEXEC;
        let failed = |source| Failure::Output { path: path.to_path_buf(), source };
        let file = rustix::fs::open(path, flags, Mode::from_raw_mode(0o644)).map_err(|errno| match errno {
            Errno::LOOP => Failure::Link { path: path.to_path_buf() },
            Errno::NXIO => Failure::Unread { path: path.to_path_buf() },
            _ => failed(errno.into()),
        })?;
        rustix::fs::fcntl_setfl(&file, OFlags::WRONLY).map_err(|errno| failed(errno.into()))?;
        let file = File::from(file);
        let metadata = file.metadata().map_err(failed)?;
        let identity = (metadata.dev(), metadata.ino());
        if metadata.is_file() && self.0.contains(&identity) {
            return Err(Failure::Twice { path: path.to_path_buf() });
        }
        self.0.push(identity);
        Ok(file)
    }
}

/// Reports to be written.
pub(super) struct Reports {
    reports: Vec<(Format, Option<(PathBuf, File)>)>,
}

impl Reports {
    /// Opens their files; without any report asked for, it is text on the console.
    pub(super) fn open(asked: &[ReportArgument], outputs: &mut Outputs) -> Result<Self, Failure> {
        let mut reports = Vec::new();
        for report in asked {
            let file = match &report.file {
                Some(path) => Some((path.clone(), outputs.create(path)?)),
                None => None,
            };
            reports.push((report.format, file));
        }
        if reports.is_empty() {
            reports.push((Format::Text, None));
        }
        Ok(Self { reports })
    }

    /// Writes them all, whatever becomes of each; those without a file go to `console`. Text is preceded by `title`.
    pub(super) fn write(
        &mut self,
        title: &str,
        conclusion: &Conclusion,
        console: fn(&str) -> Result<(), Failure>,
    ) -> Vec<Failure> {
        let mut failures = Vec::new();
        for (format, file) in &mut self.reports {
            let text = match format {
                Format::Text => format!("{title}{}", report::text(conclusion)),
                Format::Json => report::json(conclusion),
            };
            let written = match file {
                Some((path, file)) => write(path, file, &text),
                None => console(&text),
            };
            failures.extend(written.err());
        }
        failures
    }
}

/// Writes `text` to an open file.
pub(super) fn write(path: &Path, file: &mut File, text: &str) -> Result<(), Failure> {
    file.write_all(text.as_bytes()).map_err(|source| Failure::Output { path: path.to_path_buf(), source })
}
