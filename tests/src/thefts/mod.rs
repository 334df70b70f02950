//! Emulated thefts and their honest twins: what each is known by, and what it must come to under the detector.

mod job;
pub mod list;
mod theft;
pub mod told;
mod twin;

pub use job::BUILTIN;
pub use theft::Theft;
pub use twin::Twin;
