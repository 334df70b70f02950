//! Requests as services get them, and what may be wrong with each.

use super::*;

fn request(kind: i32, len: i32, key: &[u8]) -> Vec<u8> {
    [&2_i32.to_ne_bytes(), &kind.to_ne_bytes(), &len.to_ne_bytes(), key].concat()
}

fn nscd(bytes: &[u8]) -> Request {
    Request::of(Service::Nscd, bytes, true)
}

fn varlink(text: &str) -> Request {
    Request::of(Service::SystemdResolved, text.as_bytes(), true)
}

fn named(name: &str) -> Request {
    Request::Name(name.to_owned())
}

#[test]
fn nscd_is_asked_for_names_and_addresses() {
    for kind in [4, 5, 14] {
        assert_eq!(nscd(&request(kind, 14, b"Api.GOOD.test\0")), named("api.good.test"));
    }
    assert_eq!(nscd(&request(14, 15, b"api.good.test.\0")), named("api.good.test"));
    assert_eq!(nscd(&request(6, 4, &[203, 0, 113, 9])), named("9.113.0.203.in-addr.arpa"));
    let six = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
    let whose = "9.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";
    assert_eq!(nscd(&request(7, 16, &six)), named(whose));
    for kind in [0, 1, 2, 3, 8, 13, 15, 18, 21] {
        assert_eq!(nscd(&request(kind, 5, b"root\0")), Request::Other);
        assert_eq!(Request::of(Service::Nscd, &request(kind, 5, b""), false), Request::Other);
    }
}

#[test]
fn what_nscd_is_sent_may_lie() {
    let good = request(14, 14, b"api.good.test\0");
    for cut in 0..good.len() {
        assert_eq!(nscd(&good[..cut]), Request::Unreadable, "{cut}");
    }
    assert_eq!(Request::of(Service::Nscd, &good, false), Request::Unreadable);
    let long = [vec![b'a'; 64], b"\0".to_vec()].concat();
    let whole = [b"a.".repeat(127), b"a\0".to_vec()].concat();
    for bad in [
        request(14, 13, b"api.good.test\0"),
        request(14, 15, b"api.good.test\0"),
        request(14, -1, b"api.good.test\0"),
        request(14, i32::MAX, b"api.good.test\0"),
        request(14, 13, b"api.good.test"),
        // The C library reads it to the first zero.
        request(14, 24, b"drop.evil.test\0good.test\0"),
        request(14, 65, &long),
        request(14, 256, &whole),
        request(14, 1, b"\0"),
        request(14, 4, b"a..b\0"),
        request(14, 2, b".\0"),
        request(6, 3, &[1, 2, 3]),
        request(7, 4, &[1, 2, 3, 4, 5]),
        request(22, 5, b"root\0"),
        request(-1, 5, b"root\0"),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        [&3_i32.to_ne_bytes(), &request(0, 5, b"root\0")[4..]].concat(),
    ] {
        assert_eq!(nscd(&bad), Request::Unreadable, "{bad:?}");
    }
}

#[test]
fn resolved_is_asked_for_names_and_addresses() {
    let call =
        |method: &str, parameters: &str| varlink(&format!("{{\"method\":\"{method}\",\"parameters\":{parameters}}}\0"));
    let host = "io.systemd.Resolve.ResolveHostname";
    assert_eq!(call(host, r#"{"name":"Api.good.test","family":2,"ifindex":0,"flags":0}"#), named("api.good.test"));
    assert_eq!(call(host, r#"{"name":"\u0061pi.good.test."}"#), named("api.good.test"));
    assert_eq!(call("io.systemd.Resolve.ResolveRecord", r#"{"name":"a.test","type":16}"#), named("a.test"));
    let whose = named("9.113.0.203.in-addr.arpa");
    assert_eq!(call("io.systemd.Resolve.ResolveAddress", r#"{"address":[203,0,113,9]}"#), whose);
    assert_eq!(varlink("{\"method\":\"org.varlink.service.GetInfo\"}\0"), Request::Other);
}

#[test]
fn what_resolved_is_sent_may_lie() {
    let good = "{\"method\":\"io.systemd.Resolve.ResolveHostname\",\"parameters\":{\"name\":\"a.test\"}}\0";
    assert_eq!(varlink(good), named("a.test"));
    for cut in 0..good.len() {
        assert_eq!(varlink(&good[..cut]), Request::Unreadable, "{cut}");
    }
    assert_eq!(Request::of(Service::SystemdResolved, good.as_bytes(), false), Request::Unreadable);
    assert_eq!(varlink(&good.repeat(2)), Request::Unreadable);
    for parameters in [
        r#"{"name":"good.test","name":"evil.test"}"#,
        r#"{"name":"evil.test\u0000.good.test"}"#,
        r#"{"name":["good.test"]}"#,
        r#"{"name":null}"#,
        r#"{"name":""}"#,
        r#"{"address":[1,2,3]}"#,
        r#"{"address":[1,2,3,256]}"#,
        "{}",
        "[]",
        "null",
    ] {
        for method in ["ResolveHostname", "ResolveAddress", "ResolveService", "SubscribeQueryResults"] {
            let text = format!("{{\"method\":\"io.systemd.Resolve.{method}\",\"parameters\":{parameters}}}\0");
            assert_eq!(varlink(&text), Request::Unreadable, "{text}");
        }
    }
    let twice = "{\"method\":\"org.varlink.service.GetInfo\",\"method\":\"io.systemd.Resolve.ResolveHostname\"}\0";
    assert_eq!(varlink(twice), Request::Unreadable);
    // As deep as a megabyte allows.
    assert_eq!(varlink(&format!("{}\0", "[".repeat(1 << 20))), Request::Unreadable);
    let huge = format!(
        "{{\"method\":\"io.systemd.Resolve.ResolveHostname\",\"parameters\":{{\"name\":\"{}\"}}}}\0",
        "a".repeat(1 << 20)
    );
    assert_eq!(varlink(&huge), Request::Unreadable);
}
