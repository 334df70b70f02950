//! Policies.

use crate::SEED;
use detector::policy::{Policy, Tables};
use detector_common::{
    destination::OWN,
    host::{backward, forward, kind},
    limits::HOST_LABELS,
};
use detector_tests::name_server::random::Random;
use std::collections::HashMap;

const POLICIES: usize = 300;
const NAMES: usize = 300;
/// What hashes begin with.
const HASHES: u64 = 99;

/// Classes, and a program by its number from 1.
const BEFORE: &str = "version: 1
classes:
  a: { paths: [/a/x], action: deny, reason: r }
  b: { paths: [/b/x], action: deny, reason: r }
  c: { paths: [/c/x], action: deny, reason: r }
programs:
  tool: { files: [/usr/bin/tool] }
destinations:
";

/// Few labels, so that names meet.
fn name(random: &mut Random, most: usize) -> String {
    let labels: Vec<_> = (0..random.below(most)).map(|_| random.of(&["a", "b", "c"])).collect();
    labels.into_iter().chain(["test"]).collect::<Vec<_>>().join(".")
}

fn policy(random: &mut Random) -> String {
    let mut text = BEFORE.to_owned();
    for _ in 0..=random.below(12) {
        let wildcard = random.of(&["", "", "*.", "**."]);
        let base = name(random, if wildcard.is_empty() { 11 } else { HOST_LABELS });
        let port = random.of(&["", "", ":443", ":8080"]);
        let classes = random.of(&["[a]", "[b]", "[c]", "[a, b]", "all"]);
        let readers = random.of(&["", "", ", readers: [tool]", ", readers: ['*']"]);
        text.push_str(&format!("  - {{ to: ['{wildcard}{base}{port}'], accept: {classes}{readers} }}\n"));
    }
    text
}

/// The kernel's table.
struct Table {
    tables: Tables,
    rows: HashMap<(u32, u64), u32>,
}

impl Table {
    fn new(policy: &Policy) -> Self {
        let tables = policy.tables(1);
        let rows: HashMap<_, _> = tables.hosts.iter().map(|row| (row.key(HASHES), row.place)).collect();
        assert_eq!(rows.len(), tables.hosts.len(), "each key once");
        Self { tables, rows }
    }

    /// The kernel's way: the whole name, then by ever shorter ends.
    fn place(&self, name: &str) -> Option<usize> {
        let labels: Vec<_> = name.split('.').map(str::as_bytes).collect();
        let look = |kind: u32, hash: u64| self.rows.get(&(kind, hash)).copied();
        let mut found = look(kind::EXACT, forward(HASHES, labels.iter().copied()));
        for n in (1..=HOST_LABELS).rev().filter(|n| *n < labels.len()) {
            let hash = backward(HASHES, labels[labels.len() - n..].iter().copied());
            if found.is_none() && n + 1 == labels.len() {
                found = look(kind::LABEL, hash);
            }
            found = found.or_else(|| look(kind::BELOW, hash));
        }
        found.map(|place| place as usize - 1)
    }

    /// What an address that the name was answered with accepts.
    fn accepted(&self, name: &str, reader: u16, port: u16) -> u64 {
        let Some(place) = self.place(name) else { return 0 };
        let place = &self.tables.places[place];
        let rows = place.rows[..usize::try_from(place.count).unwrap_or(0)].iter();
        let rows = rows.filter(|row| row.reader == reader && (row.port == 0 || row.port == port));
        rows.fold(0, |all, row| all | row.accepted)
    }
}

#[test]
fn every_name_accepts_what_its_policy_says() {
    println!("seed {SEED:#x}");
    let mut random = Random::new(SEED);
    let (mut read, mut known) = (0, 0);
    for _ in 0..POLICIES {
        let text = policy(&mut random);
        // Of some a place would have too many rows.
        let Ok(policy) = Policy::parse(&text, "random") else { continue };
        read += 1;
        let table = Table::new(&policy);
        for _ in 0..NAMES {
            let name = name(&mut random, 12);
            let host = policy.host(&name);
            known += usize::from(!host.is_unknown());
            for port in [22, 443, 8080] {
                let own = table.accepted(&name, OWN, port);
                assert_eq!(table.accepted(&name, 0, port), host.accepted(port).bits(), "{name}:{port}\n{text}");
                assert_eq!(own, host.accepted_for(0, port).bits(), "{name}:{port}, whoever read it\n{text}");
                let tool = own | table.accepted(&name, 1, port);
                assert_eq!(tool, host.accepted_for(1, port).bits(), "{name}:{port}, the tool\n{text}");
            }
            let (anyone, own) = host.over_all_ports();
            let place = table.place(&name).map(|place| table.tables.places[place]).unwrap_or_default();
            assert_eq!((place.anyone, place.own), (anyone.bits(), own.bits()), "{name}\n{text}");
        }
    }
    println!("{read} policies, {known} names of {} known", read * NAMES);
    assert!(read > POLICIES / 2 && known > read * NAMES / 5);
}
