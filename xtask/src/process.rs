//! Child processes, and root where it is needed.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, IsTerminal as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

/// Runs to the end, output going where ours goes; an exit status other than 0 is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run `{}`", shown(command)))?;
    ensure!(status.success(), "`{}` failed ({status})", shown(command));
    Ok(())
}

/// Runs to the end and returns standard output; on failure standard error is part of the message.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run `{}`", shown(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` failed ({}): {}", shown(command), output.status, said.trim());
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` printed something that is not UTF-8", shown(command)))
}

/// The command line, for messages.
pub(crate) fn shown(command: &Command) -> String {
    let words: Vec<_> =
        std::iter::once(command.get_program()).chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    words.join(" ")
}

/// The program in PATH, or where distributions keep root's programs.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|directory| directory.join(program))
        .find(|candidate| is_executable(candidate))
}

pub(crate) fn is_executable(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// The words to put in front of a command that needs root: none as root, `sudo` otherwise; `None` when there is no way.
pub(crate) fn root_prefix() -> Result<Option<Vec<&'static str>>> {
    let effective = fs::metadata("/proc/self").context("cannot read /proc/self")?.uid();
    Ok(if effective == 0 {
        Some(Vec::new())
    } else if find("sudo").is_none() {
        None
    } else if io::stdin().is_terminal() {
        Some(vec!["sudo"])
    } else {
        // Nobody can type a password.
        Some(vec!["sudo", "-n"])
    })
}

/// `program` as root. sudo resets the environment, so what the program needs of it goes through `env`.
pub(crate) fn as_root(program: &Path, environment: &[(&str, &OsStr)]) -> Result<Command> {
    let words = root_words(environment)?;
    let Some((first, rest)) = words.split_first() else {
        let mut command = Command::new(program);
        command.envs(environment.iter().copied());
        return Ok(command);
    };
    let mut command = Command::new(first);
    command.args(rest).arg(program);
    Ok(command)
}

/// The words that run what follows them as root with `environment` set; empty as root.
pub(crate) fn root_words(environment: &[(&str, &OsStr)]) -> Result<Vec<String>> {
    let Some(prefix) = root_prefix()? else {
        bail!("this needs root: run it as root, or install sudo");
    };
    if prefix.is_empty() {
        return Ok(Vec::new());
    }
    let mut words: Vec<String> = prefix.into_iter().map(String::from).collect();
    words.push("env".into());
    for (name, value) in environment {
        let value = value.to_str().with_context(|| format!("the value of {name} is not UTF-8"))?;
        words.push(format!("{name}={value}"));
    }
    Ok(words)
}
