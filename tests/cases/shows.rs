//! `detector policy show` and `schema` through the real command line: what is printed is a policy, and the same one.

use detector::policy::Policy;
use detector_tests::desk::Desk;
use serde_json::Value;
use std::collections::BTreeSet;

type Result = anyhow::Result<()>;

const USAGE: i32 = 102;

const BASE: &str = "version: 1
extends: builtin
programs:
  scan: { files: [scan], quiet: [version] }
rules: { sweep: { action: alert } }
";
const CI: &str = "version: 1
extends: base.yaml
mode: audit
classes:
  aws: { action: alert }
  locker: { paths: [~/.locker-token, '**/on'], action: kill, reason: \"opens all: # the 'others'\" }
destinations:
  - { to: ['203.0.113.0/24:443'], accept: [locker], readers: [scan], reason: mirror }
rules:
  sweep: { severity: low }
exceptions:
  - { rules: [sweep], programs: [scan], reason: '1e3', until: 2999-12-31 }
";

/// A desk with a policy and what it extends.
fn desk() -> anyhow::Result<Desk> {
    let desk = Desk::new()?;
    desk.write("base.yaml", BASE)?;
    desk.write("ci.yaml", CI)?;
    Ok(desk)
}

/// What `detector policy ARGUMENTS` prints.
fn shown(desk: &Desk, arguments: &[&str]) -> anyhow::Result<String> {
    let finished = desk.policy(arguments)?;
    finished.assert_ended(0, &[]);
    assert!(finished.stderr.is_empty(), "{finished:?}");
    Ok(finished.out())
}

/// What `check` says of the file `name`, behind that name.
fn good(desk: &Desk, name: &str) -> anyhow::Result<String> {
    Ok(shown(desk, &["check", name])?.split_off(name.len()))
}

/// The digest of the policy in the file `name`.
fn digest(desk: &Desk, name: &str) -> anyhow::Result<Value> {
    let json: Value = serde_json::from_str(&shown(desk, &["show", "--resolved", "--format", "json", name])?)?;
    Ok(json["digest"].clone())
}

#[test]
fn without_a_file_the_builtin_policy_is_shown() -> Result {
    let desk = Desk::new()?;
    let builtin = Policy::builtin();
    let yaml = shown(&desk, &["show"])?;
    assert!(yaml.starts_with(&format!("# Digest {}.\nversion: 1\n", builtin.digest())), "{yaml}");
    assert_eq!(shown(&desk, &["show", "--resolved"])?, yaml);
    let json = shown(&desk, &["show", "--format", "json"])?;
    let form: Value = serde_json::from_str(&json)?;
    assert_eq!(form["classes"].as_object().map(|classes| classes.len()), Some(builtin.classes().len()));
    // Both are policy files, and the same policy.
    for (name, text) in [("yaml", yaml), ("json", json)] {
        desk.write(name, text)?;
        assert_eq!(digest(&desk, name)?, builtin.digest(), "{name}");
    }
    let wrong = desk.policy(&["show", "--format", "toml"])?;
    wrong.assert_ended(USAGE, &["toml", "yaml, json"]);
    Ok(())
}

#[test]
fn a_policy_is_shown_as_it_was_written() -> Result {
    let desk = desk()?;
    let yaml = shown(&desk, &["show", "ci.yaml"])?;
    assert!(yaml.starts_with("version: 1\nextends: base.yaml\nmode: audit\n\nclasses:\n  aws:\n"), "{yaml}");
    let json = shown(&desk, &["show", "--format", "json", "ci.yaml"])?;
    let form: Value = serde_json::from_str(&json)?;
    assert_eq!((&form["exceptions"][0]["reason"], form.get("programs")), (&"1e3".into(), None), "{json}");
    let policy = digest(&desk, "ci.yaml")?;
    for (name, text) in [("yaml", &yaml), ("json", &json)] {
        desk.write(name, text)?;
        // Shown again it is the same text, and it is the same policy.
        assert_eq!(shown(&desk, &["show", "--format", name, name])?, *text);
        assert_eq!(digest(&desk, name)?, policy, "{name}");
    }
    let finished = desk.policy_of(&["show", "-"], CI)?;
    finished.assert_ended(0, &[]);
    assert_eq!(finished.out(), yaml);
    desk.write("bad.yaml", CI.replace("sweep:", "sweeep:"))?;
    for arguments in [&["show", "bad.yaml"][..], &["show", "--resolved", "bad.yaml"]] {
        let finished = desk.policy(arguments)?;
        finished.assert_ended(USAGE, &["bad.yaml:10:3: unknown rule `sweeep`", "\n     |   ^^^^^^\n"]);
        assert!(finished.stdout.is_empty(), "{finished:?}");
    }
    Ok(())
}

#[test]
fn a_resolved_policy_is_a_policy_and_the_same() -> Result {
    let desk = desk()?;
    let resolve = |name: &str| shown(&desk, &["show", "--resolved", name]);
    let first = resolve("ci.yaml")?;
    let policy = digest(&desk, "ci.yaml")?;
    assert!(first.starts_with(&format!("# Digest {}.\n", policy.as_str().unwrap_or_default())), "{first}");
    for origin in
        ["builtin, ci.yaml:5:3\n  aws:", "ci.yaml:6:3\n  locker:", "base.yaml:4:3\n  scan:", "ci.yaml:8:12\n  - to:"]
    {
        assert!(first.contains(&format!("\n  # {origin}\n")), "{origin}: {first}");
    }
    assert!(first.contains("\n  # base.yaml:5:10, ci.yaml:10:3\n  sweep:\n"), "{first}");
    desk.write("resolved.yaml", &first)?;
    assert_eq!(good(&desk, "resolved.yaml")?, good(&desk, "ci.yaml")?);
    assert_eq!(digest(&desk, "resolved.yaml")?, policy);
    // Again it says other places, and after that nothing changes.
    let said =
        |text: &str| text.lines().filter(|line| !line.starts_with("  # ")).map(str::to_owned).collect::<Vec<_>>();
    let second = resolve("resolved.yaml")?;
    assert_eq!(said(&second), said(&first));
    desk.write("resolved.yaml", &second)?;
    assert_eq!(resolve("resolved.yaml")?, second);
    let json: Value = serde_json::from_str(&shown(&desk, &["show", "--resolved", "--format", "json", "ci.yaml"])?)?;
    assert_eq!(json["origins"]["classes"]["aws"], serde_json::json!(["builtin", "ci.yaml:5:3"]));
    desk.write("policy.json", json["policy"].to_string())?;
    assert_eq!(digest(&desk, "policy.json")?, policy);
    Ok(())
}

/// The names that `check` says there are in the place of `zzzzzz`.
fn known(desk: &Desk, text: &str) -> anyhow::Result<BTreeSet<String>> {
    let finished = desk.policy_of(&["check", "-"], format!("version: 1\nextends: builtin\n{text}\n"))?;
    finished.assert_ended(USAGE, &["`zzzzzz`", "known here: "]);
    let err = finished.err();
    let names = err.lines().next().and_then(|line| line.split_once("known here: ")).map_or("", |(_, names)| names);
    Ok(names.split(", ").map(str::to_owned).collect())
}

#[test]
fn the_schema_is_the_published_one_and_has_the_names_that_there_are() -> Result {
    let desk = Desk::new()?;
    let text = shown(&desk, &["schema"])?;
    assert_eq!(text, include_str!("../../docs/policy.schema.json"));
    let schema: Value = serde_json::from_str(&text)?;
    let keys = |of: &Value| {
        assert_eq!(of["additionalProperties"], false, "{of}");
        of["properties"].as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect::<BTreeSet<_>>()
    };
    let defs = &schema["$defs"];
    for (of, place) in [
        (&schema, "zzzzzz: 1"),
        (&defs["Class"], "classes: { aws: { zzzzzz: 1 } }"),
        (&defs["Hosts"], "classes: { aws: { hosts: { zzzzzz: 1 } } }"),
        (&defs["Destination"], "destinations: [{ zzzzzz: 1 }]"),
        (&defs["Program"], "programs: { git: { zzzzzz: 1 } }"),
        (&defs["Rule2"], "rules: { sweep: { zzzzzz: 1 } }"),
        (&defs["Exception"], "exceptions: [{ zzzzzz: 1 }]"),
    ] {
        assert_eq!(known(&desk, place)?, keys(of), "{place}");
    }
    for (name, place) in [
        ("Mode", "mode: zzzzzz"),
        ("Severity", "fail-on: zzzzzz"),
        ("Action", "classes: { aws: { action: zzzzzz } }"),
        ("Door", "classes: { aws: { door: zzzzzz } }"),
        ("Sureness", "classes: { aws: { sureness: zzzzzz } }"),
        ("Access", "classes: { aws: { access: zzzzzz } }"),
        ("Role", "classes: { aws: { role: zzzzzz } }"),
        ("Rule", "rules: { zzzzzz: { severity: low } }"),
    ] {
        let values = defs[name]["oneOf"].as_array().into_iter().flatten().filter_map(|one| one["const"].as_str());
        assert_eq!(known(&desk, place)?, values.map(str::to_owned).collect(), "{place}");
    }
    Ok(())
}
