//! Hosts of ssh's settings (ssh_config(5)). `Include` is not followed, and what a `Match` is for is not known here.

use super::place::{Kept, Places};
use crate::network::authority;

/// Hosts of one file; those behind them are not told.
const HOSTS: usize = 256;

/// From one `Host` or `Match` to the next.
#[derive(Default)]
struct Block<'a> {
    patterns: Vec<&'a str>,
    host_name: Option<&'a str>,
    port: Option<&'a str>,
}

pub(super) fn read(text: &str, places: &mut Places) {
    let blocks = blocks(text);
    let names = blocks.iter().flat_map(|block| block.patterns.iter().filter(|name| block.matches(name)));
    let names = names.filter(|name| !name.contains(['*', '?', '!']));
    for name in names.take(HOSTS) {
        if places.is_full() {
            return;
        }
        places.add(place(name, &blocks));
    }
}

/// Where `ssh NAME` goes: of each option, the first value counts.
fn place(name: &str, blocks: &[Block<'_>]) -> Option<Kept> {
    let matched = || blocks.iter().filter(|block| block.matches(name));
    let host = match matched().find_map(|block| block.host_name) {
        Some(host) if host.contains('%') => host.replace("%h", name),
        Some(host) => host.to_owned(),
        None => name.to_owned(),
    };
    let port = matched().find_map(|block| block.port).map_or(Some(22), authority::number)?;
    Kept::host(&host, Some(port))
}

impl Block<'_> {
    fn matches(&self, name: &str) -> bool {
        let mut any = false;
        for pattern in &self.patterns {
            match pattern.strip_prefix('!') {
                Some(not) if like(not, name) => return false,
                Some(_) => {}
                None => any |= like(pattern, name),
            }
        }
        any
    }
}

/// A pattern with more than one `*`, or with a `?`, is like nothing: few have one, and time is bounded.
fn like(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, end)) => name.strip_prefix(start).is_some_and(|rest| rest.ends_with(end)),
    }
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = vec![Block { patterns: vec!["*"], ..Block::default() }];
    for line in text.lines() {
        let line = line.trim_matches([' ', '\t', '\r', '\x0c']);
        let end = line.find([' ', '\t', '=']).unwrap_or(line.len());
        let (key, rest) = line.split_at(end);
        // One `=` may stand for the blank.
        let rest = rest.trim_start();
        let rest = rest.strip_prefix('=').unwrap_or(rest);
        let Some(words) = words(rest) else { continue };
        match (key.to_ascii_lowercase().as_str(), &*words, blocks.last_mut()) {
            ("host", ..) => blocks.push(Block { patterns: words, ..Block::default() }),
            ("match", ["all" | "ALL" | "All"], _) => blocks.push(Block { patterns: vec!["*"], ..Block::default() }),
            ("match", ..) => blocks.push(Block::default()),
            ("hostname", [name], Some(block)) => block.host_name = block.host_name.or(Some(name)),
            ("port", [port], Some(block)) => block.port = block.port.or(Some(port)),
            _ => {}
        }
    }
    blocks
}

/// Words, in quotes or not, up to a comment; none where a quote does not close.
fn words(text: &str) -> Option<Vec<&str>> {
    let mut all = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() && !rest.starts_with('#') {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => rest.split_at(rest.find([' ', '\t']).unwrap_or(rest.len())),
        };
        all.push(word);
        rest = after.trim_start();
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::super::{Format::SshConfig, hostile};

    #[test]
    fn the_first_value_counts_and_a_wildcard_is_no_place() {
        let text = "# Host no.test\nHost work w2\n  HostName Git.a.test\n  Port 2222\n  User x\nHost b.test \"c.test\" # z\n\
            Host=d\n\tHostName=%h.d.test\nHost *.no.test !x\n  HostName no.test\nMatch host b.test\n  HostName no.test\n\
            Host b*\n  Port 23\nHost *\n  Port 24\n  ProxyJump no.test\n";
        hostile::named(SshConfig, text, &["git.a.test:2222", "b.test:23", "c.test:24", "d.d.test:24"]);
        hostile::named(SshConfig, "Port 2200\nHost a.test\nPort 22\n", &["a.test:2200"]);
        hostile::named(SshConfig, "HostName no.test\nPort 22\n", &[]);
        hostile::named(SshConfig, "Host * ?.test !a.test\n", &[]);
    }

    #[test]
    fn a_bad_value_names_nothing() {
        hostile::named(SshConfig, "Host a.test\nPort 65536\nHost b.test\nHostName -oProxyCommand=x\n", &[]);
        hostile::named(
            SshConfig,
            "Host a\nHostName %n.test\nHost b\nHostName %%h.test\nHost c\nHostName \"d.test\n",
            &["c:22"],
        );
        hostile::named(SshConfig, "Host a !a\nHost localhost\nHost d\nHostName 127.0.0.1\n", &[]);
    }

    #[test]
    fn hostile_edits() {
        hostile::edits(SshConfig, |host| format!("Host {host}\n  Port 2222\n"));
        hostile::hosts(SshConfig, |host| format!("Host {host}\n"));
        hostile::hosts(SshConfig, |host| format!("Host a\n  HostName {host}\n"));
    }
}
