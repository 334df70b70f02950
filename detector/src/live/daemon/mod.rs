//! `detector daemon`: a host is watched, and jobs are found as their agents start them.

mod agents;
mod config;
mod control;
mod job;
mod part;
mod policies;
mod several;
mod sorter;
mod steps;
mod store;
mod watch;

pub use config::{BadConfig, Config};
pub use control::{Ask, ask};
pub use watch::daemon;
