//! One place that a file names, and how many there may be.

use crate::network::authority;
use std::net::IpAddr;

/// Places of one file; those behind them are not told.
pub(super) const PLACES: usize = 64;

/// A place that a credential file names for its own credentials: one host, never a zone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kept {
    /// A name in lower case, without its trailing dot (letters, digits, hyphens, underscores), or the text of an
    /// address, without brackets. At most 253 bytes.
    pub host: String,
    /// The port that is named, or the one of the scheme that is. None where the file names neither.
    pub port: Option<u16>,
}

impl Kept {
    /// The place of a URL.
    pub(super) fn url(text: &str) -> Option<Self> {
        let (host, port) = authority::url(text)?;
        Self::new(host, Some(port))
    }

    /// The place `HOST` or `HOST:PORT`.
    pub(super) fn bare(text: &str) -> Option<Self> {
        let (host, port) = authority::host_and_port(text)?;
        Self::new(host, port)
    }

    /// The place `HOST`, at `port`.
    pub(super) fn host(text: &str, port: Option<u16>) -> Option<Self> {
        Self::new(authority::host(text)?, port)
    }

    /// The place of a URL, or `HOST[:PORT][/PATH]`.
    pub(super) fn url_or_bare(text: &str) -> Option<Self> {
        if text.contains("://") {
            return Self::url(text);
        }
        // The path is of no use, but must not make the text another one to another reader.
        let (at, path) = text.split_once('/').unwrap_or((text, ""));
        if path.bytes().any(|b| !b.is_ascii_graphic() || b == b'\\') { None } else { Self::bare(at) }
    }

    /// A host of the same name's own domain: `api.HOST` beside `HOST`.
    pub(super) fn below(&self, label: &str) -> Option<Self> {
        let is_name = self.host.parse::<IpAddr>().is_err();
        Self::host(&format!("{label}.{}", self.host), self.port).filter(|_| is_name)
    }

    /// Whatever stays on this machine, or is no single host, is no destination.
    fn new(host: String, port: Option<u16>) -> Option<Self> {
        let elsewhere = match host.parse::<IpAddr>() {
            Ok(at) => {
                let all = matches!(at, IpAddr::V4(v4) if v4.is_broadcast() || v4.octets()[0] == 0);
                !all && !at.is_loopback() && !at.is_unspecified() && !at.is_multicast()
            }
            // Of hosts(5) and RFC 6761, section 6.3.
            Err(_) => {
                let local = ["localhost", "ip6-localhost", "ip6-loopback"];
                !local.contains(&&*host) && !host.ends_with(".localhost") && !host.starts_with("localhost.")
            }
        };
        elsewhere.then_some(Self { host, port })
    }
}

/// The places of one file, each once, in its order.
#[derive(Debug, Default)]
pub(super) struct Places(Vec<Kept>);

impl Places {
    /// Takes one more, if it is one.
    pub(super) fn add(&mut self, place: Option<Kept>) {
        if let Some(place) = place.filter(|place| !self.is_full() && !self.0.contains(place)) {
            self.0.push(place);
        }
    }

    /// Whether more would be dropped.
    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= PLACES
    }

    /// All of them.
    pub(super) fn into_vec(self) -> Vec<Kept> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_here_is_no_place() {
        for text in [
            "localhost",
            "LOCALHOST.",
            "x.localhost",
            "localhost.localdomain",
            "ip6-loopback",
            "127.0.0.1",
            "127.255.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "255.255.255.255",
            "224.0.0.1",
            "::1",
            "::",
            "::ffff:127.0.0.1",
            "[::1]",
            "ff02::1",
        ] {
            assert_eq!(Kept::host(text, None), None, "{text}");
        }
        assert!(Kept::host("192.168.49.2", None).is_some());
        assert!(Kept::host("localhost-not.test", None).is_some());
    }

    #[test]
    fn a_path_behind_a_bare_host_is_left_out() {
        let kept = |port| Some(Kept { host: "good.test".to_owned(), port });
        assert_eq!(Kept::url_or_bare("good.test/team/app"), kept(None));
        assert_eq!(Kept::url_or_bare("good.test:5000/team"), kept(Some(5000)));
        assert_eq!(Kept::url_or_bare("https://good.test/v1/"), kept(Some(443)));
        for text in ["/good.test", "evil.test\\/good.test", "good.test/\\evil.test", "u@evil.test/x", "good.test/ x"] {
            assert_eq!(Kept::url_or_bare(text), None, "{text}");
        }
    }

    #[test]
    fn only_a_name_has_hosts_below_it() {
        let below = |text| Kept::host(text, Some(443)).and_then(|place| place.below("api")).map(|place| place.host);
        assert_eq!(below("good.test").as_deref(), Some("api.good.test"));
        assert_eq!(below("192.0.2.7"), None);
        assert_eq!(below(&"a.".repeat(126)), None);
    }

    #[test]
    fn a_place_counts_once_and_sixty_four_are_enough() {
        let mut places = Places::default();
        for n in 0..1000 {
            places.add(Kept::host(&format!("h{}.test", n / 2), None));
        }
        assert_eq!(places.into_vec().len(), PLACES);
    }
}
