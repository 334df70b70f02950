//! Tests of the room as a whole: files, the refusals, and the kernel's tables against user space.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod files;
mod programs;
mod refusals;
mod tables;

use super::{Place, Policy, PolicyError};

/// A policy of one file without its version line.
fn policy(text: &str) -> Result<Policy, PolicyError> {
    Policy::parse(&format!("version: 1\n{text}"), "ci.yaml")
}

/// A class `x` with these lists.
fn class(paths: &str, except: &str) -> String {
    format!("classes:\n  x: {{ paths: [{paths}], except: [{except}], action: kill, reason: r }}\n")
}

/// The names of the classes of `path`.
fn names(policy: &Policy, path: &str) -> Vec<String> {
    policy.names(policy.classes_of(path))
}
