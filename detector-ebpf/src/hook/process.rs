//! Fork and exit.

use crate::{
    emit::{self, now},
    event::{self, Made},
    file::File,
    hook::{agent, exec, print},
    layout::{load, offset, read},
    maps::{BROUGHT, FORK_STEPS, PROGRESS, TASKS, WORKERS, count, forget, global},
    shared,
    task::{Current, current, current_struct, find, join, leave, share, track},
};
use aya_ebpf::{helpers::bpf_get_current_pid_tgid, programs::BtfTracePointContext};
use detector_common::{
    counter::Counter,
    identity::{ProcessId, holder_id},
    record::{Exit, Fork, kind},
    state::{Task, image_id},
};

/// Standard output and standard error.
const STREAMS: [u64; 2] = [1, 2];

/// A task was forked. Memory and descriptors are copied already: what the child gets is no less than theirs.
#[inline(always)]
pub(crate) fn fork(ctx: &BtfTracePointContext) {
    let (child, pid) = match event::made(ctx) {
        Made::Process(child, pid) => (child, pid),
        Made::Thread => return,
        Made::Unread => return count(Counter::Unread),
    };
    // The parent's until it is the child's: two of them have no room on the stack of 5.10 and 6.1.
    let mut task = match current() {
        Some(current) => *current.task,
        None => {
            let Some(worker) = worker_task() else { return };
            worker
        }
    };
    let id = bpf_get_current_pid_tgid();
    let current = Current { pid: (id >> 32) as u32, thread: id as u32, task: &mut task };
    let Some(start) = read!(child, task_start, u64) else { return count(Counter::Unread) };
    let shared = shares(current_struct(), child);
    // What the parent joins after its set is read is later than the fork.
    let sets = current.sets();
    let time = now();
    let (header, parent) = (emit::header(kind::FORK, &current, time), current.pid);
    task.start = start;
    if !shared {
        task.holder = holder_id(pid, time);
    }
    task.parent = parent;
    // Who shares it may have mapped what it does not know of.
    task.mapped |= task.shared;
    task.shared = u8::from(shared);
    task.kill = 0;
    task.killed = 0;
    (task.first, task.block, task.author) = (0, 0, 0);
    if is_worker(parent) {
        task.first = 1;
        for fd in STREAMS {
            if let Some(file) = File::of_descriptor(fd) {
                print::opens_log(task.job, file, print::logs::WORKER);
            }
        }
        task.step = next_step(task.job);
        task.holder = holder_id(pid, time);
        task.shared = 0;
    }
    if task.shared != 0 {
        if let Some(current) = crate::task::current() {
            share(current.task);
        }
    } else if sets.all() != 0 {
        join(task.holder, task.job, &sets);
    }
    track(pid, &task);
    let record = Fork {
        header,
        child: ProcessId { start, pid, reserved: 0 },
        holder: task.holder,
        step: task.step,
        shared: u32::from(task.shared != 0),
        sets: sets.to_array(),
    };
    emit::process(&record, size_of::<Fork>() as u64);
    if task.mapped | task.shared != 0 {
        // SAFETY: the program in the map is of this tracepoint.
        unsafe { FORK_STEPS.tail_call(ctx, 0) };
        count(Counter::MappingsFull);
    }
}

/// The child, which does not run yet, has mapped what its parent has.
///
/// VERIFIER: a program of its own: the stack of the one before is full.
#[inline(always)]
pub(crate) fn inherit(ctx: &BtfTracePointContext) {
    if let Some(current) = current()
        && let Some(pid) = event::number_made(ctx)
        && let Some(child) = find(pid)
        && child.holder != current.task.holder
    {
        shared::inherit(current.task.holder, child.holder);
    }
}

/// The worker that runs now, as a parent: it is of the job, but not tracked.
#[inline(always)]
fn worker_task() -> Option<Task> {
    let pid = (bpf_get_current_pid_tgid() >> 32) as u32;
    // SAFETY: a word that user space writes.
    let job = *unsafe { WORKERS.get(&pid) }?;
    let leader = read!(current_struct(), task_group_leader, u64)?;
    Some(Task { start: read!(leader, task_start, u64)?, job, ..Task::default() })
}

#[inline(always)]
fn is_worker(pid: u32) -> bool {
    WORKERS.get_ptr(&pid).is_some()
}

/// Numbers a step. A worker forks its steps one after the other.
#[inline(always)]
fn next_step(job: u32) -> u32 {
    let Some(progress) = PROGRESS.get_ptr_mut(&job) else { return 0 };
    // SAFETY: a word of a preallocated map.
    unsafe {
        (*progress).steps += 1;
        (*progress).steps
    }
}

/// Whether the two share memory or descriptors: then they are one holder (`CLONE_VM`, `CLONE_FILES`, vfork).
#[inline(always)]
fn shares(parent: u64, child: u64) -> bool {
    let same = |a: Option<u64>, b: Option<u64>| matches!((a, b), (Some(a), Some(b)) if a == b && a != 0);
    same(read!(parent, task_mm, u64), read!(child, task_mm, u64))
        || same(read!(parent, task_files, u64), read!(child, task_files, u64))
}

/// Threads that are left of the process that ends.
#[inline(always)]
fn alive() -> Option<u32> {
    let signal = read!(current_struct(), task_signal, u64)?;
    load::<u32>(signal as usize + offset!(signal_live))
}

/// A thread ended; with the last one, the process. Its sockets keep their marks.
#[inline(always)]
pub(crate) fn exit() {
    let pid = (bpf_get_current_pid_tgid() >> 32) as u32;
    // A copy: the entry is another process's once it is removed.
    let Some(mut entry) = crate::task::find(pid).map(|entry| *entry) else {
        if global().is_some_and(|global| global.hosting != 0) && alive() == Some(0) {
            agent::exit(pid);
        }
        return;
    };
    // A thread that is ended in its call of exec does not return from it.
    exec::returned();
    if alive() != Some(0) {
        return;
    }
    if TASKS.remove(&pid).is_err() {
        return; // of two last threads the other was first
    }
    let status = read!(current_struct(), task_exit_code, u32).unwrap_or(0);
    let current = Current { pid, thread: bpf_get_current_pid_tgid() as u32, task: &mut entry };
    let record =
        Exit { header: emit::header(kind::EXIT, &current, now()), status, author: u32::from(current.task.author) };
    emit::process(&record, size_of::<Exit>() as u64);
    if current.task.image == image_id(current.task.holder) {
        // Where its children are given such tokens further on, all counts.
        forget(&BROUGHT, &current.task.image);
    }
    leave(current.task);
}
