//! Where a worker's log is.

use crate::ci::Started;
use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::PathBuf};

/// The directory of the worker's diagnostics: `_diag` beside the directory of its executable.
///
/// An administrator can move it (`WORKER_LOGFILE` of GitHub's, `AGENT_DIAGLOGPATH` of Azure's), so the worker's own
/// open descriptors come first; this tells where to look when they cannot be read.
pub fn diagnostics(worker: &Started<'_>) -> Option<PathBuf> {
    let root = PathBuf::from(OsStr::from_bytes(worker.directory())).parent()?.to_owned();
    root.is_absolute().then(|| root.join("_diag"))
}

/// Whether a file's name is that of a worker's log: `Worker_YYYYMMDD-HHMMSS-utc.log`.
pub fn is_worker_log(name: &[u8]) -> bool {
    let stamp = name.strip_prefix(b"Worker_").and_then(|rest| rest.strip_suffix(b"-utc.log"));
    stamp.is_some_and(|stamp| {
        stamp.len() == 15
            && stamp.iter().enumerate().all(|(at, b)| if at == 8 { *b == b'-' } else { b.is_ascii_digit() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_beside_the_workers_directory() {
        let at = |executable| diagnostics(&Started { executable, argv: b"", uid: 0 });
        assert_eq!(at(b"/srv/runner/bin.2.330.0/Runner.Worker"), Some(PathBuf::from("/srv/runner/_diag")));
        assert_eq!(at(b"/Runner.Worker"), None);
        assert_eq!(at(b"bin/Runner.Worker"), None);
        assert_eq!(at(b""), None);
    }

    #[test]
    fn its_name_has_a_stamp() {
        assert!(is_worker_log(b"Worker_20260301-100000-utc.log"));
        for name in
            ["Worker_20260301-10000-utc.log", "Runner_20260301-100000-utc.log", "Worker_2026x301-100000-utc.log"]
        {
            assert!(!is_worker_log(name.as_bytes()));
        }
    }
}
