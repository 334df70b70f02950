//! The recording: a header, the events, a footer; JSON Lines. `docs/recording.md` describes it to its readers.
//!
//! Never here: a reason to stop the run. A disk that is full ends the recording and nothing else.

mod error;
#[cfg(test)]
mod examples;
mod frame;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use error::{ReadError, WriteError};
pub use frame::{Footer, Header, Host, RecordedPolicy, Started, Status, TOOL};
pub use reader::Reader;
pub use writer::Writer;

#[cfg(test)]
pub(crate) use examples::{POLICY, bless, events, footer, header};

/// Longest line of an event or footer, bytes without its end. Events are bounded far below it.
pub const LINE_MAX: usize = 1 << 20;

/// Longest header, bytes: it carries the policy, whose destinations may be tens of thousands.
pub const HEADER_MAX: usize = 16 << 20;
