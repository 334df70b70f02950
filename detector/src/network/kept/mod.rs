//! Self-kept destinations: credential files name their own places.
//!
//! What a file says is as true as whoever wrote it: a caller reads only files that stood before the job began, or that a
//! trusted writer put there.

mod bundle;
mod cargo;
mod catalogue;
mod composer;
mod docker;
mod document;
mod format;
mod gem;
mod gh;
mod git_config;
mod git_credentials;
mod git_syntax;
mod glab;
mod helm;
#[cfg(test)]
mod hostile;
mod ini;
mod jfrog;
mod known_hosts;
mod kubeconfig;
mod maven;
mod netrc;
mod npmrc;
mod nuget;
mod pgpass;
mod pip;
mod place;
mod poetry;
mod pulumi;
mod ssh_config;
mod tea;
mod terraform;
mod uv;
mod xml;
mod yarnrc;

pub use catalogue::{File, format_of, formats};
pub use format::{Format, places};
pub use place::Kept;
