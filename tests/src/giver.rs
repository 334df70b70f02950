//! Gives sockets that it made itself, outside any job, to whoever asks.

use crate::namespace::Namespace;
use anyhow::Context as _;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use std::{
    io::IoSlice,
    mem::MaybeUninit,
    net::{SocketAddr, UdpSocket},
    os::{
        fd::AsFd as _,
        unix::net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

/// A running giver; stops on drop.
pub struct Giver {
    place: PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Giver {
    /// At the unix socket `place` everybody gets a datagram socket of `namespace`, connected to `server`.
    pub fn start(namespace: &Namespace, place: &Path, server: SocketAddr) -> anyhow::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (listener, stopped) = (UnixListener::bind(place).context("giver: cannot listen")?, Arc::clone(&stop));
        let give = move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                // Who gets nothing says so.
                _ = hand_over(&stream, server);
            }
        };
        // A thread stays in the namespace of the one that started it.
        let thread = namespace.within(|| Ok(thread::Builder::new().name("giver".to_owned()).spawn(give)?))?;
        Ok(Self { place: place.to_owned(), stop, thread: Some(thread) })
    }
}

impl Drop for Giver {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes it. A panic there has been printed already.
        if UnixStream::connect(&self.place).is_ok() {
            _ = self.thread.take().map(JoinHandle::join);
        }
    }
}

fn hand_over(stream: &UnixStream, server: SocketAddr) -> anyhow::Result<()> {
    let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    socket.connect(server)?;
    let (mut space, sockets) = ([MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))], [socket.as_fd()]);
    let mut message = SendAncillaryBuffer::new(&mut space);
    message.push(SendAncillaryMessage::ScmRights(&sockets));
    sendmsg(stream, &[IoSlice::new(b"!")], &mut message, SendFlags::empty())?;
    Ok(())
}
