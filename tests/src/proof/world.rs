//! The world of an honest build: a home, a workspace and the hosts, as the set-up left them; every run has a copy.

use super::{Build, hosts, stderr::Stderr};
use crate::{
    canary::Canary,
    fixture,
    mounts::{self, Change},
    name_server::NameServer,
    namespace::Network,
    outcome::Outcome,
    resolver::Resolver,
    run::Job,
};
use anyhow::{Context as _, ensure};
use std::{
    collections::BTreeSet,
    env, fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// Directory of the tools that the distribution does not have.
const TOOLS: &str = "PROOF_TOOLS";
/// Directory of the Rust toolchain.
const RUST: &str = "PROOF_RUST";

/// Whose tokens there are. The servers know them as `T_NAME`, in capitals.
const TOKENS: [&str; 9] = ["forge", "npm", "index", "images", "cloud", "cache", "coverage", "cluster", "modules"];

/// One instant for everything that is dated: two runs make the same commits and archives.
const DATE: &str = "1767225600 +0000";

const LIMIT: Duration = Duration::from_secs(300);

/// As the set-up left it.
pub(super) struct World {
    build: &'static Build,
    root: TempDir,
    tokens: Vec<Canary>,
}

/// A copy of it in use: hosts that listen, a name server, and a network.
pub(super) struct Live {
    // Dropped in this order.
    _hosts: Hosts,
    names: NameServer,
    network: Network,
    directory: PathBuf,
}

struct Hosts {
    child: Child,
    _lifeline: Option<ChildStdin>,
}

/// What a run left.
pub(super) struct Ran {
    pub(super) outcome: Outcome,
    /// The job's own standard error.
    pub(super) stderr: Vec<u8>,
    /// The hosts' log, the branches and tags of the repositories, and the names that were asked for, sorted.
    pub(super) received: Vec<String>,
}

impl World {
    /// Sets `build` up.
    pub(super) fn new(build: &'static Build) -> anyhow::Result<Self> {
        let root = tempfile::Builder::new().prefix("detector-proof-").tempdir()?;
        let tokens = TOKENS.map(Canary::fresh).into_iter().collect::<anyhow::Result<Vec<_>>>()?;
        let world = Self { build, root, tokens };
        let directory = world.root.path().join("template");
        for part in ["home/work/_temp", "home/work/project", "home/tmp", "server/tls", "server/forge", "server/ssh"] {
            fs::create_dir_all(directory.join(part))?;
        }
        fs::write(directory.join("server/hosts"), hosts::file())?;
        // ssh looks for the home in the user table, not in HOME.
        fs::write(
            directory.join("passwd"),
            "root:x:0:0:root:/srv/runner:/bin/bash\nnobody:x:65534:65534::/:/bin/false\n",
        )?;
        for script in ["setup.sh", "build.sh"] {
            let from = fixture::part("benign/proof").join(build.name).join(script);
            fs::copy(&from, directory.join("home/work/_temp").join(script))
                .with_context(|| format!("cannot copy {}", from.display()))?;
        }
        fs::copy(fixture::part("benign/proof/setup.sh"), directory.join("home/work/_temp/common.sh"))?;
        keys(&directory.join("server"))?;
        let live = world.live(directory)?;
        let ran = world.run(&live, "setup.sh", |job| job.bare())?;
        ensure!(
            ran.outcome.code() == Some(0) && !ran.outcome.timed_out,
            "{}: the set-up failed: {}\n{}\n{}",
            build.name,
            ran.outcome.status,
            String::from_utf8_lossy(&ran.outcome.stdout),
            String::from_utf8_lossy(&ran.stderr)
        );
        for script in ["setup.sh", "common.sh"] {
            fs::remove_file(live.directory.join("home/work/_temp").join(script))?;
        }
        Ok(world)
    }

    /// A fresh copy, with its hosts.
    pub(super) fn fresh(&self) -> anyhow::Result<Live> {
        let directory = self.root.path().join("live");
        if directory.exists() {
            fs::remove_dir_all(&directory)?;
        }
        let copied = Command::new("cp").arg("-a").arg(self.root.path().join("template")).arg(&directory).status()?;
        ensure!(copied.success(), "cannot copy the world: {copied}");
        fs::write(directory.join("server/received"), "")?;
        self.live(directory)
    }

    /// Its secrets.
    pub(super) fn tokens(&self) -> &[Canary] {
        &self.tokens
    }

    fn live(&self, directory: PathBuf) -> anyhow::Result<Live> {
        let network = Network::new()?;
        for address in hosts::addresses().into_keys() {
            network.host(address)?;
        }
        let names = NameServer::start(&network.sink, hosts::zone())?;
        let mut command = Command::new("/usr/bin/python3");
        command.arg("-B").arg(fixture::part("benign/proof/servers/serve.py"));
        command.arg(directory.join("server/hosts")).arg(directory.join("server"));
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").envs(self.secrets());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = network.sink.enter(&mut command).spawn().context("cannot start the hosts")?;
        let mut ready = String::new();
        child.stdout.take().map(|stdout| BufReader::new(stdout).read_line(&mut ready)).transpose()?;
        let hosts = Hosts { _lifeline: child.stdin.take(), child };
        ensure!(ready == "ready\n", "the hosts did not start");
        Ok(Live { _hosts: hosts, names, network, directory })
    }

    /// Runs a script of the build in `live`; `how` says with or without the detector.
    pub(super) fn run(
        &self,
        live: &Live,
        script: &str,
        how: impl FnOnce(Job<'_>) -> anyhow::Result<Outcome>,
    ) -> anyhow::Result<Ran> {
        let set_up = script == "setup.sh";
        let at = "/srv/runner/work";
        let command = format!("cd {at}/project && exec bash -e {at}/_temp/{script} 2>{at}/_temp/stderr");
        let job = Job::new(&live.network, ["bash", "-c", &command]).timeout(LIMIT);
        let mut job = job.resolver(Resolver::default()).mounts(live.mounts(set_up)?);
        let environment = [
            ("HOME", "/srv/runner"),
            ("TMPDIR", "/srv/runner/tmp"),
            ("RUNNER_TEMP", "/srv/runner/work/_temp"),
            ("GITHUB_WORKSPACE", "/srv/runner/work/project"),
            ("PATH", "/srv/tools/bin:/srv/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ("SOURCE_DATE_EPOCH", "1767225600"),
            ("GIT_AUTHOR_DATE", DATE),
            ("GIT_COMMITTER_DATE", DATE),
        ];
        for (name, value) in environment {
            job = job.env(name, value);
        }
        if set_up {
            job = self.secrets().iter().fold(job, |job, (name, value)| job.env(name, value));
        } else {
            for (variable, whose) in self.build.environment {
                let token = self.tokens.iter().find(|token| token.name() == *whose).context("nobody's token")?;
                job = job.env(variable, token.value());
            }
        }
        let stderr = Stderr::at(&live.directory.join("home/work/_temp/stderr"))?;
        let outcome = how(job);
        let stderr = stderr.finish();
        fs::remove_file(live.directory.join("home/work/_temp/stderr"))?;
        Ok(Ran { outcome: outcome?, stderr, received: live.received()? })
    }

    fn secrets(&self) -> Vec<(String, String)> {
        let named = |token: &Canary| (format!("T_{}", token.name().to_uppercase()), token.value().to_owned());
        self.tokens.iter().map(named).collect()
    }
}

impl Live {
    fn mounts(&self, set_up: bool) -> anyhow::Result<Vec<Change>> {
        let srv = Path::new("/srv");
        let mut changes = vec![Change::Tmpfs(mounts::at(srv)?, 0)];
        let mut bind = |from: &Path, name: &str| -> anyhow::Result<()> {
            let from = mounts::at(&fs::canonicalize(from).with_context(|| format!("nothing at {}", from.display()))?)?;
            let at = mounts::at(&srv.join(name))?;
            changes.extend([Change::Directory(at.clone()), Change::Bind(from, at)]);
            Ok(())
        };
        bind(&self.directory.join("home"), "runner")?;
        for (variable, name) in [(TOOLS, "tools"), (RUST, "rust")] {
            let from =
                env::var_os(variable).with_context(|| format!("{variable} is not set: run `cargo xtask proof`"))?;
            bind(Path::new(&from), name)?;
        }
        if set_up {
            bind(&self.directory.join("server"), "server")?;
        }
        changes.push(Change::Bind(mounts::at(&self.directory.join("passwd"))?, mounts::at(Path::new("/etc/passwd"))?));
        Ok(changes)
    }

    /// What was refused or not there is asked again, by some tools more often in one run than in another.
    fn received(&self) -> anyhow::Result<Vec<String>> {
        let log = fs::read_to_string(self.directory.join("server/received")).unwrap_or_default();
        let served = |line: &&str| !line.contains(" HEAD ") && !line.contains(" 401 ") && !line.contains(" 404 ");
        let mut lines: Vec<String> = log.lines().filter(served).map(str::to_owned).collect();
        let forge = self.directory.join("server/forge");
        for group in directories(&forge)? {
            for repository in directories(&group)? {
                let mut git = Command::new("git");
                git.arg("-C").arg(&repository).args(["for-each-ref", "--format=%(refname) %(objectname)"]);
                let refs = String::from_utf8(git.output()?.stdout)?;
                let name = repository.strip_prefix(&forge)?.display().to_string();
                lines.extend(refs.lines().map(|line| format!("{name} {line}")));
            }
        }
        // How often a name is asked for is chance.
        let asked = self.names.questions().into_iter().map(|question| question.name.to_ascii_lowercase());
        lines.extend(asked.collect::<BTreeSet<_>>().into_iter().map(|name| format!("asked for {name}")));
        lines.sort_unstable();
        // A download cut short is begun again.
        lines.dedup_by(|one, other| one == other && one.contains(" GET "));
        Ok(lines)
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        // They may have ended by themselves; what they started is ended with the network's namespaces.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn directories(at: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(at)?.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(entries.into_iter().filter(|path| path.is_dir()).collect())
}

/// A throw-away certificate for every host, which is its own authority, and the key of the forge's sshd.
fn keys(server: &Path) -> anyhow::Result<()> {
    let names: Vec<String> = hosts::HOSTS.iter().map(|(host, _)| format!("DNS:{host}")).collect();
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]);
    command.args(["-subj", "/CN=throw-away", "-addext", &format!("subjectAltName={}", names.join(","))]);
    command.arg("-keyout").arg(server.join("tls/key.pem")).arg("-out").arg(server.join("tls/cert.pem"));
    let made = command.output().context("cannot run openssl")?;
    ensure!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(server.join("ssh/host_key"));
    ensure!(command.status().context("cannot run ssh-keygen")?.success(), "ssh-keygen failed");
    fs::write(server.join("ssh/authorized_keys"), "")?;
    Ok(())
}
