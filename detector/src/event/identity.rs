//! Who and what an event is about.

use serde::{Deserialize, Serialize};

/// A job on this host, in this recording.
pub type JobId = u32;

/// A step of a job, numbered in the kernel as the worker forks it; 0 is the worker itself.
pub type StepId = u32;

/// The tasks that share memory or descriptors (`detector_common::identity::holder_id`), written in hexadecimal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HolderId(pub u64);

impl Serialize for HolderId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:016x}", self.0))
    }
}

impl<'de> Deserialize<'de> for HolderId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        u64::from_str_radix(&text, 16).map(Self).map_err(serde::de::Error::custom)
    }
}

/// A process: the id alone would be reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Process {
    /// Thread group id in the initial pid namespace.
    pub pid: u32,
    /// When its first thread started, `CLOCK_BOOTTIME` nanoseconds.
    pub start: u64,
}

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The job.
    pub job: JobId,
    /// The step.
    pub step: StepId,
    /// The process.
    pub process: Process,
    /// The thread.
    pub thread: u32,
    /// The holder.
    pub holder: HolderId,
}

/// A file's identity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct File {
    /// Device, major in the bits from 20 up.
    pub device: u32,
    /// Inode number.
    pub inode: u64,
    /// Inode generation, 0 where the file system has none.
    pub generation: u32,
}

/// Something data passes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Object {
    /// A regular file.
    File(File),
    /// An anonymous or named pipe.
    Pipe(File),
    /// A socket on this host, by numbers that tell it from others: what is sent on its other end is received on it.
    Socket(File),
}
