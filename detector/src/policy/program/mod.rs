//! Declared programs: who may read what, on which command lines they keep it to themselves, and what voids that.

mod declared;
mod form;
mod injection;
mod machine;
mod name;

pub use declared::Program;
pub(super) use declared::Programs;
pub use form::BadLine;
pub use injection::BadVariable;
pub use name::{BadName, FileName, ScriptName};
