//! Every system call, on kernels whose rung is the tracepoint: sends and flows at the entry, opens and
//! memory reads at the exit, where the kill comes too.

pub(crate) mod acts;
mod arguments;
mod entry;
mod exit;

pub(crate) use arguments::{Arguments, element};
pub(crate) use entry::{asking, enter, mapping, moving, printing, serving, sharing, starting, writing};
pub(crate) use exit::{exit, got, linked, looked, moved, opened, probed, shared};
