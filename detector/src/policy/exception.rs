//! Exceptions: findings that are known and right, each with a reason.

use super::{
    class::Class,
    compile::{self, Numbers},
    date::Date,
    destination::Destinations,
    draft::{ExceptionDraft, Placed},
    error::{Errors, PolicyError},
    file,
    pattern::{Pattern, Walked},
    resolved::Policy,
    rule::Rule,
};
use crate::{
    event::StepId,
    secret::{ClassId, ClassSet},
};
use detector_common::dns::PORT as DNS;
use std::{net::IpAddr, sync::Arc};

/// An exception from rules. All that it says must hold of a finding.
#[derive(Clone, Debug)]
pub struct Exception {
    /// The rules.
    pub rules: Vec<Rule>,
    /// Why.
    pub reason: String,
    /// The last day on which it holds, in UTC.
    pub until: Option<Date>,
    /// Whether that day was over when the policy was loaded: it holds of nothing then.
    pub expired: bool,
    /// What the finding may be about; `None` for anything.
    classes: Option<ClassSet>,
    /// Empty for any, as the lists below.
    programs: Vec<Program>,
    paths: Vec<Pattern>,
    to: Option<Destinations>,
    steps: Vec<StepId>,
}

#[derive(Clone, Debug)]
enum Program {
    /// Its number.
    Declared(u16),
    /// Its path.
    Path(Pattern),
}

/// What a finding is about, for exceptions. Of what a finding does not have, nothing holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Matched<'a> {
    /// Its classes.
    pub classes: ClassSet,
    /// Path of the process's program, as events have it; empty where it was never seen.
    pub program: &'a str,
    /// Number of the declared program that it runs (a script's, where an interpreter runs one), 0 for none.
    pub number: u16,
    /// The files that it is about, as events have them, if all are known.
    pub paths: &'a [&'a str],
    /// Where to: address and port.
    pub destination: Option<(IpAddr, u16)>,
    /// Names of that address, or the one that was asked for.
    pub names: &'a [Arc<str>],
    /// Its step.
    pub step: StepId,
}

impl Exception {
    fn holds(&self, rule: Rule, matched: &Matched<'_>) -> bool {
        let program = |program: &Program| match program {
            Program::Declared(number) => matched.number == *number,
            Program::Path(pattern) => !matched.program.is_empty() && pattern.matches(&Walked::new(matched.program)),
        };
        let path = |path: &&str| {
            let path = Walked::new(path);
            self.paths.iter().any(|pattern| pattern.matches(&path))
        };
        let to = |to: &Destinations| {
            // Of a question no port is known.
            let named = |port: u16| {
                matched.names.iter().any(|name| match port {
                    DNS => to.host(name).values().any(|accepted| !accepted.is_empty()),
                    port => !to.host_accepts(name, port).is_empty(),
                })
            };
            matched.destination.is_some_and(|(at, port)| !to.accepted(at, port).is_empty() || named(port))
        };
        !self.expired
            && self.rules.contains(&rule)
            && self.classes.is_none_or(|all| !matched.classes.is_empty() && matched.classes.is_subset(all))
            && (self.programs.is_empty() || self.programs.iter().any(program))
            && (self.paths.is_empty() || !matched.paths.is_empty() && matched.paths.iter().all(path))
            && self.to.as_ref().is_none_or(to)
            && (self.steps.is_empty() || self.steps.contains(&matched.step))
    }
}

impl Policy {
    /// The first exception that holds of a finding of `rule` about `matched`. The finding is counted then, and not
    /// reported. Leaks have none here: theirs are destinations.
    pub fn excepted(&self, rule: Rule, matched: &Matched<'_>) -> Option<&Exception> {
        let mut exceptions = self.exceptions.iter().filter(|_| rule != Rule::Leak);
        exceptions.find(|exception| exception.holds(rule, matched))
    }

    /// All exceptions, in order.
    pub fn exceptions(&self) -> &[Exception] {
        &self.exceptions
    }
}

/// Compiles `draft`. An exception from `leak` becomes a row of `destinations`: the kernel side decides of leaks, and
/// it knows no other exceptions.
pub(super) fn compile(
    draft: &ExceptionDraft,
    classes: &[Class],
    numbers: &Numbers<'_>,
    today: Option<Date>,
    destinations: &mut Destinations,
    errors: &mut Errors,
) -> Option<Exception> {
    let before = errors.count();
    let place = &draft.place;
    let leak = draft.rules.contains(&Rule::Leak);
    if leak && let Some(why) = unknown_to_the_kernel(draft) {
        errors.push(PolicyError::LeakException { place: place.clone(), why });
    }
    let ExceptionDraft { classes: named, programs, paths, to, steps, .. } = draft;
    if [named, programs, paths, to].iter().all(|list| list.is_empty()) && steps.is_empty() {
        let rule = draft.rules.iter().find(|rule| rule.stays_on().is_none()).map_or("ID", |rule| rule.id());
        errors.push(PolicyError::WideException { place: place.clone(), rule });
    }
    let names: Vec<_> = named.iter().map(|name| name.text.as_str()).collect();
    let of: ClassSet = classes.iter().filter(|class| names.contains(&&*class.name)).map(|class| class.id).collect();
    let programs: Vec<_> = programs.iter().filter_map(|text| errors.take(program(text, numbers))).collect();
    let paths: Vec<_> = draft.paths.iter().filter_map(|text| errors.take(pattern(text))).collect();
    let any = ClassSet::EMPTY.with(ClassId::new(0)?);
    let mut at = Destinations::none();
    for text in to {
        errors.take(compile::destination(&mut at, text, 0, any));
    }
    let reason = match compile::line(&draft.reason, "reason") {
        Ok(reason) if reason.is_empty() => Err(PolicyError::EmptyReason { place: draft.reason.place.clone() }),
        reason => reason,
    };
    let reason = errors.take(reason).unwrap_or_default();
    if errors.count() > before {
        return None;
    }
    let expired = draft.until.zip(today).is_some_and(|(until, today)| until < today);
    if leak && !expired {
        let declared = |program: &Program| if let Program::Declared(number) = program { Some(*number) } else { None };
        let readers: Vec<_> = programs.iter().filter_map(declared).collect();
        let readers = if readers.is_empty() { vec![0] } else { readers };
        for (to, reader) in to.iter().flat_map(|to| readers.iter().map(move |reader| (to, *reader))) {
            errors.take(compile::destination(destinations, to, reader, of));
        }
    }
    Some(Exception {
        rules: draft.rules.clone(),
        reason,
        until: draft.until,
        expired,
        classes: (!named.is_empty()).then_some(of),
        programs,
        paths,
        to: (!to.is_empty()).then_some(at),
        steps: steps.clone(),
    })
}

/// What of an exception from leaks cannot be a row of destinations.
fn unknown_to_the_kernel(draft: &ExceptionDraft) -> Option<&'static str> {
    let is_path = |program: &Placed| is_pattern(&program.text);
    match draft {
        _ if draft.to.is_empty() => Some("it names no destination (`to`)"),
        _ if draft.classes.is_empty() => Some("it names no `classes`"),
        _ if !draft.paths.is_empty() => Some("of the data that is sent, the path it was read from is not known"),
        _ if !draft.steps.is_empty() => Some("rows of destinations are for all steps"),
        _ if draft.programs.iter().any(is_path) => {
            Some("a program is known by its declaration, not by its path (name it under `programs:` first)")
        }
        _ => None,
    }
}

fn program(text: &Placed, numbers: &Numbers<'_>) -> Result<Program, PolicyError> {
    if is_pattern(&text.text) {
        return pattern(text).map(Program::Path);
    }
    numbers.of(text).map(Program::Declared)
}

fn is_pattern(text: &str) -> bool {
    text.contains(['/', '*', '~', '$', '{'])
}

/// The pattern that `text` is. What a variable stands for is known where a job is set up, and not here.
fn pattern(text: &Placed) -> Result<Pattern, PolicyError> {
    let pattern = compile::pattern(text)?;
    match pattern.variable() {
        Some(_) => Err(PolicyError::VariableException { place: text.place.clone(), pattern: file::shown(&text.text) }),
        None => Ok(pattern),
    }
}
