//! Destinations: networks, names of hosts and ports, and what may be spent there.

use super::host::{BadHost, HostPattern, HostRow, Hosts, Rows};
use crate::secret::ClassSet;
use detector_common::{
    destination::{Destination, DestinationKey, FIXED_BITS, mapped},
    host::Place,
    limits::{DESTINATIONS, HOSTS, PLACE_ROWS},
};
use ipnet::IpNet;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

/// Why a destination was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum BadDestination {
    #[error(transparent)]
    Host(#[from] BadHost),
    #[error("not an address or network; write `203.0.113.7`, `203.0.113.0/24:443` or `[2001:db8::/32]:443`")]
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

/// Where a row is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Where {
    Network(Network),
    Host(HostPattern),
}

/// Parses `A.B.C.D`, `A.B.C.D/N`, `[V6]`, `[V6/N]` or a name or pattern of names, each with `:PORT` or without.
fn parse(text: &str) -> Result<(Where, u16), BadDestination> {
    if text.contains("://") {
        return Err(HostPattern::parse(text).map_or_else(Into::into, |_| BadDestination::Address));
    }
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
        _ if text.starts_with('[') || address.contains('/') => return Err(BadDestination::Address),
        _ => return Ok((Where::Host(HostPattern::parse(address)?), port)),
    };
    if network.trunc() != network {
        return Err(BadDestination::HostBits(network.trunc()));
    }
    if network.addr().is_ipv6() != text.starts_with('[') {
        return Err(BadDestination::Address);
    }
    Ok((Where::Network(Network::new(network.addr(), network.prefix_len())), port))
}

/// Whom a row is for, by number (0 for anyone), and its port (0 for any).
pub(super) type Whom = (u16, u16);

/// Rows by whom they are for, port and network or name.
#[derive(Clone, Debug)]
pub(super) struct Destinations {
    networks: BTreeMap<(Whom, Network), ClassSet>,
    hosts: Hosts,
}

impl Default for Destinations {
    /// Loopback, and the unspecified address that the kernel takes for it: carriers, not destinations.
    fn default() -> Self {
        let mut rows = Self::none();
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
        Self { networks: BTreeMap::new(), hosts: Hosts::default() }
    }

    /// Adds what `text` says, for the declared program `reader` (0 for anyone).
    pub(super) fn add(&mut self, text: &str, reader: u16, accepted: ClassSet) -> Result<(), BadDestination> {
        let (place, port) = parse(text)?;
        match place {
            Where::Network(network) => self.insert((reader, port), network, accepted),
            Where::Host(pattern) => self.hosts.add(pattern, (reader, port), accepted),
        }
        Ok(())
    }

    /// What may be spent at the host called `name`, by whom and port.
    pub(super) fn host(&self, name: &str) -> Rows {
        self.hosts.of(name)
    }

    /// What anyone may spend at the host called `name` and at `port`.
    pub(super) fn host_accepts(&self, name: &str, port: u16) -> ClassSet {
        let rows = self.hosts.of(name);
        [(0, port), (0, 0)]
            .iter()
            .fold(ClassSet::EMPTY, |all, whom| all.union(rows.get(whom).copied().unwrap_or_default()))
    }

    /// Adds one address with one port.
    pub(super) fn add_address(&mut self, address: IpAddr, port: u16, accepted: ClassSet) {
        self.insert((0, port), Network::new(address, if address.is_ipv4() { 32 } else { 128 }), accepted);
    }

    fn insert(&mut self, whom: Whom, network: Network, accepted: ClassSet) {
        let row = self.networks.entry((whom, network)).or_default();
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
        let rows = (widest..=network.len).filter_map(|len| self.networks.get(&(whom, network.prefix(len))));
        rows.fold(ClassSet::EMPTY, |all, row| all.union(*row))
    }

    /// What all of `text` accepts of `reader` without the row of exactly that.
    pub(super) fn beside(&self, text: &str, reader: u16) -> Result<ClassSet, BadDestination> {
        let (place, port) = parse(text)?;
        let mut whoms = vec![(reader, port), (reader, 0), (0, port), (0, 0)];
        whoms.dedup();
        let network = match place {
            Where::Network(network) => network,
            Where::Host(pattern) => {
                let (own, wider) = (self.hosts.exactly(&pattern), self.hosts.wider_than(&pattern));
                let of = |whom: &Whom| {
                    let own = own.filter(|_| *whom != (reader, port)).and_then(|rows| rows.get(whom));
                    own.copied().unwrap_or_default().union(wider.get(whom).copied().unwrap_or_default())
                };
                return Ok(whoms.iter().fold(ClassSet::EMPTY, |all, whom| all.union(of(whom))));
            }
        };
        let wider = network.len.checked_sub(1).map(|len| network.prefix(len));
        // Neither family's widest network is part of the other.
        let wider = wider.filter(|wider| wider.is_ipv4() == network.is_ipv4());
        Ok(whoms.into_iter().fold(ClassSet::EMPTY, |all, whom| {
            let from = if whom == (reader, port) { wider } else { Some(network) };
            all.union(from.map_or(ClassSet::EMPTY, |from| self.of(from, whom)))
        }))
    }

    /// The pattern of names that `text` is, if it is one.
    pub(super) fn pattern(text: &str) -> Option<HostPattern> {
        match parse(text) {
            Ok((Where::Host(pattern), _)) => Some(pattern),
            _ => None,
        }
    }

    /// The row of exactly `text` for `reader`.
    pub(super) fn exactly(&self, text: &str, reader: u16) -> Result<ClassSet, BadDestination> {
        let (place, port) = parse(text)?;
        let found = match place {
            Where::Network(network) => self.networks.get(&((reader, port), network)),
            Where::Host(pattern) => self.hosts.exactly(&pattern).and_then(|rows| rows.get(&(reader, port))),
        };
        Ok(found.copied().unwrap_or_default())
    }

    /// How many networks there are.
    pub(super) fn len(&self) -> usize {
        self.networks.len()
    }

    /// Whether the kernel's tables have room for one more row of `text`, which is one address or one name.
    pub(super) fn has_room_for(&self, text: &str) -> bool {
        match parse(text) {
            Ok((Where::Network(_), _)) => self.networks.len() < DESTINATIONS as usize,
            Ok((Where::Host(pattern), _)) => {
                self.hosts.len() < HOSTS as usize / 2 && self.hosts.rows(&pattern).len() < PLACE_ROWS
            }
            Err(_) => false,
        }
    }

    /// What is known by name.
    pub(super) fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// The kernel's tables of names: names with their places, and the places.
    pub(super) fn places(&self) -> (Vec<HostRow>, Vec<Place>) {
        self.hosts.tables()
    }

    /// Rows of the kernel's table for `policy`, which returns the longest match alone.
    pub(super) fn rows(&self, policy: u32) -> Vec<(u32, DestinationKey, Destination)> {
        let mut keys: BTreeSet<_> = self.networks.keys().copied().collect();
        // A row of IPv6 that covers the mapped addresses would answer for IPv4: one of its own stands before it.
        let covers = |network: &Network| network.len < IPV4.len && IPV4.prefix(network.len) == *network;
        keys.extend(self.networks.keys().filter(|(_, network)| covers(network)).map(|(whom, _)| (*whom, IPV4)));
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
        for good in [
            "a.test",
            "*.a.test:443",
            "**.a.test",
            "203.0.113.0/24:443",
            "198.51.100.7",
            "[2001:db8::/32]:443",
            "[::1]",
            "0.0.0.0/0",
            "[::/0]:1",
        ] {
            assert!(parse(good).is_ok(), "{good}");
        }
        assert_eq!(parse("10.0.0.0/8:65535").unwrap().1, 65535);
        assert_eq!(parse("198.51.100.7").unwrap().1, 0);
        assert_eq!(parse("[::ffff:a00:0/104]"), parse("10.0.0.0/8"));
    }

    #[test]
    fn everything_else_is_refused_with_its_rule() {
        use BadDestination::{Address, Port};
        for bad in ["10.0.0.0/33", "[2001:db8::", "[10.0.0.1]", "[::1]443", "[::/129]", "a.test/24", "[a.test]"] {
            assert_eq!(parse(bad), Err(Address), "{bad}");
        }
        for bad in ["", "10.0.0", "10.0.0.256", ":443"] {
            assert_eq!(parse(bad), Err(BadDestination::Host(BadHost::Name)), "{bad}");
        }
        assert_eq!(parse("https://a.test:443"), Err(BadDestination::Host(BadHost::Url("https://"))));
        for bad in ["10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:+80", "10.0.0.1:https", "[::1]:x"] {
            assert_eq!(parse(bad), Err(Port), "{bad}");
        }
        assert_eq!(parse("2001:db8::/32"), Err(BadDestination::Brackets("2001:db8::/32".into())));
        assert_eq!(parse("10.0.0.1/8").unwrap_err().to_string().split('`').nth(1), Some("10.0.0.0/8"));
    }
}
