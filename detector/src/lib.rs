//! A CI runtime detector of credential exfiltration.

pub mod engine;
pub mod event;
pub mod secret;
