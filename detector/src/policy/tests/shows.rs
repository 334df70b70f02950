//! What is said of a good policy: warnings, and its text.

use super::{
    super::{Checked, Format},
    *,
};
use std::{fs, path::PathBuf};

const CI: &str = "version: 1
extends: base.yaml
mode: audit
classes:
  aws: { action: alert }
  locker: { paths: [~/.locker-token, '**/on'], action: kill, reason: \"opens all: # the 'others'\" }
destinations:
  - { to: ['203.0.113.0/24:443', '[2001:db8::/32]'], accept: [locker] }
  - { to: [198.51.100.7], accept: all, reason: mirror }
rules:
  sweep: { severity: low }
exceptions:
  - { rules: [sweep], programs: [scan], reason: '1e3', until: 2999-12-31 }
";
const BASE: &str = "version: 1
extends: builtin
programs:
  scan: { files: [scan], quiet: ['yes'] }
rules: { sweep: { action: alert }, decoy: { enabled: false } }
";

/// A directory with a policy and what it extends.
fn desk() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("base.yaml"), BASE).unwrap();
    let path = directory.path().join("ci.yaml");
    fs::write(&path, CI).unwrap();
    (directory, path)
}

#[test]
fn a_policy_is_shown_as_it_was_written() {
    let (_directory, path) = desk();
    let checked = Checked::load(&path).unwrap();
    let text = checked.written(Format::Yaml);
    let json: serde_json::Value = serde_json::from_str(&checked.written(Format::Json)).unwrap();
    for text in [&text, &checked.written(Format::Json)] {
        let again: serde_json::Value = serde_saphyr::from_str(text).unwrap();
        assert_eq!(again, json, "{text}");
        schema::check(text).unwrap();
    }
    assert!(
        text.starts_with("version: 1\nextends: base.yaml\nmode: audit\n\nclasses:\n  aws:\n    action: alert\n"),
        "{text}"
    );
    assert_eq!(json["exceptions"][0]["reason"], "1e3");
    assert!(json.get("programs").is_none(), "it is inherited");
    fs::write(&path, &text).unwrap();
    assert_eq!(Policy::load(&path).unwrap().digest(), checked.policy.digest());
}

#[test]
fn the_resolved_text_is_the_same_policy_alone() {
    let (_directory, path) = desk();
    let checked = Checked::load(&path).unwrap();
    let text = checked.resolved(Format::Yaml);
    schema::check(&text).unwrap();
    assert_eq!(Policy::parse(&text, "resolved").unwrap().document(), checked.policy.document());
    let json: serde_json::Value = serde_json::from_str(&checked.resolved(Format::Json)).unwrap();
    let alone = Policy::parse(&json["policy"].to_string(), "resolved").unwrap();
    assert_eq!(alone.digest(), checked.policy.digest());
    assert_eq!(json["digest"], checked.policy.digest());

    let place = |name: &str, at: &str| format!("{}:{at}", path.with_file_name(name).display());
    let origins = &json["origins"];
    assert_eq!(origins["classes"]["npm"], serde_json::json!(["builtin"]));
    assert_eq!(origins["classes"]["aws"], serde_json::json!(["builtin", place("ci.yaml", "5:3")]));
    assert_eq!(origins["classes"]["locker"], serde_json::json!([place("ci.yaml", "6:3")]));
    assert_eq!(origins["rules"]["sweep"], serde_json::json!([place("base.yaml", "5:10"), place("ci.yaml", "11:3")]));
    assert_eq!(origins["programs"]["scan"], serde_json::json!([place("base.yaml", "4:3")]));
    let (rows, all) = (origins["destinations"].as_array().unwrap(), json["policy"]["destinations"].as_array().unwrap());
    assert_eq!((rows.len(), &rows[rows.len() - 1]), (all.len(), &serde_json::json!([place("ci.yaml", "9:12")])));
    assert!(text.contains(&format!("  # builtin, {}\n  aws:\n", place("ci.yaml", "5:3"))), "{text}");
    assert!(text.contains(&format!("  # {}\n  - rules:\n", place("ci.yaml", "13:15"))), "{text}");
}

#[test]
fn the_builtin_policy_is_shown_and_has_no_warnings() {
    let checked = Checked::builtin().unwrap();
    assert!(checked.warnings.is_empty(), "{:?}", checked.warnings);
    assert_eq!(checked.written(Format::Yaml), checked.resolved(Format::Yaml));
    for text in [checked.written(Format::Yaml), checked.written(Format::Json)] {
        assert_eq!(Policy::parse(&text, "again").unwrap().digest(), Policy::builtin().digest());
    }
}

/// The warnings about `text`, which extends the builtin policy, line by line.
fn warnings(text: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ci.yaml");
    fs::write(&path, format!("version: 1\nextends: builtin\n{text}")).unwrap();
    let checked = Checked::load(&path).unwrap();
    let shown = checked.warnings.iter().map(|warning| checked.shown(warning) + "\n").collect::<String>();
    shown.replace(&format!("{}/", directory.path().display()), "")
}

#[test]
fn rows_that_never_matter_are_told() {
    let rows = |rows: &[&str]| {
        warnings(&format!("destinations:\n{}", rows.iter().map(|row| format!("  - {{ {row} }}\n")).collect::<String>()))
    };
    for good in [
        &["to: [10.0.0.0/8], accept: [aws]", "to: [10.0.0.1], accept: [npm]"][..],
        &["to: ['10.0.0.1:443'], accept: [aws]", "to: ['10.0.0.1:80'], accept: [aws]"],
        &["to: ['10.0.0.0/8:443'], accept: [aws]", "to: [10.0.0.1], accept: [aws]"],
        &["to: ['[::/0]'], accept: all", "to: [10.0.0.1], accept: [aws]"],
        &["to: [10.0.0.1], accept: all", "to: [10.0.0.2], accept: all"],
    ] {
        assert_eq!(rows(good), "", "{good:?}");
    }
    for (bad, line) in [
        (&["to: [10.0.0.0/8], accept: [aws, npm]", "to: ['10.0.0.1:443'], accept: [aws]"][..], 5),
        (&["to: ['10.0.0.1:443'], accept: [aws]", "to: [10.0.0.0/8], accept: [npm, aws]"], 4),
        (&["to: [10.0.0.1], accept: [aws]", "to: [10.0.0.1], accept: [aws]"], 5),
        (&["to: ['[::/0]'], accept: all", "to: ['[2001:db8::1]:443'], accept: [aws]"], 5),
        (&["to: [127.0.0.1], accept: [aws]"], 4),
    ] {
        let told = rows(bad);
        assert!(
            told.starts_with(&format!("ci.yaml:{line}:")) && told.contains("warning: this row never matters"),
            "{told}"
        );
        assert_eq!(told.matches("warning").count(), 1, "{told}");
        assert!(told.contains("^\n"), "{told}");
    }
    assert!(rows(&["to: [10.0.0.1], accept: []"]).contains("accepts nothing"));
    let observed = "classes: { aws: { action: observe } }\ndestinations: [{ to: [10.0.0.1], accept: [aws] }]\n";
    assert!(warnings(observed).contains("class `aws` is only observed"));
    // For declared programs: their own rows, and those for anyone.
    let program = |second: &str| {
        warnings(&format!(
            "programs: {{ up: {{ files: [up] }} }}\ndestinations:\n  - {{ to: [10.0.0.0/8], accept: [aws] }}\n  - {second}\n"
        ))
    };
    assert!(program("{ to: [10.0.0.1], accept: [aws], readers: [up] }").contains("never matters"));
    assert_eq!(program("{ to: [10.0.0.1], accept: [npm], readers: [up] }"), "");
}

#[test]
fn a_file_that_begins_as_the_builtin_ones_is_a_users() {
    use super::super::load::is_builtin;
    assert!(["builtin", "builtin/classes.yaml"].iter().all(|file| is_builtin(file)));
    assert!(!["builtin-ci.yaml", "builtins/x.yaml", "ci/builtin", ""].iter().any(|file| is_builtin(file)));
}

#[test]
fn exceptions_that_never_hold_are_told() {
    let of = |exception: &str| warnings(&format!("exceptions:\n  - {{ {exception}, reason: r }}\n"));
    for (exception, says) in [
        ("rules: [agent-memory], classes: [npm]", "no finding of `agent-memory` names class `npm`"),
        ("rules: [undeclared-reader, escape], classes: [npm, runner-memory]", "names class `runner-memory`"),
        ("rules: [sweep], to: [10.0.0.1]", "no finding of `sweep` has a destination"),
        ("rules: [sweep, leak-alert], paths: [/x]", "no finding of `sweep` or `leak-alert` is about single files"),
        ("rules: [sweep], classes: [npm], until: 2020-01-01", "ended on 2020-01-01"),
    ] {
        let told = of(exception);
        assert!(told.contains(says) && told.matches("warning").count() == 1, "{told}");
    }
    assert_eq!(of("rules: [sweep, undeclared-reader], classes: [npm], until: 2999-01-01"), "");
    assert_eq!(of("rules: [leak-alert], classes: [npm], to: [10.0.0.1]"), "");
    let off = "rules: { sweep: { enabled: false } }\nexceptions: [{ rules: [sweep], classes: [npm], reason: r }]\n";
    assert!(warnings(off).contains("its rules are switched off"));
    assert!(warnings("rules: { leak: { severity: low } }\n").contains("no leak fails the run"));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("none.yaml");
    fs::write(&path, "version: 1\n").unwrap();
    assert!(Checked::load(&path).unwrap().warnings[0].text.contains("nothing is watched"));
}
