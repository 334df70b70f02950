//! Declared programs on this host: looked for at start, taken down by the kernel side before the command runs.

mod place;
mod register;
mod script;
mod search;
mod trust;

pub(super) use place::{Places, expand};
pub(super) use search::Programs;
