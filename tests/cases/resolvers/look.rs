//! Looks a name up by the C library that it is built with.

use std::{env, net::ToSocketAddrs, process::ExitCode};

fn main() -> ExitCode {
    let name = env::args().nth(1).unwrap_or_default();
    let found = (name.as_str(), 1).to_socket_addrs();
    ExitCode::from(u8::from(found.map_or(true, |mut found| found.next().is_none())))
}
