//! `cargo xtask bench names`: what a policy of many names and networks costs. `cost [--runs N] [--rounds N] [--markdown FILE]`

use anyhow::{Context as _, bail};
use detector_tests::cost::{Figures, SIZES, Statistics, measure, page, work};
use std::{env, fs, io::Write as _};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["work", key] = arguments[..] {
        return work(key);
    }
    let (mut runs, mut rounds, mut markdown) = (7, 300, None);
    for pair in arguments.chunks(2) {
        match pair {
            ["--runs", n] => runs = n.parse().context("--runs N")?,
            ["--rounds", n] => rounds = n.parse().context("--rounds N")?,
            ["--markdown", file] => markdown = Some(*file),
            _ => bail!("usage: cost [--runs N] [--rounds N] [--markdown FILE]"),
        }
    }
    let _statistics = Statistics::enable()?;
    let mut all = SIZES.map(|size| (size, Figures::default()));
    for run in 1..=runs {
        for (size, figures) in &mut all {
            writeln!(std::io::stderr(), "run {run} of {runs}: {} names, {} networks", size.names, size.networks)?;
            measure(*size, rounds, figures)?;
        }
    }
    let page = page(&all);
    if let Some(file) = markdown {
        fs::write(file, &page).with_context(|| format!("cannot write {file}"))?;
    }
    std::io::stdout().lock().write_all(page.as_bytes())?;
    Ok(())
}
