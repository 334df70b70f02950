//! What the kernel side did not say of a process outside the job, from /proc while it is there.

use crate::{
    event::{Access, Attempt, Body, Event, Process},
    secret::redact,
};
use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};
use std::{fs, os::unix::fs::MetadataExt};

/// `sysconf(_SC_CLK_TCK)`: start times in /proc are in these, a hundredth of a second on Linux (proc_pid_stat(5)).
pub(super) const TICK: u64 = 10_000_000;

/// Longest name of a target, bytes.
const NAME_MAX: usize = 64;

/// Fills in the name, and where it is missing the start, of a target outside the job.
pub(super) fn attribute(event: &mut Event) {
    match &mut event.body {
        Body::Access(access) => accessed(access),
        Body::Attempt(attempt) => attempted(attempt),
        _ => {}
    }
}

fn accessed(access: &mut Access) {
    if access.target.pid == 0 || access.program.is_some() {
        return;
    }
    let Some((process, start)) = running(access.target.pid) else { return };
    if access.target.start == 0 {
        access.target = Process { pid: access.target.pid, start };
    } else if start.abs_diff(access.target.start) > TICK {
        return; // another process by now
    }
    access.program = name(&process);
}

/// An open that failed has no file to tell whose it was: the number in the path does, where it is one of our own namespace.
fn attempted(attempt: &mut Attempt) {
    let Some(pid) = attempt.target().filter(|_| !attempt.nested && is_initial()) else { return };
    attempt.program = running(pid).and_then(|(process, _)| name(&process));
}

/// Whether our own pid namespace is the initial one (include/linux/proc_ns.h, `PROC_PID_INIT_INO`).
fn is_initial() -> bool {
    const INITIAL: u64 = 0xEFFF_FFFC;
    fs::metadata("/proc/self/ns/pid").is_ok_and(|namespace| namespace.ino() == INITIAL)
}

/// Process `pid`, and its start.
fn running(pid: u32) -> Option<(procfs::process::Process, u64)> {
    let process = procfs::process::Process::new(i32::try_from(pid).ok()?).ok()?;
    let start = process.stat().ok()?.starttime * TICK;
    Some((process, start))
}

/// Kills `process`, where it is still there: 0, or a positive errno.
pub(super) fn kill(process: Process) -> u32 {
    let errno = |errno: Errno| errno.raw_os_error().unsigned_abs();
    let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) else { return errno(Errno::SRCH) };
    let held = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(held) => held,
        Err(gone) => return errno(gone),
    };
    // From here on the number is nobody else's.
    match running(process.pid) {
        Some((_, start)) if start.abs_diff(process.start) <= TICK => {
            pidfd_send_signal(held, Signal::KILL).map_or_else(errno, |()| 0)
        }
        _ => errno(Errno::SRCH),
    }
}

/// argv[0] is how an agent is known to people (`Runner.Worker`), and where that is `java`, its archive (`agent.jar`);
/// `comm` is what is left of it.
fn name(process: &procfs::process::Process) -> Option<String> {
    let argv = process.cmdline().unwrap_or_default();
    let leaf = |text: &str| text.rsplit('/').next().unwrap_or(text).to_owned();
    let name = match argv.first() {
        Some(first) if !first.is_empty() => leaf(first),
        _ => process.stat().ok()?.comm,
    };
    let archive = argv.iter().skip_while(|argument| *argument != "-jar").nth(1).filter(|_| name == "java");
    let name = archive.map_or_else(|| name.clone(), |archive| format!("{name} {}", leaf(archive)));
    Some(redact::text(name.as_bytes(), NAME_MAX))
}
