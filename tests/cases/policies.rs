//! `detector policy check` through the real command line: what it says of good files and of bad ones, as docs/policy.md
//! has it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use detector_tests::{
    console::detector,
    desk::{Desk, marked},
};
use std::{fs, io::Write as _, os::fd::OwnedFd, os::unix::net::UnixStream};

type Result = anyhow::Result<()>;

const USAGE: i32 = 102;

const GOOD: &str = "version: 1
extends: builtin
destinations:
  - { to: [\"203.0.113.0/24:443\"], accept: [npm], reason: mirror }
rules:
  sweep: { severity: low }
exceptions:
  - { rules: [sweep], programs: [/usr/bin/backup], reason: nightly backup of HOME }
";

#[test]
fn a_good_policy_is_said_to_be_good() -> Result {
    let desk = Desk::new()?;
    desk.write("good.yaml", GOOD)?;
    let finished = desk.policy(&["check", "good.yaml"])?;
    finished.assert_ended(0, &[]);
    let out = finished.out();
    assert!(out.starts_with("good.yaml: good: ") && out.contains("3 destinations, "), "{finished:?}");
    assert!(out.ends_with("1 rule changed, 1 exception, 0 warnings\n"), "{finished:?}");
    assert!(finished.stderr.is_empty(), "{finished:?}");
    // What standard input extends lies in the working directory.
    let finished = desk.policy_of(&["check", "-"], "version: 1\nextends: good.yaml\n")?;
    finished.assert_ended(0, &[]);
    assert_eq!(finished.out(), out.replacen("good.yaml", "standard input", 1));
    // JSON is YAML.
    desk.policy_of(&["check", "-"], "{\"version\": 1, \"extends\": \"builtin\"}")?.assert_ended(0, &[]);
    Ok(())
}

/// Some programs give their children a socket there, which cannot be opened by its name.
#[test]
fn a_policy_is_taken_from_a_socket() -> Result {
    let (mut ours, theirs) = UnixStream::pair()?;
    ours.write_all(GOOD.as_bytes())?;
    drop(ours);
    let output = detector(["policy", "check", "-"])?.stdin(OwnedFd::from(theirs)).output()?;
    assert!(output.status.success() && output.stdout.starts_with(b"standard input: good: "), "{output:?}");
    Ok(())
}

#[test]
fn of_several_files_each_is_judged() -> Result {
    let desk = Desk::new()?;
    let bad = GOOD.replace("sweep: {", "sweeep: {").replace("npm]", "npn]");
    for (name, text) in [("good.yaml", GOOD), ("bad.yaml", &bad), ("fine.yaml", GOOD)] {
        desk.write(name, text)?;
    }
    let finished = desk.policy(&["check", "bad.yaml", "good.yaml", "missing.yaml", "fine.yaml"])?;
    finished.assert_ended(USAGE, &["bad.yaml:4:44: ", "bad.yaml:6:3: ", "missing.yaml: cannot read"]);
    assert_eq!(marked(&finished, "bad.yaml", &bad), 2, "{finished:?}");
    let good: Vec<_> = finished.out().lines().filter_map(|line| Some(line.split_once(": ")?.0.to_owned())).collect();
    assert_eq!(good, ["good.yaml", "fine.yaml"], "{finished:?}");
    desk.policy(&["check"])?.assert_ended(USAGE, &["<FILE>"]);
    desk.policy(&["chekc"])?.assert_ended(USAGE, &["chekc", "check"]);
    desk.policy(&[])?.assert_ended(USAGE, &["check", "show", "schema"]);
    Ok(())
}

/// The one mistake in `text` is told so, with its place, its line and a mark.
#[track_caller]
fn told(desk: &Desk, text: &str, says: &[&str]) {
    desk.write("p.yaml", text).unwrap();
    let finished = desk.policy(&["check", "p.yaml"]).unwrap();
    finished.assert_ended(USAGE, says);
    assert!(finished.err().starts_with(&format!("detector: {}", says[0])), "{finished:?}");
    assert_eq!(marked(&finished, "p.yaml", text), 1, "{finished:?}");
    assert!(finished.stdout.is_empty(), "{finished:?}");
}

#[test]
fn unknown_keys_and_names_are_told_with_the_nearest() -> Result {
    let desk = Desk::new()?;
    for (text, place, what, nearest) in [
        ("modes: audit", "3:1", "unknown key `modes`", "mode"),
        ("mode: enforced", "3:7", "`enforced` is no value of this key", "enforce"),
        ("classes: { aws: { path: [/x] } }", "3:19", "unknown key `path`", "paths"),
        ("classes: { aws: { action: kil } }", "3:27", "`kil` is no value of this key", "kill"),
        ("classes: { aws: { readers: [gti] } }", "3:29", "unknown program `gti`", "git"),
        ("programs: { x: { file: [x] } }", "3:18", "unknown key `file`", "files"),
        ("programs: { x: { files: [x], traits: [shel] } }", "3:39", "unknown trait `shel`", "shell"),
        ("destinations: [{ to: [10.0.0.1], accepts: all }]", "3:34", "unknown key `accepts`", "accept"),
        ("destinations: [{ to: [10.0.0.1], accept: [asw] }]", "3:43", "unknown class `asw`", "aws"),
        ("destinations: [{ to: [10.0.0.1], accept: all, readers: [gitt] }]", "3:57", "unknown program `gitt`", "git"),
        ("rules: { sweeep: { severity: low } }", "3:10", "unknown rule `sweeep`", "sweep"),
        ("rules: { sweep: { enable: false } }", "3:19", "unknown key `enable`", "enabled"),
        ("exceptions: [{ rules: [swep], steps: [1], reason: x }]", "3:24", "unknown rule `swep`", "sweep"),
        ("exceptions: [{ rules: [sweep], classes: [npn], reason: x }]", "3:42", "unknown class `npn`", "npm"),
        ("exceptions: [{ rules: [sweep], programs: [gitt], reason: x }]", "3:43", "unknown program `gitt`", "git"),
        ("exceptions: [{ rules: [sweep], step: [1], reason: x }]", "3:32", "unknown key `step`", "steps"),
    ] {
        let text = format!("version: 1\nextends: builtin\n{text}\n");
        told(&desk, &text, &[&format!("p.yaml:{place}: {what}"), &format!("; did you mean `{nearest}`?\n")]);
    }
    Ok(())
}

#[test]
fn what_cannot_be_is_told_with_what_can() -> Result {
    let desk = Desk::new()?;
    for (text, place, says) in [
        ("destinations: [{ to: [10.0.0.0/33], accept: all }]", "3:23", &["bad destination `10.0.0.0/33`", "write"][..]),
        ("destinations: [{ to: [mirror_test], accept: all }]", "3:23", &["bad destination `mirror_test`", "any depth"]),
        ("destinations: [{ to: ['10.0.0.1:0'], accept: all }]", "3:23", &["not a port"]),
        ("destinations: [{ to: [10.0.0.1/8], accept: all }]", "3:23", &["write `10.0.0.0/8`"]),
        (
            "destinations: [{ to: ['2001:db8::1'], accept: all }]",
            "3:23",
            &["put an IPv6 address in brackets: `[2001:db8::1]`"],
        ),
        ("classes: { x: { paths: [x], action: kill, reason: x } }", "3:25", &["bad pattern `x`", "must start with"]),
        ("classes: { X: { door: memory, action: kill, reason: x } }", "3:12", &["`X` is no class name"]),
        ("classes: { x: { paths: [/x], reason: x } }", "3:12", &["no `action`", "add it"]),
        ("mode: audit\nmode: audit", "4:1", &["`mode` stands here a second time", "keep one"]),
        ("rules: { sweep: { action: kill } }", "3:27", &["after the act", "write `observe` or `alert`"]),
        ("rules: { agent-memory: { action: kill } }", "3:34", &["`door: memory`", "set it there"]),
        ("rules: { leak: { action: alert } }", "3:26", &["`action` of its class", "set it there"]),
        ("rules: { leak: { enabled: false } }", "3:27", &["cannot be switched off", "write `action: observe` there"]),
        ("exceptions: [{ rules: [leak], classes: [npm], reason: x }]", "3:24", &["write a destination"]),
        ("exceptions: [{ rules: [sweep], classes: [npm] }]", "3:32", &["no `reason`", "add it"]),
        ("exceptions: [{ rules: [sweep], reason: x }]", "3:24", &["narrow it by `classes`", "{ enabled: false }"]),
        ("exceptions: [{ rules: [sensor-tamper], steps: [1], reason: x }]", "3:24", &["has no exceptions"]),
        (
            "exceptions: [{ rules: [sweep], steps: [1], reason: x, until: soon }]",
            "3:62",
            &["bad date `soon`", "`2026-"],
        ),
    ] {
        let text = format!("version: 1\nextends: builtin\n{text}\n");
        told(&desk, &text, &[&[&*format!("p.yaml:{place}: ")], says].concat());
    }
    Ok(())
}

#[test]
fn what_is_no_policy_file_is_told() -> Result {
    let desk = Desk::new()?;
    told(&desk, "version: 1\nclasses: [\n", &["p.yaml:2:10: ", "bracket", "correct the YAML"]);
    told(&desk, "version: 1\n\tmode: audit\n", &["p.yaml:1:10: ", "found a tab", "correct the YAML"]);
    told(&desk, "version: 1\nextends: huge.yaml\n", &["p.yaml:2:10: ", "cannot read huge.yaml", "check the path"]);
    told(&desk, "version: 9\n", &["p.yaml:1:10: ", "version 9", "write `version: 1`"]);
    desk.write("huge.yaml", format!("version: 1\n#{}\n", "x".repeat(4 << 20)))?;
    told(&desk, "version: 1\nextends: huge.yaml\n", &["p.yaml:2:10: huge.yaml is larger than 4 MiB"]);
    told(&desk, "version: 1\nextends: .\n", &["p.yaml:2:10: . is a directory"]);
    told(&desk, "version: 1\nextends: p.yaml\n", &["p.yaml:2:10: ", "p.yaml -> p.yaml", "remove one `extends`"]);
    desk.write("latin.yaml", b"version: 1\n# gr\xfcn\n")?;
    // Some editors put a mark before the first line: the place and the line are those that they show.
    let marks = "\u{feff}version: 1\nmodes: audit\n";
    desk.write("marks.yaml", marks)?;
    assert_eq!(marked(&desk.policy(&["check", "marks.yaml"])?, "marks.yaml", marks), 1);
    fs::create_dir(desk.at("directory"))?;
    for (name, says) in [
        ("huge.yaml", "huge.yaml is larger than 4 MiB; that is no policy"),
        ("/dev/zero", "/dev/zero is larger than 4 MiB; that is no policy"),
        ("latin.yaml", "latin.yaml:2:5: not UTF-8; save the file as UTF-8"),
        ("directory", "directory is a directory; name the policy file in it"),
        ("missing.yaml", "cannot read missing.yaml: No such file"),
        ("/dev/null", "begin the file with `version: 1`"),
        // Nothing is there.
        ("-", "standard input: no version; begin the file with `version: 1`"),
    ] {
        let finished = desk.policy(&["check", name])?;
        finished.assert_ended(USAGE, &[says]);
        assert!(finished.stdout.is_empty() && finished.err().lines().count() == 1, "{finished:?}");
    }
    Ok(())
}

#[test]
fn several_mistakes_are_told_at_once() -> Result {
    let desk = Desk::new()?;
    let text = "version: 1\nextends: builtin\nclasses:\n  x:\n    paths: [y]\n    readers: [gti]\n    action: kill\n    \
        reason: x\ndestinations:\n  - to: [10.0.0.0/33]\n    accept: [npn]\nrules: { leek: { severity: low } }\n\
        exceptions:\n  - { rules: [sweep], reason: x }\n";
    desk.write("p.yaml", text)?;
    let finished = desk.policy(&["check", "p.yaml"])?;
    finished.assert_ended(USAGE, &[]);
    let err = finished.err();
    let found: Vec<_> = err.match_indices("p.yaml:").map(|(at, _)| err[at + 7..].split(": ").next().unwrap()).collect();
    assert_eq!(found, ["5:13", "6:15", "10:10", "11:14", "12:10", "14:15"], "{finished:?}");
    assert_eq!(marked(&finished, "p.yaml", text), 6, "{finished:?}");
    // More than 20 are counted.
    for (many, more) in [(20, None), (21, Some("\nand 1 more; correct these first\n"))] {
        let rules: String = (0..many).map(|n| format!("  r{n}: {{}}\n")).collect();
        let text = format!("version: 1\nrules:\n{rules}");
        desk.write("p.yaml", &text)?;
        let finished = desk.policy(&["check", "p.yaml"])?;
        finished.assert_ended(USAGE, more.as_slice());
        assert_eq!((marked(&finished, "p.yaml", &text), finished.err().contains(" more; ")), (20, more.is_some()));
    }
    Ok(())
}

#[test]
fn what_is_of_no_use_is_warned_of() -> Result {
    let desk = Desk::new()?;
    for (text, place, says) in [
        ("exceptions: [{ rules: [sweep], steps: [1], reason: x, until: 2020-01-01 }]", "3:24", "ended on 2020-01-01"),
        ("exceptions: [{ rules: [agent-memory], classes: [npm], reason: x }]", "3:49", "names class `npm`"),
        ("exceptions: [{ rules: [sweep], to: [10.0.0.1], reason: x }]", "3:37", "has a destination, so the exception"),
        ("exceptions: [{ rules: [sweep], paths: [/x], reason: x }]", "3:40", "is about single files, so the exception"),
        (
            "exceptions: [{ rules: [sweep], steps: [1], reason: x }]\nrules: { sweep: { enabled: false } }",
            "3:24",
            "never matters: its rules are switched off",
        ),
        ("rules: { leak: { severity: low } }", "3:10", "no leak fails the run: low is below `fail-on: high`"),
        ("destinations: [{ to: [127.0.0.1], accept: all }]", "3:23", "this row never matters"),
        ("destinations: [{ to: [10.0.0.1], accept: [] }]", "3:23", "this row accepts nothing"),
        (
            "destinations: [{ to: ['*.github.io:443'], accept: [npm] }]",
            "3:23",
            "anyone can have a host of such a name (github.io)",
        ),
        ("destinations: [{ to: ['**.amazonaws.com'], accept: [npm] }]", "3:23", "a thief too"),
        ("destinations: [{ to: ['*.npmjs.org'], accept: [npm] }]", "3:23", "this row never matters"),
    ] {
        let text = format!("version: 1\nextends: builtin\n{text}\n");
        desk.write("p.yaml", &text)?;
        let finished = desk.policy(&["check", "p.yaml"])?;
        finished.assert_ended(0, &[&format!("p.yaml:{place}: warning: "), says]);
        assert_eq!(marked(&finished, "p.yaml", &text), 1, "{finished:?}");
        assert!(finished.out().starts_with("p.yaml: good: ") && finished.out().ends_with(", 1 warning\n"));
    }
    let held = "exceptions: [{ rules: [sweep], classes: [npm], reason: x, until: 9999-12-31 }]";
    let finished = desk.policy_of(&["check", "-"], format!("version: 1\nextends: builtin\n{held}\n"))?;
    finished.assert_ended(0, &[]);
    assert!(finished.stderr.is_empty() && finished.out().ends_with(", 0 warnings\n"), "{finished:?}");
    desk.policy_of(&["check", "-"], "version: 1\n")?.assert_ended(0, &["warning: no class is here"]);
    Ok(())
}
