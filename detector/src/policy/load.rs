//! Policy files and what they extend.

use super::{
    check::Reading,
    compile::is_hidden,
    draft::Draft,
    error::{Place, PolicyError},
    file,
};
use std::{
    fs::File,
    io::{self, Read},
    os::{fd::AsFd, unix::fs::MetadataExt},
    path::Path,
};

/// The policy that is built in, each file laid over those before it, and what messages call them.
pub(super) const BUILTIN: [(&str, &str); 2] = [
    ("builtin/classes.yaml", include_str!("builtin/classes.yaml")),
    ("builtin/programs.yaml", include_str!("builtin/programs.yaml")),
];
/// Its name in `extends` and in messages.
pub(super) const BUILTIN_NAME: &str = "builtin";

/// Whether `file` is one of the builtin policy's, as places name it: a user's may begin alike.
pub(super) fn is_builtin(file: &str) -> bool {
    file.strip_prefix(BUILTIN_NAME).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Standard input, as it is asked for, and as messages call it.
const STDIN: &str = "-";
const STDIN_NAME: &str = "standard input";
const STDIN_FILE: &str = "/dev/stdin";

/// Bytes of a policy file: 100,000 names of hosts, 40 bytes each, are read within a second and in 100 MiB.
const FILE_BYTES: u64 = 4 << 20;
/// Steps of `extends`.
const EXTENDS: usize = 8;

/// Device and inode.
type Identity = (u64, u64);

/// The files from the one that was asked for to the one that is read, each as it was named and as it is.
#[derive(Default)]
struct Chain(Vec<(String, Identity)>);

impl Chain {
    fn shown(&self, last: &str) -> String {
        self.0.iter().map(|(name, _)| name.as_str()).chain([last]).collect::<Vec<_>>().join(" -> ")
    }
}

/// The draft of the builtin policy.
pub(super) fn builtin(reading: &mut Reading) -> Draft {
    let mut draft = Draft::default();
    for (name, text) in BUILTIN {
        // Without its text for messages: a file of the user may be called the same, and nothing is wrong with it.
        if let Some(file) = reading.errors.take(file::parse(text, name)) {
            draft.lay(file, name, &mut reading.errors);
        }
    }
    draft
}

/// What messages call the file at `path`, or standard input for `-`.
pub(super) fn name(path: &Path) -> String {
    if path == Path::new(STDIN) { STDIN_NAME.to_owned() } else { file::name(path) }
}

/// The draft of the file at `path`, or of standard input for `-`.
pub(super) fn load(path: &Path, reading: &mut Reading) -> Draft {
    let name = name(path);
    let path = if path == Path::new(STDIN) { Path::new(STDIN_FILE) } else { path };
    extend(path, &name, &Place::file(&*name), &mut Chain::default(), reading)
}

/// The draft of `text`, which stands in no file.
pub(super) fn parse(text: &str, name: &str, reading: &mut Reading) -> Draft {
    resolve(text, name, None, &mut Chain::default(), reading)
}

fn extend(path: &Path, name: &str, place: &Place, chain: &mut Chain, reading: &mut Reading) -> Draft {
    let text = read(path, name, place).and_then(|(text, identity)| {
        if chain.0.iter().any(|(_, known)| *known == identity) {
            return Err(PolicyError::Cycle { place: place.clone(), chain: chain.shown(name) });
        }
        if chain.0.len() > EXTENDS {
            return Err(PolicyError::TooDeep { place: place.clone(), chain: chain.shown(name) });
        }
        chain.0.push((name.to_owned(), identity));
        Ok(text)
    });
    // What standard input extends lies where we are.
    let directory = if name == STDIN_NAME { Some(Path::new("")) } else { path.parent() };
    match reading.errors.take(text) {
        Some(text) => resolve(&text, name, directory, chain, reading),
        None => Draft::default(),
    }
}

/// `directory` is where `text` stands, if in a file.
fn resolve(text: &str, name: &str, directory: Option<&Path>, chain: &mut Chain, reading: &mut Reading) -> Draft {
    let Some(file) = reading.file(text, name) else { return Draft::default() };
    if let Some(parent) = file.extends.as_ref().filter(|parent| parent.value.contains(is_hidden)) {
        reading.errors.push(PolicyError::Text { place: Place::at(name, parent.referenced), what: "path" });
        return Draft::default();
    }
    let mut draft = match &file.extends {
        None => Draft::default(),
        Some(parent) if parent.value == BUILTIN_NAME => builtin(reading),
        Some(parent) => {
            let place = Place::at(name, parent.referenced);
            let Some(directory) = directory else {
                reading.errors.push(PolicyError::NotAFile { place, name: file::shown(&parent.value) });
                return Draft::default();
            };
            let path = directory.join(&parent.value);
            let before = reading.errors.count();
            let draft = extend(&path, &file::name(&path), &place, chain, reading);
            // Whatever is not there now would be called unknown.
            if reading.errors.count() > before {
                return draft;
            }
            draft
        }
    };
    draft.lay(file, name, &mut reading.errors);
    draft
}

fn read(path: &Path, name: &str, place: &Place) -> Result<(String, Identity), PolicyError> {
    let (at, file) = (|| place.clone(), || name.to_owned());
    let failed = |source| PolicyError::Read { place: at(), file: file(), source };
    let opened = open(path).map_err(failed)?;
    let metadata = opened.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(PolicyError::Directory { place: at(), file: file() });
    }
    // Not by its length: a pipe (`<(...)`) has none.
    let mut bytes = Vec::new();
    opened.take(FILE_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_BYTES {
        return Err(PolicyError::TooLarge { place: at(), file: file() });
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).into_owned();
        let column = valid.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
        let line = valid.matches('\n').count() + 1;
        PolicyError::NotUtf8 { place: Place { file: file(), at: Some((line as u64, column as u64)) } }
    })?;
    Ok((text, (metadata.dev(), metadata.ino())))
}

/// Standard input is taken as it is: a socket, which some programs give their children, cannot be opened anew.
fn open(path: &Path) -> io::Result<File> {
    let opened = File::open(path);
    if opened.is_err() && path == Path::new(STDIN_FILE) {
        // A socket cannot be opened anew; what can has a place of its own in the file, and the command's input stays whole.
        return io::stdin().as_fd().try_clone_to_owned().map(File::from);
    }
    opened
}
