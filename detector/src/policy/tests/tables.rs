//! The kernel's algorithms, written here over the rows, give the answers of user space.

use super::{super::watch::name_hash, *};
use crate::secret::ClassSet;
use detector_common::{
    destination::FIXED_BITS,
    limits::{NAME_BYTES, WATCH_DEPTH},
    watch::{ANY, CHAIN, Leaf, LeafGlob, WatchKey, WatchValue, chain, door, end, gate, kind, start},
};
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
};

/// What the kernel makes of a path, and which door of procfs its name is.
struct Kernel(HashMap<WatchKey, WatchValue>);

impl Kernel {
    fn new(policy: &Policy) -> Self {
        let rows = policy.tables(7).watches;
        let map: HashMap<_, _> = rows.iter().copied().collect();
        assert_eq!(map.len(), rows.len(), "a key stands twice");
        Self(map)
    }

    fn get(&self, kind: u32, hash: u64) -> Option<&WatchValue> {
        self.0.get(&WatchKey { policy: 7, kind, hash })
    }

    /// Whether the gates let an open for writing, or another one, through.
    fn passes(&self, names: &[&str], write: bool) -> bool {
        let leaf = names[0].as_bytes();
        let hash = |i: usize| names.get(i).map_or(0, |name| name_hash(name));
        let gates = [
            (kind::LEAF, hash(0)),
            (kind::PARENT, hash(1)),
            (kind::GRANDPARENT, hash(2)),
            (kind::START, start(leaf)),
            (kind::END, end(leaf)),
        ];
        let lets = gate::OPEN | if write { gate::WRITE } else { 0 };
        gates.into_iter().filter_map(|(kind, hash)| self.get(kind, hash)).any(|row| row.gate & lets != 0)
    }

    /// Classes of an open, and classes whose SDK the file is of.
    fn classes_of(&self, path: &str, write: bool) -> (ClassSet, ClassSet) {
        let rooted = path.starts_with('/');
        let names: Vec<_> = path.trim_start_matches('…').rsplit('/').filter(|name| !name.is_empty()).collect();
        let Some(leaf) = names.first() else { return Default::default() };
        if !self.passes(&names, write) {
            return Default::default();
        }
        let (mut exact, mut leaf_any, mut parent_any, mut both_any) = (CHAIN, CHAIN, CHAIN, CHAIN);
        let (mut bits, mut sdk) = (0, 0);
        let mut look = |kind, hash| {
            if let Some(row) = self.get(kind, hash) {
                bits |= row.bits;
                sdk |= row.sdk;
                bits |= row.globs.iter().filter(|glob| satisfies(leaf, glob)).fold(0, |all, glob| all | glob.bits);
            }
        };
        look(kind::START, start(leaf.as_bytes()));
        look(kind::END, end(leaf.as_bytes()));
        for (i, name) in names.iter().take(WATCH_DEPTH).enumerate() {
            let h = name_hash(name);
            exact = chain(exact, h);
            leaf_any = chain(leaf_any, if i == 0 { ANY } else { h });
            parent_any = chain(parent_any, if i == 1 { ANY } else { h });
            both_any = chain(both_any, if i <= 1 { ANY } else { h });
            let last = rooted && i + 1 == names.len();
            for hash in [exact, leaf_any, parent_any, both_any] {
                for kind in [Some(kind::SUFFIX), last.then_some(kind::ANCHORED)].into_iter().flatten() {
                    look(kind, hash);
                }
            }
        }
        let writes = self.get(kind::WRITES, 0).map_or(0, |row| row.bits);
        (ClassSet::from_bits(if write { bits } else { bits & !writes }), ClassSet::from_bits(sdk))
    }
}

/// Whether the leaf satisfies the glob; of a cut one only the start is known.
fn satisfies(leaf: &str, glob: &LeafGlob) -> bool {
    glob.bits_of(&Leaf::new(leaf.as_bytes())) != 0
}

/// Every path of up to `depth` of `names`, in each of its three forms.
fn paths(names: &[&str], depth: usize, each: &mut impl FnMut(&str)) {
    let mut all = vec![String::new()];
    for _ in 0..depth {
        all = all.iter().flat_map(|path| names.iter().map(move |name| format!("{path}/{name}"))).collect();
        for path in &all {
            each(path);
            each(&format!("…{path}"));
            each(&format!("/p/q/r/s/t/u{path}"));
        }
    }
}

#[test]
fn kernel_and_user_space_agree_on_paths() {
    let long = format!("id_{}.pub", "x".repeat(NAME_BYTES));
    let own = policy(
        "classes:\n  \
         a: { paths: [/d/x, '**/d/*.k', ~/d/k, '~/d/k*k'], action: kill, reason: r }\n  \
         b: { paths: [/x, '**/d/*/x', '/d/*/k', '**/*/y.k', '/d/d/*'], except: ['*.k'], action: kill, reason: r }\n  \
         c: { paths: ['**/x', '/d/id_*', '**/d/x/d/*', '~/d/*.k'], except: ['*.pub'], action: kill, reason: r }\n  \
         e: { paths: ['/p/q/r/s/t/u', '**/s/t/u/d/d/x', /p/q/r/s/t/x], action: kill, reason: r }\n",
    )
    .unwrap();
    let names = ["d", "x", "k", "kk", "y.k", "id_a", "id_b.pub", &long];
    let kernel = Kernel::new(&own);
    let (mut tried, mut watched) = (0, 0);
    paths(&names, 4, &mut |path| {
        let (there, _) = kernel.classes_of(path, false);
        assert_eq!(own.classes_of(path), there, "{path}");
        tried += 1;
        watched += usize::from(!there.is_empty());
    });
    assert!(tried > 10_000 && watched > 1_000, "{tried} {watched}");
}

#[test]
fn kernel_and_user_space_agree_on_trees_ends_and_what_only_writes() {
    let long = format!("pre_{}.key", "x".repeat(NAME_BYTES));
    let own = policy(
        "classes:\n  \
         a: { paths: ['/d/**', '**/d/x/**', '~/x/**/k'], action: kill, reason: r }\n  \
         b: { paths: ['**/*.key', '**/pre_*', '**/.env.*', '**/{a,b}.key'], except: ['*x.key'], action: kill, reason: r }\n  \
         c: { paths: ['/d/*/*.key', '**/x/*/k*', '**/*/pre_*.key'], action: kill, reason: r }\n  \
         e: { paths: ['**/d/**', '**/*.key', '/x'], access: write, action: observe, reason: r }\n  \
         f: { paths: ['/f'], sdk: ['**/d/**', '**/x/*/k', '/k'], action: kill, reason: r }\n",
    )
    .unwrap();
    let names = ["d", "x", "k", "kk", "a.key", "x.key", ".key", ".env.x", "pre_", "pre_a.key", "key", &long];
    let kernel = Kernel::new(&own);
    let (mut watched, mut written, mut of_sdk) = (0, 0, 0);
    paths(&names, 4, &mut |path| {
        let (read, sdk) = kernel.classes_of(path, false);
        let (write, _) = kernel.classes_of(path, true);
        assert_eq!((own.classes_opened(path, false), own.sdk_of(path)), (read, sdk), "{path}");
        assert_eq!(own.classes_opened(path, true), write, "{path} for writing");
        watched += usize::from(!read.is_empty());
        written += usize::from(write != read);
        of_sdk += usize::from(!sdk.is_empty());
    });
    assert!(watched > 10_000 && written > 10_000 && of_sdk > 1_000, "{watched} {written} {of_sdk}");
}

#[test]
fn kernel_and_user_space_agree_on_the_builtin_policy() {
    let environment = [("GITHUB_WORKSPACE", "/w/r/r"), ("RUNNER_TEMP", "/w/_temp"), ("CI_PROJECT_DIR", "/b/g/p")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let policy = Policy::builtin().for_job(&environment.into());
    let kernel = Kernel::new(&policy);
    for class in policy.classes() {
        for pattern in class.paths.iter().chain(&class.sdk) {
            for home in ["", "/a/b/c/d", "…"] {
                for path in pattern.examples(home) {
                    for path in
                        [path.clone(), format!("{path}.pub"), path.replace("any", "cert.pem"), format!("{path}/any")]
                    {
                        for write in [false, true] {
                            let user = (policy.classes_opened(&path, write), policy.sdk_of(&path));
                            assert_eq!(user, kernel.classes_of(&path, write), "{path}");
                        }
                    }
                }
            }
        }
        for pattern in &class.paths {
            for path in pattern.examples("/home/u") {
                assert!(policy.classes_of(&path).contains(class.id), "{path}");
            }
        }
        let resolved = class.paths.iter().filter(|pattern| pattern.variable().is_none()).count();
        assert!(resolved > 0 || class.door.is_some(), "{} has no path of its own", class.name);
    }
    for (name, number) in [("mem", door::MEM), ("environ", door::ENVIRON), ("auxv", door::AUXV)] {
        assert_eq!(kernel.get(kind::PROC, name_hash(name)).map(|row| row.door), Some(number));
    }
    let tables = policy.tables(7);
    assert_eq!((tables.memory, tables.environ), (policy.memory().bits(), policy.environ().bits()));
    assert_eq!((tables.deny, tables.kill), (policy.deny().bits(), policy.kill().bits()));
}

/// Longest match of exactly `port`, as the kernel's trie gives it.
fn longest(policy: &Policy, address: Ipv6Addr, port: u16) -> u64 {
    let rows = policy.tables(7).destinations;
    let inside = |len: u32, network: [u8; 16]| {
        let shift = 128 - (len - FIXED_BITS);
        let top = |bits: u128| bits.checked_shr(shift).unwrap_or(0);
        top(address.to_bits()) == top(u128::from_be_bytes(network))
    };
    let hits = rows.iter().filter(|(len, key, _)| key.policy == 7 && key.port == port && inside(*len, key.address));
    hits.max_by_key(|(len, ..)| *len).map_or(0, |(.., row)| row.accepted)
}

#[test]
fn kernel_and_user_space_agree_on_destinations() {
    let mut text = String::from("classes:\n");
    for name in ["a", "b", "c", "d", "e", "f"] {
        text += &format!("  {name}: {{ door: memory, action: kill, reason: r }}\n");
    }
    let policy = policy(
        &(text
            + "destinations:\n  - { to: [10.0.0.0/8, '[2001:db8::/32]'], accept: [a] }\n  \
           - { to: ['10.1.0.0/16:443', '[2001:db8:1::/48]:443'], accept: [b] }\n  \
           - { to: [10.1.2.3, '10.1.2.3:443', '[::/0]:443'], accept: [c] }\n  \
           - { to: ['0.0.0.0/0:443'], accept: [d] }\n  \
           - { to: ['[::/0]', '[::/64]:80'], accept: [e] }\n  \
           - { to: ['127.0.0.1:443', '10.1.2.3', '[2001:db8:1::1]'], accept: [f] }\n"),
    )
    .unwrap();
    let mut tried = 0;
    for address in [
        "10.0.0.1",
        "10.1.0.1",
        "10.1.2.3",
        "11.0.0.1",
        "127.0.0.1",
        "127.1.1.1",
        "0.0.0.0",
        "255.255.255.255",
        "::",
        "::1",
        "::2",
        "2001:db8::1",
        "2001:db8:1::1",
        "2001:db8:1::2",
        "2001:db9::",
        "ffff::",
        "::ffff:10.1.2.3",
        "::fffe:0:0",
    ] {
        let address: IpAddr = address.parse().unwrap();
        let key = match address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        for port in [1, 80, 443] {
            let there = longest(&policy, key, port) | longest(&policy, key, 0);
            assert_eq!(policy.accepted(address, port).bits(), there, "{address} {port}");
            tried += 1;
        }
    }
    assert_eq!(tried, 54);
    assert_eq!(policy.names(policy.accepted("10.1.2.3".parse().unwrap(), 443)), ["a", "b", "c", "d", "f"]);
    assert_eq!(policy.names(policy.accepted("11.0.0.1".parse().unwrap(), 443)), ["d"]);
    assert_eq!(policy.names(policy.accepted("2001:db8:1::1".parse().unwrap(), 443)), ["a", "b", "c", "e", "f"]);
}
