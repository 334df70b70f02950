//! Secret classes and what may be said of secrets: never their bytes.

mod class;
pub mod redact;

pub use class::{ClassId, ClassSet};
