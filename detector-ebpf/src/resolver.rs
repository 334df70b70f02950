//! Name servers: who asks them, and what policy says of a name.

use crate::{
    maps::{ASKERS, HOME, HOSTS, KEPT, PLACES, RESOLVERS, count, entry, global},
    socket::Remote,
    task::Current,
};
use aya_ebpf::{
    EbpfContext,
    helpers::{bpf_get_current_pid_tgid, generated::bpf_get_netns_cookie},
    programs::SockAddrContext,
};
use detector_common::{
    counter::Counter,
    dns::{PORT, Question},
    host::{HostKey, KeptKey, Place, PlaceKey, kind},
    limits::{HOST_LABELS, QUESTIONS},
    state::{Asker, Home, Resolver, Waiting},
    watch::below,
};

/// The name server at `address` and `port`, where there is one.
#[inline(always)]
pub(crate) fn at(address: &[u8; 16], port: u16) -> Option<&'static Resolver> {
    if port != PORT {
        return None;
    }
    // SAFETY: user space writes an entry whole before any process of a job exists.
    unsafe { RESOLVERS.get(address) }
}

/// What answers are believed by.
#[inline(always)]
pub(crate) fn home() -> Option<&'static Home> {
    HOME.get(0)
}

/// Takes down the network namespace of the thread that user space waits for.
#[inline(always)]
pub(crate) fn note_home(ctx: &SockAddrContext) {
    let Some(home) = HOME.get_ptr_mut(0) else { return };
    // SAFETY: an entry that user space and this one thread write in turn.
    let home = unsafe { &mut *home };
    if home.thread != 0 && home.thread == bpf_get_current_pid_tgid() as u32 {
        // SAFETY: the hook's own context.
        home.net = unsafe { bpf_get_netns_cookie(ctx.as_ptr()) };
        home.thread = 0;
    }
}

/// `current` connects or sends to `remote` on the socket `cookie`: where that is a name server, its questions are looked at.
#[inline(always)]
pub(crate) fn reached(ctx: &SockAddrContext, current: &Current<'_>, cookie: u64, remote: &Remote) {
    if at(&remote.address, remote.port).is_none() {
        return;
    }
    let Some(home) = home() else { return };
    // SAFETY: the hook's own context.
    if home.net == 0 || home.net != unsafe { bpf_get_netns_cookie(ctx.as_ptr()) } {
        return;
    }
    match entry(&ASKERS, &cookie, &NOBODY) {
        Some(asker) => take_down(current, asker),
        None => return count(Counter::AskersFull),
    }
    if let Some(global) = global() {
        global.asking = 1;
    }
}

/// Whether what `current` sends to `remote` on the socket `cookie` is looked at as a question.
#[inline(always)]
pub(crate) fn asks(current: &Current<'_>, cookie: u64, remote: &Remote) -> bool {
    if at(&remote.address, remote.port).is_none() {
        return false;
    }
    let Some(asker) = ASKERS.get_ptr_mut(&cookie) else { return false };
    // SAFETY: words of a preallocated map.
    take_down(current, unsafe { &mut *asker });
    true
}

#[inline(always)]
fn take_down(current: &Current<'_>, asker: &mut Asker) {
    (asker.pid, asker.step, asker.job) = (current.pid, current.task.step, current.task.job);
    (asker.start, asker.holder) = (current.task.start, current.task.holder);
}

/// Nobody asked yet: too large for the stack.
static NOBODY: Asker = Asker {
    start: 0,
    holder: 0,
    pid: 0,
    step: 0,
    job: 0,
    asked: 0,
    waiting: [Waiting { hash: 0, place: 0, id: 0, kind: 0 }; QUESTIONS],
};

/// The place that `job`, or else its `policy`, knows the name of `question` as; 0 for none.
#[inline(always)]
pub(crate) fn place((job, policy): (u32, u32), question: &Question) -> u32 {
    let key = KeptKey { job, reserved: 0, hash: question.hash };
    // SAFETY: a word that is written whole.
    let kept = unsafe { KEPT.get(&key) }.copied().unwrap_or(0);
    if kept != 0 {
        return kept;
    }
    let look = |kind: u32, hash: u64| {
        // SAFETY: user space writes entries whole before any process of a job exists.
        unsafe { HOSTS.get(&HostKey { policy, kind, hash }) }.copied().unwrap_or(0)
    };
    let exact = look(kind::EXACT, question.hash);
    if exact != 0 {
        return exact;
    }
    // From the longest end that is compared on: `suffixes[n]` is of the last n + 1 labels.
    let mut found = 0;
    for n in (0..HOST_LABELS).rev() {
        let labels = n as u64 + 1;
        // Of a name of one label more, and of any longer name.
        let is_parent = (below(labels, question.count) ^ 1) | below(labels + 1, question.count);
        if found == 0 && is_parent == 0 {
            found = look(kind::LABEL, question.suffixes[n]);
        }
        if found == 0 && below(labels, question.count) != 0 {
            found = look(kind::BELOW, question.suffixes[n]);
        }
    }
    found
}

/// What may be spent at hosts of `place`.
#[inline(always)]
pub(crate) fn rows(policy: u32, place: u32) -> Option<&'static Place> {
    // SAFETY: as in `place`.
    unsafe { PLACES.get(&PlaceKey { policy, place }) }
}
