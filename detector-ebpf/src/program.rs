//! Declared programs: which files they are.

use crate::{
    author,
    emit::{self, now},
    file::File,
    maps::{KNOWN, PROGRAM_NAMES, PROGRAMS, REGISTER, count, forget},
    task::Current,
};
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use detector_common::{
    counter::Counter,
    program::{NameKey, Program, ProgramKey, Script as Pending, trait_of},
    record::{self, Script, kind},
    set::Bits,
    state::Job,
};

/// The row of `file` under `policy`.
#[inline(always)]
fn key(policy: u32, file: &record::File) -> ProgramKey {
    ProgramKey { inode: file.inode, device: file.device, generation: file.generation, policy, reserved: 0 }
}

/// The declared program or script that `file` is under `policy`.
#[inline(always)]
pub(crate) fn of(policy: u32, file: &record::File) -> Option<&'static Program> {
    // SAFETY: a row is written whole; a concurrent removal leaves old bytes of a file that was trusted until then.
    unsafe { PROGRAMS.get(&key(policy, file)) }
}

/// Classes of the credential that `file` was before the jobs under `policy`, by whatever name.
#[inline(always)]
pub(crate) fn known(policy: u32, file: &record::File) -> Bits {
    // SAFETY: user space has them written before a job runs under the policy.
    unsafe { KNOWN.get(&key(policy, file)) }.map_or(0, |bits| *bits)
}

/// An open of this thread returned `fd`: where user space said so, the file is what it said.
#[inline(always)]
pub(crate) fn register(fd: i64) {
    let Some(asked) = REGISTER.get_ptr_mut(0) else { return };
    // SAFETY: entry 0 of an array of one is always there; user space writes it whole, then opens.
    let asked = unsafe { &mut *asked };
    if asked.pid == 0 || asked.pid != bpf_get_current_pid_tgid() as u32 || fd < 0 {
        return;
    }
    let Some(file) = File::of_descriptor(fd as u64).and_then(File::identity) else { return };
    if asked.known != 0 {
        if KNOWN.insert(&key(asked.policy, &file), &asked.bits, 0).is_ok() {
            asked.file = file;
            asked.pid = 0;
        }
    } else if asked.job != 0 {
        if asked.bits == 0 {
            asked.bits = author::of(asked.job, &file);
        } else if !author::believe(asked.job, &file, asked.bits) {
            return;
        }
        asked.pid = 0;
    } else if PROGRAMS.insert(&key(asked.policy, &file), &asked.program, 0).is_ok() {
        // The answer.
        asked.pid = 0;
    } else {
        count(Counter::ProgramsFull);
    }
}

/// The first bytes of `__main__.py`, and of what it is compiled into: a name that every package of Python has.
const MAIN: u64 = u64::from_le_bytes(*b"__main__");

/// `current` opened a file called `name` (its hash; `start` are its first bytes) for writing: it is a declared program no longer,
/// or is one from now on.
///
/// Who renews a program makes that program and no other. What counts as it may load modules of anybody's, as the program itself may
/// that was there before.
#[inline(always)]
pub(crate) fn written(current: &Current<'_>, job: &Job, file: File, name: u64, start: u64) {
    let installs = current.task.traits & trait_of::INSTALLER != 0;
    let renews = if current.task.hook == 0 { current.task.renews } else { 0 };
    let Some(file) = file.identity() else { return count(Counter::Unread) };
    let key = key(job.policy, &file);
    let mut row = Program::default();
    if installs || renews != 0 {
        // SAFETY: user space writes the rows of a policy before a job runs under it.
        let named = unsafe { PROGRAM_NAMES.get(&NameKey { name, policy: job.policy, reserved: 0 }) };
        if start == MAIN && !installs {
            row = Program { number: renews, traits: trait_of::SCRIPT, ..row };
        } else if let Some(named) = named
            && (installs || named.number == renews)
        {
            row = *named;
        }
    }
    if row.number == 0 {
        // An installer may write to what it likes.
        if !installs {
            forget(&PROGRAMS, &key);
        }
        return;
    }
    if !installs {
        row.traits |= trait_of::RENEWED;
    }
    if PROGRAMS.insert(&key, &row, 0).is_err() {
        count(Counter::ProgramsFull);
    }
}

/// `current`, whose arguments named a script, opened a file called `name` (its hash) for reading: the first of the script's
/// names decides.
#[inline(always)]
pub(crate) fn confirm(current: &mut Current<'_>, job: &Job, file: File, name: u64) {
    let Pending { leaves, program } = current.task.script;
    if program.number == 0 || !leaves.contains(&name) {
        return;
    }
    let hook = current.task.hook != 0;
    let confirmed = file.identity().and_then(|file| of(job.policy, &file)).is_some_and(|row| {
        let renewed = row.traits & trait_of::RENEWED != 0;
        row.number == program.number && !(renewed && hook)
    });
    current.task.script.program.number = 0;
    if confirmed {
        current.task.program = program.number;
        current.task.reads = program.reads;
        current.task.traits = program.traits | trait_of::INTERPRETER;
        current.task.line = current.task.script_line;
        current.task.renews = if program.traits & trait_of::RENEWS != 0 { program.number } else { 0 };
    }
    let record = Script {
        header: emit::header(kind::SCRIPT, current, now()),
        program: if confirmed { u32::from(program.number) } else { 0 },
        reserved: 0,
    };
    emit::process(&record, size_of::<Script>() as u64);
}
