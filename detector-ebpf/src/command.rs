//! The arguments of a new program, and what its command line comes to.

use crate::{
    maps::{COMMANDS, SCRIPTS},
    scan::Scan,
};
use detector_common::{
    command::{Argument, CommandKey, EMPTY, add, walk},
    limits::{ARGUMENTS, ARGV_BYTES},
    program::{Script, ScriptKey},
    watch::{below, some},
};

/// Arguments that are kept: a power of two, more than [`ARGUMENTS`] and those before them.
const KEPT: usize = 64;

/// The arguments of a command line.
#[repr(C)]
pub(crate) struct Line {
    /// Each as the machine sees it.
    arguments: [Argument; KEPT],
    /// Hash of the part behind its last slash.
    leaves: [u64; KEPT],
    /// How many are whole.
    count: u64,
}

/// `-m`, as an argument is hashed.
#[inline(always)]
fn module() -> u64 {
    add(add(EMPTY, b'-'), b'm')
}

/// Takes the arguments in `argv` apart into `scan.line`; `len` is their true length, which may be more than is there.
///
/// VERIFIER: without branches, so that the loop's state depends on the number of the step alone.
#[inline(always)]
pub(crate) fn parse(scan: &mut Scan, argv: &[u8; ARGV_BYTES], len: u32) {
    let (line, len) = (&mut scan.line, u64::from(len));
    let (mut at, mut whole, mut leaf, mut head, mut bytes, mut dash) = (0u64, EMPTY, EMPTY, 0u64, 0u64, 0u64);
    for (i, byte) in argv.iter().enumerate() {
        let (byte, is) = (*byte, |other: u8| below(u64::from(*byte ^ other), 1));
        let end = is(0) & below(i as u64, len);
        let slot = (at & (KEPT as u64 - 1)) as usize;
        line.arguments[slot] = Argument { whole, head, option: dash & below(1, bytes) };
        line.leaves[slot] = leaf;
        // Past the last one that is kept all are written over it.
        at += end & below(at, KEPT as u64 - 1);
        let goes_on = (end ^ 1).wrapping_neg();
        let slash = is(b'/').wrapping_neg();
        let equal = (is(b'=') & (some(head) ^ 1)).wrapping_neg();
        dash |= is(b'-') & below(bytes, 1);
        whole = add(whole, byte);
        leaf = add(leaf, byte) & !slash | EMPTY & slash;
        head |= whole & equal;
        // On to the next.
        whole = whole & goes_on | EMPTY & !goes_on;
        leaf = leaf & goes_on | EMPTY & !goes_on;
        head &= goes_on;
        dash &= goes_on;
        bytes = (bytes + 1) & goes_on;
    }
    line.count = at;
}

impl Line {
    /// The declared script that the arguments of an interpreter name, and how many stand before the script's own.
    #[inline(always)]
    pub(crate) fn script(&self, policy: u32) -> Option<(&'static Script, u32)> {
        if self.count < 2 {
            return None;
        }
        let first = self.arguments[1];
        if first.whole == module() {
            return if self.count > 2 { Some((named(policy, self.arguments[2].whole, 1)?, 3)) } else { None };
        }
        if first.option != 0 {
            return None;
        }
        let found = named(policy, first.whole, 0).or_else(|| named(policy, self.leaves[1], 2))?;
        Some((found, 2))
    }

    /// Flags of the line of `program`, whose arguments are those after the first `skip`.
    #[inline(always)]
    pub(crate) fn flags(&self, policy: u32, program: u16, skip: u32) -> u16 {
        let count = self.count;
        let arguments = (0..=ARGUMENTS).map_while(|n| {
            let at = n as u64 + u64::from(skip);
            (at < count).then(|| self.arguments[(at & (KEPT as u64 - 1)) as usize])
        });
        walk(arguments, |state, word| {
            // SAFETY: user space writes the rows of a policy before a job runs under it.
            unsafe { COMMANDS.get(&CommandKey { policy, program, state, word }) }.copied()
        })
    }
}

#[inline(always)]
fn named(policy: u32, word: u64, module: u32) -> Option<&'static Script> {
    // SAFETY: as for `COMMANDS`.
    unsafe { SCRIPTS.get(&ScriptKey { word, policy, module }) }
}
