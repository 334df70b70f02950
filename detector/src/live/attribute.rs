//! What the kernel side did not say of a process outside the job, from /proc while it is there.

use crate::{
    event::{Body, Event, Process},
    secret::redact,
};

/// `sysconf(_SC_CLK_TCK)`: start times in /proc are in these, a hundredth of a second on Linux (proc_pid_stat(5)).
pub(super) const TICK: u64 = 10_000_000;

/// Longest name of a target, bytes.
const NAME_MAX: usize = 64;

/// Fills in the name, and where it is missing the start, of a target outside the job.
pub(super) fn attribute(event: &mut Event) {
    let Body::Access(access) = &mut event.body else { return };
    if access.target.pid == 0 || access.program.is_some() {
        return;
    }
    let Ok(pid) = i32::try_from(access.target.pid) else { return };
    let Ok(process) = procfs::process::Process::new(pid) else { return };
    let Ok(stat) = process.stat() else { return };
    let start = stat.starttime * TICK;
    if access.target.start == 0 {
        access.target = Process { pid: access.target.pid, start };
    } else if start.abs_diff(access.target.start) > TICK {
        return; // another process by now
    }
    // argv[0] is how an agent is known to people (`Runner.Worker`); `comm` is what is left of it.
    let name = process.cmdline().ok().and_then(|argv| argv.into_iter().next()).unwrap_or(stat.comm);
    let leaf = name.rsplit('/').next().unwrap_or(&name);
    access.program = Some(redact::text(leaf.as_bytes(), NAME_MAX));
}
