//! What holds of all that `detector policy` prints. A policy may come from a pull request: nothing in it may act on a
//! terminal, or bring a secret into a log.

use detector_tests::{
    canary::{Canary, assert_absent},
    console::{binary, detector, plain, run},
    desk::Desk,
};
use std::{
    io::{self, Read as _},
    process::Stdio,
    slice,
};

type Result = anyhow::Result<()>;

const USAGE: i32 = 102;

/// What is written in the place of `@`, whatever it is, is told of and comes into no message as it is.
const HOLDERS: [&str; 22] = [
    "@: x",
    "mode: @",
    "mode: x # @",
    "mode: !@ audit",
    "mode: *@",
    "extends: netrc # @",
    "modes: \"@",
    "classes: [@",
    "classes: { @: { paths: [/x], action: kill, reason: x } }",
    "classes: { x: { @: [/x] } }",
    "classes: { x: { paths: [@], action: kill, reason: x } }",
    "classes: { x: { paths: [/x], except: [@], action: kill, reason: x } }",
    "classes: { x: { paths: ['/x/@'] } }",
    "programs: { @: { files: [a/b] } }",
    "programs: { x: { files: ['a/@'] } }",
    "programs: { x: { files: [x], quiet: ['@ [ ]]'] } }",
    "destinations: [{ to: ['@:x'], accept: all }]",
    "destinations: [{ to: [10.0.0.1], accept: [@] }]",
    "rules: { @: { severity: low } }",
    "exceptions: [{ rules: [@], steps: [1], reason: x }]",
    "exceptions: [{ rules: [sweep], programs: [@], reason: x, until: @ }]",
    "exceptions: [{ rules: [decoy], paths: ['$A/@'], reason: @ }]",
];

#[test]
fn no_message_brings_a_secret_or_acts_on_a_terminal() -> Result {
    let desk = Desk::new()?;
    let canary = Canary::fresh("policy")?;
    let secret = canary.value();
    // What never says that it is a policy may be any file.
    desk.write("netrc", format!("machine h.test login u password {secret}\n\t{{\n"))?;
    let issued = format!("ghp_{}", &secret[..36]);
    // As bytes that are in the file, and as an escape of YAML.
    let acts = ["\u{1b}]0;x\u{7}\u{1b}[31m", "\u{202e}x\u{200b}", "\"\\e[31m\\u202e\\a\""];
    for holder in HOLDERS {
        for text in [secret, &issued, &format!("token={secret}")].into_iter().chain(acts) {
            let finished = desk.policy_of(&["check", "-"], format!("version: 1\n{}\n", holder.replace('@', text)))?;
            finished.assert_ended(USAGE, &[]);
            assert_absent(slice::from_ref(&canary), holder, &[&*finished.stdout, &finished.stderr].concat());
            let hidden = |c: char| c != '\n' && c.is_control() || ['\u{202e}', '\u{200b}'].contains(&c);
            assert!(!finished.err().contains(hidden), "{holder}: {:?}", finished.err());
        }
    }
    // The name of a file is looked for, and only escaped.
    desk.write("a\u{1b}[31m.yaml", "version: 1\nmodes: x\n")?;
    let finished = desk.policy(&["check", "a\u{1b}[31m.yaml"])?;
    finished.assert_ended(USAGE, &["a\\x1b[31m.yaml:2:1: unknown key `modes`"]);
    assert!(!finished.stderr.contains(&0x1b), "{finished:?}");
    Ok(())
}

/// Commands that print, on one stream or on both.
const PRINTING: [(&[&str], i32); 7] = [
    (&["policy", "show"], 0),
    (&["policy", "show", "--resolved", "good.yaml"], 0),
    (&["policy", "schema"], 0),
    (&["policy", "check", "good.yaml", "none.yaml", "good.yaml"], 0),
    (&["policy", "check", "none.yaml", "missing.yaml"], USAGE),
    (&["policy", "--help"], 0),
    (&["policy", "chekc"], USAGE),
];

#[test]
fn who_closes_a_pipe_has_read_enough() -> Result {
    let desk = Desk::new()?;
    desk.write("good.yaml", "version: 1\nextends: builtin\n")?;
    // One with a warning.
    desk.write("none.yaml", "version: 1\n")?;
    let closed = || io::pipe().map(|(_, writer)| Stdio::from(writer));
    for (arguments, code) in PRINTING {
        for (out, err) in [(true, false), (false, true), (true, true)] {
            let mut command = detector(arguments)?;
            command.current_dir(desk.at("."));
            command.stdout(if out { closed()? } else { Stdio::piped() });
            command.stderr(if err { closed()? } else { Stdio::piped() });
            let output = command.stdin(Stdio::null()).output()?;
            assert_eq!(output.status.code(), Some(code), "{arguments:?} {out} {err}: {output:?}");
            assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"), "{arguments:?}: {output:?}");
        }
    }
    // In the middle of a text that is longer than a pipe.
    let (mut reader, writer) = io::pipe()?;
    let mut child = detector(["policy", "show"])?.stdout(writer).stderr(Stdio::piped()).spawn()?;
    reader.read_exact(&mut [0])?;
    drop(reader);
    let mut said = String::new();
    child.stderr.take().map(|mut stderr| stderr.read_to_string(&mut said)).transpose()?;
    assert_eq!((child.wait()?.code(), &*said), (Some(0), ""));
    Ok(())
}

#[test]
fn a_full_disk_is_an_error() -> Result {
    for arguments in ["show", "schema", "check -"] {
        let line = format!("echo 'version: 1' | \"$DETECTOR\" policy {arguments} > /dev/full");
        let finished = run(plain("sh").args(["-c", &line]).env("DETECTOR", binary()?))?;
        finished.assert_ended(104, &["No space left on device"]);
    }
    Ok(())
}
