//! A scratch home full of made-up secrets, the servers that they are for, and a look at where they went.

use super::sample::Sample;
use anyhow::{Context as _, bail};
use detector_tests::{
    canary::{self, Canary},
    namespace::{Namespace, Network},
};
use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fs::{self, File},
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases/quiet");
/// Of the servers, and of the ssh server: the namespace is the bench's own.
const HOST: &str = "127.0.0.1:8099";
const SSH_PORT: &str = "2222";
/// Longest run of one line, seconds: those that wait for a daemon end with it.
const LIMIT: &str = "120";

/// Runs its arguments. A daemon that they left behind is traced, too, and would be waited for.
const RUN: &str =
    r#""$0" "$@"; code=$?; if [ -S "$HOME/.gnupg/S.gpg-agent" ]; then gpgconf --kill all; fi; exit $code"#;

/// One secret a credential file, by the variable that `scene.sh` knows it by.
const SECRETS: [&str; 15] = [
    "REPOCONFIG",
    "GITCONFIG",
    "GITCREDENTIALS",
    "NETRC",
    "NPMRC",
    "PIPCONF",
    "PYPIRC",
    "CARGO",
    "DOCKER",
    "AWSSECRET",
    "AWSSESSION",
    "KUBE",
    "GHHOSTS",
    "PGPASS",
    "SPARE",
];

/// Where a line was measured.
pub(crate) struct Bench {
    directory: tempfile::TempDir,
    /// What keys are made of: they cannot be chosen.
    keys: Vec<Vec<u8>>,
    canaries: Vec<Canary>,
    path: OsString,
    running: Vec<Child>,
    // Last: what runs in it is killed with it.
    network: Network,
}

/// What became of a line.
#[derive(Debug)]
pub(crate) struct Measured {
    /// Its exit status; `None` when it was killed.
    pub(crate) code: Option<i32>,
    /// Credential files that it or a child opened, under the home.
    pub(crate) opened: Vec<String>,
    /// Where secrets were found that should not be there.
    pub(crate) traces: Vec<String>,
}

impl Bench {
    /// A new scene, its servers running.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let network = Network::new()?;
        // Sockets of gpg's agent lie in it, and have short names.
        let directory = tempfile::Builder::new().prefix("quiet-").tempdir_in("/tmp")?;
        let canaries = SECRETS.map(Canary::fresh).into_iter().collect::<anyhow::Result<Vec<_>>>()?;
        let exec_path = Command::new("git").arg("--exec-path").output().context("no git")?.stdout;
        let mut path = env::var_os("PATH").unwrap_or_default();
        path.push(":");
        path.push(String::from_utf8_lossy(&exec_path).trim());
        let mut bench = Self { directory, keys: Vec::new(), canaries, path, running: Vec::new(), network };
        bench.plant()?;
        bench.serve()?;
        Ok(bench)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn job(&self) -> &Namespace {
        &self.network.job
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", &self.path).env("HOME", self.at("home")).env("TMPDIR", self.at("home/tmp"));
        command.env("LANG", "C.UTF-8").env("GIT_TERMINAL_PROMPT", "0").env("SSH_AUTH_SOCK", self.at("agent"));
        // go trusts the server by it; the others speak no TLS here.
        command.env("SSL_CERT_FILE", self.at("cert.pem"));
        // Tools that are not installed for the whole machine.
        let home = PathBuf::from(env::var_os("HOME").unwrap_or_default());
        for (name, place) in [("RUSTUP_HOME", ".rustup"), ("PYENV_ROOT", ".pyenv")] {
            command.env(name, env::var_os(name).unwrap_or_else(|| home.join(place).into()));
        }
        self.job().enter(&mut command);
        command
    }

    fn plant(&mut self) -> anyhow::Result<()> {
        let mut make = self.command("sh");
        make.arg(format!("{FILES}/scene.sh")).args([self.at("home"), self.directory.path().to_owned()]);
        make.envs(self.canaries.iter().map(|canary| (canary.name(), canary.value())));
        let made = make.output()?;
        if !made.status.success() {
            bail!("scene.sh failed: {}", String::from_utf8_lossy(&made.stderr));
        }
        fs::rename(self.at("home"), self.at("pristine"))?;
        if let Ok(key) = fs::read_to_string(self.at("pristine/.ssh/id_ed25519")) {
            // The first lines are the public half, the last one is short.
            let body: Vec<_> = key.lines().filter(|line| !line.starts_with("-----")).collect();
            self.keys.extend(body.iter().skip(2).take(1).map(|line| line.as_bytes().to_vec()));
        }
        for key in fs::read_dir(self.at("pristine/.gnupg/private-keys-v1.d")).into_iter().flatten() {
            // `(d #HEX#)`: the secret.
            let text = String::from_utf8(fs::read(key?.path())?)?;
            let hex =
                text.split("(d #").nth(1).and_then(|rest| rest.split('#').next()).context("a key of another form")?;
            let digits = hex.as_bytes().chunks(2).map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?));
            self.keys.push(digits.collect::<anyhow::Result<_>>()?);
            self.keys.extend([hex.to_lowercase().into_bytes(), hex.to_uppercase().into_bytes()]);
        }
        Ok(())
    }

    fn serve(&mut self) -> anyhow::Result<()> {
        let mut server = self.command("python3");
        server.arg(format!("{FILES}/server.py")).arg("serve").arg(self.directory.path()).stdout(Stdio::piped());
        let mut server = server.stdin(Stdio::null()).spawn()?;
        let mut said = String::new();
        BufReader::new(server.stdout.take().context("no pipe")?).read_line(&mut said)?;
        self.running.push(server);
        if self.has("ssh-agent") {
            self.running.push(
                self.command("ssh-agent").arg("-D").arg("-a").arg(self.at("agent")).stdout(Stdio::null()).spawn()?,
            );
        }
        if Path::new("/usr/sbin/sshd").exists() {
            fs::create_dir_all("/run/sshd")?;
            let key = self.at("host_key");
            self.command("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status()?;
            fs::copy(self.at("pristine/.ssh/id_ed25519.pub"), self.at("authorized"))?;
            fs::set_permissions(self.at("authorized"), fs::Permissions::from_mode(0o644))?;
            let mut sshd = self.command("/usr/sbin/sshd");
            sshd.args([
                "-D",
                "-f",
                "/dev/null",
                "-p",
                SSH_PORT,
                "-o",
                "PidFile=none",
                "-o",
                "UsePAM=no",
                "-o",
                "StrictModes=no",
            ]);
            sshd.arg("-o").arg(format!("AuthorizedKeysFile={}", self.at("authorized").display())).arg("-h").arg(key);
            self.running.push(sshd.stderr(Stdio::null()).spawn()?);
            let until = Instant::now() + Duration::from_secs(10);
            let port: u16 = SSH_PORT.parse()?;
            // It says nowhere that it listens.
            while self.job().within(|| Ok(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err()))? {
                anyhow::ensure!(Instant::now() < until, "sshd does not listen");
                std::thread::yield_now();
            }
        }
        Ok(())
    }

    /// Whether the tool is on this machine.
    pub(crate) fn has(&self, tool: &str) -> bool {
        env::split_paths(&self.path).any(|directory| directory.join(tool).is_file())
    }

    /// What the tool says of its version.
    pub(crate) fn version(&self, tool: &str) -> anyhow::Result<String> {
        let argument = match tool {
            "kubectl" | "go" => "version",
            "ssh" | "ssh-add" | "ssh-keygen" | "ssh-keyscan" => "-V",
            _ => "--version",
        };
        // A family has one version, and one of it tells it.
        let tool = if tool.starts_with("ssh-") { "ssh" } else { tool };
        let tool = if tool.starts_with("git-") { "git" } else { tool };
        let mut asked = self.command(tool);
        asked.arg(argument).args((tool == "kubectl").then_some("--client")).stdin(Stdio::null());
        fs::create_dir_all(self.at("home/tmp"))?;
        let output = asked.current_dir(self.directory.path()).output()?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        Ok(said.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned())
    }

    /// Runs `sample` in a fresh copy of the scene.
    pub(crate) fn measure(&self, sample: &Sample) -> anyhow::Result<Measured> {
        let home = self.at("home");
        if home.exists() {
            fs::remove_dir_all(&home)?;
        }
        let copied = Command::new("cp").arg("-a").args([self.at("pristine"), home.clone()]).status()?;
        anyhow::ensure!(copied.success(), "cp failed");
        // For the measurement's own test: a secret among the arguments of a child.
        let script = format!("printf %s $(env true {0}) >/dev/null; exec env true {0}\n", self.canaries[14].value());
        fs::write(self.at("secretly"), script)?;
        let filled = sample.words.iter().map(|word| {
            let word = word.replace("HERE", &home.to_string_lossy()).replace("HOSTNAME", "none.test");
            let word = word.replace("SECRETLY", &self.at("secretly").to_string_lossy());
            word.replace("HOST", HOST).replace("PORT", SSH_PORT).replace("cat<", "cat <")
        });
        let [trace, out] = [self.at("trace"), self.at("out")];
        let mut command = self.command("timeout");
        command.args([
            "-k",
            "5",
            LIMIT,
            "strace",
            "-f",
            "-qq",
            "-v",
            "-s",
            "1000000",
            "-e",
            "trace=execve,open,openat",
            "-o",
        ]);
        command.arg(&trace).args(["sh", "-c", RUN]).args(filled).current_dir(home.join(&sample.directory));
        let both = File::create(&out)?;
        let status = command.stdin(Stdio::null()).stdout(both.try_clone()?).stderr(both).status()?;
        let trace =
            fs::read(trace).with_context(|| format!("{}: strace left no trace: install strace", sample.text))?;
        let mut measured = Measured { code: status.code(), opened: Vec::new(), traces: Vec::new() };
        self.search("its output", &fs::read(out)?, &[], &mut measured);
        self.search("a child's arguments or environment", &trace, &[], &mut measured);
        let (before, after) = (files(&self.at("pristine"))?, files(&home)?);
        let mut rest = Vec::new();
        for (name, bytes) in after {
            match before.get(&name) {
                Some(old) if *old == bytes => {}
                Some(old) => self.search(&format!("the file {name}"), &bytes, old, &mut measured),
                // Together first, each for itself only when there is something.
                None => rest.push((name, bytes)),
            }
        }
        let mut all = Measured { traces: Vec::new(), opened: Vec::new(), code: None };
        let joined: Vec<u8> = rest.iter().flat_map(|(_, bytes)| bytes.iter().copied().chain(*b"\n!\n")).collect();
        self.search("new files", &joined, &[], &mut all);
        if !all.traces.is_empty() {
            for (name, bytes) in &rest {
                self.search(&format!("the new file {name}"), bytes, &[], &mut measured);
            }
        }
        let secret = |bytes: &[u8]| canary::trace(&self.canaries, bytes).is_some() || self.has_key(bytes, &[]);
        let opened = opened(&trace);
        let credentials = before.iter().filter(|(name, _)| opened.iter().any(|path| is_same(path, name)));
        measured.opened = credentials.filter(|(_, bytes)| secret(bytes)).map(|(name, _)| name.clone()).collect();
        Ok(measured)
    }

    /// Notes what is in `bytes`, where it was not in `own` already.
    fn search(&self, what: &str, bytes: &[u8], own: &[u8], measured: &mut Measured) {
        let foreign: Vec<_> = if own.is_empty() {
            self.canaries.clone()
        } else {
            let one = |canary: &&Canary| canary::trace(std::slice::from_ref(*canary), own).is_none();
            self.canaries.iter().filter(one).cloned().collect()
        };
        if let Some(found) = canary::trace(&foreign, bytes) {
            measured.traces.push(format!("{} ({}) in {what}", found.name, found.encoding));
        }
        if self.has_key(bytes, own) {
            measured.traces.push(format!("a private key in {what}"));
        }
    }

    fn has_key(&self, bytes: &[u8], own: &[u8]) -> bool {
        let has = |bytes: &[u8], key: &[u8]| bytes.windows(key.len()).any(|window| window == key);
        self.keys.iter().any(|key| has(bytes, key) && !has(own, key))
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        for child in &mut self.running {
            // Gone is as good as killed.
            _ = child.kill();
            _ = child.wait();
        }
    }
}

/// Contents of the files under `root`, by their names there.
fn files(root: &Path) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                waiting.push(entry.path());
            } else if kind.is_file() {
                let name = entry.path().strip_prefix(root)?.to_string_lossy().into_owned();
                // Another process of the tool's may take it away.
                files.extend(fs::read(entry.path()).ok().map(|bytes| (name, bytes)));
            }
        }
    }
    Ok(files)
}

/// Paths that were opened, as they were written.
fn opened(trace: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(trace);
    let lines = text.lines().filter(|line| line.contains(" open") && !line.contains(") = -1"));
    lines.filter_map(|line| Some(line.split('"').nth(1)?.to_owned())).collect()
}

/// Whether the path of a call is the file `name` of the home; what is relative is told by its end.
fn is_same(path: &str, name: &str) -> bool {
    let path = path.trim_start_matches("./");
    // `config` alone may be any.
    let tells = path.contains('/') || path.starts_with('.');
    path.strip_suffix(name).is_some_and(|front| front.ends_with("/home/"))
        || tells && !path.starts_with('/') && name.ends_with(&format!("/{path}"))
}
