//! Signals while the command runs: what is meant for the job goes to it, and the sensor stays.

use super::{LiveError, disposition::Ignored};
use rustix::{
    process::{Pid, Signal, getpgrp, kill_process},
    termios::tcgetpgrp,
};
use std::fs::File;
use tokio::signal::unix::{self, SignalKind};

/// What the detector catches while a command runs.
pub(super) struct Signals {
    child: unix::Signal,
    interrupt: Caught,
    quit: Caught,
    terminate: Caught,
    hangup: Caught,
    user: [Caught; 2],
}

/// A signal that is caught, or that was ignored from the start and stays so, here and in the command.
struct Caught(Option<unix::Signal>);

impl Caught {
    fn new(kind: SignalKind, ignored: Ignored) -> Result<Self, LiveError> {
        if ignored.contains(kind.as_raw_value()) {
            Ok(Self(None))
        } else {
            catch(kind).map(|caught| Self(Some(caught)))
        }
    }

    async fn recv(&mut self) {
        match &mut self.0 {
            Some(signal) => _ = signal.recv().await,
            None => std::future::pending().await,
        }
    }
}

fn catch(kind: SignalKind) -> Result<unix::Signal, LiveError> {
    unix::signal(kind).map_err(LiveError::system("cannot catch signals"))
}

impl Signals {
    /// Catches from now on. Caught, not ignored: the command starts with its own dispositions (execve(2)).
    pub(super) fn catch(ignored: Ignored) -> Result<Self, LiveError> {
        let caught = |kind| Caught::new(kind, ignored);
        Ok(Self {
            child: catch(SignalKind::child())?,
            interrupt: caught(SignalKind::interrupt())?,
            quit: caught(SignalKind::quit())?,
            terminate: caught(SignalKind::terminate())?,
            hangup: caught(SignalKind::hangup())?,
            user: [caught(SignalKind::user_defined1())?, caught(SignalKind::user_defined2())?],
        })
    }

    /// Waits until a child may have ended, passing on to `command` what only the detector was sent. A terminal's
    /// interrupt reaches the whole foreground group by itself.
    pub(super) async fn child(&mut self, command: Pid) {
        let [first, second] = &mut self.user;
        loop {
            let signal = tokio::select! {
                _ = self.child.recv() => return,
                () = self.interrupt.recv() => Signal::INT,
                () = self.quit.recv() => Signal::QUIT,
                () = self.terminate.recv() => Signal::TERM,
                () = self.hangup.recv() => Signal::HUP,
                () = first.recv() => Signal::USR1,
                () = second.recv() => Signal::USR2,
            };
            if matches!(signal, Signal::INT | Signal::QUIT) && in_foreground() {
                continue;
            }
            if let Err(errno) = kill_process(command, signal) {
                tracing::debug!("the command could not be sent a signal: {errno}");
            }
        }
    }
}

/// Whether a terminal may have sent what came: its foreground group is ours, the command's too. A runner that cancels
/// a job has no terminal, and sends to the process that it started.
fn in_foreground() -> bool {
    File::open("/dev/tty").is_ok_and(|terminal| tcgetpgrp(terminal).is_ok_and(|group| group == getpgrp()))
}
