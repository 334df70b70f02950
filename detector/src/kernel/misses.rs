//! Calls that the kernel did not make: a program of a tracepoint is not entered on a processor where it runs already
//! (`__bpf_trace_run` in kernel/trace/bpf_trace.c, since 6.1), and none of a trace event where any of such runs, or somebody uses a map
//! from user space (`trace_call_bpf`, same file).
//!
//! What runs with preemption off can only be met by an interrupt, which brings packets and ends of requests; where tracepoints may be
//! preempted (since 7.0), whoever runs next can miss any of them.

use super::{KernelError, sensor::chain};
use aya::programs::{ProgramFd, links::FdLink, loaded_programs};
use detector_common::counter::Counter;
use std::{
    collections::BTreeMap,
    error::Error,
    fs, io,
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
};

/// The programs that may be missed.
#[derive(Debug, Default)]
pub(super) struct Misses(Vec<Watched>);

#[derive(Debug)]
struct Watched {
    counter: Counter,
    program: OwnedFd,
}

/// What counts the missed calls of the program of this name. That of sockets only clears up: the mark of one that is gone stays until
/// its time is over.
fn counter(name: &str) -> Counter {
    if name == "inet_sock_set_state" { Counter::MissedState } else { Counter::Missed }
}

impl Misses {
    /// The program of this name may be missed.
    pub(super) fn watch(&mut self, name: &str, program: &ProgramFd) -> io::Result<()> {
        self.0.push(Watched { counter: counter(name), program: program.as_fd().try_clone_to_owned()? });
        Ok(())
    }

    /// The programs that others left behind these links.
    pub(super) fn of<'a>(links: impl Iterator<Item = (&'a str, &'a FdLink)>) -> Result<Self, KernelError> {
        let failed = |error: &(dyn Error + 'static)| KernelError::Missed { reason: chain(error) };
        let mut misses = Self::default();
        for (name, link) in links {
            let id = link.info().map_err(|error| failed(&error))?.program_id();
            let gone = || KernelError::Missed { reason: format!("the program of {name} is not there") };
            let program = loaded_programs().flatten().find(|program| program.id() == id).ok_or_else(gone)?;
            let program = program.fd().map_err(|error| failed(&error))?;
            misses.watch(name, &program).map_err(|error| failed(&error))?;
        }
        Ok(misses)
    }

    /// So far; zero ones left out.
    pub(super) fn counted(&self) -> Result<BTreeMap<&'static str, u64>, KernelError> {
        let mut sums = BTreeMap::new();
        for Watched { counter, program } in &self.0 {
            let path = format!("/proc/self/fdinfo/{}", program.as_raw_fd());
            let text = fs::read_to_string(path).map_err(|error| KernelError::Missed { reason: error.to_string() })?;
            match said(&text) {
                0 => {}
                missed => *sums.entry(counter.name()).or_default() += missed,
            }
        }
        Ok(sums)
    }
}

/// What `bpf_prog_show_fdinfo` (kernel/bpf/syscall.c) says of a program; nothing where programs are never missed.
fn said(text: &str) -> u64 {
    let missed = text.lines().find_map(|line| line.strip_prefix("recursion_misses:"));
    missed.and_then(|missed| missed.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says() {
        assert_eq!(said("pos:\t0\nprog_type:\t26\nrun_cnt:\t0\nrecursion_misses:\t17\nverified_insns:\t9\n"), 17);
        assert_eq!(said("pos:\t0\nprog_type:\t26\n"), 0);
    }
}
