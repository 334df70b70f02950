//! The decoded, owned, versioned event: the recording's schema and the engine's only input.
//!
//! Never here: aya, policy, clocks. All text is escaped and redacted before it gets into an event
//! (`secret::redact`), so an event may be printed as it is.

mod body;
mod identity;

pub use body::{
    Access, Attempt, Body, Call, Called, Counted, Door, Drop, Exec, Exit, Flow, Fork, Kept, Kernel, Kill, Known, Name,
    Network, Open, Outcome, Print, Probe, Protocol, Question, Relation, Script, Service, Step, Stream, Workdir,
};
pub use identity::{Actor, File, HolderId, JobId, Object, Process, StepId};

use serde::{Deserialize, Serialize};

/// Version of the schema. A reader refuses a newer one; within one, unknown fields are ignored.
pub const SCHEMA: u32 = 3;

/// The first schema whose execs say what of the image before may have come along, and what program they run.
pub const STRENGTHS: u32 = 2;

/// Something that happened, as the sensor saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Place in the recording, from 1, without gaps: a missing number is a missing event.
    pub seq: u64,
    /// `CLOCK_BOOTTIME`, nanoseconds.
    pub time: u64,
    /// Who did it; absent for what the sensor says of itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub actor: Option<Actor>,
    /// What.
    #[serde(flatten)]
    pub body: Body,
    /// What the kernel side decided. The engine never reads it: it decides anew.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kernel: Option<Kernel>,
}
