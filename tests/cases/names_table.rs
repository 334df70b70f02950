//! Which names a pattern is about, on real questions: the golden table of the policy's own tests, with names as they may come.

use detector_tests::{
    fixture::binary,
    name_server::{NameServer, Zone},
    namespace::{MANY_V4, SINK_V4},
    receipts::Receipts,
    scene::Scene,
    spent::{leaks, policy, run},
};
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
};

type Result = anyhow::Result<()>;

const PORT: u16 = 9090;

/// `a.test` with so many labels in front that it has 253 bytes, which is as long as a name can be.
fn longest() -> String {
    let label = "a".repeat(63);
    let name = format!("{label}.{label}.{label}.{}.a.test", "b".repeat(54));
    assert_eq!(name.len(), 253);
    name
}

/// Names, and by which of `a.test`, `*.a.test` and `**.a.test` they are known.
fn table() -> Vec<(String, [bool; 3])> {
    let rows = [
        ("a.test", [true, false, true]),
        ("A.Test", [true, false, true]),
        ("a.test.", [true, false, true]),
        ("b.a.test", [false, true, true]),
        ("B.A.TEST.", [false, true, true]),
        ("_x.a.test", [false, true, true]),
        ("c.b.a.test", [false, false, true]),
        ("1.2.3.4.5.6.7.8.9.a.test", [false, false, true]),
        ("ba.test", [false; 3]),
        ("b-a.test", [false; 3]),
        ("test", [false; 3]),
        ("a.test.b", [false; 3]),
        ("a.a.tes", [false; 3]),
    ];
    let mut rows: Vec<_> = rows.into_iter().map(|(name, known)| (name.to_owned(), known)).collect();
    let label = "x".repeat(63);
    rows.push((format!("{label}.a.test"), [false, true, true]));
    rows.push((format!("{label}.b.test"), [false; 3]));
    rows.push((longest(), [false, false, true]));
    rows.push((longest().replace("b.a.test", "b.b.test"), [false; 3]));
    rows
}

/// The key goes to every name, from a process each.
fn check(pattern: usize, mode: &'static str) -> Result {
    let (scene, rows) = (Scene::new()?, table());
    scene.network.many_hosts()?;
    let address = |n: usize| IpAddr::from(Ipv4Addr::from(u32::from(MANY_V4) + u32::try_from(n).unwrap_or(0)));
    let zone = rows.iter().enumerate().fold(Zone::new(), |zone, (n, (name, _))| {
        // Names that differ in case or by the root's dot are one.
        let first = rows.iter().position(|(other, _)| same(other, name)).unwrap_or(n);
        if first == n { zone.a(name, [address(n)]) } else { zone }
    });
    let server = NameServer::start(&scene.network.sink, zone)?;
    let receipts = Receipts::start(&scene.network.sink, PORT)?;
    let fixture = binary("fixture")?;
    let spend = |(name, _): &(String, _)| {
        format!("'{}' spend 1 {PORT} {name} {SINK_V4} ~/.aws/credentials & ", fixture.display())
    };
    let script = rows.iter().map(spend).chain(["wait".to_owned()]).collect::<String>();
    let text = ["a.test", "*.a.test", "**.a.test"][pattern];
    let run = run(&scene, mode, &policy(&[(text, "aws")]), &script)?;
    let taken: BTreeSet<_> = receipts.taken().into_iter().collect();
    for (n, (name, known)) in rows.iter().enumerate() {
        let passes = mode == "audit" || known[pattern];
        let asked = server.questions().iter().any(|question| question.name == name.trim_end_matches('.'));
        assert_eq!(asked, passes, "{mode}, {text}: the question for {name}");
        let first = rows.iter().position(|(other, _)| same(other, name)).unwrap_or(n);
        assert_eq!(taken.contains(&address(first)), passes, "{mode}, {text}: a byte for {name}");
    }
    let bad: BTreeSet<_> = rows.iter().filter(|(_, known)| !known[pattern]).map(|(name, _)| name).collect();
    assert!(leaks(&run).len() >= bad.len(), "{mode}, {text}: {:#?}", run.conclusion.findings);
    Ok(())
}

fn same(a: &str, b: &str) -> bool {
    a.trim_end_matches('.').eq_ignore_ascii_case(b.trim_end_matches('.'))
}

#[test]
fn a_name() -> Result {
    check(0, "enforce")?;
    check(0, "audit")
}

#[test]
fn one_label_more() -> Result {
    check(1, "enforce")
}

#[test]
fn any_number_of_labels_more() -> Result {
    check(2, "enforce")
}
