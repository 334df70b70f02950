//! Destinations: networks and ports, and what may be spent there.

use crate::secret::ClassSet;
use detector_common::destination::{Destination, DestinationKey, FIXED_BITS, mapped};
use ipnet::IpNet;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

/// Why a destination was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum BadDestination {
    #[error("not an address or network; write `203.0.113.7`, `203.0.113.0/24:443` or `[2001:db8::/32]:443` (no names)")]
    Address,
    #[error("put an IPv6 address in brackets: `[{0}]`")]
    Brackets(String),
    #[error("not a port; write 1 to 65535, or leave it out for any")]
    Port,
    #[error("the address has bits outside its network; write `{0}`")]
    HostBits(IpNet),
}

/// A network of addresses. IPv4 is mapped into `::ffff:0:0/96`, so that there is one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Network {
    /// Bits of the prefix, 0 to 128.
    len: u32,
    address: u128,
}

/// First address and length of what IPv4 is mapped into.
const IPV4: Network = Network { len: 96, address: 0xffff_0000_0000 };

impl Network {
    fn new(address: IpAddr, len: u8) -> Self {
        match address {
            IpAddr::V4(v4) => {
                Self { len: IPV4.len + u32::from(len), address: u128::from_be_bytes(mapped(v4.octets())) }
            }
            IpAddr::V6(v6) => Self { len: u32::from(len), address: v6.to_bits() },
        }
    }

    fn prefix(self, len: u32) -> Self {
        Self { len, address: self.address & u128::MAX.checked_shl(128 - len).unwrap_or(0) }
    }

    fn is_ipv4(self) -> bool {
        self.len >= IPV4.len && self.prefix(IPV4.len) == IPV4
    }
}

/// Parses `A.B.C.D`, `A.B.C.D/N`, `[V6]` or `[V6/N]`, each with `:PORT` or without.
fn parse(text: &str) -> Result<(Network, u16), BadDestination> {
    let (address, port) = if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']').ok_or(BadDestination::Address)?;
        let port = if port.is_empty() { None } else { Some(port.strip_prefix(':').ok_or(BadDestination::Address)?) };
        (address, port)
    } else if text.parse::<std::net::Ipv6Addr>().is_ok() || text.parse::<ipnet::Ipv6Net>().is_ok() {
        return Err(BadDestination::Brackets(text.to_owned()));
    } else {
        text.split_once(':').map_or((text, None), |(address, port)| (address, Some(port)))
    };
    let digits = |port: &&str| port.bytes().all(|b| b.is_ascii_digit());
    let port = match port {
        None => 0,
        Some(port) => {
            let number = Some(port).filter(digits).and_then(|port| port.parse().ok());
            number.filter(|port| *port != 0).ok_or(BadDestination::Port)?
        }
    };
    let network = match (address.parse::<IpNet>(), address.parse::<IpAddr>()) {
        (Ok(network), _) => network,
        (_, Ok(address)) => IpNet::from(address),
        _ => return Err(BadDestination::Address),
    };
    if network.trunc() != network {
        return Err(BadDestination::HostBits(network.trunc()));
    }
    if network.addr().is_ipv6() != text.starts_with('[') {
        return Err(BadDestination::Address);
    }
    Ok((Network::new(network.addr(), network.prefix_len()), port))
}

/// Whom a row is for, by number (0 for anyone), and its port (0 for any).
type Whom = (u16, u16);

/// Rows by whom they are for, port and network.
#[derive(Clone, Debug)]
pub(super) struct Destinations(BTreeMap<(Whom, Network), ClassSet>);

impl Default for Destinations {
    /// Loopback, and the unspecified address that the kernel takes for it: carriers, not destinations.
    fn default() -> Self {
        let mut rows = Self(BTreeMap::new());
        for (address, len) in [([127, 0, 0, 0], 8), ([0; 4], 32)] {
            rows.insert((0, 0), Network::new(address.into(), len), ClassSet::ALL);
        }
        for address in [0_u128, 1] {
            rows.insert((0, 0), Network { len: 128, address }, ClassSet::ALL);
        }
        rows
    }
}

impl Destinations {
    /// No rows at all, not even for loopback.
    pub(super) fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds what `text` says, for the declared program `reader` (0 for anyone).
    pub(super) fn add(&mut self, text: &str, reader: u16, accepted: ClassSet) -> Result<(), BadDestination> {
        let (network, port) = parse(text)?;
        self.insert((reader, port), network, accepted);
        Ok(())
    }

    /// Adds one address with one port.
    pub(super) fn add_address(&mut self, address: IpAddr, port: u16, accepted: ClassSet) {
        self.insert((0, port), Network::new(address, if address.is_ipv4() { 32 } else { 128 }), accepted);
    }

    fn insert(&mut self, whom: Whom, network: Network, accepted: ClassSet) {
        let row = self.0.entry((whom, network)).or_default();
        *row = row.union(accepted);
    }

    /// What anyone may spend at `address` and `port`.
    pub(super) fn accepted(&self, address: IpAddr, port: u16) -> ClassSet {
        self.accepted_for(0, address, port)
    }

    /// What the rows for the declared program `reader` let be spent there; those for anyone are not among them.
    pub(super) fn accepted_for(&self, reader: u16, address: IpAddr, port: u16) -> ClassSet {
        let host = Network::new(address.to_canonical(), if address.to_canonical().is_ipv4() { 32 } else { 128 });
        self.of(host, (reader, port)).union(self.of(host, (reader, 0)))
    }

    /// The union of all rows of exactly `whom` that contain `network`.
    fn of(&self, network: Network, whom: Whom) -> ClassSet {
        // `::/0` and its like are of IPv6 alone.
        let widest = if network.is_ipv4() { IPV4.len } else { 0 };
        let rows = (widest..=network.len).filter_map(|len| self.0.get(&(whom, network.prefix(len))));
        rows.fold(ClassSet::EMPTY, |all, row| all.union(*row))
    }

    /// What all of `text` accepts of `reader` without the row of exactly that.
    pub(super) fn beside(&self, text: &str, reader: u16) -> Result<ClassSet, BadDestination> {
        let (network, port) = parse(text)?;
        let wider = network.len.checked_sub(1).map(|len| network.prefix(len));
        // Neither family's widest network is part of the other.
        let wider = wider.filter(|wider| wider.is_ipv4() == network.is_ipv4());
        let mut whoms = vec![(reader, port), (reader, 0), (0, port), (0, 0)];
        whoms.dedup();
        Ok(whoms.into_iter().fold(ClassSet::EMPTY, |all, whom| {
            let from = if whom == (reader, port) { wider } else { Some(network) };
            all.union(from.map_or(ClassSet::EMPTY, |from| self.of(from, whom)))
        }))
    }

    /// The row of exactly `text` for `reader`.
    pub(super) fn exactly(&self, text: &str, reader: u16) -> Result<ClassSet, BadDestination> {
        let (network, port) = parse(text)?;
        Ok(self.0.get(&((reader, port), network)).copied().unwrap_or_default())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Rows of the kernel's table for `policy`, which returns the longest match alone.
    pub(super) fn rows(&self, policy: u32) -> Vec<(u32, DestinationKey, Destination)> {
        let mut keys: BTreeSet<_> = self.0.keys().copied().collect();
        // A row of IPv6 that covers the mapped addresses would answer for IPv4: one of its own stands before it.
        let covers = |network: &Network| network.len < IPV4.len && IPV4.prefix(network.len) == *network;
        keys.extend(self.0.keys().filter(|(_, network)| covers(network)).map(|(whom, _)| (*whom, IPV4)));
        keys.into_iter()
            .map(|(whom, network)| {
                let (reader, port) = whom;
                let key = DestinationKey { policy, port, reader, address: network.address.to_be_bytes() };
                (FIXED_BITS + network.len, key, Destination { accepted: self.of(network, whom).bits() })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;

    #[test]
    fn addresses_networks_and_ports_are_read() {
        for good in ["203.0.113.0/24:443", "198.51.100.7", "[2001:db8::/32]:443", "[::1]", "0.0.0.0/0", "[::/0]:1"] {
            assert!(parse(good).is_ok(), "{good}");
        }
        assert_eq!(parse("10.0.0.0/8:65535").unwrap().1, 65535);
        assert_eq!(parse("198.51.100.7").unwrap().1, 0);
        assert_eq!(parse("[::ffff:a00:0/104]"), parse("10.0.0.0/8"));
    }

    #[test]
    fn everything_else_is_refused_with_its_rule() {
        use BadDestination::{Address, Port};
        for bad in ["", "example.com:443", "10.0.0.0/33", "10.0.0", "[2001:db8::", "[10.0.0.1]", "[::1]443", "[::/129]"]
        {
            assert_eq!(parse(bad), Err(Address), "{bad}");
        }
        for bad in ["10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:+80", "10.0.0.1:https", "[::1]:x"] {
            assert_eq!(parse(bad), Err(Port), "{bad}");
        }
        assert_eq!(parse("2001:db8::/32"), Err(BadDestination::Brackets("2001:db8::/32".into())));
        assert_eq!(parse("10.0.0.1/8").unwrap_err().to_string().split('`').nth(1), Some("10.0.0.0/8"));
    }
}
