//! `kernels`: the guest checks on every kernel of the matrix.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::debian::{Cache, Kernel};
use crate::qemu::{Ending, Guest, Outcome};
use crate::tally::Tally;
use crate::workspace::Workspace;
use crate::{build, initramfs, process, setup};

/// Versions, oldest first; a short one means its newest release.
const MATRIX: [&str; 4] = ["5.10", "6.1", "6.12", "7"];
const LIMIT: Duration = Duration::from_secs(900);
/// Each guest keeps one core busy.
const AT_ONCE: usize = 2;
/// Lines of the kernel's console shown of a failed guest.
const CONSOLE_LINES: usize = 40;

#[derive(Args)]
pub(crate) struct Options {
    /// Kernels to run, separated by commas
    #[arg(long, value_delimiter = ',', value_parser = PossibleValuesParser::new(MATRIX), default_values = MATRIX)]
    only: Vec<String>,
    /// Keep initramfs, consoles and outputs in target/kernels/run
    #[arg(long)]
    keep: bool,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    setup::build_tools()?;
    setup::test_tools()?;
    let built = build::detector(workspace)?;
    let versions: Vec<_> = options.only.iter().map(String::as_str).collect();
    let tally = matrix(workspace, &built.object, &versions, options.keep)?;
    println!("{tally}");
    Ok(tally.failed == 0)
}

/// The whole matrix.
pub(crate) fn all(workspace: &Workspace, object: &Path) -> Result<Tally> {
    matrix(workspace, object, &MATRIX, false)
}

/// What leaving the matrix out means: how many checks that are is not known, so each kernel counts as one.
pub(crate) fn skipped() -> Tally {
    Tally { skipped: u32::try_from(MATRIX.len()).unwrap_or(u32::MAX), ..Tally::default() }
}

fn matrix(workspace: &Workspace, object: &Path, versions: &[&str], keep: bool) -> Result<Tally> {
    let program = build::guest(workspace, object)?;
    let busybox = process::find("busybox").context("no busybox: run `cargo xtask setup`")?;
    let home = workspace.target().join("kernels");
    let cache = Cache::open(home.clone())?;
    let runs = home.join("run");
    fs::create_dir_all(&runs).with_context(|| format!("cannot create {}", runs.display()))?;
    let archive = runs.join("initramfs");
    fs::write(&archive, initramfs::build(&busybox, &program)?)
        .with_context(|| format!("cannot write {}", archive.display()))?;

    // apt locks its directories: kernels are fetched one after the other, guests run two at a time.
    let mut tally = Tally::default();
    let mut queue = Vec::new();
    for version in versions {
        match cache.kernel(version) {
            Ok(kernel) => queue.push((*version, kernel)),
            Err(error) => {
                println!("failed {version}: kernel not to be had: {error:#}");
                tally += Tally::FAILURE;
            }
        }
    }
    queue.reverse();
    let queue = Mutex::new(queue);
    let sum = Mutex::new(tally);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((version, kernel)) = next(&queue) {
                    let verdict = one(version, &kernel, &archive, runs.join(version));
                    let (tally, text) =
                        verdict.unwrap_or_else(|error| (Tally::FAILURE, format!("failed {version}: {error:#}\n")));
                    print!("{text}");
                    *lock(&sum) += tally;
                }
            });
        }
    });
    if keep {
        println!("kept       {}", runs.display());
    } else {
        fs::remove_dir_all(&runs).with_context(|| format!("cannot remove {}", runs.display()))?;
    }
    let sum = *lock(&sum);
    Ok(sum)
}

/// The lock is given back before the guest runs.
fn next<T>(queue: &Mutex<Vec<T>>) -> Option<T> {
    lock(queue).pop()
}

/// A thread that panicked ends the scope anyway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Boots one guest; what to count and what to print.
fn one(version: &str, kernel: &Kernel, archive: &Path, directory: PathBuf) -> Result<(Tally, String)> {
    fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
    let guest = Guest { kernel: kernel.image.clone(), initramfs: archive.to_path_buf(), directory, limit: LIMIT };
    let outcome = guest.run()?;
    let (tally, complaint) = judge(&outcome);
    let verdict = if tally.failed == 0 { "passed" } else { "failed" };
    let mut text = String::new();
    writeln!(text, "{verdict} {version} ({}): {tally}, {:.1} s", kernel.release, outcome.wall.as_secs_f32())?;
    for line in &outcome.lines {
        writeln!(text, "    {line}")?;
    }
    if let Some(complaint) = complaint {
        writeln!(text, "    {complaint}")?;
        for line in outcome.console.iter().skip(outcome.console.len().saturating_sub(CONSOLE_LINES)) {
            writeln!(text, "    | {line}")?;
        }
    }
    Ok((tally, text))
}

/// Counts the checks; a guest that does not end as its checks say is a failure of its own.
fn judge(outcome: &Outcome) -> (Tally, Option<String>) {
    let count = |prefix: &str| {
        u32::try_from(outcome.lines.iter().filter(|line| line.starts_with(prefix)).count()).unwrap_or(u32::MAX)
    };
    let mut tally = Tally { passed: count("ok "), failed: count("not ok "), skipped: 0 };
    let complaint = match &outcome.ending {
        Ending::Exited(0) if tally.failed > 0 => Some("the guest ended with status 0 in spite of that".into()),
        Ending::Exited(0) if tally.passed == 0 => Some("the guest reported no check".into()),
        Ending::Exited(0) => None,
        Ending::Exited(_) if tally.failed > 0 => None,
        Ending::Exited(status) => Some(format!("the guest ended with status {status} and no failed check")),
        Ending::Died(why) => Some(format!("the guest ended without an exit status ({why})")),
        Ending::TimedOut => Some(format!("the guest did not end within {} s", LIMIT.as_secs())),
    };
    if complaint.is_some() {
        tally += Tally::FAILURE;
    }
    (tally, complaint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(lines: &[&str], ending: Ending) -> (u32, u32, bool) {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        let (tally, complaint) = judge(&Outcome { ending, lines, console: Vec::new(), wall: Duration::ZERO });
        (tally.passed, tally.failed, complaint.is_some())
    }

    #[test]
    fn a_guest_must_end_as_its_checks_say() {
        assert_eq!(judged(&["ok a", "some note", "ok b"], Ending::Exited(0)), (2, 0, false));
        assert_eq!(judged(&["ok a", "not ok b: why"], Ending::Exited(1)), (1, 1, false));
        assert_eq!(judged(&["ok a"], Ending::Exited(101)), (1, 1, true));
        assert_eq!(judged(&["not ok a: why"], Ending::Exited(0)), (0, 2, true));
        assert_eq!(judged(&[], Ending::Exited(0)), (0, 1, true));
        assert_eq!(judged(&["ok a"], Ending::TimedOut), (1, 1, true));
        assert_eq!(judged(&["ok a"], Ending::Died("qemu: exit status: 0".into())), (1, 1, true));
    }
}
