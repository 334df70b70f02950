//! A service of the host that finds names, as nscd and systemd-resolved are: it listens on a unix socket, is asked by programs of the
//! job, is no part of the job, and would ask name servers in its own name. Here it answers by itself.

mod nscd;
mod varlink;

use crate::mounts::{Change, at};
use anyhow::{Context as _, ensure};
use rustix::{
    process::chroot,
    thread::{UnshareFlags, unshare_unsafe},
};
use std::{
    collections::BTreeMap,
    fs,
    net::Ipv4Addr,
    os::unix::{
        fs::PermissionsExt as _,
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::Duration,
};
use tempfile::TempDir;

/// Askers are on this machine.
const PATIENCE: Duration = Duration::from_secs(2);

/// Which service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// nscd.
    Nscd,
    /// systemd-resolved, by its interface for programs.
    Resolved,
}

impl Kind {
    /// The path that it binds its socket to. The C library asks nscd below `/var/run`, which is a link.
    pub fn path(self) -> &'static Path {
        Path::new(match self {
            Self::Nscd => "/run/nscd/socket",
            Self::Resolved => "/run/systemd/resolve/io.systemd.Resolve",
        })
    }

    fn directory(self) -> &'static Path {
        self.path().parent().unwrap_or(Path::new("/"))
    }
}

/// A running service; stops on drop.
pub struct Service {
    kind: Kind,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// What the service has for its root.
    root: TempDir,
}

#[derive(Default)]
struct Shared {
    addresses: BTreeMap<String, Ipv4Addr>,
    asked: Mutex<Vec<String>>,
    stop: AtomicBool,
}

impl Shared {
    /// Takes a question down; the address of the name, where it has one.
    fn ask(&self, name: &str) -> Option<Ipv4Addr> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(name.to_owned());
        self.addresses.get(name).copied()
    }
}

impl Service {
    /// Starts a service that knows `addresses`.
    pub fn start(kind: Kind, addresses: &[(&str, Ipv4Addr)]) -> anyhow::Result<Self> {
        let root = tempfile::Builder::new().prefix("detector-service-").tempdir()?;
        // Whoever the job's processes are, they may ask.
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755))?;
        fs::create_dir_all(below(&root, kind.directory()))?;
        let addresses = addresses.iter().map(|(name, address)| ((*name).to_owned(), *address)).collect();
        let shared = Arc::new(Shared { addresses, ..Shared::default() });
        let (serving, place, (say, said)) = (Arc::clone(&shared), root.path().to_owned(), mpsc::channel());
        let thread = thread::Builder::new().name("service".to_owned()).spawn(move || match listen(kind, &place) {
            Ok(listener) => {
                _ = say.send(Ok(()));
                serve(kind, &listener, &serving);
            }
            Err(error) => _ = say.send(Err(error)),
        })?;
        said.recv_timeout(PATIENCE).context("the service says nothing")??;
        Ok(Self { kind, shared, thread: Some(thread), root })
    }

    /// What puts it where programs look for it, in a mount namespace of the job's own.
    pub fn mounts(&self) -> anyhow::Result<Vec<Change>> {
        let directory = self.kind.directory();
        let mut changes = Vec::new();
        if !directory.exists() {
            // Nothing is made on the machine itself.
            changes.push(Change::Tmpfs(at(Path::new("/run"))?, 0));
            let mut above: Vec<_> = directory.ancestors().take_while(|path| *path != Path::new("/run")).collect();
            ensure!(above.len() < 4, "{} is not below /run", directory.display());
            above.reverse();
            for path in above {
                changes.push(Change::Directory(at(path)?));
            }
        }
        changes.push(Change::Bind(at(&below(&self.root, directory))?, at(directory)?));
        Ok(changes)
    }

    /// The names that it was asked for, in order; without what the detector asks itself, as it starts.
    pub fn asked(&self) -> Vec<String> {
        let asked = self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().filter(|name| *name != "localhost").cloned().collect()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // It waits for somebody who asks.
        _ = UnixStream::connect(below(&self.root, self.kind.path()));
        // A panic there has been printed already.
        _ = self.thread.take().map(JoinHandle::join);
    }
}

fn below(root: &TempDir, path: &Path) -> PathBuf {
    root.path().join(path.strip_prefix("/").unwrap_or(path))
}

/// Listens at the path that the service has on a host, below `root`: it is the path as it is bound that tells who it is.
fn listen(kind: Kind, root: &Path) -> anyhow::Result<UnixListener> {
    // SAFETY: this thread's own root and directory, and nobody else's from now on; it opens no other file.
    unsafe { unshare_unsafe(UnshareFlags::FS) }?;
    chroot(root)?;
    let listener = UnixListener::bind(kind.path()).context("service: cannot listen")?;
    fs::set_permissions(kind.path(), fs::Permissions::from_mode(0o666))?;
    Ok(listener)
}

fn serve(kind: Kind, listener: &UnixListener, shared: &Shared) {
    for stream in listener.incoming().flatten() {
        if shared.stop.load(Ordering::Relaxed) {
            return;
        }
        let answered = stream.set_read_timeout(Some(PATIENCE)).and_then(|()| match kind {
            Kind::Nscd => nscd::answer(&stream, |name| shared.ask(name)),
            Kind::Resolved => varlink::answer(&stream, |name| shared.ask(name)),
        });
        // Who hangs up, or says nothing that can be understood, gets no answer.
        drop(answered);
    }
}
