//! Direct findings: what is said whether or not anything is sent. A file a rule; `docs/findings.md` has them in a table.

mod agent;
mod apply;
mod command;
mod decoy;
mod dump;
mod emit;
mod escape;
mod known;
mod lineage;
mod log;
mod place;
mod reader;
mod state;
mod sweep;

pub(super) use state::Rules;
