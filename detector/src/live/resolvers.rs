//! The name servers that this host asks (resolv.conf(5)).

use std::{fs, net::IpAddr};

/// Addresses of the configured name servers; none where the file cannot be read.
pub(super) fn configured() -> Vec<IpAddr> {
    parse(&fs::read_to_string("/etc/resolv.conf").unwrap_or_default())
}

fn parse(text: &str) -> Vec<IpAddr> {
    text.lines()
        .filter_map(|line| line.trim_start().strip_prefix("nameserver"))
        .filter_map(|rest| rest.split_whitespace().next())
        // A scope (`fe80::1%eth0`) is of no use to an address table.
        .filter_map(|address| address.split('%').next()?.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_and_the_rest_is_not() {
        let text = "# nameserver 1.1.1.1\nsearch example.test\nnameserver 192.0.2.53\n nameserver fe80::1%eth0 # x\nnameserver junk\n";
        let expected: Vec<IpAddr> = vec!["192.0.2.53".parse().unwrap(), "fe80::1".parse().unwrap()];
        assert_eq!(parse(text), expected);
    }
}
