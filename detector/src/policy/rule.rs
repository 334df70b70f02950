//! Rules: what a finding can be about, and what a policy may say of each.

use super::class::{Access, Class, Door};
use crate::engine::{Action, Severity};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A rule, by which findings are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// What a process holds went, or was about to go, where it is not accepted.
    Leak,
    /// The same for what is worth an alert only: one SDK's class, or a forge's and a registry's in a release.
    LeakAlert,
    /// The same for what a process inherited and may not have.
    LeakInherited,
    /// An encoded block was written to the job's log by what holds a secret whose leak kills.
    LeakLog,
    /// The kernel side decided a leak that no recorded event explains.
    SensorUnexplained,
    /// The memory of the agent, or of another process outside the job, was read.
    AgentMemory,
    /// The environment of the agent was read.
    AgentEnviron,
    /// The environment of another foreign process was read.
    ForeignEnviron,
    /// The own environment was written into a pipe or file.
    StepEnv,
    /// One lineage touched or tried several unrelated classes.
    Sweep,
    /// A program that is no declared reader of a class read a file of it.
    UndeclaredReader,
    /// A decoy was touched.
    Decoy,
    /// A process left the job that is tracked.
    Escape,
    /// The sensor was tampered with.
    SensorTamper,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Leak,
        Self::LeakAlert,
        Self::LeakInherited,
        Self::LeakLog,
        Self::SensorUnexplained,
        Self::AgentMemory,
        Self::AgentEnviron,
        Self::ForeignEnviron,
        Self::StepEnv,
        Self::Sweep,
        Self::UndeclaredReader,
        Self::Decoy,
        Self::Escape,
        Self::SensorTamper,
    ];

    /// Its id in policies and reports.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Leak => "leak",
            Self::LeakAlert => "leak-alert",
            Self::LeakInherited => "leak-inherited",
            Self::LeakLog => "leak-log",
            Self::SensorUnexplained => "sensor-unexplained",
            Self::AgentMemory => "agent-memory",
            Self::AgentEnviron => "agent-environ",
            Self::ForeignEnviron => "foreign-environ",
            Self::StepEnv => "step-env",
            Self::Sweep => "sweep",
            Self::UndeclaredReader => "undeclared-reader",
            Self::Decoy => "decoy",
            Self::Escape => "escape",
            Self::SensorTamper => "sensor-tamper",
        }
    }

    /// The rule of this id.
    pub fn named(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.id() == id)
    }

    /// Whether one of its findings can name `class`.
    pub(super) fn is_about(self, class: &Class) -> bool {
        let files = !class.paths.is_empty();
        match self {
            Self::Leak | Self::LeakAlert | Self::LeakInherited => !class.is_observed(),
            Self::LeakLog => class.action == Action::Kill,
            Self::AgentMemory => class.door == Some(Door::Memory),
            Self::AgentEnviron | Self::ForeignEnviron => class.door == Some(Door::Environ),
            Self::StepEnv => matches!(class.door, Some(Door::Environ | Door::Dump)),
            Self::Sweep => files || matches!(class.door, Some(Door::Memory | Door::Environ)),
            Self::UndeclaredReader => files,
            Self::Decoy => true,
            Self::Escape => class.access == Access::Write,
            Self::SensorTamper => class.door == Some(Door::Memory),
            Self::SensorUnexplained => false,
        }
    }

    /// Whether each of its findings is about one file, or some are. Others are about more than their chains tell.
    pub(super) fn has_path(self) -> bool {
        matches!(self, Self::StepEnv | Self::UndeclaredReader | Self::Decoy | Self::Escape)
    }

    /// Whether its findings have a destination.
    pub(super) fn has_destination(self) -> bool {
        matches!(self, Self::Leak | Self::LeakAlert | Self::LeakInherited)
    }

    /// Why it can neither be switched off nor excepted, and what to do instead; `None` where it can.
    pub(super) fn stays(self) -> Option<&'static str> {
        match self {
            Self::SensorUnexplained | Self::SensorTamper => {
                Some("without it the other findings could not be believed; give it another `severity` if you must")
            }
            _ => None,
        }
    }

    /// Why it cannot be switched off, and what to do instead; `None` where it can.
    pub(super) fn stays_on(self) -> Option<&'static str> {
        match self {
            Self::Leak => Some("whether a class may leak is said by its `action`; write `action: observe` there"),
            _ => self.stays(),
        }
    }

    /// Why `action` cannot be carried out for it, and what to do instead; `None` where it can.
    pub(super) fn refuses(self, action: Action) -> Option<&'static str> {
        match (self, action) {
            (Self::Leak, _) => Some("what is done about a leak is the `action` of its class; set it there"),
            (_, Action::Observe | Action::Alert) => None,
            (Self::LeakAlert | Self::LeakInherited, _) => {
                Some("evidence that weak stops nothing, or honest builds would break; write `observe` or `alert`")
            }
            (Self::LeakLog, _) => Some(
                "what leaks into the job's log is masked in enforce as long as nothing is said here; write `observe` or \
                 `alert` to let it stand",
            ),
            (Self::AgentMemory, _) => Some(
                "it is found after the act; who reads such memory in enforce is killed in the act by the `action: \
                 kill` of a class with `door: memory`; set it there",
            ),
            _ => Some(
                "it is found after the act, when nothing is left to refuse; what was read is kept from leaving by the \
                 `action` of its class; write `observe` or `alert` here",
            ),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// What a policy says of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleSettings {
    /// Whether it makes findings.
    pub enabled: bool,
    /// What to do about them, where the policy says: `observe` or `alert`.
    pub action: Option<Action>,
    /// How bad they are, where the policy says.
    pub severity: Option<Severity>,
}

impl Default for RuleSettings {
    fn default() -> Self {
        Self { enabled: true, action: None, severity: None }
    }
}

impl RuleSettings {
    /// How bad a finding is that the rule itself holds for `own`: what is only observed is worth knowing, no more.
    pub fn severity(&self, own: Severity) -> Severity {
        let observed = self.action == Some(Action::Observe);
        self.severity.unwrap_or(if observed { Severity::Info } else { own })
    }

    /// What to do about a finding for which the rule itself would do `own`.
    pub fn action(&self, own: Action) -> Action {
        self.action.unwrap_or(own)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;

    #[test]
    fn ids_are_what_files_and_documents_call_them() {
        for rule in Rule::ALL {
            assert_eq!(serde_json::to_string(&rule).unwrap(), format!("\"{rule}\""));
            assert_eq!(Rule::named(rule.id()), Some(rule));
        }
        assert_eq!(Rule::named("Leak"), None);
    }

    #[test]
    fn a_severity_that_is_said_wins_over_one_that_follows() {
        let settings = RuleSettings::default();
        assert_eq!(settings.severity(Severity::High), Severity::High);
        let observed = RuleSettings { action: Some(Action::Observe), ..settings };
        assert_eq!(observed.severity(Severity::High), Severity::Info);
        let said = RuleSettings { severity: Some(Severity::Low), ..observed };
        assert_eq!((said.severity(Severity::High), said.action(Action::Kill)), (Severity::Low, Action::Observe));
    }

    #[test]
    fn nothing_is_promised_that_is_not_carried_out() {
        for rule in Rule::ALL {
            assert!(rule.refuses(Action::Deny).is_some() && rule.refuses(Action::Kill).is_some(), "{rule}");
            assert_eq!(rule.refuses(Action::Alert).is_some(), rule == Rule::Leak, "{rule}");
        }
    }
}
