//! `cargo xtask evasions`: every fixture of `tests/evasions`, measured, as `docs/evasions.md`.

use anyhow::{Context as _, bail};
use detector_tests::evasion::{FILES, Figures, Fixture, all, measure, page};
use std::{
    env, fs,
    io::Write as _,
    process::{Command, ExitCode},
};

fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = env::args().skip(1);
    let (mut only, mut markdown) = (Vec::new(), None);
    while let Some(argument) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{argument} needs a value"))?;
        match argument.as_str() {
            "--only" => only.push(value),
            "--markdown" => markdown = Some(value),
            _ => bail!("unknown option {argument}"),
        }
    }
    let mut fixtures = Vec::new();
    for file in FILES {
        fixtures.extend(all(file)?);
    }
    let wanted =
        |fixture: &Fixture| only.is_empty() || only.iter().any(|only| *only == fixture.name || *only == fixture.file);
    fixtures.retain(wanted);
    if fixtures.is_empty() {
        bail!("no fixture is named so");
    }
    let figures = measure(&fixtures, say)?;
    // Some of that shows at the end only.
    figures.iter().filter(|figures| !figures.wrong.is_empty()).for_each(say);
    if let Some(path) = markdown {
        let told = |command: &str, arguments: &[&str]| -> anyhow::Result<String> {
            Ok(String::from_utf8(Command::new(command).args(arguments).output()?.stdout)?.trim().to_owned())
        };
        let text = page(&told("uname", &["-r"])?, &told("date", &["-u", "+%F"])?, &figures);
        fs::write(&path, text).with_context(|| format!("cannot write {path}"))?;
    }
    let good = figures.iter().all(|figures| figures.wrong.is_empty());
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn say(figures: &Figures) {
    let Figures { fixture, wrong, .. } = figures;
    let word = if wrong.is_empty() { "as expected" } else { "NOT AS EXPECTED" };
    let wrong: String = wrong.iter().map(|wrong| format!("    {wrong}\n")).collect();
    // Nothing is left to do when standard output is closed.
    _ = std::io::stdout().write_all(format!("{word} {} {}\n{wrong}", fixture.file, fixture.name).as_bytes());
}
