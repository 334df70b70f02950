//! What can go wrong with a recording.

use super::{HEADER_MAX, LINE_MAX};
use crate::event::SCHEMA;
use std::io;

/// Why a recording could not be read. `name` is the file's, `line` counts from 1.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file could not be opened or read.
    #[error("cannot read {name}: {source}")]
    Io {
        /// File.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// There is nothing in it.
    #[error("{name} is empty: the recorder was stopped before it wrote anything; record again")]
    Empty {
        /// File.
        name: String,
    },
    /// The first line is no header.
    #[error("{name} is not a recording: its first line is not a header; give a file that the detector recorded")]
    NotARecording {
        /// File.
        name: String,
    },
    /// The file ends within the header.
    #[error("{name} ends within its header: nothing was recorded; record again")]
    CutHeader {
        /// File.
        name: String,
    },
    /// A newer program recorded it.
    #[error("{name} has schema {found} and this program reads up to {SCHEMA}; read it with {tool} or later")]
    NewerSchema {
        /// File.
        name: String,
        /// Its schema.
        found: u32,
        /// Who wrote it.
        tool: String,
    },
    /// The header is one, and not as it should be.
    #[error("{name}:1: the header is damaged: {reason}")]
    Header {
        /// File.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A line is neither an event nor a footer.
    #[error("{name}:{line}: not an event: {reason}; the file was damaged after it was recorded")]
    Line {
        /// File.
        name: String,
        /// Line.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A line is longer than any that is written.
    #[error("{name}:{line}: the line is longer than {max} bytes, which no recording has")]
    TooLong {
        /// File.
        name: String,
        /// Line.
        line: u64,
        /// Longest allowed.
        max: usize,
    },
    /// Something follows the footer.
    #[error("{name}:{line}: more lines after the footer; split the file if recordings were joined")]
    AfterFooter {
        /// File.
        name: String,
        /// Line.
        line: u64,
    },
}

/// Why a recording could not be written; what was written before stays readable, without a footer.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file takes no more.
    #[error("cannot write the recording: {0}")]
    Io(#[from] io::Error),
    /// A line could not be encoded.
    #[error("cannot encode a line of the recording: {0}")]
    Encode(#[from] serde_json::Error),
    /// A line is longer than a reader takes.
    #[error("a line of the recording has {0} bytes; {LINE_MAX} are allowed, {HEADER_MAX} for the header")]
    TooLong(usize),
}

/// A decoder's message, fit to be printed: it may quote the file, which may hold anything.
pub(super) fn printable(message: impl ToString) -> String {
    let plain = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    message.to_string().chars().map(plain).take(200).collect()
}
