//! What a name server knows, and how it says it.

use super::name::Name;
use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

/// The bytes of the answers to a question.
pub type Answers = Arc<dyn Fn(&[u8]) -> Vec<Vec<u8>> + Send + Sync>;

/// The case of the letters of names in an answer, the question among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Case {
    /// As in the question and in the zone.
    #[default]
    Same,
    /// Every second letter in the other case.
    Mixed,
}

/// How an answer by TCP is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Segments {
    /// The length and the message at once.
    #[default]
    One,
    /// The length, and a moment later the message.
    Two,
    /// The length and half of the message, then the end.
    Cut,
}

/// How answers are written and sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// Seconds that an answer may be kept.
    pub ttl: u32,
    /// Names are written in full, never in short.
    pub uncompressed: bool,
    /// The case of names.
    pub case: Case,
    /// By UDP comes only word that the answer is cut off; by TCP it comes whole.
    pub truncated: bool,
    /// How it is sent by TCP.
    pub segments: Segments,
}

/// What is known of one name.
#[derive(Clone, Default)]
pub(super) struct Entry {
    pub(super) addresses: Vec<IpAddr>,
    pub(super) alias: Option<Name>,
    /// The code of the answer.
    pub(super) code: u8,
    pub(super) raw: Option<Answers>,
    /// What another server says first.
    pub(super) before: Option<(SocketAddr, Answers)>,
    pub(super) manner: Option<Manner>,
}

/// Names and what is known of them. Any other name does not exist. A name that begins with `*.` stands for every name under the
/// rest that is not known itself.
#[derive(Clone, Default)]
pub struct Zone {
    entries: BTreeMap<String, Entry>,
    manner: Manner,
}

impl Zone {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// How all answers are written and sent, of names without a manner of their own.
    pub fn manner(mut self, manner: Manner) -> Self {
        self.manner = manner;
        self
    }

    /// How the answers for this name are written and sent.
    pub fn manner_of(self, name: &str, manner: Manner) -> Self {
        self.with(name, |entry| entry.manner = Some(manner))
    }

    /// The name has these IPv4 addresses.
    ///
    /// # Panics
    /// On an IPv6 address.
    #[track_caller]
    pub fn a(self, name: &str, addresses: impl IntoIterator<Item: Into<IpAddr>>) -> Self {
        let addresses: Vec<IpAddr> = addresses.into_iter().map(Into::into).collect();
        assert!(addresses.iter().all(IpAddr::is_ipv4), "{name}: an A record holds an IPv4 address");
        self.addresses(name, addresses)
    }

    /// The name has these IPv6 addresses.
    ///
    /// # Panics
    /// On an IPv4 address.
    #[track_caller]
    pub fn aaaa(self, name: &str, addresses: impl IntoIterator<Item: Into<IpAddr>>) -> Self {
        let addresses: Vec<IpAddr> = addresses.into_iter().map(Into::into).collect();
        assert!(addresses.iter().all(IpAddr::is_ipv6), "{name}: an AAAA record holds an IPv6 address");
        self.addresses(name, addresses)
    }

    /// The name has these addresses, each as the record of its kind.
    pub fn addresses(self, name: &str, addresses: impl IntoIterator<Item: Into<IpAddr>>) -> Self {
        self.with(name, |entry| entry.addresses.extend(addresses.into_iter().map(Into::into)))
    }

    /// Every name under that of `*.name` has these addresses.
    pub fn wildcard(self, name: &str, addresses: impl IntoIterator<Item: Into<IpAddr>>) -> Self {
        self.addresses(name, addresses)
    }

    /// The name is another one's.
    pub fn cname(self, name: &str, target: &str) -> Self {
        self.with(name, |entry| entry.alias = Some(target.into()))
    }

    /// The name exists, and has nothing.
    pub fn nothing(self, name: &str) -> Self {
        self.with(name, |_| ())
    }

    /// The name is answered with this code (2: the server failed, 3: no such name, 5: refused), and whatever else is known of it.
    pub fn code(self, name: &str, code: u8) -> Self {
        self.with(name, |entry| entry.code = code)
    }

    /// A question for the name is answered with these bytes: a datagram each, or by TCP a message each.
    pub fn raw(self, name: &str, answers: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + Sync + 'static) -> Self {
        self.with(name, |entry| entry.raw = Some(Arc::new(answers)))
    }

    /// Before a question for the name is answered by UDP, these datagrams come from `from`, an address of the namespace.
    pub fn before(
        self,
        name: &str,
        from: SocketAddr,
        answers: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        self.with(name, |entry| entry.before = Some((from, Arc::new(answers))))
    }

    /// Puts the entries of `other` in the place of those of the same names.
    pub(super) fn set(&mut self, other: Self) {
        self.entries.extend(other.entries);
    }

    /// The name no longer exists.
    pub(super) fn remove(&mut self, name: &str) {
        self.entries.remove(&key(&name.into()));
    }

    /// What is known of a name, itself or by the nearest wildcard.
    pub(super) fn find(&self, name: &Name) -> Option<&Entry> {
        let mut above = std::iter::successors(name.parent(), Name::parent).map(|parent| parent.child("*"));
        self.entries.get(&key(name)).or_else(|| above.find_map(|wildcard| self.entries.get(&key(&wildcard))))
    }

    /// How a name is answered.
    pub(super) fn manner_for(&self, name: &Name) -> Manner {
        self.find(name).and_then(|entry| entry.manner).unwrap_or(self.manner)
    }

    fn with(mut self, name: &str, change: impl FnOnce(&mut Entry)) -> Self {
        change(self.entries.entry(key(&name.into())).or_default());
        self
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.entries.keys()).finish()
    }
}

fn key(name: &Name) -> String {
    name.to_string().to_ascii_lowercase()
}
