//! Exit codes: part of the contract.

use super::console;
use crate::{
    engine::Verdict,
    live::LiveError,
    policy::{BadPolicy, PolicyError},
    replay::ReplayError,
};
use std::{io, path::PathBuf, process::ExitCode};

/// A finding reached the threshold.
pub(super) const FAIL: u8 = 100;
/// Nothing was found, but not everything was seen (under `--strict`).
pub(super) const INCONCLUSIVE: u8 = 101;
const USAGE: u8 = 102;
const SENSOR: u8 = 103;
pub(super) const INTERNAL: u8 = 104;
/// As shells have it (POSIX, 2.8.2).
const NOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The policy.
    #[error(transparent)]
    Policy(#[from] BadPolicy),
    /// A class that the policy does not have.
    #[error(transparent)]
    Class(#[from] PolicyError),
    /// The live side.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// A recording.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A file that must be written.
    #[error("cannot write {}: {source}", path.display())]
    Output {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A link where a file is to be written.
    #[error("cannot write {}: it is a symbolic link, and none is followed; name the file itself", path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// A pipe without a reader.
    #[error("cannot write {}: it is a pipe that nobody reads; start its reader first, or name a file", path.display())]
    Unread {
        /// The pipe.
        path: PathBuf,
    },
    /// The same file twice.
    #[error("cannot write {}: two outputs would be in one file; name another", path.display())]
    Twice {
        /// The file.
        path: PathBuf,
    },
    /// Standard output or error.
    #[error("cannot write the report: {0}")]
    Console(io::Error),
    /// No daemon.
    #[error("no detector daemon answers at {}: {source}; start `detector daemon`, or name its --socket", path.display())]
    NoDaemon {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The runtime.
    #[error("cannot start the runtime: {0}")]
    Runtime(io::Error),
}

impl Failure {
    /// Its exit code.
    pub(super) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Policy(_)
            | Self::Class(_)
            | Self::Replay(_)
            | Self::Output { .. }
            | Self::Link { .. }
            | Self::Unread { .. }
            | Self::NoDaemon { .. }
            | Self::Twice { .. } => USAGE,
            Self::Live(LiveError::User(_) | LiveError::Output { .. } | LiveError::Policy(_) | LiveError::Config(_)) => {
                USAGE
            }
            Self::Live(LiveError::Command { source, .. }) if source.kind() == io::ErrorKind::NotFound => NOT_FOUND,
            Self::Live(LiveError::Command { .. }) => NOT_RUN,
            Self::Live(LiveError::Kernel(_) | LiveError::Proof(_) | LiveError::Decoy { .. } | LiveError::Daemon(_)) => {
                SENSOR
            }
            Self::Live(LiveError::System { .. }) | Self::Console(_) | Self::Runtime(_) => INTERNAL,
        })
    }
}

/// The code of a verdict, where it has one of its own.
pub(super) fn of(verdict: Verdict, strict: bool) -> Option<u8> {
    match verdict {
        Verdict::Fail => Some(FAIL),
        Verdict::Inconclusive if strict => Some(INCONCLUSIVE),
        Verdict::Pass | Verdict::Inconclusive => None,
    }
}

/// Says what is wrong with the command line, or prints the help that was asked for.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    let code = if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
    match console::read_enough(error.print()) {
        Ok(()) => code,
        Err(_) => ExitCode::from(INTERNAL),
    }
}
