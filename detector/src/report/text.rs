//! The report for people, made for a job's log: verdict, findings, coverage.

use super::{
    chain::{became, chain, who},
    line::{bounded, clip, squeeze, wrap},
};
use crate::engine::{Action, Capability, Conclusion, Coverage, Excepted, Finding, Mode, Verdict};
use crate::event::StepId;
use std::collections::BTreeMap;

/// Longest report, bytes.
pub(super) const MAX: usize = 256 << 10;

/// The conclusion in plain text: no colours, lines of at most 120 characters, at most 256 KiB.
pub fn text(conclusion: &Conclusion) -> String {
    let mut out = verdict(conclusion);
    let coverage = excepted(&conclusion.excepted) + &coverage(&conclusion.coverage, &conclusion.policy);
    let mut room = MAX.saturating_sub(out.len() + coverage.len() + 128);
    for (shown, finding) in conclusion.findings.iter().enumerate() {
        let block = describe(finding, &conclusion.steps);
        let Some(rest) = room.checked_sub(block.len()) else {
            let more = conclusion.findings.len() - shown;
            out.push_str(&format!("\n+{more} more findings: the JSON report has them all\n"));
            break;
        };
        room = rest;
        out.push_str(&block);
    }
    out.push_str(&coverage);
    out
}

/// What policy excepts, by rule and reason.
fn excepted(excepted: &[Excepted]) -> String {
    let mut out = String::new();
    if !excepted.is_empty() {
        out.push_str("\nEXCEPTED\n");
    }
    for row in bounded(excepted, 32, |Excepted { rule, reason, count }| {
        let times = if *count == 1 { "once".to_owned() } else { format!("{count} times") };
        format!("{}, {times}: {}", clip(rule, 32), clip(reason, 240))
    }) {
        wrap(&mut out, "  ", words(&row));
    }
    out
}

fn verdict(conclusion: &Conclusion) -> String {
    let verdict = match conclusion.verdict {
        Verdict::Pass => "PASS",
        Verdict::Fail => "FAIL",
        Verdict::Inconclusive => "INCONCLUSIVE",
    };
    let mode = match conclusion.mode {
        Mode::Audit => "audit",
        Mode::Enforce => "enforce",
    };
    let mut out = format!("{verdict}: {} in {mode} mode\n", tally(&conclusion.findings));
    if let Some(called) = &conclusion.called {
        wrap(&mut out, "  job ", words(&clip(called, 480)));
    }
    for reason in bounded(&conclusion.reasons, 16, |reason| clip(reason, 480)) {
        wrap(&mut out, "  - ", words(&reason));
    }
    out
}

/// `2 findings (1 critical, 1 low)`.
fn tally(findings: &[Finding]) -> String {
    let mut counts = BTreeMap::<_, usize>::new();
    for finding in findings {
        *counts.entry(finding.severity).or_default() += 1;
    }
    let counts =
        counts.iter().rev().map(|(severity, count)| format!("{count} {}", severity.name())).collect::<Vec<_>>();
    match findings.len() {
        0 => "no findings".to_owned(),
        1 => format!("1 finding ({})", counts.join(", ")),
        many => format!("{many} findings ({})", counts.join(", ")),
    }
}

fn describe(finding: &Finding, steps: &BTreeMap<StepId, String>) -> String {
    let message = words(&clip(&finding.message, 480)).collect::<Vec<_>>();
    let mut line = chain(finding);
    let chained = !line.is_empty();
    if !chained {
        line.clone_from(&message);
    }
    line.extend(finding.enforced.map(became));

    let mut out = "\n".to_owned();
    wrap(&mut out, &format!("{:<8}  ", finding.severity.name().to_uppercase()), line);
    if chained {
        wrap(&mut out, "  what    ", message);
    }
    let secret = bounded(&finding.secret, 16, |name| clip(name, 32)).join(", ");
    let to = finding.destination.as_ref();
    let secret = match to {
        Some(to) => format!("{secret} to {to}"),
        None => secret,
    };
    if !secret.is_empty() {
        wrap(&mut out, "  secret  ", words(&secret));
    }
    let name = steps.get(&finding.step).map_or(String::new(), |name| format!(" ({})", clip(name, 80)));
    let step = format!("job {}, step {}{name}", finding.job, finding.step);
    match &finding.process {
        None => wrap(&mut out, "  who     ", [step]),
        Some(process) => {
            wrap(&mut out, "  who     ", [format!("{step}:"), who(process), squeeze(&process.path, 80)]);
            if !process.argv.is_empty() {
                wrap(&mut out, "  argv    ", bounded(&process.argv, 32, |text| argument(text)));
            }
        }
    }
    let times = if finding.count == 1 { "once".to_owned() } else { format!("{} times", finding.count) };
    let technique = finding.technique.as_ref().map_or(String::new(), |id| format!(" (ATT&CK {})", clip(id, 16)));
    let rule = format!("{}{technique}", clip(&finding.rule, 32));
    let rule = format!("{rule}, {times}, policy says {}, id {}", action(finding.action), clip(&finding.id, 64));
    wrap(&mut out, "  rule    ", words(&rule));
    out
}

fn coverage(coverage: &Coverage, policy: &str) -> String {
    let mut out = "\nCOVERAGE\n".to_owned();
    let mut row = |name: &str, parts: Vec<String>| wrap(&mut out, &format!("  {:<16}  ", clip(name, 32)), parts);
    let most = 48;
    for Capability { name, mechanism, gap } in coverage.capabilities.iter().take(most) {
        let mechanism = mechanism.as_ref().map_or("none".to_owned(), |mechanism| clip(mechanism, 80));
        match gap {
            None => row(name, vec![mechanism]),
            Some(gap) => row(name, [mechanism + ";"].into_iter().chain(words(&clip(gap, 240))).collect()),
        }
    }
    if coverage.capabilities.len() > most {
        row("", vec![format!("+{} more", coverage.capabilities.len() - most)]);
    }
    row("policy", vec![clip(policy, 80)]);
    row("armed", vec![after(coverage.armed)]);
    row("proved", vec![after(coverage.proved)]);
    row("seen", counted(&coverage.seen));
    row("lost", counted(&coverage.lost));
    for gap in bounded(&coverage.gaps, 16, |gap| clip(gap, 480)) {
        row("gap", words(&gap).collect());
    }
    out
}

/// An instant after the start, nanoseconds, in seconds.
fn after(time: Option<u64>) -> String {
    match time {
        None => "never".to_owned(),
        Some(time) => format!("{}.{:03} s after the start", time / 1_000_000_000, time / 1_000_000 % 1_000),
    }
}

/// `12 exec, 3 fork`.
fn counted(counts: &BTreeMap<String, u64>) -> Vec<String> {
    if counts.is_empty() {
        return vec!["nothing".to_owned()];
    }
    let counts = counts.iter().collect::<Vec<_>>();
    let counts = bounded(&counts, 48, |(name, count)| format!("{count} {}", clip(name, 32)));
    words(&counts.join(", ")).collect()
}

/// An argument, in quotes where one could not tell where it ends.
fn argument(text: &str) -> String {
    let text = squeeze(text, 80);
    if text.is_empty() || text.contains(' ') { format!("'{text}'") } else { text }
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split_ascii_whitespace().map(str::to_owned)
}

fn action(action: Action) -> &'static str {
    match action {
        Action::Observe => "observe",
        Action::Alert => "alert",
        Action::Deny => "deny",
        Action::Kill => "kill",
    }
}
