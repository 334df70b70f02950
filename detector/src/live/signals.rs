//! Signals while the command runs: what is meant for the job goes to it, and the sensor stays.

use super::LiveError;
use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};

/// What the detector catches while a command runs.
pub(super) struct Signals {
    child: tokio::signal::unix::Signal,
    terminal: [tokio::signal::unix::Signal; 2],
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    /// Catches from now on. Caught, not ignored: the command starts with its own dispositions (execve(2)).
    pub(super) fn catch() -> Result<Self, LiveError> {
        let catch = |kind| signal(kind).map_err(LiveError::system("cannot catch signals"));
        Ok(Self {
            child: catch(SignalKind::child())?,
            terminal: [catch(SignalKind::interrupt())?, catch(SignalKind::quit())?],
            terminate: catch(SignalKind::terminate())?,
            hangup: catch(SignalKind::hangup())?,
        })
    }

    /// Waits until a child may have ended, passing on to `command` what only the detector was sent. The
    /// terminal's interrupt reaches the whole foreground group by itself.
    pub(super) async fn child(&mut self, command: Pid) {
        let [interrupt, quit] = &mut self.terminal;
        loop {
            let signal = tokio::select! {
                _ = self.child.recv() => return,
                _ = interrupt.recv() => continue,
                _ = quit.recv() => continue,
                _ = self.terminate.recv() => Signal::TERM,
                _ = self.hangup.recv() => Signal::HUP,
            };
            if let Err(errno) = kill_process(command, signal) {
                tracing::debug!("the command could not be sent a signal: {errno}");
            }
        }
    }
}
