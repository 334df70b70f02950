//! The ABI of the eBPF programs and of user space, and nothing else.
//!
//! Every type here is `#[repr(C)]`, has no padding, and is in native byte order unless a field says
//! otherwise. Times are nanoseconds of `CLOCK_BOOTTIME`; process ids are those of the initial pid
//! namespace. This crate never allocates, never does I/O and knows neither aya nor serde.
#![no_std]
// Registers that the compiler must not see through have no other spelling; the eBPF crate is built with build-std anyway.
#![cfg_attr(target_arch = "bpf", feature(asm_experimental_arch))]

pub mod command;
pub mod counter;
pub mod destination;
pub mod dns;
pub mod host;
pub mod identity;
pub mod judge;
pub mod layout;
pub mod limits;
pub mod program;
pub mod record;
pub mod service;
pub mod set;
pub mod state;
pub mod watch;
