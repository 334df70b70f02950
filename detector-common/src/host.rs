//! Destinations by name: what a policy says of names of hosts, and the addresses that such names were answered with.
//!
//! A name is hashed label by label. Of a pattern with a wildcard the kernel knows the labels behind it, hashed from the root on; a
//! name is looked up as it is, then by what stands behind its first label, then by ever shorter ends. The nearest row is the only
//! one that counts: user space has merged into it whatever wider rows say.

use crate::{limits::PLACE_ROWS, set::Bits, watch::chain};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Which names a row is about.
pub mod kind {
    /// This name; the hash is [`super::forward`]'s.
    pub const EXACT: u32 = 1;
    /// Names of one label more (`*.example.test`); the hash is [`super::backward`]'s, as in the next.
    pub const LABEL: u32 = 2;
    /// Names of one or more labels more (`**.example.test`, which has a row of kind `EXACT` beside it).
    pub const BELOW: u32 = 3;
}

/// A row's key.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct HostKey {
    /// The policy whose row this is.
    pub policy: u32,
    /// One of [`kind`].
    pub kind: u32,
    /// Hash of the labels.
    pub hash: u64,
}

/// The key of a name that a file of a job named in the middle of it; the value is the number of its place.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct KeptKey {
    /// The job.
    pub job: u32,
    /// Zero.
    pub reserved: u32,
    /// [`forward`] of the name.
    pub hash: u64,
}

/// A place's key: a row's value is its number.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct PlaceKey {
    /// The policy whose place this is.
    pub policy: u32,
    /// Its number, from 1; 0 is no place.
    pub place: u32,
}

/// What may be spent at hosts of the same rows.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Place {
    /// What anyone may, over all ports.
    pub anyone: Bits,
    /// What [`crate::destination::OWN`] may, over all ports.
    pub own: Bits,
    /// Rows in use.
    pub count: u64,
    /// The rows; those that are not in use are zero.
    pub rows: [PlaceRow; PLACE_ROWS],
}

/// See [`Place::rows`].
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct PlaceRow {
    /// What may be spent.
    pub accepted: Bits,
    /// Port in host byte order; 0 for any.
    pub port: u16,
    /// By whom, as in [`crate::destination::DestinationKey::reader`].
    pub reader: u16,
    /// Zero.
    pub reserved: u32,
}

/// An address that the name of a place was answered with; the value is what may be spent there, a [`crate::set::GrowingSet`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct AddressKey {
    /// The job that asked.
    pub job: u32,
    /// As in [`PlaceRow`].
    pub port: u16,
    /// As in [`PlaceRow`].
    pub reader: u16,
    /// IPv6 address, or IPv4 mapped, network byte order.
    pub address: [u8; 16],
}

const PRIME: u64 = 0xff51_afd7_ed55_8ccd;

/// The hash of a label so far, one word further: first its length on `seed`, then its bytes, eight a word (little endian, the last one
/// filled with zeroes). Keyed: who could foretell a collision would have his own name taken for another one.
#[inline(always)]
pub fn word(so_far: u64, word: u64) -> u64 {
    let h = (so_far ^ word).wrapping_mul(PRIME);
    h ^ (h >> 32)
}

/// `word`, each byte of it that is an upper-case letter as the lower-case one (RFC 4343).
#[inline(always)]
pub fn folded(word: u64) -> u64 {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * LOW;
    let seven = word & !HIGH;
    // The high bit of a byte says that it is no less than `A`, and that it is more than `Z`.
    let (from, beyond) = (seven + (0x80 - 0x41) * LOW, seven + (0x7f - 0x5a) * LOW);
    word | (from & !beyond & !word & HIGH) >> 2
}

/// The hash of labels so far, one label further: of a whole name from its first label on, of an end of it from the root on.
#[inline(always)]
pub fn label(so_far: u64, label: u64) -> u64 {
    chain(so_far, label)
}

/// The hash of the label `text`.
fn hash(seed: u64, text: &[u8]) -> u64 {
    text.chunks(8).fold(word(seed, text.len() as u64), |h, chunk| {
        let mut bytes = [0; 8];
        bytes[..chunk.len()].copy_from_slice(chunk);
        word(h, folded(u64::from_le_bytes(bytes)))
    })
}

/// The hash of the whole name whose labels are `labels`, in order.
pub fn forward<'a>(seed: u64, labels: impl Iterator<Item = &'a [u8]>) -> u64 {
    labels.fold(seed, |h, text| label(h, hash(seed, text)))
}

/// The hash of an end of a name, whose labels are `labels`, in order.
pub fn backward<'a>(seed: u64, labels: impl DoubleEndedIterator<Item = &'a [u8]>) -> u64 {
    labels.rev().fold(seed, |h, text| label(h, hash(seed, text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: u64 = 0x0123_4567_89ab_cdef;

    fn labels(name: &str) -> impl DoubleEndedIterator<Item = &[u8]> {
        name.split('.').map(str::as_bytes)
    }

    #[test]
    fn case_is_folded_and_nothing_else() {
        for b in 0..=u8::MAX {
            for other in [0, b'A', b'z', 0xff] {
                let bytes = [other, b, other, other, b, other, b, b];
                let lower = bytes.map(|b| b.to_ascii_lowercase());
                assert_eq!(folded(u64::from_le_bytes(bytes)).to_le_bytes(), lower, "{b:#x}");
            }
        }
        assert_eq!(forward(SEED, labels("API.Example.test")), forward(SEED, labels("api.example.test")));
    }

    #[test]
    fn a_dot_in_a_label_is_no_boundary() {
        let one = forward(SEED, [b"a.b".as_slice(), b"test"].into_iter());
        assert_ne!(one, forward(SEED, labels("a.b.test")));
        assert_ne!(forward(SEED, labels("ab.test")), forward(SEED, labels("a.btest")));
        assert_ne!(forward(SEED, labels("a.test")), forward(SEED, labels("a\0.test")));
    }

    #[test]
    fn hashes_depend_on_the_seed() {
        assert_ne!(forward(SEED, labels("a.test")), forward(SEED + 1, labels("a.test")));
        assert_ne!(backward(SEED, labels("a.test")), backward(SEED + 1, labels("a.test")));
        assert_ne!(backward(SEED, labels("a.test")), backward(SEED, labels("test.a")));
    }
}
