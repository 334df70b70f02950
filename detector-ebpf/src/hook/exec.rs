//! Exec: what the new program is, what may come along, and what is handed to it.

use crate::{
    abi::{S_IFIFO, S_IFMT, S_IFREG, S_IFSOCK},
    command::{self, Line},
    emit::{self, now},
    file::File,
    flow, job,
    layout::read,
    maps::{ENTERED, EXEC, INJECTIONS, SCAN, count, forget},
    path, program,
    scan::{self, Scan},
    task::{Current, armed, current, current_struct, find, found, sets},
};
use aya_ebpf::{
    helpers::{bpf_get_current_pid_tgid, generated::bpf_probe_read_user},
    programs::BtfTracePointContext,
};
use core::mem::offset_of;
use detector_common::{
    command::line,
    counter::Counter,
    judge::{Passage, Sets},
    limits::{ARGV_BYTES, SCAN_BYTES, STRINGS},
    program::{InjectKey, Program, Script, trait_of},
    record::{Exec, kind},
    set::Bits,
    state::{Entered, Job, Task},
};

/// Standard input and output.
const STDIN: u64 = 0;
const STDOUT: u64 = 1;

/// Notes what there is as the call begins: what is held, where nobody but the caller can change what the new program is given (the
/// one other thread that shares its memory waits); and the tokens that the image has, where it holds anything.
#[inline(always)]
pub(crate) fn entered(current: &Current<'_>, waits: bool) {
    let sets = current.sets();
    if !waits && sets.strong() == 0 {
        return;
    }
    let Some(scan) = SCAN.get_ptr_mut(0) else { return };
    // SAFETY: this CPU's own slot; tracepoints run with preemption off.
    let scan = unsafe { &mut *scan };
    scan.entered.sets = sets.to_array();
    scan.entered.time = if waits { now() } else { 0 };
    if sets.strong() != 0 {
        scan::image(scan, current_struct());
    } else {
        scan.entered.tokens.whole = 0;
    }
    if ENTERED.insert(&bpf_get_current_pid_tgid(), &scan.entered, 0).is_err() {
        count(Counter::ExecsFull);
    }
}

/// The call came to nothing, or is told of already.
#[inline(always)]
pub(crate) fn returned() {
    forget(&ENTERED, &bpf_get_current_pid_tgid());
}

/// A process runs another program: its memory is new and its descriptors its own, so it is a holder of its own.
///
/// A vfork's parent goes on before the exec is told of (`mm_release` in fs/exec.c, `exec_mmap`): what it reads from then
/// on is not its child's. So what counts is what was held as its call began. Where others share the memory too, one of them may
/// have read a secret since and put it into what the new program is given: then all counts.
#[inline(always)]
pub(crate) fn exec(ctx: &BtfTracePointContext) {
    let Some(mut current) = current() else { return };
    let Some(scan) = SCAN.get_ptr_mut(0) else { return };
    // SAFETY: this CPU's own slot; tracepoints run with preemption off.
    let scan = unsafe { &mut *scan };
    // VERIFIER: first, so that it is looked at once. What was held as the call began is part of what is held now.
    if current.sets().strong() != 0 {
        scan::image(scan, ctx.arg::<*const u8>(0) as u64);
    }
    let id = bpf_get_current_pid_tgid();
    // A thread other than the first has the number of the first by now.
    let entered = id >> 32 << 32 | u64::from(ctx.arg::<i32>(1) as u32);
    // SAFETY: written whole by this thread; removed at the end.
    run(ctx, &mut current, scan, unsafe { ENTERED.get(&entered) });
    forget(&ENTERED, &entered);
}

#[inline(always)]
fn run(ctx: &BtfTracePointContext, current: &mut Current<'_>, scan: &mut Scan, entered: Option<&Entered>) {
    if find(current.pid).is_none() {
        return; // it found the map full, and its ancestor stands for it: that has not changed
    }
    let Some(job) = job::find(current.task.job) else { return };
    let Some(record) = EXEC.get_ptr_mut(0) else { return };
    // SAFETY: this CPU's own slot; tracepoints run with preemption off.
    let record: &mut Exec = unsafe { &mut *record };
    let task = ctx.arg::<*const u8>(0) as u64;

    record.before = current.task.holder;
    // Noted it is only where that is known not to have happened.
    let noted = entered.filter(|noted| current.task.shared != 0 && noted.time != 0);
    let before = match noted {
        Some(noted) => {
            record.entered = noted.time;
            let [held, own, soft, inherited] = noted.sets;
            Sets { held, own, soft, inherited }
        }
        None => {
            record.entered = u64::MAX;
            current.sets()
        }
    };
    let file = file(ctx.arg::<*const u8>(2) as u64, record);
    record.argv_len = arguments(task, &mut record.argv).unwrap_or(0);
    record.uid = read!(task, task_cred, u64).and_then(|cred| read!(cred, cred_euid, u32)).unwrap_or(u32::MAX);
    record.stdout = File::of_descriptor(STDOUT).map_or(0, |file| file.mode & S_IFMT);
    let declared = program::of(job.policy, &record.file).filter(|row| row.traits & trait_of::SCRIPT == 0).copied();
    compare(record, entered, before.strong(), scan);
    let script = identify(record, declared.as_ref(), job, task, scan);

    let passage = Passage {
        quiet: current.quiet(),
        fresh: record.fresh != 0,
        copied: record.copied,
        declared: record.program != 0,
        dump: job.dump & !job.observe,
    };
    let mut after = before.after_exec(&passage);
    run_as(current.task, record, declared.unwrap_or_default(), script);
    if current.task.line & line::DUMPS != 0 && matches!(record.stdout, S_IFIFO | S_IFREG | S_IFSOCK) {
        after.held |= passage.dump;
    }
    found(current.pid, current.task, &after);
    #[cfg(feature = "log")]
    aya_log_ebpf::debug!(ctx, "process {} left holder {}", current.pid, record.before);
    record.header = emit::header(kind::EXEC, current, now());
    record.sets = sets(current.task.holder, current.task.job).to_array();
    let used = offset_of!(Exec, path.components) as u64 + path::bytes(&record.path);
    emit::process(record, path::at_most::<{ size_of::<Exec>() as u64 }>(used));
    if !armed() {
        return;
    }
    // The kernel opens a program itself: what a holder wrote into it comes along.
    if let Some(file) = file {
        flow::take(current, file, false);
    }
    if let Some(file) = File::of_descriptor(STDIN)
        && flow::carries(file)
    {
        flow::take(current, file, true);
    }
}

/// The program being started: its identity and path.
#[inline(always)]
fn file(bprm: u64, record: &mut Exec) -> Option<File> {
    record.path.steps = 0;
    record.path.cut = 1;
    record.file = detector_common::record::File::default();
    let Some(file) = read!(bprm, binprm_file, u64).and_then(File::at) else {
        count(Counter::Unread);
        return None;
    };
    record.file = file.identity().unwrap_or_default();
    if let (Some(dentry), Some(mount)) = (read!(file.address, file_dentry, u64), read!(file.address, file_mnt, u64)) {
        path::walk(dentry, mount, &mut record.path);
    }
    Some(file)
}

/// Copies argv; returns its true length.
#[inline(always)]
fn arguments(task: u64, into: &mut [u8; ARGV_BYTES]) -> Option<u32> {
    let block = scan::block(task)?;
    let kept = path::at_most::<{ ARGV_BYTES as u64 }>(block.arguments) as u32;
    // SAFETY: at most the size of the array.
    let result = unsafe { bpf_probe_read_user(into.as_mut_ptr().cast(), kept, block.start as *const _) };
    (result == 0).then_some(block.arguments as u32)
}

/// What the new program is declared as, which script its arguments name, and what its command line comes to.
#[inline(always)]
fn identify(
    record: &mut Exec,
    declared: Option<&Program>,
    job: &Job,
    task: u64,
    scan: &mut Scan,
) -> Option<&'static Script> {
    (record.program, record.script, record.skip, record.injected, record.line) = (0, 0, 1, 0, 0);
    let declared = declared?;
    record.program = u32::from(declared.number);
    let len = record.argv_len;
    let kept = if len > ARGV_BYTES as u32 { ARGV_BYTES as u32 } else { len };
    let line: &Line = command::parse(&record.argv, u64::from(kept))?;
    let named = if declared.traits & trait_of::INTERPRETER != 0 { line.script(job.policy) } else { None };
    let (number, skip) = match named {
        Some((script, skip)) => (script.program.number, skip),
        None => (0, 1),
    };
    if injected(scan, task, job.policy, record.program, u32::from(number)) {
        record.injected = 1;
        return None;
    }
    record.script = u32::from(number);
    record.skip = skip;
    if len <= ARGV_BYTES as u32 {
        let whose = if number != 0 { number } else { declared.number };
        record.line = u32::from(line.flags(job.policy, whose, skip));
    }
    named.map(|(script, _)| script)
}

/// Whether the environment of the new image has a variable that injects into `program` or `script`, or could not be looked at whole.
#[inline(always)]
fn injected(scan: &mut Scan, task: u64, policy: u32, program: u32, script: u32) -> bool {
    let Some(block) = scan::block(task) else { return true };
    if block.len > SCAN_BYTES as u64 {
        return true;
    }
    let end = block.start.wrapping_add(block.len);
    let mut at = block.start.wrapping_add(block.arguments);
    // VERIFIER: in memory, so that the loop's state does not depend on it.
    scan.found = 1;
    for string in 0..=STRINGS {
        if at >= end {
            scan.found = 0;
            break;
        }
        if string == STRINGS {
            break;
        }
        let Some((start, len)) = scan::name(scan, at) else { break };
        let injects = |program: u32| {
            // SAFETY: user space writes the rows of a policy before a job runs under it.
            unsafe { INJECTIONS.get(&InjectKey { start, policy, program }) }.is_some()
        };
        if injects(0) || injects(program) || injects(script) {
            break;
        }
        at = at.wrapping_add(len);
    }
    scan.found != 0
}

/// What the arguments and the environment have that was not there before, where the process held any of `strong`.
#[inline(always)]
fn compare(record: &mut Exec, entered: Option<&Entered>, strong: Bits, scan: &Scan) {
    (record.fresh, record.copied) = (0, 0);
    if strong == 0 {
        return;
    }
    let new = &scan.entered.tokens;
    // What cannot be compared counts as new.
    (record.fresh, record.copied) = (1, new.arguments);
    if let Some(entered) = entered
        && entered.tokens.whole & new.whole != 0
    {
        let (fresh, copied) = scan::compare(&entered.tokens, new);
        (record.fresh, record.copied) = (fresh as u32, copied as u32);
    }
}

/// The process runs what `record` says of it.
#[inline(always)]
fn run_as(task: &mut Task, record: &Exec, declared: Program, script: Option<&Script>) {
    let installed = task.traits & trait_of::MANAGER != 0 && task.line & line::INSTALLS != 0;
    let own = u32::from(task.program);
    if installed && record.program != own && record.script != own {
        task.hook = 1;
    }
    let trusted = record.injected == 0;
    task.program = declared.number;
    task.injected = record.injected as u8;
    task.traits = if trusted { declared.traits } else { 0 };
    task.reads = if trusted { declared.reads } else { 0 };
    task.sdk = 0;
    let line = record.line as u16;
    match script {
        Some(script) => {
            task.script = *script;
            (task.line, task.script_line) = (0, line);
        }
        None => {
            task.script.program.number = 0;
            (task.line, task.script_line) = (line, 0);
        }
    }
}
