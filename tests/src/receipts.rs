//! A receiver for very many short connections, one after another: of each it takes one byte, and says so.

use crate::{
    namespace::Namespace,
    sink::{TICK, canonical},
};
use anyhow::Context as _;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv6Addr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// Senders are on this machine.
const PATIENCE: Duration = Duration::from_secs(2);

/// A running receiver; stops on drop.
pub struct Receipts {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    taken: Mutex<Vec<IpAddr>>,
    stop: AtomicBool,
}

impl Receipts {
    /// Listens on every address of `namespace` at `port`.
    pub fn start(namespace: &Namespace, port: u16) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared::default());
        let listener = namespace.within(|| {
            let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).context("receiver: cannot listen")?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        })?;
        let serving = Arc::clone(&shared);
        // The socket stays in its namespace whatever thread uses it.
        let thread = thread::Builder::new().name("receipts".to_owned()).spawn(move || serving.serve(&listener))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// The address that each byte was sent to, in order of arrival.
    pub fn taken(&self) -> Vec<IpAddr> {
        self.shared.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Receipts {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // A panic there has been printed already.
        _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Shared {
    fn serve(&self, listener: &TcpListener) {
        let tick = Timespec { tv_sec: 0, tv_nsec: i64::from(TICK.subsec_nanos()) };
        while !self.stop.load(Ordering::Relaxed) {
            // Interrupted or not: what is there is taken without blocking.
            _ = poll(&mut [PollFd::new(listener, PollFlags::IN)], Some(&tick));
            while let Ok((stream, _)) = listener.accept() {
                // A sender that went away sent nothing.
                _ = self.take(&stream);
            }
        }
    }

    fn take(&self, mut stream: &TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        let to = canonical(stream.local_addr()?).ip();
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).push(to);
        stream.write_all(&byte)
    }
}
