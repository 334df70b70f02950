//! Runs a command in the job's namespace, bare or under the detector.

use crate::{
    agent::Agent,
    home::Home,
    loot::Keys,
    mounts::{self, Change},
    namespace::Network,
    outcome::{JSON, Outcome, RECORDING, TEXT},
    resolver::Resolver,
    stream::Stream,
};
use anyhow::Context as _;
use std::{
    collections::BTreeMap,
    env,
    ffi::{OsStr, OsString},
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Names the detector's binary.
pub const DETECTOR_BIN: &str = "DETECTOR_BIN";

/// The detector's binary, as `$DETECTOR_BIN` names it.
pub fn detector() -> anyhow::Result<PathBuf> {
    let path = env::var_os(DETECTOR_BIN)
        .with_context(|| format!("{DETECTOR_BIN} is not set: set it to the path of the detector's binary"))?;
    fs::canonicalize(&path).with_context(|| format!("no detector at {}", PathBuf::from(path).display()))
}

/// A command to be run. Its environment is what is set here and nothing of the test's own.
pub struct Job<'a> {
    network: &'a Network,
    command: Vec<OsString>,
    environment: BTreeMap<OsString, OsString>,
    directory: Option<PathBuf>,
    timeout: Duration,
    mode: Option<&'static str>,
    policy: Option<String>,
    options: Vec<OsString>,
    detector: Option<PathBuf>,
    mounts: Vec<Change>,
    resolver: Option<Resolver>,
}

impl<'a> Job<'a> {
    /// A command line, program first.
    pub fn new(network: &'a Network, command: impl IntoIterator<Item: AsRef<OsStr>>) -> Self {
        let environment = [
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ("LANG", "C.UTF-8"),
            ("CI", "true"),
        ];
        Self {
            network,
            command: command.into_iter().map(|a| a.as_ref().to_owned()).collect(),
            environment: environment.map(|(k, v)| (k.into(), v.into())).into(),
            directory: None,
            timeout: Duration::from_secs(60),
            mode: None,
            policy: None,
            options: Vec::new(),
            detector: None,
            mounts: Vec::new(),
            resolver: None,
        }
    }

    /// Sets a variable.
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.insert(key.as_ref().to_owned(), value.as_ref().to_owned());
        self
    }

    /// `HOME`, `TMPDIR`, `GITHUB_WORKSPACE`, and the workspace as working directory.
    pub fn home(mut self, home: &Home) -> Self {
        self.directory = Some(home.workspace());
        self.env("HOME", home.path()).env("TMPDIR", home.tmp()).env("GITHUB_WORKSPACE", home.workspace())
    }

    /// `AGENT_PID`.
    pub fn agent(self, agent: &Agent) -> Self {
        self.env("AGENT_PID", agent.pid().to_string())
    }

    /// `SINK`, as `host:port`.
    pub fn sink(self, at: SocketAddr) -> Self {
        self.env("SINK", at.to_string())
    }

    /// `PUBKEY`.
    pub fn keys(self, keys: &Keys) -> Self {
        self.env("PUBKEY", keys.public())
    }

    /// Everything in the job's namespace is killed after this long (default: one minute).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// `--mode`: `audit` or `enforce`.
    pub fn mode(mut self, mode: &'static str) -> Self {
        self.mode = Some(mode);
        self
    }

    /// The text of the `--policy` file.
    pub fn policy(mut self, text: impl Into<String>) -> Self {
        self.policy = Some(text.into());
        self
    }

    /// Any other option of `detector run`.
    pub fn option(mut self, option: impl AsRef<OsStr>) -> Self {
        self.options.push(option.as_ref().to_owned());
        self
    }

    /// The detector's binary, instead of `$DETECTOR_BIN`.
    pub fn detector(mut self, binary: impl Into<PathBuf>) -> Self {
        self.detector = Some(binary.into());
        self
    }

    /// Its own mounts, the detector's with it.
    pub fn mounts(mut self, changes: Vec<Change>) -> Self {
        self.mounts = changes;
        self
    }

    /// Its own name servers and local names, the detector's with it.
    pub fn resolver(mut self, resolver: Resolver) -> Self {
        self.resolver = Some(resolver);
        self
    }

    /// Runs it without the detector, for comparison.
    pub fn bare(&self) -> anyhow::Result<Outcome> {
        let files = tempfile::Builder::new().prefix("detector-run-").tempdir()?;
        let (program, arguments) = self.command.split_first().context("a job needs a command")?;
        let mut command = Command::new(program);
        command.args(arguments);
        self.run(command, files)
    }

    /// Runs it under `$DETECTOR_BIN run`, with a recording and with JSON and text reports.
    pub fn watched(&self) -> anyhow::Result<Outcome> {
        let files = tempfile::Builder::new().prefix("detector-run-").tempdir()?;
        self.run(self.under_detector(files.path())?, files)
    }

    /// Starts it as [`Self::watched`] does, for who talks to it: its standard input and output are pipes, and what it and the
    /// detector complain of goes to the bench's own. The second are its files.
    pub(crate) fn start(&self) -> anyhow::Result<(Child, TempDir)> {
        let files = tempfile::Builder::new().prefix("detector-run-").tempdir()?;
        let mut command = self.under_detector(files.path())?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        self.dress(&mut command, files.path())?;
        let child = command.spawn().with_context(|| format!("cannot run {command:?}"))?;
        Ok((child, files))
    }

    fn under_detector(&self, files: &Path) -> anyhow::Result<Command> {
        // Absolute: the working directory is the job's.
        let detector = match &self.detector {
            Some(path) => fs::canonicalize(path).with_context(|| format!("no detector at {}", path.display()))?,
            None => detector()?,
        };
        let mut command = Command::new(detector);
        command.arg("run");
        if let Some(mode) = self.mode {
            command.args(["--mode", mode]);
        }
        if let Some(policy) = &self.policy {
            let path = files.join("policy.yaml");
            fs::write(&path, policy)?;
            command.arg("--policy").arg(path);
        }
        let report = |format: &str, file: &str| {
            let mut argument = OsString::from(format!("{format}="));
            argument.push(files.join(file));
            argument
        };
        command.arg("--record").arg(files.join(RECORDING));
        command.arg("--report").arg(report("json", JSON)).arg("--report").arg(report("text", TEXT));
        command.args(&self.options).arg("--").args(&self.command);
        Ok(command)
    }

    /// Environment, mounts, directory and network.
    fn dress(&self, command: &mut Command, files: &Path) -> anyhow::Result<()> {
        command.env_clear().envs(&self.environment);
        let mut changes = match &self.resolver {
            Some(resolver) => resolver.changes(files)?,
            None => Vec::new(),
        };
        // Last, as they may take away where the files come from.
        changes.extend_from_slice(&self.mounts);
        if !changes.is_empty() {
            mounts::own(command, changes);
        }
        self.directory.as_ref().map(|directory| command.current_dir(directory));
        self.network.job.enter(command);
        Ok(())
    }

    fn run(&self, mut command: Command, files: TempDir) -> anyhow::Result<Outcome> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.dress(&mut command, files.path())?;
        let started = Instant::now();
        let mut child = command.spawn().with_context(|| format!("cannot run {command:?}"))?;
        let stdout = Stream::collect(child.stdout.take())?;
        let stderr = Stream::collect(child.stderr.take())?;
        let (status, timed_out) = self.wait(&mut child, started)?;
        let elapsed = started.elapsed();
        let (stdout, stderr) = (stdout.finish(), stderr.finish());
        Outcome::collect(status, timed_out, elapsed, [stdout, stderr], files)
    }

    fn wait(&self, child: &mut Child, started: Instant) -> anyhow::Result<(ExitStatus, bool)> {
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok((status, false));
            }
            if started.elapsed() > self.timeout {
                // The child itself may have left the namespace; gone already is as good as killed.
                _ = child.kill();
                self.network.job.kill_all();
                return Ok((child.wait()?, true));
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}
