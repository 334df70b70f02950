//! The daemon's settings, as written.

use crate::engine::Mode;
use serde::Deserialize;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Runners with policies of their own: the kernel side has room for those and one more, twice, while they are read anew.
const RUNNERS: usize = 3;
/// Bytes of a file of settings.
const BYTES: u64 = 64 << 10;

/// The daemon's settings.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Version of the form: 1.
    pub version: u64,
    /// Policy file; the builtin policy where none is named.
    #[serde(default)]
    pub policy: Option<PathBuf>,
    /// Mode; else the policy's, else audit.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// Where each job's recording and report goes.
    #[serde(default = "directory")]
    pub directory: PathBuf,
    /// Where the daemon is asked.
    #[serde(default = "socket")]
    pub socket: PathBuf,
    /// Home of the user whose jobs run here: what credential files there say of their own places before a job is believed.
    #[serde(default)]
    pub home: Option<PathBuf>,
    /// Ended jobs whose files are kept; the oldest go.
    #[serde(default = "keep")]
    pub keep: usize,
    /// Seconds after which a worker that has many jobs, and runs nothing, has ended the one that it had.
    #[serde(default = "idle")]
    pub idle: u64,
    /// Runners whose jobs are under a policy of their own.
    #[serde(default)]
    pub runners: Vec<Runner>,
}

/// A runner whose jobs are under a policy of their own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Runner {
    /// Its directory: the one above that of its worker's program.
    pub at: PathBuf,
    /// Policy file; that of all others where none is named.
    #[serde(default)]
    pub policy: Option<PathBuf>,
    /// As [`Config::home`].
    #[serde(default)]
    pub home: Option<PathBuf>,
}

fn directory() -> PathBuf {
    "/var/lib/detector".into()
}

fn socket() -> PathBuf {
    "/run/detector/control.sock".into()
}

fn keep() -> usize {
    1_000
}

fn idle() -> u64 {
    30
}

/// Why there are no settings to go by.
#[derive(Debug, thiserror::Error)]
pub enum BadConfig {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not what it should be.
    #[error("{path}: {reason}")]
    Form {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl Default for Config {
    fn default() -> Self {
        Self {
            version: 1,
            policy: None,
            mode: None,
            directory: directory(),
            socket: socket(),
            home: None,
            keep: keep(),
            idle: idle(),
            runners: Vec::new(),
        }
    }
}

impl Config {
    /// Reads the settings in the file at `path`.
    ///
    /// # Errors
    /// When it cannot be read, has unknown or bad settings, or paths that are not absolute.
    pub fn load(path: &Path) -> Result<Self, BadConfig> {
        let failed = |source| BadConfig::Read { path: path.to_owned(), source };
        let form = |reason: String| BadConfig::Form { path: path.to_owned(), reason };
        if fs::metadata(path).map_err(failed)?.len() > BYTES {
            return Err(form(format!("more than {BYTES} bytes are no settings")));
        }
        Self::parse(&fs::read_to_string(path).map_err(failed)?).map_err(form)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let config: Self = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        if config.version != 1 {
            return Err(format!("version {} is not known; write `version: 1`", config.version));
        }
        let paths = [Some(&config.directory), Some(&config.socket), config.policy.as_ref(), config.home.as_ref()];
        let of = |runner: &'_ Runner| [Some(runner.at.clone()), runner.policy.clone(), runner.home.clone()];
        let more: Vec<_> = config.runners.iter().flat_map(of).flatten().collect();
        if let Some(twice) = config.runners.iter().enumerate().find_map(|(n, runner)| {
            config.runners[..n].iter().any(|before| before.at == runner.at).then_some(&runner.at)
        }) {
            return Err(format!("the runner at `{}` is named twice", twice.display()));
        }
        if config.idle == 0 {
            return Err("idle is 0, which would end a job between its steps; write 1 or more seconds".into());
        }
        if config.runners.len() > RUNNERS {
            return Err(format!("at most {RUNNERS} runners may have policies of their own"));
        }
        if let Some(path) = paths.into_iter().flatten().chain(&more).find(|path| !path.is_absolute()) {
            return Err(format!("`{}` is not an absolute path; a daemon has no directory of its own", path.display()));
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;

    #[test]
    fn settings_have_their_usual_values() {
        assert_eq!(Config::parse("version: 1\n").unwrap(), Config::default());
        let config = Config::parse("version: 1\nmode: enforce\npolicy: /etc/detector/p.yaml\nkeep: 3\n").unwrap();
        assert_eq!((config.mode, config.keep), (Some(Mode::Enforce), 3));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, says) in [
            ("mode: audit\n", "version"),
            ("version: 2\n", "write `version: 1`"),
            ("version: 1\nmod: audit\n", "mod"),
            ("version: 1\nmode: strict\n", "strict"),
            ("version: 1\nidle: 0\n", "idle is 0"),
            ("version: 1\ndirectory: var\n", "`var` is not an absolute path"),
            ("version: 1\nrunners: [{ at: /a, policy: p.yaml }]\n", "`p.yaml` is not an absolute path"),
            ("version: 1\nrunners: [{ at: /a }, { at: /a }]\n", "the runner at `/a` is named twice"),
            ("version: 1\nrunners: [{ policy: /p }]\n", "at"),
        ] {
            let error = Config::parse(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
