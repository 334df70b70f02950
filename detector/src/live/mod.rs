//! Live work: ties source, engine, recording and report together. Holds no rules.

mod attribute;
mod command;
mod daemon;
mod disposition;
mod environment;
mod error;
mod kept;
mod known;
mod log;
mod programs;
mod proof;
mod resolvers;
mod run;
mod services;
mod session;
mod signals;

pub use command::{Command, User};
pub use daemon::{Ask, BadConfig, Config, ask, daemon};
pub use error::LiveError;
pub use log::relay_the_rest;
pub use proof::prove_in_child;
pub use run::{Ended, Options, run};
