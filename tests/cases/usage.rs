//! Bad input through the real command line: the right exit code, a message that says where and what to do, no panic, and
//! nothing run. Recordings of every condition through `replay`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use detector::event::SCHEMA;
use detector_tests::{
    console::{Finished, Running, binary, detector, plain, run},
    fixture::act,
    namespace::SINK_V4,
    scene::Scene,
};
use serde_json::Value;
use std::{
    ffi::OsString,
    fs,
    os::unix::{
        fs::{PermissionsExt as _, symlink},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::Stdio,
    sync::OnceLock,
    time::Duration,
};
use tempfile::TempDir;

type Result = anyhow::Result<()>;

const PASS: i32 = 0;
const FAIL: i32 = 100;
const INCONCLUSIVE: i32 = 101;
const USAGE: i32 = 102;

/// Far below what a start of the sensor takes: refused before that.
const AT_ONCE: Duration = Duration::from_secs(20);

/// A directory to run `detector run OPTIONS -- touch marker` in.
struct Desk(TempDir);

impl Desk {
    fn new() -> anyhow::Result<Self> {
        Ok(Self(tempfile::Builder::new().prefix("detector-usage-").tempdir()?))
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> std::io::Result<()> {
        fs::write(self.at(name), text)
    }

    fn run(&self, arguments: &[&str]) -> anyhow::Result<Finished> {
        let mut command = detector(["run"])?;
        run(command.args(arguments).current_dir(self.0.path()))
    }

    /// Refused at once with `code`, for a reason that has all of `says` in it, and nothing was run.
    #[track_caller]
    fn refuses(&self, options: &[&str], code: i32, says: &[&str]) {
        let finished = self.run(&[options, &["--", "touch", "marker"]].concat()).unwrap();
        finished.assert_ended(code, says);
        assert!(finished.stdout.is_empty(), "{finished:?}");
        assert!(!self.at("marker").exists(), "the command was run: {finished:?}");
        assert!(finished.elapsed < AT_ONCE, "not refused before the sensor was started: {finished:?}");
        for word in ["Os {", "Error {", "Err("] {
            assert!(!finished.err().contains(word), "a message for programmers: {finished:?}");
        }
    }
}

#[test]
fn a_bad_policy_is_refused_with_the_place_and_the_remedy() -> Result {
    let desk = Desk::new()?;
    let class =
        |key: &str| format!("version: 1\nclasses:\n  aws:\n    {key}: [\"~/x\"]\n    action: kill\n    reason: x\n");
    let row = |to: &str, accept: &str| {
        format!("version: 1\nextends: builtin\ndestinations:\n  - to: [\"{to}\"]\n    accept: [{accept}]\n")
    };
    let cases: [(&str, String, &[&str]); 13] = [
        ("syntax", "version: 1\nclasses: [\n".into(), &["syntax.yaml:2:10: ", "bracket", "correct the YAML"]),
        ("key", class("path"), &["key.yaml:4:5: ", "unknown key `path`", "did you mean `paths`?"]),
        (
            "top",
            "version: 1\nmodes: audit\n".into(),
            &["top.yaml:2:1: ", "unknown key `modes`", "did you mean `mode`?"],
        ),
        ("mode", "version: 1\nmode: enforced\n".into(), &["mode.yaml:2:7: ", "did you mean `enforce`?"]),
        ("twice", "version: 1\nmode: audit\nmode: enforce\n".into(), &["twice.yaml:3:1: ", "`mode`", "keep one"]),
        ("version", "version: 9\n".into(), &["version.yaml:1:10: ", "write `version: 1`"]),
        ("no-version", "mode: audit\n".into(), &["no-version.yaml", "begin the file with `version: 1`"]),
        ("pattern", class("paths").replace("~/x", "~/*/*/*"), &["pattern.yaml:4:13: ", "~/*/*/*"]),
        ("network", row("203.0.113.0/33", "aws"), &["network.yaml:4:10: ", "203.0.113.0/33", "write `203.0.113.7`"]),
        ("class", row("203.0.113.7", "asw"), &["class.yaml:5:14: ", "unknown class `asw`", "did you mean `aws`?"]),
        ("new", "version: 1\nclasses:\n  x: { paths: [~/x] }\n".into(), &["new.yaml:3:3: ", "no `action`", "add it"]),
        ("empty", String::new(), &["empty.yaml", "begin the file with `version: 1`"]),
        (
            "absent",
            "version: 1\nextends: nowhere.yaml\n".into(),
            &["absent.yaml:2:10: ", "nowhere.yaml", "check the path"],
        ),
    ];
    for (name, text, says) in cases {
        let file = format!("{name}.yaml");
        desk.write(&file, text)?;
        desk.refuses(&["--policy", &file], USAGE, says);
    }
    desk.write("bytes.yaml", b"version: 1\n# \xff\n")?;
    desk.refuses(&["--policy", "bytes.yaml"], USAGE, &["bytes.yaml:2:3: ", "save the file as UTF-8"]);
    desk.write("escape.yaml", "version: 1\n\"\\e[31mred\": 1\n")?;
    desk.refuses(&["--policy", "escape.yaml"], USAGE, &["escape.yaml:2:1: "]);
    let said = desk.run(&["--policy", "escape.yaml", "--", "true"])?;
    assert!(!said.stderr.contains(&0x1b), "a policy's control characters reach the terminal: {said:?}");
    Ok(())
}

#[test]
fn a_policy_of_65_classes_is_one_too_many() -> Result {
    let desk = Desk::new()?;
    let class = |n: usize| format!("  c{n}: {{ paths: [\"~/c{n}\"], action: alert, reason: x }}\n");
    let text = format!("version: 1\nclasses:\n{}", (0..65).map(class).collect::<String>());
    desk.write("many.yaml", text)?;
    desk.refuses(&["--policy", "many.yaml"], USAGE, &["many.yaml:67:3: ", "`c64`", "at most 64", "merge some"]);
    Ok(())
}

#[test]
fn policies_that_cannot_be_followed_are_refused_with_the_chain() -> Result {
    let desk = Desk::new()?;
    desk.write("a.yaml", "version: 1\nextends: b.yaml\n")?;
    desk.write("b.yaml", "version: 1\nextends: a.yaml\n")?;
    let chain = "a.yaml -> b.yaml -> a.yaml";
    desk.refuses(&["--policy", "a.yaml"], USAGE, &["b.yaml:2:10: ", chain, "remove one `extends`"]);
    for n in 0..10 {
        desk.write(&format!("d{n}.yaml"), format!("version: 1\nextends: d{}.yaml\n", n + 1))?;
    }
    desk.refuses(&["--policy", "d0.yaml"], USAGE, &["d8.yaml:2:10: ", "d0.yaml -> d1.yaml", "merge some"]);
    desk.refuses(&["--policy", "missing.yaml"], USAGE, &["missing.yaml", "No such file", "check the path"]);
    fs::create_dir(desk.at("directory"))?;
    desk.refuses(&["--policy", "directory"], USAGE, &["directory is a directory", "name the policy file in it"]);
    Ok(())
}

#[test]
fn a_command_line_that_is_no_command_line_is_refused() -> Result {
    let desk = Desk::new()?;
    desk.refuses(&["--report", "xml"], USAGE, &["`xml`", "text and json"]);
    desk.refuses(&["--report", "json="], USAGE, &["FORMAT=FILE"]);
    desk.refuses(&["--mode", "enforced"], USAGE, &["enforced", "audit, enforce"]);
    desk.refuses(&["--no-such-option"], USAGE, &["--no-such-option", "--help"]);
    for (arguments, says) in [(&["touch", "marker"][..], "-- <CMD>"), (&["--"][..], "-- <CMD>"), (&[][..], "-- <CMD>")]
    {
        let finished = desk.run(arguments)?;
        finished.assert_ended(USAGE, &[says, "--help"]);
        assert!(!desk.at("marker").exists());
    }
    run(&mut detector(["rum", "--", "true"])?)?.assert_ended(USAGE, &["rum", "'run'"]);
    run(&mut detector([] as [&str; 0])?)?.assert_ended(USAGE, &["Usage: detector"]);
    run(&mut detector(["replay"])?)?.assert_ended(USAGE, &["<FILE>"]);
    Ok(())
}

#[test]
fn an_unknown_user_is_refused() -> Result {
    let desk = Desk::new()?;
    desk.refuses(&["--user", "nobody-of-that-name"], USAGE, &["no user nobody-of-that-name", "/etc/passwd", "--user"]);
    desk.refuses(&["--user", ""], USAGE, &["no user", "--user"]);
    // The number that means "unchanged" to the kernel.
    desk.refuses(&["--user", "4294967295"], USAGE, &["4294967295", "--user"]);
    desk.refuses(&["--user", "-1"], USAGE, &["-1"]);
    let mut command = detector(["run", "--", "touch", "marker"])?;
    let finished = run(command.current_dir(desk.0.path()).env("SUDO_UID", "nonsense"))?;
    finished.assert_ended(USAGE, &["no user nonsense", "--user"]);
    assert!(!desk.at("marker").exists());
    Ok(())
}

#[test]
fn a_file_that_cannot_be_written_is_refused_before_anything_runs() -> Result {
    let desk = Desk::new()?;
    fs::create_dir(desk.at("directory"))?;
    let outputs = |path: &str| {
        [
            vec!["--record".to_owned(), path.to_owned()],
            vec!["--report".to_owned(), format!("json={path}")],
            vec!["--report".to_owned(), format!("text={path}")],
            vec!["--verdict".to_owned(), path.to_owned()],
        ]
    };
    for (path, why) in
        [("nowhere/file", "No such file"), ("directory", "directory"), ("/dev/null/file", "Not a directory")]
    {
        for options in outputs(path) {
            let options: Vec<&str> = options.iter().map(String::as_str).collect();
            desk.refuses(&options, USAGE, &[path, why]);
        }
    }
    Ok(())
}

#[test]
fn a_link_in_the_place_of_an_output_is_refused_and_not_followed() -> Result {
    let desk = Desk::new()?;
    desk.write("precious", "precious\n")?;
    symlink("precious", desk.at("link"))?;
    symlink("nothing-yet", desk.at("dangling"))?;
    for link in ["link", "dangling"] {
        for options in [["--record", link], ["--report", &format!("json={link}")], ["--verdict", link]] {
            desk.refuses(&options, USAGE, &[link, "cannot write"]);
        }
    }
    assert_eq!(fs::read_to_string(desk.at("precious"))?, "precious\n");
    assert!(!desk.at("nothing-yet").exists());
    Ok(())
}

/// `Too many levels of symbolic links` sends people looking for a loop that is not there.
#[test]
fn the_refusal_of_a_link_says_that_it_is_one() -> Result {
    let desk = Desk::new()?;
    symlink("precious", desk.at("link"))?;
    let finished = desk.run(&["--record", "link", "--", "touch", "marker"])?;
    finished.assert_ended(USAGE, &["link", "is a symbolic link"]);
    Ok(())
}

/// A build may have put a pipe without a reader there: opening it would wait for ever.
#[test]
fn a_pipe_in_the_place_of_an_output_does_not_block() -> Result {
    let desk = Desk::new()?;
    rustix::fs::mknodat(rustix::fs::CWD, desk.at("pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0)?;
    let mut command = detector(["run", "--record", "pipe", "--", "touch", "marker"])?;
    let running = Running::start(command.current_dir(desk.0.path()).stdin(Stdio::null()))?;
    let pid = running.pid();
    let status = || fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let ended = detector_tests::console::until(AT_ONCE, || status().contains(") Z "));
    assert!(ended, "waits for a reader");
    running.finish()?.assert_ended(USAGE, &["pipe"]);
    Ok(())
}

/// Two outputs in one file would be neither.
#[test]
fn one_file_for_two_outputs_is_refused() -> Result {
    let desk = Desk::new()?;
    desk.refuses(&["--record", "same", "--report", "json=same"], USAGE, &["same"]);
    desk.refuses(&["--report", "text=same", "--report", "json=same"], USAGE, &["same"]);
    Ok(())
}

/// Two recordings of real runs: a theft in audit, and work without secrets.
struct Recorded {
    theft: Vec<u8>,
    report: String,
    clean: Vec<u8>,
}

fn recorded() -> &'static Recorded {
    static RECORDED: OnceLock<Recorded> = OnceLock::new();
    RECORDED.get_or_init(|| record().unwrap())
}

fn record() -> anyhow::Result<Recorded> {
    let scene = Scene::new()?;
    let credential = scene.home.credential("aws");
    let sink = scene.sink.at(SINK_V4).to_string();
    let steal = act(&["old-tcp", &sink, &credential.to_string_lossy()])?;
    let theft = scene.job(steal).mode("audit").watched()?;
    assert_eq!((theft.code(), theft.verdict()), (Some(0), Some("FAIL")), "{}", String::from_utf8_lossy(&theft.stderr));
    let clean = scene.job(["true"]).mode("audit").watched()?;
    assert_eq!((clean.code(), clean.verdict()), (Some(0), Some("PASS")), "{}", String::from_utf8_lossy(&clean.stderr));
    let bytes = |path: Option<PathBuf>| fs::read(path.unwrap_or_default());
    Ok(Recorded {
        theft: bytes(theft.recording())?,
        report: fs::read_to_string(theft.files().join("report.json"))?,
        clean: bytes(clean.recording())?,
    })
}

/// A directory with `theft`, `clean` and `cut` (`clean` without the end of its last line).
fn shelf() -> anyhow::Result<Desk> {
    let desk = Desk::new()?;
    let Recorded { theft, clean, .. } = recorded();
    desk.write("theft", theft)?;
    desk.write("clean", clean)?;
    desk.write("cut", &clean[..clean.len() - 9])?;
    Ok(desk)
}

fn replay(desk: &Desk, arguments: &[&str]) -> anyhow::Result<Finished> {
    let mut command = detector(["replay"])?;
    run(command.args(arguments).current_dir(desk.0.path()))
}

#[test]
fn what_is_no_recording_is_refused() -> Result {
    let desk = shelf()?;
    desk.write("garbage", "junk\n")?;
    desk.write("binary", (0..=255_u8).cycle().take(1 << 16).collect::<Vec<_>>())?;
    desk.write("empty", "")?;
    desk.write("json", "{\"hello\": 1}\n")?;
    desk.write("header-cut", &recorded().clean[..100])?;
    fs::create_dir(desk.at("directory"))?;
    for (name, says) in [
        ("garbage", "give a file that the detector recorded"),
        ("binary", "give a file that the detector recorded"),
        ("json", "give a file that the detector recorded"),
        ("empty", "record again"),
        ("header-cut", "record again"),
        ("missing", "cannot read missing: No such file"),
        ("directory", "cannot read directory: Is a directory"),
    ] {
        let finished = replay(&desk, &[name])?;
        finished.assert_ended(USAGE, &[name, says]);
        assert!(finished.stdout.is_empty(), "{finished:?}");
    }
    Ok(())
}

#[test]
fn a_damaged_recording_is_refused_with_its_line() -> Result {
    let desk = shelf()?;
    let text = String::from_utf8(recorded().clean.clone())?;
    let mut lines: Vec<&str> = text.lines().collect();
    lines.insert(2, "{\"kind\":\"nonsense\"}");
    desk.write("line", lines.join("\n") + "\n")?;
    replay(&desk, &["line"])?.assert_ended(USAGE, &["line:3: ", "damaged"]);
    desk.write("joined", [text.as_str(), text.as_str()].concat())?;
    replay(&desk, &["joined"])?.assert_ended(USAGE, &["joined:", "split the file"]);
    let digest = serde_json::from_str::<Value>(lines[0])?["policy"]["digest"].as_str().unwrap_or_default().to_owned();
    desk.write("digest", text.replacen(&digest, &"0".repeat(digest.len()), 1))?;
    replay(&desk, &["digest"])?.assert_ended(USAGE, &["digest", "give a policy to judge it by"]);
    desk.write("builtin.yaml", "version: 1\nextends: builtin\n")?;
    replay(&desk, &["--policy", "builtin.yaml", "digest"])?.assert_ended(PASS, &[]);
    desk.write("schema", text.replacen(&format!("\"schema\":{SCHEMA}"), "\"schema\":99", 1))?;
    replay(&desk, &["schema"])?.assert_ended(USAGE, &["schema 99", "or later"]);
    Ok(())
}

#[test]
fn a_cut_recording_is_inconclusive() -> Result {
    let desk = shelf()?;
    let finished = replay(&desk, &["cut"])?;
    finished.assert_ended(PASS, &[]);
    assert!(finished.out().starts_with("INCONCLUSIVE"), "{finished:?}");
    assert!(finished.out().contains("in the middle of a line"), "{finished:?}");
    replay(&desk, &["--strict", "cut"])?.assert_ended(INCONCLUSIVE, &[]);
    replay(&desk, &["--strict", "clean"])?.assert_ended(PASS, &[]);
    // Whole lines, and no footer.
    let text = String::from_utf8(recorded().clean.clone())?;
    let lines: Vec<&str> = text.lines().collect();
    desk.write("lines", lines[..lines.len() - 1].join("\n") + "\n")?;
    let finished = replay(&desk, &["--strict", "lines"])?;
    finished.assert_ended(INCONCLUSIVE, &[]);
    assert!(finished.out().contains("no footer") || finished.out().contains("footer"), "{finished:?}");
    Ok(())
}

#[test]
fn of_several_recordings_the_worst_counts() -> Result {
    let desk = shelf()?;
    for (files, code) in [
        (&["clean", "clean"][..], PASS),
        (&["clean", "cut"], PASS),
        (&["--strict", "cut", "clean"], INCONCLUSIVE),
        (&["clean", "theft"], FAIL),
        (&["theft", "clean"], FAIL),
        (&["--strict", "cut", "theft"], FAIL),
        (&["--strict", "theft", "cut"], FAIL),
    ] {
        let finished = replay(&desk, files)?;
        assert_eq!(finished.code(), Some(code), "{files:?}: {finished:?}");
    }
    let finished = replay(&desk, &["clean", "missing"])?;
    finished.assert_ended(USAGE, &["missing"]);
    assert!(finished.out().contains("PASS: no findings"), "{finished:?}");
    Ok(())
}

/// Two verdicts without names would leave the reader guessing.
#[test]
fn reports_of_several_recordings_say_whose_they_are() -> Result {
    let desk = shelf()?;
    let finished = replay(&desk, &["clean", "theft"])?;
    assert!(finished.out().contains("clean") && finished.out().contains("theft"), "{finished:?}");
    Ok(())
}

/// One unreadable recording must not hide the theft in the next.
#[test]
fn a_bad_recording_does_not_keep_the_others_from_being_judged() -> Result {
    let desk = shelf()?;
    let finished = replay(&desk, &["missing", "theft"])?;
    assert!(finished.out().contains("FAIL"), "{finished:?}");
    finished.assert_ended(USAGE, &["missing"]);
    Ok(())
}

#[test]
fn a_policy_given_to_replay_decides_anew() -> Result {
    let desk = shelf()?;
    replay(&desk, &["theft"])?.assert_ended(FAIL, &[]);
    let accept = format!("version: 1\nextends: builtin\ndestinations:\n  - to: [\"{SINK_V4}\"]\n    accept: [aws]\n");
    desk.write("accept.yaml", &accept)?;
    let finished = replay(&desk, &["--policy", "accept.yaml", "theft"])?;
    finished.assert_ended(PASS, &[]);
    // Who read it is no declared reader of it, wherever it goes.
    assert!(finished.out().starts_with("PASS: 1 finding (1 medium)"), "{finished:?}");
    desk.write("other.yaml", accept.replace("[aws]", "[npm]"))?;
    replay(&desk, &["--policy", "other.yaml", "theft"])?.assert_ended(FAIL, &[]);
    desk.write("mild.yaml", "version: 1\nextends: builtin\nfail-on: critical\nclasses:\n  aws: { action: alert }\n")?;
    let finished = replay(&desk, &["--policy", "mild.yaml", "theft"])?;
    finished.assert_ended(PASS, &[]);
    assert!(finished.out().contains("aws"), "the finding is still told: {finished:?}");
    desk.write("bad.yaml", "version: 1\nmodes: audit\n")?;
    replay(&desk, &["--policy", "bad.yaml", "theft"])?.assert_ended(USAGE, &["bad.yaml:2:1: "]);
    Ok(())
}

#[test]
fn replay_gives_the_report_of_the_run() -> Result {
    let desk = shelf()?;
    let finished = replay(&desk, &["--report", "json", "theft"])?;
    assert_eq!(finished.out(), recorded().report);
    replay(&desk, &["--report", "json=report", "theft"])?.assert_ended(FAIL, &[]);
    assert_eq!(fs::read_to_string(desk.at("report"))?, recorded().report);
    let mut command = detector(["replay", "--report", "json", "/dev/stdin"])?;
    let piped = run_with_stdin(&mut command, recorded().theft.clone(), desk.0.path())?;
    assert_eq!((piped.code(), piped.out()), (Some(FAIL), recorded().report.clone()));
    Ok(())
}

fn run_with_stdin(command: &mut std::process::Command, input: Vec<u8>, at: &Path) -> anyhow::Result<Finished> {
    let mut running = Running::start(command.current_dir(at).stdin(Stdio::piped()))?;
    running.feed(input)?;
    running.finish()
}

#[test]
fn replay_needs_no_privilege() -> Result {
    let desk = shelf()?;
    for directory in [desk.0.path(), &desk.at("clean"), &desk.at("theft")] {
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755))?;
    }
    // By cp: a copy of our own could be busy while another test forks. The binary's directory may be closed to others.
    let copy = desk.at("detector");
    let copied = run(plain("cp").args([binary()?, copy.clone()].map(OsString::from)))?;
    copied.assert_ended(0, &[]);
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755))?;
    for (name, code) in [("clean", PASS), ("theft", FAIL)] {
        let mut command = plain(&copy);
        command.args(["replay", name]).current_dir(desk.0.path());
        run(command.uid(65534).gid(65534))?.assert_ended(code, &[]);
    }
    fs::set_permissions(desk.at("clean"), fs::Permissions::from_mode(0o600))?;
    let mut command = plain(&copy);
    command.args(["replay", "clean"]).current_dir(desk.0.path());
    run(command.uid(65534).gid(65534))?.assert_ended(USAGE, &["cannot read clean: Permission denied"]);
    Ok(())
}

#[test]
fn a_reader_that_has_read_enough_is_no_error_and_a_full_disk_is() -> Result {
    let desk = shelf()?;
    let script = |redirect: &str| -> anyhow::Result<Finished> {
        let line = format!("\"$DETECTOR\" replay theft {redirect}");
        run(plain("sh").args(["-c", &line]).env("DETECTOR", binary()?).current_dir(desk.0.path()))
    };
    script("| true")?.assert_ended(0, &[]);
    let full = script("> /dev/full")?;
    full.assert_ended(104, &["cannot write the report"]);
    Ok(())
}
