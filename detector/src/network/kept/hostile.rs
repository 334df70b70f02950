//! What every format's tests try: a file that somebody made to mislead.

use super::{Format, Kept, places};
use crate::network::authority;

/// Bytes of a file at most.
const BYTES: usize = 1 << 20;

/// Asserts that `text` names exactly these places, `HOST` or `HOST:PORT`.
pub(super) fn named(format: Format, text: &str, expected: &[&str]) {
    assert_eq!(shown(&places(format, text.as_bytes())), expected, "{text}");
}

fn shown(places: &[Kept]) -> Vec<String> {
    let one = |place: &Kept| place.port.map_or(place.host.clone(), |port| format!("{}:{port}", place.host));
    places.iter().map(one).collect()
}

/// The places of `bytes`, which must be few and good whatever the bytes are.
fn tried(format: Format, bytes: &[u8]) -> Vec<Kept> {
    let all = places(format, bytes);
    assert!(all.len() <= 64);
    for place in &all {
        assert_eq!(authority::host(&place.host).as_ref(), Some(&place.host));
        assert_ne!(place.port, Some(0));
    }
    all
}

/// Bytes put into, taken out of and cut off a file that names `make`'s host; far too many of it; far too long ones.
pub(super) fn edits(format: Format, make: impl Fn(&str) -> String) {
    let good = make("good.test");
    assert!(tried(format, good.as_bytes()).iter().any(|place| place.host == "good.test"), "{good}");
    let marked = format!("\u{feff}{}", good.replace('\n', "\r\n"));
    assert!(tried(format, marked.as_bytes()).iter().any(|place| place.host == "good.test"), "{marked}");
    for at in 0..good.len() {
        let (before, after) = good.as_bytes().split_at(at);
        tried(format, before);
        tried(format, after);
        for byte in [0, b'\n', b'\r', 0x1b, b'"', b'\\', b'@', b'#', b'[', b'{', b'*', b':', 0x7f, 0xff] {
            let put = [before, &[byte], after].concat();
            let all = tried(format, &put);
            assert!(all.is_empty() || !matches!(byte, 0 | 0xff));
            let instead = [before, &[byte], after.get(1..).unwrap_or_default()].concat();
            tried(format, &instead);
        }
    }
    let all = good.repeat(BYTES / good.len());
    tried(format, all.as_bytes());
    assert!(tried(format, format!("{good}{}", " ".repeat(BYTES)).as_bytes()).is_empty());
    for filler in ["a", "a.", "\n", "\"", "\\", "[", "{", "<a>", "<", "- ", "a:\n", "a=1\n", "[a]\n", " ", "#", "\u{1}"]
    {
        let filler = filler.repeat(BYTES / 4 / filler.len());
        for text in [format!("{good}{filler}"), format!("{filler}{good}")] {
            tried(format, text.as_bytes());
        }
    }
    for long in ["a".repeat(500_000), "a.".repeat(200_000), format!("{}.test", "a".repeat(64))] {
        assert!(tried(format, make(&long).as_bytes()).is_empty());
    }
}

/// Hosts that are none, in the place of `make`'s.
pub(super) fn hosts(format: Format, make: impl Fn(&str) -> String) {
    for bad in [
        "*",
        "*.good.test",
        "g?od.test",
        "localhost",
        "x.localhost",
        "127.0.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "127.1",
        "0x7f000001",
        "1.2.3",
        "good..test",
        ".good.test",
        "-good.test",
        "good%2etest",
        "good.test%00",
        "b\u{fc}cher.test",
        "good.test\u{3002}x",
        "good.test\u{200b}",
        "good.test\u{1b}[0m",
        "good.test\u{7f}",
        "$HOST",
        "${HOST}",
        "good.test${X}",
    ] {
        let text = make(bad);
        assert_eq!(shown(&places(format, text.as_bytes())), [""; 0], "{text}");
    }
}

/// URLs that look like one of `good.test` and may lead to `evil.test`, in the place of `make`'s.
pub(super) fn urls(format: Format, make: impl Fn(&str) -> String) {
    for (url, to) in [
        ("https://good.test@evil.test/", Some("evil.test")),
        ("https://good.test:443@evil.test/", Some("evil.test")),
        ("https://good.test%2f@evil.test/", Some("evil.test")),
        ("https://evil.test#@good.test", None),
        ("https://evil.test?@good.test", None),
        ("https://good.test\\@evil.test", None),
        ("https://good.test\\\\@evil.test", None),
        ("https://evil.test\\@good.test", None),
        ("https://a@evil.test@good.test/", None),
        ("https://good.test%2fevil.test/", None),
        ("https://good.test%00.evil.test/", None),
        ("https://good.test:0/", None),
        ("https://good.test:65536/", None),
        ("https://good.test:/", None),
        ("https://good.test:-443/", None),
        ("https://good.test:443:80/", None),
        ("https://[good.test]/", None),
        ("https://[::1]/", None),
        ("https://[::ffff:127.0.0.1]/", None),
        ("https://[fe80::1%25lo]/", None),
        ("https://[2001:db8::1]x.good.test/", None),
        ("https://localhost:8080/", None),
        ("https:good.test/", None),
        ("https:///good.test/", None),
        ("file://good.test/x", None),
        ("javascript://good.test/x", None),
    ] {
        let text = make(url);
        let all = places(format, text.as_bytes());
        // Where the format itself ends the value at a `#` or `;`, what stands before it is the whole URL.
        let ended = url.starts_with("https://evil.test");
        assert!(all.iter().all(|place| place.host == "evil.test" && (to.is_some() || ended)), "{text}: {all:?}");
        assert!(to.is_none() || !all.is_empty(), "{text}");
    }
    let all = shown(&places(format, make("https://good.test.:8443/").as_bytes()));
    assert!(all.contains(&"good.test:8443".to_owned()), "{all:?}");
}
