//! Ways into another process.

use crate::{
    abi,
    emit::{self, now},
    file::File,
    hook::call::Arguments,
    job,
    layout::{load, offset, read},
    maps::{LINKED, count, first},
    shared,
    task::{Current, current_struct, find, sets},
};
use detector_common::{
    counter::Counter,
    identity::ProcessId,
    judge::Sets,
    limits::LINEAGE_STEPS,
    record::{Access, kind, relation},
    set::Bits,
    state::Job,
    watch::door,
};

/// The door that a device is: those of memory (`DEVMEM_MINOR` in drivers/char/mem.c), and `/dev/kmem` before 5.13;
/// 0 for any other file.
#[inline(always)]
pub(crate) fn device(file: File) -> u32 {
    const MEMORY: u32 = 1 << 20;
    if file.mode & abi::S_IFMT != abi::S_IFCHR {
        return 0;
    }
    match read!(file.inode, inode_rdev, u32) {
        Some(device) if device == MEMORY | 1 || device == MEMORY | 2 => door::DEVICE,
        _ => 0,
    }
}

/// A file that opens a process, or all of them, was opened.
#[inline(always)]
pub(crate) fn opened(current: &mut Current<'_>, job: &Job, file: File, door: u32) {
    let all = matches!(door, door::KCORE | door::DEVICE);
    let target = if all { ProcessId::default() } else { target_of(file).unwrap_or_default() };
    if target.pid == current.pid && door != door::ENVIRON {
        return;
    }
    report(current, job, target, door, 0);
}

/// `current` is about to write into the memory of process `pid` (`process_vm_writev`).
#[inline(always)]
pub(crate) fn written(current: &mut Current<'_>, pid: u32) {
    let target = named(pid).pid;
    if find(target).is_none() {
        // Another process's thread, or a number of another namespace.
        return count(Counter::Unread);
    }
    link(current, target);
}

/// Whether the process that runs now is traced.
#[inline(always)]
pub(crate) fn is_traced() -> bool {
    read!(current_struct(), task_ptrace, u32).is_some_and(|how| how != 0)
}

/// Whoever traces `current`, which runs another program now, has a way into that, too.
#[inline(always)]
pub(crate) fn traced(current: &mut Current<'_>) {
    if is_traced()
        && let Some(tracer) = read!(current_struct(), task_parent, u64).and_then(|tracer| read!(tracer, task_tgid, u32))
    {
        link(current, tracer);
    }
}

/// Either may have what the other holds from now on: one writes into the other's memory.
#[inline(always)]
fn link(current: &mut Current<'_>, pid: u32) {
    if pid == current.pid {
        return;
    }
    let Some(target) = find(pid).filter(|target| target.job == current.task.job) else { return };
    current.task.mapped = 1;
    target.mapped = 1;
    shared::link(current.task.holder, target.holder, current.task.job);
}

/// Notes that `pid` is to be linked as the call returns.
///
/// VERIFIER: by a program of its own ([`linked`]): stacks of 5.10 and 6.1 have no room for it where a path is walked.
#[inline(always)]
fn to_link(pid: u32) {
    if let Some(linked) = LINKED.get_ptr_mut(0) {
        // SAFETY: this CPU's own slot; preemption is off (`event.rs`).
        unsafe { *linked = pid };
    }
}

/// Nothing is noted before an open or an attach.
#[inline(always)]
pub(crate) fn unlinked() {
    to_link(0);
}

/// Whether there is one.
#[inline(always)]
pub(crate) fn links() -> bool {
    // SAFETY: as in `to_link`.
    LINKED.get(0).is_some_and(|linked| *linked != 0)
}

/// `current` has a way to write into the memory of the process that was noted.
#[inline(always)]
pub(crate) fn linked(current: &mut Current<'_>) {
    let pid = LINKED.get(0).copied().unwrap_or(0);
    to_link(0);
    link(current, pid);
}

/// `process_vm_readv`, `ptrace` or `perf_event_open` returned.
#[inline(always)]
pub(crate) fn returned(current: &mut Current<'_>, number: u64, arguments: &Arguments, result: i64) {
    let Some(job) = job::find(current.task.job) else { return };
    let errno = if result < 0 { result.unsigned_abs() as u32 } else { 0 };
    if number == abi::PROCESS_VM_READV {
        let target = named(arguments.get(0) as u32);
        if target.pid != current.pid {
            report(current, job, target, door::VM_READ, errno);
        }
        return;
    }
    if number == abi::PERF_EVENT_OPEN {
        let event = if errno == 0 { File::of_descriptor(result as u64) } else { None };
        match event.map_or(Sampled::Nobody, |event| sampled(current, event)) {
            Sampled::Nobody => {}
            Sampled::Later => count(Counter::Unseen),
            Sampled::Target(target) => report(current, job, target, door::PERF, 0),
        }
        return;
    }
    let door = match arguments.get(0) {
        abi::PTRACE_ATTACH => door::PTRACE_ATTACH,
        abi::PTRACE_SEIZE => door::PTRACE_SEIZE,
        abi::PTRACE_TRACEME if errno == 0 => {
            let parent =
                read!(current_struct(), task_real_parent, u64).and_then(|parent| read!(parent, task_tgid, u32));
            return to_link(parent.unwrap_or(0));
        }
        _ => return,
    };
    let target = if errno == 0 { attached().unwrap_or_default() } else { named(arguments.get(1) as u32) };
    report(current, job, target, door, errno);
}

/// Whose stack or registers an event of `perf_event_open` samples.
enum Sampled {
    /// Neither of anyone, or those of the caller alone.
    Nobody,
    /// Those of the caller, and of what it starts from now on: what they hold then is not seen.
    Later,
    /// Those of a process, and no process where it is everyone on a processor, or in a cgroup.
    Target(ProcessId),
}

/// What the file of an event says: not the number that the caller gave, which may be a thread's, nor its memory, which may have changed.
#[inline(always)]
fn sampled(current: &Current<'_>, event: File) -> Sampled {
    /// `PERF_SAMPLE_{REGS_USER,STACK_USER,REGS_INTR}` (include/uapi/linux/perf_event.h).
    const SAMPLES: u64 = 1 << 12 | 1 << 13 | 1 << 18;
    /// Of the bits behind `read_format`.
    const INHERIT: u64 = 2;
    let Some(event) = read!(event.address, file_private, u64) else { return Sampled::Nobody };
    // Where it cannot be read it samples.
    if read!(event, perf_sample_type, u64).unwrap_or(SAMPLES) & SAMPLES == 0 {
        return Sampled::Nobody;
    }
    let target = match read!(event, perf_target, u64) {
        None | Some(0) => return Sampled::Target(ProcessId::default()),
        Some(task) => process(task).unwrap_or_default(),
    };
    if target.pid != current.pid {
        return Sampled::Target(target);
    }
    let flags = load::<u64>(event as usize + offset!(perf_read_format) + size_of::<u64>()).unwrap_or(INHERIT);
    if flags & INHERIT != 0 { Sampled::Later } else { Sampled::Nobody }
}

/// The process behind an inode of procfs.
#[inline(always)]
fn target_of(file: File) -> Option<ProcessId> {
    let inode = file.inode.wrapping_sub(offset!(proc_inode_inode) as u64);
    let pid = read!(inode, proc_inode_pid, u64)?;
    // The first task of type PIDTYPE_PID; the list is empty once the process is gone.
    let node = read!(pid, pid_tasks, u64)?;
    if node == 0 {
        return None;
    }
    process(node.wrapping_sub(offset!(task_pid_links) as u64))
}

/// The process of a `task_struct`.
#[inline(always)]
fn process(task: u64) -> Option<ProcessId> {
    let leader = read!(task, task_group_leader, u64)?;
    Some(ProcessId { start: read!(leader, task_start, u64)?, pid: read!(task, task_tgid, u32)?, reserved: 0 })
}

/// The process that the caller has just attached to: the head of its list (kernel/ptrace.c, `__ptrace_link`).
#[inline(always)]
fn attached() -> Option<ProcessId> {
    let head = current_struct() + offset!(task_ptraced) as u64;
    let node = load::<u64>(head as usize)?;
    if node == head {
        return None;
    }
    process(node.wrapping_sub(offset!(task_ptrace_entry) as u64))
}

/// The process that a system call names by number. A number of another pid namespace says nothing.
#[inline(always)]
fn named(pid: u32) -> ProcessId {
    let level = read!(current_struct(), task_thread_pid, u64).and_then(|own| read!(own, pid_level, u32));
    if level != Some(0) {
        return own(level, pid).unwrap_or_default();
    }
    ProcessId { start: find(pid).map_or(0, |task| task.start), pid, reserved: 0 }
}

/// The process itself, where `pid` is its number in its own namespace at depth `level`.
#[inline(always)]
fn own(level: Option<u32>, pid: u32) -> Option<ProcessId> {
    /// `sizeof(struct upid)`: a number, and the namespace it is in.
    const UPID: usize = 16;
    let leader = read!(current_struct(), task_group_leader, u64)?;
    let known = read!(leader, task_thread_pid, u64)?;
    // VERIFIER: namespaces nest 32 deep at most (MAX_PID_NS_LEVEL); the mask bounds what is read.
    let number = known as usize + offset!(pid_numbers) + (level? & 0x1f) as usize * UPID;
    if load::<u32>(number)? == pid { process(leader) } else { None }
}

#[inline(always)]
fn report(current: &mut Current<'_>, job: &Job, target: ProcessId, door: u32, errno: u32) {
    let relation = relation(current, &target);
    let bits = if errno == 0 { joined(current, job, door, relation, &target) } else { 0 };
    if errno == 0 && memory(door) && door != door::VM_READ && !foreign(relation) {
        to_link(target.pid);
    }
    let time = now();
    if bits != 0 {
        current.join(&Sets { held: bits, ..Sets::default() });
    }
    // No honest build reads such memory: what it holds by now must not reach any place at all.
    if job.enforce != 0 && foreign(relation) && memory(door) && bits & job.memory & job.kill != 0 {
        current.task.kill = 1;
    }
    let what = u64::from(target.pid) << 32 | u64::from(door) << 16 | u64::from(errno & 0xffff);
    if !first(current.task.holder, [what, target.start, 2 << 32, bits]) {
        return;
    }
    let header = emit::header(kind::ACCESS, current, time);
    let record = Access { header, target, door, relation, errno, reserved: 0, bits };
    emit::secret(&record, size_of::<Access>() as u64);
}

/// Whether nothing is known of the target but that it is not of the job.
#[inline(always)]
fn foreign(relation: u32) -> bool {
    relation == relation::OUTSIDE || relation == relation::UNKNOWN
}

/// Whether the door opens all memory.
#[inline(always)]
fn memory(door: u32) -> bool {
    matches!(
        door,
        door::MEM | door::VM_READ | door::PTRACE_ATTACH | door::PTRACE_SEIZE | door::KCORE | door::DEVICE | door::PERF
    )
}

/// The classes that a way in gives: those of its door, and of a process of the job what that holds.
#[inline(always)]
fn joined(current: &Current<'_>, job: &Job, door: u32, relation: u32, target: &ProcessId) -> Bits {
    let bits = if memory(door) {
        if foreign(relation) {
            job.memory
        } else {
            find(target.pid).map_or(0, |task| sets(task.holder, current.task.job).strong())
        }
    } else if door != door::ENVIRON {
        0
    } else if relation == relation::OWN {
        job.dump
    } else if relation != relation::DESCENDANT && target.pid != 1 {
        // Tools ask the environment of init whether they are in a container (systemd, virt-what); it has no secrets.
        job.environ
    } else {
        0
    };
    bits & !job.observe
}

/// How the target stands to the process that acts.
#[inline(always)]
fn relation(current: &Current<'_>, target: &ProcessId) -> u32 {
    if target.pid == 0 {
        return relation::UNKNOWN;
    }
    if target.pid == current.pid {
        return relation::OWN;
    }
    let Some(task) = find(target.pid) else { return relation::OUTSIDE };
    if task.job != current.task.job {
        return relation::OUTSIDE;
    }
    let mut parent = task.parent;
    for _ in 0..LINEAGE_STEPS {
        if parent == current.pid {
            return relation::DESCENDANT;
        }
        let Some(task) = find(parent) else { break };
        parent = task.parent;
    }
    relation::JOB
}
