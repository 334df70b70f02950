//! What the engine concludes: findings, coverage and the verdict. Reports are made of this and nothing else.

use crate::event::{Call, JobId, Outcome, Process, Service, StepId};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Odd, and common in honest builds.
    Low,
    /// Odd, and rare in honest builds.
    Medium,
    /// No honest build does this.
    High,
    /// A secret left, or would have.
    Critical,
}

impl Severity {
    /// Its name in policy files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What policy says to do about a leak of a class, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Record it.
    Observe,
    /// Report it.
    Alert,
    /// Refuse it (in enforce).
    Deny,
    /// Refuse it and kill the process (in enforce).
    Kill,
}

impl Action {
    /// Its name in policy files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Alert => "alert",
            Self::Deny => "deny",
            Self::Kill => "kill",
        }
    }
}

/// Whether findings are only reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Report, change nothing.
    Audit,
    /// Deny and kill as policy says.
    Enforce,
}

/// The three-valued result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// Everything was seen, nothing reached the threshold.
    Pass,
    /// A finding reached the threshold.
    Fail,
    /// Nothing was found, but not everything was seen.
    Inconclusive,
}

/// A process, as a person recognises it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessName {
    /// Identity.
    #[serde(flatten)]
    pub process: Process,
    /// Last component of its program's path.
    pub name: String,
    /// Path of its program, empty where it was never seen.
    pub path: String,
    /// Its arguments, redacted.
    pub argv: Vec<String>,
}

/// How strong the evidence is that a secret is there, strongest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strength {
    /// The secret itself is here.
    #[default]
    Held,
    /// As held, opened by a declared reader: where that reader may spend it, and what it passes on, is narrower.
    Reader,
    /// As held, opened by an interpreter that runs the SDK of the class: alone, it is reported and not refused.
    Sdk,
    /// The secret was upstream, and nothing shows that it came along: reported and not refused.
    Inherited,
}

impl Strength {
    /// All, in the order of `detector_common::judge::Sets`.
    pub const ALL: [Self; 4] = [Self::Held, Self::Reader, Self::Sdk, Self::Inherited];
}

/// One link of the causal chain from the secret to the destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Place of the event in the recording.
    pub event: u64,
    /// When, `CLOCK_BOOTTIME` nanoseconds.
    pub time: u64,
    /// Who.
    pub process: ProcessName,
    /// What it did.
    pub did: Did,
    /// How strong the evidence is from here on; of the last link, that which the finding goes by.
    #[serde(default)]
    pub strength: Strength,
    /// The classes that came along.
    pub classes: Vec<String>,
}

/// What a link of the chain did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "kebab-case")]
pub enum Did {
    /// Opened a credential file for reading.
    Read {
        /// The file.
        path: String,
    },
    /// Read another process's memory or environment.
    Access {
        /// Which way (`mem`, `environ`, `process-vm-read` ...).
        door: String,
        /// Whose.
        target: String,
    },
    /// Asked whether a credential file is there, or failed to open it.
    Probe {
        /// The path, as the caller wrote it.
        path: String,
        /// It is there.
        found: bool,
    },
    /// Opened a file for writing.
    Write {
        /// The file.
        path: String,
    },
    /// Was started on a command line.
    Run {
        /// The command line.
        what: String,
    },
    /// Printed its environment.
    Dump,
    /// Printed to the job's log.
    Print,
    /// Forked the next link's process.
    Fork,
    /// Became another program.
    Exec,
    /// Wrote to a pipe or file.
    Give {
        /// `pipe` or `file`, and which.
        object: String,
    },
    /// Read from it.
    Take {
        /// `pipe` or `file`, and which.
        object: String,
    },
    /// Sent.
    Send {
        /// The call.
        call: Call,
        /// Where to.
        to: String,
    },
}

/// What a service was asked for, where that is no name.
pub(super) const UNREADABLE: &str = "a name that cannot be read";

/// Where a secret went or was about to go.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Destination {
    /// Address; of a question that of the name server. All zero where a service of the host was asked.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
    /// The name that the address was learned by, or that was asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<Arc<str>>,
    /// The service of the host that was asked for it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub service: Option<Service>,
}

impl Destination {
    /// A destination without a name.
    pub fn new(address: IpAddr, port: u16) -> Self {
        Self { address, port, name: None, service: None }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = SocketAddr::new(self.address, self.port);
        match (&self.name, self.service) {
            (Some(name), Some(service)) => write!(f, "{name} (by {})", service.name()),
            (None, Some(service)) => write!(f, "{UNREADABLE} (by {})", service.name()),
            (Some(name), None) => write!(f, "{name} ({to})"),
            (None, None) => write!(f, "{to}"),
        }
    }
}

/// What the sensor did about a finding: what happened, not what was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enforced {
    /// What became of the send.
    pub outcome: Outcome,
    /// The process was killed.
    pub killed: bool,
}

/// Something found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable over live and replay: a digest of rule, step, program, classes and destination.
    pub id: String,
    /// The rule (`leak`, `sweep` ...: docs/findings.md).
    pub rule: String,
    /// Technique of MITRE ATT&CK, by its id.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub technique: Option<String>,
    /// How bad.
    pub severity: Severity,
    /// What policy says to do.
    pub action: Action,
    /// What was done; absent for findings that nothing could be done about.
    pub enforced: Option<Enforced>,
    /// The secret classes.
    pub secret: Vec<String>,
    /// Where to.
    pub destination: Option<Destination>,
    /// The job.
    pub job: JobId,
    /// The step.
    pub step: StepId,
    /// Who did it.
    pub process: Option<ProcessName>,
    /// From the secret to the destination.
    pub chain: Vec<Link>,
    /// How often it happened.
    pub count: u64,
    /// One sentence for people.
    pub message: String,
}

/// How a capability is served on this kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capability {
    /// What (`see-open`, `see-memory`, `see-send`, `deny-connect`, `deny-send`, `kill` ...).
    pub name: String,
    /// By which mechanism (`tp_btf/sys_exit`, `cgroup/connect4` ...); absent when not at all.
    pub mechanism: Option<String>,
    /// Why not, or what is not covered.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gap: Option<String>,
}

/// What was watched, how, and what was missed.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Coverage {
    /// Mechanism per capability.
    pub capabilities: Vec<Capability>,
    /// Events seen, by kind.
    pub seen: BTreeMap<String, u64>,
    /// Lost, cut or not attributed, by counter.
    pub lost: BTreeMap<String, u64>,
    /// When armed, nanoseconds after the recording's start.
    pub armed: Option<u64>,
    /// When proved, nanoseconds after the recording's start.
    pub proved: Option<u64>,
    /// What was met that is seen and neither refused nor learned from: a sentence each. It does not change the verdict.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub gaps: Vec<String>,
}

/// Findings that were not made, since policy excepts them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excepted {
    /// The rule.
    pub rule: String,
    /// Why, as policy says.
    pub reason: String,
    /// How often it happened.
    pub count: u64,
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conclusion {
    /// The result.
    pub verdict: Verdict,
    /// Why, where it is not PASS: one sentence a reason.
    pub reasons: Vec<String>,
    /// Mode.
    pub mode: Mode,
    /// Digest of the policy applied.
    pub policy: String,
    /// Coverage.
    pub coverage: Coverage,
    /// Findings, worst first, then in order of events.
    pub findings: Vec<Finding>,
    /// What the job's agent calls the job.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub called: Option<String>,
    /// What it calls its steps, by their numbers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub steps: BTreeMap<StepId, String>,
    /// What would have been findings, and policy excepts.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub excepted: Vec<Excepted>,
}
