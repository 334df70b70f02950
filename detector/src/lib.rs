//! A CI runtime detector of credential exfiltration.
//!
//! A secret is a bit: who reads a credential file or another process's memory holds its class; the bits flow with
//! fork, exec, pipes and files; a send whose destination does not accept them all is a leak, and is denied before
//! its first byte leaves.

pub mod ci;
pub mod cli;
pub mod engine;
pub mod event;
pub mod kernel;
pub mod live;
pub mod network;
pub mod policy;
pub mod process;
pub mod recording;
pub mod replay;
pub mod report;
pub mod secret;
