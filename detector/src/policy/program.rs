//! Declared programs: who may read what, on which command lines they keep it to themselves, and what voids that.

use super::{class::Class, draft::ProgramDraft, error::PolicyError};
use crate::secret::ClassSet;
use detector_common::{
    command::{CommandKey, Next},
    program::{self, InjectKey},
};

/// A declared program.
#[derive(Clone, Debug)]
pub struct Program {
    /// Name.
    pub name: String,
    /// What the kernel side is given: number, traits and the classes that it reads.
    pub value: program::Program,
    /// Names of its files, looked for where programs are.
    pub files: Vec<String>,
    /// How arguments of an interpreter name it.
    pub scripts: Vec<String>,
}

impl Program {
    /// Classes of which it is a declared reader.
    pub fn reads(&self) -> ClassSet {
        ClassSet::from_bits(self.value.reads)
    }
}

/// The declared programs of a policy.
#[derive(Clone, Debug, Default)]
pub(super) struct Programs {
    pub(super) all: Vec<Program>,
}

impl Programs {
    pub(super) fn compile(_programs: &[ProgramDraft], _classes: &[Class]) -> Result<Self, PolicyError> {
        Ok(Self::default())
    }

    /// Flags (`detector_common::command::line`) of the command line `arguments` of `program`.
    pub(super) fn line(&self, _program: u16, _arguments: &[String]) -> u16 {
        0
    }

    pub(super) fn commands(&self, _policy: u32) -> Vec<(CommandKey, Next)> {
        Vec::new()
    }

    pub(super) fn injections(&self, _policy: u32) -> Vec<InjectKey> {
        Vec::new()
    }
}
