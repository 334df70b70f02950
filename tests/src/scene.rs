//! Everything that a test of one theft needs, made afresh.

use crate::{
    agent::Agent,
    canary::{self, Canary},
    fixture,
    home::Home,
    http::Pages,
    loot::Keys,
    namespace::{Network, SINK_V4},
    run::Job,
    sink::Sink,
    wav,
};
use anyhow::Context as _;
use std::{ffi::OsStr, fs};

/// The sink's port.
pub const PORT: u16 = 8080;

/// Where the sound file of the `telnyx-2026` theft and of its honest twin is fetched.
pub const RINGTONE: &str = "/ringtone.wav";

/// Network, sink, home, agent and keys. The sink serves [`RINGTONE`].
pub struct Scene {
    // Fields are dropped in this order: nothing runs any more when the home goes.
    /// The sink, at [`SINK_V4`] and the other sink addresses.
    pub sink: Sink,
    /// The network.
    pub network: Network,
    /// The agent, outside both namespaces.
    pub agent: Agent,
    /// The keys for [`Keys::open`].
    pub keys: Keys,
    /// The home.
    pub home: Home,
}

impl Scene {
    /// A new one.
    pub fn new() -> anyhow::Result<Self> {
        let network = Network::new()?;
        let script = fixture::part("attacks/sweep.py");
        let script = fs::read(&script).with_context(|| format!("cannot read {}", script.display()))?;
        let pages = Pages::from([(RINGTONE.to_owned(), wav::wrap(&script))]);
        let sink = Sink::serving(&network.sink, PORT, pages)?;
        Ok(Self { sink, network, agent: Agent::start()?, keys: Keys::new()?, home: Home::new()? })
    }

    /// A job with everything in its environment that the fixtures ask for; `$SINK` is the first address.
    pub fn job(&self, command: impl IntoIterator<Item: AsRef<OsStr>>) -> Job<'_> {
        let job = Job::new(&self.network, command).home(&self.home).agent(&self.agent).keys(&self.keys);
        job.sink(self.sink.at(SINK_V4))
    }

    /// Every secret of the scene.
    pub fn canaries(&self) -> Vec<Canary> {
        [self.home.canaries(), self.agent.canaries()].concat()
    }

    /// Panics when any secret of the scene left a trace in `bytes`.
    ///
    /// # Panics
    /// That is its purpose.
    #[track_caller]
    pub fn assert_absent_from(&self, what: &str, bytes: &[u8]) {
        canary::assert_absent(&self.canaries(), what, bytes);
    }
}
