//! The kinds of calls, and who makes them.

/// What a round does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// No call: what the measurement itself makes.
    Nothing,
    Getpid,
    ReadFile,
    WriteFile,
    WritePipe,
    /// What [`Kind::WritePipe`] wrote.
    ReadPipe,
    Open,
    OpenMissing,
    Send,
    Connect,
    Program,
    Map,
    ReadFileMapped,
}

impl Kind {
    /// In this order. The last two stand apart: who has once mapped memory that others may have, too, pays for it ever after.
    pub(super) const ALL: [Self; 13] = [
        Self::Nothing,
        Self::Getpid,
        Self::ReadFile,
        Self::WriteFile,
        Self::WritePipe,
        Self::ReadPipe,
        Self::Open,
        Self::OpenMissing,
        Self::Send,
        Self::Connect,
        Self::Program,
        Self::Map,
        Self::ReadFileMapped,
    ];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Getpid => "getpid",
            Self::ReadFile => "read of a plain file",
            Self::WriteFile => "write to a plain file",
            Self::WritePipe => "write to a pipe",
            Self::ReadPipe => "read of a pipe",
            Self::Open => "openat and close of a plain file",
            Self::OpenMissing => "openat of a missing file",
            Self::Send => "write to a TCP connection, loopback",
            Self::Connect => "socket, connect and close, TCP, loopback",
            Self::Program => "fork, exec and wait: `/bin/true`",
            Self::Map => "mmap, anonymous and shared",
            Self::ReadFileMapped => "read of a plain file, after such a mmap",
        }
    }

    /// How often a round does it: so few times that most rounds are over before something else has the CPU.
    pub(super) fn calls(self) -> u32 {
        match self {
            Self::Nothing => 0,
            Self::Program => 1,
            _ => 20,
        }
    }

    pub(super) fn is_apart(self) -> bool {
        matches!(self, Self::Map | Self::ReadFileMapped)
    }
}

/// Who makes the calls, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    OutsideBefore,
    JobBefore,
    OutsideAfter,
    JobAfter,
    Holder,
}

impl State {
    pub(super) const ALL: [Self; 5] =
        [Self::OutsideBefore, Self::JobBefore, Self::OutsideAfter, Self::JobAfter, Self::Holder];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::OutsideBefore => "outside, before",
            Self::JobBefore => "job, before",
            Self::OutsideAfter => "outside, after",
            Self::JobAfter => "job, after",
            Self::Holder => "holder",
        }
    }
}
