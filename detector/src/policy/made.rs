//! Policies made by hand, for tests of what goes by them.

use super::{Pattern, Policy, Program};
use crate::secret::ClassSet;
use detector_common::program;

impl Policy {
    /// The set of these classes.
    pub(crate) fn set(&self, names: &[&str]) -> ClassSet {
        self.classes.iter().filter(|class| names.contains(&class.name.as_str())).map(|class| class.id).collect()
    }

    /// Declares the next program: a reader of these classes with flags of `detector_common::program::trait_of`.
    pub(crate) fn declare(&mut self, name: &str, traits: u32, reads: &[&str]) -> u16 {
        let number = u16::try_from(self.programs.all.len() + 1).expect("few programs");
        let value = program::Program { reads: self.set(reads).bits(), number, reserved: 0, traits };
        self.programs.all.push(Program { name: name.to_owned(), value, files: Vec::new(), scripts: Vec::new() });
        number
    }

    /// Lets the declared program `reader` spend these classes at `to`.
    pub(crate) fn accept_for(&mut self, reader: u16, to: &str, classes: &[&str]) {
        let classes = self.set(classes);
        self.destinations.add(to, reader, classes).expect("a destination");
    }

    /// The file at `path` is one of the SDK of `class`.
    pub(crate) fn sdk(&mut self, class: &str, path: &str) {
        let pattern = Pattern::parse(path).expect("a pattern");
        let class = self.classes.iter_mut().find(|it| it.name == class).expect("a class");
        class.sdk.push(pattern);
    }
}
