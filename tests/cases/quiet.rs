//! The quiet command lines of the builtin policy, measured again with the tools of this machine: none prints a secret of
//! the credential files that its program opens, puts it into another file, or into a child's arguments or environment.
//!
//! `DETECTOR_BLESS=1 cargo test -p detector-tests --test quiet` rewrites `docs/quiet.md` with what was measured here.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "quiet/bench.rs"]
mod bench;
#[path = "quiet/page.rs"]
mod page;
#[path = "quiet/sample.rs"]
mod sample;

use bench::Bench;
use detector::policy::Policy;
use sample::{Sample, shapes};

type Result = anyhow::Result<()>;

/// Measures every sample of these programs, and fails when one prints.
#[track_caller]
fn keep_quiet(programs: &[&str]) -> Result {
    let policy = Policy::builtin();
    let samples: Vec<_> =
        sample::all().into_iter().filter(|sample| programs.contains(&&*sample.program(&policy))).collect();
    assert!(!samples.is_empty());
    let bench = Bench::new()?;
    let mut loud = Vec::new();
    for sample in samples.iter().filter(|sample| bench.has(sample.tool())) {
        let measured = bench.measure(sample)?;
        loud.extend(measured.traces.iter().map(|trace| format!("{}: {trace}", sample.text)));
    }
    assert!(loud.is_empty(), "quiet lines that print:\n{}", loud.join("\n"));
    Ok(())
}

#[test]
fn git() -> Result {
    keep_quiet(&["git", "git-remote-http"])
}

#[test]
fn npm() -> Result {
    keep_quiet(&["npm"])
}

#[test]
fn python() -> Result {
    keep_quiet(&["pip", "twine", "aws"])
}

#[test]
fn go() -> Result {
    keep_quiet(&["go"])
}

#[test]
fn uv() -> Result {
    keep_quiet(&["uv"])
}

#[test]
fn cargo() -> Result {
    keep_quiet(&["cargo"])
}

#[test]
fn clouds_and_containers() -> Result {
    keep_quiet(&["gh", "kubectl", "docker", "podman", "skopeo"])
}

#[test]
fn keys_and_transfers() -> Result {
    keep_quiet(&["ssh", "ssh-add", "ssh-keygen", "ssh-keyscan", "gpg", "curl", "wget"])
}

#[test]
fn lossy_programs() -> Result {
    keep_quiet(&["checksum", "cksum", "wc", "cmp", "du", "stat", "test"])
}

/// The measurement itself: a line that is known to print is seen to, by each way out.
#[test]
fn what_prints_is_seen() -> Result {
    let bench = Bench::new()?;
    for (text, way) in [
        ("repo git config --get-regexp ^http", "output"),
        ("repo git diff --no-index /dev/null .git/config", "output"),
        ("repo cp .git/config HERE/tmp/copy", "file tmp/copy"),
        ("repo sh -c cat<HERE/.netrc", "output"),
        ("repo base64 HERE/.npmrc", "output"),
        (". sh SECRETLY", "arguments or environment"),
    ] {
        let measured = bench.measure(&Sample::new(text))?;
        assert!(measured.traces.iter().any(|trace| trace.contains(way)), "{text}: {measured:?}");
    }
    Ok(())
}

#[test]
fn every_sample_is_quiet_and_every_quiet_line_has_one() {
    let policy = Policy::builtin();
    let samples = sample::all();
    let loud: Vec<_> = samples.iter().filter(|sample| !sample.is_quiet(&policy)).map(|sample| &*sample.text).collect();
    assert!(loud.is_empty(), "not quiet by the policy:\n{}", loud.join("\n"));
    let missing: Vec<_> = shapes(&policy)
        .into_iter()
        .filter(|shape| !samples.iter().any(|sample| shape.covers(sample, &policy)))
        .map(|shape| format!("{} {}", shape.program, shape.line))
        .collect();
    assert!(missing.is_empty(), "without a sample:\n{}", missing.join("\n"));
}

#[test]
fn the_page_has_every_quiet_line() -> Result {
    page::check()
}
