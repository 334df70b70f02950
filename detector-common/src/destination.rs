//! Where a class may be spent: the longest match of an address, by policy and port.

use crate::set::Bits;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Data of a longest-prefix key (`BPF_MAP_TYPE_LPM_TRIE`): the first 64 bits are always compared whole.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct DestinationKey {
    /// The policy whose row this is.
    pub policy: u32,
    /// Port in host byte order; 0 in a row means any port, looked up on its own.
    pub port: u16,
    /// The declared program that the row is for, by its number; 0 for anyone.
    pub reader: u16,
    /// IPv6 address, or IPv4 mapped into `::ffff:0:0/96`, network byte order.
    pub address: [u8; 16],
}

/// Bits of the key before the address.
pub const FIXED_BITS: u32 = 64;

/// A row's value: one match is all the kernel returns, so the bits of every wider row are merged in.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Destination {
    /// Classes that may be spent there.
    pub accepted: Bits,
}

/// The IPv4 address (network byte order) as the kernel's table holds it.
#[inline(always)]
pub fn mapped(address: [u8; 4]) -> [u8; 16] {
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, address[0], address[1], address[2], address[3]]
}
