//! Values of the maps that hold analysis state.

use crate::{
    identity::HolderId,
    set::{Bits, GrowingSet},
};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A tracked process, by its id.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Task {
    /// `task_struct.start_boottime` of its first thread.
    pub start: u64,
    /// Its holder, whether or not that holds anything yet.
    pub holder: HolderId,
    /// What that held when the process last called exec.
    pub held_at_exec: Bits,
    /// When that was; 0 before, and once the exec is done.
    pub exec_entered: u64,
    /// The job.
    pub job: u32,
    /// The step: the how-many-eth direct child of the worker its lineage starts with.
    pub step: u32,
    /// Who forked it.
    pub parent: u32,
    /// 1 when it shares its holder with another process. A byte each, since several CPUs write them.
    pub shared: u8,
    /// 1 when it is to be killed as its system call returns.
    pub kill: u8,
    /// 1 when the signal was sent.
    pub killed: u8,
    /// Zero.
    pub reserved: u8,
}

/// What a holder holds, by the strength of the evidence.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Holder {
    /// The secret itself is here: passes on as such.
    pub held: GrowingSet,
    /// As `held`, opened by a declared reader of the class: spent where that reader may, passed on as its command line says.
    pub own: GrowingSet,
    /// As `held`, opened by an interpreter that runs the class's SDK: alone, what it sends elsewhere is an alert.
    pub soft: GrowingSet,
    /// The secret was upstream, and nothing shows that it came along: reported, not enforced.
    pub inherited: GrowingSet,
}

/// A file or pipe that a holder wrote.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Object {
    /// The classes it carries.
    pub carried: GrowingSet,
    /// Classes that a pipe may carry, as in [`Holder::inherited`].
    pub inherited: GrowingSet,
    /// Classes of a credential file that was opened in this job: whoever reads it, by whatever name or descriptor, has them.
    pub credential: GrowingSet,
    /// Sequence number: the time of the record that last added to it.
    pub given: u64,
}

/// A socket that a holder sent on.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Socket {
    /// The classes it carries.
    pub carried: GrowingSet,
    /// The job whose policy judges it.
    pub job: u32,
    /// 1 when something it carries was refused at egress: the entry outlives the session. A byte each, since several CPUs
    /// write them.
    pub quarantined: u8,
    /// 1 when the last descriptor is gone.
    pub released: u8,
    /// 1 for TCP: it may still send on its own after the release.
    pub stream: u8,
    /// 1 when the first drop was said.
    pub said: u8,
    /// Who sent last.
    pub pid: u32,
    /// The step of that process.
    pub step: u32,
    /// Start of that process.
    pub start: u64,
    /// The holder it was.
    pub holder: HolderId,
    /// Packets that the egress hook dropped (or in audit would have).
    pub packets: u64,
    /// Their bytes, from the network header on.
    pub bytes: u64,
}

/// A job and how its policy is carried out.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Job {
    /// Rows of the watch and destination tables that are this job's.
    pub policy: u32,
    /// 1 when leaks are denied.
    pub enforce: u32,
    /// Classes whose leak is denied.
    pub deny: Bits,
    /// Classes whose leak is denied and kills.
    pub kill: Bits,
    /// Classes joined by reading the memory of a process outside the job.
    pub memory: Bits,
    /// Classes joined by reading a foreign environment.
    pub environ: Bits,
    /// Classes joined by dumping the own environment.
    pub dump: Bits,
    /// Classes that are recorded, and joined by nobody.
    pub observe: Bits,
    /// Classes of a forge, and of registries: one of each may be spent together, as an alert.
    pub forge: Bits,
    /// See `forge`.
    pub registry: Bits,
    /// The worker: its direct children are the steps. In `run` the detector itself.
    pub worker: u32,
    /// The how-many-eth step was forked last.
    pub steps: u32,
    /// What the job as a whole holds since a map was full.
    pub coarse: GrowingSet,
}

/// The one entry of the state array, read first by every hook.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Global {
    /// 1 once any job holds anything: before, no flow is looked at.
    pub armed: u32,
    /// 1 once any socket carries anything: before, no packet is looked at.
    pub marked: u32,
    /// 1 once a process could not be tracked: lineages are walked instead.
    pub overflow: u32,
    /// 1 once a socket without a cookie was marked by its address.
    pub pending: u32,
}
