//! `cargo xtask bench`: what a policy of many names and networks costs, and what a call pays for being watched. `cost names|calls
//! [--runs N] [--rounds N] [--markdown FILE]`

use anyhow::{Context as _, bail};
use detector_tests::cost::{Figures, SIZES, Statistics, calls, measure, page, work};
use std::{env, fs, io::Write as _};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (bench, options): (fn(usize, usize) -> anyhow::Result<String>, _) = match arguments[..] {
        ["work", key] => return work(key),
        ["callers", ref directories @ ..] => return calls::job(directories),
        ["callee", directory] => return calls::work(directory),
        ["names", ref options @ ..] => (names, options),
        ["calls", ref options @ ..] => (call, options),
        _ => bail!("usage: cost names|calls [--runs N] [--rounds N] [--markdown FILE]"),
    };
    let (mut runs, mut rounds, mut markdown) = (7, 300, None);
    for pair in options.chunks(2) {
        match pair {
            ["--runs", n] => runs = n.parse().context("--runs N")?,
            ["--rounds", n] => rounds = n.parse().context("--rounds N")?,
            ["--markdown", file] => markdown = Some(*file),
            _ => bail!("usage: cost names|calls [--runs N] [--rounds N] [--markdown FILE]"),
        }
    }
    let page = bench(runs, rounds)?;
    if let Some(file) = markdown {
        fs::write(file, &page).with_context(|| format!("cannot write {file}"))?;
    }
    std::io::stdout().lock().write_all(page.as_bytes())?;
    Ok(())
}

fn names(runs: usize, rounds: usize) -> anyhow::Result<String> {
    let _statistics = Statistics::enable()?;
    let mut all = SIZES.map(|size| (size, Figures::default()));
    for run in 1..=runs {
        for (size, figures) in &mut all {
            writeln!(std::io::stderr(), "run {run} of {runs}: {} names, {} networks", size.names, size.networks)?;
            measure(*size, rounds, figures)?;
        }
    }
    Ok(page(&all))
}

fn call(runs: usize, rounds: usize) -> anyhow::Result<String> {
    let mut figures = calls::Figures::default();
    for run in 1..=runs {
        writeln!(std::io::stderr(), "run {run} of {runs}")?;
        calls::measure(rounds, &mut figures)?;
    }
    Ok(calls::page(&figures))
}
