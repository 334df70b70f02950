//! The kernel side where it watches a whole host: agents are looked for, and jobs come and go.

use super::{
    KernelError, Sensor,
    abi::Abi,
    rings::monotonic,
    sensor::{absent, map, typed},
};
use aya::maps::{Array, HashMap, MapData, Queue};
use detector_common::{
    host::AddressKey,
    identity::ObjectKey,
    record::{self, Header, kind},
    set::GrowingSet,
    state::{Global, Job, Object, Progress, Socket, Task},
    watch::{Component, hash},
};
use zerocopy::{FromBytes, transmute};

/// What the kernel side says of agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A process outside of every job runs a program that is called as an agent's.
    Began {
        /// Its id.
        pid: u32,
        /// When it started, `CLOCK_BOOTTIME` nanoseconds.
        start: u64,
        /// Its parent's id.
        parent: u32,
        /// The job that it was given; 0 for none.
        job: u32,
        /// When it ran that program, on the same clock.
        time: u64,
        /// Which of the names it has that are looked for, from 0.
        name: usize,
    },
    /// A worker ended.
    Ended {
        /// Its job.
        job: u32,
    },
}

/// A worker forked a process, which is a step of its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forked {
    /// The step.
    pub step: u32,
    /// The process.
    pub pid: u32,
    /// When, `CLOCK_BOOTTIME` nanoseconds.
    pub time: u64,
}

impl Notice {
    /// What `bytes`, a record, says of a step that begins.
    pub fn step(bytes: &[u8]) -> Option<Forked> {
        let record = record::Fork::read_from_bytes(bytes).ok()?;
        // The worker is of no step.
        let begins = record.header.kind == kind::FORK && record.header.step == 0;
        begins.then_some(Forked { step: record.step, pid: record.child.pid, time: record.header.time })
    }

    /// The notice that `bytes`, a record, is.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let (header, _) = Header::read_from_prefix(bytes).ok()?;
        match header.kind {
            kind::WORKER => {
                let record::Worker { parent, name, .. } = record::Worker::read_from_bytes(bytes).ok()?;
                let (pid, start) = (header.process.pid, header.process.start);
                Some(Self::Began { pid, start, parent, job: header.job, time: header.time, name: name as usize })
            }
            kind::WORKER_EXIT => Some(Self::Ended { job: header.job }),
            _ => None,
        }
    }
}

/// Whether the record says that a process ended which wrote a file that may name places of its own.
pub fn is_authors_end(bytes: &[u8]) -> bool {
    record::Exit::read_from_bytes(bytes).is_ok_and(|exit| exit.header.kind == kind::EXIT && exit.author != 0)
}

/// The job that a record is of; 0 where it is none.
pub fn job_of(bytes: &[u8]) -> u32 {
    Header::read_from_prefix(bytes).map_or(0, |(header, _)| header.job)
}

impl Sensor {
    /// From now on programs of these names are agents'; with each, whether whoever runs it is a worker at once.
    ///
    /// # Errors
    /// When a map cannot be written.
    pub fn look_for<'a>(&mut self, leaves: impl Iterator<Item = (&'a str, bool)>) -> Result<(), KernelError> {
        let mut agents: HashMap<_, u64, u32> = typed(&mut self.maps, "AGENTS")?;
        for (number, (leaf, at_once)) in (0..).zip(leaves) {
            let key = hash(&transmute!(Component::new(leaf.as_bytes())));
            agents.insert(key, number << 1 | u32::from(at_once), 0).map_err(|error| map("AGENTS", "write", &error))?;
        }
        let global = self.maps.map_mut("GLOBAL").ok_or_else(|| absent("GLOBAL"))?;
        let mut global: Array<&mut MapData, Abi<Global>> =
            global.try_into().map_err(|error| map("GLOBAL", "open", &error))?;
        let Abi(now) = global.get(&0, 0).map_err(|error| map("GLOBAL", "read", &error))?;
        global.set(0, Abi(Global { hosting: 1, ..now }), 0).map_err(|error| map("GLOBAL", "write", &error))
    }

    /// The next worker that is found may have this job, which was set.
    ///
    /// # Errors
    /// When there is no room.
    pub fn offer_job(&mut self, job: u32) -> Result<(), KernelError> {
        self.free()?.push(job, 0).map_err(|error| map("FREE", "write", &error))
    }

    /// Takes a job that was offered, if there is one.
    ///
    /// # Errors
    /// When the map cannot be had.
    pub fn take_job(&mut self) -> Result<Option<u32>, KernelError> {
        Ok(self.free()?.pop(0).ok())
    }

    fn free(&mut self) -> Result<Queue<&mut MapData, u32>, KernelError> {
        let free = self.maps.map_mut("FREE").ok_or_else(|| absent("FREE"))?;
        free.try_into().map_err(|error| map("FREE", "open", &error))
    }

    /// All jobs that are there, with the id of the policy that each is under.
    ///
    /// # Errors
    /// When the map cannot be had.
    pub fn jobs(&mut self) -> Result<Vec<(u32, u32)>, KernelError> {
        let jobs: HashMap<_, u32, Abi<Job>> = typed(&mut self.maps, "JOBS")?;
        Ok(jobs.iter().flatten().map(|(job, Abi(value))| (job, value.policy)).collect())
    }

    /// All workers, by process id, with their jobs.
    ///
    /// # Errors
    /// When the map cannot be had.
    pub fn workers(&mut self) -> Result<Vec<(u32, u32)>, KernelError> {
        let workers: HashMap<_, u32, u32> = typed(&mut self.maps, "WORKERS")?;
        Ok(workers.iter().flatten().collect())
    }

    /// Forgets what is kept of `job`, of which no process is left, and the job itself. False where a socket still carries something
    /// of it: then nothing is forgotten.
    ///
    /// # Errors
    /// When a map cannot be had.
    pub fn forget_job(&mut self, job: u32) -> Result<bool, KernelError> {
        let sockets: HashMap<_, u64, Abi<Socket>> = typed(&mut self.maps, "SOCKETS")?;
        let now = monotonic();
        let gone: Vec<_> = sockets.iter().flatten().filter(|(_, Abi(socket))| socket.job == job).collect();
        if gone.iter().any(|(_, Abi(socket))| !socket.is_gone(now)) {
            return Ok(false);
        }
        let tasks: HashMap<_, u32, Abi<Task>> = typed(&mut self.maps, "TASKS")?;
        if tasks.iter().flatten().any(|(_, Abi(task))| task.job == job) {
            return Ok(false);
        }
        let gone: Vec<_> = gone.into_iter().map(|(cookie, _)| cookie).collect();
        let mut sockets: HashMap<_, u64, Abi<Socket>> = typed(&mut self.maps, "SOCKETS")?;
        // Marks whose end was not seen would take up room for ever.
        gone.iter().for_each(|cookie| _ = sockets.remove(cookie));
        let mut objects: HashMap<_, Abi<ObjectKey>, Abi<Object>> = typed(&mut self.maps, "OBJECTS")?;
        let own: Vec<_> = objects.keys().flatten().filter(|Abi(key)| key.job == job).collect();
        // Whatever is not there any more needs not go.
        own.iter().for_each(|key| _ = objects.remove(key));
        let mut addresses: HashMap<_, Abi<AddressKey>, Abi<GrowingSet>> = typed(&mut self.maps, "ADDRESSES")?;
        let own: Vec<_> = addresses.keys().flatten().filter(|Abi(key)| key.job == job).collect();
        own.iter().for_each(|key| _ = addresses.remove(key));
        self.forget_kept(job)?;
        let mut jobs: HashMap<_, u32, Abi<Job>> = typed(&mut self.maps, "JOBS")?;
        let _ = jobs.remove(&job);
        let mut progress: HashMap<_, u32, Abi<Progress>> = typed(&mut self.maps, "PROGRESS")?;
        let _ = progress.remove(&job);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use detector_common::identity::ProcessId;
    use zerocopy::IntoBytes;

    #[test]
    fn notices_are_told_from_events() {
        let process = ProcessId { start: 7, pid: 12, reserved: 0 };
        let header = Header { kind: kind::WORKER, job: 3, time: 9, process, ..Header::default() };
        let mut worker = record::Worker { header, parent: 11, name: 5 };
        let began = Notice::Began { pid: 12, start: 7, parent: 11, job: 3, time: 9, name: 5 };
        assert_eq!(Notice::of(worker.as_bytes()), Some(began));
        worker.header.kind = kind::WORKER_EXIT;
        assert_eq!(Notice::of(worker.as_bytes()), Some(Notice::Ended { job: 3 }));
        worker.header.kind = kind::EXIT;
        assert_eq!(Notice::of(worker.as_bytes()), None);
        assert_eq!(Notice::of(&worker.as_bytes()[..20]), None);
        assert_eq!(job_of(worker.as_bytes()), 3);
    }
}
