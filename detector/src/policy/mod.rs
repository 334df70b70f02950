//! Policy: the file as written, resolved over what it extends, compiled for the kernel's tables and the engine.
//!
//! Reads the policy files and does no other I/O.

mod class;
mod compile;
mod destination;
mod document;
mod draft;
mod error;
mod file;
mod job;
mod load;
#[cfg(test)]
mod made;
mod nearest;
mod pattern;
mod program;
mod resolved;
mod watch;

#[cfg(test)]
mod tests;

pub use class::{Access, Class, Door, Hosts, Role, Sureness};
pub use destination::BadDestination;
pub use document::{Accept, ClassDocument, DestinationDocument, PolicyDocument, ProgramDocument};
pub use error::{Place, PolicyError};
pub use pattern::{BadPattern, Pattern};
pub use program::{BadLine, BadName, BadVariable, FileName, Program, ScriptName};
pub use resolved::{Policy, Tables};
