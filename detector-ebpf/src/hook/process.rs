//! Fork, exec, exit.

use crate::{
    emit::{self, now},
    file::File,
    flow,
    layout::{load, offset, read},
    maps::{EXEC, JOBS, TASKS, WORKERS, count},
    path,
    task::{Current, armed, current, found, held, join, leave, share, track},
};
use aya_ebpf::{
    helpers::{bpf_get_current_pid_tgid, generated::bpf_probe_read_user},
    programs::BtfTracePointContext,
};
use core::mem::offset_of;
use detector_common::{
    counter::Counter,
    identity::{ProcessId, holder_id},
    limits::ARGV_BYTES,
    record::{Exec, Exit, Fork, kind},
    state::Task,
};

/// A task was forked. Memory and descriptors are copied already: what the child gets is no less than theirs.
#[inline(always)]
pub(crate) fn fork(ctx: &BtfTracePointContext) {
    let (parent, child) = (ctx.arg::<*const u8>(0) as u64, ctx.arg::<*const u8>(1) as u64);
    let Some(pid) = read!(child, task_tgid, u32) else { return count(Counter::Unread) };
    if pid == (bpf_get_current_pid_tgid() >> 32) as u32 {
        return; // a thread
    }
    let mut worker;
    let current = match current() {
        Some(current) => current,
        None => {
            let Some(entry) = worker_task() else { return };
            worker = entry;
            let id = bpf_get_current_pid_tgid();
            Current { pid: (id >> 32) as u32, thread: id as u32, task: &mut worker }
        }
    };
    let Some(start) = read!(child, task_start, u64) else { return count(Counter::Unread) };
    let shared = shares(parent, child);
    // What the parent joins after its set is read is later than the fork.
    let bits = held(current.task.holder, current.task.job);
    let time = now();
    let mut task = Task {
        start,
        holder: if shared { current.task.holder } else { holder_id(pid, time) },
        job: current.task.job,
        step: current.task.step,
        parent: current.pid,
        shared: u8::from(shared),
        ..Task::default()
    };
    if is_worker(current.pid) {
        task.step = next_step(task.job);
        task.holder = holder_id(pid, time);
        task.shared = 0;
    }
    if task.shared != 0 {
        share(current.task);
    } else if bits != 0 {
        join(task.holder, task.job, bits);
    }
    track(pid, &task);
    let record = Fork {
        header: emit::header(kind::FORK, &current, time),
        child: ProcessId { start, pid, reserved: 0 },
        holder: task.holder,
        step: task.step,
        shared: u32::from(task.shared != 0),
        sets: [bits, 0, 0, 0],
    };
    emit::process(&record, size_of::<Fork>() as u64);
}

/// The worker that runs now, as a parent: it is of the job, but not tracked.
#[inline(always)]
fn worker_task() -> Option<Task> {
    let pid = (bpf_get_current_pid_tgid() >> 32) as u32;
    // SAFETY: a word that user space writes.
    let job = *unsafe { WORKERS.get(&pid) }?;
    let leader = read!(crate::task::current_struct(), task_group_leader, u64)?;
    Some(Task { start: read!(leader, task_start, u64)?, job, ..Task::default() })
}

#[inline(always)]
fn is_worker(pid: u32) -> bool {
    WORKERS.get_ptr(&pid).is_some()
}

/// Numbers a step. A worker forks its steps one after the other.
#[inline(always)]
fn next_step(job: u32) -> u32 {
    let Some(job) = JOBS.get_ptr_mut(&job) else { return 0 };
    // SAFETY: a word of a preallocated map.
    unsafe {
        (*job).steps += 1;
        (*job).steps
    }
}

/// Whether the two share memory or descriptors: then they are one holder (`CLONE_VM`, `CLONE_FILES`, vfork).
#[inline(always)]
fn shares(parent: u64, child: u64) -> bool {
    let same = |a: Option<u64>, b: Option<u64>| matches!((a, b), (Some(a), Some(b)) if a == b && a != 0);
    same(read!(parent, task_mm, u64), read!(child, task_mm, u64))
        || same(read!(parent, task_files, u64), read!(child, task_files, u64))
}

/// A process runs another program: its memory is new and its descriptors its own, so it is a holder of its own.
#[inline(always)]
pub(crate) fn exec(ctx: &BtfTracePointContext) {
    let Some(current) = current() else { return };
    if crate::task::find(current.pid).is_none() {
        return; // it found the map full, and its ancestor stands for it: that has not changed
    }
    let (task, bprm) = (ctx.arg::<*const u8>(0) as u64, ctx.arg::<*const u8>(2) as u64);
    let founded = found(current.pid, current.task);
    #[cfg(feature = "log")]
    aya_log_ebpf::debug!(ctx, "process {} left holder {}", current.pid, founded.before);
    let Some(record) = EXEC.get_ptr_mut(0) else { return };
    // SAFETY: this CPU's own slot; tracepoints run with preemption off.
    let record: &mut Exec = unsafe { &mut *record };
    record.header = emit::header(kind::EXEC, &current, now());
    record.before = founded.before;
    record.entered = founded.entered;
    record.sets = [held(current.task.holder, current.task.job), 0, 0, 0];
    record.argv_len = arguments(task, &mut record.argv).unwrap_or(0);
    record.uid = read!(task, task_cred, u64).and_then(|cred| read!(cred, cred_euid, u32)).unwrap_or(u32::MAX);
    record.path.steps = 0;
    record.path.cut = 1;
    let program = read!(bprm, binprm_file, u64).and_then(File::at);
    if let Some(file) = program {
        record.file = file.identity().unwrap_or_default();
        if let (Some(dentry), Some(mount)) = (read!(file.address, file_dentry, u64), read!(file.address, file_mnt, u64))
        {
            path::walk(dentry, mount, &mut record.path);
        }
    } else {
        count(Counter::Unread);
    }
    let used = offset_of!(Exec, path.components) as u64 + path::bytes(&record.path);
    emit::process(record, path::at_most::<{ size_of::<Exec>() as u64 }>(used));
    // The kernel opens a program itself: what a holder wrote into it comes along.
    if let Some(file) = program
        && armed()
    {
        flow::take(&current, file);
    }
}

/// Copies argv; returns its true length.
#[inline(always)]
fn arguments(task: u64, into: &mut [u8; ARGV_BYTES]) -> Option<u32> {
    let mm = read!(task, task_mm, u64)?;
    let (start, end) = (read!(mm, mm_arg_start, u64)?, read!(mm, mm_arg_end, u64)?);
    let len = end.checked_sub(start)?;
    let kept = path::at_most::<{ ARGV_BYTES as u64 }>(len) as u32;
    // SAFETY: at most the size of the array.
    let result = unsafe { bpf_probe_read_user(into.as_mut_ptr().cast(), kept, start as *const _) };
    (result == 0).then_some(len as u32)
}

/// A thread ended; with the last one, the process. Its sockets keep their marks.
#[inline(always)]
pub(crate) fn exit(ctx: &BtfTracePointContext) {
    let pid = (bpf_get_current_pid_tgid() >> 32) as u32;
    // A copy: the entry is another process's once it is removed.
    let Some(mut entry) = crate::task::find(pid).map(|entry| *entry) else { return };
    let task = ctx.arg::<*const u8>(0) as u64;
    let alive = read!(task, task_signal, u64).and_then(|signal| load::<u32>(signal as usize + offset!(signal_live)));
    if alive != Some(0) {
        return;
    }
    if TASKS.remove(&pid).is_err() {
        return; // of two last threads the other was first
    }
    let status = read!(task, task_exit_code, u32).unwrap_or(0);
    let current = Current { pid, thread: bpf_get_current_pid_tgid() as u32, task: &mut entry };
    let record = Exit { header: emit::header(kind::EXIT, &current, now()), status, reserved: 0 };
    emit::process(&record, size_of::<Exit>() as u64);
    leave(current.task);
}
