//! Values of the maps that hold analysis state.

use crate::{
    identity::{HolderId, ObjectKey},
    limits::{QUESTIONS, TOKENS},
    program::Script,
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
    /// Classes of which it is a declared reader.
    pub reads: Bits,
    /// Classes of which it opened files of the SDK.
    pub sdk: Bits,
    /// The script that its arguments named and that it did not open yet; its program's number is 0 when there is none.
    pub script: Script,
    /// The job.
    pub job: u32,
    /// The step: the how-many-eth direct child of the worker its lineage starts with.
    pub step: u32,
    /// Who forked it.
    pub parent: u32,
    /// Flags of [`crate::program::trait_of`] that it has, as program or as script.
    pub traits: u32,
    /// The declared program that it runs; 0 for none.
    pub program: u16,
    /// Flags of [`crate::command::line`] of its command line.
    pub line: u16,
    /// The same, for the pending script.
    pub script_line: u16,
    /// The declared program that files are which it creates under that one's name; 0 for none.
    pub renews: u16,
    /// 1 when its environment puts code into it: its program counts for nothing.
    pub injected: u8,
    /// 1 when it descends from an install hook.
    pub hook: u8,
    /// 1 when it shares its holder with another process. A byte each, since several CPUs write them.
    pub shared: u8,
    /// 1 when it is to be killed as its system call returns.
    pub kill: u8,
    /// 1 when the signal was sent.
    pub killed: u8,
    /// 1 until it runs another program than its worker's: then its standard output is the job's log.
    pub first: u8,
    /// Bytes of a block that what it wrote to the job's log ended with.
    pub block: u16,
    /// 1 when it wrote a file that may name places of its own.
    pub author: u8,
    /// 1 when it read a credential that others wrote: what it writes names no places.
    pub misled: u8,
    /// 1 when it has mapped memory that others may have, too.
    pub mapped: u8,
    /// Zero.
    pub reserved: u8,
    /// [`image_id`] of its image, where that was given tokens with what it holds; else 0. No more than this: there are two of these on
    /// the stack of a fork, which 5.10 and 6.1 count with those of three functions.
    pub image: u32,
}

/// A place for memory that a holder shares with others.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct MappedKey {
    /// The holder.
    pub holder: HolderId,
    /// Its how-many-eth, from 0.
    pub slot: u64,
}

/// Memory that a holder shares with others.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Mapped {
    /// What it is known by; of a file, as the file is.
    pub object: ObjectKey,
    /// `inode.i_mode` of a file, or S_IFSOCK.
    pub mode: u32,
    /// 1 when it may be written.
    pub writes: u32,
}

/// What an image is known by that began as `holder`. Another one has the same by chance only, and for an hour.
#[inline(always)]
pub fn image_id(holder: HolderId) -> u32 {
    ((holder ^ holder >> 32) & 0xffff_ffff) as u32 | 1
}

/// A call of exec that is under way, by its thread.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Entered {
    /// When it began, where what its holder held then counts: elsewhere 0.
    pub time: u64,
    /// What its holder held then, in the order of [`crate::judge::Sets`].
    pub sets: [Bits; 4],
    /// The tokens of the image that makes the call.
    pub tokens: Tokens,
}

/// Tokens of the arguments and the environment of an image.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Tokens {
    /// How many there are.
    pub count: u32,
    /// Of these, how many the arguments have: they come first.
    pub arguments: u32,
    /// 1 when these are all of them.
    pub whole: u32,
    /// Zero.
    pub reserved: u32,
    /// Their hashes.
    pub hashes: [u64; TOKENS],
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
    /// 1 when it is the job's log: standard output or standard error of a step's first program; 2 when of its worker.
    pub log: u64,
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
    /// 1 while TCP is closed.
    pub closed: u8,
    /// Zero.
    pub reserved: [u8; 7],
    /// Start of that process.
    pub start: u64,
    /// The holder it was.
    pub holder: HolderId,
    /// Packets that the egress hook dropped (or in audit would have).
    pub packets: u64,
    /// Their bytes, from the network header on.
    pub bytes: u64,
    /// When the last of them was dropped, or the last descriptor went: `CLOCK_MONOTONIC`, nanoseconds, which runs as TCP's timers do.
    pub last: u64,
}

/// Nanoseconds after which a TCP socket that has lost its last descriptor, and tried to send nothing since, is gone. While it has
/// something to send a timer of at most two minutes runs (`TCP_RTO_MAX`, include/net/tcp.h), and each try passes the egress hook.
const SILENCE: u64 = 300_000_000_000;

impl Socket {
    /// Whether it can send no more at `now` (`CLOCK_MONOTONIC`, nanoseconds): its entry is left over, where it was not taken away.
    #[inline(always)]
    pub fn is_gone(&self, now: u64) -> bool {
        let over = self.closed != 0 || now.saturating_sub(self.last) > SILENCE;
        self.released != 0 && (self.stream == 0 || over)
    }
}

/// A socket on which name servers are asked.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Asker {
    /// Start of the process that asked last.
    pub start: u64,
    /// The holder it was.
    pub holder: HolderId,
    /// Its id.
    pub pid: u32,
    /// Its step.
    pub step: u32,
    /// The job.
    pub job: u32,
    /// Questions so far: the next one takes the place of the oldest.
    pub asked: u32,
    /// Those that wait for their answers.
    pub waiting: [Waiting; QUESTIONS],
}

/// A question that waits for its answer.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Waiting {
    /// [`crate::host::forward`] of the name.
    pub hash: u64,
    /// The place of that name; 0 when policy says nothing of it.
    pub place: u32,
    /// Id of the message.
    pub id: u16,
    /// Type; 0 where nothing waits.
    pub kind: u16,
}

/// What answers of name servers are believed by. In a network namespace of its own a job is its own name server, so that only one
/// counts.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Home {
    /// Cookie of that namespace (`bpf_get_netns_cookie`, 5.7); 0 while it is not known.
    pub net: u64,
    /// What hashes of names begin with: a random number.
    pub seed: u64,
    /// Zero, which the verifier does not know.
    pub zero: u64,
    /// The thread whose next connect shows the namespace; 0 for none.
    pub thread: u32,
    /// Zero.
    pub reserved: u32,
}

/// A name server of the host.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Resolver {
    /// 1 when its address is the host's own: then it answers over the loopback interface, else never.
    pub local: u32,
    /// 1 when its answers are believed; what it is asked is looked at in any case.
    pub believed: u32,
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
    /// Classes that the job's log does not accept.
    pub log: Bits,
    /// Classes joined by asking a metadata service for credentials.
    pub metadata: Bits,
    /// What is done in enforce about a leak into the log: one of [`crate::record::print`].
    pub print: u32,
    /// Zero.
    pub reserved: u32,
}

/// Who wrote a file that may name places of its own.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Author {
    /// Classes of whose places it tells.
    pub bits: Bits,
    /// Start of the process that wrote it, where that held nothing and was the only one; else 0.
    pub start: u64,
    /// That process.
    pub pid: u32,
    /// Zero.
    pub reserved: u32,
}

/// How far a job is: what the hooks note of it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Progress {
    /// The how-many-eth step was forked last.
    pub steps: u32,
    /// Zero.
    pub reserved: u32,
    /// What the job as a whole holds since a map was full.
    pub coarse: GrowingSet,
    /// Classes of whose places nothing more is told, since who tells of them was misled.
    pub misled: GrowingSet,
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
    /// 1 once a process connected to a metadata service: before, no request is looked at.
    pub asked: u32,
    /// 1 once a leak into a log was seen: from then on blocks are masked there.
    pub printed: u32,
    /// 1 once a name server was asked: before, no packet is looked at for it.
    pub asking: u32,
    /// 1 once an address was learned: before, none is looked up.
    pub learned: u32,
    /// 1 where agents are looked for. Written by user space.
    pub hosting: u32,
    /// 1 once any file may name places of its own: before, none is asked for.
    pub authored: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(released: u8, stream: u8, closed: u8) -> Socket {
        Socket { released, stream, closed, last: 7, ..Socket::default() }
    }

    #[test]
    fn a_socket_is_gone_when_nothing_is_left_to_send_it() {
        let (soon, later) = (7 + SILENCE, 8 + SILENCE);
        assert!(socket(1, 0, 0).is_gone(soon), "a datagram that is refused is not sent again");
        assert!(socket(1, 1, 1).is_gone(soon), "TCP is closed");
        assert!(!socket(1, 1, 0).is_gone(soon) && socket(1, 1, 0).is_gone(later), "it tries no more");
        assert!(!socket(0, 0, 0).is_gone(later) && !socket(0, 1, 1).is_gone(later), "a process has it");
    }
}
