//! The hooks, one file a family.

pub(crate) mod agent;
pub(crate) mod answer;
pub(crate) mod ask;
pub(crate) mod call;
pub(crate) mod egress;
pub(crate) mod exec;
pub(crate) mod memory;
pub(crate) mod network;
pub(crate) mod open;
pub(crate) mod packet;
pub(crate) mod print;
pub(crate) mod probe;
pub(crate) mod process;
pub(crate) mod question;
pub(crate) mod ring;
pub(crate) mod service;
