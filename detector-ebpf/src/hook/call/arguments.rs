//! What a call is given: its arguments, and between which descriptors it moves data.

use crate::{
    abi,
    carrier::Store,
    flow::{Buffer, NO_BUFFER},
    layout::load,
    maps::count,
};
use aya_ebpf::helpers::generated::{bpf_probe_read_kernel, bpf_probe_read_user};
use detector_common::{
    counter::Counter,
    watch::{below, some},
};

/// A system call's arguments, read when asked for.
pub(crate) struct Arguments {
    pub(super) regs: u64,
}

impl Arguments {
    /// The `n`th argument, from 0.
    #[inline(always)]
    pub(crate) fn get(&self, n: usize) -> u64 {
        load::<u64>(self.regs as usize + abi::ARGUMENTS[n]).unwrap_or(0)
    }

    /// The second and the third, mostly a buffer or an array of them.
    ///
    /// VERIFIER: without a branch; what cannot be read is 0 (`bpf_probe_read_kernel_common` in kernel/trace/bpf_trace.c).
    #[inline(always)]
    pub(crate) fn buffer(&self) -> Buffer {
        let read = |n: usize| {
            let (mut value, from) = (0u64, self.regs as usize + abi::ARGUMENTS[n]);
            // SAFETY: the size of what is written to; the helper checks the address and fails instead of faulting.
            unsafe { bpf_probe_read_kernel((&raw mut value).cast(), 8, from as *const _) };
            value
        };
        // No buffer is so long, and what compares takes no larger numbers.
        Buffer { address: read(1), len: read(2) & (u64::MAX >> 1) }
    }
}

/// The `n`th buffer of an array (`struct iovec`); behind its end, or where it cannot be read, an empty one.
#[inline(always)]
pub(crate) fn element(array: Buffer, n: u64) -> Buffer {
    let (mut read, from) = ([0u64; 2], array.address.wrapping_add(n * 16));
    // SAFETY: the size of what is written to; the helper checks the address and fails instead of faulting.
    let result = unsafe { bpf_probe_read_user(read.as_mut_ptr().cast(), 16, from as *const _) };
    let there = below(n, array.len) & (some(result as u64) ^ 1);
    Buffer { address: read[0], len: read[1] & (u64::MAX >> 1) & there.wrapping_neg() }
}

/// Calls that start another program.
#[inline(always)]
pub(super) fn starts(number: u64) -> bool {
    matches!(number, abi::EXECVE | abi::EXECVEAT)
}

/// Calls that move data between descriptors.
#[inline(always)]
pub(super) fn moves(number: u64) -> bool {
    matches!(
        number,
        abi::READ
            | abi::WRITE
            | abi::MMAP
            | abi::PREAD64
            | abi::PWRITE64
            | abi::READV
            | abi::WRITEV
            | abi::SENDFILE
            | abi::SENDTO
            | abi::SENDMSG
            | abi::SPLICE
            | abi::TEE
            | abi::VMSPLICE
            | abi::PREADV
            | abi::PWRITEV
            | abi::SENDMMSG
            | abi::COPY_FILE_RANGE
            | abi::PREADV2
            | abi::PWRITEV2
            | abi::IO_SUBMIT
            | abi::MQ_TIMEDSEND
    )
}

/// Of an argument that is an `int`, what the kernel looks at.
const INT: u64 = 0xffff_ffff;

/// Whether the extended attribute of this name is none that tools set and get of their own accord: access lists, capabilities and
/// labels, which no program writes its own data to.
#[inline(always)]
fn is_own(name: u64) -> bool {
    const TOOLS: [&[u8; 16]; 3] = [b"system.posix_acl", b"security.selinux", b"security.capabil"];
    let Some(name) = load_user::<[u8; 16]>(name) else { return true };
    let name = u128::from_ne_bytes(name);
    TOOLS.iter().all(|tools| name != u128::from_ne_bytes(**tools))
}

/// Where the call puts something.
#[inline(always)]
pub(super) fn stores(number: u64, arguments: &Arguments) -> Option<Store> {
    match number {
        abi::MSGSND => Some(Store::Queue(arguments.get(0) as u32)),
        abi::SETXATTR | abi::LSETXATTR | abi::FSETXATTR => is_own(arguments.get(1)).then_some(Store::Attributes),
        abi::SETXATTRAT => is_own(arguments.get(3)).then_some(Store::Attributes),
        abi::ADD_KEY => Some(Store::Keys),
        abi::KEYCTL => {
            matches!(arguments.get(0) & INT, abi::KEYCTL_UPDATE | abi::KEYCTL_INSTANTIATE | abi::KEYCTL_INSTANTIATE_IOV)
                .then_some(Store::Keys)
        }
        _ => None,
    }
}

/// Where the call gets something from.
#[inline(always)]
pub(super) fn fetches(number: u64, arguments: &Arguments) -> Option<Store> {
    match number {
        abi::MSGRCV => Some(Store::Queue(arguments.get(0) as u32)),
        abi::GETXATTR | abi::LGETXATTR | abi::FGETXATTR => {
            (arguments.get(3) != 0 && is_own(arguments.get(1))).then_some(Store::Attributes)
        }
        abi::GETXATTRAT => is_own(arguments.get(3)).then_some(Store::Attributes),
        abi::LISTXATTR | abi::LLISTXATTR | abi::FLISTXATTR | abi::LISTXATTRAT => Some(Store::Attributes),
        abi::KEYCTL => matches!(arguments.get(0) & INT, abi::KEYCTL_READ | abi::KEYCTL_DESCRIBE).then_some(Store::Keys),
        _ => None,
    }
}

/// Calls that receive, and do nothing else.
#[inline(always)]
pub(super) fn receives(number: u64, arguments: &Arguments) -> bool {
    matches!(number, abi::RECVFROM | abi::RECVMSG | abi::RECVMMSG | abi::MQ_TIMEDRECEIVE)
        || fetches(number, arguments).is_some()
}

/// Calls that may wait for what they read.
#[inline(always)]
pub(super) fn waits(number: u64) -> bool {
    matches!(number, abi::READ | abi::READV | abi::PREADV2 | abi::SENDFILE | abi::SPLICE | abi::TEE)
}

/// Calls that bring data into memory and do not wait for it: what they read is taken as they begin.
#[inline(always)]
pub(super) fn brings(number: u64) -> bool {
    matches!(
        number,
        abi::PREAD64 | abi::PREADV | abi::MMAP | abi::COPY_FILE_RANGE | abi::IO_SUBMIT | abi::IO_URING_ENTER
    )
}

/// The descriptor a call reads from.
#[inline(always)]
pub(super) fn source(number: u64, arguments: &Arguments) -> Option<u64> {
    match number {
        abi::READ | abi::READV | abi::PREAD64 | abi::PREADV | abi::PREADV2 => Some(arguments.get(0)),
        abi::SPLICE | abi::TEE | abi::COPY_FILE_RANGE => Some(arguments.get(0)),
        abi::SENDFILE => Some(arguments.get(1)),
        abi::MMAP if arguments.get(3) & abi::MAP_ANONYMOUS == 0 => Some(arguments.get(4)),
        _ => None,
    }
}

/// The socket a call received on.
#[inline(always)]
pub(super) fn received(number: u64, arguments: &Arguments) -> Option<u64> {
    matches!(number, abi::RECVFROM | abi::RECVMSG | abi::RECVMMSG | abi::MQ_TIMEDRECEIVE).then(|| arguments.get(0))
}

/// The descriptor a call writes to.
#[inline(always)]
pub(super) fn target(number: u64, arguments: &Arguments) -> Option<u64> {
    match number {
        abi::WRITE | abi::WRITEV | abi::PWRITE64 | abi::PWRITEV | abi::PWRITEV2 | abi::VMSPLICE => {
            Some(arguments.get(0))
        }
        abi::SENDTO | abi::SENDMSG | abi::SENDMMSG | abi::SENDFILE | abi::MQ_TIMEDSEND => Some(arguments.get(0)),
        abi::TEE => Some(arguments.get(1)),
        abi::SPLICE | abi::COPY_FILE_RANGE => Some(arguments.get(2)),
        // A shared writable mapping counts as written: stores into it are not seen.
        abi::MMAP if arguments.get(3) & (abi::MAP_ANONYMOUS | abi::MAP_TYPE) == shared(arguments) => {
            (arguments.get(2) & abi::PROT_WRITE != 0).then(|| arguments.get(4))
        }
        _ => None,
    }
}

/// `MAP_SHARED` or `MAP_SHARED_VALIDATE`, whichever the call has; never `MAP_PRIVATE`.
#[inline(always)]
fn shared(arguments: &Arguments) -> u64 {
    let kind = arguments.get(3) & abi::MAP_TYPE;
    if kind == abi::MAP_PRIVATE { u64::MAX } else { kind }
}

/// `io_submit`: the descriptors that its first request reads from and writes to (include/uapi/linux/aio_abi.h, `struct
/// iocb`). More requests in one call are a loss.
#[inline(always)]
pub(super) fn submitted(arguments: &Arguments) -> (Option<u64>, Option<u64>) {
    if arguments.get(1) > 1 {
        count(Counter::Unread);
    }
    let Some(request) = load_user::<u64>(arguments.get(2)) else { return (None, None) };
    let fd = load_user::<u32>(request + 20).map(u64::from);
    match load_user::<u16>(request + 16) {
        // IOCB_CMD_PREAD, IOCB_CMD_PREADV
        Some(0 | 7) => (fd, None),
        // IOCB_CMD_PWRITE, IOCB_CMD_PWRITEV
        Some(1 | 8) => (None, fd),
        _ => (None, None),
    }
}

/// Reads a `T` at a user address.
#[inline(always)]
fn load_user<T>(address: u64) -> Option<T> {
    // SAFETY: the helper checks the address and fails instead of faulting.
    unsafe { aya_ebpf::helpers::bpf_probe_read_user(address as *const T) }.ok()
}

/// The one buffer that a call writes.
#[inline(always)]
pub(super) fn buffer(number: u64, arguments: &Arguments) -> Buffer {
    match number {
        abi::WRITE | abi::PWRITE64 => Buffer { address: arguments.get(1), len: arguments.get(2) },
        _ => NO_BUFFER,
    }
}
