//! Files that a command writes: opened before anything runs, written when it has ended.

use super::{
    arguments::{Format, ReportArgument},
    exit::Failure,
};
use crate::{engine::Conclusion, report};
use rustix::fs::{Mode, OFlags};
use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
};

/// Opens `path` for writing, anew. A link in its last place is refused: the directory may be the build's.
pub(super) fn create(path: &Path) -> Result<File, Failure> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::from_raw_mode(0o644))
        .map(File::from)
        .map_err(|errno| Failure::Output { path: path.to_path_buf(), source: errno.into() })
}

/// Reports to be written.
pub(super) struct Reports {
    reports: Vec<(Format, Option<(PathBuf, File)>)>,
}

impl Reports {
    /// Opens their files; without any report asked for, it is text on the console.
    pub(super) fn open(asked: &[ReportArgument]) -> Result<Self, Failure> {
        let mut reports = Vec::new();
        for report in asked {
            let file = match &report.file {
                Some(path) => Some((path.clone(), create(path)?)),
                None => None,
            };
            reports.push((report.format, file));
        }
        if reports.is_empty() {
            reports.push((Format::Text, None));
        }
        Ok(Self { reports })
    }

    /// Writes them all; those without a file go to `console`.
    pub(super) fn write(
        &mut self,
        conclusion: &Conclusion,
        console: fn(&str) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        for (format, file) in &mut self.reports {
            let text = match format {
                Format::Text => report::text(conclusion),
                Format::Json => report::json(conclusion),
            };
            match file {
                Some((path, file)) => write(path, file, &text)?,
                None => console(&text)?,
            }
        }
        Ok(())
    }
}

/// Writes `text` to an open file.
pub(super) fn write(path: &Path, file: &mut File, text: &str) -> Result<(), Failure> {
    file.write_all(text.as_bytes()).map_err(|source| Failure::Output { path: path.to_path_buf(), source })
}
