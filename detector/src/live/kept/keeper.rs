//! What files of a job name in the middle of it: those that declared readers of their class wrote, from the first byte on, while they
//! held and had read nothing else (`author.rs` in the kernel side).

use super::files::{GIT_CONFIG, Places, Stamped, all, believed, directories, open, said};
use crate::{
    event::Kept,
    kernel::{KernelError, Sensor, boottime, is_authors_end, opened},
    network::kept::{File as Row, formats},
    policy::{Policy, SelfKept},
};
use detector_common::host::Place;
use std::{
    collections::BTreeSet,
    net::IpAddr,
    path::{Path, PathBuf},
    rc::Rc,
};

/// Places that one job may learn.
const MOST: usize = 64;
/// Files that are looked at beside those whose place is known.
const ELSEWHERE: usize = 64;

/// Looks after the files of one job.
pub(in crate::live) struct Keeper {
    job: u32,
    /// The id of the policy that the job is under.
    policy: u32,
    places: Rc<Places>,
    /// What the host itself listed for names, before the job.
    listed: Rc<[(IpAddr, String)]>,
    /// Files that were opened, of names that such files may have anywhere.
    elsewhere: BTreeSet<PathBuf>,
    kept: Vec<SelfKept>,
    /// A process ended that wrote such a file.
    due: bool,
}

/// What is known of files that name places before a job begins.
#[derive(Clone)]
pub(in crate::live) struct Before {
    /// Where they are.
    pub(in crate::live) places: Rc<Places>,
    /// Those that were read.
    pub(in crate::live) read: Vec<Stamped>,
    /// What the host itself lists for names.
    pub(in crate::live) listed: Rc<[(IpAddr, String)]>,
}

/// Whether files of the row may be anywhere. Git writes whatever a repository has: what that may bring is not among them.
fn is_elsewhere(row: &Row) -> bool {
    row.path.starts_with("**/") && (row.class != "git" || row.path == GIT_CONFIG)
}

/// Names directories of such files to the kernel side, for all jobs under `policy`.
pub(in crate::live) fn watch(sensor: &mut Sensor, policy: u32, places: &Places) -> Result<(), KernelError> {
    let files = formats().iter().filter_map(|row| row.path.rsplit('/').next());
    let files = files.filter(|name| !name.contains('*')).map(str::as_bytes);
    sensor.keep_in(policy, directories(places).iter().map(Vec::as_slice), files)
}

impl Keeper {
    /// One for `job`, which is under the policy of id `policy`.
    pub(in crate::live) fn new(job: u32, policy: u32, before: &Before) -> Self {
        let (places, listed) = (Rc::clone(&before.places), Rc::clone(&before.listed));
        Self { job, policy, places, listed, elsewhere: BTreeSet::new(), kept: Vec::new(), due: false }
    }

    /// One that goes on where another process left off, which had told of `kept`.
    #[must_use]
    pub(in crate::live) fn resume(self, kept: Vec<Kept>) -> Self {
        let one = |Kept { class, host, port, file, .. }: Kept| SelfKept { class, host, port, file };
        Self { kept: kept.into_iter().map(one).collect(), due: true, ..self }
    }

    /// The files that were read before the job, and are as they were then, go on being believed.
    pub(in crate::live) fn begin(
        &self,
        sensor: &mut Sensor,
        policy: &Policy,
        read: &[Stamped],
    ) -> Result<(), KernelError> {
        for stamped in read {
            let bits = policy.kept_bits([stamped.class]);
            let Some(bits) = std::num::NonZero::new(bits) else { continue };
            // What is believed is this file, not whatever is there by then.
            if let Some(file) = open(&stamped.path).filter(|file| stamped.is(file)) {
                sensor.believe_file(self.job, &file, bits.get())?;
            }
        }
        Ok(())
    }

    /// Takes down what there is to look at for what the record says: that a process ended which wrote such a file, or that one was
    /// opened which may be anywhere.
    pub(in crate::live) fn note(&mut self, record: &[u8]) {
        self.due |= is_authors_end(record);
        if let Some(path) = opened(record) {
            self.opened(path);
        }
    }

    fn opened(&mut self, path: PathBuf) {
        if self.elsewhere.len() < ELSEWHERE
            && formats().iter().any(|row| is_elsewhere(row) && path.to_str().is_some_and(|path| row.is_at(path)))
            && self.elsewhere.insert(path)
        {
            self.due = true;
        }
    }

    /// Looks at the files again where there is a reason: what is new to `policy`, and since when the kernel side knows.
    pub(in crate::live) fn look(
        &mut self,
        sensor: &mut Sensor,
        policy: &Policy,
    ) -> Result<Vec<(u64, Kept)>, KernelError> {
        let mut told = Vec::new();
        if !std::mem::take(&mut self.due) {
            return Ok(told);
        }
        for kept in self.news(sensor, policy)? {
            let Some(addresses) = self.tell(sensor, policy, &kept) else { continue };
            tracing::info!("job {}: {} names {} for {}", self.job, kept.file, kept.host, kept.class);
            let SelfKept { class, host, port, file } = kept;
            told.push((boottime(), Kept { job: self.job, class, host, port, file, addresses }));
        }
        Ok(told)
    }

    fn news(&self, sensor: &mut Sensor, policy: &Policy) -> Result<Vec<SelfKept>, KernelError> {
        let mut news: Vec<SelfKept> = Vec::new();
        let elsewhere = |path: &Path| {
            let is_there = |row: &&Row| is_elsewhere(row) && row.is_at(path.to_str().unwrap_or_default());
            formats().iter().find(is_there)
        };
        let more = self.elsewhere.iter().filter_map(|path| Some((path.clone(), elsewhere(path)?)));
        for (path, row) in all(&self.places).into_iter().chain(more) {
            let Some(bytes) = self.told(sensor, policy, &path, row)? else { continue };
            for kept in said(&path, row, &bytes) {
                let is_same =
                    |other: &SelfKept| (&other.class, &other.host, other.port) == (&kept.class, &kept.host, kept.port);
                let known = self.kept.iter().chain(&news).any(is_same);
                if !known && policy.is_news(&kept) {
                    news.push(kept);
                }
            }
        }
        Ok(news)
    }

    /// The content of the file, where it tells of places.
    fn told(
        &self,
        sensor: &mut Sensor,
        policy: &Policy,
        path: &Path,
        row: &Row,
    ) -> Result<Option<Vec<u8>>, KernelError> {
        if !path.exists() {
            return Ok(None);
        }
        let wanted = policy.kept_bits([row.class]);
        let Some((file, bits)) = sensor.open_kept(self.job, path)? else { return Ok(None) };
        if bits & wanted == 0 {
            return Ok(None);
        }
        let Some(bytes) = believed(&file, &self.places) else { return Ok(None) };
        // Whoever opened it meanwhile may have written what was read.
        Ok((sensor.still_kept(self.job, &file)? & wanted != 0).then_some(bytes))
    }

    /// Tells the kernel side; the addresses that it was told. None where there is no room: what a job writes must not end what
    /// watches it.
    fn tell(&mut self, sensor: &mut Sensor, policy: &Policy, kept: &SelfKept) -> Option<Vec<IpAddr>> {
        if self.kept.len() >= MOST {
            tracing::warn!("job {}: {} names more places than are kept: {}", self.job, kept.file, kept.host);
            return None;
        }
        self.kept.push(kept.clone());
        let place = policy.place(&kept.host, &self.kept);
        let told = place.map(|place| self.write(sensor, &kept.host, &place));
        match told {
            Some(Ok(addresses)) => Some(addresses),
            Some(Err(error)) => {
                tracing::warn!("job {}: {} names {}, which is not kept: {error}", self.job, kept.file, kept.host);
                None
            }
            None => {
                self.kept.pop();
                None
            }
        }
    }

    fn write(&self, sensor: &mut Sensor, host: &str, place: &Place) -> Result<Vec<IpAddr>, KernelError> {
        if let Ok(address) = host.parse() {
            sensor.keep_address(self.job, address, place)?;
            return Ok(Vec::new());
        }
        sensor.keep_name((self.job, self.policy), host, *place)?;
        let listed = self.listed.iter().filter(|(_, name)| *name == host);
        let addresses: Vec<_> = listed.map(|(address, _)| *address).collect();
        for address in &addresses {
            sensor.keep_address(self.job, *address, place)?;
        }
        Ok(addresses)
    }
}
