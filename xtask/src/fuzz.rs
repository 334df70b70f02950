//! `fuzz`: every parser of untrusted bytes under libFuzzer, with the toolchain in use and without cargo-fuzz.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::tally::Tally;
use crate::workspace::{Workspace, cargo};
use crate::{build, process, setup};

/// The targets, `tests/fuzz/targets`, and the longest input that says anything new of each, bytes.
const TARGETS: [(&str, u32); 6] =
    [("btf", 2048), ("kept", 1024), ("names", 1024), ("policy", 2048), ("record", 4096), ("recording", 16384)];

/// Pages whose blocks of this language are seeds, too: so they are never out of date.
const PAGES: [(&str, &str, &str); 2] =
    [("policy", "docs/policy.md", "yaml"), ("recording", "docs/recording.md", "jsonl")];

/// What `cargo fuzz --sanitizer none` has the compiler do: nearly all code is safe, so that a panic is what there is to find.
const FLAGS: [&str; 8] = [
    "--cfg",
    "fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
];

#[derive(Args)]
pub(crate) struct Options {
    /// Only this target
    #[arg(value_parser = PossibleValuesParser::new(TARGETS.map(|(name, _)| name)))]
    target: Option<String>,
    /// How long each target runs
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u32,
    /// Run the target on this input alone
    #[arg(long, value_name = "FILE", requires = "target")]
    input: Option<PathBuf>,
}

/// False when a target failed. What is found new stays in `target/fuzz/corpus` for the next time.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    setup::fuzz_tools()?;
    let programs = targets(workspace)?;
    let mut clean = true;
    for (name, longest) in TARGETS {
        if options.target.as_deref().is_some_and(|only| only != name) {
            continue;
        }
        let mut command = Command::new(programs.join(name));
        command.current_dir(workspace.root());
        if let Some(input) = &options.input {
            let input = std::path::absolute(input).with_context(|| format!("cannot find {}", input.display()))?;
            process::run(command.arg("-timeout=10").arg(input))?;
            continue;
        }
        let corpus = directory(workspace, "corpus", name)?;
        command.arg(format!("-max_total_time={}", options.seconds));
        clean &= fuzzed(workspace, command, (name, longest), &corpus)?;
    }
    Ok(clean)
}

/// The same for some seconds each, as a part of the tests: with the same inputs each time, as long as the code is the same.
pub(crate) fn short(workspace: &Workspace) -> Result<Tally> {
    let programs = targets(workspace)?;
    let mut tally = Tally::default();
    for (name, longest) in TARGETS {
        let scratch = directory(workspace, "scratch", name)?;
        fs::remove_dir_all(&scratch).with_context(|| format!("cannot clear {}", scratch.display()))?;
        let scratch = directory(workspace, "scratch", name)?;
        let mut command = Command::new(programs.join(name));
        command.current_dir(workspace.root()).args(["-seed=1", "-runs=20000", "-max_total_time=8"]);
        let passed = fuzzed(workspace, command, (name, longest), &scratch)?;
        tally += if passed { Tally { passed: 1, ..Tally::default() } } else { Tally::FAILURE };
    }
    Ok(tally)
}

/// Whether a target ran to its end; where not, says with what it failed.
fn fuzzed(workspace: &Workspace, mut command: Command, (name, longest): (&str, u32), corpus: &Path) -> Result<bool> {
    let failures = directory(workspace, "failures", name)?;
    let log = workspace.target().join("fuzz").join(format!("{name}.log"));
    let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    command
        .args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1", &format!("-max_len={longest}")])
        .arg(format!("-artifact_prefix={}/", failures.display()))
        .arg(corpus)
        .arg(page_seeds(workspace, name)?);
    let written = workspace.root().join("tests/fuzz/seeds").join(name);
    if written.is_dir() {
        command.arg(written);
    }
    command.stdout(output.try_clone().context("cannot share the log")?).stderr(output);
    let start = Instant::now();
    let status = command.status().with_context(|| format!("cannot run `{}`", process::shown(&command)))?;
    let said = fs::read(&log).with_context(|| format!("cannot read {}", log.display()))?;
    let said = String::from_utf8_lossy(&said);
    if status.success() {
        let runs = stat(&said, "stat::number_of_executed_units:").unwrap_or("?");
        println!("fuzz {name} ... ok ({runs} inputs, {} s)", start.elapsed().as_secs());
        return Ok(true);
    }
    println!("fuzz {name} ... FAILED ({status}); all that it said is in {}\n{}", log.display(), reason(&said));
    match stat(&said, "Test unit written to") {
        Some(input) => println!("input      {input}\nagain      cargo xtask fuzz {name} --input {input}"),
        None => println!("again      {}", process::shown(&command)),
    }
    Ok(false)
}

/// What stands behind `name` in what libFuzzer says.
fn stat<'a>(said: &'a str, name: &str) -> Option<&'a str> {
    said.lines().find_map(|line| Some(line.split_once(name)?.1.trim()))
}

/// Where a target panicked and why; without a panic the end of what it said.
fn reason(said: &str) -> String {
    const LINES: usize = 12;
    let lines: Vec<_> = said.lines().collect();
    let end = lines.len().saturating_sub(LINES);
    let start = lines.iter().position(|line| line.contains("panicked at")).unwrap_or(end);
    lines.iter().skip(start).take(LINES).map(|line| format!("  {line}\n")).collect()
}

/// Builds all targets, and returns where they are.
fn targets(workspace: &Workspace) -> Result<PathBuf> {
    let fuzz = workspace.target().join("fuzz");
    fs::create_dir_all(&fuzz).with_context(|| format!("cannot create {}", fuzz.display()))?;
    // No target loads the sensor: a new one is no reason to build them again.
    let none = fuzz.join("no-object");
    if !none.exists() {
        fs::write(&none, []).with_context(|| format!("cannot write {}", none.display()))?;
    }
    // With a target of its own, build scripts and macros are built without the flags.
    let host = process::read(Command::new("rustc").args(["--print", "host-tuple"]))?;
    let host = host.trim_end();
    let mut command = Command::new(cargo());
    command
        .args(["build", "--release", "--locked", "--bins", "--manifest-path", "tests/fuzz/Cargo.toml"])
        .args(["--target", host, "--target-dir"])
        .arg(&fuzz)
        .current_dir(workspace.root())
        .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}"))
        .env(build::OBJECT, &none);
    println!("\n== {}", process::shown(&command));
    process::run(&mut command)?;
    Ok(fuzz.join(host).join("release"))
}

/// The seeds for `target` that stand in a page, each in a file.
fn page_seeds(workspace: &Workspace, target: &str) -> Result<PathBuf> {
    let seeds = directory(workspace, "seeds", target)?;
    for (_, page, language) in PAGES.iter().filter(|(of, ..)| *of == target) {
        let text = fs::read_to_string(workspace.root().join(page)).with_context(|| format!("cannot read {page}"))?;
        let blocks = blocks(&text, language);
        ensure!(!blocks.is_empty(), "{page} has no block of {language}: correct PAGES in xtask/src/fuzz.rs");
        for (n, block) in blocks.iter().enumerate() {
            let seed = seeds.join(n.to_string());
            fs::write(&seed, block).with_context(|| format!("cannot write {}", seed.display()))?;
        }
    }
    Ok(seeds)
}

/// What stands in the fenced blocks of `language`.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    page.split(&fence).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// `target/fuzz/KIND/TARGET`, made if it is not there.
fn directory(workspace: &Workspace, kind: &str, target: &str) -> Result<PathBuf> {
    let directory = workspace.target().join("fuzz").join(kind).join(target);
    fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
    Ok(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_in_the_manifest_and_has_a_file() {
        let fuzz = Workspace::locate().unwrap().root().join("tests/fuzz");
        let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
        for (name, _) in TARGETS {
            assert!(manifest.contains(&format!("path = \"targets/{name}.rs\"")), "{name}");
        }
        assert_eq!(fs::read_dir(fuzz.join("targets")).unwrap().count(), TARGETS.len());
    }

    #[test]
    fn blocks_of_a_page_are_seeds() {
        assert_eq!(blocks("a\n```yaml\nb: 1\n```\n```\nx\n```\n```yaml\nc: 2\n```\n", "yaml"), ["b: 1\n", "c: 2\n"]);
    }

    #[test]
    fn a_failure_is_told_from_its_panic_on() {
        let said =
            "INFO: Seed: 1\nthread 'a' panicked at src/a.rs:1:2:\nindex\nartifact; Test unit written to f/crash-1\n";
        assert!(reason(said).starts_with("  thread 'a' panicked at src/a.rs:1:2:\n  index\n"));
        assert_eq!(stat(said, "Test unit written to"), Some("f/crash-1"));
        assert_eq!(reason("only this\n"), "  only this\n");
    }
}
