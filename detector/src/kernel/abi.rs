//! ABI types as aya's maps want them.

use detector_common::{
    destination::{Destination, DestinationKey},
    layout::Layout,
    state::{Global, Holder, Job, Socket, Task},
    watch::{WatchKey, WatchValue},
};

/// An ABI type in a map: a plain copy of its bytes.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub(super) struct Abi<T>(pub(super) T);

macro_rules! plain {
    ($($type:ty),* $(,)?) => {
        $(
            // SAFETY: `repr(C)` without padding and valid for any bits (zerocopy derives say so at compile time).
            unsafe impl aya::Pod for Abi<$type> {}
        )*
    };
}

plain!(Destination, DestinationKey, Global, Holder, Job, Socket, Task, WatchKey, WatchValue);

// SAFETY: `repr(C)`, `u32` fields only.
unsafe impl aya::Pod for Abi<Layout> {}
