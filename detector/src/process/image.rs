//! What exec made of a process: the declared program that it runs, and how.

use crate::{
    event::{Exec, Script},
    policy::Policy,
    secret::ClassSet,
};
use detector_common::{command::line, judge::Reader, program::trait_of};

/// What a process runs, as far as policy knows it. Fork copies it, exec makes it anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Number of the declared program that its file is, or of the declared script that it was seen to open; 0 for none.
    pub program: u16,
    /// Something was put into it, so that it is trusted with nothing.
    pub injected: bool,
    /// It descends from the install hook of a package.
    pub hook: bool,
    /// Flags of `detector_common::program::trait_of`.
    traits: u32,
    reads: ClassSet,
    /// Flags of `detector_common::command::line`.
    line: u16,
    /// Classes of whose SDKs it opened files.
    sdk: ClassSet,
    pending: Option<Pending>,
}

/// The declared script that an argument names: it counts once it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pending {
    script: u16,
    line: u16,
}

impl Image {
    /// What `exec` puts in its place.
    #[must_use]
    pub fn exec(&self, exec: &Exec, policy: &Policy) -> Self {
        let pending = Pending { script: exec.script, line: exec.line };
        let pending = Some(pending).filter(|pending| pending.script != 0 && !exec.injected);
        // A manager that goes on as another process is no hook.
        let itself = exec.program == self.program || pending.is_some_and(|pending| pending.script == self.program);
        let installs = self.has(trait_of::MANAGER) && self.line & line::INSTALLS != 0;
        let hook = self.hook || (installs && !itself);
        let new = Self { program: exec.program, injected: exec.injected, hook, ..Self::default() };
        match policy.program(exec.program) {
            Some(program) if !exec.injected => Self {
                traits: program.value.traits,
                reads: program.reads(),
                line: if pending.is_some() { 0 } else { exec.line },
                pending,
                ..new
            },
            _ => new,
        }
    }

    /// A file of the name of its script was opened: that script, or another file.
    pub fn script(&mut self, script: &Script, policy: &Policy) {
        let Some(pending) = self.pending.take().filter(|pending| pending.script == script.program) else { return };
        let Some(program) = policy.program(pending.script) else { return };
        self.program = pending.script;
        self.traits = program.value.traits | trait_of::INTERPRETER;
        self.reads = program.reads();
        self.line = pending.line;
    }

    /// A file of the SDKs of `classes` was opened.
    pub fn use_sdk(&mut self, classes: ClassSet) {
        self.sdk = self.sdk.union(classes);
    }

    /// The declared program whose acceptances it may spend by; 0 for none.
    pub fn spender(&self) -> u16 {
        if self.injected { 0 } else { self.program }
    }

    /// What it may read as what.
    pub fn reader(&self) -> Reader {
        let sdk = if self.has(trait_of::INTERPRETER) { self.sdk } else { ClassSet::EMPTY };
        Reader { reads: self.reads.bits(), sdk: sdk.bits(), known: self.program != 0 }
    }

    /// Its command line keeps to itself what it opens as a reader.
    pub fn is_quiet(&self) -> bool {
        self.line & line::QUIET != 0
    }

    /// Its output says nothing of what it reads.
    pub fn is_lossy(&self) -> bool {
        self.is_quiet() && self.has(trait_of::LOSSY)
    }

    /// It prints its environment.
    pub fn dumps(&self) -> bool {
        self.line & line::DUMPS != 0
    }

    /// It makes releases.
    pub fn releases(&self) -> bool {
        self.has(trait_of::RELEASE)
    }

    /// What it writes is installed, by whoever asked for it.
    pub fn is_installer(&self) -> bool {
        self.has(trait_of::INSTALLER)
    }

    fn has(&self, flag: u32) -> bool {
        self.traits & flag != 0
    }
}
