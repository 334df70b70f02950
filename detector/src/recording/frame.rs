//! First and last line of a recording.

use crate::{
    engine::{Capability, Mode},
    policy::{Policy, PolicyDocument},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Name and version of this program, as it signs its recordings.
pub const TOOL: &str = concat!("detector ", env!("CARGO_PKG_VERSION"));

/// First line: all that replay needs beside the events.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename = "header")]
pub struct Header {
    /// Version of the schema (`event::SCHEMA`).
    pub schema: u32,
    /// Name and version of the program that recorded.
    pub tool: String,
    /// Where.
    pub host: Host,
    /// When.
    pub started: Started,
    /// Whether it only reported.
    pub mode: Mode,
    /// The policy applied.
    pub policy: RecordedPolicy,
    /// What the kernel offered, and by which mechanism.
    pub capabilities: Vec<Capability>,
    /// The command that was run, redacted; empty where there was none.
    pub command: Vec<String>,
}

/// The machine that recorded. Without its name: that says nothing about the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Release of the kernel (`uname -r`).
    pub kernel: String,
    /// Architecture (`uname -m`).
    pub machine: String,
    /// CPUs online.
    pub cpus: u32,
    /// `/proc/sys/kernel/random/boot_id`: boot times of two recordings compare only where it is the same.
    pub boot_id: String,
}

/// One instant on two clocks, nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// `CLOCK_BOOTTIME`, the clock of the events.
    pub boottime: u64,
    /// `CLOCK_REALTIME`, since 1970.
    pub realtime: u64,
}

/// The resolved policy, so that replay needs no other file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecordedPolicy {
    /// Its digest.
    pub digest: String,
    /// The policy.
    pub document: PolicyDocument,
}

impl From<&Policy> for RecordedPolicy {
    fn from(policy: &Policy) -> Self {
        Self { digest: policy.digest(), document: policy.document() }
    }
}

/// Last line. A recording without it was cut short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename = "footer")]
pub struct Footer {
    /// Events written.
    pub events: u64,
    /// When it ended, `CLOCK_BOOTTIME` nanoseconds.
    pub ended: u64,
    /// How the command ended; absent where there was none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<Status>,
    /// All counters at the end, by name, zero ones left out.
    pub counters: BTreeMap<String, u64>,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It exited with this code.
    Code(u8),
    /// This signal ended it.
    Signal(u8),
}
