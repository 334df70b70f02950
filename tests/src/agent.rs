//! A make-believe CI agent: a process that looks like the runner's worker and holds a job secret, outside the job.

use crate::{
    canary::{self, Canary},
    fixture,
};
use anyhow::{Context as _, bail};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::{fs::symlink, process::CommandExt as _},
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// What the worker's command line looks like.
pub const ARGV0: &str = "/home/runner/runners/2.3/bin/Runner.Worker";

/// A running agent; killed on drop.
#[derive(Debug)]
pub struct Agent {
    child: Child,
    canaries: [Canary; 2],
    _directory: TempDir,
}

impl Agent {
    /// Starts one and waits until it holds its secret.
    pub fn start() -> anyhow::Result<Self> {
        let canaries = [Canary::fresh("runner-memory")?, Canary::fresh("foreign-environ")?];
        // The link gives the kernel's name of the process; a copy could be busy while another test forks.
        let directory = tempfile::Builder::new().prefix("detector-agent-").tempdir()?;
        let program = directory.path().join("Runner.Worker");
        symlink(fixture::binary("agent")?, &program)?;
        let mut child = Command::new(program)
            .arg0(ARGV0)
            .args(["spawnclient", "1", "2"])
            .env_clear()
            .env("CANARY_TOKEN", canaries[1].value())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the agent")?;
        // By stdin, so that the secret is in its memory only. The agent ends with this pipe, even if this process is killed.
        child.stdin.as_mut().map(|stdin| writeln!(stdin, "{}", canaries[0].value())).transpose()?;
        let mut ready = String::new();
        child.stdout.take().map(|stdout| BufReader::new(stdout).read_line(&mut ready)).transpose()?;
        let agent = Self { child, canaries, _directory: directory };
        if ready != "ready\n" {
            bail!("the agent did not start");
        }
        Ok(agent)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The secret on its heap, as `"CANARY_NAME":{"value":"…","isSecret":true}`.
    pub fn memory(&self) -> &Canary {
        &self.canaries[0]
    }

    /// The secret in its environment, as `CANARY_TOKEN`.
    pub fn environ(&self) -> &Canary {
        &self.canaries[1]
    }

    /// Both.
    pub fn canaries(&self) -> &[Canary] {
        &self.canaries
    }

    /// Whether it still runs: a sensor must leave it alone.
    pub fn alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Panics when either left a trace in `bytes`; see [`canary::assert_absent`].
    ///
    /// # Panics
    /// That is its purpose.
    #[track_caller]
    pub fn assert_absent_from(&self, what: &str, bytes: &[u8]) {
        canary::assert_absent(&self.canaries, what, bytes);
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended by itself.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
