//! Policies that nobody is under any more.

use super::{
    KernelError, Sensor,
    abi::Abi,
    sensor::{absent, map, typed},
};
use aya::{
    Pod,
    maps::{HashMap, LpmTrie, MapData},
};
use detector_common::{
    command::{CommandKey, Next},
    destination::{Destination, DestinationKey},
    host::{HostKey, Place, PlaceKey},
    program::{InjectKey, NameKey, Program, ProgramKey, Script, ScriptKey},
    watch::{WatchKey, WatchValue},
};
use std::collections::BTreeSet;

type Destinations<'a> = LpmTrie<&'a mut MapData, Abi<DestinationKey>, Abi<Destination>>;

impl Sensor {
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
