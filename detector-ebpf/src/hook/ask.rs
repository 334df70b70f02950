//! Requests to the metadata service of a cloud: who asks for credentials there joins their class.
//!
//! One HTTP request in one send, as every client writes it, tells what it asks for; whatever is not that counts as asking.

use crate::{
    abi::{self, S_IFMT, S_IFSOCK},
    emit::{self, now},
    file::File,
    flow::Buffer,
    hook::call::{Arguments, element},
    job,
    layout::read,
    maps::{SCAN, first},
    scan, socket,
    task::Current,
};
use detector_common::{
    identity::ProcessId,
    record::{Access, kind, relation},
    watch::{door, some},
};

/// Whether `fd` is a connection to a metadata service.
#[inline(always)]
pub(crate) fn is_to_metadata(fd: u64) -> bool {
    File::of_descriptor(fd).is_some_and(|file| file.mode & S_IFMT == S_IFSOCK && leads_to_metadata(file))
}

/// The same of `file`, a socket.
#[inline(always)]
pub(crate) fn leads_to_metadata(file: File) -> bool {
    let Some(sk) = socket::behind(file) else { return false };
    let family = read!(sk, sock_family, u16).unwrap_or(0);
    matches!(family, abi::AF_INET | abi::AF_INET6)
        && socket::remote(sk, family).is_some_and(|remote| remote.is_metadata())
}

/// The first buffer that the call sends, and 1 where that is all of it. Of calls that send no buffer it is none.
///
/// VERIFIER: without a branch, so that a loop behind it is followed once.
#[inline(always)]
pub(crate) fn sent(number: u64, arguments: &Arguments) -> (Buffer, u64) {
    let is = |call: u64| some(number ^ call) ^ 1;
    let Buffer { address, len } = arguments.buffer();
    let (plain, vector, many) = (is(abi::WRITE) | is(abi::SENDTO), is(abi::WRITEV), is(abi::SENDMMSG));
    let message = is(abi::SENDMSG) | many;
    let choose = |condition: u64, a: u64, b: u64| (a & condition.wrapping_neg()) | (b & condition.wrapping_sub(1));
    // struct user_msghdr (include/linux/socket.h): msg_iov and msg_iovlen behind name and its length; struct mmsghdr begins with one.
    let inner = element(Buffer { address, len: 2 }, 1);
    let array = Buffer { address: choose(message, inner.address, address), len: choose(message, inner.len, len) };
    let first = element(array, 0);
    let sends = plain | vector | message;
    let len_of_it = choose(plain, len, first.len) & sends.wrapping_neg();
    let buffer = Buffer { address: choose(plain, address, first.address), len: len_of_it };
    // Of several buffers and messages the others are not looked at.
    let single = (some(array.len ^ 1) ^ 1) & (some(len ^ 1) & many ^ 1);
    (buffer, plain | (vector | message) & single)
}

/// 1 when the call that begins sends a request for credentials, or what cannot be told from one.
///
/// VERIFIER: before the process is looked up, and without a branch, so that the loop is followed once.
#[inline(always)]
pub(crate) fn asks(number: u64, arguments: &Arguments) -> u64 {
    let (buffer, one) = sent(number, arguments);
    let Some(scan) = SCAN.get_ptr_mut(0) else { return 1 };
    // SAFETY: this CPU's own slot; preemption is off (`event.rs`).
    scan::asks(unsafe { &mut *scan }, buffer) | one ^ 1
}

/// `current` asks for credentials: it joins their class as what it is to it.
#[inline(always)]
pub(crate) fn asking(current: &Current<'_>) {
    let Some(job) = job::find(current.task.job) else { return };
    let new = current.reader().asks(job.metadata & !job.observe, &current.sets());
    if new.strong() == 0 || !first(current.task.holder, [5 << 32, new.held, new.soft, new.own]) {
        return;
    }
    current.join(&new);
    let record = Access {
        header: emit::header(kind::ACCESS, current, now()),
        target: ProcessId { start: 0, pid: 0, reserved: 0 },
        door: door::METADATA,
        relation: relation::OUTSIDE,
        errno: 0,
        reserved: 0,
        bits: new.strong(),
    };
    emit::secret(&record, size_of::<Access>() as u64);
}
