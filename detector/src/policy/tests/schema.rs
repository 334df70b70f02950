//! The JSON Schema: as committed, and what it lets pass. `DETECTOR_BLESS=1 cargo test -p detector --lib` writes it anew.

use super::super::{SCHEMA, schema};
use crate::recording::bless;
use serde_json::Value;
use std::sync::LazyLock;

/// As much of JSON Schema (2020-12) as the schema uses; anything else in it is an error.
struct Validator {
    root: Value,
}

/// Why it does not fit, with the place.
type Fit = Result<(), String>;

impl Validator {
    fn new() -> Self {
        // Not the committed one: that may be about to be written.
        static WRITTEN: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(&schema::written()).unwrap());
        Self { root: WRITTEN.clone() }
    }

    fn check(&self, value: &Value) -> Fit {
        self.fits(&self.root, value, "")
    }

    fn fits(&self, schema: &Value, value: &Value, at: &str) -> Fit {
        let schema = match schema {
            Value::Bool(true) => return Ok(()),
            Value::Bool(false) => return Err(format!("{at}: not allowed")),
            other => other.as_object().expect("a schema is an object"),
        };
        for (key, rule) in schema {
            let good = match key.as_str() {
                "$schema" | "$defs" | "title" | "description" | "default" | "format" => true,
                "$ref" => {
                    let name = rule.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                    self.fits(&self.root["$defs"][name], value, at)?;
                    true
                }
                "type" => match rule {
                    Value::Array(types) => types.iter().any(|name| is(name, value)),
                    name => is(name, value),
                },
                "const" => value == rule,
                "enum" => rule.as_array().unwrap().contains(value),
                "minimum" => value.as_f64().is_none_or(|n| n >= rule.as_f64().unwrap()),
                "maximum" => value.as_f64().is_none_or(|n| n <= rule.as_f64().unwrap()),
                "minItems" => value.as_array().is_none_or(|list| list.len() as u64 >= rule.as_u64().unwrap()),
                "pattern" => value.as_str().is_none_or(|text| matches(rule.as_str().unwrap(), text)),
                "not" => self.fits(rule, value, at).is_err(),
                "anyOf" => rule.as_array().unwrap().iter().any(|one| self.fits(one, value, at).is_ok()),
                "oneOf" => rule.as_array().unwrap().iter().filter(|one| self.fits(one, value, at).is_ok()).count() == 1,
                "items" => {
                    for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.fits(rule, item, &format!("{at}/{i}"))?;
                    }
                    true
                }
                "required" => value.as_object().is_none_or(|map| {
                    rule.as_array().unwrap().iter().all(|key| map.contains_key(key.as_str().unwrap()))
                }),
                "properties" => {
                    for (name, of) in rule.as_object().unwrap() {
                        if let Some(value) = value.get(name) {
                            self.fits(of, value, &format!("{at}/{name}"))?;
                        }
                    }
                    true
                }
                "additionalProperties" => {
                    let known = schema.get("properties").and_then(Value::as_object);
                    for (name, value) in value.as_object().into_iter().flatten() {
                        if known.is_none_or(|known| !known.contains_key(name)) {
                            self.fits(rule, value, &format!("{at}/{name}"))?;
                        }
                    }
                    true
                }
                "propertyNames" => {
                    for name in value.as_object().into_iter().flatten().map(|(name, _)| name) {
                        self.fits(rule, &Value::from(name.as_str()), &format!("{at}/{name}"))?;
                    }
                    true
                }
                other => panic!("the schema uses `{other}`: teach it to this test"),
            };
            if !good {
                return Err(format!("{at}: {key}"));
            }
        }
        Ok(())
    }
}

fn is(name: &Value, value: &Value) -> bool {
    match name.as_str().unwrap() {
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "null" => value.is_null(),
        other => panic!("type {other}"),
    }
}

/// The patterns that the schema uses, without an engine for all.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern {
        r"\S" => text.contains(|c: char| !c.is_whitespace()),
        r"^(/|~/|\*\*/|\$[A-Za-z_]|\{)" => {
            let variable = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            ["/", "~/", "**/", "{"].iter().any(|start| text.starts_with(start))
                || text.strip_prefix('$').is_some_and(variable)
        }
        r"^\*[^*/]+$" => text.strip_prefix('*').is_some_and(|rest| !rest.is_empty() && !rest.contains(['*', '/'])),
        "^[a-z][a-z0-9_-]{0,39}$" => {
            let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
            text.starts_with(|c: char| c.is_ascii_lowercase()) && text.len() <= 40 && text.bytes().all(good)
        }
        "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" => {
            let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
            shape == "0000-00-00"
        }
        r"^([0-9.]+(/[0-9]+)?|\[[0-9a-fA-F:.]+(/[0-9]+)?\]|(\*\*?\.)?([A-Za-z0-9_-]+\.)*[A-Za-z0-9-]*[A-Za-z-][A-Za-z0-9-]*)(:[0-9]+)?$" =>
        {
            let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            let masked = |text: &str, good: fn(u8) -> bool| {
                let (address, mask) =
                    text.split_once('/').map_or((text, None), |(address, mask)| (address, Some(mask)));
                !address.is_empty() && address.bytes().all(good) && mask.is_none_or(digits)
            };
            let v6 = |b: u8| b.is_ascii_hexdigit() || b == b':' || b == b'.';
            let v4 = |b: u8| b.is_ascii_digit() || b == b'.';
            match text.strip_prefix('[').map(|rest| rest.split_once(']')) {
                Some(Some((address, port))) => {
                    masked(address, v6) && (port.is_empty() || port.strip_prefix(':').is_some_and(digits))
                }
                Some(None) => false,
                None => {
                    let (address, port) = text.split_once(':').map_or((text, None), |(a, port)| (a, Some(port)));
                    (masked(address, v4) || is_host(address)) && port.is_none_or(digits)
                }
            }
        }
        other => panic!("the schema uses the pattern {other}: teach it to this test"),
    }
}

fn is_host(text: &str) -> bool {
    let wild = text.strip_prefix("**.").or_else(|| text.strip_prefix("*."));
    let (front, last) = wild.unwrap_or(text).rsplit_once('.').unwrap_or(("x", wild.unwrap_or(text)));
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    let label = |label: &str| !label.is_empty() && label.bytes().all(|b| plain(b) || b == b'_');
    front.split('.').all(label) && last.bytes().all(plain) && last.bytes().any(|b| !b.is_ascii_digit())
}

/// What the schema says of the file `text`.
pub(super) fn check(text: &str) -> Fit {
    let value: Value = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    Validator::new().check(&value)
}

#[test]
fn the_committed_schema_is_that_of_the_types() {
    bless("../docs/policy.schema.json", SCHEMA, &schema::written());
}

#[test]
fn the_builtin_policy_and_those_of_the_page_are_accepted() {
    for (name, text) in super::super::load::BUILTIN {
        assert_eq!(check(text), Ok(()), "{name}");
    }
    let page = include_str!("../../../../docs/policy.md");
    let mut policies = 0;
    for block in page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
        // Parts of files are shown, too.
        let whole = if block.starts_with("version:") { block.to_owned() } else { format!("version: 1\n{block}") };
        assert_eq!(check(&whole), Ok(()), "{block}");
        policies += 1;
    }
    assert!(policies > 0);
}

#[test]
fn typical_mistakes_are_refused_by_both() {
    let exception = |rest: &str| format!("extends: builtin\nexceptions:\n  - {{ {rest} }}\n");
    for text in [
        "modes: audit\n".to_owned(),
        "mode: enforced\n".to_owned(),
        "fail-on: severe\n".to_owned(),
        "classes: [aws]\n".to_owned(),
        "classes:\n  AWS: { door: memory, action: deny, reason: r }\n".to_owned(),
        "classes:\n  all: { door: memory, action: deny, reason: r }\n".to_owned(),
        "classes:\n  x: { path: [/x], action: deny, reason: r }\n".to_owned(),
        "classes:\n  x: { paths: /x, action: deny, reason: r }\n".to_owned(),
        "classes:\n  x: { paths: [x], action: deny, reason: r }\n".to_owned(),
        "classes:\n  x: { paths: [/x], except: [pub], action: deny, reason: r }\n".to_owned(),
        "classes:\n  x: { paths: [/x], action: block, reason: r }\n".to_owned(),
        "classes:\n  x: { door: window, action: deny, reason: r }\n".to_owned(),
        "destinations: [{ to: [10.0.0.1] }]\n".to_owned(),
        "destinations: [{ to: 10.0.0.1, accept: all }]\n".to_owned(),
        "destinations: [{ to: [mirror_test], accept: all }]\n".to_owned(),
        "destinations: [{ to: ['2001:db8::1'], accept: all }]\n".to_owned(),
        "destinations: [{ to: [10.0.0.1], accept: aws }]\n".to_owned(),
        "rules: { sweeps: { severity: low } }\n".to_owned(),
        "rules: { sweep: { severity: fatal } }\n".to_owned(),
        "rules: { sweep: { enable: false } }\n".to_owned(),
        "rules: { sweep: { enabled: 'no' } }\n".to_owned(),
        "rules: { sweep: low }\n".to_owned(),
        exception("rules: [sweep], classes: [aws]"),
        exception("classes: [aws], reason: r"),
        exception("rules: [sweeps], classes: [aws], reason: r"),
        exception("rules: [], classes: [aws], reason: r"),
        exception("rules: sweep, classes: [aws], reason: r"),
        exception("rules: [sweep], classes: [], reason: r"),
        exception("rules: [sweep], classes: [aws], reason: ' '"),
        exception("rules: [sweep], paths: [.npmrc], reason: r"),
        exception("rules: [leak-alert], to: [mirror_test], reason: r"),
        exception("rules: [sweep], steps: [one], reason: r"),
        exception("rules: [sweep], classes: [aws], reason: r, until: tomorrow"),
        exception("rule: [sweep], classes: [aws], reason: r"),
    ] {
        assert!(super::read(&text).is_err(), "accepted: {text}");
        assert!(check(&format!("version: 1\n{text}")).is_err(), "the schema accepts: {text}");
    }
    assert!(check("mode: audit\n").is_err(), "no version");
    assert!(check("version: 2\n").is_err(), "another version");
}

#[test]
fn the_page_names_every_key_and_every_rule() {
    fn keys(schema: &Value, all: &mut Vec<String>) {
        for (key, value) in schema.as_object().into_iter().flatten() {
            if key == "properties" {
                all.extend(value.as_object().unwrap().keys().cloned());
            }
            keys(value, all);
        }
        schema.as_array().into_iter().flatten().for_each(|value| keys(value, all));
    }
    let page = include_str!("../../../../docs/policy.md");
    let mut names = Vec::new();
    keys(&Validator::new().root, &mut names);
    assert!(names.len() > 30, "{names:?}");
    names.extend(super::super::Rule::ALL.map(|rule| rule.id().to_owned()));
    for name in names {
        // In the text, or at the start of a line of the example.
        let told = [format!("`{name}`"), format!("`{name}: "), format!("\n{name}:")];
        assert!(told.iter().any(|told| page.contains(told.as_str())), "`{name}` is not told");
    }
}
