//! Declared programs: known by their file, which was there before the job or was put there by a trusted installer.

use crate::{record, set::Bits};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A program of a policy, numbered from 1 in the order of the policy's list; 0 is none.
pub type ProgramNumber = u16;

/// The file of a declared program or script, under a policy.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct ProgramKey {
    /// Inode number.
    pub inode: u64,
    /// Device, as in [`crate::identity::ObjectKey::device`].
    pub device: u32,
    /// Inode generation.
    pub generation: u32,
    /// The policy.
    pub policy: u32,
    /// Zero.
    pub reserved: u32,
}

/// What a declared program is trusted with, while nothing is injected into it.
pub mod trait_of {
    /// Its output says nothing of what it reads, on a quiet command line (`sha256sum`, `wc`).
    pub const LOSSY: u32 = 1;
    /// A shell: what it writes itself is searched for tokens.
    pub const SHELL: u32 = 2;
    /// An interpreter: may be a reader by its script or by the SDK it runs.
    pub const INTERPRETER: u32 = 4;
    /// Runs what others wrote when it installs: its children are hooks then.
    pub const MANAGER: u32 = 8;
    /// What it creates under the name of a declared program is that program (`dpkg`).
    pub const INSTALLER: u32 = 16;
    /// The file is a script: it is no program that is started itself.
    pub const SCRIPT: u32 = 32;
    /// What it, or an interpreter that it starts, creates under its own name is itself (`pip install --upgrade pip`).
    pub const RENEWS: u32 = 64;
    /// Makes releases: spends the tokens of a forge and a registry.
    pub const RELEASE: u32 = 256;
    /// Starts another program for its parent, in the directory and with the streams that this one says (`jspawnhelper`).
    pub const SPAWNER: u32 = 512;
    /// The file was created so: for what runs in an install hook it does not count.
    pub const RENEWED: u32 = 128;
}

/// A declared program or script.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Program {
    /// Classes of which it is a declared reader.
    pub reads: Bits,
    /// Its number.
    pub number: u16,
    /// Zero.
    pub reserved: u16,
    /// Flags of [`trait_of`].
    pub traits: u32,
}

/// How an argument names a script: `PATH`, or the module behind `-m`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct ScriptKey {
    /// [`crate::command::word`] of the whole argument.
    pub word: u64,
    /// The policy.
    pub policy: u32,
    /// 0 for a whole argument, 1 for one that stands behind `-m`, 2 for the part behind its last `/`.
    pub module: u32,
}

/// The script that an argument names.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Script {
    /// Hashes ([`crate::watch::hash`]) of the names under which the file may be opened: the first file opened under one
    /// of them must be the declared one. A module has several (`__main__.py` and its compiled forms); 0 for none.
    pub leaves: [u64; 4],
    /// The script.
    pub program: Program,
}

/// A variable that injects into a program or makes it print: by its string up to and with the first `=`, at most eight bytes of it,
/// zero-filled.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct InjectKey {
    /// The bytes, in the order of memory, as a little-endian number.
    pub start: u64,
    /// The policy.
    pub policy: u32,
    /// The program; 0 for those that inject into any.
    pub program: u32,
}

/// The name of a program's file, under a policy: what an installer creates under it is that program.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct NameKey {
    /// [`crate::watch::hash`] of the name.
    pub name: u64,
    /// The policy.
    pub policy: u32,
    /// Zero.
    pub reserved: u32,
}

/// What the kernel side is asked to take down, or to say, of the file that the asking process opens next.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Register {
    /// What it is.
    pub program: Program,
    /// The process that will open it, by its id; 0 when nobody is expected.
    pub pid: u32,
    /// The policy.
    pub policy: u32,
    /// Where this is not 0, no program is taken down: the file tells of places in this job.
    pub job: u32,
    /// Where this is 1, no program is taken down: the file is a credential of the classes `bits` under the policy.
    pub known: u32,
    /// Classes of whose places it tells; 0 to have them said here.
    pub bits: Bits,
    /// The answer: the file that was opened.
    pub file: record::File,
}
