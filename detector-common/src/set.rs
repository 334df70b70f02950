//! Sets of secret classes: a `u64` on the wire, a byte a class where several CPUs write.
//!
//! Linux 5.10 has no atomic OR (`BPF_ATOMIC` came with 5.12), so a set that several CPUs grow is kept as
//! 64 bytes that only ever go from 0 to 1: plain stores of the same value cannot race.

use crate::limits::CLASSES;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A set of secret classes, one bit each.
pub type Bits = u64;

/// A set that grows without atomics: byte `n` is 1 when class `n` is in it.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct GrowingSet {
    /// Eight classes a word, the lowest class in the lowest-addressed byte.
    pub words: [u64; CLASSES / 8],
}

/// No class.
pub const EMPTY: GrowingSet = GrowingSet { words: [0; CLASSES / 8] };

impl GrowingSet {
    /// The set as bits.
    #[inline(always)]
    pub fn bits(&self) -> Bits {
        let mut bits = 0;
        let mut i = 0;
        while i < CLASSES / 8 {
            // Bytes are 0 or 1: the product moves bit 8n of the word to bit 56+n.
            let word = u64::from_le(self.words[i]);
            bits |= (word.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (i * 8);
            i += 1;
        }
        bits
    }

    /// The set that holds exactly `bits`.
    #[inline(always)]
    pub fn of(bits: Bits) -> Self {
        let mut set = Self::default();
        let mut i = 0;
        while i < CLASSES / 8 {
            let byte = (bits >> (i * 8)) & 0xff;
            // One copy of the byte in each of the eight, keep bit n in byte n, then fold it down to 0 or 1.
            let spread = byte.wrapping_mul(0x0101_0101_0101_0101) & 0x8040_2010_0804_0201;
            let folded = (spread.wrapping_add(0x7f7f_7f7f_7f7f_7f7f) | spread) >> 7;
            set.words[i] = (folded & 0x0101_0101_0101_0101).to_le();
            i += 1;
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_survives_the_way_there_and_back() {
        for bits in [0, 1, 1 << 63, 0x8000_0000_0000_0001, u64::MAX, 0x0123_4567_89ab_cdef] {
            assert_eq!(GrowingSet::of(bits).bits(), bits, "{bits:#x}");
        }
        for class in 0..64 {
            assert_eq!(GrowingSet::of(1 << class).bits(), 1 << class);
        }
    }

    #[test]
    fn every_byte_is_zero_or_one() {
        let set = GrowingSet::of(u64::MAX);
        assert!(set.as_bytes().iter().all(|byte| *byte == 1));
    }
}
