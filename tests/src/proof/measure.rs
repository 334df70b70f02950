//! One honest build, three times in equal worlds: bare, in audit, in enforce.

use super::{
    Build, BuildFigures, Findings, Marks, Noise, Run,
    case::compared,
    world::{Ran, World},
};
use crate::{canary, outcome::Outcome, recording::Recording};
use anyhow::{Context as _, ensure};
use detector::{
    engine::{Conclusion, Finding},
    event::{Body, Event, Kernel, Outcome as Fate},
};

const BUILD: &str = "build.sh";

/// Runs `build` and counts; `policy` takes the place of the one that its user would have.
///
/// # Errors
/// When its world cannot be made, or a run leaves no recording or a secret in one.
pub fn measure(build: &'static Build, policy: Option<&str>) -> anyhow::Result<BuildFigures> {
    let world = World::new(build)?;
    let other = policy.map(|_| vec!["another policy".to_owned()]);
    let policy = policy.map_or_else(|| build.policy(), |policy| Ok(policy.to_owned()))?;
    let bare = || world.run(&world.fresh()?, BUILD, |job| job.bare());
    let (first, second) = (bare()?, bare()?);
    let broken = broken(build, &first, &second);
    let under = |mode| -> anyhow::Result<_> {
        let ran = world.run(&world.fresh()?, BUILD, |job| job.mode(mode).policy(policy.clone()).watched())?;
        let run = judged(build, &world, &first, &ran).with_context(|| format!("{} in {mode}", build.name))?;
        Ok(Some(run))
    };
    Ok(BuildFigures {
        name: build.name,
        does: build.does,
        policy: other.unwrap_or_else(|| build.destinations.iter().map(shown).collect()),
        noise: build.noise.iter().map(Noise::named).collect(),
        status: status(&first.outcome),
        audit: under("audit")?,
        enforce: under("enforce")?,
        broken,
    })
}

/// What makes a build useless as a measure.
fn broken(build: &Build, first: &Ran, second: &Ran) -> Vec<String> {
    let mut broken = Vec::new();
    if status(&first.outcome) != Some(0) {
        let said = String::from_utf8_lossy(&[first.outcome.stdout.as_slice(), &first.stderr].concat()).into_owned();
        let last: Vec<_> = said.lines().rev().filter(|line| !line.is_empty()).take(14).collect();
        broken.push(format!("bare it ends with {}: {last:?}", first.outcome.status));
    }
    for wanted in build.receives {
        if !first.received.iter().any(|line| line.starts_with(wanted)) {
            broken.push(format!("the hosts never received {wanted:?}"));
        }
    }
    if let Some(difference) = output_differs(build, first, second) {
        broken.push(format!("two bare runs differ: {difference}"));
    }
    if let Some(difference) = differs(&first.received.join("\n"), &second.received.join("\n")) {
        broken.push(format!("two bare runs sent differently: {difference}"));
    }
    broken
}

fn judged(build: &Build, world: &World, bare: &Ran, ran: &Ran) -> anyhow::Result<Run> {
    let report = ran.outcome.report.clone();
    let said = || String::from_utf8_lossy(&ran.outcome.stderr).into_owned();
    let report = report.with_context(|| format!("no report: {}; {}", ran.outcome.status, said()))?;
    let conclusion: Conclusion = serde_json::from_value(report).context("the JSON report is no conclusion")?;
    let recording = Recording::open(&ran.outcome.recording().context("no recording")?)?;
    kept(world, &ran.outcome)?;
    let mut findings = Findings::default();
    conclusion.findings.iter().for_each(|finding| findings.add(finding.severity));
    let mut messages: Vec<String> = Vec::new();
    for message in conclusion.findings.iter().map(message) {
        if !messages.contains(&message) {
            messages.push(message);
        }
    }
    // What the command ended with, whatever the verdict makes of it.
    let own = recording.footer.status.map(|status| match status {
        detector::recording::Status::Code(code) => i32::from(code),
        detector::recording::Status::Signal(signal) => 128 + i32::from(signal),
    });
    let status = if ran.outcome.timed_out { None } else { own };
    explain(build, bare, ran);
    Ok(Run {
        verdict: Some(conclusion.verdict),
        reasons: conclusion.reasons,
        findings,
        messages,
        denied: recording.events.iter().filter(|event| is_denied(event)).count(),
        killed: recording.killed().len(),
        status,
        same_status: status == self::status(&bare.outcome) && status == shell(&ran.outcome, status),
        same_output: output_differs(build, bare, ran).is_none(),
        same_received: bare.received == ran.received,
        marks: Marks::of(&recording)?,
        disagreements: disagreements(&recording)?,
        events: recording.events.len(),
    })
}

/// What the detector returned where the verdict does not decide it: 100 stands for the command's own status.
fn shell(outcome: &Outcome, own: Option<i32>) -> Option<i32> {
    if status(outcome) == Some(100) { own } else { status(outcome) }
}

fn status(outcome: &Outcome) -> Option<i32> {
    if outcome.timed_out { None } else { outcome.code() }
}

fn is_denied(event: &Event) -> bool {
    match &event.body {
        Body::Network(network) => network.outcome != Fate::Passed,
        Body::Drop(drop) => drop.dropped,
        _ => false,
    }
}

/// How often the kernel side decided otherwise than the engine. Of a drop, it tells the leak only.
fn disagreements(recording: &Recording) -> anyhow::Result<usize> {
    let differ = |(event, kernel, engine): &(&Event, Kernel, Kernel)| match event.body {
        Body::Drop(_) => (kernel.bits, kernel.leak) != (engine.leak, engine.leak),
        _ => kernel != engine,
    };
    Ok(recording.decisions()?.filter(differ).count())
}

/// No planted secret is in what the detector itself wrote. The build's own output is its own business.
fn kept(world: &World, outcome: &Outcome) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(outcome.files())? {
        let path = entry?.path();
        let found = canary::trace(world.tokens(), &std::fs::read(&path)?);
        ensure!(found.is_none(), "a planted secret is in {}: {found:?}", path.display());
    }
    let found = canary::trace(world.tokens(), &outcome.stderr);
    ensure!(found.is_none(), "a planted secret is on the detector's console: {found:?}");
    Ok(())
}

fn output_differs(build: &Build, one: &Ran, other: &Ran) -> Option<String> {
    let compare = |one: &[u8], other: &[u8]| differs(&compared(one, build.noise), &compared(other, build.noise));
    compare(&one.outcome.stdout, &other.outcome.stdout).or_else(|| compare(&one.stderr, &other.stderr))
}

/// The first line that differs, of both.
fn differs(one: &str, other: &str) -> Option<String> {
    if one == other {
        return None;
    }
    let mut lines = one.lines().zip(other.lines());
    let (one, other) = lines.find(|(one, other)| one != other).unwrap_or(("(one is shorter)", ""));
    Some(format!("{one:?} against {other:?}"))
}

/// With `PROOF_EXPLAIN` set, why a run is not as the bare one: for who works on a build.
fn explain(build: &Build, bare: &Ran, ran: &Ran) {
    if std::env::var_os("PROOF_EXPLAIN").is_none() {
        return;
    }
    let mut lines = vec![format!("== {}: {}", build.name, ran.outcome.text.as_deref().unwrap_or_default())];
    lines.extend(output_differs(build, bare, ran));
    lines.push(differs(&bare.received.join("\n"), &ran.received.join("\n")).unwrap_or_default());
    lines.push(String::from_utf8_lossy(&ran.stderr).into_owned());
    // A closed console is no reason to stop.
    _ = std::io::Write::write_all(&mut std::io::stderr(), lines.join("\n").as_bytes());
}

fn message(finding: &Finding) -> String {
    format!("{}: {}", finding.severity.name(), nameless(&finding.message))
}

/// Without `(812)`: process ids are other ones in every run.
fn nameless(message: &str) -> String {
    let mut out = String::new();
    let mut rest = message;
    while let Some(open) = rest.find('(') {
        let digits = rest[open + 1..].bytes().take_while(u8::is_ascii_digit).count();
        let closed = open + 1 + digits;
        let is_id = digits > 0 && rest[closed..].starts_with(')');
        out.push_str(&rest[..if is_id { open } else { closed }]);
        rest = &rest[if is_id { closed + 1 } else { closed }..];
    }
    out + rest
}

fn shown(destination: &super::Destination) -> String {
    format!(
        "{}:{} accepts {} ({})",
        destination.host,
        destination.port,
        destination.accept.join(", "),
        destination.reason
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_the_same_in_every_run() {
        let message = "git(812) read /x (y) -> curl(9) connect mirror.test (198.51.100.14:80)";
        assert_eq!(nameless(message), "git read /x (y) -> curl connect mirror.test (198.51.100.14:80)");
    }

    #[test]
    fn the_first_difference_is_shown() {
        assert_eq!(differs("a\nb", "a\nb"), None);
        assert_eq!(differs("a\nb", "a\nc"), Some("\"b\" against \"c\"".to_owned()));
    }
}
