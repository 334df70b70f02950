//! The hosts of the honest builds. Builds know them by name, from the name server; two names may have one address.

use crate::name_server::Zone;
use std::{collections::BTreeMap, fmt::Write as _, net::Ipv4Addr};

/// Every host, and the last byte of its address.
pub(super) const HOSTS: [(&str, u8); 11] = [
    ("forge.test", 11),
    ("registry.test", 12),
    ("index.test", 13),
    ("mirror.test", 14),
    ("images.test", 15),
    ("cloud.test", 16),
    ("cache.test", 17),
    ("coverage.test", 18),
    ("cluster.test", 19),
    ("modules.test", 20),
    // Another's files, served by who serves the registry.
    ("shared.test", 12),
];

/// Every address, of a network for documentation (RFC 5737, TEST-NET-2), with its names.
pub(super) fn addresses() -> BTreeMap<Ipv4Addr, Vec<&'static str>> {
    let mut addresses = BTreeMap::<_, Vec<_>>::new();
    HOSTS.iter().for_each(|(name, last)| addresses.entry(Ipv4Addr::new(198, 51, 100, *last)).or_default().push(*name));
    addresses
}

/// What the name server knows: any other name does not exist.
pub(super) fn zone() -> Zone {
    let names = addresses().into_iter().flat_map(|(address, names)| names.into_iter().map(move |name| (name, address)));
    names.fold(Zone::new(), |zone, (name, address)| zone.a(name, [address]))
}

/// All of them for their servers, in the format of /etc/hosts.
pub(super) fn file() -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    addresses().iter().for_each(|(address, names)| _ = writeln!(text, "{address} {}", names.join(" ")));
    text
}
