//! In enforce: a pipe of our own between the command and a pipe to the job's log, so that a leak there can be masked.
//!
//! The kernel side says that a leak begins before the first byte of it is in the pipe, so whoever reads that byte knows. Until then
//! everything passes as it is, and no later than it would.

use super::mask::Mask;
use crate::{kernel::Printed, live::LiveError};
use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::{FileType, Stat, fchown, fstat},
    io::{Errno, read, retry_on_intr, write},
    pipe::{PipeFlags, pipe_with},
    process::{Gid, Uid},
};
use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    process::Stdio,
    sync::Arc,
    thread::{self, JoinHandle},
};

/// Bytes read at once: what a pipe holds (pipe(7)).
const PIECE: usize = 65_536;

/// Pipes in place of the standard streams of the command that are pipes.
#[derive(Debug, Default)]
pub(in crate::live) struct Relays {
    relays: Vec<Relay>,
    /// Ends that the command gets.
    ends: [Option<OwnedFd>; 2],
}

#[derive(Debug)]
struct Relay {
    /// Of our pipe.
    from: OwnedFd,
    /// The log.
    to: OwnedFd,
}

impl Relays {
    /// One for standard output and one for standard error, or one for both where they are one pipe.
    ///
    /// # Errors
    /// When a pipe cannot be made.
    pub(in crate::live) fn new() -> Result<Self, LiveError> {
        Self::between(io::stdout().as_fd(), io::stderr().as_fd())
            .map_err(|errno| LiveError::system("cannot make a pipe")(errno.into()))
    }

    fn between(stdout: BorrowedFd<'_>, stderr: BorrowedFd<'_>) -> rustix::io::Result<Self> {
        let pipes = [stdout, stderr].map(|stream| fstat(stream).ok().filter(is_pipe));
        let mut relays = Self::default();
        let same = |a: &Stat, b: &Stat| (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino);
        for (n, stream) in [stdout, stderr].into_iter().enumerate() {
            let Some(stat) = &pipes[n] else { continue };
            if n == 1
                && let ([Some(first), _], Some(end)) = (&pipes, &relays.ends[0])
                && same(first, stat)
            {
                relays.ends[1] =
                    Some(end.try_clone().map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?);
                continue;
            }
            let (from, end) = pipe_with(PipeFlags::CLOEXEC)?;
            // Whoever may open the log anew (`/dev/stdout`) may do so with this.
            fchown(&end, Some(Uid::from_raw(stat.st_uid)), Some(Gid::from_raw(stat.st_gid)))?;
            let to = rustix::io::fcntl_dupfd_cloexec(stream, 0)?;
            relays.relays.push(Relay { from, to });
            relays.ends[n] = Some(end);
        }
        Ok(relays)
    }

    /// Streams of the command, where they are not the detector's own: standard output and standard error.
    pub(in crate::live) fn streams(&mut self) -> [Option<Stdio>; 2] {
        self.ends.each_mut().map(|end| end.take().map(Stdio::from))
    }

    /// Passes on what the command prints, until [`Relaying::end`].
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub(in crate::live) fn start(self, printed: Printed) -> Result<Relaying, LiveError> {
        let printed = Arc::new(printed);
        let mut threads = Vec::new();
        let (ended, end) =
            pipe_with(PipeFlags::CLOEXEC).map_err(|errno| LiveError::system("cannot make a pipe")(errno.into()))?;
        let ended = Arc::new(ended);
        for relay in self.relays {
            let (printed, ended) = (Arc::clone(&printed), Arc::clone(&ended));
            let work = move || pass(relay, Some(ended.as_fd()), &|| printed.get());
            let thread = thread::Builder::new().name("relay".to_owned()).spawn(work);
            threads.push(thread.map_err(LiveError::system("cannot start a thread"))?);
        }
        Ok(Relaying { threads, end })
    }
}

/// What passes on what the command prints.
#[derive(Debug)]
pub(in crate::live) struct Relaying {
    threads: Vec<JoinHandle<Option<Rest>>>,
    /// Closed when the command has ended.
    end: OwnedFd,
}

/// A pipe in which something may still come: the command left processes behind.
#[derive(Debug)]
pub(in crate::live) struct Rest {
    /// Our pipe.
    pub(in crate::live) from: OwnedFd,
    /// The log.
    pub(in crate::live) to: OwnedFd,
}

impl Relaying {
    /// The command has ended: passes on what is there, and returns where more may come.
    pub(in crate::live) fn end(self) -> Vec<Rest> {
        drop(self.end);
        self.threads.into_iter().filter_map(|thread| thread.join().ok().flatten()).collect()
    }
}

/// Passes on all that comes until nobody can write any more, or, with `ended`, until that is closed and nothing is there.
/// The pipe where somebody still can.
fn pass(relay: Relay, ended: Option<BorrowedFd<'_>>, masks: &dyn Fn() -> bool) -> Option<Rest> {
    let Relay { from, to: log } = relay;
    let mut piece = vec![0; PIECE];
    let mut mask = None;
    // Once it has ended: who was left behind may print without end.
    let (mut ending, mut last) = (false, PIECE);
    loop {
        if let Some(ended) = ended {
            let mut polled = [PollFd::new(&from, PollFlags::IN), PollFd::from_borrowed_fd(ended, PollFlags::IN)];
            retry_on_intr(|| poll(&mut polled, None)).ok()?;
            if polled[0].revents().is_empty() || last == 0 {
                return Some(Rest { from, to: log });
            }
            ending = !polled[1].revents().is_empty();
        }
        let room = if ending { last } else { PIECE };
        let len = retry_on_intr(|| read(&from, &mut piece[..room])).ok().filter(|len| *len > 0)?;
        if ending {
            last -= len;
        }
        let piece = &piece[..len];
        if mask.is_none() && masks() {
            mask = Some(Mask::new(std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true")));
        }
        match &mut mask {
            None => print(&log, piece)?,
            Some(mask) => print(&log, &mask.apply(piece))?,
        }
    }
}

/// Writes all of `bytes` to the log; `None` where nobody reads it any more: then the command is told so, as without us.
fn print(log: &OwnedFd, mut bytes: &[u8]) -> Option<()> {
    while !bytes.is_empty() {
        match retry_on_intr(|| write(log, bytes)) {
            Ok(len) => bytes = bytes.get(len..)?,
            // Another process that has the log may have said that it does not wait.
            Err(Errno::AGAIN) => _ = retry_on_intr(|| poll(&mut [PollFd::new(log, PollFlags::OUT)], None)).ok()?,
            Err(errno) => {
                if errno != Errno::PIPE {
                    tracing::warn!("cannot pass on what the command prints: {errno}");
                }
                return None;
            }
        }
    }
    Some(())
}

/// What is left behind by a command prints from standard input to standard output, until nobody can any more.
///
/// # Errors
/// When the streams cannot be had.
pub fn relay_the_rest(masks: bool) -> Result<(), LiveError> {
    let duplicate = |stream: BorrowedFd<'_>| {
        stream.try_clone_to_owned().map_err(LiveError::system("cannot duplicate a descriptor"))
    };
    let relay = Relay { from: duplicate(io::stdin().as_fd())?, to: duplicate(io::stdout().as_fd())? };
    pass(relay, None, &|| masks);
    Ok(())
}

fn is_pipe(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Fifo
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;
    use std::{
        fs::File,
        io::{Read, Write},
    };

    /// Both ends of a pipe.
    fn pipe() -> (File, File) {
        let (from, to) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        (from.into(), to.into())
    }

    #[test]
    fn one_pipe_for_both_streams_where_they_are_one() {
        let ((_a, first), (_b, second)) = (pipe(), pipe());
        let null = File::open("/dev/null").unwrap();
        for (stdout, stderr, pipes, ends) in [
            (&first, &second, 2, [true, true]),
            (&first, &first, 1, [true, true]),
            (&first, &null, 1, [true, false]),
            (&null, &null, 0, [false, false]),
        ] {
            let relays = Relays::between(stdout.as_fd(), stderr.as_fd()).unwrap();
            assert_eq!(relays.relays.len(), pipes);
            assert_eq!(relays.ends.each_ref().map(Option::is_some), ends);
        }
    }

    #[test]
    fn what_comes_goes_on_until_the_end() {
        let ((mut log, to), (from, mut job), (ended, end)) = (pipe(), pipe(), pipe());
        let relay = Relay { from: from.into(), to: to.into() };
        let passing = thread::spawn(move || pass(relay, Some(ended.as_fd()), &|| false));
        let mut line = [0; 6];
        job.write_all(b"first\n").unwrap();
        log.read_exact(&mut line).unwrap();
        job.write_all(b"last.\n").unwrap();
        drop(end);
        let rest = passing.join().unwrap().expect("the job's end is still open");
        log.read_exact(&mut line).unwrap();
        assert_eq!(&line, b"last.\n");
        job.write_all(b"later\n").unwrap();
        drop(job);
        assert!(pass(Relay { from: rest.from, to: rest.to }, None, &|| true).is_none());
        log.read_exact(&mut line).unwrap();
        assert_eq!((&line, log.read(&mut [0]).unwrap()), (b"later\n", 0));
    }

    #[test]
    fn who_is_not_read_any_more_is_told() {
        let ((log, to), (from, mut job)) = (pipe(), pipe());
        drop(log);
        job.write_all(b"x").unwrap();
        assert!(pass(Relay { from: from.into(), to: to.into() }, None, &|| false).is_none());
        assert_eq!(job.write_all(b"y").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
