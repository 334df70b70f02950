//! How this host finds addresses of names: the name servers that it asks (resolv.conf(5)), and the names that it knows itself
//! (hosts(5)).

use std::{
    fs,
    net::{IpAddr, UdpSocket},
};

/// Lines of `/etc/hosts` that are looked at: some hosts list what is to be blocked.
const LINES: usize = 65_536;

/// Addresses of the configured name servers; none where the file cannot be read.
pub(super) fn configured() -> Vec<IpAddr> {
    servers(&fs::read_to_string("/etc/resolv.conf").unwrap_or_default())
}

/// Domains that are tried behind a name (resolv.conf(5), `search` and `domain`: the last of them counts).
pub(super) fn searched() -> Vec<String> {
    domains(&fs::read_to_string("/etc/resolv.conf").unwrap_or_default())
}

/// Whether `address` is the host's own: then a program of the host answers there.
pub(super) fn is_own(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

/// Addresses with names that `/etc/hosts` has now; none where it cannot be read.
pub(super) fn listed() -> Vec<(IpAddr, String)> {
    hosts(&fs::read_to_string("/etc/hosts").unwrap_or_default())
}

fn servers(text: &str) -> Vec<IpAddr> {
    text.lines()
        .filter_map(|line| line.trim_start().strip_prefix("nameserver"))
        .filter_map(|rest| rest.split_whitespace().next())
        // A scope (`fe80::1%eth0`) is of no use to an address table.
        .filter_map(|address| address.split('%').next()?.parse().ok())
        .collect()
}

fn domains(text: &str) -> Vec<String> {
    /// As the C library's (MAXDNSRCH).
    const MOST: usize = 6;
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("search").or_else(|| line.strip_prefix("domain")));
    let last = lines.rfind(|rest| rest.starts_with([' ', '\t'])).unwrap_or_default();
    let plain = |domain: &str| domain.trim_end_matches('.').to_ascii_lowercase();
    last.split_whitespace().map(plain).filter(|domain| !domain.is_empty()).take(MOST).collect()
}

fn hosts(text: &str) -> Vec<(IpAddr, String)> {
    let mut found = Vec::new();
    for line in text.lines().take(LINES) {
        let mut fields = line.split('#').next().unwrap_or_default().split_whitespace();
        let Some(address) = fields.next().and_then(|address| address.parse::<IpAddr>().ok()) else { continue };
        found.extend(fields.map(|name| (address, name.trim_end_matches('.').to_ascii_lowercase())));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_are_read_with_whatever_else_is_there() {
        let text = "# nameserver 192.0.2.1\nsearch example.test\nnameserver 127.0.0.53\n  nameserver\tfe80::1%eth0\n\
                    nameserver junk\noptions edns0\nnameserver 2001:db8::53 # second\n";
        let expected = ["127.0.0.53", "fe80::1", "2001:db8::53"].map(|address| address.parse::<IpAddr>().unwrap());
        assert_eq!(servers(text), expected);
    }

    #[test]
    fn the_last_list_of_domains_counts() {
        let text =
            "search a.test\n# search x.test\ndomain b.test\nsearch Svc.Cluster.test. cluster.test\noptions ndots:5\n";
        assert_eq!(domains(text), ["svc.cluster.test", "cluster.test"]);
        assert_eq!(domains("nameserver 192.0.2.1\nsearching x\n"), [""; 0]);
        assert_eq!(domains(&format!("search {}", "a.test ".repeat(50))).len(), 6);
    }

    #[test]
    fn names_are_read_with_their_addresses() {
        let text = "127.0.0.1 localhost\n203.0.113.9\tApi.Good.test. good.test # evil.test\n#198.51.100.7 no.test\n\
                    junk a.test\n\n2001:db8::9 six.test\n";
        let found: Vec<_> = hosts(text).into_iter().map(|(address, name)| format!("{address} {name}")).collect();
        let expected =
            ["127.0.0.1 localhost", "203.0.113.9 api.good.test", "203.0.113.9 good.test", "2001:db8::9 six.test"];
        assert_eq!(found, expected);
    }

    #[test]
    fn the_hosts_own_addresses_are_known() {
        assert!(is_own([127, 0, 0, 53].into()));
        assert!(!is_own([203, 0, 113, 53].into()));
    }
}
