//! Declared programs of a policy, compiled.

use super::{
    form::{self, BadLine},
    injection,
    machine::Machine,
    name::{FileName, ScriptName},
};
use crate::{
    policy::{
        draft::{ClassDraft, Placed, ProgramDraft},
        error::PolicyError,
        file,
        nearest::hint,
    },
    secret::ClassSet,
};
use detector_common::{
    command::{CommandKey, Next, line},
    limits::{COMMANDS, PROGRAMS},
    program::{self, InjectKey, trait_of},
};

/// Names of traits in a policy.
const TRAITS: [(&str, u32); 8] = [
    ("lossy", trait_of::LOSSY),
    ("shell", trait_of::SHELL),
    ("interpreter", trait_of::INTERPRETER),
    ("manager", trait_of::MANAGER),
    ("installer", trait_of::INSTALLER),
    ("renews", trait_of::RENEWS),
    ("release", trait_of::RELEASE),
    ("spawner", trait_of::SPAWNER),
];

/// Longest name of a program, bytes.
const NAME_BYTES: usize = 40;

/// A declared program.
#[derive(Clone, Debug)]
pub struct Program {
    /// Name.
    pub name: String,
    /// What the kernel side is given: number, traits and the classes that it reads.
    pub value: program::Program,
    /// Names of its files, looked for where programs are; a file that starts with `#!` is a script.
    pub files: Vec<FileName>,
    /// Its scripts that are no files of this kind.
    pub scripts: Vec<ScriptName>,
}

impl Program {
    /// Classes of which it is a declared reader.
    pub fn reads(&self) -> ClassSet {
        ClassSet::from_bits(self.value.reads)
    }
}

/// The declared programs of a policy.
#[derive(Clone, Debug, Default)]
pub(in crate::policy) struct Programs {
    pub(in crate::policy) all: Vec<Program>,
    /// Of each program, in the same order.
    machines: Vec<Machine>,
    /// Likewise: starts of variables.
    injections: Vec<Vec<u64>>,
}

impl Programs {
    pub(in crate::policy) fn compile(drafts: &[ProgramDraft], classes: &[ClassDraft]) -> Result<Self, PolicyError> {
        let mut programs = Self::default();
        for draft in drafts {
            let number = u16::try_from(programs.all.len() + 1).ok().filter(|number| u32::from(*number) <= PROGRAMS);
            let number = number.ok_or_else(|| PolicyError::TooMany {
                place: draft.name.place.clone(),
                what: "programs",
                most: PROGRAMS,
            })?;
            programs.all.push(declared(draft, number)?);
            programs.machines.push(machine(draft)?);
            programs.injections.push(injections(draft)?);
        }
        for (class, bit) in classes.iter().zip(0..) {
            for reader in &class.readers {
                programs.reader(reader)?.value.reads |= 1 << bit;
            }
        }
        // Last, and named after the last one: which of them is too much is not for this to say.
        if let Some(last) = drafts.last()
            && (programs.commands(0).len() > COMMANDS as usize || programs.injections(0).len() > COMMANDS as usize)
        {
            let place = last.name.place.clone();
            return Err(PolicyError::TooMany { place, what: "command lines and variables", most: COMMANDS });
        }
        Ok(programs)
    }

    fn reader(&mut self, name: &Placed) -> Result<&mut Program, PolicyError> {
        let unknown = || PolicyError::UnknownProgram {
            place: name.place.clone(),
            name: file::shown(&name.text),
            hint: hint(&name.text, self.all.iter().map(|program| program.name.as_str())),
        };
        let at = self.all.iter().position(|program| program.name == name.text).ok_or_else(unknown)?;
        Ok(&mut self.all[at])
    }

    /// Flags (`detector_common::command::line`) of the command line `arguments` of `program`.
    pub(in crate::policy) fn line(&self, program: u16, arguments: &[String]) -> u16 {
        let machine = usize::from(program).checked_sub(1).and_then(|at| self.machines.get(at));
        machine.map_or(0, |machine| machine.flags(arguments))
    }

    pub(in crate::policy) fn commands(&self, policy: u32) -> Vec<(CommandKey, Next)> {
        let of = |(program, machine): (u16, &'_ Machine)| -> Vec<_> {
            let rows = machine.rows();
            rows.map(|((state, word), next)| (CommandKey { policy, program, state, word }, next)).collect()
        };
        (1..=u16::MAX).zip(&self.machines).flat_map(of).collect()
    }

    pub(in crate::policy) fn injections(&self, policy: u32) -> Vec<InjectKey> {
        injection::rows(policy, (1..=u16::MAX).zip(&self.injections).map(|(number, starts)| (number, &starts[..])))
    }
}

fn declared(draft: &ProgramDraft, number: u16) -> Result<Program, PolicyError> {
    let name = &draft.name.text;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._+-".contains(&b);
    if name.is_empty() || name.len() > NAME_BYTES || !name.bytes().all(plain) {
        return Err(PolicyError::ProgramName { place: draft.name.place.clone(), name: file::shown(name) });
    }
    let bad = |text: &Placed, rule| PolicyError::ProgramFile {
        place: text.place.clone(),
        name: file::shown(&text.text),
        rule,
    };
    let files = draft.files.iter().map(|text| FileName::parse(&text.text).map_err(|rule| bad(text, rule)));
    let scripts = draft.scripts.iter().map(|text| ScriptName::parse(&text.text).map_err(|rule| bad(text, rule)));
    let mut traits = 0;
    for wanted in &draft.traits {
        let known = TRAITS.iter().find(|(name, _)| *name == wanted.text);
        traits |= known.map(|(_, flag)| flag).ok_or_else(|| PolicyError::UnknownTrait {
            place: wanted.place.clone(),
            name: file::shown(&wanted.text),
            hint: hint(&wanted.text, TRAITS.iter().map(|(name, _)| *name)),
        })?;
    }
    Ok(Program {
        name: name.clone(),
        value: program::Program { number, traits, ..program::Program::default() },
        files: files.collect::<Result<_, _>>()?,
        scripts: scripts.collect::<Result<_, _>>()?,
    })
}

fn machine(draft: &ProgramDraft) -> Result<Machine, PolicyError> {
    let bad = |text: &Placed, rule: BadLine| PolicyError::Line {
        place: text.place.clone(),
        line: file::shown(&text.text),
        rule,
    };
    let mut options = Vec::new();
    for text in &draft.options {
        options.push(form::option(&text.text).map_err(|rule| bad(text, rule))?);
    }
    let mut lines = Vec::new();
    for (texts, flag) in [
        (&draft.quiet, line::QUIET),
        (&draft.searched, line::SEARCHED),
        (&draft.installs, line::INSTALLS),
        (&draft.dumps, line::DUMPS),
    ] {
        for text in texts {
            lines.push((form::line(&text.text, &options).map_err(|rule| bad(text, rule))?, flag));
        }
    }
    Machine::compile(&lines).ok_or_else(|| PolicyError::TooMany {
        place: draft.name.place.clone(),
        what: "states of command lines",
        most: u16::MAX.into(),
    })
}

fn injections(draft: &ProgramDraft) -> Result<Vec<u64>, PolicyError> {
    let start = |text: &Placed| {
        injection::start(&text.text).map_err(|rule| PolicyError::Variable {
            place: text.place.clone(),
            name: file::shown(&text.text),
            rule,
        })
    };
    draft.injected_by.iter().map(start).collect()
}
