//! `cargo xtask proof`: honest builds and thefts, measured, as `docs/proof.md` and as JSON.

use anyhow::{Context as _, bail};
use detector::policy::Policy;
use detector_tests::proof::{BUILDS, BuildFigures, Page, THEFTS, TheftFigures, measure};
use std::{
    env, fs,
    io::Write as _,
    process::{Command, ExitCode},
};

fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = env::args().skip(1);
    let (mut only, mut policy, mut markdown, mut json) = (Vec::new(), None, None, None);
    while let Some(argument) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{argument} needs a value"))?;
        match argument.as_str() {
            "--only" => only.push(value),
            "--policy" => policy = Some(fs::read_to_string(&value).with_context(|| format!("cannot read {value}"))?),
            "--markdown" => markdown = Some(value),
            "--json" => json = Some(value),
            _ => bail!("unknown option {argument}"),
        }
    }
    if let Some(text) = &policy {
        Policy::parse(text, "--policy")?;
    }
    let wanted = |name: &str| only.is_empty() || only.iter().any(|only| only == name);
    let known = |only: &String| BUILDS.iter().any(|b| b.name == only) || THEFTS.iter().any(|t| t.name == only);
    if let Some(unknown) = only.iter().find(|only| !known(only)) {
        bail!("no case is named {unknown}");
    }
    let mut page = Page { date: date()?, kernel: kernel()?, tools: tools(), builds: Vec::new(), thefts: Vec::new() };
    for build in BUILDS.iter().filter(|build| wanted(build.name)) {
        // One that cannot be measured must not hide the others.
        let figures = measure(build, policy.as_deref()).unwrap_or_else(|error| BuildFigures {
            name: build.name,
            does: build.does,
            broken: vec![format!("{error:#}")],
            ..BuildFigures::default()
        });
        page.builds.push(said(figures)?);
    }
    for theft in THEFTS.iter().filter(|theft| wanted(theft.name)) {
        let figures = theft.measure();
        say(&theft_line(&figures))?;
        page.thefts.push(figures);
    }
    if let Some(path) = json {
        fs::write(&path, page.json()?).with_context(|| format!("cannot write {path}"))?;
    }
    match markdown {
        Some(path) => fs::write(&path, page.markdown()).with_context(|| format!("cannot write {path}"))?,
        None => say(&format!("\n{}", page.markdown()))?,
    }
    Ok(if page.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn said(build: BuildFigures) -> anyhow::Result<BuildFigures> {
    let word = if build.is_silent() { "silent" } else { "LOUD" };
    let counted = build.enforce.as_ref().map_or(String::new(), |run| {
        let same = [("status", run.same_status), ("output", run.same_output), ("received", run.same_received)];
        let other: Vec<_> = same.iter().filter(|(_, same)| !same).map(|(what, _)| *what).collect();
        format!("denied {}, killed {}, differs in {other:?}, {:?}", run.denied, run.killed, run.findings)
    });
    say(&format!("{word:7} {}: {counted}\n", build.name))?;
    for broken in &build.broken {
        say(&format!("        the build itself: {broken}\n"))?;
    }
    Ok(build)
}

fn theft_line(theft: &TheftFigures) -> String {
    let word = if theft.missed.is_empty() { "stopped" } else { "MISSED" };
    format!("{word} {}: {} canary bytes, {:?}\n", theft.name, theft.canary_bytes, theft.missed)
}

/// Every tool that a build runs, with the version that it says of itself.
fn tools() -> Vec<String> {
    let rust = env::var("PROOF_RUST").unwrap_or_default();
    let tools = env::var("PROOF_TOOLS").unwrap_or_default();
    let asked: [(&str, &str, &str); 17] = [
        ("git", "git", "--version"),
        ("npm", "npm", "--version"),
        ("node", "node", "--version"),
        ("pip", "/usr/bin/pip", "--version"),
        ("uv", &format!("{tools}/bin/uv"), "--version"),
        ("twine", "twine", "--version"),
        ("cargo", &format!("{rust}/bin/cargo"), "--version"),
        ("go", "go", "version"),
        ("podman", "podman", "--version"),
        ("buildah", "buildah", "--version"),
        ("skopeo", "skopeo", "--version"),
        ("aws", "/usr/bin/aws", "--version"),
        ("kubectl", "kubectl", "version"),
        ("gpg", "gpg", "--version"),
        ("ssh", "ssh", "-V"),
        ("make", "make", "--version"),
        ("curl", "curl", "--version"),
    ];
    let mut known: Vec<_> =
        asked.iter().map(|(name, program, option)| format!("{name} {}", version(program, option))).collect();
    // It does not know its own.
    let package = fs::read(format!("{tools}/node_modules/semantic-release/package.json")).unwrap_or_default();
    let package: serde_json::Value = serde_json::from_slice(&package).unwrap_or_default();
    known.push(format!("semantic-release {}", package["version"].as_str().unwrap_or("(absent)")));
    known
}

/// The first word of the answer that starts like a version.
fn version(program: &str, option: &str) -> String {
    let mut command = Command::new(program);
    command.arg(option);
    if program == "kubectl" {
        command.arg("--client");
    }
    let Ok(answer) = command.output() else { return "(absent)".to_owned() };
    let text = String::from_utf8_lossy(&[answer.stdout, answer.stderr].concat()).into_owned();
    let digit = |word: &&str| word.contains('.') && word.chars().any(|c| c.is_ascii_digit());
    let word = text.split_whitespace().find(digit).unwrap_or("?");
    word.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}

fn kernel() -> anyhow::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned())
}

fn date() -> anyhow::Result<String> {
    let answer = Command::new("date").args(["-u", "+%F"]).output().context("cannot run date")?;
    Ok(String::from_utf8(answer.stdout)?.trim().to_owned())
}

fn say(text: &str) -> anyhow::Result<()> {
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}
