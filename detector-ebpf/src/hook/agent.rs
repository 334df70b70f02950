//! Agents of CI systems: programs outside of every job that start jobs. An agent is never a descendant of a job: a step that calls its
//! program as one is tracked, and never gets here.

use crate::{
    emit::{self, now},
    hook::exec::image,
    layout::read,
    maps::{AGENTS, FREE, WORKERS, count, global},
    path,
    task::{ancestor, current_struct},
};
use aya_ebpf::helpers::{bpf_get_current_pid_tgid, bpf_get_smp_processor_id};
use detector_common::{
    counter::Counter,
    identity::ProcessId,
    record::{Header, Worker, kind},
    watch::{Component, hash},
};

/// A process that is not tracked runs another program.
///
/// VERIFIER: a program of its own, as the steps of exec are.
#[inline(always)]
pub(crate) fn exec() {
    // Who found the map of processes full is of a job all the same.
    if global().is_some_and(|global| global.overflow != 0) && ancestor().is_some() {
        return;
    }
    let Some(file) = image() else { return };
    let Some(dentry) = read!(file, file_dentry, u64) else { return };
    let mut name = Component::EMPTY;
    if path::name(dentry, &mut name).is_none() {
        return;
    }
    // SAFETY: as many bytes, aligned.
    let leaf = hash(unsafe { &*(&raw const name).cast::<[u64; 8]>() });
    // SAFETY: user space writes entries whole.
    let Some(agent) = (unsafe { AGENTS.get(&leaf) }).copied() else { return };
    let pid = (bpf_get_current_pid_tgid() >> 32) as u32;
    // SAFETY: a word.
    let mut job = unsafe { WORKERS.get(&pid) }.copied().unwrap_or(0);
    if job == 0 && agent & 1 != 0 {
        job = FREE.pop().ok().flatten().unwrap_or(0);
        if job == 0 || WORKERS.insert(&pid, &job, 0).is_err() {
            count(Counter::JobsFull);
        }
    }
    say(kind::WORKER, pid, job, agent >> 1);
}

/// The last thread of a process that is not tracked ended.
#[inline(always)]
pub(crate) fn exit(pid: u32) {
    // SAFETY: a word.
    let Some(job) = (unsafe { WORKERS.get(&pid) }).copied() else { return };
    let _ = WORKERS.remove(&pid);
    say(kind::WORKER_EXIT, pid, job, 0);
}

#[inline(always)]
fn say(kind: u16, pid: u32, job: u32, name: u32) {
    let task = current_struct();
    let leader = read!(task, task_group_leader, u64).unwrap_or(task);
    let parent = read!(task, task_real_parent, u64).and_then(|parent| read!(parent, task_tgid, u32)).unwrap_or(0);
    let record = Worker {
        header: Header {
            kind,
            // SAFETY: takes nothing.
            cpu: unsafe { bpf_get_smp_processor_id() } as u16,
            job,
            time: now(),
            process: ProcessId { start: read!(leader, task_start, u64).unwrap_or(0), pid, reserved: 0 },
            holder: 0,
            thread: pid,
            step: 0,
        },
        parent,
        name,
    };
    emit::process(&record, size_of::<Worker>() as u64);
}
