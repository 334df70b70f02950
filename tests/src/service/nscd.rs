//! The protocol of nscd (nscd/nscd-client.h), as far as it is about names.

use std::{
    io::{self, Read as _, Write as _},
    net::Ipv4Addr,
    os::unix::net::UnixStream,
};

/// `NSCD_VERSION`.
const VERSION: i32 = 2;
/// `MAXKEYLEN` in nscd/nscd.h.
const KEY_BYTES: usize = 1024;
const GETHOSTBYNAME: i32 = 4;
const GETAI: i32 = 14;
/// `AF_INET`, and `HOST_NOT_FOUND` of netdb.h.
const INET: u8 = 2;
const NOT_FOUND: i32 = 1;

/// Answers one request: `ask` finds the address of a name.
pub(super) fn answer(mut stream: &UnixStream, ask: impl Fn(&str) -> Option<Ipv4Addr>) -> io::Result<()> {
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    let word = |n: usize| i32::from_ne_bytes(head[n * 4..][..4].try_into().unwrap_or_default());
    let (version, kind, len) = (word(0), word(1), word(2));
    let Some(len) = usize::try_from(len).ok().filter(|len| version == VERSION && *len <= KEY_BYTES) else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let mut key = vec![0; len];
    stream.read_exact(&mut key)?;
    let name = String::from_utf8_lossy(key.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned();
    match kind {
        GETAI => stream.write_all(&getai(&name, ask(&name))),
        GETHOSTBYNAME => stream.write_all(&host(&name, ask(&name))),
        // It shares no memory, and knows no users.
        _ => Ok(()),
    }
}

/// `ai_response_header`: version, found, addresses, their bytes, bytes of the name, error; then addresses, families, name.
fn getai(name: &str, address: Option<Ipv4Addr>) -> Vec<u8> {
    let Some(address) = address else { return words(&[VERSION, 0, 0, 0, 0, NOT_FOUND]) };
    let len = i32::try_from(name.len() + 1).unwrap_or(0);
    [&words(&[VERSION, 1, 1, 4, len, 0]), &address.octets()[..], &[INET], name.as_bytes(), b"\0"].concat()
}

/// `hst_response_header`: version, found, bytes of the name, aliases, type and bytes of an address, addresses, error; then name and
/// addresses.
fn host(name: &str, address: Option<Ipv4Addr>) -> Vec<u8> {
    let Some(address) = address else { return words(&[VERSION, 0, 0, 0, -1, -1, 0, NOT_FOUND]) };
    let len = i32::try_from(name.len() + 1).unwrap_or(0);
    [&words(&[VERSION, 1, len, 0, INET.into(), 4, 1, 0]), name.as_bytes(), b"\0", &address.octets()[..]].concat()
}

fn words(words: &[i32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}
