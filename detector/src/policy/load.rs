//! Policy files and what they extend.

use super::{
    draft::Draft,
    error::{Place, PolicyError},
    file,
};
use std::{fs, io::Read, os::unix::fs::MetadataExt, path::Path};

/// The policy that is built in, each file laid over those before it, and what messages call them.
const BUILTIN: [(&str, &str); 2] = [
    ("builtin/classes.yaml", include_str!("builtin/classes.yaml")),
    ("builtin/programs.yaml", include_str!("builtin/programs.yaml")),
];
/// Its name in `extends` and in messages.
pub(super) const BUILTIN_NAME: &str = "builtin";

/// Bytes of a policy file.
const FILE_BYTES: u64 = 1 << 20;
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
pub(super) fn builtin() -> Result<Draft, PolicyError> {
    let mut draft = Draft::default();
    for (name, text) in BUILTIN {
        draft.lay(file::parse(text, name)?, name)?;
    }
    Ok(draft)
}

/// The draft of the file at `path`.
pub(super) fn load(path: &Path) -> Result<Draft, PolicyError> {
    let name = file::shown(&path.display().to_string());
    extend(path, &name, &Place::file(&*name), &mut Chain::default())
}

/// The draft of `text`, which stands in no file.
pub(super) fn parse(text: &str, name: &str) -> Result<Draft, PolicyError> {
    resolve(text, name, None, &mut Chain::default())
}

fn extend(path: &Path, name: &str, place: &Place, chain: &mut Chain) -> Result<Draft, PolicyError> {
    let (text, identity) = read(path, name, place)?;
    if chain.0.iter().any(|(_, known)| *known == identity) {
        return Err(PolicyError::Cycle { place: place.clone(), chain: chain.shown(name) });
    }
    if chain.0.len() > EXTENDS {
        return Err(PolicyError::TooDeep { place: place.clone(), chain: chain.shown(name) });
    }
    chain.0.push((name.to_owned(), identity));
    resolve(&text, name, Some(path), chain)
}

fn resolve(text: &str, name: &str, path: Option<&Path>, chain: &mut Chain) -> Result<Draft, PolicyError> {
    let file = file::parse(text, name)?;
    let mut draft = match &file.extends {
        None => Draft::default(),
        Some(parent) if parent.value == BUILTIN_NAME => builtin()?,
        Some(parent) => {
            let place = Place::at(name, parent.referenced);
            let Some(directory) = path.and_then(Path::parent) else {
                return Err(PolicyError::NotAFile { place, name: file::shown(&parent.value) });
            };
            let path = directory.join(&parent.value);
            extend(&path, &file::shown(&path.display().to_string()), &place, chain)?
        }
    };
    draft.lay(file, name)?;
    Ok(draft)
}

fn read(path: &Path, name: &str, place: &Place) -> Result<(String, Identity), PolicyError> {
    let (at, file) = (|| place.clone(), || name.to_owned());
    let failed = |source| PolicyError::Read { place: at(), file: file(), source };
    let opened = fs::File::open(path).map_err(failed)?;
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
