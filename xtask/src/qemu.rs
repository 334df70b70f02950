//! One guest: QEMU by plain emulation, so that it runs where there is no hardware virtualisation.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::initramfs::{EXIT, START};

/// A panic ends the guest; `bpf` in the list of LSMs is what distributions turn on for such sensors.
const COMMAND_LINE: &str = "console=ttyS0 quiet loglevel=3 panic=-1 oops=panic mitigations=off audit=0 apparmor=0 \
                            tsc=reliable random.trust_cpu=on no_timer_check lsm=lockdown,capability,landlock,yama,bpf";
const MEMORY_MIB: &str = "1024";
const POLL: Duration = Duration::from_millis(50);

pub(crate) struct Guest {
    pub(crate) kernel: PathBuf,
    pub(crate) initramfs: PathBuf,
    /// For the two serial lines; exists.
    pub(crate) directory: PathBuf,
    /// Boot included.
    pub(crate) limit: Duration,
}

/// How the guest ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Its program ended with this status.
    Exited(u8),
    /// Its kernel or QEMU died first.
    Died(String),
    TimedOut,
}

pub(crate) struct Outcome {
    pub(crate) ending: Ending,
    /// What the program printed.
    pub(crate) lines: Vec<String>,
    /// What the kernel and QEMU said.
    pub(crate) console: Vec<String>,
    pub(crate) wall: Duration,
}

impl Guest {
    pub(crate) fn run(&self) -> Result<Outcome> {
        let [console, output, messages] = ["console", "output", "qemu"].map(|name| self.directory.join(name));
        let start = Instant::now();
        let log = File::create(&messages).with_context(|| format!("cannot create {}", messages.display()))?;
        let errors = log.try_clone().context("cannot share QEMU's log")?;
        let mut child = Command::new("qemu-system-x86_64")
            .args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"])
            .args(["-machine", "q35", "-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", MEMORY_MIB])
            .arg("-kernel")
            .arg(&self.kernel)
            .arg("-initrd")
            .arg(&self.initramfs)
            .args(["-append", COMMAND_LINE])
            .args(["-serial", &serial(&console), "-serial", &serial(&output)])
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .context("cannot run qemu-system-x86_64: run `cargo xtask setup`")?;
        let status = wait(&mut child, start + self.limit)?;
        let wall = start.elapsed();

        let (program, lines) = program_output(&read_lines(&output));
        let ending = match (program, status) {
            (Some(status), _) => Ending::Exited(status),
            (None, Some(status)) => Ending::Died(format!("qemu: {status}")),
            (None, None) => Ending::TimedOut,
        };
        let console = read_lines(&console).into_iter().chain(read_lines(&messages)).collect();
        Ok(Outcome { ending, lines, console, wall })
    }
}

/// `None` when it had to be killed.
fn wait(child: &mut Child, deadline: Instant) -> Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait().context("cannot wait for QEMU")? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            child.kill().context("cannot kill QEMU")?;
            child.wait().context("cannot wait for QEMU")?;
            return Ok(None);
        }
        thread::sleep(POLL);
    }
}

fn serial(file: &Path) -> String {
    format!("file:{}", file.display())
}

/// The lines of a serial line's file; none when the guest never opened it.
fn read_lines(file: &Path) -> Vec<String> {
    let bytes = fs::read(file).unwrap_or_default();
    String::from_utf8_lossy(&bytes).lines().map(|line| line.trim_end_matches('\r').to_owned()).collect()
}

/// The exit status, if the program ended, and the lines that are the program's.
fn program_output(lines: &[String]) -> (Option<u8>, Vec<String>) {
    let status = lines.iter().rev().find_map(|line| line.strip_prefix(EXIT)?.parse().ok());
    let is_mark = |line: &str| line.is_empty() || line.starts_with(START) || line.starts_with(EXIT);
    (status, lines.iter().filter(|line| !is_mark(line)).cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_told_from_the_lines() {
        let lines = |text: &str| text.lines().map(String::from).collect::<Vec<_>>();
        let (status, own) = program_output(&lines("#start 1.5 1.2\nok a\nnot ok b: why\n\n#exit 1"));
        assert_eq!(status, Some(1));
        assert_eq!(own, ["ok a", "not ok b: why"]);
        assert_eq!(program_output(&lines("#start 1.5 1.2\nok a")).0, None);
    }
}
