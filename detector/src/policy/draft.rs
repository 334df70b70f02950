//! A policy while files are laid over what they extend: every text still knows where it was written.

use super::{
    class::{Access, Door, Role, Sureness},
    date::Date,
    document::{Accept, PolicyDocument, RuleDocument},
    error::{Errors, Place, PolicyError},
    file::{self, File},
    nearest::hint,
    rule::{Rule, RuleSettings},
};
use crate::{
    engine::{Action, Mode, Severity},
    event::StepId,
};
use detector_common::limits::CLASSES;
use serde_saphyr::Spanned;

/// A text and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) text: String,
    pub(super) place: Place,
}

impl Placed {
    pub(super) fn new(spanned: Spanned<String>, file: &str) -> Self {
        Self { place: Place::at(file, spanned.referenced), text: spanned.value }
    }

    fn list(list: Vec<Spanned<String>>, file: &str) -> Vec<Self> {
        list.into_iter().map(|spanned| Self::new(spanned, file)).collect()
    }
}

#[derive(Debug)]
pub(super) struct ClassDraft {
    pub(super) name: Placed,
    /// Where it was first written, and where it was changed since.
    pub(super) origin: Vec<Place>,
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
    /// See [`ClassDraft::origin`].
    pub(super) origin: Vec<Place>,
    pub(super) files: Vec<Placed>,
    pub(super) scripts: Vec<Placed>,
    pub(super) traits: Vec<Placed>,
    pub(super) options: Vec<Placed>,
    pub(super) quiet: Vec<Placed>,
    pub(super) searched: Vec<Placed>,
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

#[derive(Debug)]
pub(super) struct RuleDraft {
    pub(super) rule: Rule,
    pub(super) place: Place,
    /// See [`ClassDraft::origin`].
    pub(super) origin: Vec<Place>,
    pub(super) settings: RuleSettings,
}

#[derive(Debug)]
pub(super) struct ExceptionDraft {
    /// Where it begins.
    pub(super) place: Place,
    pub(super) rules: Vec<Rule>,
    /// Empty for any, as all lists below.
    pub(super) classes: Vec<Placed>,
    pub(super) programs: Vec<Placed>,
    pub(super) paths: Vec<Placed>,
    pub(super) to: Vec<Placed>,
    pub(super) steps: Vec<StepId>,
    pub(super) reason: Placed,
    pub(super) until: Option<Date>,
}

#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) mode: Option<Mode>,
    pub(super) fail_on: Option<Severity>,
    pub(super) classes: Vec<ClassDraft>,
    pub(super) destinations: Vec<DestinationDraft>,
    pub(super) programs: Vec<ProgramDraft>,
    /// In order of rules.
    pub(super) rules: Vec<RuleDraft>,
    pub(super) exceptions: Vec<ExceptionDraft>,
    /// The day that decides which exceptions still hold.
    pub(super) date: Option<Date>,
    /// Names of classes that were refused: who names them is not told that they are unknown.
    refused: Vec<String>,
}

impl Draft {
    /// Lays `file`, called `name`, over what is there; what is wrong with it goes to `errors` and is left out.
    pub(super) fn lay(&mut self, file: File, name: &str, errors: &mut Errors) {
        self.mode = file.mode.or(self.mode);
        self.fail_on = file.fail_on.or(self.fail_on);
        for (program, form) in file.programs.0 {
            self.lay_program(Placed::new(program, name), form, name);
        }
        for (class, form) in file.classes.0 {
            self.lay_class(Placed::new(class, name), form, name, errors);
        }
        for row in file.destinations {
            let accept = match row.accept {
                Accept::All => Accept::All,
                Accept::Classes(names) => Accept::Classes(Placed::list(names, name)),
            };
            self.add_destination(
                DestinationDraft {
                    to: Placed::list(row.to, name),
                    accept,
                    readers: Placed::list(row.readers, name),
                    reason: row.reason.map(|reason| Placed::new(reason, name)),
                },
                errors,
            );
        }
        for (rule, form) in file.rules.0 {
            self.lay_rule(&Placed::new(rule, name), form, name, errors);
        }
        for form in file.exceptions {
            self.lay_exception(form, name, errors);
        }
    }

    fn lay_class(&mut self, name: Placed, form: file::Class, file: &str, errors: &mut Errors) {
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
            class.origin.push(name.place.clone());
            class.name.place = name.place;
            return;
        }
        let missing = |field| PolicyError::MissingField {
            place: name.place.clone(),
            class: file::shown(&name.text),
            field,
            hint: self.misspelt(&name.text),
        };
        let action = errors.take(form.action.ok_or_else(|| missing("action")));
        let reason = errors.take(reason.ok_or_else(|| missing("reason")));
        let (Some(action), Some(reason)) = (action, reason) else { return self.refused.push(name.text) };
        let (paths, except) = (paths.unwrap_or_default(), except.unwrap_or_default());
        // A class that names no group is one of its own.
        let group = group.unwrap_or_else(|| name.text.clone());
        let class = ClassDraft {
            origin: vec![name.place.clone()],
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
        };
        let text = class.name.text.clone();
        if errors.take(self.add_class(class)).is_none() {
            self.refused.push(text);
        }
    }

    fn lay_program(&mut self, name: Placed, form: file::Program, file: &str) {
        let file::Program { files, scripts, traits, options, quiet, searched, installs, dumps, injected_by } = form;
        let [files, scripts, traits, options, quiet, searched, installs, dumps, injected_by] =
            [files, scripts, traits, options, quiet, searched, installs, dumps, injected_by]
                .map(|list| list.map(|list| Placed::list(list, file)));
        if let Some(program) = self.programs.iter_mut().find(|program| program.name.text == name.text) {
            replace(&mut program.files, files);
            replace(&mut program.scripts, scripts);
            replace(&mut program.traits, traits);
            replace(&mut program.options, options);
            replace(&mut program.quiet, quiet);
            replace(&mut program.searched, searched);
            replace(&mut program.installs, installs);
            replace(&mut program.dumps, dumps);
            replace(&mut program.injected_by, injected_by);
            program.origin.push(name.place.clone());
            program.name.place = name.place;
            return;
        }
        self.programs.push(ProgramDraft {
            origin: vec![name.place.clone()],
            name,
            files: files.unwrap_or_default(),
            scripts: scripts.unwrap_or_default(),
            traits: traits.unwrap_or_default(),
            options: options.unwrap_or_default(),
            quiet: quiet.unwrap_or_default(),
            searched: searched.unwrap_or_default(),
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

    /// Appends `row` without the classes that are not there.
    pub(super) fn add_destination(&mut self, mut row: DestinationDraft, errors: &mut Errors) {
        if let Accept::Classes(names) = &mut row.accept {
            names.retain(|name| self.knows(name, errors));
        }
        self.destinations.push(row);
    }

    /// Whether there is a class `name`.
    fn knows(&self, name: &Placed, errors: &mut Errors) -> bool {
        let known = || self.classes.iter().map(|class| class.name.text.as_str());
        if known().any(|known| known == name.text) {
            return true;
        }
        if !self.refused.contains(&name.text) {
            let hint = hint(&name.text, known());
            errors.push(PolicyError::UnknownClass { place: name.place.clone(), name: file::shown(&name.text), hint });
        }
        false
    }

    fn lay_rule(&mut self, name: &Placed, form: file::Rule, file: &str, errors: &mut Errors) {
        let Some(rule) = errors.take(rule(name)) else { return };
        let action = form.action.map(|action| (action.value, Place::at(file, action.referenced)));
        let enabled = form.enabled.map(|enabled| (enabled.value, Place::at(file, enabled.referenced)));
        can_be(rule, action.as_ref(), enabled.as_ref(), errors);
        let n = self.rules.partition_point(|other| other.rule < rule);
        if self.rules.get(n).is_none_or(|other| other.rule != rule) {
            let (place, settings) = (name.place.clone(), RuleSettings::default());
            self.rules.insert(n, RuleDraft { rule, place, origin: Vec::new(), settings });
        }
        let draft = &mut self.rules[n];
        draft.origin.push(name.place.clone());
        draft.place = name.place.clone();
        let settings = &mut draft.settings;
        settings.enabled = enabled.map_or(settings.enabled, |(enabled, _)| enabled);
        settings.action = action.map(|(action, _)| action).or(settings.action);
        settings.severity = form.severity.or(settings.severity);
    }

    fn lay_exception(&mut self, form: file::Exception, file: &str, errors: &mut Errors) {
        let before = errors.count();
        let reason = Placed::new(form.reason, file);
        let rules = Placed::list(form.rules, file);
        // The first rule is its place: where the map begins is not told.
        let place = rules.first().map_or_else(|| reason.place.clone(), |rule| rule.place.clone());
        let mut list = |key, list: Option<Spanned<Vec<Spanned<String>>>>| {
            let Some(list) = list else { return Vec::new() };
            if list.value.is_empty() {
                errors.push(PolicyError::EmptySelector { place: Place::at(file, list.referenced), key });
            }
            Placed::list(list.value, file)
        };
        let [mut classes, programs] = [list("classes", form.classes), list("programs", form.programs)];
        let [paths, to] = [list("paths", form.paths), list("to", form.to)];
        let steps = form.steps.map_or_else(Vec::new, |steps| {
            if steps.value.is_empty() {
                errors.push(PolicyError::EmptySelector { place: Place::at(file, steps.referenced), key: "steps" });
            }
            steps.value
        });
        if rules.is_empty() {
            errors.push(PolicyError::EmptySelector { place: place.clone(), key: "rules" });
        }
        let until = form.until.map(|until| Placed::new(until, file)).and_then(|until| {
            errors.take(until.text.parse().map_err(|rule| PolicyError::Date {
                place: until.place.clone(),
                text: file::shown(&until.text),
                rule,
            }))
        });
        classes.retain(|name| self.knows(name, errors));
        let rules = rules.iter().filter_map(|name| errors.take(rule(name).and_then(|rule| excepted(rule, name))));
        let rules = rules.collect();
        let exception = ExceptionDraft { place, rules, classes, programs, paths, to, steps, reason, until };
        if errors.count() == before {
            self.exceptions.push(exception);
        }
    }

    /// The draft of a resolved document, called `name`.
    pub(super) fn of(document: PolicyDocument, name: &str, errors: &mut Errors) -> Self {
        let placed = |text| Placed { text, place: Place::file(name) };
        let all = |texts: Vec<String>| texts.into_iter().map(placed).collect();
        if document.version != file::VERSION {
            errors.push(PolicyError::Version { place: Place::file(name), found: document.version });
        }
        let mut draft =
            Self { mode: document.mode, fail_on: Some(document.fail_on), date: document.date, ..Self::default() };
        for class in document.classes {
            let class = ClassDraft {
                origin: Vec::new(),
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
            };
            errors.take(draft.add_class(class));
        }
        for program in document.programs {
            draft.programs.push(ProgramDraft {
                origin: Vec::new(),
                name: placed(program.name),
                files: all(program.files),
                scripts: all(program.scripts),
                traits: all(program.traits),
                options: all(program.options),
                quiet: all(program.quiet),
                searched: all(program.searched),
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
            draft.add_destination(
                DestinationDraft { to: all(row.to), accept, readers: all(row.readers), reason: row.reason.map(placed) },
                errors,
            );
        }
        for RuleDocument { name: rule, enabled, action, severity } in document.rules {
            let place = || Place::file(name);
            can_be(rule, action.map(|action| (action, place())).as_ref(), Some(&(enabled, place())), errors);
            let settings = RuleSettings { enabled, action, severity };
            draft.rules.push(RuleDraft { rule, place: Place::file(name), origin: Vec::new(), settings });
        }
        draft.rules.sort_by_key(|draft| draft.rule);
        for exception in document.exceptions {
            draft.exceptions.push(ExceptionDraft {
                place: Place::file(name),
                rules: exception.rules,
                classes: all(exception.classes).into_iter().filter(|name| draft.knows(name, errors)).collect(),
                programs: all(exception.programs),
                paths: all(exception.paths),
                to: all(exception.to),
                steps: exception.steps,
                reason: placed(exception.reason),
                until: exception.until,
            });
        }
        draft
    }
}

/// The rule that `name` is the id of.
fn rule(name: &Placed) -> Result<Rule, PolicyError> {
    Rule::named(&name.text).ok_or_else(|| PolicyError::UnknownRule {
        place: name.place.clone(),
        name: file::shown(&name.text),
        hint: hint(&name.text, Rule::ALL.iter().map(|rule| rule.id())),
    })
}

/// Refuses what cannot be carried out.
fn can_be(rule: Rule, action: Option<&(Action, Place)>, enabled: Option<&(bool, Place)>, errors: &mut Errors) {
    if let Some((action, place)) = action
        && let Some(why) = rule.refuses(*action)
    {
        errors.push(PolicyError::RuleAction { place: place.clone(), rule: rule.id(), action: *action, why });
    }
    if let Some((false, place)) = enabled
        && let Some(why) = rule.stays_on()
    {
        errors.push(PolicyError::RuleStaysOn { place: place.clone(), rule: rule.id(), why });
    }
}

/// `rule`, called `name` in an exception, if it has any.
fn excepted(rule: Rule, name: &Placed) -> Result<Rule, PolicyError> {
    match rule.stays() {
        Some(why) => Err(PolicyError::RuleStays { place: name.place.clone(), rule: rule.id(), why }),
        None => Ok(rule),
    }
}

/// A list that a file gives takes the place of the one that was there.
fn replace(list: &mut Vec<Placed>, new: Option<Vec<Placed>>) {
    if let Some(new) = new {
        *list = new;
    }
}
