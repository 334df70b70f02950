//! What a job's processes know of names: files over those of `/etc`, in a mount namespace of the job's own. The machine's files
//! stay as they are.

use crate::{
    mounts::{Change, at},
    namespace::SINK_V4,
};
use anyhow::Context as _;
use std::{fmt::Write as _, fs, net::IpAddr, path::Path};

/// Where a cache of names would answer before any name server is asked.
const CACHE: &str = "/run/nscd";

/// Name servers and local names, for the detector and its command alike.
#[derive(Clone, Debug)]
pub struct Resolver {
    servers: Vec<IpAddr>,
    options: String,
    hosts: String,
    order: String,
}

impl Default for Resolver {
    /// One name server, at [`SINK_V4`].
    fn default() -> Self {
        Self::new([SINK_V4])
    }
}

impl Resolver {
    /// These name servers, one try of two seconds each, and no local names but that of the machine itself.
    pub fn new(servers: impl IntoIterator<Item = IpAddr>) -> Self {
        Self {
            servers: servers.into_iter().collect(),
            options: "timeout:2 attempts:1".to_owned(),
            hosts: "127.0.0.1 localhost\n::1 localhost\n".to_owned(),
            order: "files dns".to_owned(),
        }
    }

    /// The options of `resolv.conf`, instead of its own.
    pub fn options(mut self, options: &str) -> Self {
        options.clone_into(&mut self.options);
        self
    }

    /// One more local name, in `hosts`.
    pub fn host(mut self, address: IpAddr, name: &str) -> Self {
        // Writing to a string does not fail.
        _ = writeln!(self.hosts, "{address} {name}");
        self
    }

    /// Who is asked for names, in `nsswitch.conf`; `files dns` if nothing is said.
    pub fn order(mut self, order: &str) -> Self {
        order.clone_into(&mut self.order);
        self
    }

    /// Writes its files to `directory`, and tells what puts them in their places.
    pub(crate) fn changes(&self, directory: &Path) -> anyhow::Result<Vec<Change>> {
        let servers: String = self.servers.iter().map(|server| format!("nameserver {server}\n")).collect();
        let files = [
            ("resolv.conf", format!("{servers}options {}\n", self.options)),
            ("hosts", self.hosts.clone()),
            ("nsswitch.conf", format!("passwd: files\ngroup: files\nshadow: files\nhosts: {}\n", self.order)),
        ];
        let mut changes = Vec::new();
        for (name, text) in files {
            let (scratch, place) = (directory.join(name), Path::new("/etc").join(name));
            // Where it is a link, the file that it leads to is hidden. Where there is no such file, there is nothing to hide.
            match fs::canonicalize(&place) {
                Ok(place) => changes.push(Change::Bind(at(&scratch)?, at(&place)?)),
                Err(_) if name == "nsswitch.conf" => continue,
                Err(error) => return Err(error).with_context(|| format!("no {} to hide", place.display())),
            }
            fs::write(scratch, text)?;
        }
        if Path::new(CACHE).exists() {
            changes.push(Change::Tmpfs(at(Path::new(CACHE))?, 0));
        }
        Ok(changes)
    }
}
