//! A policy while files are laid over what they extend: every text still knows where it was written.

use super::{
    class::{Access, Door, Role, Sureness},
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
    pub(super) owner: String,
    pub(super) sureness: Sureness,
    pub(super) group: String,
    pub(super) access: Access,
    pub(super) role: Option<Role>,
    pub(super) readers: Vec<Placed>,
    pub(super) sdk: Vec<Placed>,
    pub(super) moved: Vec<Placed>,
    pub(super) hosts: HostsDraft,
}

/// Names of hosts: for anyone, for readers.
#[derive(Debug, Default)]
pub(super) struct HostsDraft {
    pub(super) anyone: Vec<Placed>,
    pub(super) readers: Vec<Placed>,
}

/// A declared program, every list as written.
#[derive(Debug)]
pub(super) struct ProgramDraft {
    pub(super) name: Placed,
    pub(super) files: Vec<Placed>,
    pub(super) scripts: Vec<Placed>,
    pub(super) traits: Vec<Placed>,
    pub(super) options: Vec<Placed>,
    pub(super) quiet: Vec<Placed>,
    pub(super) installs: Vec<Placed>,
    pub(super) dumps: Vec<Placed>,
    pub(super) injected_by: Vec<Placed>,
}

#[derive(Debug)]
pub(super) struct DestinationDraft {
    pub(super) to: Vec<Placed>,
    pub(super) accept: Accept<Placed>,
    pub(super) readers: Vec<Placed>,
    pub(super) reason: Option<Placed>,
}

#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) mode: Option<Mode>,
    pub(super) fail_on: Option<Severity>,
    pub(super) classes: Vec<ClassDraft>,
    pub(super) destinations: Vec<DestinationDraft>,
    pub(super) programs: Vec<ProgramDraft>,
}

impl Draft {
    /// Lays `file`, called `name`, over what is there.
    pub(super) fn lay(&mut self, file: File, name: &str) -> Result<(), PolicyError> {
        self.mode = file.mode.or(self.mode);
        self.fail_on = file.fail_on.or(self.fail_on);
        for (program, form) in file.programs.0 {
            self.lay_program(Placed::new(program, name), form, name);
        }
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
                readers: Placed::list(row.readers, name),
                reason: row.reason.map(|reason| Placed::new(reason, name)),
            })?;
        }
        Ok(())
    }

    fn lay_class(&mut self, name: Placed, form: file::Class, file: &str) -> Result<(), PolicyError> {
        let reason = form.reason.map(|reason| Placed::new(reason, file));
        let paths = form.paths.map(|paths| Placed::list(paths, file));
        let except = form.except.map(|except| Placed::list(except, file));
        let [readers, sdk, moved] =
            [form.readers, form.sdk, form.moved].map(|list| list.map(|list| Placed::list(list, file)));
        let hosts = form.hosts.map(|hosts| HostsDraft {
            anyone: Placed::list(hosts.anyone, file),
            readers: Placed::list(hosts.readers, file),
        });
        let [owner, group] = [form.owner, form.group].map(|text| text.map(|text| text.value));
        if let Some(class) = self.classes.iter_mut().find(|class| class.name.text == name.text) {
            class.action = form.action.unwrap_or(class.action);
            class.door = form.door.or(class.door);
            class.role = form.role.or(class.role);
            class.sureness = form.sureness.unwrap_or(class.sureness);
            class.access = form.access.unwrap_or(class.access);
            class.owner = owner.unwrap_or_else(|| std::mem::take(&mut class.owner));
            class.group = group.unwrap_or_else(|| std::mem::take(&mut class.group));
            replace(&mut class.readers, readers);
            replace(&mut class.sdk, sdk);
            replace(&mut class.moved, moved);
            class.hosts = hosts.unwrap_or_else(|| std::mem::take(&mut class.hosts));
            if let Some(reason) = reason {
                class.reason = reason;
            }
            replace(&mut class.paths, paths);
            replace(&mut class.except, except);
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
        // A class that names no group is one of its own.
        let group = group.unwrap_or_else(|| name.text.clone());
        self.add_class(ClassDraft {
            name,
            action,
            reason,
            paths,
            except,
            door: form.door,
            owner: owner.unwrap_or_default(),
            sureness: form.sureness.unwrap_or_default(),
            group,
            access: form.access.unwrap_or_default(),
            role: form.role,
            readers: readers.unwrap_or_default(),
            sdk: sdk.unwrap_or_default(),
            moved: moved.unwrap_or_default(),
            hosts: hosts.unwrap_or_default(),
        })
    }

    fn lay_program(&mut self, name: Placed, form: file::Program, file: &str) {
        let file::Program { files, scripts, traits, options, quiet, installs, dumps, injected_by } = form;
        let [files, scripts, traits, options, quiet, installs, dumps, injected_by] =
            [files, scripts, traits, options, quiet, installs, dumps, injected_by]
                .map(|list| list.map(|list| Placed::list(list, file)));
        if let Some(program) = self.programs.iter_mut().find(|program| program.name.text == name.text) {
            replace(&mut program.files, files);
            replace(&mut program.scripts, scripts);
            replace(&mut program.traits, traits);
            replace(&mut program.options, options);
            replace(&mut program.quiet, quiet);
            replace(&mut program.installs, installs);
            replace(&mut program.dumps, dumps);
            replace(&mut program.injected_by, injected_by);
            program.name.place = name.place;
            return;
        }
        self.programs.push(ProgramDraft {
            name,
            files: files.unwrap_or_default(),
            scripts: scripts.unwrap_or_default(),
            traits: traits.unwrap_or_default(),
            options: options.unwrap_or_default(),
            quiet: quiet.unwrap_or_default(),
            installs: installs.unwrap_or_default(),
            dumps: dumps.unwrap_or_default(),
            injected_by: injected_by.unwrap_or_default(),
        });
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
                owner: class.owner,
                sureness: class.sureness,
                group: class.group,
                access: class.access,
                role: class.role,
                readers: all(class.readers),
                sdk: all(class.sdk),
                moved: all(class.moved),
                hosts: HostsDraft { anyone: all(class.hosts.anyone), readers: all(class.hosts.readers) },
            })?;
        }
        for program in document.programs {
            draft.programs.push(ProgramDraft {
                name: placed(program.name),
                files: all(program.files),
                scripts: all(program.scripts),
                traits: all(program.traits),
                options: all(program.options),
                quiet: all(program.quiet),
                installs: all(program.installs),
                dumps: all(program.dumps),
                injected_by: all(program.injected_by),
            });
        }
        for row in document.destinations {
            let accept = match row.accept {
                Accept::All => Accept::All,
                Accept::Classes(names) => Accept::Classes(all(names)),
            };
            draft.add_destination(DestinationDraft {
                to: all(row.to),
                accept,
                readers: all(row.readers),
                reason: row.reason.map(placed),
            })?;
        }
        Ok(draft)
    }
}

/// A list that a file gives takes the place of the one that was there.
fn replace(list: &mut Vec<Placed>, new: Option<Vec<Placed>>) {
    if let Some(new) = new {
        *list = new;
    }
}
