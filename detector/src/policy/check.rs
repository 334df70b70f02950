//! A policy with all that is known of it: where everything was written, and what is right and yet of no use.

use super::{
    compile::{self, compile},
    destination::Destinations,
    document::Accept,
    draft::{Draft, ExceptionDraft, Placed},
    error::{BadPolicy, Errors, Place},
    file::{self, File},
    load,
    resolved::Policy,
    rule::Rule,
    snippet::Sources,
    tenants,
};
use serde_json::Value;
use std::{fmt, path::Path};

/// A policy that is being read.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) errors: Errors,
    sources: Sources,
    /// The first file that was read.
    written: Value,
}

impl Reading {
    /// The file of this text, if it is one.
    pub(super) fn file(&mut self, text: &str, name: &str) -> Option<File> {
        self.sources.keep(name, text);
        let file = self.errors.take(file::parse(text, name))?;
        if self.written.is_null() {
            // Strings, numbers, lists and maps of strings.
            self.written = serde_json::to_value(&file).unwrap_or_default();
        }
        Some(file)
    }

    /// The policy that `draft`, called `name`, makes, if nothing was wrong.
    pub(super) fn compile(mut self, draft: &Draft, name: &str) -> Result<Policy, BadPolicy> {
        let policy = compile(draft, name, &mut self.errors);
        self.errors.refuse(self.sources)?;
        Ok(policy)
    }

    fn check(mut self, draft: &Draft, name: &str) -> Result<Checked, BadPolicy> {
        let policy = compile(draft, name, &mut self.errors);
        self.errors.refuse(self.sources.clone())?;
        let warnings = warnings(draft, &policy, name);
        let (name, origins) = (name.to_owned(), Origins::of(draft));
        Ok(Checked { name, policy, warnings, written: self.written, origins, sources: self.sources })
    }
}

/// A good policy, where everything in it was written, and what is of no use.
#[derive(Debug)]
pub struct Checked {
    /// What messages call the file.
    pub name: String,
    /// The policy.
    pub policy: Policy,
    /// What is of no use.
    pub warnings: Vec<Warning>,
    /// The file that was asked for, without what it extends.
    pub(super) written: Value,
    pub(super) origins: Origins,
    sources: Sources,
}

/// Something in a good policy that has no effect, or not the one that it seems to have.
#[derive(Clone, Debug)]
pub struct Warning {
    /// Where.
    pub place: Place,
    /// What, and what to do.
    pub text: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: warning: {}", self.place, self.text)
    }
}

impl Checked {
    /// The builtin policy.
    pub fn builtin() -> Result<Self, BadPolicy> {
        let mut reading = Reading::default();
        let draft = load::builtin(&mut reading);
        reading.check(&draft, load::BUILTIN_NAME)
    }

    /// The policy in the file at `path` (`-` for standard input), and what it extends. By today's date it is decided
    /// which exceptions still hold.
    pub fn load(path: &Path) -> Result<Self, BadPolicy> {
        let mut reading = Reading::default();
        let draft = load::load(path, &mut reading);
        reading.check(&draft, &load::name(path))
    }

    /// The policy `text`, called `name` in messages; it can extend the builtin one only.
    pub fn parse(text: &str, name: &str) -> Result<Self, BadPolicy> {
        let mut reading = Reading::default();
        let draft = load::parse(text, name, &mut reading);
        reading.check(&draft, name)
    }

    /// `warning` with the line that it is about.
    pub fn shown(&self, warning: &Warning) -> String {
        format!("{warning}{}", self.sources.snippet(&warning.place))
    }
}

/// Where each part was written: first, and where it was changed.
#[derive(Debug)]
pub(super) struct Origins {
    pub(super) classes: Vec<Vec<Place>>,
    pub(super) programs: Vec<Vec<Place>>,
    pub(super) rules: Vec<Vec<Place>>,
    pub(super) destinations: Vec<Vec<Place>>,
    pub(super) exceptions: Vec<Vec<Place>>,
}

impl Origins {
    fn of(draft: &Draft) -> Self {
        let first = |places: &[Placed]| places.first().map(|text| text.place.clone());
        Self {
            classes: draft.classes.iter().map(|class| class.origin.clone()).collect(),
            programs: draft.programs.iter().map(|program| program.origin.clone()).collect(),
            rules: draft.rules.iter().map(|rule| rule.origin.clone()).collect(),
            destinations: draft.destinations.iter().map(|row| first(&row.to).into_iter().collect()).collect(),
            exceptions: draft.exceptions.iter().map(|exception| vec![exception.place.clone()]).collect(),
        }
    }
}

fn warnings(draft: &Draft, policy: &Policy, name: &str) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |place: &Place, text: String| warnings.push(Warning { place: place.clone(), text });
    if policy.classes.is_empty() {
        let text = "no class is here, so nothing is watched; write `extends: builtin`, or classes of your own";
        warn(&Place::file(name), text.to_owned());
    }
    destinations(draft, policy, &mut warn);
    for draft in &draft.exceptions {
        exception(draft, policy, &mut warn);
    }
    for draft in draft.rules.iter().filter(|draft| draft.rule == Rule::Leak) {
        let (fail_on, severity) = (policy.fail_on(), draft.settings.severity);
        if let Some(severity) = severity.filter(|severity| *severity < fail_on) {
            let (severity, fail_on) = (severity.name(), fail_on.name());
            warn(&draft.place, format!("no leak fails the run: {severity} is below `fail-on: {fail_on}`"));
        }
    }
    warnings
}

/// Rows that accept nothing that is not accepted anyway.
fn destinations(draft: &Draft, policy: &Policy, warn: &mut impl FnMut(&Place, String)) {
    let numbers = compile::Numbers::of_draft(draft);
    let mut before = Destinations::none();
    policy.classes.iter().for_each(|class| compile::spent(class, &mut before));
    for row in &draft.destinations {
        // Nobody can mend a row of the builtin policy.
        let own = |place: &Place| !load::is_builtin(&place.file);
        let warn = &mut |place: &Place, text: String| {
            if own(place) {
                warn(place, text)
            }
        };
        let accepted = compile::accepted(&row.accept, &policy.classes);
        let readers: Vec<_> = row.readers.iter().filter_map(|reader| numbers.of(reader).ok()).collect();
        let readers = if row.readers.is_empty() { vec![0] } else { readers };
        for to in &row.to {
            let covered = |reader: &u16| {
                let others = policy.destinations.beside(&to.text, *reader).unwrap_or_default();
                let same = before.exactly(&to.text, *reader).unwrap_or_default();
                accepted.is_subset(others.union(same))
            };
            if accepted.is_empty() {
                warn(&to.place, "this row accepts nothing; remove it, or name classes in `accept`".to_owned());
            } else if readers.iter().all(covered) {
                let text = "this row never matters: all of it is accepted there anyway; remove it";
                warn(&to.place, text.to_owned());
            }
            let zone = Destinations::pattern(&to.text).and_then(|pattern| tenants::zone_of(&pattern));
            if let Some(zone) = zone.filter(|_| row.readers.is_empty() && !accepted.is_empty()) {
                let text = format!(
                    "anyone can have a host of such a name ({zone}), a thief too; name the hosts that are yours, or `readers`"
                );
                warn(&to.place, text);
            }
            for reader in &readers {
                // It was read before.
                before.add(&to.text, *reader, accepted).unwrap_or_default();
            }
        }
        let Accept::Classes(names) = &row.accept else { continue };
        for name in names {
            if policy.classes.iter().any(|class| class.name == name.text && class.is_observed()) {
                let text =
                    format!("class `{}` is only observed, so nobody holds it; it needs no destination", name.text);
                warn(&name.place, text);
            }
        }
    }
}

/// What keeps an exception from ever holding.
fn exception(draft: &ExceptionDraft, policy: &Policy, warn: &mut impl FnMut(&Place, String)) {
    let today = policy.document.date;
    if let Some((until, today)) = draft.until.zip(today).filter(|(until, today)| until < today) {
        warn(&draft.place, format!("the exception ended on {until} (today is {today}); remove it, or renew `until`"));
        return;
    }
    if draft.rules.iter().all(|rule| !policy.rule(*rule).enabled) {
        let text = "the exception never matters: its rules are switched off; remove it";
        warn(&draft.place, text.to_owned());
    }
    let ids = draft.rules.iter().map(|rule| format!("`{rule}`")).collect::<Vec<_>>().join(" or ");
    for name in &draft.classes {
        let class = policy.classes.iter().find(|class| class.name == name.text);
        if class.is_some_and(|class| !draft.rules.iter().any(|rule| rule.is_about(class))) {
            let text = format!("no finding of {ids} names class `{}`, as it is here; remove the name", name.text);
            warn(&name.place, text);
        }
    }
    if let Some(to) = draft.to.first().filter(|_| !draft.rules.iter().any(|rule| rule.has_destination())) {
        warn(&to.place, format!("no finding of {ids} has a destination, so the exception never holds; remove `to`"));
    }
    if let Some(path) = draft.paths.first().filter(|_| !draft.rules.iter().any(|rule| rule.has_path())) {
        let text = format!("no finding of {ids} is about single files, so the exception never holds; remove `paths`");
        warn(&path.place, text);
    }
}
