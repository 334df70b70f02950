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
use std::{collections::BTreeMap, ffi::OsStr, fs, io, slice};

/// The sink's port.
pub const PORT: u16 = 8080;

/// Where the sound file of the `telnyx-2026` theft and of its honest twin is fetched.
pub const RINGTONE: &str = "/ringtone.wav";

/// Where a cloud's metadata service tells the keys of the machine's role.
pub const ROLE: &str = "/latest/meta-data/iam/security-credentials/ci";

/// Network, sink, home, agent and keys. The sink serves [`RINGTONE`], the files of `pages` and `memdump.py`.
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
    /// Secrets for the job's own environment; a test that wants them there sets them.
    pub variables: [Canary; 2],
    /// The secret that [`Self::metadata`] tells.
    pub role: Canary,
}

impl Scene {
    /// A new one.
    pub fn new() -> anyhow::Result<Self> {
        let network = Network::new()?;
        let script = fixture::part("attacks/sweep.py");
        let script = fs::read(&script).with_context(|| format!("cannot read {}", script.display()))?;
        let mut pages = Pages::from([(RINGTONE.to_owned(), wav::wrap(&script))]);
        let files =
            fs::read_dir(fixture::part("pages"))?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        for path in files.into_iter().chain([fixture::part("attacks/memdump.py")]) {
            let name = path.file_name().unwrap_or_default();
            pages.insert(format!("/{}", name.display()), fs::read(&path)?);
        }
        let sink = Sink::serving(&network.sink, PORT, pages)?;
        let variables = [Canary::fresh("variable")?, Canary::fresh("other variable")?];
        let (agent, keys, home, role) = (Agent::start()?, Keys::new()?, Home::new()?, Canary::fresh("role")?);
        Ok(Self { sink, network, agent, keys, home, variables, role })
    }

    /// Starts a metadata service, which tells [`Self::role`] at [`ROLE`].
    pub fn metadata(&self) -> anyhow::Result<Sink> {
        let page = format!("{{\"SecretAccessKey\": \"{}\"}}\n", self.role.value());
        Sink::serving(&self.network.sink, 80, BTreeMap::from([(ROLE.to_owned(), page.into_bytes())]))
    }

    /// A job with everything in its environment that the fixtures ask for; `$SINK` is the first address.
    pub fn job(&self, command: impl IntoIterator<Item: AsRef<OsStr>>) -> Job<'_> {
        let job = Job::new(&self.network, command).home(&self.home).agent(&self.agent).keys(&self.keys);
        job.sink(self.sink.at(SINK_V4))
    }

    /// Every secret of the scene.
    pub fn canaries(&self) -> Vec<Canary> {
        [self.home.canaries(), self.agent.canaries(), &self.variables, slice::from_ref(&self.role)].concat()
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
