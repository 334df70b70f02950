//! A job with a name server of its own: its commands find names there, and the detector lets them.

use detector::engine::Verdict;
use detector_tests::{
    name_server::{NameServer, Zone, message::kind},
    namespace::{JOB_V4, SINK_V4, SINK_V6},
    resolver::Resolver,
    scene::{PORT, Scene},
    sink::Connection,
    watched::Watched,
};
use std::{fs, time::Duration};

type Result = anyhow::Result<()>;

const SOON: Duration = Duration::from_secs(5);
const NAME: &str = "api.good.test";

/// Runs `script` by a shell under the detector; what it wrote.
fn run(scene: &Scene, script: &str) -> anyhow::Result<String> {
    let run = Watched::run(scene, &scene.job(["sh", "-c", script]).resolver(Resolver::default()))?;
    let (out, err) = (String::from_utf8_lossy(&run.outcome.stdout), String::from_utf8_lossy(&run.outcome.stderr));
    assert_eq!(run.conclusion.verdict, Verdict::Pass, "{script}: {:#?}", run.conclusion.findings);
    assert_eq!(run.outcome.code(), Some(0), "{script}: {out}{err}");
    Ok(out.into_owned())
}

#[test]
fn a_name_is_found_at_the_jobs_own_server() -> Result {
    let machine = fs::read("/etc/resolv.conf")?;
    let scene = Scene::new()?;
    let server = NameServer::start(&scene.network.sink, Zone::new().addresses(NAME, [SINK_V4, SINK_V6]))?;
    let found = run(&scene, &format!("cat /etc/resolv.conf; getent ahosts {NAME}"))?;
    assert!(found.starts_with(&format!("nameserver {SINK_V4}\n")), "{found}");
    for address in [SINK_V4, SINK_V6] {
        assert!(found.lines().any(|line| line.starts_with(&format!("{address} "))), "{found}");
    }
    let questions = server.questions();
    assert!(questions.iter().all(|question| question.name == NAME && question.peer.ip() == JOB_V4), "{questions:?}");
    for kind in [kind::A, kind::AAAA] {
        assert!(questions.iter().any(|question| question.kind == kind), "{questions:?}");
    }
    assert_eq!(fs::read("/etc/resolv.conf")?, machine, "the machine's own file was changed");
    Ok(())
}

#[test]
fn programs_reach_a_server_by_its_name() -> Result {
    let scene = Scene::new()?;
    let _server =
        NameServer::start(&scene.network.sink, Zone::new().cname(NAME, "edge.cdn.test").a("*.cdn.test", [SINK_V4]))?;
    run(&scene, &format!("curl -sS --fail -o /dev/null --max-time 5 -d by-curl http://{NAME}:{PORT}/x"))?;
    let python = format!("import socket; socket.create_connection((\"{NAME}\", {PORT}), 5).sendall(b\"by-python\")");
    run(&scene, &format!("python3 -c '{python}'"))?;
    for what in [&b"by-curl"[..], b"by-python"] {
        let arrived = |all: &[Connection]| all.iter().any(|c| c.bytes.ends_with(what));
        assert!(scene.sink.wait_for(SOON, arrived), "{}", String::from_utf8_lossy(&scene.sink.bytes()));
    }
    Ok(())
}

#[test]
fn a_local_name_needs_no_server() -> Result {
    let scene = Scene::new()?;
    let server = NameServer::start(&scene.network.sink, Zone::new())?;
    let job = scene.job(["getent", "ahosts", "local.test"]);
    let outcome = job.resolver(Resolver::default().host(SINK_V4, "local.test")).bare()?;
    assert!(String::from_utf8_lossy(&outcome.stdout).starts_with(&SINK_V4.to_string()));
    assert_eq!(server.questions(), []);
    Ok(())
}
