//! Harness of the live tests: two private network namespaces, a sink that records what arrives, a home full of made-up
//! secrets, a make-believe CI agent, and a runner with and without the detector.
//!
//! Nothing leaves the machine: the namespaces have addresses of the documentation ranges and no way out. Every secret is a
//! canary made at run time. Root is needed, and its absence is an error.

pub mod agent;
pub mod canary;
pub mod console;
pub mod cost;
pub mod daemon;
pub mod desk;
pub mod evasion;
pub mod fixture;
pub mod giver;
pub mod home;
pub mod http;
pub mod judged;
pub mod loot;
pub mod mounts;
pub mod name_server;
pub mod namespace;
pub mod outcome;
pub mod proof;
pub mod quarantine;
pub mod receipts;
pub mod recording;
pub mod resolver;
pub mod run;
pub mod scene;
pub mod service;
pub mod sink;
pub mod spent;
mod stream;
pub mod thefts;
pub mod watched;
pub mod wav;
pub mod wire;
