//! From the draft to the policy.

use super::{
    class::{Class, Hosts},
    destination::Destinations,
    document::{Accept, ClassDocument, DestinationDocument, PolicyDocument, ProgramDocument},
    draft::{ClassDraft, DestinationDraft, Draft, Placed},
    error::PolicyError,
    file,
    nearest::hint,
    pattern::{self, BadPattern, Pattern},
    program::Programs,
    resolved::Policy,
    watch::{NoRow, Watches},
};
use crate::{
    engine::Severity,
    secret::{ClassId, ClassSet},
};
use detector_common::limits::{DESTINATIONS, WATCHES};

/// Compiles `draft`, called `name`.
pub(super) fn compile(draft: Draft, name: &str) -> Result<Policy, PolicyError> {
    let mut watches = Watches::default();
    let mut classes = Vec::new();
    for (i, class) in draft.classes.iter().enumerate() {
        // The draft holds no more than there are bits.
        if let Some(id) = ClassId::new(i) {
            classes.push(compile_class(class, id, &mut watches)?);
        }
    }
    let programs = Programs::compile(&draft.programs, &draft.classes)?;
    let mut destinations = Destinations::default();
    for row in &draft.destinations {
        let accepted = match &row.accept {
            Accept::All => ClassSet::ALL,
            Accept::Classes(names) => {
                let named = |class: &&Class| names.iter().any(|name| name.text == class.name);
                classes.iter().filter(named).map(|class| class.id).collect()
            }
        };
        let readers = readers(row, &programs)?;
        for (to, reader) in row.to.iter().flat_map(|to| readers.iter().map(move |reader| (to, *reader))) {
            destinations.add(&to.text, reader, accepted).map_err(|rule| PolicyError::Destination {
                place: to.place.clone(),
                text: file::shown(&to.text),
                rule,
            })?;
        }
    }
    let too_many = |what, most| PolicyError::TooMany { place: super::Place::file(name), what, most };
    if watches.len() > WATCHES as usize {
        return Err(too_many("paths", WATCHES));
    }
    if destinations.len() > DESTINATIONS as usize {
        return Err(too_many("destinations", DESTINATIONS));
    }
    Ok(Policy { document: document(draft)?, classes, watches, destinations, programs })
}

/// The numbers of the declared programs that `row` is for; 0 for anyone.
fn readers(row: &DestinationDraft, programs: &Programs) -> Result<Vec<u16>, PolicyError> {
    if row.readers.is_empty() {
        return Ok(vec![0]);
    }
    let number = |name: &Placed| {
        let found = programs.all.iter().find(|program| program.name == name.text).map(|program| program.value.number);
        found.ok_or_else(|| PolicyError::UnknownProgram {
            place: name.place.clone(),
            name: file::shown(&name.text),
            hint: hint(&name.text, programs.all.iter().map(|program| program.name.as_str())),
        })
    };
    row.readers.iter().map(number).collect()
}

fn compile_class(draft: &ClassDraft, id: ClassId, watches: &mut Watches) -> Result<Class, PolicyError> {
    if draft.paths.is_empty() && draft.door.is_none() {
        return Err(PolicyError::EmptyClass { place: draft.name.place.clone(), class: draft.name.text.clone() });
    }
    let bad = |text: &Placed, rule: BadPattern| PolicyError::Pattern {
        place: text.place.clone(),
        pattern: file::shown(&text.text),
        rule,
    };
    let except = draft.except.iter().map(|text| pattern::exception(&text.text).map_err(|rule| bad(text, rule)));
    let mut class = Class {
        id,
        name: draft.name.text.clone(),
        action: draft.action,
        reason: reason(&draft.reason)?,
        paths: Vec::new(),
        except: except.collect::<Result<_, _>>()?,
        door: draft.door,
        owner: draft.owner.clone(),
        sureness: draft.sureness,
        group: draft.group.clone(),
        access: draft.access,
        role: draft.role,
        readers: draft.readers.iter().map(|name| name.text.clone()).collect(),
        sdk: Vec::new(),
        moved: Vec::new(),
        hosts: Hosts { anyone: hosts(&draft.hosts.anyone)?, readers: hosts(&draft.hosts.readers)? },
    };
    for text in &draft.paths {
        let pattern = Pattern::parse(&text.text).map_err(|rule| bad(text, rule))?;
        watches.add(&class, &pattern).map_err(|no_row| match no_row {
            NoRow::Bad(rule) => bad(text, rule),
            NoRow::Full => PolicyError::TooManyGlobs { place: text.place.clone(), pattern: text.text.clone() },
        })?;
        class.paths.push(pattern);
    }
    for text in &draft.sdk {
        let pattern = Pattern::parse(&text.text).map_err(|rule| bad(text, rule))?;
        watches.add_sdk(&class, &pattern).map_err(|rule| bad(text, rule))?;
        class.sdk.push(pattern);
    }
    for text in &draft.moved {
        Pattern::parse(&format!("${}", text.text)).map_err(|rule| bad(text, rule))?;
        class.moved.push(text.text.clone());
    }
    Ok(class)
}

/// Names of hosts, each with or without `*.` in front.
fn hosts(names: &[Placed]) -> Result<Vec<String>, PolicyError> {
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let checked = names.iter().map(|name| {
        let plain = name.text.strip_prefix("*.").unwrap_or(&name.text);
        if plain.contains('.') && plain.split('.').all(label) {
            Ok(name.text.clone())
        } else {
            Err(PolicyError::Host { place: name.place.clone(), name: file::shown(&name.text) })
        }
    });
    checked.collect()
}

/// One line of text.
fn reason(reason: &Placed) -> Result<String, PolicyError> {
    let line = reason.text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.contains(char::is_control) { Err(PolicyError::Reason { place: reason.place.clone() }) } else { Ok(line) }
}

fn document(draft: Draft) -> Result<PolicyDocument, PolicyError> {
    let texts = |all: Vec<Placed>| all.into_iter().map(|placed| placed.text).collect::<Vec<_>>();
    let mut classes = Vec::new();
    for class in draft.classes {
        classes.push(ClassDocument {
            reason: reason(&class.reason)?,
            name: class.name.text,
            action: class.action,
            paths: texts(class.paths),
            except: texts(class.except),
            door: class.door,
            owner: class.owner,
            sureness: class.sureness,
            group: class.group,
            access: class.access,
            role: class.role,
            readers: texts(class.readers),
            sdk: texts(class.sdk),
            moved: texts(class.moved),
            hosts: Hosts { anyone: texts(class.hosts.anyone), readers: texts(class.hosts.readers) },
        });
    }
    let mut programs = Vec::new();
    for program in draft.programs {
        programs.push(ProgramDocument {
            name: program.name.text,
            files: texts(program.files),
            scripts: texts(program.scripts),
            traits: texts(program.traits),
            options: texts(program.options),
            quiet: texts(program.quiet),
            installs: texts(program.installs),
            dumps: texts(program.dumps),
            injected_by: texts(program.injected_by),
        });
    }
    let mut destinations = Vec::new();
    for row in draft.destinations {
        destinations.push(DestinationDocument {
            to: texts(row.to),
            accept: match row.accept {
                Accept::All => Accept::All,
                Accept::Classes(names) => Accept::Classes(texts(names)),
            },
            readers: texts(row.readers),
            reason: row.reason.as_ref().map(reason).transpose()?,
        });
    }
    let fail_on = draft.fail_on.unwrap_or(Severity::High);
    Ok(PolicyDocument { version: file::VERSION, mode: draft.mode, fail_on, classes, destinations, programs })
}
