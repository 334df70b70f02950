//! What is measured of a resolver, and how.

use super::list::{Resolver, Server};
use anyhow::{Context as _, ensure};
use detector_tests::{
    console::{LIMIT, Running, plain, until},
    fixture::part,
    name_server::{Manner, NameServer, Zone, message::kind},
    namespace::{MANY_V4, MANY_V6, Network, SINK_V4, SINK_V6},
    resolver,
    scene::Scene,
    sink::Transport,
    spent::{arrived, leaks, learned, policy, send},
    watched::Watched,
};
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};
use tempfile::TempDir;

/// What was measured.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Measured {
    /// How its questions came to the name server.
    pub(super) by: String,
    /// The kinds of addresses that were learned.
    pub(super) learned: Vec<&'static str>,
    /// Whether the question of a holder was refused.
    pub(super) refused: bool,
}

/// The programs that are built for it.
pub(super) struct Bench {
    directory: TempDir,
}

impl Bench {
    pub(super) fn new() -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("detector-resolvers-").tempdir()?;
        let bench = Self { directory };
        let mut go = plain("go");
        go.args(["build", "-o"]).arg(bench.at("go")).arg(part("cases/resolvers/look.go"));
        // With the C library in it, so that it can ask either way; no module, so that nothing is looked for elsewhere.
        build(go.env("HOME", bench.directory.path()).env("GO111MODULE", "off").env("CGO_ENABLED", "1"))?;
        let mut musl = Command::new("rustc");
        musl.args(["--edition", "2024", "--target", "x86_64-unknown-linux-musl", "-o"]).arg(bench.at("musl"));
        build(musl.arg(part("cases/resolvers/look.rs")))?;
        Ok(bench)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Each resolver asks for a good name, and a key goes to the address by its number; then it asks for another name as a holder.
    /// In audit nothing of that is denied. All have one server and its options in common.
    pub(super) fn measure(&self, resolvers: &[&Resolver]) -> anyhow::Result<Vec<Measured>> {
        let enforced = self.once(resolvers, "enforce")?;
        let audited = self.once(resolvers, "audit")?;
        for ((resolver, enforced), audited) in resolvers.iter().zip(&enforced).zip(&audited) {
            ensure!(!audited.refused, "{}: what nobody denies is not asked either", resolver.name);
            ensure!((&enforced.by, &enforced.learned) == (&audited.by, &audited.learned), "{enforced:?}, {audited:?}");
        }
        Ok(enforced)
    }

    fn once(&self, resolvers: &[&Resolver], mode: &'static str) -> anyhow::Result<Vec<Measured>> {
        let (scene, first) = (Scene::new()?, resolvers.first().context("nobody to ask")?);
        scene.network.many_hosts()?;
        let truncated = first.server == Server::Truncating;
        let zone = || {
            let zone = Zone::new().wildcard("*.evil.test", [SINK_V4, SINK_V6]);
            let zone = (0..resolvers.len()).fold(zone, |zone, n| zone.addresses(&good(n), addresses(n)));
            zone.manner(Manner { truncated, ..Manner::default() })
        };
        let remote = NameServer::start(&scene.network.sink, zone())?;
        let local = match first.server {
            Server::Local => Some(NameServer::at(&scene.network.job, (first.server.address(), 53).into(), zone())?),
            _ => None,
        };
        let _daemon = match first.server {
            Server::Dnsmasq => Some(dnsmasq(&scene.network)?),
            _ => None,
        };
        let script: String = resolvers.iter().enumerate().map(|(n, resolver)| acts(n, resolver.words)).collect();
        let job = scene.job(["bash", "-c", &script]).policy(policy(&[("*.good.test", "aws")])).mode(mode);
        let options = format!("timeout:2 attempts:1 {}", first.options);
        let job = job.env("GO", self.at("go")).env("MUSL", self.at("musl"));
        let job = job.resolver(resolver::Resolver::new([first.server.address()]).options(options.trim_end()));
        let run = Watched::run(&scene, &job)?;
        let asked = local.as_ref().unwrap_or(&remote);
        let (told, arrived) = (learned(&run), arrived(&scene, "aws"));
        let of = |(n, resolver): (usize, &&Resolver)| {
            let why = || format!("{}, {mode}: {}", resolver.name, String::from_utf8_lossy(&run.outcome.stderr));
            ensure!(asked.asked(&good(n)) != 0, "nobody asked: {}", why());
            let [v4, v6] = addresses(n);
            let known = |address| told.iter().any(|(name, at)| *name == good(n) && *at == address);
            ensure!(mode == "audit" || arrived.contains(&v4) == known(v4), "what is learned is accepted: {}", why());
            let learned = [("IPv4", known(v4)), ("IPv6", known(v6))].into_iter().filter(|it| it.1).map(|it| it.0);
            Ok(Measured { by: by(asked, &good(n)), learned: learned.collect(), refused: asked.asked(&evil(n)) == 0 })
        };
        let measured = resolvers.iter().enumerate().map(of).collect::<anyhow::Result<Vec<_>>>()?;
        ensure!(leaks(&run).len() >= resolvers.len(), "{mode}: {:#?}", run.conclusion.findings);
        Ok(measured)
    }
}

/// A letter for each: short labels of letters are not redacted.
fn letter(n: usize) -> char {
    char::from(b"abcdefghijklmnopqrstuvwxyz"[n % 26])
}

fn good(n: usize) -> String {
    format!("{}.good.test", letter(n))
}

fn evil(n: usize) -> String {
    format!("{}.evil.test", letter(n))
}

fn addresses(n: usize) -> [IpAddr; 2] {
    let n = u32::try_from(n).unwrap_or(0) + 1;
    [Ipv4Addr::from(u32::from(MANY_V4) + n).into(), Ipv6Addr::from(u128::from(MANY_V6) + u128::from(n)).into()]
}

/// What the `n`th does, in processes of its own.
fn acts(n: usize, words: &str) -> String {
    let [v4, _] = addresses(n);
    [
        format!("(export NAME={}; {words} > /dev/null) || exit 9\n", good(n)),
        send(".aws/credentials", &v4.to_string()),
        // Whoever gets the key in its environment holds it.
        format!("(export KEY=\"$(cat ~/.aws/credentials)\" NAME={}; {words} > /dev/null) || true\n", evil(n)),
    ]
    .concat()
}

/// Over what a name was asked for, and for which addresses.
fn by(server: &NameServer, name: &str) -> String {
    let questions = server.questions();
    let its = questions.iter().filter(|question| question.name.eq_ignore_ascii_case(name));
    let ways: BTreeSet<_> = its
        .map(|question| {
            let over = if question.transport == Transport::Tcp { "TCP" } else { "UDP" };
            let what = match question.kind {
                kind::A => "A",
                kind::AAAA => "AAAA",
                _ => "other",
            };
            (over, what)
        })
        .collect();
    let mut text = String::new();
    for over in ["UDP", "TCP"] {
        let what: Vec<_> = ways.iter().filter(|way| way.0 == over).map(|way| way.1).collect();
        if !what.is_empty() {
            let more = if text.is_empty() { "" } else { ", then " };
            text += &format!("{more}{over}: {}", what.join(" "));
        }
    }
    text
}

/// Runs in the job's network, and is no part of the job.
fn dnsmasq(network: &Network) -> anyhow::Result<Running> {
    let address = Server::Dnsmasq.address();
    let mut command = plain("dnsmasq");
    command.args(["--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--bind-interfaces"]);
    command.args(["--port=53", "--user=root", "--pid-file=", "--log-facility=-", "--cache-size=0"]);
    command.arg(format!("--server={SINK_V4}")).arg(format!("--listen-address={address}"));
    let running = Running::start(network.job.enter(&mut command)).context("run `cargo xtask setup`")?;
    let ready = network.job.within(|| {
        let socket = UdpSocket::bind((address, 0))?;
        socket.connect((address, 53))?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        // A question for the root, which it answers or refuses.
        let question = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\0\0\x01\0\x01";
        Ok(until(LIMIT, || socket.send(question).is_ok() && socket.recv(&mut [0; 512]).is_ok()))
    })?;
    ensure!(ready, "dnsmasq does not answer");
    Ok(running)
}

fn build(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("cannot run {command:?}: run `cargo xtask setup`"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cannot build, run `cargo xtask setup`: {said}");
    Ok(())
}

/// What the program says that it is.
pub(super) fn version(resolver: &Resolver) -> anyhow::Result<String> {
    // A toolchain is found by the home and the path of who builds.
    let output = Command::new("sh").args(["-c", resolver.version]).current_dir(Path::new("/")).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
