//! Where stolen things would arrive: TCP and UDP on one port, IPv4 and IPv6, every byte recorded with its time.

mod server;

pub(crate) use server::{boottime, canonical};

use crate::{canary::Canary, http::Pages, namespace::Namespace};
use anyhow::Context as _;
use server::Server;
use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Bytes that one sink keeps; what comes after is counted only.
pub const MAX_BYTES: usize = 16 << 20;
/// Connections that one sink keeps; later ones are closed at once.
pub const MAX_CONNECTIONS: usize = 1024;

pub(crate) const TICK: Duration = Duration::from_millis(20);

/// TCP or UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A connection.
    Tcp,
    /// All datagrams of one sender, put together in order of arrival.
    Udp,
}

/// What one sender sent.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Over what.
    pub transport: Transport,
    /// Sender; IPv4 is IPv4, not mapped.
    pub peer: SocketAddr,
    /// The address dialled; unknown for UDP.
    pub local: Option<SocketAddr>,
    /// When it was accepted, or its first datagram came: `CLOCK_BOOTTIME` nanoseconds.
    pub opened: u64,
    /// When (`CLOCK_BOOTTIME` nanoseconds) how many bytes came.
    pub arrivals: Vec<(u64, usize)>,
    /// What came.
    pub bytes: Vec<u8>,
    /// The sender has finished.
    pub closed: bool,
}

#[derive(Default)]
struct Shared {
    connections: Mutex<Vec<Connection>>,
    changed: Condvar,
    stop: AtomicBool,
}

impl Shared {
    fn connections(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running sink; stops on drop.
pub struct Sink {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    port: u16,
}

impl Sink {
    /// Listens on every address of `namespace` at `port` (0: any free one, the same for TCP and UDP).
    pub fn start(namespace: &Namespace, port: u16) -> anyhow::Result<Self> {
        Self::serving(namespace, port, Pages::new())
    }

    /// The same, and answers GET for these pages.
    pub fn serving(namespace: &Namespace, port: u16, pages: Pages) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (port, server) = namespace.within(|| {
            let tcp = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).context("sink: cannot listen")?;
            let port = tcp.local_addr()?.port();
            let udp = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, port)).context("sink: cannot bind")?;
            tcp.set_nonblocking(true)?;
            udp.set_nonblocking(true)?;
            Ok((port, Server::new(tcp, udp, pages, Arc::clone(&shared))))
        })?;
        // The sockets stay in their namespace whatever thread uses them.
        let thread = thread::Builder::new().name("sink".to_owned()).spawn(move || server.serve())?;
        Ok(Self { shared, thread: Some(thread), port })
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where to dial it at one of its namespace's addresses.
    pub fn at(&self, address: IpAddr) -> SocketAddr {
        SocketAddr::new(address, self.port)
    }

    /// All connections so far.
    pub fn connections(&self) -> Vec<Connection> {
        self.shared.connections().clone()
    }

    /// Everything that arrived, connection after connection.
    pub fn bytes(&self) -> Vec<u8> {
        self.shared.connections().iter().flat_map(|c| c.bytes.iter().copied()).collect()
    }

    /// Whether the whole canary arrived in the clear.
    pub fn contains(&self, canary: &Canary) -> bool {
        canary.is_in(&self.bytes())
    }

    /// Waits until `enough` holds; false at the deadline.
    pub fn wait_for(&self, deadline: Duration, mut enough: impl FnMut(&[Connection]) -> bool) -> bool {
        let guard = self.shared.connections();
        let waited = self.shared.changed.wait_timeout_while(guard, deadline, |connections| !enough(connections));
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Waits until at least `n` bytes arrived in all; false at the deadline.
    pub fn wait_for_bytes(&self, n: usize, deadline: Duration) -> bool {
        self.wait_for(deadline, |connections| arrived(connections) >= n)
    }

    /// Waits until nothing has arrived for `quiet`; returns how many bytes arrived in all.
    pub fn settle(&self, quiet: Duration) -> usize {
        let mut before = (0, Instant::now());
        loop {
            let now = arrived(&self.shared.connections());
            if now != before.0 {
                before = (now, Instant::now());
            }
            if before.1.elapsed() >= quiet {
                return now;
            }
            thread::sleep(TICK);
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // A panic there has been printed already.
        _ = self.thread.take().map(JoinHandle::join);
    }
}

fn arrived(connections: &[Connection]) -> usize {
    connections.iter().flat_map(|c| &c.arrivals).map(|&(_, n)| n).sum()
}
