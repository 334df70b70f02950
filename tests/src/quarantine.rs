//! What a run leaves in the kernel as long as a socket still has data that must not leave.

use crate::namespace::Namespace;
use anyhow::bail;
use detector::{event::Process, kernel::Quarantine};
use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// Nanoseconds of a clock tick: /proc counts start times in these (proc_pid_stat(5)).
const TICK_NS: u64 = 10_000_000;
const POLL: Duration = Duration::from_millis(10);

/// When a mark is gone at the latest: where the kernel side does not see its socket close, which happens now and then while other
/// detectors start and end, it is known by its silence.
pub const GONE: Duration = Duration::from_secs(330);

/// Where the detector that ran as `sensor` pins what outlives it.
pub fn directory(sensor: Process) -> PathBuf {
    PathBuf::from(format!("/sys/fs/bpf/detector/{}-{}", sensor.pid, sensor.start / TICK_NS))
}

/// Waits until `directory` is gone: each try takes away what protects nothing any more, as every start of the detector
/// does.
pub fn await_end(directory: &Path, patience: Duration) -> anyhow::Result<()> {
    let started = Instant::now();
    while directory.exists() {
        if started.elapsed() > patience {
            bail!("{} is still there after {patience:?}", directory.display());
        }
        Quarantine::sweep();
        thread::sleep(POLL);
    }
    Ok(())
}

/// Makes TCP sockets of `namespace` give up after so many tries, by default a matter of minutes: those that have lost their
/// process, and the subflows of Multipath TCP, which never had one.
pub fn shorten_retries(namespace: &Namespace, tries: u8) -> anyhow::Result<()> {
    namespace.within(|| {
        for setting in ["tcp_orphan_retries", "tcp_retries2"] {
            fs::write(format!("/proc/sys/net/ipv4/{setting}"), tries.to_string())?;
        }
        Ok(())
    })
}

/// Waits until `namespace` has no TCP socket with unsent or unacknowledged data; returns how often, at most, one of them
/// tried to send again meanwhile.
pub fn await_silence(namespace: &Namespace, patience: Duration) -> anyhow::Result<u64> {
    namespace.within(|| {
        let (started, mut tries) = (Instant::now(), 0);
        loop {
            let waiting = waiting()?;
            let Some(most) = waiting.iter().max() else { return Ok(tries) };
            tries = tries.max(*most);
            if started.elapsed() > patience {
                bail!("{} sockets still wait to send after {patience:?}", waiting.len());
            }
            thread::sleep(POLL);
        }
    })
}

/// Tries so far of each socket that has something to send (proc_net_tcp.rst: `tx_queue`, `retrnsmt`, and unanswered probes
/// under `timeout`).
fn waiting() -> anyhow::Result<Vec<u64>> {
    let mut tries = Vec::new();
    for table in ["/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"] {
        for line in fs::read_to_string(table)?.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let &[_, _, _, state, queues, _, again, _, probes, ..] = fields.as_slice() else { continue };
            let unsent = queues.split_once(':').is_some_and(|(sending, _)| sending.bytes().any(|b| b != b'0'));
            // 0A is TCP_LISTEN, whose queue means something else.
            if unsent && state != "0A" {
                tries.push(u64::from_str_radix(again, 16)? + probes.parse::<u64>()?);
            }
        }
    }
    Ok(tries)
}
