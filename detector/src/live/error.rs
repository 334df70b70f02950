//! Why a live run could not start or go on.

use crate::{kernel::KernelError, policy::BadPolicy};
use std::{io, path::PathBuf};

/// Why a live run could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The kernel side.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// The sensor does not see what it should, or does not stop what it claims to.
    #[error("the sensor is attached but does not work on this kernel: {0}; nothing was run")]
    Proof(String),
    /// The proof's decoy could not be made.
    #[error(
        "cannot plant a decoy in {directory}: {source}; set TMPDIR to a directory that can be written; nothing was run"
    )]
    Decoy {
        /// Where.
        directory: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The command could not be started.
    #[error("cannot run {program}: {source}")]
    Command {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// The user to run as is not known.
    #[error("no user {0}: name one of /etc/passwd, or a numeric id, with --user")]
    User(String),
    /// A file that must be written could not be opened.
    #[error("cannot write {path}: {source}")]
    Output {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The daemon's policy.
    #[error(transparent)]
    Policy(#[from] BadPolicy),
    /// The daemon's settings.
    #[error(transparent)]
    Config(#[from] super::daemon::BadConfig),
    /// A daemon watches this host.
    #[error(
        "a detector daemon that listens at {0} watches this host already; jobs that it does not find by their agents are watched by \
         `detector run` after it was stopped"
    )]
    Daemon(PathBuf),
    /// The runtime.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}

impl LiveError {
    /// An error of the operating system while doing `what`.
    pub(super) fn system(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { what, source }
    }
}
