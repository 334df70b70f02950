//! Where a class may be spent: the longest match of an address, by policy and port.

use crate::{set::Bits, watch::some};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Data of a longest-prefix key (`BPF_MAP_TYPE_LPM_TRIE`): the first 64 bits are always compared whole.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct DestinationKey {
    /// The policy whose row this is.
    pub policy: u32,
    /// Port in host byte order; 0 in a row means any port, looked up on its own.
    pub port: u16,
    /// The declared program that the row is for, by its number; 0 for anyone, [`OWN`] for whoever read it as what it declares.
    pub reader: u16,
    /// IPv6 address, or IPv4 mapped into `::ffff:0:0/96`, network byte order.
    pub address: [u8; 16],
}

/// Stands for every declared reader, and every user of its SDK, of the class that it read itself.
pub const OWN: u16 = u16::MAX;

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
pub const fn mapped(address: [u8; 4]) -> [u8; 16] {
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, address[0], address[1], address[2], address[3]]
}

/// Addresses at which clouds serve a machine its metadata and the credentials of its role, IPv4 mapped.
pub const METADATA: [[u8; 16]; 8] = [
    // AWS, Google Cloud, Azure, Oracle, DigitalOcean and most others.
    mapped([169, 254, 169, 254]),
    // Tasks of Amazon ECS; pods of Amazon EKS.
    mapped([169, 254, 170, 2]),
    mapped([169, 254, 170, 23]),
    // Alibaba Cloud.
    mapped([100, 100, 100, 200]),
    // Tencent Cloud.
    mapped([169, 254, 0, 23]),
    // Google Cloud by IPv6: fd20:ce::254.
    [0xfd, 0x20, 0, 0xce, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54],
    // AWS, and pods of Amazon EKS, by IPv6: fd00:ec2::254 and fd00:ec2::23.
    [0xfd, 0, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54],
    [0xfd, 0, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x23],
];

/// Whether `address` is one of [`METADATA`].
#[inline(always)]
pub fn is_metadata(address: &[u8; 16]) -> bool {
    let [high, low]: [u64; 2] = zerocopy::transmute!(*address);
    let mut differs = 1;
    for known in METADATA {
        let [known_high, known_low]: [u64; 2] = zerocopy::transmute!(known);
        differs &= some(high ^ known_high | low ^ known_low);
    }
    differs == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_services_are_known_by_their_addresses() {
        assert!(METADATA.iter().all(is_metadata));
        for other in [mapped([169, 254, 169, 253]), mapped([127, 0, 0, 1]), [0; 16], mapped([0, 0, 169, 254])] {
            assert!(!is_metadata(&other));
        }
    }
}
