//! Proof that the sensor works, at every start: a child of our own reads a decoy and dials a sink of ours.
//!
//! What the kernel side says of the child is compared with /proc, so that a wrong offset cannot go unseen; in
//! enforce each mechanism that is claimed must have stopped it.

use super::{LiveError, attribute::TICK};
use crate::{
    engine::Mode,
    event::{Body, Call, Event, JobId, Outcome},
    kernel::{JobSettings, Rings, Sensor, decode},
    policy::Policy,
    secret::redact,
};
use std::{
    fs::{self, File},
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::{ffi::OsStrExt, fs::DirBuilderExt, process::ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// The proof's own job, so that nothing of it gets into the session's.
pub(super) const JOB: JobId = JobId::MAX;

/// How long the child may take. It makes a dozen system calls.
const LIMIT: Duration = Duration::from_secs(10);

/// The subcommand that the child is started with.
pub(super) const SUBCOMMAND: &str = "prove-in-child";

const POLICY: &str = r#"
version: 1
classes:
  decoy-deny: { paths: ["**/detector-decoy-deny"], action: deny, reason: "the sensor's own decoy" }
  decoy-kill: { paths: ["**/detector-decoy-kill"], action: kill, reason: "the sensor's own decoy" }
"#;

/// Runs the proof on an attached sensor.
///
/// # Errors
/// When something was not seen, seen wrong, or in enforce not stopped.
pub(super) async fn prove(sensor: &mut Sensor, rings: &mut Rings, mode: Mode) -> Result<(), LiveError> {
    let policy = Policy::parse(POLICY, "proof").map_err(|error| failed(&error))?;
    let mut tables = policy.tables(JOB);
    // Loopback carries and is no destination elsewhere; here it is the place that accepts nothing.
    tables.destinations.clear();
    sensor.add_job(JobSettings { job: JOB, enforce: mode == Mode::Enforce, relayed: false, tables: &tables })?;
    let decoys = Decoys::plant().map_err(|source| LiveError::Decoy { directory: std::env::temp_dir(), source })?;
    let sink =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(LiveError::system("cannot open a sink on loopback"))?;
    let address = sink.local_addr().map_err(LiveError::system("cannot open a sink on loopback"))?;

    sensor.add_worker(std::process::id(), JOB)?;
    let child = start(&decoys.directory, address);
    let mut child = child.map_err(LiveError::system("cannot start the proof's child"))?;
    let known = Known::of(&child);
    // Read only now: while the child waited, it was there to be compared with.
    if let Some(mut go) = child.stdin.take() {
        go.write_all(b"\n").map_err(LiveError::system("cannot talk to the proof's child"))?;
    }
    let status = wait(&mut child)?;
    // Not before: whoever uses a map may make the kernel leave the child's exec out (`bpf_disable_instrumentation`).
    sensor.remove_worker(std::process::id())?;
    let mut said = String::new();
    if let Some(mut out) = child.stdout.take() {
        out.read_to_string(&mut said).map_err(LiveError::system("cannot talk to the proof's child"))?;
    }
    if let Some(reason) = said.strip_prefix(FAILED) {
        return Err(failed(format!("its child failed ({reason}); is loopback up? (`ip link set lo up`)")));
    }
    let arrived = arrived(&sink)?;

    let mut events = Vec::new();
    let deadline = Instant::now() + LIMIT;
    while !events.iter().any(|event: &Event| matches!(event.body, Body::Exit(_))) {
        if Instant::now() > deadline {
            return Err(failed("the end of the child was never seen"));
        }
        let waited = tokio::time::timeout(LIMIT, rings.wait()).await;
        waited.unwrap_or(Ok(())).map_err(LiveError::system("cannot wait for the rings"))?;
        rings.drain(false, |record| events.extend(decode(&record, |_| 0).ok().flatten()));
    }
    events.retain(|event| event.actor.is_some_and(|actor| actor.job == JOB));
    seen(&events, &known, &decoys)?;
    if mode == Mode::Enforce { stopped(&events, status, &said, arrived) } else { passed(status, arrived) }
}

/// What the child does: connects, reads a decoy, sends on the old connection, connects anew, and once more with
/// a decoy whose leak kills.
pub fn prove_in_child(directory: &Path, sink: SocketAddr) -> ExitCode {
    let act = || -> std::io::Result<()> {
        let mut go = [0];
        std::io::stdin().read_exact(&mut go)?;
        let mut old = TcpStream::connect_timeout(&sink, LIMIT)?;
        fs::read(directory.join(DENY))?;
        // TCP says that it took them, whatever the egress hook does.
        old.write_all(b"old")?;
        let refused = TcpStream::connect(sink).and_then(|mut new| new.write_all(b"new")).is_err();
        let mut out = std::io::stdout();
        out.write_all(if refused { REFUSED } else { PASSED }.as_bytes())?;
        out.flush()?; // what comes next kills
        fs::read(directory.join(KILL))?;
        let killed_before_this = TcpStream::connect(sink).and_then(|mut new| new.write_all(b"new"));
        drop(killed_before_this);
        Ok(())
    };
    match act() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The exit code tells it too.
            write!(std::io::stdout(), "{FAILED}{error}").unwrap_or(());
            ExitCode::FAILURE
        }
    }
}

const DENY: &str = "detector-decoy-deny";
const KILL: &str = "detector-decoy-kill";
const REFUSED: &str = "refused";
const PASSED: &str = "passed";
const FAILED: &str = "failed: ";

/// Decoys in a directory of their own, outside any HOME; removed when dropped.
struct Decoys {
    directory: PathBuf,
}

impl Decoys {
    fn plant() -> std::io::Result<Self> {
        // Anyone may make directories there, under any name that can be foretold.
        let random = fs::read_to_string("/proc/sys/kernel/random/uuid")?;
        let directory = std::env::temp_dir().join(format!("detector-proof-{}", random.trim()));
        fs::DirBuilder::new().mode(0o700).create(&directory)?;
        let decoys = Self { directory };
        for name in [DENY, KILL] {
            File::create_new(decoys.directory.join(name))?.write_all(b"a decoy\n")?;
        }
        Ok(decoys)
    }
}

impl Drop for Decoys {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.directory) {
            tracing::warn!("{} could not be removed: {error}", self.directory.display());
        }
    }
}

/// What /proc says of the child.
struct Known {
    pid: u32,
    start: u64,
    executable: String,
}

impl Known {
    fn of(child: &Child) -> Self {
        let pid = child.id();
        let process = i32::try_from(pid).ok().and_then(|pid| procfs::process::Process::new(pid).ok());
        let start = process.as_ref().and_then(|process| process.stat().ok()).map(|stat| stat.starttime * TICK);
        let executable = process.and_then(|process| process.exe().ok()).map(|path| shown(&path));
        Self { pid, start: start.unwrap_or(0), executable: executable.unwrap_or_default() }
    }
}

/// A path as events have it.
fn shown(path: &Path) -> String {
    redact::path(path.as_os_str().as_bytes())
}

/// Whether `seen` is `real`, component by component from the leaf; a deep path and a long name are recorded cut (`…`).
fn same(seen: &str, real: &str) -> bool {
    let mut real = real.rsplit('/');
    for component in seen.rsplit('/') {
        match real.next() {
            _ if component == "…" => return true,
            Some(own) if own == component || component.ends_with('…') => {}
            _ => return false,
        }
    }
    real.next().is_none()
}

fn start(directory: &Path, sink: SocketAddr) -> std::io::Result<Child> {
    Command::new("/proc/self/exe")
        .arg(SUBCOMMAND)
        .arg(directory)
        .arg(sink.to_string())
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
}

fn wait(child: &mut Child) -> Result<ExitStatus, LiveError> {
    child.wait().map_err(LiveError::system("cannot wait for the proof's child"))
}

/// Bytes that reached the sink: its queue has kept the connections. Closing with a reset ends the child's orphaned
/// connection at once.
fn arrived(sink: &TcpListener) -> Result<usize, LiveError> {
    let failed = LiveError::system("cannot read from the proof's sink");
    let mut streams = Vec::new();
    let mut count = || -> std::io::Result<usize> {
        sink.set_nonblocking(true)?;
        while let Ok((stream, _)) = sink.accept() {
            streams.push(stream);
        }
        let mut bytes = 0;
        for stream in &mut streams {
            stream.set_nonblocking(true)?;
            let mut buffer = [0; 64];
            while let Ok(n @ 1..) = stream.read(&mut buffer) {
                bytes += n;
            }
            rustix::net::sockopt::set_socket_linger(&*stream, Some(Duration::ZERO))?;
        }
        Ok(bytes)
    };
    count().map_err(failed)
}

/// Every act of the child was seen, and as /proc has it.
fn seen(events: &[Event], known: &Known, decoys: &Decoys) -> Result<(), LiveError> {
    let forked = events.iter().any(|event| {
        matches!(&event.body, Body::Fork(fork)
            if fork.child.pid == known.pid
                && fork.child.start / TICK == known.start / TICK
                && fork.step == 1
                && event.actor.is_some_and(|actor| actor.process.pid == std::process::id()))
    });
    if !forked {
        return Err(failed("the fork of the child was not seen as /proc has it (pid, parent, start)"));
    }
    let ran = events.iter().any(|event| matches!(&event.body, Body::Exec(exec) if same(&exec.path, &known.executable)));
    if !ran {
        return Err(failed("the exec of the child was not seen as /proc has it (path)"));
    }
    for name in [DENY, KILL] {
        let path = decoys.directory.join(name);
        let path = path.canonicalize().unwrap_or(path);
        let inode = fs::metadata(&path).map(|metadata| std::os::unix::fs::MetadataExt::ino(&metadata)).unwrap_or(0);
        let opened = events.iter().any(|event| {
            matches!(&event.body, Body::Open(open)
                if same(&open.path, &shown(&path)) && open.file.inode == inode && open.read)
        });
        if !opened {
            return Err(failed("the read of a decoy was not seen (path, inode)"));
        }
    }
    for (call, what) in
        [(Call::Connect, "a connect was not seen"), (Call::Send, "a send on an old connection was not seen")]
    {
        let reached = events.iter().any(|event| {
            matches!(&event.body, Body::Network(network) if network.call == call && network.address.is_loopback())
                && event.kernel.is_some_and(|kernel| kernel.leak != 0)
        });
        if !reached {
            return Err(failed(what));
        }
    }
    Ok(())
}

/// In enforce: nothing arrived, the new connection was refused, and the last act killed.
fn stopped(events: &[Event], status: ExitStatus, said: &str, arrived: usize) -> Result<(), LiveError> {
    let refused =
        events.iter().any(|event| matches!(&event.body, Body::Network(network) if network.outcome == Outcome::Refused));
    if arrived != 0 {
        return Err(failed("a marked socket could send"));
    }
    if !refused || said != REFUSED {
        return Err(failed("a connect was not refused"));
    }
    if status.signal() != Some(9) {
        return Err(failed("the child was not killed"));
    }
    Ok(())
}

/// In audit: nothing was changed.
fn passed(status: ExitStatus, arrived: usize) -> Result<(), LiveError> {
    if status.success() && arrived == b"oldnewnew".len() {
        return Ok(());
    }
    Err(failed("audit changed what the child could do"))
}

fn failed(reason: impl std::fmt::Display) -> LiveError {
    LiveError::Proof(reason.to_string())
}
