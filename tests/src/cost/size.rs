//! Policies of several sizes.

use std::fmt::Write as _;

/// How many names and networks a policy has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Names and patterns of names.
    pub names: usize,
    /// Networks.
    pub networks: usize,
}

/// The least one first: others are compared with it.
pub const SIZES: [Size; 5] = [
    Size { names: 10, networks: 10 },
    Size { names: 1_000, networks: 10 },
    Size { names: 100_000, networks: 10 },
    Size { names: 10, networks: 10_000 },
    Size { names: 100_000, networks: 10_000 },
];

/// A name that each of them accepts, as it is.
pub(super) const EXACT: &str = "n5.bench.test";
/// A name that each of them accepts by a wildcard of any depth, six labels behind its first: the longest way but one.
pub(super) const BELOW: &str = "a.b.c.d.e.f.n2.bench.test";

impl Size {
    /// The policy. A class may be spent at the names; another one, which nobody holds, at the networks.
    pub(super) fn policy(self) -> String {
        let mut text = "version: 1\nextends: builtin\nclasses:\n\
             \x20 bench: { paths: [~/.bench-key], action: deny, reason: r }\n\
             \x20 other: { paths: [~/.bench-other], action: deny, reason: r }\n\
             destinations:\n- accept: [bench]\n  to:\n"
            .to_owned();
        for n in 0..self.names {
            let wildcard = ["", "*.", "**.", "", ""][n % 5];
            // Writing to a string does not fail.
            _ = writeln!(text, "  - '{wildcard}n{n}.bench.test'");
        }
        text.push_str("- accept: [other]\n  to:\n");
        for n in 0..self.networks {
            _ = writeln!(text, "  - '{}'", network(n));
        }
        text
    }
}

/// Of the addresses for documentation, around those that are connected to: every second one is of IPv4, host by host and port by port.
fn network(n: usize) -> String {
    let (half, odd) = (n / 2, n % 2 == 1);
    if odd {
        return format!("[2001:db8:{:x}:{:x}::/64]:443", half / 256, half % 256);
    }
    let net = ["198.51.100", "203.0.113", "192.0.2"][half % 3];
    let (host, port) = (half / 3 % 256, super::work::PORT + u16::try_from(half / 768).unwrap_or(0));
    format!("{net}.{host}:{port}")
}
