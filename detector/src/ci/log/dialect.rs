//! What the messages of the two workers mean.

use super::header::Header;
use crate::ci::{Outcome, Stage};

/// Whose log it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    GitHub,
    Azure,
}

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said<'a> {
    /// The job's plan follows.
    Plan,
    /// A step begins.
    Begins(&'a [u8]),
    /// A part of a composite action begins.
    Part(&'a [u8]),
    /// What task the step is.
    Task { name: &'a [u8], version: &'a [u8], stage: Stage },
    /// The step ended.
    Ends(Outcome),
    /// A process is about to be started with arguments that may have several lines.
    Arguments,
    /// Those arguments are over.
    Directory,
    /// A process was started.
    Started(u32),
}

impl Dialect {
    /// What stands before the name of an action that has a part before or after the job.
    pub(super) fn stages(self) -> [(&'static str, Stage); 2] {
        match self {
            Self::GitHub => [("Pre ", Stage::Pre), ("Post ", Stage::Post)],
            Self::Azure => [("Pre-job: ", Stage::Pre), ("Post-job: ", Stage::Post)],
        }
    }

    /// What `header` says, if it is of use.
    pub(super) fn read<'a>(self, header: &Header<'a>) -> Option<Said<'a>> {
        let message = match self {
            Self::GitHub => header.message,
            Self::Azure => without_operation(header.message),
        };
        match header.source {
            b"Worker" => (message == b"Job message:").then_some(Said::Plan),
            b"StepsRunner" => self.step(message),
            b"CompositeActionHandler" if self == Self::GitHub => message
                .strip_prefix(b"Processing embedded step: DisplayName='")
                .map(|rest| Said::Part(quoted(rest, b"'"))),
            b"ProcessInvokerWrapper" if self == Self::GitHub => process(message),
            _ => None,
        }
    }

    fn step(self, message: &[u8]) -> Option<Said<'_>> {
        let end: &[u8] = match self {
            Self::GitHub => b"'",
            Self::Azure => b"', ContinueOnError=",
        };
        if let Some(rest) = message.strip_prefix(b"Processing step: DisplayName='") {
            return Some(Said::Begins(quoted(rest, end)));
        }
        for begin in
            ["Update job result with current step result", "No need for updating job result with current step result"]
        {
            if let Some(rest) = message.strip_prefix(begin.as_bytes()) {
                // Azure's newer agents go on with ` - Step: 'NAME', StepResult: RESULT, …`.
                let word = rest.strip_prefix(b" '").map_or_else(|| step_result(rest), word);
                return Some(Said::Ends(Outcome::parse(word)));
            }
        }
        if self == Self::Azure {
            if let Some(rest) = message.strip_prefix(b"Job result unchanged - Step: ") {
                return Some(Said::Ends(Outcome::parse(step_result(rest))));
            }
            return message.strip_prefix(b"Task step initiated [TaskName:").and_then(task);
        }
        None
    }
}

/// `NAME, TaskId:ID, Version:VERSION, Stage:STAGE]`, read from its end: the name is text.
fn task(rest: &[u8]) -> Option<Said<'_>> {
    let (rest, stage) = split_last(rest, b", Stage:")?;
    let (rest, version) = split_last(rest, b", Version:")?;
    let (name, _) = split_last(rest, b", TaskId:")?;
    let stage = match word(stage) {
        b"PreJob" => Stage::Pre,
        b"PostJob" => Stage::Post,
        _ => Stage::Main,
    };
    Some(Said::Task { name, version, stage })
}

fn process(message: &[u8]) -> Option<Said<'_>> {
    if message.starts_with(b"  Arguments: '") {
        return Some(Said::Arguments);
    }
    if message.starts_with(b"  Working directory: '") {
        return Some(Said::Directory);
    }
    let rest = message.strip_prefix(b"Process started with process id ")?;
    let digits = rest.strip_suffix(b", waiting for process exit.")?;
    std::str::from_utf8(digits).ok()?.parse().ok().map(Said::Started)
}

/// Azure's agents write `[Operation] message [correlation]` when they are told to.
fn without_operation(message: &[u8]) -> &[u8] {
    let rest = message.strip_prefix(b"[").and_then(|rest| {
        let len = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        rest[len..].strip_prefix(b"] ")
    });
    rest.unwrap_or(message)
}

/// What stands before the last `end`: the name itself may have quotes.
fn quoted<'a>(rest: &'a [u8], end: &[u8]) -> &'a [u8] {
    split_last(rest, end).map_or(rest, |(name, _)| name)
}

fn step_result(rest: &[u8]) -> &[u8] {
    split_last(rest, b"StepResult: ").map_or(&[][..], |(_, after)| word(after))
}

fn word(text: &[u8]) -> &[u8] {
    let len = text.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    &text[..len]
}

fn split_last<'a>(text: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let start = text.windows(at.len()).rposition(|window| window == at)?;
    Some((&text[..start], &text[start + at.len()..]))
}
