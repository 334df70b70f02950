//! The rules as stories: what happened, and what the engine must make of it.

mod algebra;
mod bounds;
mod direct;
mod exceptions;
mod findings;
mod images;
mod properties;
mod questions;
mod random;
mod spending;
mod story;
mod strengths;
mod verdicts;

use crate::{policy::Policy, secret::ClassSet};
use std::sync::LazyLock;

const POLICY: &str = r#"
version: 1
fail-on: high
classes:
  aws: { paths: ["~/.aws/credentials"], action: kill, reason: "cloud keys" }
  npm: { paths: ["~/.npmrc"], action: deny, role: registry, reason: "registry token" }
  pypi: { paths: ["~/.pypirc"], action: alert, reason: "registry token" }
  notes: { paths: ["~/.notes"], action: observe, reason: "read by any build" }
  git: { paths: ["~/.git-credentials"], action: deny, role: forge, reason: "forge token" }
  crates: { paths: ["~/.cargo/credentials"], action: deny, role: registry, reason: "registry token" }
  step-env: { door: dump, action: deny, reason: "variables of the step" }
  runner-memory: { door: memory, action: kill, reason: "holds the secrets of every step" }
  foreign-environ: { door: environ, action: kill, reason: "secrets of another step" }
  role: { door: metadata, action: deny, reason: "keys of the machine" }
destinations:
  - { to: ["198.51.100.7:443"], accept: [npm], reason: "the registry" }
  - { to: ["198.51.100.8:443"], accept: [git], reason: "the forge" }
  - { to: ["198.51.100.9:443"], accept: [crates], reason: "another registry" }
  - { to: ["registry.test"], accept: [npm], reason: "the registry, by its name" }
"#;

/// Declared programs, by their numbers.
mod programs {
    pub(super) const GIT: u16 = 1;
    pub(super) const SH: u16 = 2;
    pub(super) const PYTHON: u16 = 3;
    pub(super) const NODE: u16 = 4;
    pub(super) const NPM: u16 = 5;
    pub(super) const SUM: u16 = 6;
    /// Another reader of what git reads.
    pub(super) const GH: u16 = 7;
}

/// A file of the SDK of class `aws`.
const BOTO: &str = "/usr/lib/python3/botocore/session.py";

/// The policy of all stories.
fn policy() -> Policy {
    static MADE: LazyLock<Policy> = LazyLock::new(|| {
        use detector_common::program::trait_of::{INTERPRETER, LOSSY, MANAGER, SCRIPT, SHELL};
        let mut policy = Policy::parse(POLICY, "test").expect("the test policy parses");
        let numbers = [
            policy.declare("git", 0, &["git"]),
            policy.declare("sh", SHELL, &[]),
            policy.declare("python3", INTERPRETER, &[]),
            policy.declare("node", INTERPRETER, &[]),
            policy.declare("npm", SCRIPT | MANAGER, &["npm"]),
            policy.declare("sha256sum", LOSSY, &[]),
            policy.declare("gh", 0, &["git"]),
        ];
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7]);
        policy.sdk("aws", "**/botocore/session.py");
        // As an SSH key is spent: by its reader, anywhere.
        policy.accept_for(programs::GH, "0.0.0.0/0", &["git"]);
        policy
    });
    MADE.clone()
}

/// The set of these classes of [`policy`].
fn classes(names: &[&str]) -> ClassSet {
    policy().set(names)
}
