//! One run of the detector with a policy of one size, and what it costs.

use super::{
    bpf::{self, Programs},
    size::{BELOW, EXACT, Size},
    work::PORT,
};
use crate::{
    fixture,
    name_server::{NameServer, PORT as DNS, Zone},
    namespace::{OTHER_V4, SINK_V4},
    outcome::RECORDING,
    recording::Recording,
    resolver::Resolver,
    scene::Scene,
};
use anyhow::{Context as _, bail};
use detector::{event::Body, policy::Policy};
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    process::{ChildStdin, ChildStdout},
    time::{Duration, Instant},
};

/// Calls of each kind in a round: so few that most rounds are over before something else has the CPU.
const CALLS: u64 = 20;
/// On the job's own link; nobody has it.
const REFUSED: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 77));
/// Maps whose size depends on the policy's.
const MAPS: [&str; 3] = ["HOSTS", "PLACES", "DESTINATIONS"];

/// What was measured of one size: samples, of each run one.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Nanoseconds of each kind of call, in the program that sees it: of the rounds of a run the first decile, and the median.
    pub(super) kernel: [BTreeMap<&'static str, Vec<f64>>; 2],
    /// Seconds and bytes of user space, and bytes of maps.
    pub(super) user: BTreeMap<&'static str, Vec<f64>>,
    /// Rounds in which the programs ran for others of the machine, too: they are left out.
    pub(super) left_out: usize,
}

/// What a round does, and of whom it is told how long it took: title, program, runs for each call.
struct Act {
    line: String,
    seen: &'static [(&'static str, &'static str, u64)],
}

fn acts() -> [Act; 5] {
    let (accepted, refused) = (SocketAddr::new(OTHER_V4, PORT), SocketAddr::new(REFUSED, PORT));
    let server = SocketAddr::new(SINK_V4, DNS);
    [
        Act { line: format!("accepted {accepted} {CALLS}"), seen: &[("connect, accepted", "connect4", 1)] },
        Act { line: format!("refused {refused} {CALLS}"), seen: &[("connect, refused", "connect4", 1)] },
        Act { line: format!("send {accepted} {CALLS}"), seen: &[("datagram, accepted", "egress", 1)] },
        // The name server's own packets come by, too.
        Act {
            line: format!("ask {server} {EXACT} {CALLS}"),
            seen: &[("question, name", "egress", 2), ("answer, name", "ingress", 2)],
        },
        Act {
            line: format!("ask {server} {BELOW} {CALLS}"),
            seen: &[("question, name below a wildcard", "egress", 2), ("answer, name below a wildcard", "ingress", 2)],
        },
    ]
}

/// The process that does them.
struct Worker {
    says: BufReader<ChildStdout>,
    hears: ChildStdin,
}

impl Worker {
    fn done(&mut self) -> anyhow::Result<()> {
        let mut line = String::new();
        self.says.read_line(&mut line)?;
        if line == "done\n" { Ok(()) } else { bail!("the job ended early: {line:?}") }
    }

    fn act(&mut self, line: &str) -> anyhow::Result<()> {
        writeln!(self.hears, "{line}")?;
        self.done()
    }
}

/// Adds a run of so many rounds with a policy of this size to `figures`. BPF statistics must be enabled.
pub fn measure(size: Size, rounds: usize, figures: &mut Figures) -> anyhow::Result<()> {
    let scene = Scene::new()?;
    let zone = Zone::new().addresses(EXACT, [OTHER_V4]).addresses(BELOW, [OTHER_V4]);
    let _server = NameServer::start(&scene.network.sink, zone)?;
    let _receiver = scene.network.sink.within(|| Ok(UdpSocket::bind((OTHER_V4, PORT))?))?;
    let key = scene.home.path().join(".bench-key");
    fs::write(&key, scene.variables[0].value())?;
    let policy = size.policy();
    load(&policy, figures)?;

    let program = fixture::binary("cost")?;
    let command = [program.as_os_str(), "work".as_ref(), key.as_os_str()];
    let job = scene.job(command).policy(policy).mode("enforce").resolver(Resolver::default());
    let started = Instant::now();
    let (mut child, files) = job.start()?;
    let (hears, says) = (child.stdin.take().context("no pipe")?, child.stdout.take().context("no pipe")?);
    let mut worker = Worker { says: BufReader::new(says), hears };
    worker.done()?;
    user(figures, "ready", started.elapsed().as_secs_f64());
    let pid = child.id();
    let programs = Programs::of(pid)?;
    for act in acts().iter().rev() {
        // Names first: what they accept is learned from the answers.
        worker.act(&act.line)?;
    }
    let mut samples: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
    for _ in 0..rounds {
        for act in acts() {
            let runs =
                || act.seen.iter().map(|(_, program, _)| programs.runs(program)).collect::<anyhow::Result<Vec<_>>>();
            let before = runs()?;
            worker.act(&act.line)?;
            let ran: Vec<_> = before.iter().zip(runs()?).map(|(a, b)| (b.count - a.count, b.time - a.time)).collect();
            for ((count, time), (title, _, each)) in ran.into_iter().zip(act.seen) {
                if count != each * CALLS {
                    figures.left_out += 1;
                    continue;
                }
                samples.entry(*title).or_default().push(time as f64 / CALLS as f64);
            }
        }
    }
    for (name, samples) in samples {
        for (kernel, value) in figures.kernel.iter_mut().zip([quantile(&samples, 10), median(&samples)]) {
            kernel.entry(name).or_default().push(value);
        }
    }
    let maps = bpf::maps(pid)?;
    for name in MAPS {
        user(figures, name, *maps.get(name).with_context(|| format!("no map {name}"))? as f64);
    }
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    for (name, key) in [("peak resident", "VmHWM:"), ("own", "RssAnon:")] {
        let kib =
            status.lines().find_map(|line| line.strip_prefix(key)?.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        user(figures, name, kib.context("no VmRSS")? * 1024.0);
    }
    drop(worker);
    let status = child.wait()?;
    let recording = Recording::open(&files.path().join(RECORDING)).with_context(|| format!("the run: {status}"))?;
    let proved = recording.events.iter().find(|event| matches!(event.body, Body::Proved));
    let forked = recording.events.iter().find(|event| matches!(event.body, Body::Fork(_)));
    let (proved, forked) = proved.zip(forked).context("no start was recorded")?;
    user(figures, "fill", Duration::from_nanos(forked.time - proved.time).as_secs_f64());
    Ok(())
}

/// Reading and compiling, in this process.
fn load(policy: &str, figures: &mut Figures) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("policy.yaml");
    fs::write(&path, policy)?;
    let started = Instant::now();
    let policy = Policy::load(&path).map_err(|error| anyhow::anyhow!("{error}"))?;
    user(figures, "load", started.elapsed().as_secs_f64());
    let started = Instant::now();
    let tables = policy.tables(1);
    user(figures, "tables", started.elapsed().as_secs_f64());
    drop(tables);
    Ok(())
}

fn user(figures: &mut Figures, name: &'static str, value: f64) {
    figures.user.entry(name).or_default().push(value);
}

pub(super) fn median(samples: &[f64]) -> f64 {
    quantile(samples, 2)
}

/// The value below which one in `n` samples is.
pub(super) fn quantile(samples: &[f64], n: usize) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / n).copied().unwrap_or(f64::NAN)
}
