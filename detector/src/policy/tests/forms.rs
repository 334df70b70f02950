//! Rules and exceptions: what they mean, and which cannot be had.

use super::{
    super::{Matched, Rule},
    *,
};
use crate::{
    engine::{Action, Severity},
    secret::ClassSet,
};

/// The classes of `policy` that are called so.
fn set(policy: &Policy, names: &[&str]) -> ClassSet {
    policy.classes().iter().filter(|class| names.contains(&&*class.name)).map(|class| class.id).collect()
}

/// The number of the declared program `name`.
fn number(policy: &Policy, name: &str) -> u16 {
    let place = policy.document().programs.iter().position(|program| program.name == name).unwrap();
    u16::try_from(place + 1).unwrap()
}

/// What is wrong with the one exception `text`.
#[track_caller]
fn refused(text: &str, parts: &[&str]) {
    let text = format!("extends: builtin\nprograms:\n  up: {{ files: [up] }}\nexceptions:\n  - {{ {text} }}\n");
    let error = read(&text).unwrap_err();
    assert_eq!(error.errors().len(), 1, "{error}");
    for part in parts {
        assert!(error.to_string().contains(part), "{error}\nhas no {part:?}");
    }
}

#[test]
fn rules_are_changed_field_by_field() {
    let policy = policy(
        "extends: builtin\nrules:\n  sweep: { action: observe }\n  decoy: { enabled: false }\n  leak: { severity: high }\n  \
         step-env: { severity: low, action: alert }\n",
    )
    .unwrap();
    assert_eq!(policy.rule(Rule::Escape), super::super::RuleSettings::default());
    assert_eq!(policy.rule(Rule::Sweep).severity(Severity::High), Severity::Info);
    assert_eq!(policy.rule(Rule::Sweep).action(Action::Alert), Action::Observe);
    assert!(!policy.rule(Rule::Decoy).enabled && policy.rule(Rule::Sweep).enabled);
    assert_eq!(policy.rule(Rule::Leak).severity(Severity::Critical), Severity::High);
    assert_eq!(policy.rule(Rule::StepEnv).severity(Severity::High), Severity::Low);

    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("base"), "version: 1\nrules: { sweep: { severity: low }, decoy: { enabled: false } }\n").unwrap();
    let over = "version: 1\nextends: base\nrules: { sweep: { action: alert }, decoy: { enabled: true } }\n";
    std::fs::write(at("over"), over).unwrap();
    let policy = Policy::load(&at("over")).unwrap();
    let sweep = policy.rule(Rule::Sweep);
    assert_eq!((sweep.severity, sweep.action), (Some(Severity::Low), Some(Action::Alert)));
    assert!(policy.rule(Rule::Decoy).enabled);
}

#[test]
fn what_cannot_be_carried_out_is_refused() {
    for (text, parts) in [
        ("sweep: { action: kill }", &["ci.yaml:2:27: ", "`action: kill`", "`sweep`", "after the act", "`alert`"][..]),
        ("sweep: { action: deny }", &["`action: deny`", "`action` of its class"]),
        ("agent-memory: { action: kill }", &["`door: memory`", "set it there"]),
        ("leak: { action: alert }", &["`action` of its class", "set it there"]),
        ("leak-inherited: { action: deny }", &["stops nothing"]),
        ("leak: { enabled: false }", &["ci.yaml:2:27: ", "`leak` cannot be switched off", "`action: observe`"]),
        ("sensor-tamper: { enabled: false }", &["cannot be switched off", "`severity`"]),
        ("sweeps: { enabled: false }", &["ci.yaml:2:10: ", "unknown rule `sweeps`", "did you mean `sweep`?"]),
        ("whatever: {}", &["known here: leak, leak-alert"]),
    ] {
        let error = read(&format!("rules: {{ {text} }}\n")).unwrap_err();
        assert_eq!(error.errors().len(), 1, "{error}");
        for part in parts {
            assert!(error.to_string().contains(part), "{error}\nhas no {part:?}");
        }
    }
    assert!(policy("rules: { leak: { enabled: true, severity: medium }, sensor-tamper: { severity: low } }\n").is_ok());
}

#[test]
fn an_exception_holds_of_what_it_says_and_no_more() {
    let policy = policy(
        "extends: builtin\nprograms:\n  up: { files: [up] }\n  down: { files: [down] }\nexceptions:\n  \
         - { rules: [sweep, undeclared-reader], classes: [npm, aws], programs: [/usr/bin/scan, down], reason: one }\n  \
         - { rules: [undeclared-reader], paths: [~/.npmrc, /etc/npmrc], reason: \"two,\\n  too\" }\n  \
         - { rules: [leak-alert], to: ['203.0.113.0/24:443'], steps: [3, 4], reason: three }\n",
    )
    .unwrap();
    let reason = |rule, matched: &Matched<'_>| policy.excepted(rule, matched).map(|exception| exception.reason.clone());
    let of = |names: &[&str]| set(&policy, names);
    let (up, down) = (number(&policy, "up"), number(&policy, "down"));
    let scan = Matched { classes: of(&["npm"]), program: "/usr/bin/scan", ..Matched::default() };
    let one = Some("one".to_owned());
    assert_eq!(reason(Rule::Sweep, &scan), one);
    assert_eq!(reason(Rule::UndeclaredReader, &scan), one);
    assert_eq!(reason(Rule::Decoy, &scan), None, "another rule");
    assert_eq!(reason(Rule::Sweep, &Matched { classes: of(&["npm", "aws"]), ..scan }), one);
    assert_eq!(reason(Rule::Sweep, &Matched { classes: of(&["npm", "ssh"]), ..scan }), None, "a class beside");
    assert_eq!(reason(Rule::Sweep, &Matched { classes: ClassSet::EMPTY, ..scan }), None, "no class");
    assert_eq!(reason(Rule::Sweep, &Matched { program: "/tmp/scan", ..scan }), None, "another program");
    assert_eq!(reason(Rule::Sweep, &Matched { program: "", ..scan }), None, "a program never seen");
    assert_eq!(reason(Rule::Sweep, &Matched { program: "/x/python", number: down, ..scan }), one);
    assert_eq!(
        reason(Rule::Sweep, &Matched { program: "/x/python", number: up, ..scan }),
        None,
        "another declared one"
    );

    let read = Matched { classes: of(&["npm"]), paths: &["/root/.npmrc"], ..Matched::default() };
    let two = Some("two, too".to_owned());
    assert_eq!(reason(Rule::UndeclaredReader, &read), two);
    assert_eq!(reason(Rule::UndeclaredReader, &Matched { paths: &["…/.npmrc"], ..read }), two);
    assert_eq!(reason(Rule::UndeclaredReader, &Matched { paths: &["/root/.npmrc", "/root/.x"], ..read }), None);
    assert_eq!(reason(Rule::UndeclaredReader, &Matched { paths: &[], ..read }), None, "no path");

    let sent = Matched { destination: Some(([203, 0, 113, 9].into(), 443)), step: 3, ..Matched::default() };
    assert_eq!(reason(Rule::LeakAlert, &sent), Some("three".to_owned()));
    assert_eq!(reason(Rule::LeakAlert, &Matched { step: 5, ..sent }), None);
    assert_eq!(reason(Rule::LeakAlert, &Matched { destination: Some(([203, 0, 113, 9].into(), 80)), ..sent }), None);
    let loopback = Some(([127, 0, 0, 1].into(), 443));
    assert_eq!(reason(Rule::LeakAlert, &Matched { destination: loopback, ..sent }), None, "loopback is not in it");
    assert_eq!(reason(Rule::LeakAlert, &Matched { destination: None, ..sent }), None);
}

#[test]
fn an_exception_from_leaks_is_a_destination() {
    let policy = policy(
        "extends: builtin\nprograms:\n  up: { files: [up] }\n  down: { files: [down] }\nexceptions:\n  \
         - { rules: [leak, leak-alert], classes: [npm], to: ['203.0.113.9:443'], reason: anyone }\n  \
         - { rules: [leak], classes: [aws], to: [198.51.100.7], programs: [down], reason: one }\n",
    )
    .unwrap();
    let (npm, aws) = (set(&policy, &["npm"]), set(&policy, &["aws"]));
    let (up, down) = (number(&policy, "up"), number(&policy, "down"));
    assert_eq!(policy.accepted([203, 0, 113, 9].into(), 443), npm);
    assert_eq!(policy.accepted([203, 0, 113, 9].into(), 80), ClassSet::EMPTY);
    assert_eq!(policy.accepted([198, 51, 100, 7].into(), 443), ClassSet::EMPTY);
    assert_eq!(policy.accepted_for(down, [198, 51, 100, 7].into(), 443), aws);
    assert_eq!(policy.accepted_for(up, [198, 51, 100, 7].into(), 443), ClassSet::EMPTY);
    let rows = policy.tables(7).destinations;
    assert!(rows.iter().any(|(_, key, row)| key.reader == down && row.accepted == aws.bits()), "the kernel has it");
    // In user space nothing is taken back: a leak that the kernel refused stays a finding.
    let sent = Matched { classes: npm, destination: Some(([203, 0, 113, 9].into(), 443)), ..Matched::default() };
    assert!(policy.excepted(Rule::Leak, &sent).is_none());
    assert!(policy.excepted(Rule::LeakAlert, &sent).is_some());
}

#[test]
fn exceptions_that_cannot_be_had_are_refused() {
    let leak = "the kernel side refuses a leak";
    refused("rules: [leak], classes: [npm], reason: r", &["ci.yaml:6:15: ", leak, "`to`", "write a destination"]);
    refused("rules: [leak], to: [10.0.0.1], reason: r", &[leak, "names no `classes`"]);
    refused(
        "rules: [sweep, leak], classes: [npm], to: [10.0.0.1], paths: [/x], reason: r",
        &[leak, "the path it was read from"],
    );
    refused("rules: [leak], classes: [npm], to: [10.0.0.1], steps: [1], reason: r", &[leak, "all steps"]);
    refused("rules: [leak], classes: [npm], to: [10.0.0.1], programs: [/bin/up], reason: r", &[leak, "`programs:`"]);
    refused("rules: [sensor-unexplained], steps: [1], reason: r", &["no exceptions", "could not be believed"]);
    refused("rules: [sweep], reason: r", &["ci.yaml:6:15: ", "narrow it", "{ sweep: { enabled: false } }"]);
    refused("rules: [sweep], classes: [aws]", &["ci.yaml:6:23: ", "no `reason`", "add it"]);
    refused("rules: [sweep], classes: [aws], reason: ''", &["ci.yaml:6:47: ", "write why"]);
    refused("rules: [sweep], classes: [aws], reason: \"\\e[1m\"", &["invisible", "plain text"]);
    refused("rules: [], classes: [aws], reason: r", &["`rules` is empty"]);
    refused(
        "rules: [sweep], programs: [], reason: r",
        &["ci.yaml:6:33: ", "`programs` is empty", "leave `programs` out"],
    );
    refused("rules: [sweep], steps: [], reason: r", &["`steps` is empty"]);
    refused("rules: [sweeep], classes: [aws], reason: r", &["unknown rule `sweeep`", "did you mean `sweep`?"]);
    refused("rules: [sweep], classes: [awss], reason: r", &["unknown class `awss`", "did you mean `aws`?"]);
    refused("rules: [sweep], programs: [upp], reason: r", &["unknown program `upp`", "did you mean `up`?"]);
    refused("rules: [sweep], programs: [bin/up], reason: r", &["bad pattern `bin/up`", "must start with"]);
    refused("rules: [sweep], paths: [x], reason: r", &["ci.yaml:6:31: ", "bad pattern `x`"]);
    refused("rules: [sweep], paths: [$HOME/x], reason: r", &["`$HOME/x`", "write `**/`"]);
    refused("rules: [leak-alert], to: [mirror_test], reason: r", &["bad destination `mirror_test`", "not an address"]);
    refused("rules: [sweep], classes: [aws], reason: r, until: 2026-02-30", &["`2026-02-30`"]);
    refused("rules: [sweep], classes: [aws], reason: r, until: 31.12.2026", &["write it as `2026-12-31`"]);
    refused("rules: [sweep], step: [1], reason: r", &["unknown key `step`", "did you mean `steps`?"]);
}

#[test]
fn an_exception_ends_with_its_day_and_the_recording_knows_which() {
    let text = |until: &str| {
        format!(
            "extends: builtin\nexceptions:\n  - {{ rules: [sweep], classes: [aws], reason: r, until: {until} }}\n  \
             - {{ rules: [leak], classes: [aws], to: [203.0.113.9], reason: r, until: {until} }}\n"
        )
    };
    let matched = |policy: &Policy| Matched { classes: set(policy, &["aws"]), ..Matched::default() };
    let holds = |policy: &Policy| {
        let accepted = !policy.accepted([203, 0, 113, 9].into(), 443).is_empty();
        assert_eq!(policy.excepted(Rule::Sweep, &matched(policy)).is_some(), accepted);
        accepted
    };
    let (over, still) = (policy(&text("2020-02-29")).unwrap(), policy(&text("9999-12-31")).unwrap());
    assert!(!holds(&over) && holds(&still));
    assert!(over.exceptions().iter().all(|exception| exception.expired));
    // A recording is judged by the day on which it was made.
    let mut document = still.document();
    let again = |document| holds(&Policy::from_document(document).unwrap());
    assert!(document.date.is_some() && again(document.clone()));
    document.exceptions.iter_mut().for_each(|exception| exception.until = "2026-06-30".parse().ok());
    for (day, expected) in [("2026-06-30", true), ("2026-07-01", false)] {
        document.date = day.parse().ok();
        assert_eq!(again(document.clone()), expected, "{day}");
    }
    // A policy without an end does not depend on the day.
    assert_eq!(Policy::builtin().document().date, None);
}

#[test]
fn the_recorded_document_has_rules_and_exceptions() {
    let policy = policy(
        "extends: builtin\nprograms: { up: { files: [up] } }\nrules: { sweep: { severity: low }, decoy: { enabled: false } }\n\
         exceptions:\n  - { rules: [sweep], programs: [up, ~/bin/x], steps: [2], reason: r, until: 2999-01-01 }\n",
    )
    .unwrap();
    let json = serde_json::to_string(&policy.document()).unwrap();
    let again = Policy::from_document(serde_json::from_str(&json).unwrap()).unwrap();
    assert_eq!((again.digest(), again.document()), (policy.digest(), policy.document()));
    assert_eq!(again.rule(Rule::Sweep), policy.rule(Rule::Sweep));
    assert_eq!(format!("{:?}", again.exceptions()), format!("{:?}", policy.exceptions()));
    // What a file may not say, a forged recording may not either.
    let forged = json.replace("\"name\":\"decoy\",\"enabled\":false", "\"name\":\"leak\",\"enabled\":false");
    assert_ne!(json, forged);
    assert!(Policy::from_document(serde_json::from_str(&forged).unwrap()).is_err());
}

#[test]
fn one_pass_tells_all_that_it_finds() {
    let error = read(
        "extends: builtin\nclasses:\n  aws: { paths: [x, /y/../z] }\n  locker: { paths: [/v] }\n  X: { door: memory, \
         action: deny, reason: r }\ndestinations:\n  - { to: [no_where], accept: [npn, locker] }\nrules:\n  \
         sweeps: {}\nexceptions:\n  - { rules: [sweep], paths: [y], reason: r }\n",
    )
    .unwrap_err();
    let message = error.to_string();
    let places: Vec<_> = message.lines().filter_map(|line| line.strip_prefix("ci.yaml:")).collect();
    let found = [
        ("4:18: ", "bad pattern `x`"),
        ("4:21: ", "bad pattern `/y/../z`"),
        ("5:3: ", "no `action`"),
        ("5:3: ", "no `reason`"),
        ("6:3: ", "no class name"),
        ("8:12: ", "bad destination"),
        ("8:32: ", "unknown class `npn`"),
        ("10:3: ", "unknown rule"),
        ("12:31: ", "bad pattern `y`"),
    ];
    assert_eq!(places.len(), found.len(), "{message}");
    for (line, (place, text)) in places.iter().zip(found) {
        assert!(line.starts_with(place) && line.contains(text), "{line}");
    }
    // A class that was refused is not unknown as well.
    assert!(!message.contains("unknown class `locker`"), "{message}");
    assert!(message.contains("\n  4 |   aws: { paths: [x, /y/../z] }\n    |                  ^\n"), "{message}");
    assert!(message.contains("\n  10 |   sweeps: {}\n     |   ^^^^^^\n"), "{message}");

    let many: Vec<_> = (0..30).map(|n| format!("x{n}")).collect();
    let error = read(&class(&many.join(", "), "")).unwrap_err();
    assert_eq!(error.errors().len(), 20);
    assert!(error.to_string().ends_with("and 10 more; correct these first"), "{error}");
}

#[test]
fn messages_show_no_secrets_and_act_on_nothing() {
    let secret = "ghp_0123456789abcdefABCDEF0123456789abcd";
    for text in [
        format!("destinations: [{{ to: [{secret}], accept: all }}]\n"),
        format!("{secret}: 1\n"),
        format!("mode: {secret}\n"),
        format!("classes:\n  x: {{ paths: [{secret}], action: kill, reason: r }}\n"),
        format!("classes:\n  {secret}: {{ paths: [/x], action: kill, reason: r }}\n"),
        format!("rules: {{ {secret}: {{}} }}\n"),
        format!("mode: x # password={secret}\n"),
        format!("destinations: [{{ to: [10.0.0.1], accept: [{secret}] }}]\n"),
        format!("extends: {secret}\n"),
        format!("[{secret}\n"),
        format!("classes: {{ x: {{ paths: [/x], action: kill, reason: \"{secret}\\e\" }} }}\n"),
        format!("exceptions: [{{ rules: [sweep], programs: [{secret}], reason: r, until: {secret} }}]\n"),
    ] {
        let message = read(&text).unwrap_err().to_string();
        assert!(!message.contains("0123456789"), "{message}");
        assert!(message.contains("redacted"), "{message}");
    }
    for text in
        ["mode: \u{1b}[31mx\n", "\"\\e[31m\\u202e\": 1\n", "mode: x \u{202e}y\n", "classes: { \u{9b}31m: {} }\n"]
    {
        let message = read(text).unwrap_err().to_string();
        let acts = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!message.contains(acts), "{message:?}");
    }
}

/// `extends` may point anywhere: what it points at is no policy, and is not shown.
#[test]
fn a_file_that_is_no_policy_is_not_shown() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("netrc"), "machine h.test login u password hunter2\n\t{").unwrap();
    std::fs::write(at("ci.yaml"), "version: 1\nextends: netrc\n").unwrap();
    let message = Policy::load(&at("ci.yaml")).unwrap_err().to_string();
    assert!(!message.contains("hunter2") && message.contains("netrc"), "{message}");
}
