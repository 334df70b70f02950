//! `test`: unit tests, fuzz targets for some seconds each, live tests as root, the kernel matrix; one sum at the end.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::tally::Tally;
use crate::workspace::Workspace;
use crate::{build, fuzz, kernels, process, setup, tools};

/// The package whose tests load the sensor.
const LIVE: &str = "detector-tests";

#[derive(Args)]
pub(crate) struct Options {
    /// Leave the kernel matrix out; it is counted as skipped
    #[arg(long)]
    skip_kernels: bool,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    setup::build_tools()?;
    setup::test_tools()?;
    tools::uv(workspace)?;
    let built = build::detector(workspace)?;

    let mut sum = Tally::default();
    let mut summary = Vec::new();
    let mut part = |name: &str, start: Instant, result: Result<Tally>| {
        let tally = result.unwrap_or_else(|error| {
            println!("{name}: {error:#}");
            Tally::FAILURE
        });
        summary.push(format!("{name}: {tally} ({} s)", start.elapsed().as_secs()));
        sum += tally;
    };

    let start = Instant::now();
    let mut units = cargo_test(workspace, &built.object);
    part("unit tests", start, stream(units.args(["--workspace", "--exclude", LIVE])));

    let start = Instant::now();
    part("fuzz", start, fuzz::short(workspace));

    let start = Instant::now();
    part("live tests", start, live(workspace, &built));

    let start = Instant::now();
    part(
        "kernels",
        start,
        if options.skip_kernels { Ok(kernels::skipped()) } else { kernels::all(workspace, &built.object) },
    );

    println!();
    for line in summary {
        println!("{line}");
    }
    println!("{sum}");
    Ok(sum.failed == 0)
}

/// The live tests are built as the user and run as root.
fn live(workspace: &Workspace, built: &build::Built) -> Result<Tally> {
    let before = std::env::var_os("PATH").unwrap_or_default();
    let own = tools::directory(workspace).join("bin");
    let path = std::env::join_paths(std::env::split_paths(&before).chain([own])).context("PATH")?;
    let environment = [(build::DETECTOR, built.detector.as_os_str()), ("PATH", path.as_os_str())];
    let words = process::root_words(&environment).context("live tests load the sensor")?;
    let mut command = cargo_test(workspace, &built.object);
    command.args(["-p", LIVE]).env(build::DETECTOR, &built.detector).env("PATH", &path);
    if !words.is_empty() {
        let words: Vec<_> = words.iter().map(|word| format!("{word:?}")).collect();
        // Debug quoting of plain text is also TOML's.
        command.args(["--config", &format!("target.'cfg(all())'.runner=[{}]", words.join(","))]);
    }
    stream(&mut command)
}

fn cargo_test(workspace: &Workspace, object: &Path) -> Command {
    let mut command = workspace.cargo("test");
    command.arg("--no-fail-fast").env(build::OBJECT, object);
    command
}

/// Runs `cargo test`, passing its output on and adding up its result lines.
fn stream(command: &mut Command) -> Result<Tally> {
    let shown = process::shown(command);
    println!("\n== {shown}");
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot run `{shown}`"))?;
    let mut tally = Tally::default();
    for line in BufReader::new(child.stdout.take().context("no output to read")?).split(b'\n') {
        let line = line.with_context(|| format!("cannot read the output of `{shown}`"))?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        if let Some(part) = Tally::parse(&line) {
            tally += part;
        }
    }
    let status = child.wait().with_context(|| format!("cannot wait for `{shown}`"))?;
    if !status.success() && tally.failed == 0 {
        // It did not compile, or a test binary died before its result line.
        println!("`{shown}` failed ({status})");
        tally += Tally::FAILURE;
    }
    Ok(tally)
}
