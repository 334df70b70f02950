//! What a service of the host that finds names is asked for, from the bytes that it is sent.
//!
//! The bytes are the asker's, who may lie in all of them. Whatever is not wholly one well-known request counts as a question that
//! cannot be read: so no spelling of a request hides what it asks for.

#[cfg(test)]
mod tests;

use crate::{event::Service, secret::redact};
use serde::Deserialize;
use std::{fmt::Write as _, net::Ipv6Addr};

/// Bytes of a name in a message of the DNS (RFC 1035, section 2.3.4).
const NAME_BYTES: usize = 255;
/// Bytes of a label.
const LABEL_BYTES: usize = 63;

/// What a service is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Nothing that a name server would be asked: a user, a group, what the service is.
    Other,
    /// This name, as [`redact::name`] has it; of an address the name that tells whose it is.
    Name(String),
    /// It cannot be told.
    Unreadable,
}

impl Request {
    /// What `bytes` ask `service` for; `whole` says that one call sent these and no others.
    pub fn of(service: Service, bytes: &[u8], whole: bool) -> Self {
        let read = match service {
            Service::Nscd => nscd(bytes, whole),
            Service::SystemdResolved => varlink(bytes, whole),
        };
        read.unwrap_or(Self::Unreadable)
    }
}

/// A request of nscd (nscd/nscd-client.h): version, type and length of the key, then the key.
fn nscd(bytes: &[u8], whole: bool) -> Option<Request> {
    /// `NSCD_VERSION`.
    const VERSION: i32 = 2;
    let word = |n: usize| Some(i32::from_ne_bytes(*bytes.get(n * 4..)?.first_chunk()?));
    let (version, kind, len, key) = (word(0)?, word(1)?, word(2)?, bytes.get(12..)?);
    if version != VERSION {
        return None;
    }
    // Its numbers up to GETFDNETGR: what is not listed below asks for users, groups, services, netgroups, or for nscd itself.
    let name = match kind {
        // GETHOSTBYNAME, GETHOSTBYNAMEv6, GETAI.
        4 | 5 | 14 => name(key.strip_suffix(b"\0")?)?,
        // GETHOSTBYADDR, GETHOSTBYADDRv6.
        6 | 7 => reverse(key)?,
        0..=21 => return Some(Request::Other),
        _ => return None,
    };
    (whole && usize::try_from(len) == Ok(key.len())).then_some(Request::Name(name))
}

/// A call of varlink, as far as its meaning depends on it. Who says a field twice is not understood.
#[derive(Deserialize)]
struct Varlink {
    method: String,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
struct Parameters {
    name: Option<String>,
    address: Option<Vec<u8>>,
}

/// A call of systemd-resolved's interface for programs (`io.systemd.Resolve`): JSON, ended by a zero.
fn varlink(bytes: &[u8], whole: bool) -> Option<Request> {
    let call = bytes.strip_suffix(b"\0").filter(|_| whole)?;
    let Varlink { method, parameters } = serde_json::from_slice(call).ok()?;
    let asked = match (method.as_str(), parameters) {
        (
            "io.systemd.Resolve.ResolveHostname" | "io.systemd.Resolve.ResolveRecord",
            Parameters { name: Some(text), .. },
        ) => name(text.as_bytes())?,
        ("io.systemd.Resolve.ResolveAddress", Parameters { address: Some(address), .. }) => reverse(&address)?,
        ("org.varlink.service.GetInfo" | "org.varlink.service.GetInterfaceDescription", _) => {
            return Some(Request::Other);
        }
        _ => return None,
    };
    Some(Request::Name(asked))
}

/// `text`, a name as programs write it, as it would stand in a message of the DNS, so that it is escaped and compared as such. An
/// escape of theirs (`\065`) stays what it is written as: it makes fewer dots, not more, and a name is known by its end.
fn name(text: &[u8]) -> Option<String> {
    let (mut wire, labels) = (Vec::new(), text.strip_suffix(b".").unwrap_or(text));
    if labels.len() >= NAME_BYTES || labels.contains(&0) {
        return None;
    }
    for label in labels.split(|byte| *byte == b'.') {
        wire.push(u8::try_from(label.len()).ok().filter(|len| (1..=LABEL_BYTES).contains(&usize::from(*len)))?);
        wire.extend_from_slice(label);
    }
    wire.push(0);
    redact::name(&wire)
}

/// The name that is asked for whose `address` is (RFC 1035, section 3.5; RFC 3596, section 2.5).
fn reverse(address: &[u8]) -> Option<String> {
    let mut text = String::new();
    // Writing to a string cannot fail.
    match *address {
        [a, b, c, d] => _ = write!(text, "{d}.{c}.{b}.{a}.in-addr.arpa"),
        _ => {
            let address = Ipv6Addr::from(<[u8; 16]>::try_from(address).ok()?);
            for byte in address.octets().iter().rev() {
                _ = write!(text, "{:x}.{:x}.", byte & 15, byte >> 4);
            }
            text.push_str("ip6.arpa");
        }
    }
    Some(text)
}
