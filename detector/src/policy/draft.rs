//! A policy while files are laid over what they extend: every text still knows where it was written.

use super::{
    class::Door,
    document::{Accept, PolicyDocument},
    error::{Place, PolicyError},
    file::{self, File},
    nearest::hint,
};
use crate::engine::{Action, Mode, Severity};
use detector_common::limits::CLASSES;
use serde_saphyr::Spanned;

/// A text and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) text: String,
    pub(super) place: Place,
}

impl Placed {
    fn new(spanned: Spanned<String>, file: &str) -> Self {
        Self { place: Place::at(file, spanned.referenced), text: spanned.value }
    }

    fn list(list: Vec<Spanned<String>>, file: &str) -> Vec<Self> {
        list.into_iter().map(|spanned| Self::new(spanned, file)).collect()
    }
}

#[derive(Debug)]
pub(super) struct ClassDraft {
    pub(super) name: Placed,
    pub(super) action: Action,
    pub(super) reason: Placed,
    pub(super) paths: Vec<Placed>,
    pub(super) except: Vec<Placed>,
    pub(super) door: Option<Door>,
}

#[derive(Debug)]
pub(super) struct DestinationDraft {
    pub(super) to: Vec<Placed>,
    pub(super) accept: Accept<Placed>,
    pub(super) reason: Option<Placed>,
}

#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) mode: Option<Mode>,
    pub(super) fail_on: Option<Severity>,
    pub(super) classes: Vec<ClassDraft>,
    pub(super) destinations: Vec<DestinationDraft>,
}

impl Draft {
    /// Lays `file`, called `name`, over what is there.
    pub(super) fn lay(&mut self, file: File, name: &str) -> Result<(), PolicyError> {
        self.mode = file.mode.or(self.mode);
        self.fail_on = file.fail_on.or(self.fail_on);
        for (class, form) in file.classes.0 {
            self.lay_class(Placed::new(class, name), form, name)?;
        }
        for row in file.destinations {
            let accept = match row.accept {
                Accept::All => Accept::All,
                Accept::Classes(names) => Accept::Classes(Placed::list(names, name)),
            };
            self.add_destination(DestinationDraft {
                to: Placed::list(row.to, name),
                accept,
                reason: row.reason.map(|reason| Placed::new(reason, name)),
            })?;
        }
        Ok(())
    }

    fn lay_class(&mut self, name: Placed, form: file::Class, file: &str) -> Result<(), PolicyError> {
        let reason = form.reason.map(|reason| Placed::new(reason, file));
        let paths = form.paths.map(|paths| Placed::list(paths, file));
        let except = form.except.map(|except| Placed::list(except, file));
        if let Some(class) = self.classes.iter_mut().find(|class| class.name.text == name.text) {
            class.action = form.action.unwrap_or(class.action);
            class.door = form.door.or(class.door);
            if let Some(reason) = reason {
                class.reason = reason;
            }
            if let Some(paths) = paths {
                class.paths = paths;
            }
            if let Some(except) = except {
                class.except = except;
            }
            class.name.place = name.place;
            return Ok(());
        }
        let missing = |field| PolicyError::MissingField {
            place: name.place.clone(),
            class: file::shown(&name.text),
            field,
            hint: self.misspelt(&name.text),
        };
        let action = form.action.ok_or_else(|| missing("action"))?;
        let reason = reason.ok_or_else(|| missing("reason"))?;
        let (paths, except) = (paths.unwrap_or_default(), except.unwrap_or_default());
        self.add_class(ClassDraft { name, action, reason, paths, except, door: form.door })
    }

    /// A class without an action is more often a misspelt name of one that is there.
    fn misspelt(&self, name: &str) -> String {
        let hint = hint(name, self.classes.iter().map(|class| class.name.text.as_str()));
        if hint.starts_with("did") { format!(", or {hint}") } else { String::new() }
    }

    pub(super) fn add_class(&mut self, class: ClassDraft) -> Result<(), PolicyError> {
        let (place, name) = (&class.name.place, &class.name.text);
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        let letter = name.starts_with(|c: char| c.is_ascii_lowercase());
        if !letter || name.len() > 40 || name == "all" || !name.bytes().all(allowed) {
            return Err(PolicyError::ClassName { place: place.clone(), name: file::shown(name) });
        }
        if self.classes.iter().any(|other| other.name.text == *name) {
            return Err(PolicyError::Duplicate { place: place.clone(), key: name.clone() });
        }
        if self.classes.len() == CLASSES {
            return Err(PolicyError::TooManyClasses { place: place.clone(), name: name.clone() });
        }
        self.classes.push(class);
        Ok(())
    }

    /// Appends `row`; the classes it names must be there already.
    pub(super) fn add_destination(&mut self, row: DestinationDraft) -> Result<(), PolicyError> {
        let names = if let Accept::Classes(names) = &row.accept { names.as_slice() } else { &[] };
        let known = || self.classes.iter().map(|class| class.name.text.as_str());
        if let Some(name) = names.iter().find(|name| !known().any(|known| known == name.text)) {
            let hint = hint(&name.text, known());
            return Err(PolicyError::UnknownClass { place: name.place.clone(), name: file::shown(&name.text), hint });
        }
        self.destinations.push(row);
        Ok(())
    }

    /// The draft of a resolved document, called `name`.
    pub(super) fn of(document: PolicyDocument, name: &str) -> Result<Self, PolicyError> {
        let placed = |text| Placed { text, place: Place::file(name) };
        let all = |texts: Vec<String>| texts.into_iter().map(placed).collect();
        if document.version != file::VERSION {
            return Err(PolicyError::Version { place: Place::file(name), found: document.version });
        }
        let mut draft = Self { mode: document.mode, fail_on: Some(document.fail_on), ..Self::default() };
        for class in document.classes {
            draft.add_class(ClassDraft {
                name: placed(class.name),
                action: class.action,
                reason: placed(class.reason),
                paths: all(class.paths),
                except: all(class.except),
                door: class.door,
            })?;
        }
        for row in document.destinations {
            let accept = match row.accept {
                Accept::All => Accept::All,
                Accept::Classes(names) => Accept::Classes(all(names)),
            };
            draft.add_destination(DestinationDraft { to: all(row.to), accept, reason: row.reason.map(placed) })?;
        }
        Ok(draft)
    }
}
