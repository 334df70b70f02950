//! Authorities of URLs (RFC 3986, section 3.2), taken strictly: what two readers could read differently is refused and
//! never repaired.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Bytes of a name (RFC 1035, section 2.3.4), and of one of its labels.
const NAME: usize = 253;
const LABEL: usize = 63;

/// Bytes of a URL.
const URL: usize = 2048;

/// Schemes that bring credentials along, and their ports.
const SCHEMES: [(&str, u16); 8] = [
    ("https", 443),
    ("http", 80),
    ("ssh", 22),
    ("git+ssh", 22),
    ("ssh+git", 22),
    ("sparse+https", 443),
    ("sparse+http", 80),
    ("oci", 443),
];

/// Host and port of `text`, a URL: the port that it names, or its scheme's.
pub(super) fn url(text: &str) -> Option<(String, u16)> {
    let readable = |b: u8| b.is_ascii_graphic() && !matches!(b, b'\\' | b'"' | b'<' | b'>' | b'`');
    if text.len() > URL || !text.bytes().all(readable) {
        return None;
    }
    let (scheme, rest) = text.split_once("://")?;
    let (_, default) = SCHEMES.iter().find(|(name, _)| scheme.eq_ignore_ascii_case(name))?;
    // A query or a fragment right behind the host is where parsers differ most: `https://a.test#@b.test`.
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    if path.starts_with(['?', '#']) {
        return None;
    }
    let at = match authority.rsplit_once('@') {
        Some((user, at)) => userinfo(user).then_some(at)?,
        None => authority,
    };
    let (host, port) = host_and_port(at)?;
    Some((host, port.unwrap_or(*default)))
}

/// Host and port of `text`, which is `HOST` or `HOST:PORT`.
pub(super) fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, rest) = rest.split_once(']')?;
            (v6(address)?, rest)
        }
        None => {
            let (name, rest) = text.split_at_checked(text.find(':').unwrap_or(text.len()))?;
            (host(name)?, rest)
        }
    };
    if rest.is_empty() {
        return Some((host, None));
    }
    Some((host, Some(number(rest.strip_prefix(':')?)?)))
}

/// `text` as a name in lower case or as an address. An address of IPv6 has brackets here or has not.
pub(super) fn host(text: &str) -> Option<String> {
    if text.contains(':') {
        return v6(text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text));
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    let last = name.rsplit('.').next()?;
    // `127.1`, `0x7f000001` and `2130706433` are addresses to some (WHATWG URL, "ends in a number").
    let is_hex = last.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("0x"));
    if is_hex || last.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse::<Ipv4Addr>().ok().map(|address| address.to_string());
    }
    let good = name.len() <= NAME && name.split('.').all(label);
    good.then(|| name.to_ascii_lowercase())
}

/// A port, 1 to 65535, without sign or leading zero.
pub(super) fn number(text: &str) -> Option<u16> {
    let digits = !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// Without a zone, and IPv4 as such where it is mapped.
fn v6(text: &str) -> Option<String> {
    text.parse::<Ipv6Addr>().ok().map(|address| IpAddr::V6(address).to_canonical().to_string())
}

/// Letters, digits, hyphens and the underscores that many hosts have (RFC 1123, section 2.1).
fn label(text: &str) -> bool {
    let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    (1..=LABEL).contains(&text.len()) && text.bytes().all(known) && !text.starts_with('-') && !text.ends_with('-')
}

/// Whether `text` may stand before the one `@` (RFC 3986, section 3.2.1).
fn userinfo(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        let good = match b {
            b'%' => [bytes.next(), bytes.next()].iter().all(|b| b.is_some_and(|b| b.is_ascii_hexdigit())),
            _ => b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:".contains(&b),
        };
        if !good {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_one_host_and_a_port() {
        for (text, host, port) in [
            ("https://good.test", "good.test", 443),
            ("HTTPS://Good.Test/", "good.test", 443),
            ("http://good.test:8080/a?b=c#d", "good.test", 8080),
            ("https://user:p%40ss@good.test/@scope/x", "good.test", 443),
            ("https://good.test@evil.test/", "evil.test", 443),
            ("https://@good.test/", "good.test", 443),
            ("ssh://git@good.test:2222/x.git", "good.test", 2222),
            ("sparse+https://good.test/index/", "good.test", 443),
            ("https://good.test./", "good.test", 443),
            ("https://under_score.good.test/", "under_score.good.test", 443),
            ("https://xn--bcher-kva.test/", "xn--bcher-kva.test", 443),
            ("https://192.0.2.7/", "192.0.2.7", 443),
            ("https://[2001:DB8::1]:8443/", "2001:db8::1", 8443),
            ("https://[::ffff:192.0.2.7]/", "192.0.2.7", 443),
        ] {
            assert_eq!(url(text), Some((host.to_owned(), port)), "{text}");
        }
    }

    #[test]
    fn what_could_be_read_twice_is_refused() {
        let plain = "good.test //good.test/ https:good.test https:/good.test https:// https:///good.test \
            https://user@ file:///etc/passwd git://good.test/x https://evil.test#@good.test \
            https://evil.test?@good.test https://a@good.test@evil.test/ https://a[b@evil.test/ \
            https://${USER}@evil.test/ https://${HOST}/ https://good%2etest/ \
            https://evil.test%2f.good.test/ https://good.test:/ https://good.test:0/ \
            https://good.test:0443/ https://good.test:65536/ https://good.test:+443/ \
            https://good.test:https/ https://good.test:443:443/ https://good.test../ https://.good.test/ \
            https://good..test/ https://-good.test/ https://good-.test/ https://*.good.test/ \
            https://127.1/ https://2130706433/ https://0x7f000001/ https://0177.0.0.1/ https://1.2.3.4./ \
            https://1.2.3.0x4/ https://2001:db8::1/ https://[2001:db8::1/ https://[2001:db8::1]443/ \
            https://[fe80::1%25eth0]/ https://[192.0.2.7]/ https://[good.test]/";
        let odd = [
            "",
            "https://good.test\\@evil.test/",
            "https://good.test/\\@evil.test",
            "https://b\u{fc}cher.test/",
            "https://good.test\u{3002}evil.test/",
            "https://good.test /",
            " https://good.test/",
            "https://good.test\n/",
            "https://good.test\0/",
        ];
        for text in plain.split(' ').chain(odd) {
            assert_eq!(url(text), None, "{text:?}");
        }
        let long = format!("{}.test", "a".repeat(64));
        assert_eq!(host(&long), None);
        assert_eq!(host(&"a.".repeat(127)), Some("a.".repeat(127).trim_end_matches('.').to_owned()));
        assert_eq!(host(&"a.".repeat(128)), None);
        assert_eq!(url(&format!("https://good.test/{}", "a".repeat(URL))), None);
    }

    #[test]
    fn a_host_alone_has_no_scheme_and_no_user() {
        assert_eq!(host_and_port("Good.test:8443"), Some(("good.test".to_owned(), Some(8443))));
        assert_eq!(host_and_port("good.test"), Some(("good.test".to_owned(), None)));
        assert_eq!(host_and_port("[2001:db8::1]:22"), Some(("2001:db8::1".to_owned(), Some(22))));
        assert_eq!(host("2001:db8::1"), Some("2001:db8::1".to_owned()));
        for text in ["a@good.test", "good.test/", "https://good.test", "2001:db8::1", "good.test:", ":443", "a:b:c"] {
            assert_eq!(host_and_port(text), None, "{text}");
        }
    }
}
