//! The planned steps, and which of them a step that begins is.

use super::dialect::Dialect;
use crate::{
    ci::{Kind, Stage},
    secret::redact,
};

/// Most planned steps that are kept; a workflow's job may have 1,000.
const STEPS_MAX: usize = 1024;

/// Longest name that is compared, bytes.
pub(super) const NAME_MAX: usize = 1024;

/// Longest name of an action that is kept, bytes.
const ACTION_MAX: usize = 256;

/// Text of a workflow.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Text {
    /// It was not given.
    #[default]
    Missing,
    /// It is known.
    Literal(String),
    /// It is an expression, or was too long.
    Dynamic,
}

/// A step as the job message has it.
#[derive(Debug, Default)]
pub(super) struct Planned {
    pub seen: bool,
    pub kind: String,
    pub disabled: bool,
    pub background: bool,
    pub display: Option<String>,
    pub token: Text,
    pub script: Text,
    pub reference: String,
    pub name: String,
    pub version: String,
    pub path: String,
    pub image: String,
    pub repository: String,
}

/// A step that is to come.
#[derive(Debug)]
struct Expected {
    /// The name that it will have, where it is known.
    name: Option<String>,
    kind: Kind,
    background: bool,
}

/// The steps of a job, in order.
#[derive(Debug, Default)]
pub(super) struct Plan {
    steps: Vec<Expected>,
    /// The next one of the workflow's own.
    next: usize,
    /// It is too long to be known whole.
    cut: bool,
}

/// What a step that begins is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub kind: Kind,
    pub stage: Stage,
    pub background: bool,
    /// The plan has it, by its name or by an order that leaves no other.
    pub fits: bool,
}

impl Plan {
    /// Adds the next step.
    pub(super) fn push(&mut self, step: Planned) {
        if !step.seen || step.disabled {
            return;
        }
        if self.steps.len() == STEPS_MAX {
            self.cut = true;
            return;
        }
        self.steps.push(Expected { name: step.expected(), kind: step.kind(), background: step.background });
    }

    /// Whether some step runs beside others.
    pub(super) fn has_background(&self) -> bool {
        self.steps.iter().any(|step| step.background)
    }

    /// Which step begins under `name`. Those of the workflow begin in its order, each once, also if it is skipped;
    /// before and after them come those of the agent and of actions (`JobExtension.cs`, `InitializeJob`;
    /// `StepsRunner.cs`).
    pub(super) fn begin(&mut self, name: &str, dialect: Dialect) -> Place {
        let place = |kind, stage, fits| Place { kind, stage, background: false, fits };
        let staged = dialect.stages().into_iter().find(|(prefix, _)| name.starts_with(prefix));
        let stage = staged.map_or(Stage::Main, |(_, stage)| stage);
        if self.steps.is_empty() || self.cut {
            return place(Kind::Unknown, stage, true);
        }
        let at_end = self.next == self.steps.len();
        let is_next = self.steps.get(self.next).is_some_and(|step| step.is(name));
        let may_be = |stage| if stage == Stage::Pre { self.next == 0 } else { at_end };
        if !is_next && let Some(stage) = self.own(name) {
            return place(Kind::Agent, stage.unwrap_or(Stage::Main), stage.is_none_or(may_be));
        }
        if !is_next && let Some((prefix, stage)) = staged.filter(|(_, stage)| may_be(*stage)) {
            let of = self.steps.iter().find(|step| step.is(&name[prefix.len()..]));
            // A part of a composite action has a name that the plan does not know.
            return place(of.map_or(Kind::Unknown, |step| step.kind.clone()), stage, true);
        }
        let Some(step) = self.steps.get_mut(self.next) else { return place(Kind::Unknown, stage, false) };
        self.next += 1;
        // A name is another when its secrets were masked, or it is an expression.
        let fits = step.name.as_ref().is_none_or(|expected| expected == name || name.contains("***"));
        step.name.get_or_insert_with(|| name.to_owned());
        Place { kind: step.kind.clone(), stage: Stage::Main, background: step.background, fits }
    }

    /// When a step of the agent's own of that name runs; one of them, at any time (`JobExtension.cs`,
    /// `ActionManager.cs`, `ContainerOperationProvider.cs`, `Constants.cs`).
    fn own(&self, name: &str) -> Option<Option<Stage>> {
        match name {
            "Set up runner" | "Initialize containers" => Some(Some(Stage::Pre)),
            "Stop containers" | "Complete runner" | "Create custom image" => Some(Some(Stage::Post)),
            "Wait for all background steps" => Some(None),
            // Images of actions come first. A step of the workflow whose name is not known may be called so, too.
            _ if self.next == 0 && (name.starts_with("Pull ") || name.starts_with("Build ")) => {
                self.steps.first().is_some_and(|step| step.name.is_some()).then_some(Some(Stage::Pre))
            }
            _ => None,
        }
    }
}

impl Expected {
    fn is(&self, name: &str) -> bool {
        self.name.as_deref() == Some(name)
    }
}

impl Planned {
    /// The name it will begin under (`ActionRunner.cs`, `GenerateDisplayName` and `FormatStepName`).
    fn expected(&self) -> Option<String> {
        if let Some(display) = self.display.as_ref().filter(|display| !display.is_empty()) {
            return Some(clip(display));
        }
        let (prefix, text) = match (&self.token, self.reference.as_str()) {
            (Text::Literal(text), _) => ("", text.clone()),
            (Text::Dynamic, _) => return None,
            (Text::Missing, "repository") => ("Run ", self.action()),
            (Text::Missing, "containerRegistry") => ("Run ", self.image.clone()),
            (Text::Missing, "script") => match &self.script {
                Text::Literal(script) => ("Run ", script.clone()),
                _ => return None,
            },
            _ => return None,
        };
        let line = text.trim_start_matches([' ', '\t', '\r', '\n']);
        let line = line.split(['\r', '\n']).next().unwrap_or_default();
        (!line.is_empty()).then(|| clip(&format!("{prefix}{line}")))
    }

    fn kind(&self) -> Kind {
        let text = |text: &str| redact::text(text.as_bytes(), ACTION_MAX);
        match (self.kind.as_str(), self.reference.as_str()) {
            ("backgroundStepControl", _) => Kind::Agent,
            ("task", _) => Kind::Task(text(&format!("{}@{}", self.name, self.version))),
            (_, "script") => Kind::Script,
            (_, "containerRegistry") => Kind::Image(text(&self.image)),
            (_, "repository") if self.repository.eq_ignore_ascii_case("self") => Kind::Local(text(&self.path)),
            (_, "repository") => Kind::Action(text(&self.action())),
            _ => Kind::Unknown,
        }
    }

    /// `owner/repository/path@ref`.
    fn action(&self) -> String {
        let slash = if self.name.is_empty() || self.path.is_empty() { "" } else { "/" };
        let at = if self.version.is_empty() { "" } else { "@" };
        format!("{}{slash}{}{at}{}", self.name, self.path, self.version)
    }
}

/// `text`, no longer than is compared.
pub(super) fn clip(text: &str) -> String {
    text[..text.floor_char_boundary(NAME_MAX)].to_owned()
}
