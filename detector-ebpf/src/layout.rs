//! Kernel structure fields: the offsets that user space found, and the one way to read them.

use detector_common::layout::Layout;

/// Written by user space before the object is loaded; frozen `.rodata`, so the verifier knows each value.
#[unsafe(no_mangle)]
pub(crate) static LAYOUT: Layout = Layout::NONE;

/// Offset of a field. Each is read on its own: a copy of the whole would go through the stack.
macro_rules! offset {
    ($field:ident) => {
        // SAFETY: a static of this object; volatile, since user space rewrites what the compiler sees here.
        unsafe { core::ptr::read_volatile(&raw const $crate::layout::LAYOUT.$field) as usize }
    };
}

/// Reads the field of type `$type` of the structure at address `$base`; `None` when that memory is not there.
macro_rules! read {
    ($base:expr, $field:ident, $type:ty) => {
        $crate::layout::load::<$type>($base as usize + $crate::layout::offset!($field))
    };
}

pub(crate) use {offset, read};

/// Reads a `T` at a kernel address.
#[inline(always)]
pub(crate) fn load<T>(address: usize) -> Option<T> {
    // SAFETY: the helper checks the address and fails instead of faulting.
    unsafe { aya_ebpf::helpers::bpf_probe_read_kernel(address as *const T) }.ok()
}
