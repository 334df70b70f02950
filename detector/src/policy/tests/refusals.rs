//! What a bad file is told.

use super::{super::BadPattern, *};
use std::fs;

/// The message about `text`.
fn message(text: &str) -> String {
    policy(text).map(|_| "accepted".to_owned()).unwrap_or_else(|error| error.to_string())
}

#[track_caller]
fn refused(text: &str, parts: &[&str]) {
    let message = message(text);
    for part in parts {
        assert!(message.contains(part), "{message:?} has no {part:?}");
    }
    assert!(!message.contains('\n'), "{message:?}");
}

#[test]
fn yaml_says_where_it_breaks() {
    refused("classes: [", &["ci.yaml:", "YAML"]);
    refused("  mode: audit\n", &["ci.yaml:1:10"]);
    refused("clases: {}\n", &["ci.yaml:2:1", "unknown key `clases`", "did you mean `classes`?"]);
    refused("classes:\n  x: { path: [/x] }\n", &["ci.yaml:3:8", "did you mean `paths`?"]);
    refused("mode: audit\nmode: enforce\n", &["ci.yaml:3:1", "`mode`", "second time"]);
    refused("classes:\n  x: { door: memory }\n  x: { door: environ }\n", &["ci.yaml:4:3", "`x`", "second time"]);
    refused("mode: enforced\n", &["ci.yaml:2:7", "`enforced`", "did you mean `enforce`?"]);
    refused("classes:\n  x: { paths: [**/x] }\n", &["ci.yaml:3:", "quote"]);
    refused("classes:\n  x: { paths: [*x] }\n", &["ci.yaml:3:", "quote"]);
    refused("destinations: [{ to: [10.0.0.1] }]\n", &["ci.yaml:2:", "`accept`", "add it"]);
    refused("destinations: [{ to: [10.0.0.1], accept: some }]\n", &["ci.yaml:2:34", "`all` or a list"]);
    refused("rules: { sweep: { enabled: no } }\n", &["ci.yaml:2:28", "write `true` or `false`"]);
    refused("mode: !x audit\n", &["ci.yaml:2:"]);
    refused("--- {}\n", &["ci.yaml:"]);
}

#[test]
fn versions_are_checked_before_keys() {
    let of = |text| Policy::parse(text, "p").unwrap_err().into_first().to_string();
    assert!(of("version: 2\nnovel: 1\n").starts_with("p:1:10: version 2 is not known"));
    assert!(of("mode: audit\n").contains("no version"));
    assert!(of("").contains("no version"));
    assert!(of("# nothing\n").contains("no version"));
    assert!(of("version: one\n").starts_with("p:1:10: "));
    assert!(of("[1, 2]\n").starts_with("p:1:1: "));
}

#[test]
fn bombs_are_refused_before_they_grow() {
    let mut bomb = String::from("a0: &a0 [x, x]\n");
    for i in 1..40 {
        bomb += &format!("a{i}: &a{i} [*a{0}, *a{0}]\n", i - 1);
    }
    refused(&bomb, &["ci.yaml:", "too many"]);
    refused(&format!("mode: {}{}\n", "[".repeat(100), "]".repeat(100)), &["ci.yaml:2:", "too many"]);
    refused(&"--- {}\n".repeat(5), &["ci.yaml:"]);
    refused(&format!("classes:\n  x: {{ paths: [{}] }}\n", "/x, ".repeat(200_001)), &["too many"]);
}

#[test]
fn classes_are_checked() {
    let many =
        |n: usize| (0..n).map(|i| format!("  c{i}: {{ door: memory, action: deny, reason: r }}\n")).collect::<String>();
    assert_eq!(message(&format!("classes:\n{}", many(64))), "accepted");
    refused(&format!("classes:\n{}", many(65)), &["ci.yaml:67:3", "`c64`", "at most 64"]);
    refused("classes:\n  X: { door: memory, action: deny, reason: r }\n", &["ci.yaml:3:3", "no class name"]);
    refused("classes:\n  all: { door: memory, action: deny, reason: r }\n", &["no class name"]);
    refused("classes:\n  x: { action: deny, reason: r }\n", &["ci.yaml:3:3", "neither `paths` nor `door`"]);
    refused("classes:\n  x: { door: memory, reason: r }\n", &["ci.yaml:3:3", "no `action`"]);
    refused("classes:\n  x: { door: memory, action: deny }\n", &["no `reason`"]);
    refused("extends: builtin\nclasses:\n  awss: { action: deny }\n", &["no `reason`", "or did you mean `aws`?"]);
    refused("extends: builtin\nclasses:\n  aws: { paths: [] }\n", &["ci.yaml:4:3", "neither"]);
    refused("classes:\n  x: { door: memory, action: deny, reason: \"\\e[31m\" }\n", &["ci.yaml:3:", "control"]);
    refused(
        "extends: builtin\ndestinations: [{ to: [10.0.0.1], accept: [npn] }]\n",
        &["ci.yaml:3:43", "unknown class `npn`", "did you mean `npm`?"],
    );
    refused("destinations: [{ to: [10.0.0.1], accept: [npm] }]\n", &["unknown class `npm`", "none is known"]);
}

#[test]
fn destinations_are_checked() {
    for (to, part) in [
        ("10.0.0.0/33", "not an address"),
        ("example.com:https", "not a port"),
        ("https://example.com", "without `https://`"),
        ("*:443", "wildcard"),
        ("a.*.test", "wildcard"),
        ("example_com", "not an address, network or name"),
        ("10.0.0.1:0", "not a port"),
        ("10.0.0.1:99999", "not a port"),
        ("10.0.0.1/8", "write `10.0.0.0/8`"),
        ("2001:db8::/32", "`[2001:db8::/32]`"),
    ] {
        refused(
            &format!("destinations:\n  - accept: all\n    to: ['{to}']\n"),
            &["ci.yaml:4:10", "bad destination", to, part],
        );
    }
}

#[test]
fn every_kind_of_bad_pattern_has_its_message() {
    use BadPattern::*;
    let (long, glob) = (format!("/{}", "x".repeat(63)), format!("/d/{}*", "x".repeat(17)));
    for (pattern, rule) in [
        ("etc/x", Start),
        ("*", Start),
        ("~root/x", Start),
        ("/", Empty),
        ("~/", Empty),
        ("/a//b", Empty),
        ("/a/b/", Empty),
        ("/a/../b", Dot),
        ("/a/./b", Dot),
        ("/a/{b,c", Braces),
        ("/a/b}", Braces),
        ("/a/{b}", Braces),
        ("/a/{b,{c,d}}", Braces),
        ("/a/{1,2,3,4}{1,2,3,4,5}", Meanings),
        ("/a/{1,2,3}/{1,2,3}/**", Meanings),
        ("$/x", Variable),
        ("$A B/x", Variable),
        ("$1A", Variable),
        ("$A/../x", Dot),
        ("$A/*.x/y", Star),
        ("/a/b?", Character('?')),
        ("/home/$USER/x", Character('$')),
        ("/a/b\u{202e}c", Character('\u{202e}')),
        ("/1/2/3/4/5/6/7", Deep),
        (&*long, Long),
        ("/a/**/b/c", Recursive),
        ("/a/**/**", Recursive),
        ("/a/**/b/**", Recursive),
        ("/a/b**", Star),
        ("/1/2/3/4/5/**", Deep),
        ("/a/*b*", Star),
        ("/a/b*/c", Star),
        ("/*/b/c", Directory),
        ("/*/*/x", Directory),
        ("~/*.pe", Bare),
        ("~/pre*", Bare),
        ("/*", Bare),
        ("~/**", Bare),
        ("/*.pem", Bare),
        ("~/*/*.key", Bare),
        (&*glob, Glob),
    ] {
        let error = policy(&class(&format!("'{pattern}'"), "")).unwrap_err();
        let place = Place { file: "ci.yaml".to_owned(), at: Some((3, 16)) };
        match &error {
            PolicyError::Pattern { place: at, rule: was, .. } => assert_eq!((at, was), (&place, &rule), "{pattern}"),
            other => panic!("{pattern}: {other}"),
        }
        assert!(error.to_string().starts_with("ci.yaml:3:16: bad pattern"), "{error}");
    }
    for except in ["pub", "*", "*a*", "*/x", "x*", "*12345678901234567", ""] {
        refused(&class("/x", &format!("'{except}'")), &["ci.yaml:3:", "bad pattern", "exception"]);
    }
    refused(&class("'/d/*'", "'*.a', '*.b'"), &["ci.yaml:3:16", "one exception"]);
    let with = |field: &str| format!("classes:\n  x: {{ paths: [/x], {field}, action: kill, reason: r }}\n");
    refused(&with("sdk: ['/d/*.py']"), &["ci.yaml:3:27", "`/d/*.py`", "SDK"]);
    refused(&with("moved: [A-B]"), &["ci.yaml:3:", "`A-B`", "variable"]);
    refused(&with("moved: [A/../b]"), &["ci.yaml:3:", "resolved first"]);
    for host in ["*", "*.", "exa_mple", "a.*.test", "a b.test", "a..test", "10.0.0.1"] {
        refused(&with(&format!("hosts: {{ anyone: ['{host}'] }}")), &["ci.yaml:3:", "bad destination"]);
        refused(&with(&format!("hosts: {{ readers: ['{host}'] }}")), &["ci.yaml:3:", "bad destination"]);
    }
    refused(&class("'/d/a*', '/d/b*', '/d/c*', '/d/d*', '/d/e*'", ""), &["ci.yaml:3:", "`/d/e*`", "at most 4"]);
}

#[test]
fn rows_are_bounded() {
    let paths: Vec<_> = (0..8_200).map(|i| format!("/{i}")).collect();
    refused(&class(&paths.join(", "), ""), &["ci.yaml: ", "too many paths"]);
    let to: Vec<_> = (0..33_000).map(|i| format!("10.{}.{}.1", i / 256, i % 256)).collect();
    refused(&format!("destinations: [{{ accept: all, to: [{}] }}]\n", to.join(", ")), &["too many destinations"]);
}

#[test]
fn a_hundred_thousand_names_are_a_policy() {
    let mut text =
        "version: 1\nclasses: { k: { paths: [/k], action: deny, reason: r } }\ndestinations:\n- accept: [k]\n  to:\n"
            .to_owned();
    (0..100_000).for_each(|n| text.push_str(&format!("  - n{n}.of-a-long-name.bench.test\n")));
    let tables = Policy::parse(&text, "p").unwrap().tables(1);
    assert_eq!((tables.hosts.len(), tables.places.len()), (100_000, 1));
    (0..100_000).for_each(|n| text.push_str(&format!("  - n{n}.test\n")));
    assert!(matches!(Policy::parse(&text, "p").unwrap_err().into_first(), PolicyError::TooComplex { .. }));
}

#[test]
fn what_is_no_policy_file_is_said_to_be_none() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let load = |name: &str| Policy::load(&at(name)).unwrap_err().into_first();
    let write = |name: &str, text: &str| fs::write(at(name), text).unwrap();

    assert!(matches!(load("none.yaml"), PolicyError::Read { .. }));
    assert!(matches!(load("."), PolicyError::Directory { .. }));
    write("large.yaml", &format!("version: 1\n#{}", "x".repeat(4 << 20)));
    assert!(matches!(load("large.yaml"), PolicyError::TooLarge { .. }));
    fs::write(at("latin.yaml"), b"version: 1\n# gr\xfcn\n").unwrap();
    assert!(load("latin.yaml").to_string().contains("latin.yaml:2:5: not UTF-8"));

    write("orphan.yaml", "version: 1\nextends: gone.yaml\n");
    let message = load("orphan.yaml").to_string();
    assert!(message.contains("orphan.yaml:2:10: cannot read ") && message.contains("gone.yaml"), "{message}");
    write("self.yaml", "version: 1\nextends: .\n");
    assert!(matches!(load("self.yaml"), PolicyError::Directory { .. }));

    write("a.yaml", "version: 1\nextends: b.yaml\n");
    write("b.yaml", "version: 1\nextends: ./a.yaml\n");
    let message = load("a.yaml").to_string();
    let chain: Vec<_> = message.split(" -> ").collect();
    assert!(message.contains("b.yaml:2:10: ") && message.contains("circle") && chain.len() == 3, "{message}");
    for i in 0..9 {
        write(&format!("{i}.yaml"), &format!("version: 1\nextends: {}.yaml\n", i + 1));
    }
    write("9.yaml", "version: 1\n");
    let message = load("0.yaml").to_string();
    assert!(message.contains("8.yaml:2:10: more than 8") && message.matches(" -> ").count() == 9, "{message}");
    assert!(Policy::load(&at("1.yaml")).is_ok());
    assert!(self::message("extends: a.yaml\n").contains("only `extends: builtin` can"));
}
