//! An allowed name works at the first try, however soon after its answer it is used: what the answer says is known before whoever
//! asked can read it.

use detector::{engine::Verdict, event::Body};
use detector_tests::{
    fixture::act,
    name_server::{
        NameServer, Zone,
        message::{Message, Record, kind},
    },
    namespace::{MANY_V4, MANY_V6, SINK_V4, SINK_V6},
    receipts::Receipts,
    resolver::Resolver,
    scene::Scene,
    watched::Watched,
};
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

type Result = anyhow::Result<()>;

/// Times that the name is asked for.
const TIMES: u32 = 10_000;
/// What that takes at most, with the start and the end of the sensor: half a millisecond each where nothing else runs.
const LIMIT: Duration = Duration::from_secs(40);
const PORT: u16 = 9090;
const GOOD: &str = "api.good.test";
const EVIL: &str = "drop.evil.test";
const POLICY: &str = "version: 1\nextends: builtin\ndestinations:\n  - { to: [api.good.test], accept: [aws] }\n";

/// Every answer tells an address that no answer before it told.
fn zone() -> Zone {
    let next = AtomicU32::new(1);
    Zone::new().raw("*.test", |_| Vec::new()).raw(GOOD, move |question| {
        let n = next.fetch_add(1, Ordering::Relaxed);
        let Some(mut reply) = Message::reply_to(question) else { return Vec::new() };
        let query = reply.questions[0].clone();
        let address: IpAddr = if query.kind == kind::A {
            Ipv4Addr::from(u32::from(MANY_V4) + n).into()
        } else {
            Ipv6Addr::from(u128::from(MANY_V6) + u128::from(n)).into()
        };
        reply.answers.push(Record::address(query.name, address));
        vec![reply.write()]
    })
}

fn run(scene: &Scene, mode: &'static str, name: &str) -> anyhow::Result<Watched> {
    scene.network.many_hosts()?;
    let (servers, file) = (format!("{SINK_V4},{SINK_V6}"), scene.home.credential("aws"));
    let words = act(&["spend", &TIMES.to_string(), &PORT.to_string(), name, &servers, &file.display().to_string()])?;
    let job = scene.job(words).policy(POLICY).mode(mode).resolver(Resolver::new([SINK_V4, SINK_V6]));
    Watched::run(scene, &job)
}

#[test]
fn an_allowed_name_works_at_the_first_try_every_time() -> Result {
    let scene = Scene::new()?;
    let _server = NameServer::start(&scene.network.sink, zone())?;
    let receipts = Receipts::start(&scene.network.sink, PORT)?;
    let run = run(&scene, "enforce", GOOD)?;
    let said = String::from_utf8_lossy(&run.outcome.stderr);
    let taken = receipts.taken();
    println!("{} of {TIMES} in {:?}", taken.len(), run.outcome.elapsed);
    assert_eq!((taken.len(), run.outcome.code()), (TIMES as usize, Some(0)), "{said}");
    assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), taken.len(), "an address was told twice");
    let leaks = run.conclusion.findings.iter().filter(|finding| finding.rule.starts_with("leak"));
    assert_eq!(leaks.count(), 0, "{:#?}", run.conclusion.findings);
    assert_eq!(run.conclusion.coverage.lost, [].into(), "records were lost: the reader is too slow for this test");
    assert_ne!(run.conclusion.verdict, Verdict::Fail);
    // Nothing of it was a matter of an address that was known before.
    let told: BTreeSet<IpAddr> = run
        .recording
        .events
        .iter()
        .filter_map(|event| match &event.body {
            Body::Name(name) => Some(name.addresses.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    assert!(taken.iter().all(|address| told.contains(address)));
    assert!(run.outcome.elapsed < LIMIT, "{:?}", run.outcome.elapsed);
    Ok(())
}

/// The same act with a name that policy does not know: its first question is refused.
#[test]
fn another_name_does_not_work_once() -> Result {
    let scene = Scene::new()?;
    let server = NameServer::start(&scene.network.sink, zone())?;
    let receipts = Receipts::start(&scene.network.sink, PORT)?;
    let run = run(&scene, "enforce", EVIL)?;
    assert_eq!((receipts.taken().len(), server.questions().len()), (0, 0));
    assert_eq!((run.conclusion.verdict, run.outcome.code()), (Verdict::Fail, Some(100)));
    Ok(())
}
