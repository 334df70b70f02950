//! What policy says of findings is done: severities, rules that are off, exceptions that are counted.

use super::{
    POLICY, programs,
    story::{AWS, GIT_TOKEN, NPMRC, SINK, Story},
};
use crate::{
    engine::{Action, Conclusion, Engine, Excepted, Mode, Severity, Verdict},
    event::{Body, Exec},
    policy::Policy,
};

const SH: u32 = 10;
const CAT: u32 = 11;

/// The conclusion of `story` under the policy of all stories and `more` of it.
fn under(story: &Story, more: &str) -> Conclusion {
    use detector_common::program::trait_of::SHELL;
    let mut policy = Policy::parse(&format!("{POLICY}{more}"), "test").unwrap();
    policy.declare("git", 0, &["git"]);
    policy.declare("sh", SHELL, &[]);
    let mut engine = Engine::new(policy, Mode::Audit, 0);
    story.events.iter().for_each(|event| _ = engine.apply(event));
    engine.conclude(Vec::new(), true)
}

fn rules(conclusion: &Conclusion) -> Vec<(&str, Severity)> {
    conclusion.findings.iter().map(|finding| (finding.rule.as_str(), finding.severity)).collect()
}

fn excepted(rule: &str, reason: &str, count: u64) -> Excepted {
    Excepted { rule: rule.to_owned(), reason: reason.to_owned(), count }
}

/// Backup reads a credential, and cat reads another.
fn reads() -> Story {
    let mut story = Story::new();
    story.start(SH, "/usr/bin/backup").read(SH, AWS).read(SH, AWS);
    story.start(CAT, "/usr/bin/cat").read(CAT, NPMRC);
    story
}

#[test]
fn an_excepted_finding_is_counted_and_not_made() {
    let story = reads();
    let plain = under(&story, "");
    assert_eq!(rules(&plain).len(), 2, "{plain:?}");
    assert!(plain.findings.iter().all(|finding| finding.rule == "undeclared-reader") && plain.excepted.is_empty());
    let exception =
        |what: &str| under(&story, &format!("exceptions: [{{ rules: [undeclared-reader], {what}, reason: why }}]\n"));
    for (what, count, left) in [
        ("programs: [/usr/bin/backup]", 2, 1),
        ("classes: [npm]", 1, 1),
        ("classes: [npm, aws]", 3, 0),
        ("paths: [~/.npmrc]", 1, 1),
        ("programs: [**/cat], paths: ['**/.npmrc']", 1, 1),
        ("programs: [/usr/bin/cat], classes: [aws]", 0, 2),
        ("steps: [1]", 3, 0),
        ("steps: [7]", 0, 2),
        ("to: [203.0.113.9]", 0, 2),
    ] {
        let what = what.replace("[**/cat]", "['**/cat']");
        let conclusion = exception(&what);
        let counted = if count > 0 { vec![excepted("undeclared-reader", "why", count)] } else { Vec::new() };
        assert_eq!((conclusion.findings.len(), &conclusion.excepted), (left, &counted), "{what}");
    }
}

#[test]
fn a_rule_is_switched_off_or_made_milder() {
    let story = reads();
    assert!(under(&story, "rules: { undeclared-reader: { enabled: false } }\n").findings.is_empty());
    let observed = under(&story, "rules: { undeclared-reader: { action: observe } }\n");
    assert!(
        observed.findings.iter().all(|f| (f.severity, f.action) == (Severity::Info, Action::Observe)),
        "{observed:?}"
    );
    let severe = under(&story, "rules: { undeclared-reader: { severity: critical } }\n");
    assert!(severe.findings.iter().all(|finding| finding.severity == Severity::Critical));
    assert_eq!((severe.verdict, under(&story, "").verdict), (Verdict::Fail, Verdict::Pass));
}

#[test]
fn a_leak_has_its_severity_from_its_rule_and_no_exception() {
    let mut story = Story::new();
    story.start(SH, "/bin/sh").read(SH, AWS).send(SH, 5, SINK);
    let leak = |more: &str| {
        let conclusion = under(&story, &format!("rules: {{ undeclared-reader: {{ enabled: false }}{more} }}\n"));
        (
            conclusion.findings.iter().map(|f| (f.rule.clone(), f.severity, f.action)).collect::<Vec<_>>(),
            conclusion.verdict,
        )
    };
    assert_eq!(leak(""), (vec![("leak".to_owned(), Severity::Critical, Action::Kill)], Verdict::Fail));
    let medium = vec![("leak".to_owned(), Severity::Medium, Action::Kill)];
    assert_eq!(leak(", leak: { severity: medium }"), (medium, Verdict::Pass));
    let accepted = under(&story, "exceptions: [{ rules: [leak], classes: [aws], to: [203.0.113.9], reason: why }]\n");
    assert!(accepted.findings.iter().all(|finding| finding.rule != "leak") && accepted.excepted.is_empty());
}

#[test]
fn what_is_only_inherited_is_excepted_class_by_class() {
    let mut story = Story::new();
    story.start(SH, "/bin/sh").read(SH, AWS).read(SH, NPMRC);
    // Nothing new came along.
    story.run(SH, "/usr/bin/curl", Exec::default()).connect(SH, SINK);
    let inherited = |more: &str| {
        let conclusion = under(&story, &format!("rules: {{ undeclared-reader: {{ enabled: false }} }}\n{more}"));
        let found = conclusion.findings.into_iter().map(|finding| (finding.rule, finding.secret)).collect::<Vec<_>>();
        (found, conclusion.excepted)
    };
    let of = |names: &[&str]| vec![("leak-inherited".to_owned(), names.iter().map(ToString::to_string).collect())];
    assert_eq!(inherited(""), (of(&["aws", "npm"]), Vec::new()));
    let some = "exceptions: [{ rules: [leak-inherited], classes: [npm], to: ['203.0.113.0/24:443'], reason: why }]\n";
    assert_eq!(inherited(some), (of(&["aws"]), vec![excepted("leak-inherited", "why", 1)]));
    let elsewhere = some.replace(":443", ":80");
    assert_eq!(inherited(&elsewhere), (of(&["aws", "npm"]), Vec::new()));
}

#[test]
fn a_program_is_excepted_by_its_name_unless_something_was_put_into_it() {
    let policy = "programs: { git: { files: [git] }, sh: { files: [sh] } }\nexceptions: [{ rules: [undeclared-reader], \
                  programs: [sh], reason: why }]\n";
    for (injected, found) in [(false, 0), (true, 1)] {
        let mut story = Story::new();
        let exec = Exec { program: programs::SH, injected, ..Exec::default() };
        story.fork(1, SH).run(SH, "/opt/sh", exec).read(SH, GIT_TOKEN);
        let conclusion = {
            let policy = Policy::parse(&format!("{POLICY}{policy}"), "test").unwrap();
            let mut engine = Engine::new(policy, Mode::Audit, 0);
            story.events.iter().for_each(|event| _ = engine.apply(event));
            engine.conclude(Vec::new(), true)
        };
        assert_eq!(conclusion.findings.len(), found, "{conclusion:?}");
    }
}

#[test]
fn the_sensors_own_finding_keeps_being_made() {
    let mut story = Story::new();
    story.say(None, Body::Unexplained { leaks: 2 });
    assert_eq!(rules(&under(&story, "")), [("sensor-unexplained", Severity::High)]);
    let low = under(&story, "rules: { sensor-unexplained: { severity: low } }\n");
    assert_eq!(rules(&low), [("sensor-unexplained", Severity::Low)]);
    // What was not seen still is a gap.
    assert_eq!(low.verdict, Verdict::Inconclusive);
}
