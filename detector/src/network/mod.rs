//! Destinations and names. Never resolves a name itself.

mod authority;
pub mod kept;
mod service;

pub use service::Request;
