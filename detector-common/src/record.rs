//! What the kernel side says, one record at a time, through its rings.
//!
//! A record starts with a [`Header`]; `Header::kind` says which struct it is the head of. Records of one
//! ring are in order; across rings `Header::time` decides: it is taken before a store that gives, after a
//! load that takes. A record that takes also names the sequence number of what it took from.

use crate::{
    identity::{HolderId, ObjectKey, ProcessId},
    limits::{ANSWERS, ARGV_BYTES, ATTEMPT_BYTES, HOST_BYTES, PATH_STEPS, SERVICE_BYTES},
    set::Bits,
    watch::Component,
};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Kinds, in families of sixteen. A number is never given to another meaning.
pub mod kind {
    /// [`super::Fork`].
    pub const FORK: u16 = 1;
    /// [`super::Exec`].
    pub const EXEC: u16 = 2;
    /// [`super::Exit`].
    pub const EXIT: u16 = 3;
    /// [`super::Script`].
    pub const SCRIPT: u16 = 4;
    /// [`super::Worker`]: a process of an agent began.
    pub const WORKER: u16 = 5;
    /// [`super::Worker`]: a worker ended.
    pub const WORKER_EXIT: u16 = 6;
    /// [`super::Workdir`].
    pub const WORKDIR: u16 = 7;
    /// [`super::Open`].
    pub const OPEN: u16 = 16;
    /// [`super::Attempt`].
    pub const ATTEMPT: u16 = 17;
    /// [`super::Access`].
    pub const ACCESS: u16 = 32;
    /// [`super::Flow`], a holder writes.
    pub const GIVE: u16 = 48;
    /// [`super::Flow`], someone reads what a holder wrote.
    pub const TAKE: u16 = 49;
    /// [`super::Print`].
    pub const PRINT: u16 = 50;
    /// [`super::Network`].
    pub const NETWORK: u16 = 64;
    /// [`super::Drop`].
    pub const DROP: u16 = 65;
    /// [`super::Name`].
    pub const NAME: u16 = 66;
    /// [`super::Question`].
    pub const QUESTION: u16 = 67;
    /// [`super::Request`].
    pub const REQUEST: u16 = 68;
    /// [`super::Kill`].
    pub const KILL: u16 = 80;
}

/// Head of every record.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Header {
    /// One of [`kind`].
    pub kind: u16,
    /// CPU that made it.
    pub cpu: u16,
    /// The job.
    pub job: u32,
    /// `CLOCK_BOOTTIME`, nanoseconds: also the sequence number of the object that a `GIVE` marks.
    pub time: u64,
    /// The process that acts.
    pub process: ProcessId,
    /// Its holder.
    pub holder: HolderId,
    /// The thread that acts.
    pub thread: u32,
    /// The step.
    pub step: u32,
}

const _: () = assert!(size_of::<Header>() == 48);

/// A path as the kernel walked it: the components, leaf first.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Path {
    /// Components in use.
    pub steps: u32,
    /// 1 when the root was not reached.
    pub cut: u32,
    /// The components; only `steps` of them are sent.
    pub components: [Component; PATH_STEPS],
}

/// A file: identity and kind.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct File {
    /// Inode number.
    pub inode: u64,
    /// Device, as in [`ObjectKey::device`].
    pub device: u32,
    /// Inode generation.
    pub generation: u32,
    /// `inode.i_mode`.
    pub mode: u32,
    /// Zero.
    pub reserved: u32,
}

/// A process forked another. `Header::process` is the parent; threads are not recorded.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Fork {
    /// Head.
    pub header: Header,
    /// The child.
    pub child: ProcessId,
    /// The child's holder.
    pub holder: HolderId,
    /// The child's step.
    pub step: u32,
    /// 1 when memory or descriptors are shared: the two are one holder.
    pub shared: u32,
    /// Kernel's decision: what the child holds, in the order of [`crate::judge::Sets`].
    pub sets: [Bits; 4],
}

/// A process runs another program. `Header::holder` is the holder from now on.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Exec {
    /// Head.
    pub header: Header,
    /// The holder it was before.
    pub before: HolderId,
    /// Kernel's decision: what it holds, in the order of [`crate::judge::Sets`].
    pub sets: [Bits; 4],
    /// When the call began, where the process shared its holder: what that joined since was not handed on. Else
    /// `u64::MAX`.
    pub entered: u64,
    /// The program (of a script: its interpreter).
    pub file: File,
    /// True length of argv in bytes; more than `ARGV_BYTES` when it was cut.
    pub argv_len: u32,
    /// Effective user.
    pub uid: u32,
    /// The declared program that the file is ([`crate::program`]); 0 for none.
    pub program: u32,
    /// The declared script that an argument names; 0 for none. Whether it is that script shows when it is opened.
    pub script: u32,
    /// Arguments before those of the program or script itself.
    pub skip: u32,
    /// 1 when the environment has a variable that puts code into it or makes it print.
    pub injected: u32,
    /// 1 when arguments or environment have a token that the image before had in neither, or the arguments one that was given to it
    /// so. Only looked for where something is held.
    pub fresh: u32,
    /// Tokens in the arguments that those of the image before had not.
    pub copied: u32,
    /// `inode.i_mode & S_IFMT` of standard output; 0 where it is closed.
    pub stdout: u32,
    /// Flags of [`crate::command::line`]: of the script when an argument names one, else of the program. 0 where argv was cut
    /// or has too many arguments.
    pub line: u32,
    /// Arguments, each ended by a zero byte.
    pub argv: [u8; ARGV_BYTES],
    /// Path of the program.
    pub path: Path,
}

/// A process whose arguments named a declared script opened it, or opened another file of its name.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Script {
    /// Head.
    pub header: Header,
    /// The script; 0 when the file was another.
    pub program: u32,
    /// Zero.
    pub reserved: u32,
}

/// The last thread of a process ended.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Exit {
    /// Head.
    pub header: Header,
    /// Wait status (`task_struct.exit_code`): code in bits 8 to 15, signal in 0 to 6.
    pub status: u32,
    /// 1 when it wrote a file that may name places of its own.
    pub author: u32,
}

/// A process outside of every job runs a program that is called as an agent's, or a worker ended. `Header::job` is the job that it was
/// given; 0 when user space has to look first, or when there was none to give.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Worker {
    /// Head: the process.
    pub header: Header,
    /// Its parent's process id.
    pub parent: u32,
    /// Which of the names it has that are looked for, from 0; of one that ended, 0.
    pub name: u32,
}

/// The directory in which a worker has a step begin: current at the first exec, before anything of the step runs. Only told where
/// the host is watched.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Workdir {
    /// Head.
    pub header: Header,
    /// The directory.
    pub path: Path,
}

/// A watched file was opened.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Open {
    /// Head.
    pub header: Header,
    /// Kernel's decision: the classes of the path and of the file, joined when `access` allows reading.
    pub bits: Bits,
    /// Kernel's decision: classes whose SDK the file belongs to.
    pub sdk: Bits,
    /// Identity.
    pub file: File,
    /// `file.f_mode & 3`: 1 reading, 2 writing.
    pub access: u32,
    /// Zero.
    pub reserved: u32,
    /// The path.
    pub path: Path,
}

/// An open of a watched name failed, or a process asked whether it is there.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Attempt {
    /// Head.
    pub header: Header,
    /// Positive errno; 0 where the call succeeded.
    pub errno: u32,
    /// Bytes of `path` in use, the ending zero not counted.
    pub len: u32,
    /// One of [`probe`].
    pub call: u32,
    /// 1 when the caller is in a pid namespace of its own: numbers in `/proc` are not those of the initial one.
    pub nested: u32,
    /// The string, as the caller wrote it: relative to whatever.
    pub path: [u8; ATTEMPT_BYTES],
}

/// Which family of calls an [`Attempt`] is of.
pub mod probe {
    /// `open`, `openat`, `openat2`, `creat`, `open_by_handle_at`: it failed.
    pub const OPEN: u32 = 1;
    /// `stat`, `lstat`, `newfstatat`, `statx`.
    pub const STAT: u32 = 2;
    /// `access`, `faccessat`, `faccessat2`.
    pub const ACCESS: u32 = 3;
    /// `readlink`, `readlinkat`: EINVAL says that it is there, and no link.
    pub const READLINK: u32 = 4;
}

/// Relation of the process that acts to the process acted upon.
pub mod relation {
    /// The target is not in the job: an agent, a service, another job.
    pub const OUTSIDE: u32 = 1;
    /// The target descends from the process that acts.
    pub const DESCENDANT: u32 = 2;
    /// The target is another process of the job.
    pub const JOB: u32 = 3;
    /// The target could not be resolved (a pid of another namespace): judged as outside.
    pub const UNKNOWN: u32 = 4;
    /// The target is the process that acts.
    pub const OWN: u32 = 5;
}

/// A process opened another one's memory, environment or maps, or its own environment.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Access {
    /// Head.
    pub header: Header,
    /// Whose.
    pub target: ProcessId,
    /// One of [`crate::watch::door`].
    pub door: u32,
    /// One of [`relation`].
    pub relation: u32,
    /// 0, or the positive errno of a refused attempt.
    pub errno: u32,
    /// Zero.
    pub reserved: u32,
    /// Kernel's decision: the classes joined.
    pub bits: Bits,
}

/// Data passed through a file or pipe.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Flow {
    /// Head.
    pub header: Header,
    /// The object.
    pub object: ObjectKey,
    /// `inode.i_mode`: S_IFIFO or S_IFREG.
    pub mode: u32,
    /// Flags of [`flow`].
    pub flags: u32,
    /// For `TAKE`: the sequence number of the `GIVE` it took from. For `GIVE`: its own.
    pub given: u64,
    /// Kernel's decision: what went over as held.
    pub bits: Bits,
    /// Kernel's decision: what went over as inherited.
    pub inherited: Bits,
}

/// What is known of a flow.
pub mod flow {
    /// A give: what was written cannot be the secret (a shell's own line without a token, a token of make's job server).
    pub const PLAIN: u32 = 1;
    /// A take: the file is the standard input that a new program was given.
    pub const HANDED: u32 = 2;
    /// By memory that is mapped: what a declared reader read itself is not stored there.
    pub const MAPPED: u32 = 4;
}

/// What becomes of a leak into the job's log ([`Print::denied`], [`crate::state::Job::print`]).
pub mod print {
    /// Nothing is done about it.
    pub const PASSES: u32 = 0;
    /// The process is killed; what it writes to a file is not written.
    pub const REFUSED: u32 = 1;
    /// It is masked on its way through user space. Of a job: where the log is a pipe, else as `REFUSED`.
    pub const MASKED: u32 = 2;
}

/// A holder wrote an encoded block to the job's log. Said once for the same holder, classes and outcome.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Print {
    /// Head.
    pub header: Header,
    /// Kernel's decision: what the process holds as held.
    pub held: Bits,
    /// Kernel's decision: of that, what the log does not accept.
    pub leak: Bits,
    /// Bytes of the write.
    pub bytes: u64,
    /// One of [`print`].
    pub denied: u32,
    /// Zero.
    pub reserved: u32,
}

/// Which call a [`Network`] record is about.
pub mod hook {
    /// `connect`, in the cgroup hook: can be refused.
    pub const CONNECT: u32 = 1;
    /// A send with an address of its own, in the cgroup hook: can be refused.
    pub const SENDMSG: u32 = 2;
    /// A send-type call on a connected socket: marks the socket, the egress hook drops.
    pub const SEND: u32 = 3;
    /// A packet socket is made, or sent on: no hook refuses what it sends.
    pub const PACKET: u32 = 4;
}

/// A process reached for the network.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Network {
    /// Head.
    pub header: Header,
    /// Destination, IPv4 mapped, network byte order.
    pub address: [u8; 16],
    /// Socket cookie; 0 where the kernel had not given it one.
    pub cookie: u64,
    /// Kernel's decision: what the process and the socket carry, inherited or not.
    pub held: Bits,
    /// Kernel's decision: of these, what the destination does not accept.
    pub leak: Bits,
    /// Kernel's decision: what the destination does not accept on evidence that is reported and not enforced.
    pub weak: Bits,
    /// Port, host byte order.
    pub port: u16,
    /// Address family.
    pub family: u16,
    /// `sock.sk_protocol`.
    pub protocol: u16,
    /// 1 when refused here, 2 when the socket was marked for the egress hook to drop.
    pub denied: u16,
    /// One of [`hook`].
    pub hook: u32,
    /// Zero.
    pub reserved: u32,
}

/// The egress hook dropped a packet (in audit: would have). Said once a socket.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Drop {
    /// Head: the process that sent on the socket last.
    pub header: Header,
    /// Destination of the packet, IPv4 mapped, network byte order.
    pub address: [u8; 16],
    /// Socket cookie.
    pub cookie: u64,
    /// Kernel's decision: what the destination does not accept.
    pub leak: Bits,
    /// Port, host byte order.
    pub port: u16,
    /// 1 when dropped.
    pub denied: u16,
    /// Bytes of the packet from the network header on.
    pub bytes: u32,
}

/// A name server answered what a process of the job asked: from now on the addresses are that name's. Said once for the same answer.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Name {
    /// Head: the process that asked on the socket last.
    pub header: Header,
    /// Kernel's decision: what anyone may spend at hosts of the name.
    pub anyone: Bits,
    /// Kernel's decision: what whoever read it itself may spend there, too.
    pub own: Bits,
    /// Addresses in use.
    pub count: u32,
    /// Bytes of `name` in use.
    pub len: u32,
    /// The name as it stands in the message: lengths and labels.
    pub name: [u8; HOST_BYTES],
    /// The addresses, IPv4 mapped, network byte order; only `count` of them are sent.
    pub addresses: [[u8; 16]; ANSWERS],
}

/// A process that holds something asked a name server for a name that does not accept it. Said once for the same holder, name and
/// judgement.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Question {
    /// Head: the process that asked on the socket last.
    pub header: Header,
    /// The name server, IPv4 mapped, network byte order.
    pub address: [u8; 16],
    /// Socket cookie.
    pub cookie: u64,
    /// Kernel's decision: what the process and the socket carry.
    pub held: Bits,
    /// Kernel's decision: of these, what the name does not accept.
    pub leak: Bits,
    /// Kernel's decision: what it does not accept on evidence that is reported and not enforced.
    pub weak: Bits,
    /// 1 when it was dropped.
    pub denied: u32,
    /// Bytes of `name` in use; 0 when it was no question that can be read.
    pub len: u32,
    /// The name as it stands in the message.
    pub name: [u8; HOST_BYTES],
}

/// A process that holds something sends to a service of the host that finds names. Said once for the same holder, load and bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Request {
    /// Head.
    pub header: Header,
    /// What the process carries, but for what it read itself as a declared reader: the name is read by user space, and judged there.
    pub held: Bits,
    /// The service ([`crate::service`]).
    pub service: u32,
    /// Bytes in use.
    pub len: u32,
    /// 1 when these are all that the call sends.
    pub whole: u32,
    /// Zero.
    pub reserved: u32,
    /// What is sent, zero behind its end.
    pub bytes: [u8; SERVICE_BYTES],
}

/// A process was sent SIGKILL by the sensor.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Kill {
    /// Head: the process.
    pub header: Header,
    /// 0, or the positive errno of `bpf_send_signal`.
    pub errno: u32,
    /// Zero.
    pub reserved: u32,
}
