//! Programs on their way through the verifier.

use super::{
    KernelError,
    programs::{self, Placement},
    sensor::chain,
};
use aya::{
    Btf, Ebpf,
    programs::{BtfTracePoint, CgroupSkb, CgroupSock, CgroupSockAddr, Program, ProgramError},
};
use std::{
    collections::HashMap,
    error::Error,
    num::NonZero,
    panic::resume_unwind,
    sync::{Mutex, PoisonError},
    thread,
};

/// Most programs that are loaded at a time.
const LOADERS: usize = 8;

/// Loads every program, those of `rings` where there are such, as many at a time as there are processors: the verifier takes most of the time of a start, and looks at
/// several at once for who is privileged (`bpf_check` in kernel/bpf/verifier.c).
pub(super) fn every(ebpf: &mut Ebpf, btf: &Btf, rings: bool) -> Result<(), KernelError> {
    let mut found: HashMap<_, _> = ebpf.programs_mut().collect();
    let mut queue = Vec::new();
    for program in programs::all(rings).rev() {
        let absent = || KernelError::Program { program: program.name, reason: "not in the object".to_owned() };
        let loaded = found.remove(program.name).ok_or_else(absent)?;
        queue.push((program, loaded));
    }
    let queue = Mutex::new(queue);
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let work = || {
        while let Some((program, loaded)) = next() {
            if let Err(error) = load(loaded, program, btf) {
                // One is enough.
                queue.lock().unwrap_or_else(PoisonError::into_inner).clear();
                return Err(refused(program.name, error.as_ref()));
            }
        }
        Ok(())
    };
    let others = thread::available_parallelism().map_or(1, NonZero::get).min(LOADERS) - 1;
    thread::scope(|scope| {
        let others: Vec<_> = (0..others).map(|_| scope.spawn(work)).collect();
        let own = work();
        others.into_iter().fold(own, |all, other| all.and(other.join().unwrap_or_else(|panic| resume_unwind(panic))))
    })
}

fn load(loaded: &mut Program, program: &programs::Program, btf: &Btf) -> Result<(), Box<dyn Error>> {
    match program.placement {
        Placement::Tracepoint | Placement::Step { .. } => match loaded {
            Program::TracePoint(loaded) => loaded.load()?,
            loaded => <&mut BtfTracePoint>::try_from(loaded)?.load(program.tracepoint(), btf)?,
        },
        Placement::Address => <&mut CgroupSockAddr>::try_from(loaded)?.load()?,
        Placement::Socket => <&mut CgroupSock>::try_from(loaded)?.load()?,
        Placement::Packet(_) | Placement::PacketStep { .. } => <&mut CgroupSkb>::try_from(loaded)?.load()?,
    }
    Ok(())
}

/// The end of the verifier's log says what it minds.
pub(super) fn refused(program: &'static str, error: &(dyn Error + 'static)) -> KernelError {
    const LINES: usize = 12;
    let reason = match error.downcast_ref::<ProgramError>() {
        Some(ProgramError::LoadError { io_error, verifier_log }) => {
            let log = verifier_log.to_string();
            let lines: Vec<&str> = log.lines().collect();
            let tail = lines[lines.len().saturating_sub(LINES)..].join("\n");
            format!("{io_error}\n{tail}")
        }
        _ => chain(error),
    };
    KernelError::Program { program, reason }
}
