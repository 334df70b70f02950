//! What goes wrong around the sensor: privileges, kernel types, mounts, disks, namespaces, its own death. Each refusal has
//! exit code 103, says what to do and runs nothing; what goes wrong later costs the verdict and never the build.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use anyhow::Context as _;
use detector_tests::{
    console::{Finished, LIMIT, Running, binary, detector, plain, run, until},
    fixture::act,
    mounts::{self, Change},
    namespace::SINK_V4,
    scene::Scene,
};
use rustix::{
    process::{Resource, Rlimit, Signal, setrlimit},
    thread::{CapabilitySet, UnshareFlags, remove_capability_from_bounding_set, unshare_unsafe},
};
use serde_json::Value;
use std::{
    fs::{self, File},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;

type Result = anyhow::Result<()>;

const FAIL: i32 = 100;
const SENSOR: i32 = 103;
const PINS: &str = "/sys/fs/bpf/detector";
/// A class whose leak is refused without a kill: the process lives on with its marked socket.
const DENY: &str = "version: 1\nextends: builtin\nclasses:\n  aws: { action: deny }\n";

fn directory() -> anyhow::Result<TempDir> {
    Ok(tempfile::Builder::new().prefix("detector-faults-").tempdir()?)
}

/// `detector run OPTIONS -- touch MARKER` does not start: exit code 103, all of `says`, and nothing was run.
#[track_caller]
fn assert_does_not_start(options: &[&str], change: impl FnOnce(&mut Command), says: &[&str]) -> Finished {
    let desk = directory().unwrap();
    let marker = desk.path().join("marker");
    let mut command = detector(["run"]).unwrap();
    command.args(options).args(["--", "touch"]).arg(&marker);
    change(&mut command);
    let finished = run(&mut command).unwrap();
    finished.assert_ended(SENSOR, says);
    assert!(!marker.exists(), "the command was run: {finished:?}");
    finished
}

/// `detector run OPTIONS -- sh -c 'echo it ran; exit 3'` works as ever.
#[track_caller]
fn assert_runs(options: &[&str], change: impl FnOnce(&mut Command)) -> Finished {
    let mut command = detector(["run"]).unwrap();
    command.args(options).args(["--", "sh", "-c", "echo it ran; exit 3"]);
    change(&mut command);
    let finished = run(&mut command).unwrap();
    finished.assert_ended(3, &[]);
    assert_eq!(finished.out(), "it ran\n", "{finished:?}");
    finished
}

/// Takes capabilities away, those of `kept` left out.
fn keep(command: &mut Command, kept: CapabilitySet) {
    // SAFETY: the closure makes system calls only.
    unsafe {
        command.pre_exec(move || {
            let lost = CapabilitySet::all().difference(kept);
            // What this kernel does not know, nobody has.
            lost.iter().for_each(|capability| _ = remove_capability_from_bounding_set(capability));
            Ok(())
        });
    }
}

#[test]
fn without_privileges_it_names_what_is_missing() {
    // The binary's own directory may be closed to others.
    let desk = directory().unwrap();
    let copy = desk.path().join("detector");
    run(plain("cp").arg(binary().unwrap()).arg(&copy)).unwrap().assert_ended(0, &[]);
    run(plain("chmod").args(["0755"]).arg(&copy).arg(desk.path())).unwrap().assert_ended(0, &[]);
    let mut command = plain(&copy);
    command.args(["run", "--", "touch", "/tmp/detector-faults-marker"]).uid(65534).gid(65534);
    let finished = run(&mut command).unwrap();
    let all = ["CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN", "CAP_SYS_PTRACE", "sudo"];
    finished.assert_ended(SENSOR, &all);
    assert!(!Path::new("/tmp/detector-faults-marker").exists());
}

#[test]
fn a_root_that_lacks_one_capability_is_told_which() {
    let change = |command: &mut Command| keep(command, CapabilitySet::all().difference(CapabilitySet::SYS_PTRACE));
    let finished = assert_does_not_start(&[], change, &["missing: CAP_SYS_PTRACE)"]);
    assert!(!finished.err().contains("missing: CAP_BPF"), "{finished:?}");
}

#[test]
fn the_capabilities_it_names_are_enough() {
    let needed = CapabilitySet::BPF | CapabilitySet::PERFMON | CapabilitySet::NET_ADMIN | CapabilitySet::SYS_PTRACE;
    for mode in ["audit", "enforce"] {
        assert_runs(&["--mode", mode], |command| keep(command, needed));
    }
}

#[test]
fn a_memory_lock_limit_that_cannot_be_raised_is_a_log_line() {
    let change = |command: &mut Command| {
        keep(command, CapabilitySet::all().difference(CapabilitySet::SYS_RESOURCE));
        command.env("DETECTOR_LOG", "info");
        // SAFETY: the closure makes one system call.
        unsafe {
            command
                .pre_exec(|| Ok(setrlimit(Resource::Memlock, Rlimit { current: Some(65536), maximum: Some(65536) })?));
        }
    };
    let finished = assert_runs(&[], change);
    assert!(finished.err().contains("memory lock limit could not be raised"), "{finished:?}");
}

#[test]
fn kernel_types_from_a_bad_file_are_refused() -> Result {
    let desk = directory()?;
    let file = |name: &str| desk.path().join(name).to_string_lossy().into_owned();
    fs::write(file("junk"), (0..=255).cycle().take(1 << 16).collect::<Vec<u8>>())?;
    fs::write(file("empty"), "")?;
    let running = fs::read("/sys/kernel/btf/vmlinux")?;
    fs::write(file("cut"), &running[..running.len() / 2])?;
    fs::write(file("swapped"), running.chunks_exact(2).flat_map(|pair| [pair[1], pair[0]]).collect::<Vec<u8>>())?;
    for name in ["junk", "empty", "cut", "swapped"] {
        assert_does_not_start(&["--btf", &file(name)], |_| {}, &[&file(name), "is not BTF", "--btf"]);
    }
    for (name, why) in [("missing", "No such file"), ("", "Is a directory")] {
        assert_does_not_start(&["--btf", &file(name)], |_| {}, &[&file(name), why, "--btf"]);
    }
    Ok(())
}

#[test]
fn kernel_types_of_a_module_lack_the_fields() -> Result {
    let modules = fs::read_dir("/sys/kernel/btf")?.filter_map(|entry| Some(entry.ok()?.path()));
    // Built-in kernels have none: then there is nothing to be mistaken for the right file.
    let Some(module) = modules.into_iter().find(|path| !path.ends_with("vmlinux")) else { return Ok(()) };
    assert_does_not_start(&["--btf", &module.to_string_lossy()], |_| {}, &[&module.to_string_lossy()]);
    Ok(())
}

#[test]
fn without_the_kernels_own_types_it_says_so() {
    let hidden = |command: &mut Command| {
        mounts::own(command, vec![Change::Tmpfs(c"/sys/kernel/btf".into(), 0)]);
    };
    assert_does_not_start(&[], hidden, &["/sys/kernel/btf/vmlinux", "CONFIG_DEBUG_INFO_BTF", "--btf"]);
}

/// What `--btf` is for.
#[test]
fn the_right_types_from_a_file_do_where_the_kernel_publishes_none() -> Result {
    let desk = directory()?;
    let copy = desk.path().join("vmlinux.btf");
    fs::write(&copy, fs::read("/sys/kernel/btf/vmlinux")?)?;
    assert_runs(&["--btf", &copy.to_string_lossy()], |command| {
        mounts::own(command, vec![Change::Tmpfs(c"/sys/kernel/btf".into(), 0)]);
    });
    Ok(())
}

#[test]
fn without_cgroup2_it_says_how_to_mount_it() -> Result {
    let mounted = mounts::points("cgroup2")?;
    assert!(!mounted.is_empty(), "this machine has no cgroup2 mounted: nothing here can be tested");
    let unmount = |command: &mut Command| {
        mounts::own(command, mounted.into_iter().map(Change::Unmount).collect());
    };
    assert_does_not_start(&[], unmount, &["no cgroup2", "mount -t cgroup2 none /sys/fs/cgroup"]);
    Ok(())
}

#[test]
fn enforce_mounts_bpffs_where_there_is_none() -> Result {
    let mounted: Vec<Change> = mounts::points("bpf")?.into_iter().map(Change::Unmount).collect();
    assert_runs(&["--mode", "enforce"], |command| {
        mounts::own(command, mounted.clone());
    });
    // Audit has nothing to keep, and mounts nothing.
    let mut command = plain("sh");
    command.args(["-c", "\"$DETECTOR\" run --report text=/dev/null -- true; grep -c ' bpf ' /proc/self/mounts"]);
    let finished = run(mounts::own(command.env("DETECTOR", binary()?), mounted))?;
    assert_eq!(finished.out(), "0\n", "{finished:?}");
    Ok(())
}

#[test]
fn enforce_that_may_not_mount_bpffs_says_what_to_do() -> Result {
    let needed = CapabilitySet::BPF | CapabilitySet::PERFMON | CapabilitySet::NET_ADMIN | CapabilitySet::SYS_PTRACE;
    let mounted: Vec<Change> = mounts::points("bpf")?.into_iter().map(Change::Unmount).collect();
    let unprivileged = |command: &mut Command| keep(mounts::own(command, mounted), needed);
    assert_does_not_start(&["--mode", "enforce"], unprivileged, &["/sys/fs/bpf", "mount -t bpf bpf /sys/fs/bpf"]);
    Ok(())
}

/// `unshare -n` is how offline builds are made; loopback is down there.
#[test]
fn a_network_without_loopback_does_not_hang() -> Result {
    let desk = directory()?;
    let marker = desk.path().join("marker");
    let mut command = detector(["run", "--", "touch"])?;
    command.arg(&marker);
    // SAFETY: the closure makes one system call.
    unsafe {
        command.pre_exec(|| Ok(unshare_unsafe(UnshareFlags::NEWNET)?));
    }
    let running = Running::start(command.stdin(Stdio::null()))?;
    let pid = running.pid();
    let ended = until(Duration::from_secs(40), || stat(pid).contains(") Z "));
    assert!(ended, "hangs in {}", fs::read_to_string(format!("/proc/{pid}/wchan")).unwrap_or_default());
    let finished = running.finish()?;
    // Either is right: it runs, or it says what it needs.
    if finished.code() != Some(0) {
        finished.assert_ended(SENSOR, &["loopback"]);
        assert!(!marker.exists(), "{finished:?}");
    }
    Ok(())
}

/// A container's process ids are not the kernel's.
#[test]
fn a_process_id_namespace_is_served_or_refused_by_its_name() -> Result {
    let desk = directory()?;
    let marker = desk.path().join("marker");
    let mut command = plain("unshare");
    command.args(["--pid", "--fork", "--mount-proc"]).arg(binary()?).args(["run", "--", "touch"]).arg(&marker);
    let finished = run(&mut command)?;
    if finished.code() != Some(0) {
        finished.assert_ended(SENSOR, &["namespace"]);
        assert!(!marker.exists(), "{finished:?}");
    }
    Ok(())
}

/// Temporary directories of runners and sandboxes are deep, long-named, or set to what is not there.
#[test]
fn any_temporary_directory_will_do() -> Result {
    let desk = directory()?;
    let deep = (0..40).fold(desk.path().to_path_buf(), |path, n| path.join(format!("d{n}")));
    let long = desk.path().join("x".repeat(200));
    let token = desk.path().join("0123456789abcdef0123456789abcdef");
    let odd = desk.path().join("with blank \u{202e}\u{7}and \\ more");
    for path in [&deep, &long, &token, &odd] {
        fs::create_dir_all(path)?;
    }
    let mut broken = Vec::new();
    for (what, path) in [("deep", &deep), ("long", &long), ("token", &token), ("odd", &odd)] {
        let finished = run(detector(["run", "--", "true"])?.env("TMPDIR", path))?;
        if finished.code() != Some(0) {
            broken.push(format!("{what}: {finished:?}"));
        }
        assert_eq!(fs::read_dir(path)?.count(), 0, "{what}: something of the proof is left");
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    Ok(())
}

#[test]
fn a_temporary_directory_that_is_not_there_is_named() {
    let change = |command: &mut Command| {
        command.env("TMPDIR", "/nonexistent/directory");
    };
    assert_does_not_start(&[], change, &["/nonexistent/directory", "TMPDIR"]);
}

/// Anyone may make directories in /tmp, under any name that can be foretold.
#[test]
fn nobody_can_take_the_proofs_place_in_advance() -> Result {
    let desk = directory()?;
    let mut command = plain("sh");
    command.args(["-c", "mkdir \"$TMPDIR/detector-proof-$$\"; exec \"$DETECTOR\" run -- true"]);
    let finished = run(command.env("DETECTOR", binary()?).env("TMPDIR", desk.path()))?;
    finished.assert_ended(0, &[]);
    Ok(())
}

#[test]
fn too_few_descriptors_are_an_error_that_says_so() {
    let change = |command: &mut Command| {
        // SAFETY: the closure makes one system call.
        unsafe {
            command.pre_exec(|| Ok(setrlimit(Resource::Nofile, Rlimit { current: Some(24), maximum: Some(24) })?));
        }
    };
    assert_does_not_start(&[], change, &["Too many open files"]);
}

/// The verdict and reasons of a report.
fn judged(report: &Path) -> anyhow::Result<(String, String)> {
    let report: Value = serde_json::from_slice(&fs::read(report)?)?;
    Ok((report["verdict"].as_str().unwrap_or_default().to_owned(), report["reasons"].to_string()))
}

#[test]
fn a_full_disk_costs_the_verdict_and_not_the_build() -> Result {
    const WORK: &str = "i=0; while [ $i -lt 400 ]; do /bin/true; i=$((i+1)); done; echo done; exit 3";
    // What follows the header, which has the whole policy in it.
    const ROOM: usize = 64 << 10;
    let desk = directory()?;
    assert_runs(&["--record", &desk.path().join("whole").display().to_string()], |_| {});
    let whole = fs::read(desk.path().join("whole"))?;
    let header = whole.iter().position(|byte| *byte == b'\n').context("no header")?;
    let (full, report, saved) = (desk.path().join("full"), desk.path().join("report"), desk.path().join("saved"));
    fs::create_dir(&full)?;
    // The tmpfs goes with the namespace: what is on it is saved from inside.
    let script = "\"$DETECTOR\" run --record full/recording --report json=report -- sh -c \"$WORK\"; \
                  status=$?; cp full/recording saved; exit $status";
    let mut command = plain("sh");
    command.args(["-c", script]).env("DETECTOR", binary()?).env("WORK", WORK).current_dir(desk.path());
    let finished =
        run(mounts::own(&mut command, vec![Change::Tmpfs(mounts::at(&full)?, u32::try_from(header + ROOM)?)]))?;
    finished.assert_ended(3, &["the recording ends here", "No space left on device"]);
    assert_eq!(finished.out(), "done\n");
    assert_eq!(finished.err().matches("the recording ends here").count(), 1, "{finished:?}");
    let (verdict, reasons) = judged(&report)?;
    assert_eq!(verdict, "INCONCLUSIVE", "{reasons}");
    assert!(reasons.contains("recording is incomplete") && reasons.contains("No space left"), "{reasons}");
    assert_is_whole_but_for_the_last_line(&fs::read(&saved)?);
    let replayed = run(detector(["replay"])?.arg(&saved))?;
    replayed.assert_ended(0, &[]);
    assert!(replayed.out().starts_with("INCONCLUSIVE"), "{replayed:?}");
    Ok(())
}

#[test]
fn a_disk_that_is_full_from_the_start_costs_no_more() -> Result {
    let desk = directory()?;
    let report = desk.path().join("report");
    let json = format!("json={}", report.display());
    assert_runs(&["--record", "/dev/full", "--report", &json], |_| {});
    let (verdict, reasons) = judged(&report)?;
    assert_eq!(verdict, "INCONCLUSIVE", "{reasons}");
    assert!(reasons.contains("No space left"), "{reasons}");
    Ok(())
}

/// Every line is JSON; what was cut is at the end and has no line's end.
#[track_caller]
fn assert_is_whole_but_for_the_last_line(recording: &[u8]) {
    assert!(recording.len() > 1024, "hardly anything was recorded");
    let whole = recording.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    for (n, line) in recording[..whole].split_inclusive(|byte| *byte == b'\n').enumerate() {
        let parsed: serde_json::Result<Value> = serde_json::from_slice(line);
        assert!(
            parsed.is_ok_and(|value| value["kind"].is_string()),
            "line {}: {}",
            n + 1,
            String::from_utf8_lossy(line)
        );
    }
}

/// Runs `script` under the detector in the scene, until `recorded` is in the recording; then the detector is killed.
fn killed_while(scene: &Scene, desk: &Path, script: &str, recorded: &str) -> anyhow::Result<PathBuf> {
    let recording = desk.join("recording");
    let mut command = detector(["run", "--record"])?;
    command.arg(&recording).args(["--", "sh", "-c", script]);
    scene.network.job.enter(&mut command);
    let running = Running::start(command.stdin(Stdio::null()))?;
    running.says("ready")?;
    let text = || fs::read_to_string(&recording).unwrap_or_default();
    assert!(until(LIMIT, || text().contains(recorded)), "{recorded} was not recorded: {}", text());
    running.signal(Signal::KILL)?;
    let finished = running.finish()?;
    assert_eq!(finished.signal(), Some(9), "{finished:?}");
    Ok(recording)
}

#[test]
fn a_killed_detector_leaves_a_recording_that_can_be_read() -> Result {
    let (scene, desk) = (Scene::new()?, directory()?);
    let recording = killed_while(&scene, desk.path(), "/bin/true; echo ready; sleep 60", "\"exit\"")?;
    assert_is_whole_but_for_the_last_line(&fs::read(&recording)?);
    let replayed = run(detector(["replay", "--strict"])?.arg(&recording))?;
    replayed.assert_ended(101, &[]);
    assert!(replayed.out().starts_with("INCONCLUSIVE"), "{replayed:?}");
    // Audit changes nothing: the build goes on without its watcher.
    assert!(!scene.network.job.processes().is_empty(), "the build was stopped with the detector");
    Ok(())
}

#[test]
fn a_leak_before_the_kill_is_still_a_leak() -> Result {
    let (scene, desk) = (Scene::new()?, directory()?);
    let secret = scene.home.credential("aws");
    let script = format!("cat {} > /dev/tcp/{SINK_V4}/{}; echo ready; sleep 60", secret.display(), scene.sink.port());
    let recording = killed_while(&scene, desk.path(), &format!("exec bash -c '{script}'"), "\"call\":\"send\"")?;
    assert!(scene.sink.contains(scene.home.canary("aws")), "audit stops nothing");
    let replayed = run(detector(["replay"])?.arg(&recording))?;
    replayed.assert_ended(FAIL, &[]);
    assert!(replayed.out().contains("aws"), "{replayed:?}");
    Ok(())
}

/// The pins of one process; none when it has left none.
fn pins(pid: u32) -> Option<PathBuf> {
    let entries = fs::read_dir(PINS).ok()?;
    let own = format!("{pid}-");
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(&own)))
}

/// An enforced run that has read a secret, has sent it on an old connection and is still there.
fn lingering(scene: &Scene, desk: &Path) -> anyhow::Result<Running> {
    let policy = desk.join("policy.yaml");
    fs::write(&policy, DENY)?;
    let (sink, secret) = (scene.sink.at(SINK_V4).to_string(), scene.home.credential("aws"));
    let recording = desk.join("recording");
    let mut command = detector(["run", "--mode", "enforce", "--policy"])?;
    command.arg(policy).arg("--record").arg(&recording).arg("--");
    command.args(act(&["linger", &sink, &secret.to_string_lossy()])?);
    scene.network.job.enter(&mut command);
    let running = Running::start(command.stdin(Stdio::null()))?;
    let text = || fs::read_to_string(&recording).unwrap_or_default();
    assert!(until(LIMIT, || text().contains("\"drop\"")), "nothing was refused at egress: {}", text());
    Ok(running)
}

#[test]
fn a_socket_stays_marked_when_the_detector_is_killed() -> Result {
    let (scene, desk) = (Scene::new()?, directory()?);
    let running = lingering(&scene, desk.path())?;
    let pid = running.pid();
    running.signal(Signal::KILL)?;
    let _ended = running.finish()?;
    let left = pins(pid).expect("the quarantine is pinned");
    assert!(!scene.network.job.processes().is_empty(), "the holder is still there, and its socket with it");
    // A later run leaves what is needed, and works beside it.
    assert_runs(&[], |_| {});
    assert!(left.exists(), "a later run took away what still holds a secret back");
    // The kernel sends what was dropped again, after 0.2, 0.4, 0.8 ... seconds.
    assert_eq!(scene.sink.settle(Duration::from_secs(4)), 0, "what was refused arrived after the detector's death");
    let secrets = scene.canaries();
    detector_tests::canary::assert_absent(&secrets, "the sink", &scene.sink.bytes());
    // A socket whose process has gone is given up when its data is not acknowledged: here after one retry.
    scene.network.job.within(|| Ok(fs::write("/proc/sys/net/ipv4/tcp_orphan_retries", "1")?))?;
    scene.network.job.kill_all();
    let swept = || {
        assert_runs(&[], |_| {});
        !left.exists()
    };
    assert!(until(LIMIT, swept), "{} is still there without a socket", left.display());
    assert_eq!(scene.sink.settle(Duration::from_secs(1)), 0, "what was refused arrived after the sweep");
    Ok(())
}

/// Root may remove files: what holds a secret back must not hang on them while the detector is there.
#[test]
fn pins_removed_during_a_run_do_not_disarm_it() -> Result {
    let (scene, desk) = (Scene::new()?, directory()?);
    let running = lingering(&scene, desk.path())?;
    let directory = pins(running.pid()).expect("the quarantine is pinned");
    for entry in fs::read_dir(&directory)? {
        fs::remove_file(entry?.path())?;
    }
    assert_eq!(scene.sink.settle(Duration::from_secs(4)), 0, "what was refused arrived when the pins were removed");
    Ok(())
}

#[test]
fn a_run_that_refused_nothing_leaves_no_pins() -> Result {
    let mut command = detector(["run", "--mode", "enforce", "--", "sh", "-c", "echo ready; exec cat"])?;
    let mut running = Running::start(command.stdin(Stdio::piped()))?;
    running.says("ready")?;
    let pid = running.pid();
    assert!(pins(pid).is_some(), "while it runs the quarantine is pinned");
    drop(running.stdin());
    running.finish()?.assert_ended(0, &[]);
    assert_eq!(pins(pid), None);
    Ok(())
}

#[test]
fn pins_of_a_killed_run_without_a_marked_socket_are_swept() -> Result {
    let mut command = detector(["run", "--mode", "enforce", "--", "sh", "-c", "echo ready; exec cat"])?;
    let running = Running::start(command.stdin(Stdio::piped()))?;
    running.says("ready")?;
    let pid = running.pid();
    running.signal(Signal::KILL)?;
    let _ended = running.finish()?;
    // Another test's run may have swept them already.
    assert_runs(&[], |_| {});
    assert_eq!(pins(pid), None);
    Ok(())
}

/// Where a report cannot be written any more, the build's status is still its own.
#[test]
fn a_report_that_cannot_be_written_does_not_change_the_status() -> Result {
    assert_runs(&["--report", "json=/dev/full"], |_| {});
    assert_runs(&["--verdict", "/dev/full"], |_| {});
    let script = |redirect: &str| -> anyhow::Result<Finished> {
        let line = format!("\"$DETECTOR\" run -- sh -c 'exit 3' {redirect}");
        run(plain("bash").args(["-c", &line]).env("DETECTOR", binary()?))
    };
    assert_eq!(script("2> /dev/full")?.code(), Some(3), "standard error is full");
    assert_eq!(script("2>&-")?.code(), Some(3), "standard error is closed");
    assert_eq!(script("2> >(true)")?.code(), Some(3), "nobody reads standard error");
    Ok(())
}

/// ... and a theft is still a FAIL.
#[test]
fn a_report_that_cannot_be_written_does_not_hide_a_theft() -> Result {
    let scene = Scene::new()?;
    let (sink, secret) = (scene.sink.at(SINK_V4).to_string(), scene.home.credential("aws"));
    let desk = directory()?;
    let verdict = desk.path().join("verdict");
    let mut command = detector(["run", "--mode", "enforce", "--report", "json=/dev/full", "--verdict"])?;
    command.arg(&verdict).arg("--").args(act(&["old-tcp", &sink, &secret.to_string_lossy()])?);
    let finished = run(scene.network.job.enter(&mut command))?;
    finished.assert_ended(FAIL, &["cannot write /dev/full"]);
    assert_eq!(fs::read_to_string(verdict)?, "FAIL\n");
    scene.assert_absent_from("the sink", &scene.sink.bytes());
    Ok(())
}

fn stat(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default()
}

#[test]
fn a_start_that_was_refused_leaves_nothing() -> Result {
    let desk = directory()?;
    let junk = desk.path().join("junk");
    drop(File::create(&junk)?);
    let temporary = desk.path().join("tmp");
    fs::create_dir(&temporary)?;
    let mut command = detector(["run", "--mode", "enforce", "--btf"])?;
    command.arg(&junk).args(["--", "true"]).env("TMPDIR", &temporary);
    let running = Running::start(command.stdin(Stdio::null()))?;
    let pid = running.pid();
    running.finish()?.assert_ended(SENSOR, &[]);
    assert_eq!(pins(pid), None);
    assert_eq!(fs::read_dir(&temporary)?.count(), 0);
    Ok(())
}
