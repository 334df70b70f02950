//! From the draft to the policy.

use super::{
    class::{Class, Hosts},
    date::Date,
    destination::Destinations,
    document::{
        Accept, ClassDocument, DestinationDocument, ExceptionDocument, PolicyDocument, ProgramDocument, RuleDocument,
    },
    draft::{ClassDraft, Draft, Placed, ProgramDraft, RuleDraft},
    error::{Errors, Place, PolicyError},
    exception::{self, Exception},
    file,
    host::HostPattern,
    nearest::hint,
    pattern::{self, BadPattern, Pattern},
    program::Programs,
    resolved::Policy,
    rule::RuleSettings,
    watch::{NoRow, Watches},
};
use crate::{
    engine::Severity,
    secret::{
        ClassId, ClassSet,
        redact::{self, CLOSE, CUT, OPEN},
    },
};
use detector_common::{
    destination::OWN,
    limits::{DESTINATIONS, HOSTS, PLACE_ROWS, PLACES, WATCHES},
};
use std::slice;

/// Compiles `draft`, called `name`. What is wrong goes to `errors`, and what comes of it is of no use then.
pub(super) fn compile(draft: &Draft, name: &str, errors: &mut Errors) -> Policy {
    let mut watches = Watches::default();
    let mut classes = Vec::new();
    let mut destinations = Destinations::default();
    for (i, class) in draft.classes.iter().enumerate() {
        // The draft holds no more than there are bits.
        if let Some(id) = ClassId::new(i) {
            let compiled = compile_class(class, id, &mut watches, errors);
            if let Some(class) = &compiled {
                spent(class, &mut destinations);
            }
            classes.extend(compiled);
        }
    }
    for program in &draft.programs {
        let ProgramDraft { files, scripts, traits, options, quiet, searched, installs, dumps, injected_by, .. } =
            program;
        let lists = [files, scripts, traits, options, quiet, searched, installs, dumps, injected_by];
        plain([slice::from_ref(&program.name)].into_iter().chain(lists.map(Vec::as_slice)), "program", errors);
    }
    let programs = errors.take(Programs::compile(&draft.programs, &draft.classes)).unwrap_or_default();
    let numbers = Numbers::of_draft(draft);
    for row in &draft.destinations {
        let accepted = accepted(&row.accept, &classes);
        let readers: Vec<_> = row.readers.iter().filter_map(|reader| errors.take(numbers.of(reader))).collect();
        let readers = if row.readers.is_empty() { vec![0] } else { readers };
        for (to, reader) in row.to.iter().flat_map(|to| readers.iter().map(move |reader| (to, *reader))) {
            errors.take(destination(&mut destinations, to, reader, accepted));
        }
    }
    // Only what ends makes the policy depend on the day.
    let ends = draft.exceptions.iter().any(|exception| exception.until.is_some());
    let date = ends.then(|| draft.date.unwrap_or_else(Date::today));
    let mut exceptions: Vec<Exception> = Vec::new();
    for exception in &draft.exceptions {
        let compiled = exception::compile(exception, &classes, &numbers, date, &mut destinations, errors);
        exceptions.extend(compiled);
    }
    let too_many = |what, most| PolicyError::TooMany { place: Place::file(name), what, most };
    if watches.len() > WATCHES as usize {
        errors.push(too_many("paths", WATCHES));
    }
    if destinations.len() > DESTINATIONS as usize {
        errors.push(too_many("destinations", DESTINATIONS));
    }
    let hosts = destinations.hosts();
    // Each may need a row beside it.
    if hosts.len() > HOSTS as usize / 2 {
        errors.push(too_many("names of hosts", HOSTS / 2));
    } else {
        let (places, widest) = hosts.extent();
        if widest > PLACE_ROWS {
            let most = u32::try_from(PLACE_ROWS).unwrap_or(0);
            errors.push(too_many("different ports and readers of one host", most));
        } else if places > PLACES as usize {
            errors.push(too_many("different sets of rows for hosts", PLACES));
        }
    }
    let rules = draft.rules.iter().map(|draft| (draft.rule, draft.settings)).collect();
    let document = document(draft, date, errors);
    Policy { document, classes, watches, destinations, programs, rules, exceptions }
}

/// The classes of a row of destinations.
pub(super) fn accepted(accept: &Accept<Placed>, classes: &[Class]) -> ClassSet {
    match accept {
        Accept::All => ClassSet::ALL,
        Accept::Classes(names) => {
            let named = |class: &&Class| names.iter().any(|name| name.text == class.name);
            classes.iter().filter(named).map(|class| class.id).collect()
        }
    }
}

/// Stands for every declared reader of a class, and every user of its SDK.
pub(super) const EVERY_READER: &str = "*";

/// The numbers of declared programs.
pub(super) struct Numbers<'a>(&'a [ProgramDraft]);

impl<'a> Numbers<'a> {
    /// Those of `draft`.
    pub(super) fn of_draft(draft: &'a Draft) -> Self {
        Self(&draft.programs)
    }

    /// The number of the declared program `name`: its place, from 1; of `*` that of them all.
    pub(super) fn of(&self, name: &Placed) -> Result<u16, PolicyError> {
        if name.text == EVERY_READER {
            return Ok(OWN);
        }
        let known = || self.0.iter().map(|program| program.name.text.as_str());
        let number = known().position(|known| known == name.text).and_then(|place| u16::try_from(place + 1).ok());
        number.ok_or_else(|| PolicyError::UnknownProgram {
            place: name.place.clone(),
            name: file::shown(&name.text),
            hint: hint(&name.text, known()),
        })
    }
}

/// Adds what `to` says for the declared program `reader` (0 for anyone) to `destinations`.
pub(super) fn destination(
    destinations: &mut Destinations,
    to: &Placed,
    reader: u16,
    accepted: ClassSet,
) -> Result<(), PolicyError> {
    destinations.add(&to.text, reader, accepted).map_err(|rule| PolicyError::Destination {
        place: to.place.clone(),
        text: file::shown(&to.text),
        rule,
    })
}

/// The pattern that `text` is.
pub(super) fn pattern(text: &Placed) -> Result<Pattern, PolicyError> {
    Pattern::parse(&text.text).map_err(|rule| bad(text, rule))
}

fn bad(text: &Placed, rule: BadPattern) -> PolicyError {
    PolicyError::Pattern { place: text.place.clone(), pattern: file::shown(&text.text), rule }
}

fn compile_class(draft: &ClassDraft, id: ClassId, watches: &mut Watches, errors: &mut Errors) -> Option<Class> {
    if draft.paths.is_empty() && draft.door.is_none() {
        errors.push(PolicyError::EmptyClass { place: draft.name.place.clone(), class: draft.name.text.clone() });
    }
    plain([&draft.readers, &draft.sdk, &draft.moved].map(Vec::as_slice), "name", errors);
    for (what, text) in [("owner", &draft.owner), ("group", &draft.group)] {
        if text.contains(is_hidden) {
            errors.push(PolicyError::Text { place: draft.name.place.clone(), what });
        }
    }
    let except = draft.except.iter().map(|text| pattern::exception(&text.text).map_err(|rule| bad(text, rule)));
    let mut class = Class {
        id,
        name: draft.name.text.clone(),
        action: draft.action,
        reason: errors.take(line(&draft.reason, "reason"))?,
        paths: Vec::new(),
        except: except.filter_map(|suffix| errors.take(suffix)).collect(),
        door: draft.door,
        owner: draft.owner.clone(),
        sureness: draft.sureness,
        group: draft.group.clone(),
        access: draft.access,
        role: draft.role,
        readers: draft.readers.iter().map(|name| name.text.clone()).collect(),
        sdk: Vec::new(),
        moved: Vec::new(),
        hosts: Hosts { anyone: hosts(&draft.hosts.anyone, errors), readers: hosts(&draft.hosts.readers, errors) },
    };
    for text in &draft.paths {
        let Some(pattern) = errors.take(pattern(text)) else { continue };
        let added = watches.add(&class, &pattern).map_err(|no_row| match no_row {
            NoRow::Bad(rule) => bad(text, rule),
            NoRow::Full => PolicyError::TooManyGlobs { place: text.place.clone(), pattern: file::shown(&text.text) },
        });
        errors.take(added);
        class.paths.push(pattern);
    }
    for text in &draft.sdk {
        let Some(pattern) = errors.take(pattern(text)) else { continue };
        errors.take(watches.add_sdk(&class, &pattern).map_err(|rule| bad(text, rule)));
        class.sdk.push(pattern);
    }
    for text in &draft.moved {
        errors.take(Pattern::parse(&format!("${}", text.text)).map_err(|rule| bad(text, rule)));
        class.moved.push(text.text.clone());
    }
    Some(class)
}

/// Names of hosts, as destinations have them.
fn hosts(names: &[Placed], errors: &mut Errors) -> Vec<String> {
    let mut good = Vec::new();
    for name in names {
        let parsed = HostPattern::parse(&name.text).map_err(|rule| PolicyError::Destination {
            place: name.place.clone(),
            text: file::shown(&name.text),
            rule: rule.into(),
        });
        if let Some(pattern) = errors.take(parsed) {
            good.push(pattern.to_string());
        }
    }
    good
}

/// A class is spent at its hosts, at any port.
pub(super) fn spent(class: &Class, destinations: &mut Destinations) {
    let accepted = ClassSet::EMPTY.with(class.id);
    for (hosts, reader) in [(&class.hosts.anyone, 0), (&class.hosts.readers, OWN)] {
        for host in hosts {
            // They were read before.
            destinations.add(host, reader, accepted).unwrap_or_default();
        }
    }
}

/// One line of text, which is called `what`.
pub(super) fn line(text: &Placed, what: &'static str) -> Result<String, PolicyError> {
    let line = text.text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.contains(is_hidden) { Err(PolicyError::Text { place: text.place.clone(), what }) } else { Ok(line) }
}

/// Whether redaction would escape `c`, and not for being a mark of ours: controls, and what has no glyph or turns the
/// text around it.
pub(super) fn is_hidden(c: char) -> bool {
    !['\\', OPEN, CLOSE, CUT].contains(&c) && redact::component(c.encode_utf8(&mut [0; 4]).as_bytes()).starts_with('\\')
}

/// Refuses lists in which there is more than can be seen.
fn plain<'a>(lists: impl IntoIterator<Item = &'a [Placed]>, what: &'static str, errors: &mut Errors) {
    for text in lists.into_iter().flatten().filter(|text| text.text.contains(is_hidden)) {
        errors.push(PolicyError::Text { place: text.place.clone(), what });
    }
}

fn document(draft: &Draft, date: Option<Date>, errors: &mut Errors) -> PolicyDocument {
    // What is wrong with a line was said when it was compiled.
    let said = |text: &Placed| line(text, "reason").unwrap_or_default();
    let texts = |all: &[Placed]| all.iter().map(|placed| placed.text.clone()).collect::<Vec<_>>();
    let mut classes = Vec::new();
    for class in &draft.classes {
        classes.push(ClassDocument {
            reason: said(&class.reason),
            name: class.name.text.clone(),
            action: class.action,
            paths: texts(&class.paths),
            except: texts(&class.except),
            door: class.door,
            owner: class.owner.clone(),
            sureness: class.sureness,
            group: class.group.clone(),
            access: class.access,
            role: class.role,
            readers: texts(&class.readers),
            sdk: texts(&class.sdk),
            moved: texts(&class.moved),
            hosts: Hosts { anyone: texts(&class.hosts.anyone), readers: texts(&class.hosts.readers) },
        });
    }
    let mut programs = Vec::new();
    for program in &draft.programs {
        programs.push(ProgramDocument {
            name: program.name.text.clone(),
            files: texts(&program.files),
            scripts: texts(&program.scripts),
            traits: texts(&program.traits),
            options: texts(&program.options),
            quiet: texts(&program.quiet),
            searched: texts(&program.searched),
            installs: texts(&program.installs),
            dumps: texts(&program.dumps),
            injected_by: texts(&program.injected_by),
        });
    }
    let mut destinations = Vec::new();
    for row in &draft.destinations {
        destinations.push(DestinationDocument {
            to: texts(&row.to),
            accept: match &row.accept {
                Accept::All => Accept::All,
                Accept::Classes(names) => Accept::Classes(texts(names)),
            },
            readers: texts(&row.readers),
            reason: row.reason.as_ref().and_then(|reason| errors.take(line(reason, "reason"))),
        });
    }
    let rules = draft.rules.iter().map(|RuleDraft { rule, settings, .. }| {
        let RuleSettings { enabled, action, severity } = *settings;
        RuleDocument { name: *rule, enabled, action, severity }
    });
    let mut exceptions = Vec::new();
    for exception in &draft.exceptions {
        exceptions.push(ExceptionDocument {
            rules: exception.rules.clone(),
            classes: texts(&exception.classes),
            programs: texts(&exception.programs),
            paths: texts(&exception.paths),
            to: texts(&exception.to),
            steps: exception.steps.clone(),
            reason: said(&exception.reason),
            until: exception.until,
        });
    }
    PolicyDocument {
        version: file::VERSION,
        mode: draft.mode,
        fail_on: draft.fail_on.unwrap_or(Severity::High),
        classes,
        destinations,
        programs,
        rules: rules.collect(),
        exceptions,
        date,
    }
}
