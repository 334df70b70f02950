//! The job's log as a destination: a block that a holder prints does not get there in enforce, whatever the log is, and everything
//! else does, byte for byte.

use detector::{
    engine::{Action, Enforced, Finding, Mode, Severity, Verdict},
    event::Outcome as Fate,
};
use detector_tests::{
    console::{detector, run},
    run::Job,
    scene::Scene,
    watched::Watched,
};
use std::{
    fs,
    io::{Read, Write},
    process::Stdio,
};

type Result = anyhow::Result<()>;

/// Prints a file as a block, and goes on. Packed, with as much else as makes it long enough.
const THEFT: &str = r#"
block=$({ cat "$FILE"; seq 400; } | gzip -n | base64 -w 0)
echo "before"
printf '== %s ==\n' "$block"
echo "after all"
"#;

/// The same in lines of 76, and by another program.
const LINES: &str = r#"
{ cat "$FILE"; seq 400; } | gzip -n | base64 > "$TMPDIR/lines"
python3 - "$TMPDIR/lines" <<'END'
import sys
print("before")
print(open(sys.argv[1]).read())
print("after all")
END
"#;

/// Several buffers in one call.
const VECTOR: &str = r#"
python3 - "$FILE" <<'END'
import base64, gzip, os, sys
text = open(sys.argv[1]).read() + "".join(map(str, range(400)))
block = base64.b64encode(gzip.compress(text.encode(), mtime=0))
os.write(1, b"before\n")
os.writev(1, [b"== ", block, b" ==\n"])
os.write(1, b"after all\n")
END
"#;

/// Longer than a pipe is.
const LONG: &str = r#"
python3 - "$FILE" <<'END'
import base64, gzip, os, sys
text = open(sys.argv[1]).read() + "".join(map(str, range(400)))
block = base64.b64encode(gzip.compress(text.encode(), mtime=0)) * 400
os.write(1, b"before\n")
assert len(block) > 1 << 17
while block:
    block = block[os.write(1, block):]
os.write(1, b"\nafter all\n")
END
"#;

fn job<'a>(scene: &'a Scene, script: &str) -> Job<'a> {
    scene.job(["bash", "-c", script]).env("FILE", scene.home.credential("aws"))
}

/// The one finding about the log.
fn found(run: &Watched) -> Finding {
    let found: Vec<_> = run.conclusion.findings.iter().filter(|finding| finding.rule == "leak-log").collect();
    let [finding] = found[..] else { panic!("{:#?}", run.conclusion.findings) };
    assert_eq!((finding.severity, finding.action, &finding.destination), (Severity::High, Action::Deny, &None));
    assert_eq!(finding.secret, ["aws"]);
    assert_eq!(run.conclusion.verdict, Verdict::Fail);
    finding.clone()
}

/// Masked in enforce, there in audit.
fn masked(script: &str) -> Result {
    let scene = Scene::new()?;
    let run = Watched::run(&scene, &job(&scene, script).mode("enforce"))?;
    assert_eq!(found(&run).enforced, Some(Enforced { outcome: Fate::Masked, killed: false }));
    assert_eq!((run.conclusion.mode, run.outcome.code()), (Mode::Enforce, Some(100)));
    let text = String::from_utf8_lossy(&run.outcome.stdout).into_owned();
    assert!(text.starts_with("before\n") && text.ends_with("after all\n") && text.contains("***"), "{}", text.len());
    scene.assert_absent_from("the log", &scene.keys.read_log(&run.outcome.stdout)?);
    assert!(run.recording.killed().is_empty());

    let job = job(&scene, script).mode("audit");
    let bare = job.bare()?;
    let run = Watched::run(&scene, &job)?;
    assert_eq!(found(&run).enforced, Some(Enforced { outcome: Fate::Passed, killed: false }));
    assert!(run.outcome.stdout == bare.stdout, "audit changed the log");
    assert_eq!(run.outcome.code(), Some(0));
    Ok(())
}

#[test]
fn a_block_is_masked() -> Result {
    masked(THEFT)
}

#[test]
fn a_block_in_lines_is_masked() -> Result {
    masked(LINES)
}

#[test]
fn a_block_in_several_buffers_is_masked() -> Result {
    masked(VECTOR)
}

#[test]
fn a_block_longer_than_a_pipe_is_masked() -> Result {
    masked(LONG)
}

/// A policy that lets it stand, and one that does not look.
#[test]
fn a_policy_may_let_it_stand() -> Result {
    for (rule, expected) in [("action: alert", Some(Severity::High)), ("enabled: false", None)] {
        let scene = Scene::new()?;
        let policy = format!("version: 1\nextends: builtin\nrules: {{ leak-log: {{ {rule} }} }}\n");
        let job = job(&scene, THEFT).policy(policy.as_str()).mode("enforce");
        let bare = job.bare()?;
        let run = Watched::run(&scene, &job)?;
        assert!(run.outcome.stdout == bare.stdout, "{rule}: the log was changed");
        assert_eq!(run.worst("leak-log"), expected, "{rule}");
        for finding in run.conclusion.findings.iter().filter(|finding| finding.rule == "leak-log") {
            let passed = Some(Enforced { outcome: Fate::Passed, killed: false });
            assert_eq!((finding.action, finding.enforced), (Action::Alert, passed));
        }
    }
    Ok(())
}

/// What holders and others print all day, each with something that is nearly a block.
const HONEST: &str = r#"
token=$(cat "$FILE")
echo "holds ${#token} characters"
printf '%s\n' "commit 0123456789abcdef0123456789abcdef01234567" \
  "/usr/lib/node_modules/some-package/dist/Components/Button1/index/And/So/On/For/Ever/And/Ever/Until/The/Path/Is/Longer/Than/A/Block/Is/At/Least" \
  "sha512-$(head -c 48 /dev/zero | tr '\0' 'q')0aZ== ok" \
  "some_test_names_are_rather_long_and_have_Numbers_1_in_them_and_go_on_and_on_until_they_are_as_long_as_a_block_would_be_but_are_words_all_the_same_2"
base64 -w 0 < "$ARTIFACT"
echo
for i in 01 02 03 04 05 06 07 08 09 10 11 12; do echo "i-0123456789abcde$i"; done
for i in 01 02 03 04 05 06; do echo "0123456789abcdef0123456789abcdef012345$i"; done
printf 'error on stderr\n' >&2
"#;

#[test]
fn what_is_no_block_or_no_holders_passes() -> Result {
    let scene = Scene::new()?;
    fs::write(scene.home.tmp().join("artifact"), [7u8; 600])?;
    let job = job(&scene, HONEST).env("ARTIFACT", scene.home.tmp().join("artifact")).mode("enforce");
    let bare = job.bare()?;
    let run = Watched::run(&scene, &job)?;
    assert!(run.outcome.stdout == bare.stdout, "{}", String::from_utf8_lossy(&run.outcome.stdout));
    assert_eq!(run.worst("leak-log"), None);
    assert_eq!((run.outcome.code(), bare.code()), (Some(0), Some(0)));
    assert!(run.recording.killed().is_empty());
    Ok(())
}

/// Of `detector run` in enforce, without the harness in its streams.
fn enforced(script: &str) -> anyhow::Result<std::process::Command> {
    let mut command = detector(["run", "--mode", "enforce", "--", "bash", "-c", script])?;
    command.stdin(Stdio::null());
    Ok(command)
}

/// A log that is a file is not written by who is killed before.
#[test]
fn a_block_does_not_get_into_a_file() -> Result {
    let (scene, desk) = (Scene::new()?, tempfile::tempdir()?);
    let log = desk.path().join("log");
    let mut command = enforced(THEFT)?;
    command.env("FILE", scene.home.credential("aws")).stdout(fs::File::create(&log)?).stderr(Stdio::piped());
    let output = command.spawn()?.wait_with_output()?;
    assert_eq!(output.status.code(), Some(100), "{output:?}");
    let text = fs::read(&log)?;
    assert!(text.starts_with(b"before\n") && !text.ends_with(b"after all\n"), "{}", String::from_utf8_lossy(&text));
    scene.assert_absent_from("the log", &scene.keys.read_log(&text)?);
    Ok(())
}

/// The detector's own standard output is the log, too: what is written there by another way is not masked, and who does it ends.
#[test]
fn there_is_no_way_around_the_relay() -> Result {
    let scene = Scene::new()?;
    let script = r#"block=$({ cat "$FILE"; seq 400; } | gzip -n | base64 -w 0); printf '%s\n' "$block" > /proc/$PPID/fd/1; echo on"#;
    let run = Watched::run(&scene, &job(&scene, script).mode("enforce"))?;
    assert_eq!(found(&run).enforced, Some(Enforced { outcome: Fate::Passed, killed: true }));
    assert_eq!((run.recording.killed().len(), run.outcome.code()), (1, Some(100)));
    assert!(!run.outcome.stdout.ends_with(b"on\n"));
    Ok(())
}

/// One pipe for both streams keeps their order; two are kept apart.
#[test]
fn streams_stay_what_they_are() -> Result {
    let script = "for i in 1 2 3 4 5 6 7 8; do echo out $i; echo err $i >&2; done";
    let finished = run(&mut enforced(&format!("{{ {script}; }} 2>&1"))?)?;
    assert_eq!(finished.out().lines().count(), 16);
    let (mut reader, writer) = std::io::pipe()?;
    let mut command = enforced(script)?;
    command.stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn()?;
    drop(command);
    let mut text = String::new();
    reader.read_to_string(&mut text)?;
    assert!(child.wait()?.success());
    let lines: Vec<_> = text.lines().filter(|line| line.starts_with("out") || line.starts_with("err")).collect();
    let expected: Vec<_> = (1..9).flat_map(|i| [format!("out {i}"), format!("err {i}")]).collect();
    assert_eq!(lines, expected);
    Ok(())
}

/// `/dev/stdout` can be opened anew by whoever the command runs as.
#[test]
fn the_log_can_be_opened_by_name() -> Result {
    let mut command = detector(["run", "--mode", "enforce", "--user", "nobody", "--", "sh", "-c"])?;
    command.arg("echo one > /dev/stdout; echo two >> /dev/fd/1").stdin(Stdio::null());
    let (mut reader, writer) = std::io::pipe()?;
    rustix::fs::fchown(&writer, Some(rustix::fs::Uid::from_raw(65_534)), None)?;
    command.stdout(writer).stderr(Stdio::piped());
    let child = command.spawn()?;
    drop(command);
    let mut text = String::new();
    reader.read_to_string(&mut text)?;
    let output = child.wait_with_output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(text, "one\ntwo\n");
    Ok(())
}

/// What a command leaves behind may go on printing, and whoever reads the log sees its end when the last one has gone.
#[test]
fn what_is_left_behind_prints_on() -> Result {
    let (mut reader, writer) = std::io::pipe()?;
    let mut command = enforced("exec 3<&0; (read -r _; echo later; read -r _; echo last) <&3 & echo first")?;
    let (from, mut go_on) = std::io::pipe()?;
    command.stdout(writer).stderr(Stdio::null()).stdin(from);
    let mut child = command.spawn()?;
    drop(command);
    assert!(child.wait()?.success());
    go_on.write_all(b"1\n2\n")?;
    let mut text = String::new();
    reader.read_to_string(&mut text)?;
    assert_eq!(text, "first\nlater\nlast\n");
    Ok(())
}

/// Whoever stops reading ends the writer, as without the detector.
#[test]
fn who_is_not_read_ends() -> Result {
    let mut command = enforced("exec head -c 100000000 /dev/zero")?;
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let mut few = [1; 64];
    child.stdout.take().map(|mut stdout| stdout.read_exact(&mut few)).transpose()?;
    assert_eq!((few, child.wait()?.code()), ([0; 64], Some(128 + 13)), "SIGPIPE");
    Ok(())
}
