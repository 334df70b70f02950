//! ABI types as aya's maps want them.

use detector_common::{
    command::{CommandKey, Next},
    destination::{Destination, DestinationKey},
    host::{AddressKey, HostKey, KeptKey, Place, PlaceKey},
    identity::ObjectKey,
    layout::Layout,
    program::{InjectKey, NameKey, Program, ProgramKey, Register, Script, ScriptKey},
    set::GrowingSet,
    state::{Author, Global, Holder, Home, Job, Object, Progress, Resolver, Socket, Task},
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

plain!(
    AddressKey,
    Author,
    CommandKey,
    Destination,
    DestinationKey,
    Global,
    GrowingSet,
    Holder,
    Home,
    HostKey,
    InjectKey,
    Job,
    KeptKey,
    NameKey,
    Next,
    Object,
    ObjectKey,
    Place,
    PlaceKey,
    Program,
    ProgramKey,
    Progress,
    Register,
    Resolver,
    Script,
    ScriptKey,
    Socket,
    Task,
    WatchKey,
    WatchValue,
);

// SAFETY: `repr(C)`, `u32` fields only.
unsafe impl aya::Pod for Abi<Layout> {}
