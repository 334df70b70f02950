//! Tracked processes and what their holders hold.

use crate::{
    emit::now,
    job,
    layout::read,
    maps::{HOLDERS, NOBODY, SHARES, TASKS, count, entry, forget, global},
    shared,
};
use aya_ebpf::helpers::{bpf_get_current_pid_tgid, bpf_get_current_task};
use detector_common::{
    command::line,
    counter::Counter,
    identity::{HolderId, holder_id},
    judge::{Reader, Sets},
    limits::{CLASSES, LINEAGE_STEPS},
    program::trait_of,
    set::{Bits, EMPTY, GrowingSet},
    state::{Holder, Task},
    watch::some,
};

const BPF_ANY: u64 = 0;

/// The tracked process that runs now.
pub(crate) struct Current<'a> {
    /// Its id.
    pub(crate) pid: u32,
    /// The thread.
    pub(crate) thread: u32,
    /// Its entry.
    pub(crate) task: &'a mut Task,
}

/// The process that runs now, when it is tracked. For hooks of type tracing.
#[inline(always)]
pub(crate) fn current() -> Option<Current<'static>> {
    let id = bpf_get_current_pid_tgid();
    let (pid, thread) = ((id >> 32) as u32, id as u32);
    let task = find(pid).or_else(|| if global()?.overflow == 0 { None } else { ancestor() })?;
    Some(Current { pid, thread, task })
}

/// As [`current`], for hooks that may not ask for the task: a process that found the map full is not seen.
#[inline(always)]
pub(crate) fn current_by_id() -> Option<Current<'static>> {
    let id = bpf_get_current_pid_tgid();
    let (pid, thread) = ((id >> 32) as u32, id as u32);
    Some(Current { pid, thread, task: find(pid)? })
}

/// The entry of process `pid`.
#[inline(always)]
pub(crate) fn find(pid: u32) -> Option<&'static mut Task> {
    // SAFETY: entries of a preallocated map stay mapped; fields are words that are written whole.
    TASKS.get_ptr_mut(&pid).map(|task| unsafe { &mut *task })
}

/// Address of the `task_struct` that runs now.
#[inline(always)]
pub(crate) fn current_struct() -> u64 {
    // SAFETY: takes nothing.
    unsafe { bpf_get_current_task() }
}

/// The nearest tracked ancestor: stands for a process that found the map full (coarser, never blinder).
#[inline(always)]
pub(crate) fn ancestor() -> Option<&'static mut Task> {
    let mut at = current_struct();
    for _ in 0..LINEAGE_STEPS {
        at = read!(at, task_real_parent, u64)?;
        let pid = read!(at, task_tgid, u32)?;
        if let Some(task) = find(pid) {
            return Some(task);
        }
        if pid <= 1 {
            break;
        }
    }
    None
}

/// Starts tracking process `pid`.
#[inline(always)]
pub(crate) fn track(pid: u32, task: &Task) {
    if TASKS.insert(&pid, task, BPF_ANY).is_err() {
        count(Counter::TasksFull);
        if let Some(global) = global() {
            global.overflow = 1;
        }
    }
}

/// What `holder` of `job` holds.
///
/// VERIFIER: who has no entry is looked up all the same, in another map: sets that are known to be empty are followed through all
/// that is made of them, beside those that may not be.
#[inline(always)]
pub(crate) fn sets(holder: HolderId, job: u32) -> Sets {
    // SAFETY: bytes only ever go from 0 to 1; a concurrent removal leaves old or zero bytes of a dead holder.
    let found = unsafe { HOLDERS.get(&holder) }.or_else(|| NOBODY.get(0));
    let mut sets = match found {
        Some(holder) => Sets {
            held: holder.held.bits(),
            own: holder.own.bits(),
            soft: holder.soft.bits(),
            inherited: holder.inherited.bits(),
        },
        None => Sets::default(),
    };
    sets.held |= job::coarse(job);
    sets
}

impl Current<'_> {
    /// What it holds.
    #[inline(always)]
    pub(crate) fn sets(&self) -> Sets {
        sets(self.task.holder, self.task.job)
    }

    /// It holds `more`, too.
    #[inline(always)]
    pub(crate) fn join(&self, more: &Sets) {
        join(self.task.holder, self.task.job, more);
    }

    /// What it may read as what.
    #[inline(always)]
    pub(crate) fn reader(&self) -> Reader {
        let interprets = self.task.traits & trait_of::INTERPRETER != 0;
        let sdk = if interprets { self.task.sdk } else { 0 };
        Reader { reads: self.task.reads, sdk, known: self.task.program != 0 }
    }

    /// Whether it keeps to itself what it reads.
    #[inline(always)]
    pub(crate) fn quiet(&self) -> bool {
        self.task.line & line::QUIET != 0
    }

    /// Whether its output says nothing of what it reads.
    #[inline(always)]
    pub(crate) fn lossy(&self) -> bool {
        self.quiet() && self.task.traits & trait_of::LOSSY != 0
    }

    /// The declared program that it counts as; 0 for none.
    #[inline(always)]
    pub(crate) fn program(&self) -> u16 {
        if self.task.injected == 0 { self.task.program } else { 0 }
    }
}

/// Whether anything is held on this host: before, no flow is looked at.
#[inline(always)]
pub(crate) fn armed() -> bool {
    global().is_some_and(|global| global.armed != 0)
}

/// `holder` of `job` holds `more`, too. When the map is full, the job as a whole does.
#[inline(always)]
pub(crate) fn join(holder: HolderId, job: u32, more: &Sets) {
    if holder_joins(holder, more.held, more.own, more.soft, more.inherited) == 0 {
        count(Counter::HoldersFull);
        job::coarsen(job, more.all());
    }
    arm();
}

/// Adds to what `holder` holds; 0 where there is no room for it.
///
/// VERIFIER: a global function is verified once, and not again for each way that leads to it (5.6).
#[inline(never)]
#[unsafe(no_mangle)]
extern "C" fn holder_joins(holder: HolderId, held: Bits, own: Bits, soft: Bits, inherited: Bits) -> u64 {
    let Some(holder) = entry(&HOLDERS, &holder, &NOTHING) else { return 0 };
    grow(&mut holder.held, held);
    grow(&mut holder.own, own);
    grow(&mut holder.soft, soft);
    grow(&mut holder.inherited, inherited);
    1
}

/// Something is held on this host, or there to be taken: from now on flows are looked at.
#[inline(always)]
pub(crate) fn arm() {
    if let Some(global) = global() {
        global.armed = 1;
    }
}

/// A holder that holds nothing: too large for the stack.
static NOTHING: Holder = Holder { held: EMPTY, own: EMPTY, soft: EMPTY, inherited: EMPTY };

/// Adds `bits` with plain byte stores, which several CPUs may do at once.
///
/// VERIFIER: without a branch a class: for one that is not to be added, the one before it that is, or the lowest, is stored again.
#[inline(always)]
pub(crate) fn grow(set: &mut GrowingSet, bits: Bits) {
    if bits == 0 {
        return;
    }
    let bytes = set.words.as_mut_ptr().cast::<u8>();
    let mut at = lowest(bits);
    for class in 0..CLASSES as u64 {
        let mask = some(bits & 1 << class).wrapping_neg();
        at = class & mask | at & !mask;
        // SAFETY: within the set, of 64 bytes. Volatile: eight stores must not become one.
        unsafe { bytes.add((at & (CLASSES as u64 - 1)) as usize).write_volatile(1) };
    }
}

/// The lowest class in `bits`, which has one.
#[inline(always)]
fn lowest(bits: Bits) -> u64 {
    let below = (bits & bits.wrapping_neg()).wrapping_sub(1);
    let pairs = below - ((below >> 1) & 0x5555_5555_5555_5555);
    let fours = (pairs & 0x3333_3333_3333_3333) + ((pairs >> 2) & 0x3333_3333_3333_3333);
    ((fours + (fours >> 4)) & 0x0f0f_0f0f_0f0f_0f0f).wrapping_mul(0x0101_0101_0101_0101) >> 56
}

/// Process `pid` leaves what it shared and founds a holder of its own, which holds `sets`.
#[inline(always)]
pub(crate) fn found(pid: u32, task: &mut Task, sets: &Sets) {
    let holder = holder_id(pid, now());
    if sets.all() != 0 {
        join(holder, task.job, sets);
    }
    leave(task);
    task.holder = holder;
    task.shared = 0;
    task.mapped = 0;
}

/// A second process is of the holder of `task`.
#[inline(always)]
pub(crate) fn share(task: &mut Task) {
    task.shared = 1;
    // One for `task` itself, which whichever CPU is first puts there: two that both wrote 2 would lose a process, and the
    // holder's bits with the end of its children. When the map is full nobody removes the holder.
    if let Some(processes) = entry(&SHARES, &task.holder, &1) {
        add(processes, 1);
    }
}

/// `task` is no longer of its holder; the last one removes it.
#[inline(always)]
pub(crate) fn leave(task: &Task) {
    if task.shared != 0 {
        let Some(processes) = SHARES.get_ptr_mut(&task.holder) else { return };
        // SAFETY: as in `share`.
        let processes = unsafe { &mut *processes };
        add(processes, u64::MAX);
        if *processes != 0 {
            return;
        }
        forget(&SHARES, &task.holder);
    }
    // Most holders never held anything and have no entry.
    forget(&HOLDERS, &task.holder);
    if task.mapped | task.shared != 0 {
        shared::release(task.holder);
    }
}

/// Atomic add without a result: all that 5.10 has (`BPF_XADD`), and all that the target offers is assembly.
#[inline(always)]
pub(crate) fn add(value: &mut u64, by: u64) {
    // SAFETY: an aligned word of a map value.
    unsafe {
        core::arch::asm!(
            "lock *(u64 *)({value} + 0) += {by}",
            value = in(reg) core::ptr::from_mut(value),
            by = in(reg) by,
        );
    }
}
