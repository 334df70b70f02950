//! Samples of stacks (`perf_event_open`): of the agent and of everyone a way into the agent's memory; of one's own processes, and counts of
//! whomever, a profiler's work.

use detector::{
    engine::{Severity, Verdict},
    event::{Door, Relation},
};
use detector_tests::{run::Job, scene::Scene, watched::Watched};
use std::{fs, time::Duration};

type Result = anyhow::Result<()>;

/// `perf.py PID SAMPLE_TYPE SINK [inherit]`: opens such an event, and tells the sink that it did. PID may be `thread`: another one of its
/// own.
const PERF: &str = r#"
import ctypes, os, socket, struct, sys, threading, time
whose, samples, sink = sys.argv[1], int(sys.argv[2]), sys.argv[3]
if whose == "thread":
    thread = threading.Thread(target=time.sleep, args=(60,), daemon=True)
    thread.start()
    pid = thread.native_id
else:
    pid = int(whose)
CLOCK, INHERIT, NOT_THE_KERNEL = 1, 1 << 1, 1 << 5
flags = NOT_THE_KERNEL | (INHERIT if "inherit" in sys.argv else 0)
call = 298 if os.uname().machine == "x86_64" else 241
attr = struct.pack("<IIQQQQQ", CLOCK, 112, 0, 1_000_000, samples, 0, flags) + bytes(24) + struct.pack("<QQI", 0, 0, 4096)
libc = ctypes.CDLL(None, use_errno=True)
event = libc.syscall(call, ctypes.create_string_buffer(attr.ljust(112, b"\0"), 112), pid, 0 if pid < 0 else -1, -1, 0)
assert event >= 0, os.strerror(ctypes.get_errno())
host, port = sink.split(":")
with socket.create_connection((host, int(port)), timeout=5) as out:
    out.sendall(b"opened\n")
"#;

const SOON: Duration = Duration::from_secs(5);

/// `PERF_SAMPLE_*` (include/uapi/linux/perf_event.h).
const IP: &str = "1";
const STACK: &str = "8192";

fn job<'a>(scene: &'a Scene, script: &str) -> anyhow::Result<Job<'a>> {
    fs::write(scene.home.tmp().join("perf.py"), PERF)?;
    Ok(scene.job(["bash", "-c", script]))
}

#[test]
fn stacks_of_the_agent_are_its_memory() -> Result {
    for (whose, relation) in [("$AGENT_PID", Relation::Outside), ("-1", Relation::Unknown)] {
        let scene = Scene::new()?;
        let script = format!("python3 \"$TMPDIR/perf.py\" {whose} {STACK} \"$SINK\"; exit 0");
        let run = Watched::run(&scene, &job(&scene, &script)?.mode("enforce"))?;
        assert_eq!((run.conclusion.verdict, run.outcome.code()), (Verdict::Fail, Some(100)), "{whose}");
        let seen: Vec<_> = run.recording.accesses().map(|(_, access)| (access.door, access.relation)).collect();
        assert_eq!(seen, [(Door::PerfEvent, relation)], "{whose}");
        let findings = run.conclusion.findings.iter().filter(|finding| finding.severity > Severity::Low);
        let found: Vec<_> = findings.map(|finding| (finding.rule.as_str(), finding.severity)).collect();
        assert_eq!(found, [("agent-memory", Severity::Critical)], "{whose}");
        assert!(scene.sink.bytes().is_empty(), "{whose}: it came to send");
    }
    Ok(())
}

#[test]
fn a_profiler_samples_its_own_and_counts_others() -> Result {
    let scene = Scene::new()?;
    let script = format!(
        r#"set -e
        sleep 60 & child=$!
        python3 "$TMPDIR/perf.py" $child {STACK} "$SINK"
        python3 "$TMPDIR/perf.py" 0 {STACK} "$SINK"
        python3 "$TMPDIR/perf.py" thread {STACK} "$SINK"
        kill $child
        python3 "$TMPDIR/perf.py" "$AGENT_PID" {IP} "$SINK"
        python3 "$TMPDIR/perf.py" -1 {IP} "$SINK""#
    );
    let run = Watched::run(&scene, &job(&scene, &script)?.mode("enforce"))?;
    let found = &run.conclusion.findings;
    assert_eq!((run.conclusion.verdict, run.outcome.code()), (Verdict::Pass, Some(0)), "{found:#?}");
    assert!(found.iter().all(|finding| finding.severity <= Severity::Low), "{found:#?}");
    assert!(scene.sink.wait_for(SOON, |all| all.iter().filter(|c| c.bytes == b"opened\n").count() == 5));
    Ok(())
}

/// What they hold once they are there, whoever samples them has, too.
#[test]
fn samples_of_later_children_are_counted() -> Result {
    let scene = Scene::new()?;
    let script = format!("python3 \"$TMPDIR/perf.py\" 0 {STACK} \"$SINK\" inherit");
    let run = Watched::run(&scene, &job(&scene, &script)?.mode("enforce"))?;
    assert_eq!(run.conclusion.verdict, Verdict::Inconclusive);
    assert!(run.conclusion.findings.iter().all(|finding| finding.severity <= Severity::Low));
    Ok(())
}
