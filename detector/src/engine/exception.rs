//! What policy says of findings: rules that are switched off, and findings that are excepted and counted only.

use super::{Did, Engine, Excepted};
use crate::policy::{Matched, Rule};
use std::collections::BTreeMap;

/// How often what was excepted, by rule and reason. Bounded by the policy.
#[derive(Debug, Default)]
pub(super) struct Exceptions(BTreeMap<(Rule, String), u64>);

impl Exceptions {
    /// For the report.
    pub(super) fn listed(&self) -> Vec<Excepted> {
        let all = self.0.iter();
        all.map(|((rule, reason), n)| Excepted { rule: rule.to_string(), reason: reason.clone(), count: *n }).collect()
    }
}

impl Engine {
    /// Whether a finding of `rule` about `matched` is to be made. One that is excepted is counted here.
    pub(super) fn makes(&mut self, rule: Rule, matched: &Matched<'_>) -> bool {
        if !self.policy.rule(rule).enabled {
            return false;
        }
        let Some(exception) = self.policy.excepted(rule, matched) else { return true };
        let count = self.excepted.0.entry((rule, exception.reason.clone())).or_insert(0);
        *count = count.saturating_add(1);
        false
    }
}

/// The file that `did` is about.
pub(super) fn path(did: &Did) -> Option<&str> {
    match did {
        Did::Read { path } | Did::Probe { path, .. } | Did::Write { path } => Some(path),
        _ => None,
    }
}
