//! Files that name places of their own, and such places as a job learns them in the middle of it.

use super::{
    KernelError, Sensor,
    abi::Abi,
    sensor::{map, typed},
};
use aya::maps::HashMap;
use detector_common::{
    destination::mapped,
    host::{AddressKey, KeptKey, Place, PlaceKey, forward},
    identity::ObjectKey,
    limits,
    program::Register,
    set::{Bits, GrowingSet},
    state::Author,
    watch::{Component, WatchKey, WatchValue, hash, kind},
};
use std::{
    fs::File,
    net::IpAddr,
    os::fd::AsRawFd as _,
    path::{Path, PathBuf},
};
use zerocopy::transmute;

/// The first number of places that no policy has: of those the numbers are below.
const FIRST: u32 = 1 << 31;

impl Sensor {
    /// Under `policy`, files in directories of these names may name places of their own, and those of these names do.
    ///
    /// # Errors
    /// When there is no room.
    pub fn keep_in<'a>(
        &mut self,
        policy: u32,
        directories: impl Iterator<Item = &'a [u8]>,
        files: impl Iterator<Item = &'a [u8]>,
    ) -> Result<(), KernelError> {
        let mut watches: HashMap<_, Abi<WatchKey>, Abi<WatchValue>> = typed(&mut self.maps, "WATCHES")?;
        let directories = directories.map(|name| (kind::KEPT, name));
        for (kind, name) in directories.chain(files.map(|name| (kind::KEPT_FILE, name))) {
            let key = WatchKey { policy, kind, hash: hash(&transmute!(Component::new(name))) };
            watches.insert(Abi(key), Abi(WatchValue::default()), 0).map_err(|error| map("WATCHES", "write", &error))?;
        }
        Ok(())
    }

    /// In `job`, `file` tells of places of `bits`, for it was there before.
    ///
    /// # Errors
    /// When the map cannot be had.
    pub fn believe_file(&mut self, job: u32, file: &File, bits: Bits) -> Result<(), KernelError> {
        self.ask(Register { job, bits, ..Register::default() }, &own(file))?;
        Ok(())
    }

    /// Opens the file at `path`, with the classes of whose places it tells in `job`.
    ///
    /// # Errors
    /// When the map cannot be had.
    pub fn open_kept(&mut self, job: u32, path: &Path) -> Result<Option<(File, Bits)>, KernelError> {
        let (file, answer) = self.ask(Register { job, ..Register::default() }, path)?;
        Ok(file.zip(answer.map(|answer| answer.bits)))
    }

    /// The classes of whose places `file`, which is open, tells in `job` now.
    ///
    /// # Errors
    /// When the map cannot be had.
    pub fn still_kept(&mut self, job: u32, file: &File) -> Result<Bits, KernelError> {
        Ok(self.open_kept(job, &own(file))?.map_or(0, |(_, bits)| bits))
    }

    /// From now on the host called `name` is `place` to `job`, which is under `policy`.
    ///
    /// # Errors
    /// When there is no room.
    pub fn keep_name(&mut self, (job, policy): (u32, u32), name: &str, place: Place) -> Result<(), KernelError> {
        let hash = forward(self.seed, name.split('.').map(str::as_bytes));
        let mut kept: HashMap<_, Abi<KeptKey>, u32> = typed(&mut self.maps, "KEPT")?;
        let next = kept.iter().flatten().map(|(_, number)| number + 1).max().unwrap_or(FIRST);
        let mut places: HashMap<_, Abi<PlaceKey>, Abi<Place>> = typed(&mut self.maps, "PLACES")?;
        // First the place, then the name: who finds the one finds the other.
        let key = PlaceKey { policy, place: next };
        places.insert(Abi(key), Abi(place), 0).map_err(|error| map("PLACES", "write", &error))?;
        kept = typed(&mut self.maps, "KEPT")?;
        kept.insert(Abi(KeptKey { job, reserved: 0, hash }), next, 0).map_err(|error| map("KEPT", "write", &error))
    }

    /// From now on `address` is one of `place` to `job`.
    ///
    /// # Errors
    /// When there is no room.
    pub fn keep_address(&mut self, job: u32, address: IpAddr, place: &Place) -> Result<(), KernelError> {
        let address = match address.to_canonical() {
            IpAddr::V4(address) => mapped(address.octets()),
            IpAddr::V6(address) => address.octets(),
        };
        let mut addresses: HashMap<_, Abi<AddressKey>, Abi<GrowingSet>> = typed(&mut self.maps, "ADDRESSES")?;
        let used = usize::try_from(place.count).unwrap_or(0).min(limits::PLACE_ROWS);
        for row in &place.rows[..used] {
            let key = Abi(AddressKey { job, port: row.port, reader: row.reader, address });
            let before = addresses.get(&key, 0).map_or(0, |Abi(set)| set.bits());
            let set = GrowingSet::of(before | row.accepted);
            addresses.insert(key, Abi(set), 0).map_err(|error| map("ADDRESSES", "write", &error))?;
        }
        Ok(())
    }

    /// Forgets what `job` was told.
    pub(super) fn forget_kept(&mut self, job: u32) -> Result<(), KernelError> {
        let mut authors: HashMap<_, Abi<ObjectKey>, Abi<Author>> = typed(&mut self.maps, "AUTHORS")?;
        let own: Vec<_> = authors.keys().flatten().filter(|Abi(key)| key.job == job).collect();
        // Whatever is not there any more needs not go.
        own.iter().for_each(|key| _ = authors.remove(key));
        let mut kept: HashMap<_, Abi<KeptKey>, u32> = typed(&mut self.maps, "KEPT")?;
        let own: Vec<_> = kept.iter().flatten().filter(|(Abi(key), _)| key.job == job).collect();
        own.iter().for_each(|(key, _)| _ = kept.remove(key));
        let gone: Vec<u32> = own.iter().map(|(_, number)| *number).collect();
        if gone.is_empty() {
            return Ok(());
        }
        let mut places: HashMap<_, Abi<PlaceKey>, Abi<Place>> = typed(&mut self.maps, "PLACES")?;
        let own: Vec<_> = places.keys().flatten().filter(|Abi(key)| gone.contains(&key.place)).collect();
        own.iter().for_each(|key| _ = places.remove(key));
        Ok(())
    }
}

/// A path of the file that is open.
fn own(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}
