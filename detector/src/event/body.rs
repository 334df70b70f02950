//! What happened.

use super::{File, HolderId, JobId, Object, Process, StepId};
use serde::{Deserialize, Serialize};
use std::{fmt, net::IpAddr};

/// What happened, one variant a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Body {
    /// A process forked another; the actor is the parent. Threads are not recorded.
    Fork(Fork),
    /// A process runs another program; the actor's holder is the new one.
    Exec(Exec),
    /// A process whose arguments named a declared script opened it, or opened another file of its name.
    Script(Script),
    /// A worker had the step begin in this directory; only told by the daemon.
    Workdir(Workdir),
    /// The last thread of a process ended.
    Exit(Exit),
    /// A watched file was opened.
    Open(Open),
    /// An open of a watched name failed, or a process asked whether it is there.
    Attempt(Attempt),
    /// A process opened another one's memory, environment or maps, or its own environment.
    Access(Access),
    /// A holder wrote to a file or pipe.
    Give(Flow),
    /// A process read from a file or pipe that a holder had written.
    Take(Flow),
    /// A holder wrote an encoded block to the job's log.
    Print(Print),
    /// A process reached for the network.
    Network(Network),
    /// A name server answered a process of the job: from now on the addresses are that name's.
    Name(Name),
    /// A credential file was there before the job: it is one by whatever name it is opened. The actor is absent.
    Known(Known),
    /// A credential file that one of its declared readers wrote in this job names a place of its own: from now on such secrets may be
    /// spent there. The actor is absent.
    Kept(Kept),
    /// A process that holds something asked a name server for a name that does not accept it, or a service of the host for any.
    Question(Question),
    /// The egress hook dropped a packet of a socket (in audit: would have): the first one.
    Drop(Drop),
    /// The sensor sent SIGKILL.
    Kill(Kill),
    /// Enforcement or observation was armed. The actor is absent.
    Armed,
    /// A decoy was read and a sink dialled, and the sensor saw and (in enforce) stopped both.
    Proved,
    /// What the job's agent calls a step. The actor is absent.
    Step(Step),
    /// What the job's agent calls the job. The actor is absent.
    Called(Called),
    /// Events were lost, cut or not attributed since the last such event: per counter, how many.
    Lost(Counted),
    /// The kernel side decided leaks that the events before do not explain: how many.
    Unexplained {
        /// Leaks decided by the kernel and by nothing else.
        leaks: u64,
    },
}

/// See [`Body::Fork`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fork {
    /// The child.
    pub child: Process,
    /// The child's holder: the parent's own when the two share memory or descriptors.
    pub holder: HolderId,
    /// The child's step.
    pub step: StepId,
}

/// See [`Body::Exec`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exec {
    /// The holder it was before.
    pub before: HolderId,
    /// When the call began, `CLOCK_BOOTTIME` nanoseconds, where that holder was shared: what it joined since was not
    /// handed on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub entered: Option<u64>,
    /// Path of the program; of a script, of its interpreter.
    pub path: String,
    /// Identity of the program.
    pub file: File,
    /// The arguments, redacted.
    pub argv: Vec<String>,
    /// Bytes of argv that were not recorded.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub argv_cut: u32,
    /// Effective user.
    pub uid: u32,
    /// The declared program that the file is, by its number in the recorded policy; 0 for none.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub program: u16,
    /// The declared script that an argument names, likewise; whether it is that one shows when it is opened.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub script: u16,
    /// Arguments before those of the program or script itself.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub skip: u32,
    /// The environment has a variable that puts code into the program or makes it print.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub injected: bool,
    /// Arguments or environment have a token that the image before had in neither, or the arguments one that was given to it so; only
    /// looked for where something is held.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub fresh: bool,
    /// Tokens in the arguments that those of the image before had not.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub copied: u32,
    /// What standard output is.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub stdout: Stream,
    /// What the command line is to the script, or else to the program: flags of `detector_common::command::line`. Told by
    /// the kernel side, since redaction may change the arguments that it goes by.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub line: u16,
}

/// What a standard stream is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stream {
    /// Closed, or not known.
    #[default]
    None,
    /// A pipe.
    Pipe,
    /// A regular file.
    File,
    /// A socket.
    Socket,
    /// A terminal or another device.
    Device,
}

impl Stream {
    /// Whether what is written to it can be read by another program.
    pub fn keeps(self) -> bool {
        matches!(self, Self::Pipe | Self::File | Self::Socket)
    }
}

/// See [`Body::Script`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// The script, by its number in the recorded policy; 0 when the file was another.
    pub program: u16,
}

/// See [`Body::Workdir`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workdir {
    /// The directory; `…/` in front when the root was not reached, empty when it could not be read.
    pub path: String,
}

/// See [`Body::Exit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Exit code, 0 when a signal ended it.
    pub code: u8,
    /// The signal that ended it, 0 for none.
    pub signal: u8,
}

/// See [`Body::Open`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// The path, resolved from the file itself through its mounts; `…/` in front when the root was not reached.
    pub path: String,
    /// Identity.
    pub file: File,
    /// Opened for reading, and not only to read back what its own lineage wrote.
    pub read: bool,
    /// Opened for writing.
    pub write: bool,
}

/// See [`Body::Attempt`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The string as the caller wrote it: relative to whatever.
    pub path: String,
    /// Positive errno; 0 where the call succeeded.
    pub errno: u32,
    /// By which call.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub call: Probe,
    /// The caller is in a pid namespace of its own: a number in `/proc` is not that of the initial one.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub nested: bool,
    /// Of a file of `/proc/<pid>`: name of the program of that process, where it was known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub program: Option<String>,
}

impl Attempt {
    /// The process whose memory, environment or maps it was, by its number in the namespace of the caller: only absolute
    /// paths tell.
    pub fn target(&self) -> Option<u32> {
        let (pid, rest) = self.path.strip_prefix("/proc/")?.split_once('/')?;
        let rest = match rest.strip_prefix("task/") {
            Some(task) => task.split_once('/')?.1,
            None => rest,
        };
        matches!(rest, "mem" | "environ" | "maps" | "smaps" | "pagemap" | "auxv").then(|| pid.parse().ok())?
    }
}

/// Which call asked for a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// `open` and its like: it failed.
    #[default]
    Open,
    /// `stat` and its like.
    Stat,
    /// `access` and its like.
    Access,
    /// `readlink` and its like; EINVAL says that the file is there, and no link.
    Readlink,
}

/// The way into another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Door {
    /// `/proc/<pid>/mem`.
    Mem,
    /// `/proc/<pid>/environ`.
    Environ,
    /// `/proc/<pid>/maps`.
    Maps,
    /// `/proc/<pid>/smaps`.
    Smaps,
    /// `/proc/<pid>/pagemap`.
    Pagemap,
    /// `/proc/<pid>/auxv`.
    Auxv,
    /// The system call `process_vm_readv`.
    ProcessVmRead,
    /// `ptrace(PTRACE_ATTACH)`.
    PtraceAttach,
    /// `ptrace(PTRACE_SEIZE)`.
    PtraceSeize,
    /// A request for credentials to the metadata service of a cloud; the target is no process.
    Metadata,
    /// `/proc/kcore`: the memory of everyone; the target is no process.
    Kcore,
    /// A device of memory (`/dev/mem`); the target is no process.
    MemoryDevice,
    /// `perf_event_open`, with samples of the stack or of registers; the target is no process where it is of all.
    PerfEvent,
}

impl Door {
    /// Whether it opens all memory of its target.
    pub fn is_memory(self) -> bool {
        match self {
            Self::Mem
            | Self::ProcessVmRead
            | Self::PtraceAttach
            | Self::PtraceSeize
            | Self::Kcore
            | Self::MemoryDevice
            | Self::PerfEvent => true,
            Self::Environ | Self::Maps | Self::Smaps | Self::Pagemap | Self::Auxv | Self::Metadata => false,
        }
    }
}

/// Relation of the target to the process that acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// Not in the job: an agent, a service, another job.
    Outside,
    /// Descends from the process that acts.
    Descendant,
    /// Another process of the job.
    Job,
    /// Could not be resolved; judged as outside.
    Unknown,
    /// The process itself.
    Own,
}

/// See [`Body::Access`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Which way.
    pub door: Door,
    /// Whose.
    pub target: Process,
    /// How the target stands to the actor, as the kernel saw it then.
    pub relation: Relation,
    /// Name of the target's program where it was known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub program: Option<String>,
    /// 0, or the positive errno of a refused attempt.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub errno: u32,
}

/// See [`Body::Give`] and [`Body::Take`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// Through what.
    pub object: Object,
    /// Sequence number: of a give its own, of a take that of the give it took from.
    pub given: u64,
    /// Of a give: what was written cannot be the secret.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub plain: bool,
    /// Of a take: the file is the standard input that a new program was given.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub handed: bool,
    /// By memory that is mapped, of which no single store or load is seen.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub mapped: bool,
}

impl Flow {
    /// A flow of which nothing in particular is known.
    pub fn new(object: Object, given: u64) -> Self {
        Self { object, given, plain: false, handed: false, mapped: false }
    }
}

/// See [`Body::Print`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Print {
    /// Bytes of the write.
    pub bytes: u64,
    /// What became of it: passed, refused or masked.
    pub outcome: Outcome,
}

/// Transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// TCP (also MPTCP).
    Tcp,
    /// UDP (also UDP-Lite).
    Udp,
    /// Another, by its number (IANA protocol numbers).
    Other(u16),
}

/// Which call reached for the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Call {
    /// `connect`.
    Connect,
    /// A send with an address of its own.
    SendTo,
    /// A send on a connected socket.
    Send,
    /// A question to a name server.
    Ask,
    /// A packet socket was made or sent on, or one of another family that no hook sees: the address stands for nobody.
    Packet,
}

/// What became of a reach for the network, or of a write to the job's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It went its way.
    Passed,
    /// Refused with an errno.
    Refused,
    /// The socket was marked; the egress hook drops what it sends there.
    Quarantined,
    /// What was written to the job's log was masked on its way there.
    Masked,
}

/// See [`Body::Network`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Which call.
    pub call: Call,
    /// Where to; an IPv4 address stands as such, mapped or not.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
    /// Protocol.
    pub protocol: Protocol,
    /// Socket cookie, 0 where there was none.
    pub socket: u64,
    /// What became of it.
    pub outcome: Outcome,
}

/// See [`Body::Name`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    /// The name that was asked for, in small letters; labels of which policy knows nothing may be redacted.
    pub name: String,
    /// What it was answered with, aliases followed.
    pub addresses: Vec<IpAddr>,
}

/// See [`Body::Question`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The name, as in [`Name`]; empty where what was sent is no question that can be read.
    pub name: String,
    /// The name server; absent where a service of the host was asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub server: Option<IpAddr>,
    /// The service of the host that was asked over its unix socket, and asks in its own name: what it is asked for is recorded
    /// whether the name accepts it or not, and was not refused.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub service: Option<Service>,
    /// Socket cookie; 0 where a service was asked.
    pub socket: u64,
    /// What became of it: passed, or refused.
    pub outcome: Outcome,
}

/// A service of the host that finds names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// nscd, and what speaks its protocol.
    Nscd,
    /// systemd-resolved, as `nss-resolve` asks it.
    SystemdResolved,
}

impl Service {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nscd => "nscd",
            Self::SystemdResolved => "systemd-resolved",
        }
    }
}

/// See [`Body::Drop`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drop {
    /// Where to.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
    /// Socket cookie.
    pub socket: u64,
    /// Bytes of the packet from the network header on.
    pub bytes: u32,
    /// False in audit, where it went its way.
    pub dropped: bool,
}

/// See [`Body::Known`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The path by which it was found; its classes are those of this path.
    pub path: String,
    /// Identity.
    pub file: File,
}

/// See [`Body::Kept`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The job.
    pub job: JobId,
    /// The class of those secrets, by its name.
    pub class: String,
    /// Name or address of the host.
    pub host: String,
    /// The port; any where there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub port: Option<u16>,
    /// The file, as it is shown.
    pub file: String,
    /// Addresses that the host itself listed for the name before the job.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub addresses: Vec<IpAddr>,
}

/// See [`Body::Step`]. A name is a label: nothing is decided by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its number.
    pub step: StepId,
    /// The agent's name for it.
    pub name: String,
    /// What it runs, where the agent says so: `actions/checkout@v4`, `script`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub runs: Option<String>,
    /// The agent's own log does not say it of this process: it was the step that had begun last.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub likely: bool,
}

/// See [`Body::Called`]. Labels: nothing is decided by them. Each is empty where the agent did not say it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Called {
    /// The job, as people see it.
    pub name: String,
    /// The repository.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub repository: String,
    /// The workflow, or pipeline.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub workflow: String,
    /// The number of the run that the job is of.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub run: String,
}

impl fmt::Display for Called {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, repository, workflow, run } = self;
        f.write_str(if name.is_empty() { "without a name" } else { name })?;
        for (what, text) in [(" of ", repository), (", workflow ", workflow), (", run ", run)] {
            if !text.is_empty() {
                write!(f, "{what}{text}")?;
            }
        }
        Ok(())
    }
}

/// See [`Body::Kill`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kill {
    /// 0, or the positive errno of the signal.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub errno: u32,
}

/// Counters by name (`detector_common::counter`), zero ones left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Name and count.
    pub counters: std::collections::BTreeMap<String, u64>,
}

/// What the kernel side decided about an event: class bits of the recorded policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kernel {
    /// What the actor (or child, object, socket) holds or takes over. Of forks and execs: the secret itself. Of names: what anyone
    /// may spend there.
    pub bits: u64,
    /// Of these, what the destination does not accept.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub leak: u64,
    /// Of a reach for the network: what the destination does not accept on evidence that is only reported.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub weak: u64,
    /// Of forks: what the child holds as a reader. Of names: what may be spent there of what somebody read himself.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub own: u64,
    /// Of forks: what it holds as the user of an SDK. Of opens: the classes whose SDK the file belongs to.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub soft: u64,
    /// Of forks, execs and flows: what comes along as inherited.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub inherited: u64,
}

fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
