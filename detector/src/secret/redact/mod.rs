//! Text of the watched side, made fit to be recorded and printed: escaped, bounded, without tokens.
//!
//! Everything the build wrote (paths, arguments, names) passes here once, as it is decoded. What comes out is
//! printable, and nothing in it was put there by the build that could be taken for ours: the marks
//! `‹redacted:LEN›` (LEN in bytes) and `…` are escaped where they come from outside.

mod argv;
mod escape;
mod host;
mod known;
mod scan;
mod token;

pub use argv::argv;
pub use host::{host, name};
pub use scan::{component, path, text};
pub(crate) use token::{CLOSE, CUT, OPEN};

#[cfg(test)]
mod tests;
