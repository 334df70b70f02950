//! What the kernel side counts: per CPU, summed by user space.

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal, $kind:ident;)*) => {
        /// Index into the per-CPU counter array. Numbers are never given to another meaning.
        #[repr(u32)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Counter { $($(#[$doc])* $name = $number,)* }

        impl Counter {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name in recordings and reports.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What a non-zero value means for the verdict.
            pub fn kind(self) -> Kind {
                match self { $(Self::$name => Kind::$kind,)* }
            }
        }
    };
}

/// What a non-zero counter means for the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Work done.
    Activity,
    /// An event of the secret, memory, flow or leak kinds was lost, cut or not attributed: INCONCLUSIVE.
    Loss,
    /// Something else was lost: said, no more.
    Noise,
}

counters! {
    /// Records that found the process ring full: later events of that process have no name.
    LostProcess = 0, "lost-process", Loss;
    /// Records that found the secret ring full.
    LostSecret = 1, "lost-secret", Loss;
    /// Records that found the network ring full.
    LostNetwork = 2, "lost-network", Noise;
    /// Leaks decided (marked bits that the destination does not accept), denied or not.
    Leaks = 8, "leaks", Activity;
    /// Calls refused by the connect and sendmsg hooks.
    Refused = 9, "refused", Activity;
    /// Packets dropped by the egress hook.
    Dropped = 10, "dropped", Activity;
    /// Signals sent.
    Killed = 11, "killed", Activity;
    /// The process map was full: the job as a whole holds.
    TasksFull = 16, "tasks-full", Loss;
    /// The holder map was full: the job as a whole holds.
    HoldersFull = 17, "holders-full", Loss;
    /// The object map was full: the job as a whole holds.
    ObjectsFull = 18, "objects-full", Loss;
    /// The socket map was full: a send could not be marked.
    SocketsFull = 19, "sockets-full", Loss;
    /// The map of records already said was full: some are said again.
    SeenFull = 20, "seen-full", Noise;
    /// The map of calls of exec under way was full: what the new program was given counts as new to it.
    ExecsFull = 21, "execs-full", Noise;
    /// The map of program files was full, or a file that an installer brought could not be taken down: it is no declared program.
    ProgramsFull = 22, "programs-full", Noise;
    /// The map of addresses that names were answered with was full: what a name accepts is refused there.
    AddressesFull = 23, "addresses-full", Loss;
    /// A worker began when no job was free for it: what it starts is not watched.
    JobsFull = 36, "jobs-full", Loss;
    /// A kernel structure could not be read.
    Unread = 24, "unread", Loss;
    /// The map of shared memory was full: what is stored there is not seen.
    MappingsFull = 39, "mappings-full", Loss;
    /// A call through the 32-bit entry by a tracked process, which is not monitored.
    ForeignAbi = 25, "foreign-abi", Loss;
    /// A tracked process asked something of an io_uring that is not monitored.
    IoUring = 38, "io-uring", Loss;
    /// A tracked process has a way that no hook sees: a userfaultfd, which whoever has it writes by into its memory; a socket of AF_XDP,
    /// which may send with no call at all; samples of the stacks of what it starts; a network device that a holder writes to.
    Unseen = 42, "unseen-way", Loss;
    /// A path was deeper than is recorded.
    PathCut = 26, "path-cut", Noise;
    /// Counted by user space: records that came after a younger one had been judged.
    Late = 27, "late", Loss;
    /// Counted by user space: records that this version cannot read.
    Undecoded = 28, "undecoded", Loss;
    /// Counted by user space: processes that held something when the session ended.
    LeftHolding = 29, "left-holding", Loss;
    /// Counted by user space: other processes of the job that were there when the session ended, and went on unwatched.
    LeftRunning = 30, "left-running", Loss;
    /// Counted by user space: times that the daemon was away while the kernel side went on. What it had taken in and not written yet
    /// is lost.
    Away = 37, "daemon-away", Loss;
    /// Counted by user space: calls of programs that the kernel left out.
    Missed = 40, "missed", Loss;
    /// Counted by user space: as before, of the program that is told how sockets end: the marks of some are kept longer.
    MissedState = 41, "missed-state", Noise;
    /// Opens looked at: of tracked processes, by name.
    Opens = 32, "opens", Activity;
    /// Answers of name servers that were not believed: not what was asked, not whole, not from where they should be.
    AnswersRefused = 33, "answers-refused", Activity;
    /// Answers of name servers that were believed.
    AnswersLearned = 34, "answers-learned", Activity;
    /// The map of sockets on which name servers are asked was full: what is asked on others is not learned.
    AskersFull = 35, "askers-full", Noise;
}

/// Entries of the counter array.
pub const COUNTERS: u32 = 43;
