//! One run: the same calls without a detector, and with one in each state.

use super::{
    kind::{Kind, State},
    work::Rounds,
};
use crate::{
    cost::{
        bpf::{self, Statistics},
        measure::{median, quantile},
    },
    fixture,
    scene::Scene,
};
use anyhow::{Context as _, ensure};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

/// Programs that run by themselves; what others go on with counts as theirs. As far as the kernel keeps their names.
const ATTACHED: [&str; 13] = [
    "sys_enter",
    "sys_exit",
    "sched_process_f",
    "sched_process_e",
    "connect4",
    "connect6",
    "sendmsg4",
    "sendmsg6",
    "sock_create",
    "sock_release",
    "inet_sock_set_s",
    "egress",
    "ingress",
];

/// What was measured: samples, of each run one.
#[derive(Debug, Default)]
pub struct Figures {
    /// Of a call: nanoseconds of the detector's programs.
    pub(super) programs: BTreeMap<(State, Kind), Vec<f64>>,
    /// Of a call: how often they ran.
    pub(super) runs: BTreeMap<(State, Kind), Vec<f64>>,
    /// Of a call: nanoseconds without the detector.
    pub(super) bare: BTreeMap<Kind, Vec<f64>>,
    /// The time with it, by that without.
    pub(super) ratios: BTreeMap<(State, Kind), Vec<f64>>,
    /// Rounds in which the programs ran for others, too, and all rounds.
    pub(super) left_out: [usize; 2],
    /// Runs in which another detector was on the machine, so that no times were without one, and all runs.
    pub(super) beside: [usize; 2],
}

/// How long another detector is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether there are more detectors than so many.
fn beside(own: usize) -> bool {
    bpf::loaded(ATTACHED[0]) > own
}

/// A process that makes calls.
struct Worker {
    hears: File,
    says: BufReader<File>,
}

impl Worker {
    /// The pipes by which it is talked to. They are not the job's: what a holder says reaches no other process of the job.
    fn pipes(at: &Path) -> anyhow::Result<()> {
        fs::create_dir(at)?;
        let made = Command::new("mkfifo").args([at.join("in"), at.join("out")]).status()?;
        ensure!(made.success(), "mkfifo: {made}");
        Ok(())
    }

    /// As it opens them, too.
    fn at(at: &Path) -> anyhow::Result<Self> {
        Ok(Self { hears: File::create(at.join("in"))?, says: BufReader::new(File::open(at.join("out"))?) })
    }

    fn act(&mut self, line: &str) -> anyhow::Result<Rounds> {
        self.hears.write_all(format!("{line}\n").as_bytes())?;
        let mut answer = String::new();
        self.says.read_line(&mut answer)?;
        serde_json::from_str(&answer).with_context(|| format!("a process that makes calls ended early: {line:?}"))
    }
}

/// Adds a run of so many rounds to `figures`.
pub fn measure(rounds: usize, figures: &mut Figures) -> anyhow::Result<()> {
    let until = Instant::now() + PATIENCE;
    while beside(0) && Instant::now() < until {
        thread::sleep(Duration::from_millis(100));
    }
    let mut others = beside(0);
    let scene = Scene::new()?;
    let places = ["outside", "fresh", "other", "holder"].map(|name| scene.home.tmp().join(name));
    places.iter().try_for_each(|place| Worker::pipes(place))?;
    let [outside, fresh, other, holder] = &places;
    let program = fixture::binary("cost")?;
    let mut stranger = Command::new(&program);
    stranger.arg("callee").arg(outside);
    let mut stranger = scene.network.job.enter(&mut stranger).spawn()?;
    let mut outside = Worker::at(outside)?;
    let mut bare = timed(&outside.act(&format!("time {rounds}"))?);
    others |= beside(0);

    let command = [program.as_os_str(), "callers".as_ref(), fresh.as_os_str(), other.as_os_str(), holder.as_os_str()];
    let (mut child, _files) = scene.job(command).mode("enforce").start()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("no pipe")?).read_line(&mut line)?;
    ensure!(line == "done\n", "the job ended early: {line:?}");
    let [mut fresh, mut other, mut holder] = [Worker::at(fresh)?, Worker::at(other)?, Worker::at(holder)?];
    let count = format!("count {rounds}{}", attached(child.id())?);
    let mut times = BTreeMap::new();
    for state in State::ALL {
        let worker = match state {
            State::OutsideBefore | State::OutsideAfter => &mut outside,
            State::JobBefore => &mut fresh,
            State::JobAfter => &mut other,
            State::Holder => &mut holder,
        };
        let statistics = Statistics::enable()?;
        counted(&worker.act(&count)?, state, figures);
        // Counting takes time.
        drop(statistics);
        times.insert(state, timed(&worker.act(&format!("time {rounds}"))?));
        others |= beside(1);
        if state == State::JobBefore {
            holder.act(&format!("hold {}", scene.home.credential("aws").display()))?;
        }
    }
    drop((fresh, other, holder));
    let status = child.wait()?;
    ensure!(status.success(), "the run: {status}");

    for (one, again) in bare.iter_mut().zip(timed(&outside.act(&format!("time {rounds}"))?)) {
        *one = (*one + again) / 2.0;
    }
    others |= beside(0);
    drop(outside);
    stranger.wait()?;
    figures.beside[0] += usize::from(others);
    figures.beside[1] += 1;
    if others {
        return Ok(());
    }
    for (n, kind) in Kind::ALL.into_iter().enumerate() {
        figures.bare.entry(kind).or_default().push(bare[n]);
        for (state, times) in &times {
            figures.ratios.entry((*state, kind)).or_default().push(times[n] / bare[n]);
        }
    }
    Ok(())
}

/// The ids of the programs that run by themselves, each after a space, in the order of [`ATTACHED`].
fn attached(pid: u32) -> anyhow::Result<String> {
    let mut programs: Vec<_> = bpf::programs(pid)?
        .into_iter()
        .filter_map(|(name, id)| Some((ATTACHED.iter().position(|attached| **attached == *name)?, id)))
        .collect();
    programs.sort_unstable();
    programs.dedup();
    // Of exec and exit the kernel keeps the same part of the name.
    ensure!(programs.len() == ATTACHED.len() + 1, "{} of the detector's programs were found", programs.len());
    Ok(programs.iter().map(|(_, id)| format!(" {id}")).collect())
}

/// Medians of a call, of the rounds in which the programs ran least often: others that they run for only add to that.
fn counted(rounds: &Rounds, state: State, figures: &mut Figures) {
    let mut nothing = [0.0; 2];
    for (kind, rounds) in Kind::ALL.into_iter().zip(rounds) {
        let runs: Vec<_> = rounds.iter().map(|[runs, _]| *runs as f64).collect();
        let most = quantile(&runs, 10);
        let quiet: Vec<_> = rounds.iter().filter(|[runs, _]| *runs as f64 <= most).collect();
        figures.left_out[0] += rounds.len() - quiet.len();
        figures.left_out[1] += rounds.len();
        let of = |n: usize| median(&quiet.iter().map(|round| round[n] as f64).collect::<Vec<_>>());
        let all = [of(0), of(1)];
        if kind == Kind::Nothing {
            nothing = all;
            continue;
        }
        let calls = f64::from(kind.calls());
        figures.runs.entry((state, kind)).or_default().push((all[0] - nothing[0]) / calls);
        figures.programs.entry((state, kind)).or_default().push((all[1] - nothing[1]) / calls);
    }
}

/// Nanoseconds of a call of each kind: first deciles, as in the others something else has had the CPU.
fn timed(rounds: &Rounds) -> Vec<f64> {
    let least = |rounds: &Vec<[u64; 2]>| quantile(&rounds.iter().map(|[_, time]| *time as f64).collect::<Vec<_>>(), 10);
    Kind::ALL.into_iter().zip(rounds).map(|(kind, rounds)| least(rounds) / f64::from(kind.calls().max(1))).collect()
}
