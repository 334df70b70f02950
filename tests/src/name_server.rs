//! A name server that says what a test wants it to say, true or false, and records every question.

mod answer;
mod datagram;
pub mod hostile;
pub mod message;
mod name;
pub mod random;
pub mod reference;
mod server;
mod writer;
mod zone;

pub use name::Name;
pub use zone::{Answers, Case, Manner, Segments, Zone};

use crate::{
    namespace::Namespace,
    sink::{MAX_BYTES, Transport, boottime},
};
use anyhow::Context as _;
use server::Server;
use std::{
    net::{Ipv6Addr, SocketAddr},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// The port of name servers.
pub const PORT: u16 = 53;

/// A question that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name asked for, label by label.
    pub labels: Name,
    /// The same as text, its letters as they came.
    pub name: String,
    /// Which records: see [`message::kind`].
    pub kind: u16,
    /// Over what.
    pub transport: Transport,
    /// Who asks; IPv4 is IPv4, not mapped.
    pub peer: SocketAddr,
    /// The address that was asked.
    pub local: SocketAddr,
    /// When it came: `CLOCK_BOOTTIME` nanoseconds.
    pub time: u64,
}

#[derive(Default)]
struct Asked {
    questions: Vec<Question>,
    bytes: Vec<u8>,
}

#[derive(Default)]
struct Shared {
    zone: Mutex<Zone>,
    asked: Mutex<Asked>,
    changed: Condvar,
    stop: AtomicBool,
}

impl Shared {
    fn zone(&self) -> MutexGuard<'_, Zone> {
        self.zone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arrive(&self, bytes: &[u8]) {
        let mut asked = self.asked();
        let room = MAX_BYTES.saturating_sub(asked.bytes.len());
        asked.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn ask(&self, message: &[u8], transport: Transport, peer: SocketAddr, local: SocketAddr) {
        if let Some(message::Query { name: labels, kind, .. }) = message::read(message) {
            let (name, time) = (labels.to_string(), boottime());
            self.asked().questions.push(Question { labels, name, kind, transport, peer, local, time });
            self.changed.notify_all();
        }
    }
}

/// A running name server; stops on drop.
pub struct NameServer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl NameServer {
    /// Answers on every address of `namespace`, at port 53, by UDP and TCP.
    pub fn start(namespace: &Namespace, zone: Zone) -> anyhow::Result<Self> {
        Self::at(namespace, (Ipv6Addr::UNSPECIFIED, PORT).into(), zone)
    }

    /// Another one, on this address only. It goes before one on every address.
    pub fn at(namespace: &Namespace, address: SocketAddr, zone: Zone) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared { zone: Mutex::new(zone), ..Shared::default() });
        let thread = namespace.within(|| {
            let server = Server::bind(address, Arc::clone(&shared)).context("name server: cannot listen")?;
            // A thread stays in the namespace of the one that started it.
            Ok(thread::Builder::new().name("name server".to_owned()).spawn(move || server.serve())?)
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// From now on the names of `zone` are answered as it says, and as nothing said before; all others as before.
    pub fn set(&self, zone: Zone) {
        self.shared.zone().set(zone);
    }

    /// From now on the name does not exist.
    pub fn remove(&self, name: &str) {
        self.shared.zone().remove(name);
    }

    /// All questions so far, in order of arrival.
    pub fn questions(&self) -> Vec<Question> {
        self.shared.asked().questions.clone()
    }

    /// How often a name was asked for, in whatever case.
    pub fn asked(&self, name: &str) -> usize {
        self.shared.asked().questions.iter().filter(|question| question.name.eq_ignore_ascii_case(name)).count()
    }

    /// Everything that arrived, and all labels once more without what is between them: a secret is found however it was cut.
    pub fn bytes(&self) -> Vec<u8> {
        let asked = self.shared.asked();
        let labels = |labels: usize| -> Vec<u8> {
            let names = asked.questions.iter().map(|question| question.labels.labels());
            names.flat_map(|name| name.iter().take(labels)).flatten().copied().collect()
        };
        // Of each name all labels, and the first only: pieces of a secret come one a name.
        [asked.bytes.clone(), labels(usize::MAX), labels(1)].concat()
    }

    /// Waits until `enough` holds; false at the deadline.
    pub fn wait_for(&self, deadline: Duration, mut enough: impl FnMut(&[Question]) -> bool) -> bool {
        let guard = self.shared.asked();
        let waited = self.shared.changed.wait_timeout_while(guard, deadline, |asked| !enough(&asked.questions));
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Waits until a name was asked for, in whatever case; false at the deadline.
    pub fn wait_for_name(&self, name: &str, deadline: Duration) -> bool {
        self.wait_for(deadline, |questions| questions.iter().any(|question| question.name.eq_ignore_ascii_case(name)))
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // A panic there has been printed already.
        _ = self.thread.take().map(JoinHandle::join);
    }
}
