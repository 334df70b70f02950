//! Every packet that comes to a namespace, whatever it is of: what arrived on the wire has left.

use crate::{canary::Canary, namespace::Namespace};
use anyhow::{Context as _, bail};
use std::{
    fs::File,
    io::Read as _,
    os::fd::FromRawFd as _,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

/// Bytes that are kept; what comes after is lost.
const MAX_BYTES: usize = 16 << 20;
/// How long a read waits before it looks whether it is to end, microseconds.
const PATIENCE: libc::timeval = libc::timeval { tv_sec: 0, tv_usec: 20_000 };

/// What came; ended on drop.
pub struct Wire {
    frames: Arc<Mutex<Vec<u8>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Wire {
    /// Listens to what comes to `namespace` from now on.
    pub fn tap(namespace: &Namespace) -> anyhow::Result<Self> {
        let mut socket = namespace.within(packets)?;
        let (frames, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (kept, stopped) = (Arc::clone(&frames), Arc::clone(&stop));
        let thread = thread::Builder::new().name("wire".to_owned()).spawn(move || {
            let mut frame = vec![0; 1 << 16];
            while !stopped.load(Ordering::Acquire) {
                let Ok(length) = socket.read(&mut frame) else { continue };
                let mut kept: std::sync::MutexGuard<'_, Vec<u8>> = kept.lock().unwrap_or_else(PoisonError::into_inner);
                if kept.len() < MAX_BYTES {
                    kept.extend_from_slice(&frame[..length]);
                }
            }
        })?;
        Ok(Self { frames, stop, thread: Some(thread) })
    }

    /// Whether the whole canary came in one frame, in the clear.
    pub fn carried(&self, canary: &Canary) -> bool {
        canary.is_in(&self.bytes())
    }

    /// All frames, one behind the other.
    pub fn bytes(&self) -> Vec<u8> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // Its panic is a test's failure already.
            _ = thread.join();
        }
    }
}

/// A packet socket (packet(7)) for every protocol.
fn packets() -> anyhow::Result<File> {
    let all = u16::try_from(libc::ETH_P_ALL)?.to_be();
    // SAFETY: makes a descriptor.
    let socket = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, i32::from(all)) };
    if socket < 0 {
        bail!("cannot make a packet socket: {}", std::io::Error::last_os_error());
    }
    // SAFETY: just made, and nobody else's.
    let file = unsafe { File::from_raw_fd(socket) };
    let patience = PATIENCE;
    let size = libc::socklen_t::try_from(size_of_val(&patience))?;
    // SAFETY: the option's own structure.
    let set =
        unsafe { libc::setsockopt(socket, libc::SOL_SOCKET, libc::SO_RCVTIMEO, (&raw const patience).cast(), size) };
    if set < 0 {
        return Err(std::io::Error::last_os_error()).context("cannot set a time-out");
    }
    Ok(file)
}
