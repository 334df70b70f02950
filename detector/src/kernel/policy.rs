//! The rows of policies: written, and taken away when nobody is under one any more.

use super::{
    KernelError, Sensor,
    abi::Abi,
    sensor::{absent, fits, map, typed},
};
use crate::{event::File, policy::Tables};
use aya::{
    Pod,
    maps::{HashMap, LpmTrie, MapData, MapError, lpm_trie::Key},
};
use detector_common::{
    command::{CommandKey, Next},
    destination::{Destination, DestinationKey},
    host::{HostKey, Place, PlaceKey},
    limits,
    program::{InjectKey, NameKey, Program, ProgramKey, Register, Script, ScriptKey},
    record,
    set::Bits,
    watch::{WatchKey, WatchValue},
};
use std::{collections::BTreeSet, path::Path};

type Destinations<'a> = LpmTrie<&'a mut MapData, Abi<DestinationKey>, Abi<Destination>>;

impl Sensor {
    /// Writes the rows of a policy, which were made for the id `policy`.
    ///
    /// # Errors
    /// When they are more than the tables have room for.
    pub fn add_policy(&mut self, policy: u32, tables: &Tables) -> Result<(), KernelError> {
        fits("watched paths", tables.watches.len(), limits::WATCHES)?;
        fits("destinations", tables.destinations.len(), limits::DESTINATIONS)?;
        fits("rows of command lines", tables.commands.len(), limits::COMMANDS)?;
        fits("variables that inject", tables.injections.len(), limits::COMMANDS)?;
        let mut watches: HashMap<_, Abi<_>, Abi<_>> = typed(&mut self.maps, "WATCHES")?;
        for (key, value) in &tables.watches {
            watches.insert(Abi(*key), Abi(*value), 0).map_err(|error| map("WATCHES", "write", &error))?;
        }
        let mut commands: HashMap<_, Abi<_>, Abi<_>> = typed(&mut self.maps, "COMMANDS")?;
        for (key, next) in &tables.commands {
            commands.insert(Abi(*key), Abi(*next), 0).map_err(|error| map("COMMANDS", "write", &error))?;
        }
        let mut injections: HashMap<_, Abi<_>, u8> = typed(&mut self.maps, "INJECTIONS")?;
        for key in &tables.injections {
            injections.insert(Abi(*key), 1, 0).map_err(|error| map("INJECTIONS", "write", &error))?;
        }
        let mut destinations = self.destinations()?;
        for (prefix, key, value) in &tables.destinations {
            destinations
                .insert(&Key::new(*prefix, Abi(*key)), Abi(*value), 0)
                .map_err(|error| map("DESTINATIONS", "write", &error))?;
        }
        let seed = self.seed;
        let mut hosts: HashMap<_, Abi<_>, u32> = typed(&mut self.maps, "HOSTS")?;
        for row in &tables.hosts {
            let (kind, hash) = row.key(seed);
            let key = HostKey { policy, kind, hash };
            hosts.insert(Abi(key), row.place, 0).map_err(|error| map("HOSTS", "write", &error))?;
        }
        let mut places: HashMap<_, Abi<_>, Abi<_>> = typed(&mut self.maps, "PLACES")?;
        for (place, value) in (1..).zip(&tables.places) {
            let key = PlaceKey { policy, place };
            places.insert(Abi(key), Abi(*value), 0).map_err(|error| map("PLACES", "write", &error))?;
        }
        Ok(())
    }

    /// Under `policy` the file at `path` is a credential of `bits`, by whatever name it is opened. Its identity; none where it cannot be
    /// opened, or there is no room. For an attached sensor.
    ///
    /// # Errors
    /// When the map cannot be had.
    pub fn know(&mut self, policy: u32, path: &Path, bits: Bits) -> Result<Option<record::File>, KernelError> {
        let (_, answer) = self.ask(Register { policy, bits, known: 1, ..Register::default() }, path)?;
        Ok(answer.map(|answer| answer.file))
    }

    /// The file is no credential any more under the policy.
    ///
    /// # Errors
    /// When the map cannot be written.
    pub fn forget_known(&mut self, policy: u32, file: File) -> Result<(), KernelError> {
        let File { device, inode, generation } = file;
        let key = ProgramKey { inode, device, generation, policy, reserved: 0 };
        let mut known: HashMap<_, Abi<ProgramKey>, Bits> = typed(&mut self.maps, "KNOWN")?;
        match known.remove(&Abi(key)) {
            Err(MapError::KeyNotFound) => Ok(()),
            removed => removed.map_err(|error| map("KNOWN", "write", &error)),
        }
    }

    /// Ids of policies of which there are rows.
    ///
    /// # Errors
    /// When a map cannot be had.
    pub fn policies(&mut self) -> Result<BTreeSet<u32>, KernelError> {
        let names: HashMap<_, Abi<NameKey>, Abi<Program>> = typed(&mut self.maps, "PROGRAM_NAMES")?;
        let mut found: BTreeSet<u32> = names.keys().flatten().map(|Abi(key)| key.policy).collect();
        let watches: HashMap<_, Abi<WatchKey>, Abi<WatchValue>> = typed(&mut self.maps, "WATCHES")?;
        found.extend(watches.keys().flatten().map(|Abi(key)| key.policy));
        let destinations = self.destinations()?;
        found.extend(destinations.keys().flatten().map(|key| key.data().0.policy));
        Ok(found)
    }

    /// Takes the rows of a policy away, which no job is under.
    ///
    /// # Errors
    /// When a map cannot be had.
    pub fn remove_policy(&mut self, policy: u32) -> Result<(), KernelError> {
        self.take_away::<WatchKey, Abi<WatchValue>>("WATCHES", |key| key.policy == policy)?;
        self.take_away::<CommandKey, Abi<Next>>("COMMANDS", |key| key.policy == policy)?;
        self.take_away::<InjectKey, u8>("INJECTIONS", |key| key.policy == policy)?;
        self.take_away::<HostKey, u32>("HOSTS", |key| key.policy == policy)?;
        self.take_away::<PlaceKey, Abi<Place>>("PLACES", |key| key.policy == policy)?;
        self.take_away::<ProgramKey, Abi<Program>>("PROGRAMS", |key| key.policy == policy)?;
        self.take_away::<ProgramKey, Bits>("KNOWN", |key| key.policy == policy)?;
        self.take_away::<NameKey, Abi<Program>>("PROGRAM_NAMES", |key| key.policy == policy)?;
        self.take_away::<ScriptKey, Abi<Script>>("SCRIPTS", |key| key.policy == policy)?;
        let mut destinations = self.destinations()?;
        let own: Vec<_> = destinations.keys().flatten().filter(|key| key.data().0.policy == policy).collect();
        // Whatever is not there any more needs not go.
        own.iter().for_each(|key| _ = destinations.remove(key));
        Ok(())
    }

    fn destinations(&mut self) -> Result<Destinations<'_>, KernelError> {
        let destinations = self.maps.map_mut("DESTINATIONS").ok_or_else(|| absent("DESTINATIONS"))?;
        destinations.try_into().map_err(|error| map("DESTINATIONS", "open", &error))
    }

    /// Takes the rows away whose key is such a one.
    fn take_away<K, V: Pod>(&mut self, name: &'static str, is: impl Fn(&K) -> bool) -> Result<(), KernelError>
    where
        Abi<K>: Pod,
    {
        let mut rows: HashMap<_, Abi<K>, V> = typed(&mut self.maps, name)?;
        // All first: what is removed in between may hide what comes behind it.
        let own: Vec<_> = rows.keys().flatten().filter(|Abi(key)| is(key)).collect();
        own.iter().for_each(|key| _ = rows.remove(key));
        Ok(())
    }
}
