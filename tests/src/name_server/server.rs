//! The name server's thread: one loop over all sockets.

use super::{
    Shared,
    answer::answers,
    datagram::{Datagrams, listener},
    message::read,
    zone::Segments,
};
use crate::sink::{TICK, Transport, canonical};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, atomic::Ordering},
    thread,
    time::Duration,
};

/// Between two segments: long enough for a waiting reader to see the first alone.
const MOMENT: Duration = Duration::from_millis(50);

/// An open TCP connection, and what of it is not yet a whole message.
struct Open {
    stream: TcpStream,
    peer: SocketAddr,
    local: SocketAddr,
    bytes: Vec<u8>,
}

pub(super) struct Server {
    tcp: TcpListener,
    udp: Datagrams,
    shared: Arc<Shared>,
    open: Vec<Open>,
}

impl Server {
    /// Must be made in the namespace.
    pub(super) fn bind(address: SocketAddr, shared: Arc<Shared>) -> io::Result<Self> {
        Ok(Self { tcp: listener(address)?, udp: Datagrams::bind(address)?, shared, open: Vec::new() })
    }

    /// Serves until told to stop; in the namespace, as what is sent from elsewhere needs sockets of its own.
    pub(super) fn serve(mut self) {
        let tick = Timespec { tv_sec: 0, tv_nsec: i64::from(TICK.subsec_nanos()) };
        while !self.shared.stop.load(Ordering::Relaxed) {
            let mut ready = vec![PollFd::new(&self.tcp, PollFlags::IN), PollFd::new(&self.udp.socket, PollFlags::IN)];
            ready.extend(self.open.iter().map(|c| PollFd::new(&c.stream, PollFlags::IN)));
            // An interrupted wait is a short tick: all sockets are read without blocking anyway.
            if poll(&mut ready, Some(&tick)) == Ok(0) {
                continue;
            }
            self.accept();
            self.datagrams();
            let Self { open, shared, .. } = &mut self;
            open.retain_mut(|connection| connection.read(shared));
        }
    }

    fn accept(&mut self) {
        while let Ok((stream, peer)) = self.tcp.accept() {
            if let (Ok(local), Ok(())) = (stream.local_addr(), stream.set_nonblocking(true)) {
                _ = stream.set_nodelay(true);
                let (peer, local) = (canonical(peer), canonical(local));
                self.open.push(Open { stream, peer, local, bytes: Vec::new() });
            }
        }
    }

    fn datagrams(&mut self) {
        let mut buffer = vec![0; 1 << 16];
        while let Ok((n, peer, local)) = self.udp.receive(&mut buffer) {
            let question = &buffer[..n];
            self.shared.arrive(question);
            self.shared.ask(question, Transport::Udp, peer, local);
            // An asker that went away, or an answer that is too long to be sent, is no matter.
            for (from, bytes) in self.before(question) {
                _ = self.send_from(&bytes, from, peer);
            }
            let zone = self.shared.zone().clone();
            for bytes in answers(&zone, question, Transport::Udp) {
                _ = self.udp.send(&bytes, local.ip(), peer);
            }
        }
    }

    /// What another server says first.
    fn before(&self, question: &[u8]) -> Vec<(SocketAddr, Vec<u8>)> {
        let zone = self.shared.zone().clone();
        let entry = read(question).and_then(|query| zone.find(&query.name).cloned());
        let Some((from, answers)) = entry.and_then(|entry| entry.before) else { return Vec::new() };
        answers(question).into_iter().map(|bytes| (from, bytes)).collect()
    }

    fn send_from(&self, bytes: &[u8], from: SocketAddr, to: SocketAddr) -> io::Result<()> {
        if from.port() == self.udp.socket.local_addr()?.port() {
            return self.udp.send(bytes, from.ip(), to);
        }
        // Shared, as a child of another test that has not yet become its command may still hold the last one.
        Datagrams::bind(from)?.send(bytes, from.ip(), to)
    }
}

impl Open {
    /// Reads what is there and answers what is complete; false when there will be no more.
    fn read(&mut self, shared: &Shared) -> bool {
        let mut buffer = vec![0; 1 << 16];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(n) if n > 0 => {
                    shared.arrive(&buffer[..n]);
                    self.bytes.extend_from_slice(&buffer[..n]);
                    if self.answer(shared).is_err() {
                        return false;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Ok(_) | Err(_) => return false,
            }
        }
    }

    fn answer(&mut self, shared: &Shared) -> io::Result<()> {
        while let Some((length, rest)) = self.bytes.split_first_chunk() {
            let Some((question, rest)) = rest.split_at_checked(u16::from_be_bytes(*length).into()) else { break };
            let (question, rest) = (question.to_vec(), rest.to_vec());
            self.bytes = rest;
            shared.ask(&question, Transport::Tcp, self.peer, self.local);
            let zone = shared.zone().clone();
            let segments = read(&question).map(|query| zone.manner_for(&query.name).segments);
            for message in answers(&zone, &question, Transport::Tcp) {
                self.send(&message, segments.unwrap_or_default())?;
            }
        }
        Ok(())
    }

    fn send(&mut self, message: &[u8], segments: Segments) -> io::Result<()> {
        let length = u16::try_from(message.len()).unwrap_or(u16::MAX).to_be_bytes();
        self.stream.set_nonblocking(false)?;
        self.stream.set_write_timeout(Some(Duration::from_secs(2)))?;
        match segments {
            Segments::One => self.stream.write_all(&[&length, message].concat())?,
            Segments::Two => {
                self.stream.write_all(&length)?;
                thread::sleep(MOMENT);
                self.stream.write_all(message)?;
            }
            Segments::Cut => {
                self.stream.write_all(&[&length, &message[..message.len() / 2]].concat())?;
                self.stream.shutdown(Shutdown::Both)?;
            }
        }
        self.stream.set_nonblocking(true)
    }
}
