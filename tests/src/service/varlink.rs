//! The interface of systemd-resolved for programs (`io.systemd.Resolve`), as far as `nss-resolve` needs it: JSON, ended by a zero.

use serde_json::{Value, json};
use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    net::Ipv4Addr,
    os::unix::net::UnixStream,
};

/// Answers the calls of one connection: `ask` finds the address of a name.
pub(super) fn answer(stream: &UnixStream, ask: impl Fn(&str) -> Option<Ipv4Addr>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut call = Vec::new();
        reader.read_until(0, &mut call)?;
        if call.pop() != Some(0) {
            return Ok(());
        }
        let call: Value = serde_json::from_slice(&call)?;
        let name = call["parameters"]["name"].as_str().unwrap_or_default();
        let reply = match ask(name) {
            Some(address) => {
                let addresses = json!([{ "ifindex": 2, "family": 2, "address": address.octets() }]);
                json!({ "parameters": { "addresses": addresses, "name": name, "flags": 1 } })
            }
            None => json!({ "error": "io.systemd.Resolve.DNSError", "parameters": { "rcode": 3 } }),
        };
        let mut out = stream;
        out.write_all(&[reply.to_string().as_bytes(), b"\0"].concat())?;
    }
}
