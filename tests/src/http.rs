//! As much of HTTP/1.1 as a sink needs: know when a request is complete, and answer it.

use std::collections::BTreeMap;

/// What a path answers, whatever the method.
pub type Pages = BTreeMap<String, Vec<u8>>;

/// What to do now that these bytes have arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Read on.
    Wait,
    /// Not HTTP: record only.
    Plain,
    /// Tell the client to send the body that it announced.
    Continue,
    /// Send this, then close.
    Answer(Vec<u8>),
}

/// Judges all bytes of a connection so far; `continued` when [`Step::Continue`] was already done.
pub fn step(bytes: &[u8], pages: &Pages, continued: bool) -> Step {
    const METHODS: [&[u8]; 4] = [b"GET ", b"POST ", b"PUT ", b"HEAD "];
    if !METHODS.iter().any(|m| bytes.iter().zip(*m).all(|(a, b)| a == b)) {
        return Step::Plain;
    }
    let Some(body) = bytes.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 4) else { return Step::Wait };
    let head = String::from_utf8_lossy(&bytes[..body]);
    let (length, chunked) = (header(&head, "content-length"), header(&head, "transfer-encoding").is_some());
    let length: usize = length.and_then(|value| value.parse().ok()).unwrap_or(0);
    let complete = if chunked { bytes.ends_with(b"0\r\n\r\n") } else { bytes.len() - body >= length };
    if !complete {
        let asks = header(&head, "expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue"));
        return if asks && !continued { Step::Continue } else { Step::Wait };
    }
    let mut request = head.split(' ');
    let (method, target) = (request.next().unwrap_or(""), request.next().unwrap_or(""));
    Step::Answer(match (method, pages.get(target)) {
        // Some thieves fetch by POST.
        (_, Some(page)) if target.ends_with('/') => answer("200 OK\r\nContent-Type: text/html", page),
        (_, Some(page)) => answer("200 OK", page),
        ("GET", None) => answer("404 Not Found", b""),
        _ => answer("200 OK", b"ok\n"),
    })
}

/// The body of a complete request, cut to its announced length.
pub fn body(bytes: &[u8]) -> Option<&[u8]> {
    let start = bytes.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
    let length: usize = header(&String::from_utf8_lossy(&bytes[..start]), "content-length")?.parse().ok()?;
    bytes.get(start..start.checked_add(length)?)
}

/// A header's value; `name` in lower case.
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn answer(status: &str, page: &[u8]) -> Vec<u8> {
    let mut bytes =
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", page.len()).into_bytes();
    bytes.extend_from_slice(page);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_for_the_whole_body() {
        let request = b"POST / HTTP/1.1\r\nHost: x\r\ncontent-length: 3\r\n\r\nabc";
        for cut in 1..request.len() {
            assert_eq!(step(&request[..cut], &Pages::new(), false), Step::Wait, "{cut}");
        }
        assert!(matches!(step(request, &Pages::new(), false), Step::Answer(a) if a.starts_with(b"HTTP/1.1 200")));
        assert_eq!(body(request), Some(&b"abc"[..]));
    }

    #[test]
    fn expect_is_answered_once() {
        let request = b"PUT /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
        assert_eq!(step(request, &Pages::new(), false), Step::Continue);
        assert_eq!(step(request, &Pages::new(), true), Step::Wait);
    }

    #[test]
    fn pages_and_plain_bytes() {
        let pages = Pages::from([("/a".to_owned(), b"hello".to_vec())]);
        assert!(
            matches!(step(b"GET /a HTTP/1.1\r\n\r\n", &pages, false), Step::Answer(a) if a.ends_with(b"\r\n\r\nhello"))
        );
        assert!(
            matches!(step(b"GET /b HTTP/1.1\r\n\r\n", &pages, false), Step::Answer(a) if a.starts_with(b"HTTP/1.1 404"))
        );
        assert_eq!(step(b"secret", &pages, false), Step::Plain);
        assert_eq!(step(b"", &pages, false), Step::Wait);
    }
}
