//! The sink's thread: one loop over all sockets.

use super::{Connection, MAX_BYTES, MAX_CONNECTIONS, Shared, TICK, Transport};
use crate::http::{self, Pages, Step};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    time::{ClockId, clock_gettime},
};
use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

/// IPv4 as IPv4, not mapped.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// An open TCP connection and its place among the recorded ones.
struct Open {
    stream: TcpStream,
    index: usize,
    continued: bool,
    answered: bool,
}

pub(super) struct Server {
    tcp: TcpListener,
    udp: UdpSocket,
    pages: Pages,
    shared: Arc<Shared>,
    open: Vec<Open>,
}

impl Server {
    /// Both sockets must not block.
    pub(super) fn new(tcp: TcpListener, udp: UdpSocket, pages: Pages, shared: Arc<Shared>) -> Self {
        Self { tcp, udp, pages, shared, open: Vec::new() }
    }

    /// Serves until told to stop.
    pub(super) fn serve(mut self) {
        let tick = Timespec { tv_sec: 0, tv_nsec: i64::from(TICK.subsec_nanos()) };
        while !self.shared.stop.load(Ordering::Relaxed) {
            let mut ready = vec![PollFd::new(&self.tcp, PollFlags::IN), PollFd::new(&self.udp, PollFlags::IN)];
            ready.extend(self.open.iter().map(|c| PollFd::new(&c.stream, PollFlags::IN)));
            // An interrupted wait is a short tick: all sockets are read without blocking anyway.
            if poll(&mut ready, Some(&tick)) == Ok(0) {
                continue;
            }
            self.accept();
            self.datagrams();
            let Self { open, shared, pages, .. } = &mut self;
            open.retain_mut(|connection| connection.read(shared, pages));
        }
    }

    fn accept(&mut self) {
        while let Ok((stream, peer)) = self.tcp.accept() {
            let local = stream.local_addr().ok().map(canonical);
            let index = self.record(Transport::Tcp, canonical(peer), local);
            if let (Some(index), Ok(())) = (index, stream.set_nonblocking(true)) {
                self.open.push(Open { stream, index, continued: false, answered: false });
            }
        }
    }

    fn datagrams(&mut self) {
        let mut buffer = vec![0; 1 << 16];
        while let Ok((n, peer)) = self.udp.recv_from(&mut buffer) {
            let peer = canonical(peer);
            let known = |c: &Connection| c.transport == Transport::Udp && c.peer == peer;
            let index = self.shared.connections().iter().position(known);
            if let Some(index) = index.or_else(|| self.record(Transport::Udp, peer, None)) {
                arrive(&self.shared, index, &buffer[..n]);
            }
        }
    }

    fn record(&self, transport: Transport, peer: SocketAddr, local: Option<SocketAddr>) -> Option<usize> {
        let mut connections = self.shared.connections();
        let index = connections.len();
        (index < MAX_CONNECTIONS).then(|| {
            let (opened, arrivals, bytes) = (boottime(), Vec::new(), Vec::new());
            connections.push(Connection { transport, peer, local, opened, arrivals, bytes, closed: false });
            self.shared.changed.notify_all();
            index
        })
    }
}

impl Open {
    /// Reads what is there and answers what is complete; false when the sender has finished.
    fn read(&mut self, shared: &Shared, pages: &Pages) -> bool {
        let mut buffer = vec![0; 1 << 16];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(n) if n > 0 => {
                    arrive(shared, self.index, &buffer[..n]);
                    self.answer(shared, pages);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Ok(_) | Err(_) => {
                    shared.connections()[self.index].closed = true;
                    shared.changed.notify_all();
                    return false;
                }
            }
        }
    }

    fn answer(&mut self, shared: &Shared, pages: &Pages) {
        if self.answered {
            return;
        }
        let step = http::step(&shared.connections()[self.index].bytes, pages, self.continued);
        // A client that went away is seen by the next read.
        match step {
            Step::Wait | Step::Plain => (),
            Step::Continue => {
                self.continued = true;
                _ = self.send(b"HTTP/1.1 100 Continue\r\n\r\n");
            }
            Step::Answer(bytes) => {
                self.answered = true;
                _ = self.send(&bytes);
                _ = self.stream.shutdown(Shutdown::Write);
            }
        }
    }

    fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.set_nonblocking(false)?;
        self.stream.set_write_timeout(Some(Duration::from_secs(2)))?;
        self.stream.write_all(bytes)?;
        self.stream.set_nonblocking(true)
    }
}

fn arrive(shared: &Shared, index: usize, bytes: &[u8]) {
    let mut connections = shared.connections();
    let room = MAX_BYTES.saturating_sub(connections.iter().map(|c| c.bytes.len()).sum());
    let connection = &mut connections[index];
    connection.arrivals.push((boottime(), bytes.len()));
    connection.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    shared.changed.notify_all();
}

/// `CLOCK_BOOTTIME` nanoseconds.
pub(crate) fn boottime() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    u64::try_from(i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec)).unwrap_or(0)
}
