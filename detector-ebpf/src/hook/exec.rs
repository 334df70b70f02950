//! Exec: what the new program is, what may come along, and what is handed to it.

use crate::{
    abi::{S_IFIFO, S_IFMT, S_IFREG, S_IFSOCK},
    command,
    emit::{self, now},
    event,
    file::File,
    flow,
    hook::print,
    job,
    layout::read,
    maps::{BROUGHT, ENTERED, EXEC, EXEC_STEPS, INJECTIONS, SCAN, count, forget, global},
    path, program,
    scan::{self, Scan},
    task::{Current, armed, current_by_id, current_struct, found},
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
    program::{InjectKey, Program, trait_of},
    record::{Exec, Workdir, kind},
    state::{Entered, Job, Task, image_id},
    watch::some,
};

/// Standard streams.
const STDIN: u64 = 0;
const STDOUT: u64 = 1;
const STDERR: u64 = 2;

/// Notes what there is as the call begins: what is held, where nobody but the caller can change what the new program is given (the
/// one other thread that shares its memory waits); and the tokens that the image has, where it holds anything.
#[inline(always)]
pub(crate) fn entered(current: &Current<'_>, waits: bool) {
    let sets = current.sets();
    if !waits && sets.strong() == 0 {
        return;
    }
    let Some(scan) = SCAN.get_ptr_mut(0) else { return };
    // SAFETY: this CPU's own slot; preemption is off (`event.rs`).
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
/// VERIFIER: in steps, each a program of its own that the one before calls and that leaves what it found in memory: followed through
/// each other their ways were a million instructions.
///
/// First what is started, and with which arguments.
#[inline(always)]
pub(crate) fn exec(ctx: &BtfTracePointContext) {
    let Some((current, record, scan)) = memory() else {
        if global().is_some_and(|global| global.hosting != 0) {
            go_on(ctx, Step::Agent);
        }
        // Where it found the map full its ancestor stands for it: that has not changed.
        return forget(&ENTERED, &thread(ctx));
    };
    let Some(job) = job::find(current.task.job) else { return };
    let task = current_struct();
    file(record);
    record.argv_len = arguments(task, &mut record.argv).unwrap_or(0);
    record.uid = read!(task, task_cred, u64).and_then(|cred| read!(cred, cred_euid, u32)).unwrap_or(u32::MAX);
    record.stdout = File::of_descriptor(STDOUT).map_or(0, |file| file.mode & S_IFMT);
    (record.script, record.skip, record.injected, record.line) = (0, 1, 0, 0);
    declare(record, scan, job.policy, current.task.hook != 0);
    go_on(ctx, Step::Identify);
}

/// Then as what it was declared.
#[inline(always)]
pub(crate) fn identify(ctx: &BtfTracePointContext) {
    let Some((current, record, scan)) = memory() else { return };
    let Some(job) = job::find(current.task.job) else { return };
    if volatile(&scan.declared.number) != 0 {
        command::parse(scan, &record.argv, record.argv_len);
    }
    if volatile(&scan.declared.traits) & trait_of::INTERPRETER != 0 {
        name(record, scan, job.policy);
    }
    go_on(ctx, if volatile(&scan.declared.number) == 0 { Step::Search } else { Step::Inject });
}

/// Then whether anything is injected into it.
#[inline(always)]
pub(crate) fn injected(ctx: &BtfTracePointContext) {
    let Some((current, record, scan)) = memory() else { return };
    let Some(job) = job::find(current.task.job) else { return };
    inject(record, scan, job.policy, current_struct());
    go_on(ctx, Step::Walk);
}

/// Then what its command line comes to.
#[inline(always)]
pub(crate) fn walked(ctx: &BtfTracePointContext) {
    let Some((current, record, scan)) = memory() else { return };
    let Some(job) = job::find(current.task.job) else { return };
    walk(record, scan, job.policy);
    go_on(ctx, Step::Search);
}

/// Then which tokens it was given.
#[inline(always)]
pub(crate) fn search(ctx: &BtfTracePointContext) {
    let Some((current, _, scan)) = memory() else { return };
    // What was held as the call began is part of what is held now.
    if current.sets().strong() != 0 {
        scan::image(scan, current_struct());
    }
    go_on(ctx, Step::Compare);
}

/// Then which of them are new.
#[inline(always)]
pub(crate) fn compared(ctx: &BtfTracePointContext) {
    let Some((current, record, scan)) = memory() else { return };
    let entered = thread(ctx);
    holding(&current, record, scan, entered);
    compare(&current, record, scan, entered);
    forget(&ENTERED, &entered);
    go_on(ctx, Step::Decide);
}

/// Then what comes of it.
#[inline(always)]
pub(crate) fn decided(ctx: &BtfTracePointContext) {
    let Some((mut current, record, scan)) = memory() else { return };
    let Some(job) = job::find(current.task.job) else { return };
    decide(&mut current, job, record, scan);
    record.header = emit::header(kind::EXEC, &current, now());
    record.sets = current.sets().to_array();
    #[cfg(feature = "log")]
    aya_log_ebpf::debug!(ctx, "process {} left holder {}", current.pid, record.before);
    let used = offset_of!(Exec, path.components) as u64 + path::bytes(&record.path);
    emit::process(record, path::at_most::<{ size_of::<Exec>() as u64 }>(used));
    if armed() || current.task.first != 0 || super::memory::is_traced() {
        go_on(ctx, Step::Take);
    }
}

/// Last what comes with it: the kernel opens a program itself, so what a holder wrote into it comes along.
#[inline(always)]
pub(crate) fn taken() {
    let Some(mut current) = current_by_id() else { return };
    if let Some(file) = image().and_then(File::at) {
        flow::take(&current, file, false);
    }
    if let Some(file) = File::of_descriptor(STDIN)
        && flow::carries(file)
    {
        flow::take(&current, file, true);
    }
    if current.task.first != 0 {
        first(&mut current);
    }
    super::memory::traced(&mut current);
}

/// The first program of a step: its agent chose it, and where it runs, and what it prints to. Where that one starts another for the
/// agent, it is that.
#[inline(always)]
fn first(current: &mut Current<'_>) {
    for fd in [STDOUT, STDERR] {
        if let Some(file) = File::of_descriptor(fd) {
            print::opens_log(current.task.job, file, print::logs::STEP);
        }
    }
    if current.task.traits & trait_of::SPAWNER != 0 {
        return;
    }
    current.task.first = 0;
    if let Some((_, record, _)) = memory()
        && global().is_some_and(|global| global.hosting != 0)
    {
        workdir(current, record);
    }
}

/// Says where the step begins. What was said of the exec itself is said: its memory serves again.
#[inline(always)]
fn workdir(current: &Current<'_>, record: &mut Exec) {
    const { assert!(size_of::<Workdir>() <= size_of::<Exec>() && align_of::<Workdir>() <= align_of::<Exec>()) };
    // SAFETY: large enough; both are plain numbers.
    let record = unsafe { &mut *core::ptr::from_mut(record).cast::<Workdir>() };
    (record.path.steps, record.path.cut) = (0, 1);
    if let Some(fs) = read!(crate::task::current_struct(), task_fs, u64)
        && let (Some(dentry), Some(mount)) = (read!(fs, fs_pwd_dentry, u64), read!(fs, fs_pwd_mnt, u64))
    {
        path::walk(dentry, mount, &mut record.path);
    }
    record.header = emit::header(kind::WORKDIR, current, now());
    let used = offset_of!(Workdir, path.components) as u64 + path::bytes(&record.path);
    emit::process(record, path::at_most::<{ size_of::<Workdir>() as u64 }>(used));
}

/// The steps after the first, by their place in [`EXEC_STEPS`].
#[derive(Clone, Copy)]
enum Step {
    Identify = 0,
    Inject = 1,
    Walk = 2,
    Search = 3,
    Compare = 4,
    Decide = 5,
    Take = 6,
    Agent = 7,
}

/// Goes on with `step`, and does not come back.
#[inline(always)]
fn go_on(ctx: &BtfTracePointContext, step: Step) {
    // SAFETY: the programs in the map are of this tracepoint.
    unsafe { EXEC_STEPS.tail_call(ctx, step as u32) };
    count(Counter::Unread);
}

/// The process, and where its exec is looked at.
#[inline(always)]
fn memory() -> Option<(Current<'static>, &'static mut Exec, &'static mut Scan)> {
    let current = current_by_id()?;
    let (record, scan) = (EXEC.get_ptr_mut(0)?, SCAN.get_ptr_mut(0)?);
    // SAFETY: this CPU's own slots; the steps run on one CPU, with preemption off (`event.rs`).
    Some(unsafe { (current, &mut *record, &mut *scan) })
}

/// The thread that called exec, by the number it had then: one other than the first has the number of the first by now.
#[inline(always)]
fn thread(ctx: &BtfTracePointContext) -> u64 {
    bpf_get_current_pid_tgid() >> 32 << 32 | u64::from(event::thread_before(ctx))
}

/// Address of the `struct file` of the program that was started: what `bprm->file` was (`begin_new_exec` in fs/exec.c).
#[inline(always)]
pub(super) fn image() -> Option<u64> {
    read!(read!(current_struct(), task_mm, u64)?, mm_exe_file, u64)
}

/// The program being started: its identity and path.
#[inline(always)]
fn file(record: &mut Exec) {
    record.path.steps = 0;
    record.path.cut = 1;
    record.file = detector_common::record::File::default();
    let Some(file) = image().and_then(File::at) else { return count(Counter::Unread) };
    record.file = file.identity().unwrap_or_default();
    if let (Some(dentry), Some(mount)) = (read!(file.address, file_dentry, u64), read!(file.address, file_mnt, u64)) {
        path::walk(dentry, mount, &mut record.path);
    }
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

/// What the new program is declared as.
#[inline(always)]
fn declare(record: &mut Exec, scan: &mut Scan, policy: u32, hook: bool) {
    scan.declared = Program::default();
    scan.script.program.number = 0;
    if let Some(row) = program::of(policy, &record.file)
        && row.traits & trait_of::SCRIPT == 0
        && !(hook && row.traits & trait_of::RENEWED != 0)
    {
        scan.declared = *row;
    }
    record.program = u32::from(volatile(&scan.declared.number));
}

/// Which script the arguments of an interpreter name.
#[inline(always)]
fn name(record: &mut Exec, scan: &mut Scan, policy: u32) {
    if let Some((script, skip)) = scan.line.script(policy) {
        scan.script = *script;
        record.skip = skip;
    }
}

/// Whether the environment of the new image has a variable that injects into the program or the script, or could not be looked at
/// whole.
#[inline(always)]
fn inject(record: &mut Exec, scan: &mut Scan, policy: u32, task: u64) {
    record.injected = 1;
    let Some(block) = scan::block(task) else { return };
    if block.len > SCAN_BYTES as u64 {
        return;
    }
    let end = block.start.wrapping_add(block.len);
    let mut at = block.start.wrapping_add(block.arguments);
    let mut programs = [0, record.program, u32::from(scan.script.program.number)];
    if programs[2] == 0 {
        programs[2] = programs[1];
    }
    for _ in 0..STRINGS {
        if at >= end {
            record.injected = 0;
            return;
        }
        let Some((start, len)) = scan::name(scan, at) else { return };
        for program in programs {
            // SAFETY: user space writes the rows of a policy before a job runs under it.
            if unsafe { INJECTIONS.get(&InjectKey { start, policy, program }) }.is_some() {
                return;
            }
        }
        at = at.wrapping_add(len);
    }
}

/// What the command line comes to.
#[inline(always)]
fn walk(record: &mut Exec, scan: &mut Scan, policy: u32) {
    if volatile(&record.injected) != 0 {
        (record.script, record.skip) = (0, 1);
        scan.script.program.number = 0;
        return;
    }
    let (script, skip) = (volatile(&scan.script.program.number), volatile(&record.skip));
    record.script = u32::from(script);
    if record.argv_len <= ARGV_BYTES as u32 {
        let whose = if script != 0 { script } else { volatile(&scan.declared.number) };
        record.line = u32::from(scan.line.flags(policy, whose, skip));
    }
}

/// What was held before.
///
/// A vfork's parent goes on before the exec is told of (`mm_release` in fs/exec.c, `exec_mmap`): what it reads from then
/// on is not its child's. So what counts is what was held as its call began. Where others share the memory too, one of them may
/// have read a secret since and put it into what the new program is given: then all counts.
#[inline(always)]
fn holding(current: &Current<'_>, record: &mut Exec, scan: &mut Scan, entered: u64) {
    record.before = current.task.holder;
    record.entered = u64::MAX;
    scan.before = current.sets().to_array();
    // Noted it is only where that is known not to have happened.
    // SAFETY: written whole by this thread; removed by it.
    if let Some(noted) = unsafe { ENTERED.get(&entered) }
        && current.task.shared != 0
        && noted.time != 0
    {
        record.entered = noted.time;
        scan.before = noted.sets;
    }
}

/// What the arguments and the environment have that was not there before, where anything was held; and what the arguments have that the
/// image before was given with it.
#[inline(always)]
fn compare(current: &Current<'_>, record: &mut Exec, scan: &mut Scan, entered: u64) {
    (record.fresh, record.copied, scan.brings) = (0, 0, 0);
    if before(scan).strong() == 0 {
        return;
    }
    let Scan { entered: Entered { tokens: new, .. }, brought, .. } = scan;
    // SAFETY: as in `holding`.
    if let Some(entered) = unsafe { ENTERED.get(&entered) }
        && entered.tokens.whole & new.whole != 0
    {
        let (fresh, copied) = scan::compare(&entered.tokens, new, brought);
        (record.fresh, record.copied) = (fresh as u32, copied as u32);
    } else {
        // What cannot be compared counts as new.
        (record.fresh, record.copied) = (1, new.arguments);
        *brought = new.hashes;
    }
    if current.task.image != 0 {
        // SAFETY: written whole by the exec of that image; where it has gone with the first process, all counts.
        let said = unsafe { BROUGHT.get(&current.task.image) }.map_or(1, |list| scan::remember(list, new, brought));
        record.fresh |= said as u32;
    }
    let any = brought.iter().fold(0, |any, token| any | token);
    scan.brings = some(any);
}

#[inline(always)]
fn before(scan: &Scan) -> Sets {
    let [held, own, soft, inherited] = &scan.before;
    Sets { held: volatile(held), own: volatile(own), soft: volatile(soft), inherited: volatile(inherited) }
}

/// `value`, read where it is: else the compiler remembers which way it came.
#[inline(always)]
fn volatile<T: Copy>(value: &T) -> T {
    // SAFETY: a reference.
    unsafe { core::ptr::from_ref(value).read_volatile() }
}

/// What comes along, and what the process is from now on.
#[inline(always)]
fn decide(current: &mut Current<'_>, job: &Job, record: &Exec, scan: &Scan) {
    let passage = Passage {
        quiet: current.quiet(),
        fresh: volatile(&record.fresh) != 0,
        copied: volatile(&record.copied),
        dump: job.dump & !job.observe,
    };
    let mut after = before(scan).after_exec(&passage);
    run_as(current.task, record, scan);
    if current.task.line & line::DUMPS != 0 && matches!(record.stdout, S_IFIFO | S_IFREG | S_IFSOCK) {
        after.held |= passage.dump;
    }
    found(current.pid, current.task, &after);
    bring(current.task, scan);
}

/// Keeps the tokens that it was given with what it holds.
#[inline(always)]
fn bring(task: &mut Task, scan: &Scan) {
    task.image = 0;
    if volatile(&scan.brings) != 0 {
        task.image = image_id(task.holder);
        if BROUGHT.insert(&task.image, &scan.brought, 0).is_err() {
            // Then all that its children are given counts.
            count(Counter::ExecsFull);
        }
    }
}

/// The process runs what was found.
#[inline(always)]
fn run_as(task: &mut Task, record: &Exec, scan: &Scan) {
    let installed = task.traits & trait_of::MANAGER != 0 && task.line & line::INSTALLS != 0;
    let own = u32::from(task.program);
    if installed && record.program != own && record.script != own {
        task.hook = 1;
    }
    task.program = volatile(&scan.declared.number);
    task.injected = volatile(&record.injected) as u8;
    task.misled = 0;
    task.traits = volatile(&scan.declared.traits);
    task.reads = volatile(&scan.declared.reads);
    task.sdk = 0;
    if task.injected != 0 {
        (task.traits, task.reads) = (0, 0);
    }
    // What a renewing program has an interpreter run is part of it.
    if task.traits & trait_of::INTERPRETER == 0 {
        task.renews = if task.traits & trait_of::RENEWS != 0 { task.program } else { 0 };
    }
    // With a script pending the interpreter's own line says nothing.
    let line = volatile(&record.line) as u16;
    task.script.program.number = 0;
    (task.line, task.script_line) = (line, 0);
    if volatile(&scan.script.program.number) != 0 {
        task.script = scan.script;
        (task.line, task.script_line) = (0, line);
    }
}
