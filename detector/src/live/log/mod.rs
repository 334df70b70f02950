//! The job's log: where it is a pipe, in enforce, what leaks there is masked.

mod mask;
mod relay;

pub use relay::relay_the_rest;
pub(super) use relay::{Relays, Rest};
