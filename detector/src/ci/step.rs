//! What an agent calls a step.

use super::log::UtcNanos;

/// A step, in the words of its agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its place among the steps that began, from 1.
    pub order: u32,
    /// As people see it: escaped, bounded, without tokens. Who wrote the workflow chose it, and an earlier step may
    /// have.
    pub name: String,
    /// What it runs, from the job's plan and not from its name.
    pub kind: Kind,
    /// When in the job.
    pub stage: Stage,
    /// It runs beside the steps after it.
    pub background: bool,
    /// The second in which it began.
    pub began: UtcNanos,
    /// The second in which it ended.
    pub ended: Option<UtcNanos>,
    /// How it ended.
    pub outcome: Option<Outcome>,
}

/// What a step runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A script of the workflow.
    Script,
    /// An action: `owner/repository/path@ref`.
    Action(String),
    /// An action of the workflow's own repository, by its path.
    Local(String),
    /// An image.
    Image(String),
    /// A task of Azure Pipelines: `name@version`.
    Task(String),
    /// The agent's own doing: hooks, containers.
    Agent,
    /// The plan does not say.
    Unknown,
}

/// When in the job a step runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Before the steps of the workflow.
    Pre,
    /// A step of the workflow.
    Main,
    /// After them.
    Post,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Well, or with issues that do not count.
    Succeeded,
    /// Badly.
    Failed,
    /// By a cancellation.
    Canceled,
    /// Before it began.
    Skipped,
    /// Without a word, or with one that is not known.
    Unknown,
}

impl Outcome {
    /// As the runner writes it (`TaskResult.cs`; `Abandoned` is set by the server only).
    pub(super) fn parse(word: &[u8]) -> Self {
        match word {
            b"Succeeded" | b"SucceededWithIssues" => Self::Succeeded,
            b"Failed" => Self::Failed,
            b"Canceled" => Self::Canceled,
            b"Skipped" => Self::Skipped,
            _ => Self::Unknown,
        }
    }
}
