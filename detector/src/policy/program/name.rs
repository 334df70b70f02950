//! Names of the files of declared programs: what is looked for, not where.

use std::fmt;

/// Why a name was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum BadName {
    #[error("write the name of a file, with or without a `*` at its end, alone or with an absolute path before it")]
    File,
    #[error("write `-m MODULE`, or a path of names, each with or without a `*` at its end")]
    Script,
    #[error("`{0}` would name nearly every program; write more before the `*`")]
    Wide(String),
}

/// A file's name: this one, or any that starts so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Leaf {
    start: String,
    any: bool,
}

impl Leaf {
    fn parse(text: &str) -> Option<Self> {
        let (start, any) = text.strip_suffix('*').map_or((text, false), |start| (start, true));
        let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '*' | '/' | '\\');
        let good = start.chars().all(plain) && !matches!(start, "." | "..") && (any || !start.is_empty());
        good.then(|| Self { start: start.to_owned(), any })
    }

    fn matches(&self, name: &str) -> bool {
        if self.any { name.starts_with(&self.start) } else { name == self.start }
    }
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.start, if self.any { "*" } else { "" })
    }
}

/// How a program's files are called: looked for in the directories where programs are, or in the one that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName {
    directory: Option<String>,
    leaf: Leaf,
}

impl FileName {
    /// The name `text`: `git`, `python3*`, `/opt/tool/bin/tool`.
    pub(super) fn parse(text: &str) -> Result<Self, BadName> {
        let (directory, leaf) = match text.rsplit_once('/') {
            None => (None, text),
            Some((directory, leaf)) => (Some(directory), leaf),
        };
        let absolute = |directory: &str| {
            directory.starts_with('/')
                && directory[1..].split('/').all(|name| Leaf::parse(name).is_some_and(|l| !l.any))
        };
        if directory.is_some_and(|directory| !absolute(directory)) {
            return Err(BadName::File);
        }
        let leaf = Leaf::parse(leaf).ok_or(BadName::File)?;
        if leaf.any && leaf.start.len() < 3 {
            return Err(BadName::Wide(text.to_owned()));
        }
        Ok(Self { directory: directory.map(str::to_owned), leaf })
    }

    /// The directory that it names.
    pub fn directory(&self) -> Option<&str> {
        self.directory.as_deref()
    }

    /// Whether a file called `name` is meant.
    pub fn matches(&self, name: &str) -> bool {
        self.leaf.matches(name)
    }

    /// The whole name, when there is no `*` in it.
    pub fn exact(&self) -> Option<&str> {
        (!self.leaf.any).then_some(&*self.leaf.start)
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.directory.as_ref().map_or(Ok(()), |directory| write!(f, "{directory}/"))?;
        self.leaf.fmt(f)
    }
}

/// How a script is called that is no program of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScriptName {
    /// A module of Python, started with `-m`.
    Module(String),
    /// A file under one of the directories of libraries: its path from there, in which each name may end with `*`.
    Path(ScriptPath),
}

/// See [`ScriptName::Path`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptPath(Vec<Leaf>);

impl ScriptPath {
    /// The names, outermost first: each with whether it is only the start of one.
    pub fn names(&self) -> impl Iterator<Item = (&str, bool)> {
        self.0.iter().map(|leaf| (&*leaf.start, leaf.any))
    }
}

impl ScriptName {
    /// The name `text`: `-m pip`, `npm/bin/npm-cli.js`, `_actions/actions/checkout/*/dist/index.js`.
    pub(super) fn parse(text: &str) -> Result<Self, BadName> {
        if let Some(module) = text.strip_prefix("-m ") {
            let plain = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            return if module.split('.').all(plain) {
                Ok(Self::Module(module.to_owned()))
            } else {
                Err(BadName::Script)
            };
        }
        let names: Option<Vec<_>> = text.split('/').map(Leaf::parse).collect();
        match names {
            Some(names) if names.len() > 1 && !names[0].any => Ok(Self::Path(ScriptPath(names))),
            _ => Err(BadName::Script),
        }
    }
}

impl fmt::Display for ScriptName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Module(module) => write!(f, "-m {module}"),
            Self::Path(ScriptPath(names)) => {
                let names: Vec<_> = names.iter().map(Leaf::to_string).collect();
                f.write_str(&names.join("/"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files() {
        let name = FileName::parse("python3*").unwrap();
        assert!(name.matches("python3") && name.matches("python3.11") && !name.matches("python2"));
        assert_eq!((name.exact(), name.directory(), name.to_string().as_str()), (None, None, "python3*"));
        let name = FileName::parse("/usr/lib/git-core/git-remote-http").unwrap();
        assert_eq!((name.exact(), name.directory()), (Some("git-remote-http"), Some("/usr/lib/git-core")));
        assert!(!name.matches("git"));
        assert!(FileName::parse("[").is_ok_and(|name| name.matches("[")));
        for text in ["", "a b", "*a", "a*b", "lib/x", "/a/*/b", "/a/../b", "/a//b", "a/", "..", "."] {
            assert_eq!(FileName::parse(text), Err(BadName::File), "{text}");
        }
        assert_eq!(FileName::parse("g*"), Err(BadName::Wide("g*".into())));
    }

    #[test]
    fn names_of_scripts() {
        assert_eq!(ScriptName::parse("-m pip"), Ok(ScriptName::Module("pip".into())));
        let text = "_actions/actions/checkout/*/dist/index.js";
        let script = ScriptName::parse(text).unwrap();
        assert_eq!(script.to_string(), text);
        let ScriptName::Path(path) = script else { panic!("a path") };
        assert_eq!(path.names().nth(3), Some(("", true)));
        for text in ["npm", "-m ", "-m a b", "-m a/b", "/npm/x", "*/x", "a/../b", "a//b", "a/b/"] {
            assert_eq!(ScriptName::parse(text), Err(BadName::Script), "{text}");
        }
    }
}
