//! The hosts of the honest builds: each has an address of its own, since destinations are addresses.

use std::{fmt::Write as _, net::Ipv4Addr};

/// Every host, in the order of their addresses.
pub(super) const HOSTS: [&str; 10] = [
    "forge.test",
    "registry.test",
    "index.test",
    "mirror.test",
    "images.test",
    "cloud.test",
    "cache.test",
    "coverage.test",
    "cluster.test",
    "modules.test",
];

/// The first host's last byte, in a network for documentation (RFC 5737, TEST-NET-2).
const FIRST: u8 = 11;

/// All of them, with their addresses.
pub(super) fn addresses() -> impl Iterator<Item = (&'static str, Ipv4Addr)> {
    HOSTS.iter().zip(FIRST..).map(|(host, last)| (*host, Ipv4Addr::new(198, 51, 100, last)))
}

/// The address of `host`, which is one of [`HOSTS`].
pub(super) fn address(host: &str) -> Option<Ipv4Addr> {
    addresses().find(|(name, _)| *name == host).map(|(_, address)| address)
}

/// An /etc/hosts with all of them.
pub(super) fn file() -> String {
    let mut text = "127.0.0.1 localhost\n".to_owned();
    // Writing to a string cannot fail.
    addresses().for_each(|(name, address)| _ = writeln!(text, "{address} {name}"));
    text
}
