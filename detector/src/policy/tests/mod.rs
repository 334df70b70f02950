//! Tests of the room as a whole: files, the refusals, and the kernel's tables against user space.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod files;
mod forms;
mod programs;
mod refusals;
mod schema;
mod shows;
mod tables;

use super::{BadPolicy, Place, Policy, PolicyError};

/// A policy of one file without its version line, or the first thing that is wrong with it.
fn policy(text: &str) -> Result<Policy, PolicyError> {
    read(text).map_err(BadPolicy::into_first)
}

/// A policy of one file without its version line. The schema accepts whatever is one.
fn read(text: &str) -> Result<Policy, BadPolicy> {
    let text = format!("version: 1\n{text}");
    let policy = Policy::parse(&text, "ci.yaml")?;
    // It has no bound of its own on what a reader may take in.
    if text.len() < 10_000 {
        assert_eq!(schema::check(&text), Ok(()), "{text}");
    }
    Ok(policy)
}

/// A class `x` with these lists.
fn class(paths: &str, except: &str) -> String {
    format!("classes:\n  x: {{ paths: [{paths}], except: [{except}], action: kill, reason: r }}\n")
}

/// The names of the classes of `path`.
fn names(policy: &Policy, path: &str) -> Vec<String> {
    policy.names(policy.classes_of(path))
}
