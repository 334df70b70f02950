//! The detector's command line as a user has it: own streams, signals and mounts, and waits that end.

use crate::{run::DETECTOR_BIN, stream::Stream};
use anyhow::{Context as _, bail};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open},
};
use std::{
    env,
    ffi::OsStr,
    fs,
    io::Write as _,
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// What a start of the sensor, a command and its end may take together on a machine under load.
pub const LIMIT: Duration = Duration::from_secs(120);

const TICK: Duration = Duration::from_millis(5);

/// The detector's binary, as `$DETECTOR_BIN` names it; absolute.
pub fn binary() -> anyhow::Result<PathBuf> {
    let named = env::var_os(DETECTOR_BIN)
        .with_context(|| format!("{DETECTOR_BIN} is not set: set it to the path of the detector's binary"))?;
    let path = PathBuf::from(named);
    fs::canonicalize(&path).with_context(|| format!("no detector at {}", path.display()))
}

/// `program` with a plain environment: nothing of the test's own. A panic in it would print a backtrace.
pub fn plain(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    let environment = [("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), ("LANG", "C.UTF-8")];
    command.env_clear().envs(environment).env("RUST_BACKTRACE", "1");
    command
}

/// `detector ARGUMENTS...` with a plain environment.
pub fn detector(arguments: impl IntoIterator<Item: AsRef<OsStr>>) -> anyhow::Result<Command> {
    let mut command = plain(binary()?);
    command.args(arguments);
    Ok(command)
}

/// Runs `command` to its end with nothing on its stdin.
pub fn run(command: &mut Command) -> anyhow::Result<Finished> {
    Running::start(command.stdin(Stdio::null()))?.finish()
}

/// Waits until `holds`; false at the deadline.
pub fn until(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if holds() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(TICK);
    }
}

/// A command that runs, its output collected; killed on drop.
pub struct Running {
    child: Child,
    streams: Option<[Stream; 2]>,
    started: Instant,
}

impl Running {
    /// Starts `command`; its stdin stays as set there.
    pub fn start(command: &mut Command) -> anyhow::Result<Self> {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {command:?}"))?;
        let streams = Some([Stream::collect(child.stdout.take())?, Stream::collect(child.stderr.take())?]);
        Ok(Self { child, streams, started: Instant::now() })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its stdin, where that is a pipe.
    pub fn stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Writes all of `bytes` to its stdin, on a thread of its own, and closes it.
    pub fn feed(&mut self, bytes: Vec<u8>) -> anyhow::Result<()> {
        let mut stdin = self.stdin().context("stdin is no pipe")?;
        // A reader that ended early is seen by what it printed.
        thread::Builder::new().name("stdin".to_owned()).spawn(move || _ = stdin.write_all(&bytes))?;
        Ok(())
    }

    /// Sends `signal` to it alone.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        Ok(kill_process(raw(self.child.id())?, signal)?)
    }

    /// Its stdout so far, as text.
    pub fn out(&self) -> String {
        let out = self.streams.as_ref().map(|[out, _]| out.so_far()).unwrap_or_default();
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Waits until its stdout contains `text`.
    pub fn says(&self, text: &str) -> anyhow::Result<()> {
        if until(LIMIT, || self.out().contains(text)) {
            return Ok(());
        }
        let stderr = self.streams.as_ref().map(|[_, err]| err.so_far()).unwrap_or_default();
        bail!("never said {text:?}; stderr: {}", String::from_utf8_lossy(&stderr))
    }

    /// Waits for its end.
    pub fn finish(mut self) -> anyhow::Result<Finished> {
        let status = self.wait()?;
        let [stdout, stderr] = self.streams.take().map(|streams| streams.map(Stream::finish)).unwrap_or_default();
        let finished = Finished { status, elapsed: self.started.elapsed(), stdout, stderr };
        if self.started.elapsed() > LIMIT {
            bail!("did not end within {LIMIT:?} and was killed: {finished:?}");
        }
        Ok(finished)
    }

    fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        let pidfd = pidfd_open(raw(self.child.id())?, PidfdFlags::empty())?;
        let left = LIMIT.saturating_sub(self.started.elapsed());
        let limit = Timespec { tv_sec: i64::try_from(left.as_secs())?, tv_nsec: i64::from(left.subsec_nanos()) };
        if poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&limit))? == 0 {
            self.child.kill()?;
        }
        Ok(self.child.wait()?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn raw(pid: u32) -> anyhow::Result<Pid> {
    Pid::from_raw(i32::try_from(pid)?).context("no process has id 0")
}

/// How a command ended.
pub struct Finished {
    /// Its status.
    pub status: ExitStatus,
    /// Wall time.
    pub elapsed: Duration,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

impl Finished {
    /// The exit code; absent when a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The signal that ended it.
    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// Standard output as text.
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text.
    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Panics unless it ended with `code`, without a panic of its own, and standard error contains all of `says`.
    ///
    /// # Panics
    /// That is its purpose.
    #[track_caller]
    pub fn assert_ended(&self, code: i32, says: &[&str]) {
        let err = self.err();
        for sign in ["panicked at", "stack backtrace", "RUST_BACKTRACE"] {
            assert!(!err.contains(sign), "a panic: {self:?}");
        }
        assert_eq!(self.code(), Some(code), "{self:?}");
        for said in says {
            assert!(err.contains(said), "no {said:?}: {self:?}");
        }
    }
}

impl std::fmt::Debug for Finished {
    /// As a person would have seen it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { status, elapsed, .. } = self;
        write!(f, "{status} after {elapsed:?}\nstdout: {}\nstderr: {}", self.out(), self.err())
    }
}
