//! What the rules are to say of the open of a file, by what the policy says of its classes (docs/findings.md), and what
//! they do say of one.

use crate::{recording::Recording, watched::Watched};
use detector::{
    engine::{Action, Engine, Finding, Severity, Verdict},
    event::{Body, Event, Open},
    policy::{Access, Class, Policy, Sureness},
};
use std::collections::{BTreeMap, BTreeSet};

/// By rule: how bad it is, and the classes that it is about.
pub type Said = BTreeMap<String, (Severity, BTreeSet<String>)>;

/// What is to be said of `open` by a program that nobody declared, and of a file that lies in no workspace.
pub fn of_stranger(policy: &Policy, open: &Open) -> Said {
    let classes = policy.classes_opened(&open.path, open.write);
    let classes: Vec<_> = policy.classes().iter().filter(|class| classes.contains(class.id)).collect();
    let mut said = Said::new();
    let mut say = |rule: &str, are: &dyn Fn(&Class) -> bool, bad: fn(&Class) -> Severity| {
        let about: Vec<_> = classes.iter().filter(|class| are(class)).collect();
        if let Some(worst) = about.iter().map(|class| bad(class)).max() {
            said.insert(rule.to_owned(), (worst, about.iter().map(|class| class.name.clone()).collect()));
        }
    };
    say("decoy", &|class| class.group == "decoy", |_| Severity::High);
    // What else is written is recorded, and no finding.
    say("escape", &|class| open.write && class.group == "escape", |class| match class.sureness {
        Sureness::Certain => Severity::High,
        Sureness::Likely | Sureness::Weak => Severity::Medium,
    });
    let credential = |class: &Class| open.read && class.access == Access::Read && class.group != "decoy";
    say("undeclared-reader", &credential, |class| match (class.sureness, class.action) {
        (Sureness::Weak, _) | (_, Action::Observe) => Severity::Info,
        (Sureness::Certain, Action::Kill) => Severity::Medium,
        _ => Severity::Low,
    });
    said
}

/// What is to be said of `open` by a declared reader of all its classes: nobody has a use for a decoy.
pub fn of_reader(policy: &Policy, open: &Open) -> Said {
    let mut said = of_stranger(policy, open);
    said.retain(|rule, _| rule == "decoy");
    said
}

/// Panics unless what is found of the run is what `expected` says of all its opens, folded: one finding a rule, of all the
/// classes, as bad as the worst, with every open counted. What a sweep is, is no matter of one open.
///
/// # Panics
/// That is its purpose.
pub fn assert_folded(run: &Watched, expected: fn(&Policy, &Open) -> Said) -> anyhow::Result<()> {
    let policy = Policy::from_document(run.recording.header.policy.document.clone())?;
    let mut folded = BTreeMap::new();
    for (_, open) in run.recording.opens() {
        for (rule, (severity, secret)) in expected(&policy, open) {
            let (worst, classes, count) = folded.entry(rule).or_insert((severity, BTreeSet::new(), 0));
            classes.extend(secret);
            (*worst, *count) = (severity.max(*worst), *count + 1);
        }
    }
    let found: Vec<_> = run.conclusion.findings.iter().filter(|finding| finding.rule != "sweep").collect();
    assert_eq!(found.len(), folded.len(), "{found:#?}");
    for finding in found {
        let said = (finding.severity, finding.secret.iter().cloned().collect(), finding.count);
        assert_eq!(Some(&said), folded.get(&finding.rule), "{}", finding.rule);
    }
    let fails = folded.values().any(|(worst, ..)| *worst >= policy.fail_on());
    assert_eq!(run.conclusion.verdict, if fails { Verdict::Fail } else { Verdict::Pass });
    Ok(())
}

/// Panics unless `policy` makes of each open of `recording`, judged as the only one, what `expected` says. By rule, how bad
/// they were.
///
/// # Panics
/// That is its purpose.
#[track_caller]
pub fn assert_each(
    recording: &Recording,
    policy: &Policy,
    expected: fn(&Policy, &Open) -> Said,
) -> BTreeMap<String, BTreeSet<Severity>> {
    let (mut wrong, mut severities) = (Vec::new(), BTreeMap::new());
    for (open, findings) in alone(recording, policy) {
        let (said, expected) = (said(&findings), expected(policy, open));
        if said != expected || findings.len() != expected.len() {
            wrong.push(format!("{}: {said:?}, and not {expected:?}", open.path));
        }
        for (rule, (severity, _)) in expected {
            severities.entry(rule).or_insert_with(BTreeSet::new).insert(severity);
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    severities
}

fn said(findings: &[Finding]) -> Said {
    let said = |finding: &Finding| (finding.severity, finding.secret.iter().cloned().collect());
    findings.iter().map(|finding| (finding.rule.clone(), said(finding))).collect()
}

/// What is found in each open of `recording`, judged as the only one: findings of one program are folded.
fn alone<'a>(recording: &'a Recording, policy: &Policy) -> impl Iterator<Item = (&'a Open, Vec<Finding>)> {
    recording.opens().map(move |(event, open)| {
        let mut engine = Engine::new(policy.clone(), recording.header.mode, recording.header.started.boottime);
        let others = |other: &&Event| other.seq == event.seq || !matches!(other.body, Body::Open(_));
        (open, recording.events.iter().filter(others).flat_map(|event| engine.apply(event)).collect())
    })
}
