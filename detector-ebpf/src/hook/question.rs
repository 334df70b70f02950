//! A question to a name server on its way out: a send to the name that it asks for.

use crate::{
    emit::{self, monotonic, now},
    hook::{
        egress::{self, DROP, PASS, Step},
        packet::{Packet, Way, Which},
    },
    job,
    maps::{ASKERS, SOCKETS, count, entry, first_of, global},
    path::one_to,
    resolver,
    socket::halves,
    task::{self, find},
};
use aya_ebpf::{
    EbpfContext,
    bindings::__sk_buff,
    helpers::generated::{bpf_get_socket_cookie, bpf_skb_load_bytes},
    programs::SkBuffContext,
};
use detector_common::{
    counter::Counter,
    dns::{A, AAAA, HEADER_BYTES, Header, Name},
    identity::{HolderId, ProcessId},
    judge::{self, Judged, Sets, Spending},
    limits::{HOST_BYTES, QUESTIONS},
    program::trait_of,
    record::{self, kind},
    set::{Bits, EMPTY},
    state::{Asker, Job, Socket, Waiting},
};

/// Bytes of a name that are read at once, on the stack: in a buffer beside it could be another sender's by the time they are looked
/// at.
const CHUNK: usize = 32;

/// Class IN (RFC 1035, section 3.2.4).
const IN: u16 = 1;

/// What is asked, as one step hands it to the next: in the packet's own control block, which is no other packet's.
#[derive(Clone, Copy, Default)]
struct Asked {
    hash: u64,
    place: u32,
    id: u16,
    /// Type; 0 for what is no question that can be read.
    kind: u16,
    /// Bytes of the name.
    len: u16,
    /// 1 for the second message of a segment.
    second: u16,
}

impl Asked {
    #[inline(always)]
    fn words(self) -> [u32; 5] {
        let (high, low) = ((self.hash >> 32) as u32, self.hash as u32);
        [high, low, self.place, join(self.id, self.kind), join(self.len, self.second)]
    }

    #[inline(always)]
    fn of([high, low, place, message, rest]: [u32; 5]) -> Self {
        let hash = u64::from(high) << 32 | u64::from(low);
        Self {
            hash,
            place,
            id: (message >> 16) as u16,
            kind: message as u16,
            len: (rest >> 16) as u16,
            second: rest as u16,
        }
    }

    #[inline(always)]
    fn which(self) -> Which {
        if self.second == 0 { Which::First } else { Which::Second }
    }

    #[inline(always)]
    fn hand_on(self, ctx: &SkBuffContext) {
        for (n, word) in self.words().into_iter().enumerate() {
            // SAFETY: the hook's own context; each word is written whole, as the verifier asks.
            unsafe { (&raw mut (*block(ctx)).cb[n]).write_volatile(word) };
        }
    }

    #[inline(always)]
    fn handed(ctx: &SkBuffContext) -> Self {
        // SAFETY: as above.
        let get = |n: usize| unsafe { (&raw const (*block(ctx)).cb[n]).read_volatile() };
        Self::of([get(0), get(1), get(2), get(3), get(4)])
    }
}

#[inline(always)]
fn join(high: u16, low: u16) -> u32 {
    u32::from(high) << 16 | u32::from(low)
}

#[inline(always)]
fn block(ctx: &SkBuffContext) -> *mut __sk_buff {
    ctx.skb.skb
}

/// A packet for a name server, or whatever is sent on a socket on which one is asked and which is not marked.
///
/// VERIFIER: a program of its own, as the steps of exec are, and so is what follows.
#[inline(always)]
pub(crate) fn read(ctx: &SkBuffContext) -> i32 {
    // Of the first message nothing was handed on.
    let Asked { second, .. } = Asked::handed(ctx);
    let which = Asked { second, ..Asked::default() }.which();
    let Some(packet) = Packet::of(ctx, Way::Out) else { return PASS };
    let Some(message) = packet.message(ctx, which) else {
        // TCP sends packets that say nothing.
        return PASS;
    };
    let Packet { remote, .. } = packet;
    // VERIFIER: a length and no option, of which it takes one half for unwritten.
    let len = if resolver::at(&remote.address, remote.port).is_some() { message.len } else { 0 };
    let asked = question(ctx, message.at, len).unwrap_or_default();
    Asked { second, ..asked }.hand_on(ctx);
    egress::step(ctx, Step::Judge);
    not_judged(ctx)
}

/// What cannot be judged cannot be accepted; in audit nothing is changed.
#[inline(always)]
fn not_judged(ctx: &SkBuffContext) -> i32 {
    if job(ctx).and_then(job::find).is_some_and(|job| job.enforce != 0) { DROP } else { PASS }
}

/// The question in the message of `len` bytes at `at`; none where it is not one, or of another class.
#[inline(always)]
fn question(ctx: &SkBuffContext, at: u32, len: u32) -> Option<Asked> {
    if len <= HEADER_BYTES as u32 {
        return None;
    }
    let header = Header::new(&ctx.load::<[u8; HEADER_BYTES]>(at as usize).ok()?);
    if !header.asks() {
        return None;
    }
    let (start, rest) = (at + HEADER_BYTES as u32, len - HEADER_BYTES as u32);
    // VERIFIER: state that begins as a zero which it does not know, or each byte of the name is followed for each state.
    let home = resolver::home()?;
    let mut name = Name::new(home.seed, home.zero);
    for chunk in 0..(HOST_BYTES / CHUNK) as u32 {
        let from = chunk * CHUNK as u32;
        if from >= rest {
            break;
        }
        let mut bytes = [0u8; CHUNK];
        let len = one_to::<{ CHUNK as u64 }>(u64::from(rest - from)) as u32;
        // SAFETY: at most the size of the array; the helper checks what it reads.
        if unsafe { bpf_skb_load_bytes(block(ctx).cast(), start + from, bytes.as_mut_ptr().cast(), len) } != 0 {
            return None;
        }
        for byte in bytes {
            name.read(byte);
        }
    }
    let question = name.finish()?;
    let len = question.len as u32;
    if len + 4 > rest {
        return None;
    }
    let [kind, class] = ctx.load::<[u16; 2]>((start + len) as usize).ok()?;
    if u16::from_be(class) != IN {
        return None;
    }
    // Of whom it is decides by which policy: told by the next step, by the cookie.
    let job = job(ctx)?;
    let place = resolver::place((job, job::find(job)?.policy), &question);
    Some(Asked { hash: question.hash, place, id: header.id, kind: u16::from_be(kind), len: len as u16, second: 0 })
}

/// The socket's job.
#[inline(always)]
fn job(ctx: &SkBuffContext) -> Option<u32> {
    // SAFETY: the hook's own context.
    let cookie = unsafe { bpf_get_socket_cookie(ctx.as_ptr()) };
    // SAFETY: words of preallocated maps.
    Some(match unsafe { ASKERS.get(&cookie) } {
        Some(asker) => asker.job,
        None => unsafe { SOCKETS.get(&cookie) }?.job,
    })
}

/// Who asks.
#[derive(Clone, Copy)]
struct Who {
    job: u32,
    pid: u32,
    step: u32,
    start: u64,
    holder: HolderId,
}

/// The question is judged, as any send is.
#[inline(always)]
pub(crate) fn judge(ctx: &SkBuffContext) -> i32 {
    let asked = Asked::handed(ctx);
    // SAFETY: the hook's own context.
    let cookie = unsafe { bpf_get_socket_cookie(ctx.as_ptr()) };
    // SAFETY: words of a preallocated map.
    let asker = ASKERS.get_ptr_mut(&cookie).map(|asker| unsafe { &mut *asker });
    let mark = egress::mark(ctx, cookie);
    let who = match (&asker, &mark) {
        (Some(Asker { job, pid, step, start, holder, .. }), _) => {
            Who { job: *job, pid: *pid, step: *step, start: *start, holder: *holder }
        }
        (None, Some(Socket { job, pid, step, start, holder, .. })) => {
            Who { job: *job, pid: *pid, step: *step, start: *start, holder: *holder }
        }
        (None, None) => return PASS,
    };
    let Some(job) = job::find(who.job) else { return PASS };
    let mut sets = if asker.is_some() { task::sets(who.holder, who.job) } else { Sets::default() };
    // What a declared reader read itself it does not spell.
    let socket = mark.map_or(0, |mark| mark.carried.bits()) & !(sets.own & !sets.held);
    sets.own = 0;
    let carried = sets.strong() | socket;
    if carried != 0 {
        let task = find(who.pid).filter(|task| task.start == who.start);
        let (hook, release) = match &task {
            Some(task) => (task.hook != 0, task.traits & trait_of::RELEASE != 0),
            None => (false, false),
        };
        let (accepted, accepted_for_reader) =
            resolver::rows(job.policy, asked.place).map_or((0, 0), |place| (place.anyone, place.own));
        let Job { forge, registry, .. } = *job;
        let spending = Spending { accepted, accepted_for_reader, socket, hook, release, forge, registry };
        let mut judged = judge::judge(&sets, &spending);
        judged.weak &= carried;
        let denied = job.enforce != 0 && judged.leak & job.deny != 0;
        if judged.leak | judged.weak != 0 {
            say(ctx, cookie, &who, &asked, &judged, denied);
        }
        if denied {
            if let Some(task) = task
                && judged.leak & job.kill != 0
            {
                task.kill = 1;
            }
            quarantine(ctx, cookie, &who, judged.leak);
            count(Counter::Dropped);
            return DROP;
        }
    }
    if let Some(asker) = asker
        && (asked.kind == A || asked.kind == AAAA)
    {
        let slot = asker.asked as usize & (QUESTIONS - 1);
        asker.asked = asker.asked.wrapping_add(1);
        asker.waiting[slot] = Waiting { hash: asked.hash, place: asked.place, id: asked.id, kind: asked.kind };
    }
    if asked.second == 0
        && Packet::of(ctx, Way::Out)
            .and_then(|packet| packet.message(ctx, Which::First))
            .is_some_and(|message| message.more && message.len != 0)
    {
        Asked { second: 1, ..Asked::default() }.hand_on(ctx);
        egress::step(ctx, Step::Read);
        return not_judged(ctx);
    }
    PASS
}

/// What was refused on a stream stays refused: TCP sends it again, when nobody may hold anything any more.
#[inline(always)]
fn quarantine(ctx: &SkBuffContext, cookie: u64, who: &Who, leak: Bits) {
    if !Packet::of(ctx, Way::Out).is_some_and(|packet| packet.is_stream()) {
        return;
    }
    let fresh = Socket {
        carried: EMPTY,
        job: who.job,
        quarantined: 1,
        released: 0,
        stream: 1,
        said: 1,
        pid: who.pid,
        step: who.step,
        closed: 0,
        reserved: [0; 7],
        start: who.start,
        holder: who.holder,
        packets: 0,
        bytes: 0,
        last: monotonic(),
    };
    let Some(mark) = entry(&SOCKETS, &cookie, &fresh) else { return count(Counter::SocketsFull) };
    task::grow(&mut mark.carried, leak);
    mark.quarantined = 1;
    if let Some(global) = global() {
        global.marked = 1;
    }
}

#[inline(always)]
fn say(ctx: &SkBuffContext, cookie: u64, who: &Who, asked: &Asked, judged: &Judged, denied: bool) {
    let Some(packet) = Packet::of(ctx, Way::Out) else { return };
    let (high, low) = halves(&packet.remote.address);
    let what = judged.leak ^ judged.weak.wrapping_mul(0xff51_afd7_ed55_8ccd);
    let socket = if asked.kind == 0 { cookie } else { 0 };
    if !first_of(who.holder, [6 << 32, asked.hash, what, high ^ low, socket]) {
        return;
    }
    if judged.leak != 0 {
        count(Counter::Leaks);
    }
    let header = record::Header {
        kind: kind::QUESTION,
        cpu: 0,
        job: who.job,
        time: now(),
        process: ProcessId { start: who.start, pid: who.pid, reserved: 0 },
        holder: who.holder,
        thread: who.pid,
        step: who.step,
    };
    let at = packet.message(ctx, asked.which()).map_or(0, |message| message.at) + HEADER_BYTES as u32;
    let Some(mut record) = emit::reserve::<record::Question>() else { return };
    // SAFETY: the reserved bytes are this call's own until they are submitted; all of them are written.
    unsafe {
        let to = record.as_mut_ptr();
        (&raw mut (*to).header).write(header);
        (&raw mut (*to).address).write(packet.remote.address);
        (&raw mut (*to).cookie).write(cookie);
        (&raw mut (*to).held).write(judged.carried);
        (&raw mut (*to).leak).write(judged.leak);
        (&raw mut (*to).weak).write(judged.weak);
        (&raw mut (*to).denied).write(u32::from(denied));
        let name = (&raw mut (*to).name).cast::<u64>();
        for word in 0..HOST_BYTES / 8 {
            name.add(word).write_volatile(0);
        }
        let mut read = 1;
        if asked.len != 0 {
            let len = one_to::<{ HOST_BYTES as u64 }>(u64::from(asked.len)) as u32;
            read = bpf_skb_load_bytes(block(ctx).cast(), at, name.cast(), len);
        }
        (&raw mut (*to).len).write(if read == 0 { u32::from(asked.len) } else { 0 });
    }
    record.submit(0);
}
