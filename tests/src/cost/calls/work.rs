//! The processes that make the calls. Each reads the counts of the detector's programs itself, right before and right after, so that
//! next to nothing else is between them.

use super::{kind::Kind, room::Room};
use crate::cost::bpf::{Program, Runs};
use anyhow::{Context as _, bail};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::{
    env,
    fs::{self, File},
    hint,
    io::{self, BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

/// Rounds at first that are not measured.
const WARM: usize = 5;

/// Of each kind, of each round: runs of the detector's programs, and nanoseconds.
pub(super) type Rounds = Vec<Vec<[u64; 2]>>;

/// The job's command: starts a process for each directory, says `done`, and waits for them.
pub fn job(directories: &[&str]) -> anyhow::Result<()> {
    let start = |directory: &&str| {
        let mut command = Command::new(env::current_exe()?);
        command.args(["callee", directory]).stdin(Stdio::null()).spawn()
    };
    let children: Vec<_> = directories.iter().map(start).collect::<io::Result<_>>()?;
    writeln!(io::stdout(), "done")?;
    for mut child in children {
        let status = child.wait()?;
        anyhow::ensure!(status.success(), "a process that makes calls: {status}");
    }
    Ok(())
}

/// Keeps this process and its children on the first CPU that it may have: where a child begins would decide how long it takes.
fn stay() -> io::Result<()> {
    let may = sched_getaffinity(None)?;
    let mut first = CpuSet::new();
    (0..CpuSet::MAX_CPU).find(|cpu| may.is_set(*cpu)).into_iter().for_each(|cpu| first.set(cpu));
    Ok(sched_setaffinity(None, &first)?)
}

/// Does what comes through the pipe `in` of the directory: `hold FILE`, `count N ID...` (rounds, programs), `time N`. Through `out` it
/// answers each.
pub fn work(directory: &str) -> anyhow::Result<()> {
    stay()?;
    let directory = Path::new(directory);
    let hears = BufReader::new(File::open(directory.join("in"))?);
    let mut says = File::create(directory.join("out"))?;
    let mut room = Room::new(&directory.join("room"))?;
    let mut held = Vec::new();
    for line in hears.lines() {
        let line = line?;
        let words: Vec<_> = line.split(' ').collect();
        let rounds = match words[..] {
            ["hold", path] => {
                held.extend(fs::read(path).with_context(|| format!("cannot read {path}"))?);
                Rounds::new()
            }
            ["count", n, ref programs @ ..] => {
                let open = |id: &&str| Program::of(id.parse()?);
                let programs: Vec<_> = programs.iter().map(open).collect::<anyhow::Result<_>>()?;
                rounds(n.parse()?, |kind| counted(&mut room, kind, &programs))?
            }
            ["time", n] => rounds(n.parse()?, |kind| timed(&mut room, kind))?,
            _ => bail!("{line:?}"),
        };
        says.write_all(format!("{}\n", serde_json::to_string(&rounds)?).as_bytes())?;
    }
    hint::black_box(held);
    Ok(())
}

fn rounds(n: usize, mut round: impl FnMut(Kind) -> anyhow::Result<[u64; 2]>) -> anyhow::Result<Rounds> {
    let mut all = vec![Vec::with_capacity(n); Kind::ALL.len()];
    for apart in [false, true] {
        for number in 0..WARM + n {
            for (kind, samples) in Kind::ALL.into_iter().zip(&mut all).filter(|(kind, _)| kind.is_apart() == apart) {
                let sample = round(kind).with_context(|| kind.title())?;
                if number >= WARM {
                    samples.push(sample);
                }
            }
        }
    }
    Ok(all)
}

/// The programs that run at each call come first, and so nearest to the calls.
fn counted(room: &mut Room, kind: Kind, programs: &[Program]) -> anyhow::Result<[u64; 2]> {
    room.before(kind)?;
    let mut before = vec![Runs::default(); programs.len()];
    for (program, runs) in programs.iter().zip(&mut before).rev() {
        *runs = program.runs()?;
    }
    for _ in 0..kind.calls() {
        room.act(kind)?;
    }
    let mut sum = [0; 2];
    for (program, before) in programs.iter().zip(before) {
        let after = program.runs()?;
        sum = [sum[0] + after.count - before.count, sum[1] + after.time - before.time];
    }
    room.after(kind)?;
    Ok(sum)
}

fn timed(room: &mut Room, kind: Kind) -> anyhow::Result<[u64; 2]> {
    room.before(kind)?;
    let started = Instant::now();
    for _ in 0..kind.calls() {
        room.act(kind)?;
    }
    let took = started.elapsed();
    room.after(kind)?;
    Ok([0, u64::try_from(took.as_nanos())?])
}
