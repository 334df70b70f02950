//! What a process, a holder and an object are known by.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A process: its id alone would be reused.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct ProcessId {
    /// When its first thread started (`task_struct.start_boottime`).
    pub start: u64,
    /// Thread group id.
    pub pid: u32,
    /// Zero.
    pub reserved: u32,
}

/// A holder: the tasks that share memory or descriptors. Made of the founder's id and of the time it was
/// founded (fork or exec), so that it is never reused.
pub type HolderId = u64;

/// The holder that process `pid` founds at `time`: 22 bits of id (`PID_MAX_LIMIT`, include/linux/threads.h),
/// 42 bits of time in units of 1024 ns, which come round after 52 days: too long for one job.
#[inline(always)]
pub fn holder_id(pid: u32, time: u64) -> HolderId {
    ((pid as u64) << 42) | ((time >> 10) & ((1 << 42) - 1))
}

/// A file or pipe. The inode number alone is reused at once on ext4, hence the generation.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct ObjectKey {
    /// The job whose flow this is: another job's marks say nothing here.
    pub job: u32,
    /// Device of the file system (`super_block.s_dev`, major in the bits from 20 up).
    pub device: u32,
    /// Inode number.
    pub inode: u64,
    /// Inode generation (`inode.i_generation`), 0 where the file system has none.
    pub generation: u32,
    /// Zero.
    pub reserved: u32,
}

/// Devices that no file system has: of what carries data and is no file, as the device of its [`ObjectKey`].
pub mod carrier {
    /// Unix sockets.
    pub const UNIX: u32 = u32::MAX;
    /// Ports of the loopback interface.
    pub const PORTS: u32 = u32::MAX - 1;
    /// Message queues of System V.
    pub const QUEUE: u32 = u32::MAX - 2;
    /// Pseudo-terminals.
    pub const TERMINAL: u32 = u32::MAX - 3;
    /// Memory without a file, that of other processes too.
    pub const MEMORY: u32 = u32::MAX - 4;
    /// Segments of System V.
    pub const SEGMENT: u32 = u32::MAX - 5;
    /// Keys, all of them.
    pub const KEYS: u32 = u32::MAX - 6;
    /// Extended attributes, all of them.
    pub const ATTRIBUTES: u32 = u32::MAX - 7;
    /// Unix sockets that are sent to by their names, all of them.
    pub const NAMED: u32 = u32::MAX - 8;
}
