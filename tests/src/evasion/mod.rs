//! Ways past such tools: each a small program of `tests/evasions`, with what is expected beside it, and an honest twin.

mod fixture;
mod host;
mod measure;
mod page;

pub use fixture::{Expected, FILES, Fixture, all};
pub use measure::{Figures, enforce, measure};
pub use page::page;
