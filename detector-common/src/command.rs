//! Command lines: whether a declared program was started with one that keeps its secret to itself.
//!
//! A policy's lines are compiled into a machine whose state is a number and whose input are the hashes of the arguments.
//! The kernel side and the engine walk the same machine.

use crate::limits::ARGUMENTS;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const START: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// Any argument that does not start with `-` (a lone `-` is one), where the state has no row of its own for it.
pub const OPERAND: u64 = 1;
/// Any argument at all, where the state has no row of its own for it: the value of an option.
pub const VALUE: u64 = 2;
/// The end of the arguments.
pub const END: u64 = 3;
/// The first state.
pub const FIRST: u16 = 1;

/// What a whole command line comes to, as [`Next::flags`] of the row of its end.
pub mod line {
    /// Quiet: passes on as inherited what the program opened itself.
    pub const QUIET: u16 = 1;
    /// Runs hooks of what it installs.
    pub const INSTALLS: u16 = 2;
    /// Prints the environment.
    pub const DUMPS: u16 = 4;
    /// What it writes is searched for secrets: where there is none, nothing was passed on.
    pub const SEARCHED: u16 = 8;
}

/// A row of the machine.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct CommandKey {
    /// The policy.
    pub policy: u32,
    /// The program.
    pub program: u16,
    /// The state.
    pub state: u16,
    /// Hash of an argument, of its part up to and with the first `=`, or one of the constants above.
    pub word: u64,
}

/// Where the machine goes from there.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Next {
    /// The next state; 0 when there is none, and the line is not known.
    pub state: u16,
    /// For rows of an end: flags of [`line`].
    pub flags: u16,
}

/// Hash of nothing, to which bytes are added.
pub const EMPTY: u64 = START;

/// The hash `so_far`, one byte further (FNV-1a).
#[inline(always)]
pub fn add(so_far: u64, byte: u8) -> u64 {
    (so_far ^ byte as u64).wrapping_mul(PRIME)
}

/// Hash of an argument.
pub fn word(argument: &[u8]) -> u64 {
    let mut hash = EMPTY;
    let mut i = 0;
    while i < argument.len() {
        hash = add(hash, argument[i]);
        i += 1;
    }
    hash
}

/// An argument as the machine sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Argument {
    /// Hash of all of it.
    pub whole: u64,
    /// Hash up to and with the first `=`; 0 when there is none.
    pub head: u64,
    /// 1 when it starts with `-` and is longer than that.
    pub option: u64,
}

impl Argument {
    /// The argument `text`.
    pub fn new(text: &[u8]) -> Self {
        let head = text.iter().position(|byte| *byte == b'=').map_or(0, |at| word(&text[..=at]));
        Self { whole: word(text), head, option: (text.len() > 1 && text[0] == b'-') as u64 }
    }
}

/// Walks the machine over `arguments`; `look_up` knows its rows by state and word. The flags of the line's end, none where the line is
/// not known. More than [`ARGUMENTS`] arguments are never known.
#[inline(always)]
pub fn walk(arguments: impl Iterator<Item = Argument>, mut look_up: impl FnMut(u16, u64) -> Option<Next>) -> u16 {
    let mut state = FIRST;
    let mut count = 0;
    for argument in arguments {
        count += 1;
        if count > ARGUMENTS {
            return 0;
        }
        let mut next = look_up(state, argument.whole);
        if next.is_none() && argument.head != 0 {
            next = look_up(state, argument.head);
        }
        if next.is_none() && argument.option == 0 {
            next = look_up(state, OPERAND);
        }
        if next.is_none() {
            next = look_up(state, VALUE);
        }
        match next {
            Some(row) if row.state != 0 => state = row.state,
            _ => return 0,
        }
    }
    match look_up(state, END) {
        Some(row) => row.flags,
        None => 0,
    }
}
