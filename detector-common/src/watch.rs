//! How a watched path is found: by the hash of its leaf first, by the hash of its last components then.
//!
//! User space compiles each pattern into table rows; the kernel hashes the components of the file that was
//! really opened, leaf first, and looks the chain up at each depth. A path is resolved only after a hit.

use crate::{
    limits::{GLOB_BYTES, LEAF_GLOBS, NAME_BYTES},
    set::Bits,
};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// One component of a path: its length, then its bytes, the rest zero.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Component {
    /// True length in bytes; more than [`NAME_BYTES`] when the name was cut.
    pub len: u16,
    /// The name, zero-filled.
    pub name: [u8; NAME_BYTES],
}

const _: () = assert!(size_of::<Component>() == 64);

impl Component {
    /// No component.
    pub const EMPTY: Self = Self { len: 0, name: [0; NAME_BYTES] };

    /// The component that holds `name`, cut to [`NAME_BYTES`].
    pub fn new(name: &[u8]) -> Self {
        let mut component = Self::EMPTY;
        component.len = u16::try_from(name.len()).unwrap_or(u16::MAX);
        let kept = if name.len() > NAME_BYTES { NAME_BYTES } else { name.len() };
        component.name[..kept].copy_from_slice(&name[..kept]);
        component
    }
}

/// Start of every chain.
pub const CHAIN: u64 = 0xcbf2_9ce4_8422_2325;
/// Stands for any one component in a chain.
pub const ANY: u64 = 0x9e37_79b9_7f4a_7c15;
const PRIME: u64 = 0xff51_afd7_ed55_8ccd;

/// Hash of one component. Not keyed: who forges a collision only watches himself.
#[inline(always)]
pub fn hash(component: &[u64; 8]) -> u64 {
    let mut h = CHAIN;
    let mut i = 0;
    while i < 8 {
        h = (h ^ component[i]).wrapping_mul(PRIME);
        h ^= h >> 32;
        i += 1;
    }
    h
}

/// The chain `so_far`, one component further from the leaf.
#[inline(always)]
pub fn chain(so_far: u64, component: u64) -> u64 {
    let h = (so_far.rotate_left(5) ^ component).wrapping_mul(PRIME);
    h ^ (h >> 29)
}

/// What a row of the watch table is about.
pub mod kind {
    /// Gate: a file of this name may be watched.
    pub const LEAF: u32 = 1;
    /// Gate: any file in a directory of this name may be watched.
    pub const PARENT: u32 = 2;
    /// A chain that ends anywhere (`**/.aws/credentials`).
    pub const SUFFIX: u32 = 3;
    /// A chain that ends at the root (`/etc/npmrc`).
    pub const ANCHORED: u32 = 4;
    /// Gate: a file of procfs of this name opens another process ([`super::door`]).
    pub const PROC: u32 = 5;
    /// Gate: any file in a directory in a directory of this name may be watched.
    pub const GRANDPARENT: u32 = 6;
    /// Gate: a file whose name starts with these four bytes ([`super::start`]) may be watched; its globs hold anywhere.
    pub const START: u32 = 7;
    /// Gate: a file whose name ends with these four bytes ([`super::end`]) may be watched; its globs hold anywhere.
    pub const END: u32 = 8;
    /// One row, with hash 0: the classes that are about opens for writing.
    pub const WRITES: u32 = 9;
    /// Gate: a string whose last two or three components have this chain may name a watched file. A leaf that is a glob
    /// stands in it as [`super::start`] of what it starts with, or as [`super::ANY`] where that is short.
    pub const TRIED: u32 = 10;
    /// A directory of this name may have files that name places of their own.
    pub const KEPT: u32 = 11;
    /// In such a directory, a file of this name is one.
    pub const KEPT_FILE: u32 = 12;
}

/// What a gate lets through, as [`WatchValue::gate`].
pub mod gate {
    /// Every open.
    pub const OPEN: u32 = 1;
    /// Opens for writing. The number is `FMODE_WRITE`.
    pub const WRITE: u32 = 2;
    /// Whoever asks for the file, or fails to open it: where a row of kind `TRIED` says so, too.
    pub const PROBE: u32 = 4;
    /// The same, whatever stands before the name.
    pub const ALONE: u32 = 8;
}

/// Components of a pattern that a row of kind [`kind::TRIED`] is made of, at most.
pub const TRIED_STEPS: usize = 3;

/// Bytes of a name that the gates [`kind::START`] and [`kind::END`] know.
pub const GATE_BYTES: usize = 4;

/// What stands for `bytes` in a key of kind [`kind::START`] or [`kind::END`].
#[inline(always)]
pub fn edge(bytes: [u8; GATE_BYTES]) -> u64 {
    u32::from_le_bytes(bytes) as u64
}

/// The key of a name's first four bytes; 0 for a shorter name.
pub fn start(name: &[u8]) -> u64 {
    name.first_chunk().map_or(0, |bytes| edge(*bytes))
}

/// The key of a name's last four bytes; 0 for a shorter name, and for one that is cut.
pub fn end(name: &[u8]) -> u64 {
    if name.len() > NAME_BYTES { 0 } else { name.last_chunk().map_or(0, |bytes| edge(*bytes)) }
}

/// Files of `/proc/<pid>` that open another process, as [`WatchValue::door`].
pub mod door {
    /// `mem`: the process's memory.
    pub const MEM: u32 = 1;
    /// `environ`: its initial environment.
    pub const ENVIRON: u32 = 2;
    /// `maps`.
    pub const MAPS: u32 = 3;
    /// `smaps`.
    pub const SMAPS: u32 = 4;
    /// `pagemap`.
    pub const PAGEMAP: u32 = 5;
    /// `auxv`.
    pub const AUXV: u32 = 6;
    /// The system call `process_vm_readv`.
    pub const VM_READ: u32 = 7;
    /// `ptrace(PTRACE_ATTACH)`.
    pub const PTRACE_ATTACH: u32 = 8;
    /// `ptrace(PTRACE_SEIZE)`.
    pub const PTRACE_SEIZE: u32 = 9;
    /// A request for credentials to a metadata service.
    pub const METADATA: u32 = 10;
    /// `/proc/kcore`: the memory of everyone.
    pub const KCORE: u32 = 11;
    /// `/dev/mem` and its like: the same.
    pub const DEVICE: u32 = 12;
    /// `perf_event_open` with samples of the stack or of registers.
    pub const PERF: u32 = 13;
}

/// A row's key.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct WatchKey {
    /// The policy whose row this is.
    pub policy: u32,
    /// One of [`kind`].
    pub kind: u32,
    /// Hash of a component, or a chain of them.
    pub hash: u64,
}

/// Up to [`GLOB_BYTES`] bytes of a name, and which of them are compared.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Part {
    /// The bytes.
    pub bytes: [u64; 2],
    /// All ones where a byte is compared.
    pub mask: [u64; 2],
}

impl Part {
    /// What a name starts with; at most [`GLOB_BYTES`] of it.
    pub fn start(text: &[u8]) -> Self {
        Self::at(text, 0)
    }

    /// What a name ends with; at most [`GLOB_BYTES`] of it.
    pub fn end(text: &[u8]) -> Self {
        Self::at(text, GLOB_BYTES.saturating_sub(text.len()))
    }

    fn at(text: &[u8], from: usize) -> Self {
        let (mut bytes, mut mask) = ([0u8; GLOB_BYTES], [0u8; GLOB_BYTES]);
        for (i, byte) in text.iter().enumerate().take(GLOB_BYTES) {
            (bytes[from + i], mask[from + i]) = (*byte, 0xff);
        }
        Self { bytes: zerocopy::transmute!(bytes), mask: zerocopy::transmute!(mask) }
    }

    /// 1 when the compared bytes are those of `name`, else 0. Without branches, which the verifier would follow.
    #[inline(always)]
    fn is(&self, name: &[u64; 2]) -> u64 {
        1 ^ some((name[0] ^ self.bytes[0]) & self.mask[0] | (name[1] ^ self.bytes[1]) & self.mask[1])
    }

    /// 1 when anything is compared, else 0.
    #[inline(always)]
    fn some(&self) -> u64 {
        some(self.mask[0] | self.mask[1])
    }
}

/// 1 when `value` is not zero, else 0.
#[inline(always)]
pub fn some(value: u64) -> u64 {
    opaque(opaque(value | value.wrapping_neg()) >> 63)
}

/// 1 when `a < b`, else 0; both below 2^63.
#[inline(always)]
pub fn below(a: u64, b: u64) -> u64 {
    opaque(opaque(a.wrapping_sub(b)) >> 63)
}

/// `value`, of which the compiler knows nothing.
///
/// VERIFIER: else it recognises the comparison in the arithmetic and writes a branch, and 5.10 and 6.1 follow both arms
/// of each: a million instructions.
#[inline(always)]
fn opaque(value: u64) -> u64 {
    #[cfg(target_arch = "bpf")]
    {
        let mut value = value;
        // SAFETY: changes nothing. An instruction there must be: one of no length has no place in line info.
        unsafe { core::arch::asm!("{0} = {0}", inout(reg) value, options(pure, nomem, nostack)) };
        value
    }
    #[cfg(not(target_arch = "bpf"))]
    value
}

/// A leaf's name as globs look at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leaf {
    /// True length in bytes.
    pub len: u64,
    /// Its first [`GLOB_BYTES`] bytes; what lies beyond a shorter name is not looked at.
    pub start: [u64; 2],
    /// Its last [`GLOB_BYTES`] bytes, likewise.
    pub end: [u64; 2],
}

impl Leaf {
    /// The leaf called `name`.
    pub fn new(name: &[u8]) -> Self {
        Self {
            len: name.len() as u64,
            start: Part::start(name).bytes,
            end: Part::end(&name[name.len().saturating_sub(GLOB_BYTES)..]).bytes,
        }
    }
}

/// One leaf glob `PREFIX*SUFFIX` of a watched directory; both empty is `*`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct LeafGlob {
    /// What a file that matches belongs to; 0 for a free place.
    pub bits: Bits,
    /// Least length of a name that matches.
    pub least: u64,
    /// What the name starts with.
    pub prefix: Part,
    /// What the name ends with.
    pub suffix: Part,
    /// What the name must not end with (`.pub`); nothing is compared for none.
    pub except: Part,
}

impl LeafGlob {
    /// `bits` when the leaf matches, else none. The end of a name longer than [`NAME_BYTES`] is recorded nowhere: its
    /// start decides, and no exception is made for it.
    #[inline(always)]
    pub fn bits_of(&self, leaf: &Leaf) -> Bits {
        let cut = below(NAME_BYTES as u64, leaf.len);
        let enough = 1 ^ below(leaf.len, self.least);
        let excepted = self.except.some() & self.except.is(&leaf.end);
        let ends = self.suffix.is(&leaf.end) & (1 ^ excepted);
        let matches = enough & self.prefix.is(&leaf.start) & (cut | ends);
        self.bits & matches.wrapping_neg()
    }
}

/// A row's value.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct WatchValue {
    /// Classes of a file whose whole chain matched.
    pub bits: Bits,
    /// Classes whose SDK such a file belongs to.
    pub sdk: Bits,
    /// For rows of kind `PROC`: one of [`door`].
    pub door: u32,
    /// For gates: what passes, of [`gate`].
    pub gate: u32,
    /// For chains whose leaf is a glob (the leaf hashed as [`ANY`]), and for gates of kind `START` and `END`.
    pub globs: [LeafGlob; LEAF_GLOBS],
}
