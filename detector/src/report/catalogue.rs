//! The catalogue of a policy: its classes as tables for people and as JSON for programs.

use crate::{
    engine::Action,
    policy::{Access, Class, ClassDocument, Door, Policy, ProgramDocument, Role, Sureness},
    secret::redact,
};
use serde::Serialize;
use std::{collections::BTreeMap, fmt::Write};

/// Characters of one text of the policy that are shown; a policy may come from a pull request.
const TEXT_CHARS: usize = 4_096;
/// Width of the names of fields.
const LABEL: usize = 11;
/// Columns of lists.
const COLUMNS: usize = 100;

/// One row a class.
pub fn catalogue_text(policy: &Policy) -> String {
    let rows: Vec<[String; 5]> = policy
        .classes()
        .iter()
        .map(|class| {
            let owner = shown(&class.owner);
            [class.name.clone(), action(class.action).into(), sureness(class.sureness).into(), owner, files(class)]
        })
        .collect();
    let head = ["CLASS", "ACTION", "SURENESS", "OWNER", "PATHS"].map(str::to_owned);
    let all = || std::iter::once(&head).chain(&rows);
    let width = |column: usize| all().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 4] = [0, 1, 2, 3].map(width);
    let mut out = String::new();
    for row in all() {
        for (cell, width) in row.iter().zip(widths) {
            // Writing to a string cannot fail.
            let _ = write!(out, "{cell:width$}  ");
        }
        let _ = writeln!(out, "{}", row[4]);
    }
    let _ = writeln!(out, "\n{} classes, policy {}", rows.len(), policy.digest());
    out
}

/// Everything about `class`.
pub fn class_text(policy: &Policy, class: &Class) -> String {
    let mut out = about(class);
    let quiet = quiet(policy, class).into_iter();
    let of_program = |(name, lines): (String, Vec<String>)| {
        lines.into_iter().map(|line| shown(&format!("{name} {line}"))).collect::<Vec<_>>()
    };
    field(&mut out, "quiet", &lines(quiet.flat_map(of_program).collect()));
    out
}

/// What the class itself says.
fn about(class: &Class) -> String {
    let mut out = format!("{}: {}\n", class.name, shown(&class.reason));
    let mut field = |label: &str, value: String| field(&mut out, label, &value);
    field("action", action(class.action).to_owned());
    field("sureness", sureness(class.sureness).to_owned());
    field("owner", shown(&class.owner));
    field("group", shown(&class.group));
    field("role", role(class.role).to_owned());
    field("opens", if class.access == Access::Write { "for writing only; nobody joins" } else { "" }.to_owned());
    field("door", door(class.door).to_owned());
    let patterns = |all: &[crate::policy::Pattern]| all.iter().map(|pattern| shown(&pattern.to_string())).collect();
    field("paths", lines(patterns(&class.paths)));
    field("except", lines(class.except.iter().map(|suffix| format!("*{suffix}")).collect()));
    field("moved by", lines(class.moved.iter().map(|text| shown(text)).collect()));
    field("SDK", lines(patterns(&class.sdk)));
    field(
        "hosts",
        lines(
            class
                .hosts
                .anyone
                .iter()
                .map(|host| format!("{host} (anyone)"))
                .chain(class.hosts.readers.iter().map(|host| format!("{host} (readers)")))
                .collect(),
        ),
    );
    field("readers", folded(&class.readers.iter().map(|name| shown(name)).collect::<Vec<_>>()));
    out
}

/// Appends one field, where there is something to say.
fn field(out: &mut String, label: &str, value: &str) {
    if !value.is_empty() {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "  {label:LABEL$}{value}");
    }
}

/// One class for programs.
#[derive(Serialize)]
struct Entry {
    #[serde(flatten)]
    class: ClassDocument,
    /// Quiet command lines of its readers, by program.
    quiet: BTreeMap<String, Vec<String>>,
}

/// The classes for programs: those of the policy, or one.
pub fn catalogue_json(policy: &Policy, only: Option<&Class>) -> String {
    #[derive(Serialize)]
    struct Catalogue {
        policy: String,
        classes: Vec<Entry>,
    }
    let document = policy.document();
    let named = policy.classes().iter().zip(document.classes);
    let wanted = named.filter(|(class, _)| only.is_none_or(|only| only.id == class.id));
    let classes = wanted.map(|(class, document)| Entry { class: document, quiet: quiet(policy, class) }).collect();
    let catalogue = Catalogue { policy: policy.digest(), classes };
    let mut text = serde_json::to_string_pretty(&catalogue)
        // Strings, numbers and lists of them.
        .unwrap_or_else(|error| format!("{{\"error\": {:?}}}", error.to_string()));
    text.push('\n');
    text
}

/// The page `docs/catalogue.md`.
#[cfg(test)]
pub(crate) fn catalogue_page(policy: &Policy) -> String {
    let mut out = String::from(
        "# The catalogue\n\n\
         The classes of the builtin policy, as `detector catalogue` prints them; `detector catalogue CLASS` has the quiet\n\
         command lines of the readers, too.\n\
         This page is generated (`DETECTOR_BLESS=1 cargo test -p detector --lib`) from\n\
         `detector/src/policy/builtin/classes.yaml`. What a field or a pattern means is said in [policy.md](policy.md).\n\n\
         | class | action | sureness | owner | what |\n|---|---|---|---|---|\n",
    );
    for class in policy.classes() {
        let words = [action(class.action), sureness(class.sureness)];
        let _ = writeln!(
            out,
            "| [{0}](#{0}) | {1} | {2} | {3} | {4} |",
            class.name, words[0], words[1], class.owner, class.reason
        );
    }
    for class in policy.classes() {
        let _ = write!(out, "\n## {}\n\n```text\n{}```\n", class.name, about(class));
    }
    out
}

/// Quiet command lines of the readers of `class`, by program; programs that the policy does not declare have none.
fn quiet(policy: &Policy, class: &Class) -> BTreeMap<String, Vec<String>> {
    let programs: Vec<ProgramDocument> = policy.document().programs;
    let readers = programs.into_iter().filter(|program| class.readers.contains(&program.name));
    readers.filter(|program| !program.quiet.is_empty()).map(|program| (program.name, program.quiet)).collect()
}

/// How many files it is about.
fn files(class: &Class) -> String {
    match class.door {
        Some(_) if class.paths.is_empty() => "a door".to_owned(),
        _ => class.paths.len().to_string(),
    }
}

/// `text`, what cannot be seen spelled out. Its words stay: no secret stands in a policy, and names look like tokens.
fn shown(text: &str) -> String {
    text.chars().take(TEXT_CHARS).map(|c| redact::component(c.encode_utf8(&mut [0; 4]).as_bytes())).collect()
}

/// One a line, below each other.
fn lines(all: Vec<String>) -> String {
    all.join(&format!("\n{:1$}", "", LABEL + 2))
}

/// As many a line as there is room for.
fn folded(all: &[String]) -> String {
    let mut folded: Vec<String> = Vec::new();
    for name in all {
        match folded.last_mut() {
            Some(line) if line.len() + name.len() + 2 <= COLUMNS - LABEL => *line += &format!(", {name}"),
            _ => folded.push(name.clone()),
        }
    }
    lines(folded)
}

fn action(action: Action) -> &'static str {
    match action {
        Action::Observe => "observe",
        Action::Alert => "alert",
        Action::Deny => "deny",
        Action::Kill => "kill",
    }
}

fn sureness(sureness: Sureness) -> &'static str {
    match sureness {
        Sureness::Weak => "weak",
        Sureness::Likely => "likely",
        Sureness::Certain => "certain",
    }
}

fn role(role: Option<Role>) -> &'static str {
    match role {
        None => "",
        Some(Role::Forge) => "forge",
        Some(Role::Registry) => "registry",
    }
}

fn door(door: Option<Door>) -> &'static str {
    match door {
        None => "",
        Some(Door::Memory) => "the memory of another process",
        Some(Door::Environ) => "the environment of another process",
        Some(Door::Dump) => "the own environment, printed into a pipe or file",
        Some(Door::Metadata) => "credentials that the metadata service of a cloud is asked for",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;
    use crate::recording::bless;

    #[test]
    fn the_page_says_what_the_policy_says() {
        bless("../docs/catalogue.md", include_str!("../../../docs/catalogue.md"), &catalogue_page(&Policy::builtin()));
    }

    #[test]
    fn a_class_is_told_whole() {
        let policy = Policy::parse(
            "version: 1\nclasses:\n  x:\n    paths: [/x, '**/*.k_ey']\n    except: ['*.pub']\n    moved: [X_FILE]\n    \
             sdk: ['**/x/**']\n    readers: [one, two]\n    hosts: { anyone: ['*.x.test'], readers: [y.test] }\n    \
             owner: X\n    role: forge\n    access: write\n    action: deny\n    reason: r\n\
             programs:\n  one: { files: [one], quiet: ['status'] }\n  two: { files: [two] }\n",
            "p",
        )
        .unwrap();
        let text = class_text(&policy, &policy.classes()[0]);
        for part in
            ["x: r\n", "deny", "forge", "for writing", "/x\n", "**/*.k_ey", "*.pub", "X_FILE", "**/x/**", "one, two"]
        {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(text.contains("*.x.test (anyone)") && text.contains("y.test (readers)"), "{text}");
        assert!(text.contains("quiet      one status\n"), "{text}");
        assert_eq!(shown("a\u{202e}b\n"), "a\\u{202e}b\\x0a");
        let json: serde_json::Value = serde_json::from_str(&catalogue_json(&policy, policy.classes().first())).unwrap();
        assert_eq!(json["classes"][0]["hosts"]["readers"][0], "y.test");
        assert_eq!(json["classes"][0]["quiet"]["one"][0], "status");
        assert_eq!(catalogue_text(&policy).lines().nth(1).unwrap().split_whitespace().next(), Some("x"));
    }
}
