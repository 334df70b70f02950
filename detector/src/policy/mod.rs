//! Policy: the file as written, resolved over what it extends, compiled for the kernel's tables and the engine.
//!
//! Reads the policy files and does no other I/O.

mod check;
mod class;
mod compile;
mod date;
mod destination;
mod document;
mod draft;
mod error;
mod exception;
mod file;
mod host;
mod job;
mod load;
#[cfg(test)]
mod made;
mod nearest;
mod pattern;
mod program;
mod resolved;
mod rule;
mod schema;
mod show;
mod snippet;
mod tenants;
mod watch;

#[cfg(test)]
mod tests;

pub use check::{Checked, Warning};
pub use class::{Access, Class, Door, Hosts, Role, Sureness};
pub use date::{BadDate, Date};
pub use destination::BadDestination;
pub use document::{
    Accept, ClassDocument, DestinationDocument, ExceptionDocument, PolicyDocument, ProgramDocument, RuleDocument,
};
pub use error::{BadPolicy, Place, PolicyError};
pub use exception::{Exception, Matched};
pub use host::{BadHost, HostRow};
pub use pattern::{BadPattern, Pattern};
pub use program::{BadLine, BadName, BadVariable, FileName, Program, ScriptName};
pub use resolved::{Host, Policy, SelfKept, Tables};
pub use rule::{Rule, RuleSettings};
pub use schema::SCHEMA;
pub use show::Format;
