//! The rules as stories: what happened, and what the engine must make of it.

mod algebra;
mod bounds;
mod findings;
mod properties;
mod random;
mod story;
mod verdicts;

use crate::{policy::Policy, secret::ClassSet};
use std::sync::LazyLock;

const POLICY: &str = r#"
version: 1
fail-on: high
classes:
  aws: { paths: ["~/.aws/credentials"], action: kill, reason: "cloud keys" }
  npm: { paths: ["~/.npmrc"], action: deny, reason: "registry token" }
  pypi: { paths: ["~/.pypirc"], action: alert, reason: "registry token" }
  notes: { paths: ["~/.notes"], action: observe, reason: "read by any build" }
  runner-memory: { door: memory, action: kill, reason: "holds the secrets of every step" }
  foreign-environ: { door: environ, action: kill, reason: "secrets of another step" }
destinations:
  - { to: ["198.51.100.7:443"], accept: [npm], reason: "the registry" }
"#;

/// The policy of all stories.
fn policy() -> Policy {
    static PARSED: LazyLock<Policy> = LazyLock::new(|| Policy::parse(POLICY, "test").expect("the test policy parses"));
    PARSED.clone()
}

/// The set of these classes of [`policy`].
fn classes(names: &[&str]) -> ClassSet {
    policy().classes().iter().filter(|class| names.contains(&class.name.as_str())).map(|class| class.id).collect()
}
