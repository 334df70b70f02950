//! Files, pipes and sockets that holders wrote to: kept until the recording ends, as data in them is.

use super::carried::{Carried, Cause};
use crate::{
    event::{File, JobId, Object},
    secret::ClassSet,
};
use rustc_hash::FxHashMap;
use std::{collections::BTreeSet, sync::Arc};

/// Gives of one object that are told apart; older ones are believed.
const GIVES: usize = 256;

static NOTHING: Carried = Carried::NONE;

/// The objects that carry something, by job.
#[derive(Debug, Default)]
pub(super) struct Objects {
    objects: FxHashMap<(JobId, Object), Marked>,
    /// Credentials that were there before.
    known: FxHashMap<File, Credential>,
}

#[derive(Debug, Default)]
struct Marked {
    carried: Carried,
    credential: Option<Credential>,
    gives: BTreeSet<u64>,
    /// No give up to this one is told apart any more.
    old: Option<u64>,
}

/// A file of a credential, whatever name it is opened by.
#[derive(Debug)]
struct Credential {
    classes: ClassSet,
    /// The first name it was known by.
    path: Box<str>,
}

impl Objects {
    /// What `object` carries.
    pub(super) fn carried(&self, job: JobId, object: Object) -> &Carried {
        self.objects.get(&(job, object)).map_or(&NOTHING, |marked| &marked.carried)
    }

    /// The classes of the credential that `object` is, and the name by which it is known.
    pub(super) fn credential(&self, job: JobId, object: Object) -> (ClassSet, &str) {
        let known = self.objects.get(&(job, object)).and_then(|marked| marked.credential.as_ref());
        known.map_or((ClassSet::EMPTY, ""), |known| (known.classes, &*known.path))
    }

    /// `file`, called `path`, was a credential of `classes` before the job.
    pub(super) fn know(&mut self, file: File, classes: ClassSet, path: &str) {
        let new = || Credential { classes: ClassSet::EMPTY, path: path.into() };
        let known = self.known.entry(file).or_insert_with(new);
        known.classes = known.classes.union(classes);
    }

    /// The classes of the credential that `file` was before the job.
    pub(super) fn known(&self, file: File) -> ClassSet {
        self.known.get(&file).map_or(ClassSet::EMPTY, |known| known.classes)
    }

    /// The same of an object, with its name; none where it was no credential.
    pub(super) fn known_as(&self, object: Object) -> Option<(ClassSet, &str)> {
        let Object::File(file) = object else { return None };
        self.known.get(&file).map(|known| (known.classes, &*known.path))
    }

    /// The file opened as `path` is a credential of `classes`.
    pub(super) fn mark_credential(&mut self, job: JobId, object: Object, classes: ClassSet, path: &str) {
        let marked = self.objects.entry((job, object)).or_default();
        let new = || Credential { classes: ClassSet::EMPTY, path: path.into() };
        let known = marked.credential.get_or_insert_with(new);
        known.classes = known.classes.union(classes);
    }

    /// A holder wrote to `object`, or it was opened as a credential: the give numbered `given`.
    pub(super) fn give(&mut self, job: JobId, object: Object, given: u64) {
        let marked = self.objects.entry((job, object)).or_default();
        marked.gives.insert(given);
        if marked.gives.len() > GIVES {
            marked.old = marked.old.max(marked.gives.pop_first());
        }
    }

    /// `object` carries `classes` from now on.
    pub(super) fn join(&mut self, job: JobId, object: Object, classes: ClassSet, cause: &Arc<Cause>) {
        self.objects.entry((job, object)).or_default().carried.join(classes, cause);
    }

    /// Whether the give numbered `given` was seen.
    pub(super) fn was_given(&self, job: JobId, object: Object, given: u64) -> bool {
        let Some(marked) = self.objects.get(&(job, object)) else { return false };
        marked.gives.contains(&given) || marked.old.is_some_and(|old| given <= old)
    }
}

/// The sockets that carry something, by cookie.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    sockets: FxHashMap<u64, Carried>,
}

impl Sockets {
    /// What the socket carries. Cookie 0 stands for any number of sockets and carries nothing.
    pub(super) fn carried(&self, cookie: u64) -> &Carried {
        self.sockets.get(&cookie).unwrap_or(&NOTHING)
    }

    /// The socket carries `classes` from now on.
    pub(super) fn join(&mut self, cookie: u64, classes: ClassSet, cause: &Arc<Cause>) {
        if cookie != 0 {
            self.sockets.entry(cookie).or_default().join(classes, cause);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_are_told_apart_as_long_as_there_are_few() {
        let pipe = Object::Pipe(File::default());
        let mut objects = Objects::default();
        for given in (10..1010).step_by(10) {
            objects.give(1, pipe, given);
        }
        assert!(objects.was_given(1, pipe, 10) && objects.was_given(1, pipe, 1000));
        assert!(!objects.was_given(1, pipe, 15) && !objects.was_given(1, pipe, 1010));
        assert!(!objects.was_given(2, pipe, 10), "another job's");
        for given in 2000..2000 + GIVES as u64 {
            objects.give(1, pipe, given);
        }
        assert!(objects.was_given(1, pipe, 10) && !objects.was_given(1, pipe, 1500));
    }
}
