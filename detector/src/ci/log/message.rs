//! The job message: what the job is, and the steps that it was planned to have.
//!
//! The worker writes it as indented JSON, a member a line, each line break within a string escaped; so a member is
//! known by its indentation and the names above it, and a secret that was masked (`***`, with or without its quotes)
//! spoils its own line only.

use super::plan::{Plan, Planned, Text};
use crate::{ci::Job, secret::redact};

/// Deepest member that is of use: `steps[].inputs.map[].value.lit`.
const DEPTH_MAX: usize = 8;

/// Longest name of a member that is kept, bytes.
const KEY_MAX: usize = 64;

/// Longest text of the job that is kept, bytes.
const TEXT_MAX: usize = 256;

/// A member of an array.
const ELEMENT: &[u8] = b"[]";

/// Reads a job message line by line.
#[derive(Debug, Default)]
pub(super) struct Message {
    path: Vec<Vec<u8>>,
    job: Job,
    plan: Plan,
    step: Planned,
    /// The key of the pair that is being read: of the context, of a step's inputs.
    key: String,
}

impl Message {
    /// Takes the next line; `cut` when its end is missing.
    pub(super) fn line(&mut self, line: &[u8], cut: bool) {
        let indent = line.iter().take_while(|b| **b == b' ').count();
        let (depth, content) = (indent / 2, &line[indent..]);
        if depth == 0 || depth > DEPTH_MAX || indent % 2 != 0 {
            return;
        }
        // A line whose parents were not seen belongs nowhere.
        if self.path.len() + 1 < depth {
            return;
        }
        self.path.truncate(depth - 1);
        match content.first() {
            Some(b'"') => self.member(content, cut),
            Some(b'{' | b'[') => {
                self.path.push(ELEMENT.to_vec());
                self.element();
            }
            _ => {}
        }
    }

    /// What was read.
    pub(super) fn finish(mut self) -> (Job, Plan) {
        self.flush();
        (self.job, self.plan)
    }

    fn member(&mut self, content: &[u8], cut: bool) {
        let Some((key, value)) = split_member(content) else { return };
        self.path.push(key[..key.len().min(KEY_MAX)].to_vec());
        let value = value.strip_suffix(b",").unwrap_or(value);
        if matches!(value.first(), Some(b'{' | b'[')) {
            return;
        }
        let path: Vec<&[u8]> = self.path.iter().map(Vec::as_slice).collect();
        let text = if cut { None } else { serde_json::from_slice::<String>(value).ok() };
        match (path.as_slice(), text) {
            ([b"steps", ELEMENT, rest @ ..], text) => self.step.member(rest, value, text, &mut self.key),
            ([b"contextData", b"github", b"d", ELEMENT, b"k"], Some(text)) => self.key = text,
            ([b"contextData", b"github", b"d", ELEMENT, b"v"], Some(text)) => {
                let key = std::mem::take(&mut self.key);
                self.name(&key, &text);
            }
            ([b"variables", name, b"value"], Some(text)) => {
                let name = String::from_utf8_lossy(name).into_owned();
                self.name(&name, &text);
            }
            ([b"jobDisplayName"], Some(text)) => self.job.name = bounded(&text),
            ([b"jobId"], Some(text)) => self.job.id = bounded(&text),
            _ => {}
        }
    }

    /// The names of the server, which no workflow can set: GitHub's context, Azure's predefined variables.
    fn name(&mut self, key: &str, text: &str) {
        let place = match key {
            "repository" | "build.repository.name" => &mut self.job.repository,
            "workflow" | "system.definitionName" => &mut self.job.workflow,
            "run_id" | "build.buildId" => &mut self.job.run,
            _ => return,
        };
        *place = bounded(text);
    }

    fn element(&mut self) {
        match self.path.iter().map(Vec::as_slice).collect::<Vec<_>>().as_slice() {
            [b"steps", ELEMENT] => self.flush(),
            _ => self.key.clear(),
        }
    }

    /// The step before is complete.
    fn flush(&mut self) {
        self.plan.push(std::mem::take(&mut self.step));
    }
}

impl Planned {
    /// Takes a member of a step: its path below the step, as it stands, and as a string if it is one.
    fn member(&mut self, path: &[&[u8]], value: &[u8], text: Option<String>, key: &mut String) {
        self.seen = true;
        let set = |place: &mut String, text: Option<String>| *place = text.unwrap_or_default();
        match path {
            [b"type"] => set(&mut self.kind, text),
            [b"enabled"] => self.disabled = value == b"false",
            [b"background"] => self.background = value == b"true",
            [b"displayName"] => self.display = text,
            [b"displayNameToken"] | [b"displayNameToken", b"lit"] => {
                self.token = text.map_or(Text::Dynamic, Text::Literal)
            }
            [b"displayNameToken", b"expr"] => self.token = Text::Dynamic,
            [b"reference", b"type"] => set(&mut self.reference, text),
            [b"reference", b"name"] => set(&mut self.name, text),
            [b"reference", b"ref" | b"version"] => set(&mut self.version, text),
            [b"reference", b"path"] => set(&mut self.path, text),
            [b"reference", b"image"] => set(&mut self.image, text),
            [b"reference", b"repositoryType"] => set(&mut self.repository, text),
            [b"inputs", b"map", ELEMENT, b"key" | b"Key"] | [b"inputs", b"map", ELEMENT, b"key" | b"Key", b"lit"] => {
                set(key, text);
            }
            [b"inputs", b"map", ELEMENT, b"value" | b"Value"]
            | [b"inputs", b"map", ELEMENT, b"value" | b"Value", b"lit"]
                if key == "script" =>
            {
                self.script = text.map_or(Text::Dynamic, Text::Literal);
            }
            [b"inputs", b"map", ELEMENT, b"value" | b"Value", b"expr"] if key == "script" => {
                self.script = Text::Dynamic
            }
            _ => {}
        }
    }
}

/// `"key": value`, the key as it stands.
fn split_member(content: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = content.strip_prefix(b"\"")?;
    let mut escaped = false;
    let end = rest.iter().position(|b| match b {
        _ if escaped => {
            escaped = false;
            false
        }
        b'\\' => {
            escaped = true;
            false
        }
        b => *b == b'"',
    })?;
    Some((&rest[..end], rest[end + 1..].strip_prefix(b": ")?))
}

fn bounded(text: &str) -> String {
    redact::text(text.as_bytes(), TEXT_MAX)
}
