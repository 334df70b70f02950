//! An answer of a name server on its way in, before whoever asked can act on it.

use crate::{
    emit::{self, now},
    hook::packet::{Packet, Way, Which},
    job,
    maps::{ADDRESSES, ANSWER, ASKERS, INGRESS_STEPS, count, entry, first_of, global},
    path::{at_most, one_to},
    resolver,
    socket::halves,
    task::grow,
};
use aya_ebpf::{
    EbpfContext,
    helpers::generated::{bpf_get_socket_cookie, bpf_skb_load_bytes},
    programs::SkBuffContext,
};
use core::mem::offset_of;
use detector_common::{
    counter::Counter,
    dns::{Asked, HEADER_BYTES, Header, Message, Walk},
    host::{AddressKey, Place},
    identity::ProcessId,
    limits::{ANSWER_BYTES, ANSWERS, HOST_BYTES, PLACE_ROWS, QUESTIONS, WALK_STEPS},
    record::{self, Name, kind},
    set::EMPTY,
    state::Waiting,
    watch::some,
};

/// Every packet goes on.
const PASS: i32 = 1;

/// An answer being looked at.
#[repr(C)]
pub(crate) struct Answer {
    message: Message,
    walk: Walk,
    record: Name,
    found: u64,
    /// How many of them were taken in, when, and what the name accepts.
    given: u64,
    time: u64,
    anyone: u64,
    own: u64,
    hash: u64,
    cookie: u64,
    place: u32,
    slot: u32,
}

/// Which message of the packet is looked at, from 0: in the packet's own control block, which begins with zeroes.
#[inline(always)]
fn nth(ctx: &SkBuffContext) -> *mut u32 {
    // SAFETY: the hook's own context.
    unsafe { &raw mut (*ctx.skb.skb).cb[0] }
}

/// A packet for some socket.
#[inline(always)]
pub(crate) fn packet(ctx: &SkBuffContext) -> i32 {
    if global().is_none_or(|global| global.asking == 0) {
        return PASS;
    }
    let Some(packet) = Packet::of(ctx, Way::In) else { return PASS };
    let Some(server) = resolver::at(&packet.remote.address, packet.remote.port) else { return PASS };
    if server.believed == 0 {
        return PASS;
    }
    // SAFETY: the hook's own context.
    let cookie = unsafe { bpf_get_socket_cookie(ctx.as_ptr()) };
    let Some(asker) = ASKERS.get_ptr_mut(&cookie) else { return PASS };
    // SAFETY: words of a preallocated map.
    let asker = unsafe { &mut *asker };
    // SAFETY: the hook's own context.
    let which = if unsafe { nth(ctx).read_volatile() } == 0 { Which::First } else { Which::Second };
    let Some(message) = packet.message(ctx, which) else { return PASS };
    let (at, len) = (message.at, message.len);
    let look = || {
        /// The loopback interface, in every network namespace (include/net/flow.h, `LOOPBACK_IFINDEX`).
        const LOOPBACK: u32 = 1;
        // SAFETY: the hook's own context.
        let interface = unsafe { core::ptr::read_volatile(&raw const (*ctx.skb.skb).ifindex) };
        // Whoever gives the server's address to the host itself answers in its place.
        if (interface == LOOPBACK) != (server.local != 0) || len <= HEADER_BYTES as u32 || len > ANSWER_BYTES as u32 {
            return None;
        }
        let header = Header::new(&ctx.load::<[u8; HEADER_BYTES]>(at as usize).ok()?);
        if !header.answers() {
            return None;
        }
        // VERIFIER: a number and no option, of which it takes one half for unwritten.
        let mut slot = QUESTIONS as u64;
        for n in 0..QUESTIONS as u64 {
            let Waiting { id, kind, .. } = asker.waiting[n as usize];
            let this = some(u64::from(kind)) & (some(u64::from(id ^ header.id)) ^ 1);
            slot = (n & this.wrapping_neg()) | (slot & this.wrapping_sub(1));
        }
        if slot >= QUESTIONS as u64 {
            return None;
        }
        let waiting = asker.waiting[slot as usize & (QUESTIONS - 1)];
        let answer = ANSWER.get_ptr_mut(0)?;
        // SAFETY: this CPU's own slot, in softirq.
        let answer = unsafe { &mut *answer };
        let bounded = one_to::<{ ANSWER_BYTES as u64 }>(u64::from(len)) as u32;
        // SAFETY: at most the size of the array; the helper checks what it reads.
        if unsafe { bpf_skb_load_bytes(ctx.skb.skb.cast(), at, answer.message.as_mut_ptr().cast(), bounded) } != 0 {
            return None;
        }
        let (home, asked) = (resolver::home()?, Asked { hash: waiting.hash, kind: waiting.kind });
        answer.walk.start((home.seed, home.zero), u64::from(len), &header, &asked);
        (answer.hash, answer.cookie) = (waiting.hash, cookie);
        (answer.place, answer.slot) = (waiting.place, slot as u32);
        Some(())
    };
    // SAFETY: as above.
    unsafe { nth(ctx).write_volatile(if message.more { 1 } else { 2 }) };
    if look().is_none() {
        count(Counter::AnswersRefused);
        return go_on(ctx);
    }
    step(ctx, Step::Walk)
}

/// Goes on with the next message, if there is one.
#[inline(always)]
fn go_on(ctx: &SkBuffContext) -> i32 {
    // SAFETY: the hook's own context.
    if unsafe { nth(ctx).read_volatile() } == 1 { step(ctx, Step::Look) } else { PASS }
}

/// What an answer goes on with, by its place in [`INGRESS_STEPS`].
#[derive(Clone, Copy)]
enum Step {
    /// The next message is looked at.
    Look = 0,
    /// It is walked over.
    Walk = 1,
    /// What was found is learned.
    Learn = 2,
    /// And said.
    Say = 3,
}

/// Goes on with `step`.
#[inline(always)]
fn step(ctx: &SkBuffContext, step: Step) -> i32 {
    // SAFETY: the programs in the map are of this hook.
    unsafe { INGRESS_STEPS.tail_call(ctx, step as u32) };
    count(Counter::Unread);
    PASS
}

/// The answer is walked over.
///
/// VERIFIER: a program of its own, as the steps of exec are: so it is followed once.
#[inline(always)]
pub(crate) fn walk(ctx: &SkBuffContext) -> i32 {
    let Some(answer) = ANSWER.get_ptr_mut(0) else { return PASS };
    // SAFETY: this CPU's own slot, in softirq.
    let answer = unsafe { &mut *answer };
    for _ in 0..WALK_STEPS {
        if answer.walk.is_over() {
            break;
        }
        answer.walk.step(&answer.message);
    }
    match answer.walk.found() {
        Some(found) => (answer.found, answer.given) = (found, 0),
        None => {
            count(Counter::AnswersRefused);
            return go_on(ctx);
        }
    }
    step(ctx, Step::Learn)
}

/// Addresses that one step takes in.
const AT_ONCE: u64 = 4;

/// What was found is from now on the asked name's.
///
/// VERIFIER: as [`walk`]; and a few addresses at a time, since 6.1 follows each way through the map of each row anew.
#[inline(always)]
pub(crate) fn learn(ctx: &SkBuffContext) -> i32 {
    let Some(answer) = ANSWER.get_ptr_mut(0) else { return PASS };
    // SAFETY: this CPU's own slot, in softirq.
    let answer = unsafe { &mut *answer };
    let Some(asker) = ASKERS.get_ptr_mut(&answer.cookie) else { return PASS };
    // SAFETY: words of a preallocated map.
    let asker = unsafe { &mut *asker };
    if answer.given == 0 {
        // It waits no more. The time is before anything is given.
        asker.waiting[answer.slot as usize & (QUESTIONS - 1)].kind = 0;
        answer.time = now();
        count(Counter::AnswersLearned);
    }
    let Some(job) = job::find(asker.job) else { return PASS };
    // VERIFIER: an arm each; a pointer that may be none is not moved.
    match resolver::rows(job.policy, answer.place) {
        Some(place) => {
            (answer.anyone, answer.own) = (place.anyone, place.own);
            give(answer, asker.job, place);
            if let Some(global) = global() {
                global.learned = 1;
            }
        }
        None => {
            (answer.anyone, answer.own) = (0, 0);
            answer.given = answer.found;
        }
    }
    step(ctx, if answer.given < answer.found { Step::Learn } else { Step::Say })
}

/// What `place` accepts is accepted at the next addresses that were found, in `job`.
#[inline(always)]
fn give(answer: &mut Answer, job: u32, place: &Place) {
    for n in 0..AT_ONCE {
        let nth = answer.given + n;
        if nth >= answer.found {
            break;
        }
        let address = answer.walk.address(&answer.message, nth as usize & (ANSWERS - 1));
        for row in 0..PLACE_ROWS {
            if row as u64 >= place.count {
                break;
            }
            let row = place.rows[row];
            let key = AddressKey { job, port: row.port, reader: row.reader, address };
            match entry(&ADDRESSES, &key, &EMPTY) {
                Some(accepted) => grow(accepted, row.accepted),
                None => count(Counter::AddressesFull),
            }
        }
    }
    answer.given += AT_ONCE;
}

/// What was learned is said, once for the same answer.
///
/// VERIFIER: as [`walk`].
#[inline(always)]
pub(crate) fn told(ctx: &SkBuffContext) -> i32 {
    let Some(answer) = ANSWER.get_ptr_mut(0) else { return PASS };
    // SAFETY: this CPU's own slot, in softirq.
    let answer = unsafe { &mut *answer };
    // SAFETY: words of a preallocated map.
    let Some(asker) = (unsafe { ASKERS.get(&answer.cookie) }) else { return PASS };
    let mut all = 0u64;
    for n in 0..ANSWERS {
        if n as u64 >= answer.found {
            break;
        }
        let (high, low) = halves(&answer.walk.address(&answer.message, n));
        all = (all ^ high ^ low).wrapping_mul(0xff51_afd7_ed55_8ccd);
    }
    if answer.found != 0 && first_of(u64::from(asker.job), [7 << 32, answer.hash, all, u64::from(answer.place), 0]) {
        let header = record::Header {
            kind: kind::NAME,
            cpu: 0,
            job: asker.job,
            time: answer.time,
            process: ProcessId { start: asker.start, pid: asker.pid, reserved: 0 },
            holder: asker.holder,
            thread: asker.pid,
            step: asker.step,
        };
        let decided = (answer.anyone, answer.own);
        say(answer, header, decided);
    }
    go_on(ctx)
}

/// Says it, without the addresses that are none: a record of each answer must not fill the ring.
#[inline(always)]
fn say(answer: &mut Answer, header: record::Header, (anyone, own): (u64, u64)) {
    let Answer { record, walk, message, .. } = answer;
    (record.header, record.anyone, record.own) = (header, anyone, own);
    (record.count, record.len) = (answer.found as u32, walk.asked() as u32);
    for n in 0..ANSWERS {
        record.addresses[n] = walk.address(message, n);
    }
    let name = record.name.as_mut_ptr().cast::<u64>();
    for word in 0..HOST_BYTES / 8 {
        // SAFETY: as many bytes as the name has, and as many behind the header of a message.
        unsafe {
            let from = message.as_ptr().add(HEADER_BYTES + word * 8).cast::<u64>();
            name.add(word).write_volatile(from.read_unaligned());
        }
    }
    let used = at_most::<{ ANSWERS as u64 }>(answer.found) as usize;
    let len = (offset_of!(Name, addresses) + used * size_of::<[u8; 16]>()) as u64;
    if anyone | own == 0 { emit::network(&answer.record, len) } else { emit::secret(&answer.record, len) }
}
