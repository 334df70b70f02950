//! The policy that is applied.

use super::{
    check::{Checked, Reading},
    class::{Access, Class, Door, Role},
    compile::EVERY_READER,
    destination::Destinations,
    document::{Accept, DestinationDocument, PolicyDocument},
    draft::Draft,
    error::{BadPolicy, Place, PolicyError},
    exception::Exception,
    file,
    host::{HostRow, Rows, place},
    load,
    nearest::hint,
    pattern::Walked,
    program::{Program, Programs},
    rule::{Rule, RuleSettings},
    watch::Watches,
};
use crate::{
    engine::{Action, Mode, Severity},
    secret::ClassSet,
};
use detector_common::{
    command::{CommandKey, Next},
    destination::{Destination, DestinationKey, OWN},
    host,
    limits::PLACE_ROWS,
    program::InjectKey,
    set::Bits,
    watch::{WatchKey, WatchValue},
};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fmt::Write,
    net::{IpAddr, SocketAddr},
    path::Path,
};

/// Port of DNS.
const DNS: u16 = 53;

/// A policy: what is secret, where it may go, and what to do when it goes elsewhere.
#[derive(Clone, Debug)]
pub struct Policy {
    pub(super) document: PolicyDocument,
    pub(super) classes: Vec<Class>,
    pub(super) watches: Watches,
    pub(super) destinations: Destinations,
    pub(super) programs: Programs,
    pub(super) rules: BTreeMap<Rule, RuleSettings>,
    pub(super) exceptions: Vec<Exception>,
}

/// A place that a credential file names for its own secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelfKept {
    /// The class of those secrets.
    pub class: String,
    /// Name or address of the host.
    pub host: String,
    /// Port; any where the file names none.
    pub port: Option<u16>,
    /// The file, as it is shown.
    pub file: String,
}

/// What may be spent at a host, by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host(Rows);

impl Host {
    /// Adds what `other` says.
    pub fn join(&mut self, other: &Self) {
        for (whom, accepted) in &other.0 {
            let row = self.0.entry(*whom).or_default();
            *row = row.union(*accepted);
        }
    }

    /// Whether policy says nothing of it.
    pub fn is_unknown(&self) -> bool {
        self.0.is_empty()
    }

    /// What anyone may spend there at `port`.
    pub fn accepted(&self, port: u16) -> ClassSet {
        self.of(0, port)
    }

    /// As [`Policy::accepted_for`].
    pub fn accepted_for(&self, number: u16, port: u16) -> ClassSet {
        let own = self.of(OWN, port);
        if number == 0 { own } else { own.union(self.of(number, port)) }
    }

    /// What anyone may spend there, over all ports; and what may be spent of what somebody read himself.
    pub fn over_all_ports(&self) -> (ClassSet, ClassSet) {
        let all = |wanted: u16| {
            let rows = self.0.iter().filter(|((reader, _), _)| *reader == wanted);
            rows.fold(ClassSet::EMPTY, |all, (_, accepted)| all.union(*accepted))
        };
        (all(0), all(OWN))
    }

    fn of(&self, reader: u16, port: u16) -> ClassSet {
        let row = |port: u16| self.0.get(&(reader, port)).copied().unwrap_or_default();
        row(port).union(row(0))
    }
}

/// What the kernel side is given.
#[derive(Clone, Debug)]
pub struct Tables {
    /// Rows of the table of watched paths.
    pub watches: Vec<(WatchKey, WatchValue)>,
    /// Rows of the table of destinations: length of the prefix in bits (`FIXED_BITS` included), key, value.
    pub destinations: Vec<(u32, DestinationKey, Destination)>,
    /// Rows of the table of names.
    pub hosts: Vec<HostRow>,
    /// Their places, numbered from 1.
    pub places: Vec<host::Place>,
    /// Classes joined by reading another process's memory.
    pub memory: Bits,
    /// Classes joined by reading another process's environment.
    pub environ: Bits,
    /// Classes joined by dumping the own environment.
    pub dump: Bits,
    /// Classes joined by asking a metadata service for credentials.
    pub metadata: Bits,
    /// Classes that the job's log does not accept.
    pub log: Bits,
    /// Whether a leak into the log is masked in enforce.
    pub mask: bool,
    /// Classes that are recorded only.
    pub observe: Bits,
    /// Classes of a forge.
    pub forge: Bits,
    /// Classes of registries.
    pub registry: Bits,
    /// Rows of the machines of command lines.
    pub commands: Vec<(CommandKey, Next)>,
    /// Variables that inject.
    pub injections: Vec<InjectKey>,
    /// Classes whose leak is refused.
    pub deny: Bits,
    /// Of these, classes whose leak kills.
    pub kill: Bits,
}

impl Policy {
    /// The policy that is built in.
    pub fn builtin() -> Self {
        let mut reading = Reading::default();
        let draft = load::builtin(&mut reading);
        match reading.compile(&draft, load::BUILTIN_NAME) {
            Ok(policy) => policy,
            // It is part of this program, and a test reads it.
            Err(error) => unreachable!("{error}"),
        }
    }

    /// The policy in the file at `path` (`-` for standard input), and what it extends. By today's date it is decided
    /// which exceptions still hold.
    pub fn load(path: &Path) -> Result<Self, BadPolicy> {
        Checked::load(path).map(|checked| checked.policy)
    }

    /// The policy `text`, called `name` in messages; it can extend the builtin one only.
    pub fn parse(text: &str, name: &str) -> Result<Self, BadPolicy> {
        let mut reading = Reading::default();
        let draft = load::parse(text, name, &mut reading);
        reading.compile(&draft, name)
    }

    /// The policy that a recording was made with. The day on which it was loaded then still counts.
    pub fn from_document(document: PolicyDocument) -> Result<Self, BadPolicy> {
        const NAME: &str = "recorded policy";
        let mut reading = Reading::default();
        let draft = Draft::of(document, NAME, &mut reading.errors);
        reading.compile(&draft, NAME)
    }

    /// What [`Self::from_document`] makes this policy of.
    pub fn document(&self) -> PolicyDocument {
        self.document.clone()
    }

    /// SHA-256 of the document, in hexadecimal.
    pub fn digest(&self) -> String {
        let json = match serde_json::to_vec(&self.document) {
            Ok(json) => json,
            // Strings, numbers and lists of them.
            Err(error) => unreachable!("{error}"),
        };
        Sha256::digest(json).iter().fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// This policy, and whatever is asked of `resolvers` on port 53 is accepted: a question is judged by the name that it asks for.
    #[must_use]
    pub fn with_resolvers(mut self, resolvers: &[IpAddr]) -> Self {
        for address in resolvers.iter().map(IpAddr::to_canonical) {
            if self.accepted(address, DNS) == ClassSet::ALL {
                continue;
            }
            self.destinations.add_address(address, DNS, ClassSet::ALL);
            self.document.destinations.push(DestinationDocument {
                to: vec![SocketAddr::new(address, DNS).to_string()],
                accept: Accept::All,
                readers: Vec::new(),
                reason: Some("resolver of the host".to_owned()),
            });
        }
        self
    }

    /// This policy, and what it accepts at hosts of names is accepted at the addresses that the host itself lists for them. Names
    /// without a last dot.
    #[must_use]
    pub fn with_hosts(mut self, listed: &[(IpAddr, String)]) -> Self {
        for (address, name) in listed {
            let Host(rows) = self.host(name);
            for ((reader, port), accepted) in rows {
                let readers = match reader {
                    0 => Vec::new(),
                    OWN => vec![EVERY_READER.to_owned()],
                    number => self.program(number).map(|program| program.name.clone()).into_iter().collect(),
                };
                let to = match (address.to_canonical(), port) {
                    (IpAddr::V6(address), 0) => format!("[{address}]"),
                    (address, 0) => address.to_string(),
                    (address, port) => SocketAddr::new(address, port).to_string(),
                };
                let known = self.destinations.exactly(&to, reader).unwrap_or_default();
                // It is an address.
                if accepted.is_subset(known) || self.destinations.add(&to, reader, accepted).is_err() {
                    continue;
                }
                self.document.destinations.push(DestinationDocument {
                    to: vec![to],
                    accept: Accept::Classes(self.names(accepted)),
                    readers,
                    reason: Some("address of a name in the hosts file".to_owned()),
                });
            }
        }
        self
    }

    /// This policy, and a question for a name that it knows is also accepted with one of the domains behind that are tried so: the
    /// first question of many programs. Whatever is answered, nothing may be spent there but questions.
    #[must_use]
    pub fn with_search(mut self, domains: &[String]) -> Self {
        let mut rows: BTreeMap<(ClassSet, u16), Vec<String>> = BTreeMap::new();
        for (pattern, anyone, own) in self.destinations.hosts().over_all_ports() {
            for domain in domains {
                let to = format!("{pattern}.{domain}:{DNS}");
                for (reader, accepted) in [(0, anyone), (OWN, own)] {
                    let has_room = !accepted.is_empty() && self.destinations.has_room_for(&to);
                    // What has too many labels with it is not asked so.
                    if has_room && self.destinations.add(&to, reader, accepted).is_ok() {
                        rows.entry((accepted, reader)).or_default().push(to.clone());
                    }
                }
            }
        }
        for ((accepted, reader), to) in rows {
            self.document.destinations.push(DestinationDocument {
                to,
                accept: Accept::Classes(self.names(accepted)),
                readers: if reader == OWN { vec![EVERY_READER.to_owned()] } else { Vec::new() },
                reason: Some("asked with a domain of the host's search list".to_owned()),
            });
        }
        self
    }

    /// This policy, and any process may ask for `names`, which this host knows itself and asks nobody for. Whatever is answered, nothing
    /// may be spent there but questions.
    #[must_use]
    pub fn with_local(mut self, names: &[String]) -> Self {
        let mut added = Vec::new();
        for name in names {
            let to = format!("{name}:{DNS}");
            // Of a name that is none there is no row.
            if self.destinations.has_room_for(&to) && self.destinations.add(&to, 0, ClassSet::ALL).is_ok() {
                added.push(to);
            }
        }
        if !added.is_empty() {
            self.document.destinations.push(DestinationDocument {
                to: added,
                accept: Accept::All,
                readers: Vec::new(),
                reason: Some("a name that this host knows itself".to_owned()),
            });
        }
        self
    }

    /// This policy, and what credential files say of their own places: whoever read such a secret itself may spend it there. Classes
    /// that are not there, and places for which there is no room, are passed over.
    #[must_use]
    pub fn with_kept(mut self, kept: &[SelfKept]) -> Self {
        for kept in kept {
            let Some((to, accepted)) = self.keep(kept) else { continue };
            self.document.destinations.push(DestinationDocument {
                to: vec![to],
                accept: Accept::Classes(self.names(accepted)),
                readers: vec![EVERY_READER.to_owned()],
                reason: Some(format!("named by {}", kept.file)),
            });
        }
        self
    }

    /// From now on such secrets may be spent at the place, as in [`Self::with_kept`]; the document stays as it was. What was added, if
    /// anything was.
    pub fn keep(&mut self, kept: &SelfKept) -> Option<(String, ClassSet)> {
        let (to, accepted) = self.would_keep(kept)?;
        self.destinations.add(&to, OWN, accepted).ok()?;
        Some((to, accepted))
    }

    /// What [`Self::keep`] would add.
    fn would_keep(&self, SelfKept { class, host, port, .. }: &SelfKept) -> Option<(String, ClassSet)> {
        let accepted = ClassSet::EMPTY.with(self.kept_class(class)?.id);
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let to = port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        // Of a name that is none there is no row.
        let known = self.destinations.beside(&to, OWN).ok()?;
        let known = known.union(self.destinations.exactly(&to, OWN).unwrap_or_default());
        (!accepted.is_subset(known) && self.destinations.has_room_for(&to)).then_some((to, accepted))
    }

    fn kept_class(&self, name: &str) -> Option<&Class> {
        self.classes.iter().find(|class| class.name == name && !class.is_observed())
    }

    /// Whether [`Self::keep`] would add anything.
    pub fn is_news(&self, kept: &SelfKept) -> bool {
        self.would_keep(kept).is_some()
    }

    /// The classes that may be kept, as the kernel side has them: bits of those whose names are `names`.
    pub fn kept_bits<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Bits {
        let classes = names.into_iter().filter_map(|name| self.kept_class(name));
        classes.map(|class| class.id).collect::<ClassSet>().bits()
    }

    /// What may be spent at the host called `name`, for the kernel's tables, when all of `kept` that are of that host are kept, too.
    /// None where those are more rows than there is room for.
    pub fn place(&self, name: &str, kept: &[SelfKept]) -> Option<host::Place> {
        // An address has its own rows already.
        let mut rows = if name.parse::<IpAddr>().is_ok() { Rows::new() } else { self.destinations.host(name) };
        for SelfKept { class, port, .. } in kept.iter().filter(|kept| kept.host == name) {
            let row = rows.entry((OWN, port.unwrap_or(0))).or_default();
            *row = row.with(self.kept_class(class)?.id);
        }
        (rows.len() <= PLACE_ROWS).then(|| place(&rows))
    }

    /// The classes, in the order of their bits.
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// The class called `name`.
    ///
    /// # Errors
    /// When there is none: the nearest name is said.
    pub fn class(&self, name: &str) -> Result<&Class, PolicyError> {
        self.classes.iter().find(|class| class.name == name).ok_or_else(|| PolicyError::UnknownClass {
            place: Place::file("catalogue"),
            name: file::shown(name),
            hint: hint(name, self.classes.iter().map(|class| class.name.as_str())),
        })
    }

    /// The names of `set`, in the order of their bits.
    pub fn names(&self, set: ClassSet) -> Vec<String> {
        self.classes.iter().filter(|class| set.contains(class.id)).map(|class| class.name.clone()).collect()
    }

    /// The classes of the file at `path`, as events have it: `…/` in front when the root is not known.
    pub fn classes_of(&self, path: &str) -> ClassSet {
        let path = Walked::new(path);
        self.those(|class| class.holds(&path))
    }

    /// The classes of the file at `path` for an open that is for writing, or is not: some classes are about the former
    /// alone.
    pub fn classes_opened(&self, path: &str, write: bool) -> ClassSet {
        let path = Walked::new(path);
        self.those(|class| (write || class.access == Access::Read) && class.holds(&path))
    }

    /// Classes joined by reading another process's memory.
    pub fn memory(&self) -> ClassSet {
        self.those(|class| class.door == Some(Door::Memory))
    }

    /// Classes joined by reading another process's environment.
    pub fn environ(&self) -> ClassSet {
        self.those(|class| class.door == Some(Door::Environ))
    }

    /// Classes joined by dumping the own environment into a pipe or file.
    pub fn dump(&self) -> ClassSet {
        self.those(|class| class.door == Some(Door::Dump))
    }

    /// Classes joined by asking a metadata service for credentials.
    pub fn metadata(&self) -> ClassSet {
        self.those(|class| class.door == Some(Door::Metadata))
    }

    /// Classes that the job's log does not accept: those whose leak kills, unless nothing is to be found there.
    pub fn log(&self) -> ClassSet {
        if self.rule(Rule::LeakLog).enabled { self.kill() } else { ClassSet::EMPTY }
    }

    /// Classes that are recorded, and joined by nobody.
    pub fn observed(&self) -> ClassSet {
        self.those(Class::is_observed)
    }

    /// Classes of a forge: one may be spent together with one of a registry, as an alert.
    pub fn forge(&self) -> ClassSet {
        self.those(|class| class.role == Some(Role::Forge))
    }

    /// Classes of registries; see [`Self::forge`].
    pub fn registry(&self) -> ClassSet {
        self.those(|class| class.role == Some(Role::Registry))
    }

    /// Classes whose SDK the file at `path` belongs to; `path` as in [`Self::classes_of`].
    pub fn sdk_of(&self, path: &str) -> ClassSet {
        let path = Walked::new(path);
        self.those(|class| class.sdk.iter().any(|pattern| pattern.matches(&path)))
    }

    /// The declared programs, in the order of their numbers.
    pub fn programs(&self) -> &[Program] {
        &self.programs.all
    }

    /// The declared program of this number.
    pub fn program(&self, number: u16) -> Option<&Program> {
        self.programs.all.get(usize::from(number).checked_sub(1)?)
    }

    /// Flags (`detector_common::command::line`) of `program`'s command line `arguments`, which leave out its own name.
    pub fn line(&self, program: u16, arguments: &[String]) -> u16 {
        self.programs.line(program, arguments)
    }

    /// What the declared program `number` (0 for none) may spend at `address` and `port` of what it read itself, beyond what anyone
    /// may.
    pub fn accepted_for(&self, number: u16, address: IpAddr, port: u16) -> ClassSet {
        let own = self.destinations.accepted_for(OWN, address, port);
        if number == 0 { own } else { own.union(self.destinations.accepted_for(number, address, port)) }
    }

    /// How many of the last labels of `name` the policy itself has.
    pub fn known_labels(&self, name: &str) -> usize {
        self.destinations.hosts().known_labels(name)
    }

    /// What may be spent at the host called `name`, in small letters and without a last dot.
    pub fn host(&self, name: &str) -> Host {
        Host(self.destinations.host(name))
    }

    /// Classes whose leak is refused.
    pub fn deny(&self) -> ClassSet {
        self.those(|class| class.action >= Action::Deny)
    }

    /// Classes whose leak kills.
    pub fn kill(&self) -> ClassSet {
        self.those(|class| class.action == Action::Kill)
    }

    /// The strongest action of `set`.
    pub fn action(&self, set: ClassSet) -> Action {
        let actions = self.classes.iter().filter(|class| set.contains(class.id)).map(|class| class.action);
        actions.max().unwrap_or(Action::Observe)
    }

    /// What may be spent at `address` and `port`.
    pub fn accepted(&self, address: IpAddr, port: u16) -> ClassSet {
        self.destinations.accepted(address, port)
    }

    /// What is said of `rule`.
    pub fn rule(&self, rule: Rule) -> RuleSettings {
        self.rules.get(&rule).copied().unwrap_or_default()
    }

    /// The mode, where the policy speaks of it.
    pub fn mode(&self) -> Option<Mode> {
        self.document.mode
    }

    /// Severity at which a finding fails the run.
    pub fn fail_on(&self) -> Severity {
        self.document.fail_on
    }

    /// Rows of the kernel's tables, under the id `policy`.
    pub fn tables(&self, policy: u32) -> Tables {
        let (hosts, places) = self.destinations.places();
        Tables {
            hosts,
            places,
            watches: self.watches.rows(policy),
            destinations: self.destinations.rows(policy),
            memory: self.memory().bits(),
            environ: self.environ().bits(),
            dump: self.dump().bits(),
            metadata: self.metadata().bits(),
            log: self.log().bits(),
            mask: self.rule(Rule::LeakLog).action.is_none(),
            observe: self.observed().bits(),
            forge: self.forge().bits(),
            registry: self.registry().bits(),
            commands: self.programs.commands(policy),
            injections: self.programs.injections(policy),
            deny: self.deny().bits(),
            kill: self.kill().bits(),
        }
    }

    fn those(&self, are: impl Fn(&Class) -> bool) -> ClassSet {
        self.classes.iter().filter(|class| are(class)).map(|class| class.id).collect()
    }
}
