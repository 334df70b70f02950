//! A daemon under test, and imitated runners of GitHub whose jobs it is to find.

use crate::{namespace::Namespace, recording::Recording, run::detector, scene::Scene};
use anyhow::{Context as _, bail};
use detector::engine::Conclusion;
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    io::{BufRead as _, BufReader, Lines, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
};
use tempfile::TempDir;

/// A daemon watches the whole host, and finds the runners of other tests, too: one at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// A daemon; ended on drop.
pub struct Daemon {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    /// What it said so far.
    pub said: Vec<String>,
    files: Option<TempDir>,
    // Dropped last.
    alone: Option<Alone>,
}

/// Nobody else's runner or daemon is there; to be had before the first of either.
pub struct Alone {
    _guard: MutexGuard<'static, ()>,
    /// Locked: tests of another checkout have a daemon for the same host.
    _file: fs::File,
}

impl Alone {
    /// Waits until it is so.
    pub fn wait() -> anyhow::Result<Self> {
        let guard = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let path = std::env::temp_dir().join("detector-tests.lock");
        let file = fs::File::create(&path).with_context(|| path.display().to_string())?;
        file.lock()?;
        Ok(Self { _guard: guard, _file: file })
    }
}

/// What a daemon wrote of a job.
pub struct Judged {
    /// Its number; of a job that its worker had beside others, what stands before the dot.
    pub number: u32,
    /// Its recording.
    pub recording: Recording,
    /// Its report.
    pub conclusion: Conclusion,
    directory: PathBuf,
}

impl Daemon {
    /// Starts one in `namespace`, under this policy and in this mode, and waits until it watches.
    pub fn start(namespace: &Namespace, policy: &str, mode: &str) -> anyhow::Result<Self> {
        Self::start_alone(Alone::wait()?, namespace, policy, mode)
    }

    /// As [`Self::start`], where there are runners already.
    pub fn start_alone(alone: Alone, namespace: &Namespace, policy: &str, mode: &str) -> anyhow::Result<Self> {
        Self::start_with(alone, namespace, policy, mode, |_| Ok(String::new()))
    }

    /// As [`Self::start_alone`], with more settings: what `more` says, which is given a directory for files.
    pub fn start_with(
        alone: Alone,
        namespace: &Namespace,
        policy: &str,
        mode: &str,
        more: impl FnOnce(&Path) -> anyhow::Result<String>,
    ) -> anyhow::Result<Self> {
        let files = tempfile::Builder::new().prefix("detector-daemon-").tempdir()?;
        fs::write(files.path().join("policy.yaml"), policy)?;
        let at = files.path().display();
        let config = format!(
            "version: 1\nmode: {mode}\npolicy: {at}/policy.yaml\ndirectory: {at}/jobs\nsocket: {at}/control.sock\n{}",
            more(files.path())?
        );
        fs::write(files.path().join("daemon.yaml"), config)?;
        clear();
        Left { files, alone }.start_again(namespace)
    }

    /// Waits for the end of one that was killed; all that it said, and what it left.
    pub fn killed(mut self) -> anyhow::Result<(Vec<String>, Left)> {
        let rest: Vec<_> = self.lines.by_ref().collect::<Result<_, _>>()?;
        self.said.extend(rest);
        self.child.wait()?;
        let (files, alone) = (self.files.take().context("it has files")?, self.alone.take().context("it is alone")?);
        Ok((std::mem::take(&mut self.said), Left { files, alone }))
    }

    /// Reads what it says until a line with `text` comes, and returns that.
    pub fn wait_for(&mut self, text: &str) -> anyhow::Result<String> {
        while let Some(line) = self.lines.next().transpose()? {
            self.said.push(line.clone());
            if line.contains(text) {
                return Ok(line);
            }
            if line.contains("ERROR") {
                break;
            }
        }
        bail!("the daemon failed or ended and never said {text:?}: {:#?}", self.said);
    }

    /// Waits for the end of the next job that ends.
    pub fn next_job(&mut self) -> anyhow::Result<Judged> {
        let line = self.wait_for(" ended: ")?;
        let directory = PathBuf::from(line.rsplit(": ").next().unwrap_or_default());
        let number = line.split("job ").nth(1).and_then(|rest| rest.split([' ', '.']).next()?.parse().ok());
        let recording = Recording::open(&directory.join("recording.jsonl"))?;
        let report = fs::read(directory.join("report.json")).with_context(|| line.clone())?;
        let conclusion = serde_json::from_slice(&report)?;
        Ok(Judged { number: number.with_context(|| line.clone())?, recording, conclusion, directory })
    }

    /// Asks it, by the command of the same name.
    pub fn ask(&self, what: &str) -> anyhow::Result<serde_json::Value> {
        let output = Command::new(detector()?).arg(what).arg("--socket").arg(self.socket()).output()?;
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.files.as_ref().map_or_else(PathBuf::new, |files| files.path().join(name))
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.path("control.sock")
    }

    /// Its settings.
    pub fn config(&self) -> PathBuf {
        self.path("daemon.yaml")
    }

    /// Writes another policy and has it read.
    pub fn reload(&self, policy: &str) -> anyhow::Result<()> {
        fs::write(self.path("policy.yaml"), policy)?;
        self.signal(Signal::HUP)
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// Ends it; how it ended, and all that it said.
    pub fn end(mut self) -> anyhow::Result<(Option<i32>, Vec<String>)> {
        self.signal(Signal::TERM)?;
        let rest: Vec<_> = self.lines.by_ref().collect::<Result<_, _>>()?;
        self.said.extend(rest);
        Ok((self.child.wait()?.code(), std::mem::take(&mut self.said)))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // In order: what it pinned must not stay for the next one.
        _ = self.signal(Signal::TERM);
        _ = self.lines.by_ref().count();
        _ = self.child.wait();
    }
}

/// Takes away what a daemon of a test that was killed left: another's must not be taken over.
fn clear() {
    for directory in fs::read_dir("/sys/fs/bpf/detector").into_iter().flatten().flatten() {
        if directory.file_name().to_string_lossy().starts_with("daemon-") {
            let pins = fs::read_dir(directory.path()).into_iter().flatten().flatten();
            pins.for_each(|pin| _ = fs::remove_file(pin.path()));
            _ = fs::remove_dir(directory.path());
        }
    }
}

/// Settings and files of a daemon that was killed.
pub struct Left {
    files: TempDir,
    alone: Alone,
}

impl Left {
    /// Starts a daemon with them in `namespace`, and waits until it watches.
    pub fn start_again(self, namespace: &Namespace) -> anyhow::Result<Daemon> {
        let Self { files, alone } = self;
        let mut command = Command::new(detector()?);
        command.arg("daemon").arg("--config").arg(files.path().join("daemon.yaml"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = namespace.enter(&mut command).spawn().context("cannot start the daemon")?;
        let lines = BufReader::new(child.stderr.take().context("no stderr")?).lines();
        let mut daemon = Daemon { child, lines, said: Vec::new(), files: Some(files), alone: Some(alone) };
        daemon.wait_for("watching this host")?;
        Ok(daemon)
    }
}

impl Judged {
    /// Every byte that the daemon wrote of it. For canary searches.
    pub fn everything(&self) -> anyhow::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            bytes.extend(fs::read(entry?.path())?);
            bytes.push(b'\n');
        }
        Ok(bytes)
    }

    /// Panics when replay of its recording gives another report than was written.
    ///
    /// # Panics
    /// That is its purpose.
    pub fn assert_replays(&self) -> anyhow::Result<()> {
        const REPORTS: [(&str, &str); 2] = [("json", "report.json"), ("text", "report.txt")];
        let directory = tempfile::tempdir()?;
        let mut command = Command::new(detector()?);
        command.arg("replay").arg(self.directory.join("recording.jsonl"));
        for (format, file) in REPORTS {
            command.arg("--report").arg(format!("{format}={}", directory.path().join(file).display()));
        }
        command.output()?;
        for (_, file) in REPORTS {
            let (live, replayed) = (fs::read(self.directory.join(file))?, fs::read(directory.path().join(file))?);
            assert_eq!(String::from_utf8_lossy(&live), String::from_utf8_lossy(&replayed), "{file}");
        }
        Ok(())
    }
}

/// An imitated runner: `Runner.Listener`, which starts a `Runner.Worker` for a job, which runs steps. Both are copies of the shell
/// under those names, as agents are known by their executables.
pub struct Runner {
    directory: TempDir,
    /// What its server tells it of the job, as it writes that into the worker's log.
    pub message: &'static str,
}

impl Runner {
    /// One that has no job yet.
    pub fn new() -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("detector-runner-").tempdir()?;
        let bin = directory.path().join("bin");
        fs::create_dir(&bin)?;
        for name in ["Runner.Listener", "Runner.Worker"] {
            // By a process of its own: what another test forks meanwhile would keep ours busy (ETXTBSY).
            let copied = Command::new("cp").arg("/bin/bash").arg(bin.join(name)).status()?;
            anyhow::ensure!(copied.success(), "cannot copy the shell");
        }
        fs::write(directory.path().join("listen"), "bin/Runner.Worker spawnclient 3 4\n:\n")?;
        Ok(Self { directory, message: "" })
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// What it calls the `n`th step, from 0.
    pub fn name(n: usize) -> String {
        format!("Run part {}", ["one", "two", "three"][n % 3])
    }

    /// Starts a job of these steps, each a script of its own, in the scene's job namespace and with its home.
    pub fn job(&self, scene: &Scene, steps: &[&str]) -> anyhow::Result<Child> {
        fs::create_dir_all(self.path().join("_diag"))?;
        // The worker's own log, as the real one writes it.
        let mut worker = String::from(
            "exec 5>> _diag/Worker_20260301-100000-utc.log\n\
             say() { printf '[%(%Y-%m-%d %H:%M:%SZ)T INFO %s] %s\\n' -1 \"$1\" \"$2\" >&5; }\n",
        );
        if !self.message.is_empty() {
            fs::write(self.path().join("message"), self.message)?;
            worker += "say Worker 'Job message:'; cat message >&5\n";
        }
        for (n, step) in steps.iter().enumerate() {
            fs::write(self.path().join(format!("step{n}.sh")), step)?;
            worker += &format!(
                "say StepsRunner \"Processing step: DisplayName='{}'\"\n\
                 /bin/bash step{n}.sh &\n\
                 say ProcessInvokerWrapper \"Process started with process id $!, waiting for process exit.\"\n\
                 wait\n\
                 say StepsRunner \"No need for updating job result with current step result 'Succeeded'.\"\n",
                Self::name(n)
            );
        }
        fs::write(self.path().join("spawnclient"), worker)?;
        let mut command = Command::new(self.path().join("bin/Runner.Listener"));
        command.arg("listen").current_dir(self.path()).env_clear();
        command.env("TZ", "UTC").env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", scene.home.path());
        command.env("SINK", scene.sink.at(crate::namespace::SINK_V4).to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        scene.network.job.enter(&mut command).spawn().context("cannot start the runner")
    }
}

/// An imitated service that runs the jobs of a host one after another (`gitlab-runner run`): a copy of the shell under that name, which
/// runs each line that it is given as a stage of a job. Ended on drop.
pub struct Service {
    child: Child,
    _directory: TempDir,
}

impl Service {
    /// Starts one in the scene's job namespace, with its home.
    pub fn start(scene: &Scene) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("detector-service-").tempdir()?;
        let program = directory.path().join("gitlab-runner");
        // As in `Runner::new`.
        anyhow::ensure!(Command::new("cp").arg("/bin/bash").arg(&program).status()?.success(), "cannot copy the shell");
        fs::write(directory.path().join("run"), "while read -r stage; do /bin/bash -c \"$stage\"; echo done; done\n")?;
        let mut command = Command::new(program);
        command.arg("run").current_dir(directory.path()).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command.env("HOME", scene.home.path());
        command.env("SINK", scene.sink.at(crate::namespace::SINK_V4).to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let child = scene.network.job.enter(&mut command).spawn().context("cannot start the service")?;
        Ok(Self { child, _directory: directory })
    }

    /// Has it run a stage (a line of the shell), and waits for its end.
    pub fn run(&mut self, stage: &str) -> anyhow::Result<()> {
        let (stdin, stdout) = (self.child.stdin.as_mut(), self.child.stdout.as_mut());
        writeln!(stdin.context("no stdin")?, "{}", stage.trim_end())?;
        let mut done = [0; 5];
        stdout.context("no stdout")?.read_exact(&mut done)?;
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.child.stdin.take());
        _ = self.child.wait();
    }
}

/// An imitated service that has several builds at once (`drone-runner-exec daemon`): a copy of the shell under that name. Ended on drop.
pub struct Builds {
    child: Child,
    directory: TempDir,
}

/// How a worker starts a step.
#[derive(Clone, Copy)]
pub enum Started {
    /// It enters the directory and runs the program.
    Itself,
    /// As Java does: by a helper.
    Helper,
}

impl Builds {
    /// Starts one in the scene's job namespace, with its home.
    pub fn start(scene: &Scene) -> anyhow::Result<Self> {
        // The helper is declared by its path: where anybody may put files, it is not believed.
        let directory = tempfile::Builder::new().prefix("detector-builds-").tempdir_in("/run")?;
        for name in ["drone-runner-exec", "jspawnhelper"] {
            // As in `Runner::new`.
            let copied = Command::new("cp").arg("/bin/bash").arg(directory.path().join(name)).status()?;
            anyhow::ensure!(copied.success(), "cannot copy the shell");
        }
        fs::write(directory.path().join("spawn"), "cd \"$1\"; exec /bin/sh -e \"$2\"\n")?;
        fs::write(
            directory.path().join("daemon"),
            "while read -r how at step; do\n\
             case $how in\n\
             helper) ./jspawnhelper spawn \"$at\" \"$step\" & ;;\n\
             *) (cd \"$at\"; exec /bin/sh -e \"$step\") & ;;\n\
             esac\n\
             done\n\
             wait\n",
        )?;
        let mut command = Command::new(directory.path().join("drone-runner-exec"));
        command.arg("daemon").current_dir(directory.path()).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command.env("HOME", scene.home.path());
        command.env("SINK", scene.sink.at(crate::namespace::SINK_V4).to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = scene.network.job.enter(&mut command).spawn().context("cannot start the service")?;
        Ok(Self { child, directory })
    }

    /// A policy that knows its helper.
    pub fn policy(&self) -> String {
        let helper = self.directory.path().join("jspawnhelper");
        format!("version: 1\nextends: builtin\nprograms: {{ jspawnhelper: {{ files: ['{}'] }} }}\n", helper.display())
    }

    /// Has it begin a step of `build`, a script; what is returned is read to its end when the step has ended.
    pub fn step(&mut self, started: Started, build: &str, step: &str, script: &str) -> anyhow::Result<PathBuf> {
        let root = self.directory.path().join(format!("drone-{build}"));
        let (scripts, at) = (root.join("opt"), root.join("drone/src"));
        fs::create_dir_all(&scripts)?;
        fs::create_dir_all(&at)?;
        let (path, done) = (scripts.join(step), root.join(format!("{step}.done")));
        anyhow::ensure!(Command::new("mkfifo").arg(&done).status()?.success(), "cannot make a pipe");
        fs::write(&path, format!("trap ': > {}' EXIT\n{script}\n", done.display()))?;
        let how = match started {
            Started::Itself => "itself",
            Started::Helper => "helper",
        };
        let stdin = self.child.stdin.as_mut().context("no stdin")?;
        writeln!(stdin, "{how} {} {}", at.display(), path.display())?;
        Ok(done)
    }

    /// Ends it, once its steps have ended.
    pub fn end(mut self) -> anyhow::Result<()> {
        drop(self.child.stdin.take());
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Builds {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        _ = self.child.wait();
    }
}
