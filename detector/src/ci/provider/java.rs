//! What a Java virtual machine runs, by its command line.

use crate::ci::{Started, started};

/// The launcher's name.
pub(in crate::ci) const JAVA: &str = "java";

/// What `java` was told to run.
pub(super) struct Main<'a> {
    /// Main class, or the leaf of the archive.
    pub name: &'a [u8],
    /// It is an archive (`-jar`).
    pub archive: bool,
    /// What it is told.
    pub arguments: Vec<&'a [u8]>,
}

impl Main<'_> {
    /// It is one of these archives.
    pub(super) fn is_archive(&self, names: &[&str]) -> bool {
        self.archive && names.iter().any(|name| name.as_bytes() == self.name)
    }

    /// It is this class.
    pub(super) fn is_class(&self, name: &str) -> bool {
        !self.archive && self.name == name.as_bytes()
    }
}

/// What `process` runs, if it is a virtual machine.
pub(super) fn main<'a>(process: &Started<'a>) -> Option<Main<'a>> {
    if process.leaf() != JAVA.as_bytes() {
        return None;
    }
    let mut arguments = process.arguments();
    loop {
        let argument = arguments.next()?;
        if argument == b"-jar" {
            let name = started::leaf(arguments.next()?);
            return Some(Main { name, archive: true, arguments: arguments.collect() });
        }
        if takes_value(argument) {
            arguments.next();
        } else if !argument.starts_with(b"-") && !argument.starts_with(b"@") {
            return Some(Main { name: argument, archive: false, arguments: arguments.collect() });
        }
    }
}

/// Options of java(1) whose value is an argument of its own.
fn takes_value(option: &[u8]) -> bool {
    const OPTIONS: [&[u8]; 14] = [
        b"-cp",
        b"-classpath",
        b"--class-path",
        b"-p",
        b"--module-path",
        b"--upgrade-module-path",
        b"--add-modules",
        b"--add-opens",
        b"--add-exports",
        b"--add-reads",
        b"--patch-module",
        b"--limit-modules",
        b"--describe-module",
        b"--enable-native-access",
    ];
    OPTIONS.contains(&option)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(argv: &str) -> Option<String> {
        let started = Started { executable: b"/usr/lib/jvm/bin/java", argv: argv.as_bytes(), uid: 0 };
        main(&started).map(|main| String::from_utf8_lossy(main.name).into_owned())
    }

    #[test]
    fn the_main_class_is_behind_the_options() {
        assert_eq!(named("java\0-Xmx1g\0-cp\0a.jar:b.jar\0x.y.Main\0-jar\0c.jar\0").as_deref(), Some("x.y.Main"));
        assert_eq!(named("java\0-jar\0/opt/agent.jar\0-url\0u\0").as_deref(), Some("agent.jar"));
        assert_eq!(named("java\0--add-opens\0java.base/java.lang=ALL-UNNAMED\0M\0").as_deref(), Some("M"));
        assert_eq!(named("java\0-version\0"), None);
        assert_eq!(named("java\0-jar\0"), None);
        assert_eq!(named("java\0-cp\0"), None);
    }
}
