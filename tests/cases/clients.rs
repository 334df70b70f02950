//! Clients that builds use, unmodified, under the builtin policy and one row for names of hosts: a holder reaches such a name at the
//! first try, over IPv4 and over IPv6, and no other name at all.

#[path = "clients/list.rs"]
mod list;
#[path = "clients/place.rs"]
mod place;

use detector::engine::Verdict;
use detector_tests::{
    name_server::{NameServer, Zone},
    namespace::{OTHER_V4, SINK_V4, SINK_V6},
    resolver::Resolver,
    scene::Scene,
    sink::Sink,
    spent::leaks,
    watched::Watched,
};
use list::Client;
use place::Backend;
use std::{collections::BTreeSet, time::Duration};

type Result = anyhow::Result<()>;

const POLICY: &str = "version: 1\nextends: builtin\ndestinations:\n  - { to: [\"*.good.test\"], accept: all }\n";
const GOOD: [&str; 2] = ["v4.good.test", "v6.good.test"];
const EVIL: &str = "drop.evil.test";
const PORT: u16 = 8090;
const GIT_PORT: u16 = 8091;
const SOON: Duration = Duration::from_secs(5);

fn zone() -> Zone {
    Zone::new().a(GOOD[0], [SINK_V4]).aaaa(GOOD[1], [SINK_V6]).addresses(EVIL, [OTHER_V4])
}

/// Runs the client once for each host, `to` behind its name.
fn run(scene: &Scene, client: &Client, mode: &'static str, hosts: &[&str], to: &str) -> anyhow::Result<Watched> {
    let go = if client.words.contains("$GO") { place::go(&scene.home.tmp())? } else { "none".into() };
    let each = |host: &&str| format!("export HOST={host} URL=http://{host}{to}\n{}\n", client.words);
    let script: String = ["set -e\n".to_owned()].into_iter().chain(hosts.iter().map(each)).collect();
    let job = scene.job(["bash", "-c", &script]).policy(POLICY).mode(mode).env("GO", go);
    Watched::run(scene, &job.resolver(Resolver::default()))
}

fn said(run: &Watched) -> String {
    format!("{}{}", String::from_utf8_lossy(&run.outcome.stdout), String::from_utf8_lossy(&run.outcome.stderr))
}

/// A holder reaches the good names.
fn reaches(client: &Client) -> Result {
    place::needs(client.tool)?;
    let scene = Scene::new()?;
    let _server = NameServer::start(&scene.network.sink, zone())?;
    let sink = Sink::serving(&scene.network.sink, PORT, place::pages()?)?;
    let run = run(&scene, client, "enforce", &GOOD, &format!(":{PORT}"))?;
    assert_eq!(run.outcome.code(), Some(0), "{}: {}", client.name, said(&run));
    assert!(leaks(&run).is_empty(), "{}: {:#?}", client.name, run.conclusion.findings);
    let arrived: BTreeSet<_> = sink.connections().iter().filter_map(|one| Some(one.local?.ip())).collect();
    assert_eq!(arrived, [SINK_V4, SINK_V6].into(), "{}", client.name);
    Ok(())
}

/// The same client reaches no other name; where nobody denies it, it does.
fn goes_nowhere_else(client: &Client) -> Result {
    for mode in ["enforce", "audit"] {
        let scene = Scene::new()?;
        let _server = NameServer::start(&scene.network.sink, zone())?;
        let sink = Sink::serving(&scene.network.sink, PORT, place::pages()?)?;
        let run = run(&scene, client, mode, &[EVIL], &format!(":{PORT}"))?;
        assert_eq!(run.conclusion.verdict, Verdict::Fail, "{mode}, {}: {}", client.name, said(&run));
        assert!(!leaks(&run).is_empty(), "{mode}, {}: {}", client.name, said(&run));
        if mode == "audit" {
            assert!(sink.wait_for_bytes(1, SOON), "{}: nothing arrives anyway: {}", client.name, said(&run));
        } else {
            assert_eq!(sink.bytes().len(), 0, "{}", client.name);
        }
    }
    Ok(())
}

fn works(client: &Client) -> Result {
    reaches(client)?;
    goes_nowhere_else(client)
}

#[test]
fn curl() -> Result {
    works(&list::CURL)
}

#[test]
fn wget() -> Result {
    works(&list::WGET)
}

#[test]
fn git_from_files() -> Result {
    works(&list::GIT)
}

/// Its own protocol, over the same clients: that nothing else is reached is shown above.
#[test]
fn git_from_a_git_server() -> Result {
    place::needs("git")?;
    let scene = Scene::new()?;
    let _server = NameServer::start(&scene.network.sink, zone())?;
    let _backend = Backend::start(&scene.network.sink, GIT_PORT)?;
    let run = run(&scene, &list::GIT, "enforce", &GOOD, &format!(":{GIT_PORT}{}", Backend::PATH))?;
    assert_eq!(run.outcome.code(), Some(0), "{}", said(&run));
    assert!(leaks(&run).is_empty(), "{:#?}", run.conclusion.findings);
    Ok(())
}

#[test]
fn npm() -> Result {
    works(&list::NPM)
}

#[test]
fn pip() -> Result {
    works(&list::PIP)
}

#[test]
fn node() -> Result {
    works(&list::NODE)?;
    works(&list::NODE_HTTP)
}

#[test]
fn python() -> Result {
    works(&list::URLLIB)?;
    works(&list::HTTP_CLIENT)
}

#[test]
fn go() -> Result {
    works(&list::GO)?;
    works(&list::GO_CGO)
}

#[test]
fn perl() -> Result {
    works(&list::PERL)
}
