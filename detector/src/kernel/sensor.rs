//! The eBPF object in the kernel: loaded, attached, fed and asked.

use super::{
    KernelError, LayoutSource, Quarantine, Standing, Tracing,
    abi::Abi,
    cgroup,
    load::{self, refused},
    maps::Maps,
    misses::Misses,
    programs::{self, EGRESS_STEPS, Placement, Way},
    quarantine::SOCKETS,
    rings::Rings,
};
use crate::{engine::Capability, policy::Tables};
use aya::{
    Ebpf, EbpfLoader, Pod,
    maps::{Array, HashMap, Map, MapData, MapError, PerCpuArray, ProgramArray, RingBuf},
    programs::{
        BtfTracePoint, CgroupAttachMode, CgroupSkb, CgroupSkbAttachType, CgroupSock, CgroupSockAddr, TracePoint,
        links::FdLink,
    },
};
use detector_common::{
    counter::Counter,
    destination::mapped,
    dns::PORT,
    layout::{ABSENT, Layout},
    limits,
    program::{NameKey, Program, Register, Script, ScriptKey},
    record::print,
    state::{Global, Holder, Home, Job, Progress, Resolver, Socket, Task},
    watch::{Component, hash},
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{
    collections::BTreeMap,
    error::Error,
    ffi::OsStr,
    fs::{self, File},
    net::{IpAddr, Ipv4Addr, UdpSocket},
    os::{
        fd::AsFd,
        unix::{ffi::OsStrExt, fs::OpenOptionsExt as _},
    },
    path::Path,
};
use zerocopy::transmute;

/// The object, embedded by the build script; empty where it was not built.
pub(super) static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/detector-ebpf"));

/// What the verifier is shown of optional kernel fields: a branch that is pruned was never verified, so the
/// kernel matrix loads every program both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flags {
    /// As the running kernel has them.
    Detected,
    /// None is there.
    AllOff,
    /// All are there.
    AllOn,
}

/// A job and how its policy is carried out.
#[derive(Clone, Copy, Debug)]
pub struct JobSettings<'a> {
    /// The job.
    pub job: u32,
    /// Whether leaks are denied.
    pub enforce: bool,
    /// Whether user space stands in the pipes to its log, and masks there.
    pub relayed: bool,
    /// The policy's rows, made for policy id `job`.
    pub tables: &'a Tables,
}

/// Whether a leak into a log was seen.
pub struct Printed(Array<MapData, Abi<Global>>);

impl Printed {
    /// So far. Who cannot be asked is taken to say yes: then what may leak is masked.
    pub fn get(&self) -> bool {
        self.0.get(&0, 0).map_or(true, |Abi(global)| global.printed != 0)
    }
}

/// What is left of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Processes.
    pub processes: u64,
    /// Of these, those that hold something.
    pub holding: u64,
}

impl std::ops::Add for Left {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { processes: self.processes + other.processes, holding: self.holding + other.holding }
    }
}

/// The sensor. Dropping it detaches everything that is not pinned.
pub struct Sensor {
    /// The programs; none where they were there before.
    ebpf: Option<Ebpf>,
    pub(super) maps: Maps,
    #[cfg(feature = "kernel-log")]
    log: super::log::Lines,
    cgroup: File,
    /// Open as long as this process is: a pin that someone removes detaches nothing.
    pinned: Vec<FdLink>,
    /// The programs that the kernel may leave out.
    misses: Misses,
    /// What hashes of names begin with.
    pub(super) seed: u64,
    /// What the programs of tracepoints are.
    tracing: Tracing,
    /// Whether it is known who is at the other end of a unix socket.
    services: bool,
    /// Whether requests to an io_uring are seen.
    rings: bool,
}

impl Sensor {
    /// Loads every program; attaches none.
    ///
    /// # Errors
    /// When privileges, BTF, cgroup2 or the verifier stand against it; each says what to do.
    pub fn load(source: &LayoutSource, flags: Flags, tracing: Tracing) -> Result<Self, KernelError> {
        if OBJECT.is_empty() {
            return Err(KernelError::NoObject);
        }
        privileges()?;
        process_ids()?;
        let cgroup = cgroup::root()?;
        let layout = with_flags(source.resolve(tracing)?, flags);
        let (services, rings) = (knows_services(&layout), knows_rings(&layout));
        let layout = Abi(layout);
        // Given back at the end: the command inherits it.
        let _raised = Memlock::raise();
        let btf = source
            .load()
            .map_err(|error| KernelError::BtfParse { path: source.path().to_path_buf(), reason: chain(&error) })?;
        let mut ebpf = EbpfLoader::new()
            .btf(Some(&btf))
            .override_global("LAYOUT", &layout, true)
            .override_global("EVENTS", &u32::from(tracing == Tracing::Events), true)
            .load(&tracing.object(OBJECT))
            .map_err(|error| KernelError::Object(chain(&error)))?;
        load::every(&mut ebpf, &btf, rings)?;
        #[cfg(feature = "kernel-log")]
        let log = super::log::Lines::of(&mut ebpf)?;
        Ok(Self {
            #[cfg(feature = "kernel-log")]
            log,
            maps: Maps::of(&mut ebpf),
            ebpf: Some(ebpf),
            cgroup,
            pinned: Vec::new(),
            misses: Misses::default(),
            seed: random()?,
            tracing,
            services,
            rings,
        })
    }

    /// Attaches every program. With `quarantine`, links and marks that must outlive this process are pinned.
    ///
    /// # Errors
    /// When the kernel refuses one: then nothing stays attached.
    pub fn attach(&mut self, quarantine: Option<&Quarantine>) -> Result<(), KernelError> {
        let Some(ebpf) = &mut self.ebpf else { return Ok(()) };
        for program in programs::all(self.rings) {
            let pin = quarantine.is_some() && program.outlives;
            let link = attach(ebpf, (&mut self.maps, &mut self.misses), (program, self.tracing), &self.cgroup, pin)
                .map_err(|error| refused(program.name, error.as_ref()))?;
            if let (Some(quarantine), Some(link)) = (quarantine, link) {
                self.pinned.push(quarantine.pin_link(program.name, link)?.into());
            }
        }
        if let Some(quarantine) = quarantine {
            for name in [SOCKETS, EGRESS_STEPS] {
                quarantine.pin_map(name, self.maps.map(name).ok_or_else(|| absent(name))?)?;
            }
        }
        Ok(())
    }

    /// Attaches every program, and pins all of them and all that they know: whatever becomes of this process, they go on.
    ///
    /// # Errors
    /// When the kernel refuses one.
    pub fn stand(&mut self, standing: &Standing) -> Result<(), KernelError> {
        let Some(ebpf) = &mut self.ebpf else { return Ok(()) };
        for program in programs::all(self.rings) {
            let link = attach(ebpf, (&mut self.maps, &mut self.misses), (program, self.tracing), &self.cgroup, true)
                .map_err(|error| refused(program.name, error.as_ref()))?;
            if let Some(link) = link {
                self.pinned.push(standing.pin_link(program.name, link)?.into());
            }
        }
        self.maps.iter().try_for_each(|(name, map)| standing.pin_map(name, map))
    }

    /// The sensor that another process of the same version attached and left.
    ///
    /// # Errors
    /// When it is not whole.
    pub fn resume(standing: &Standing, source: &LayoutSource) -> Result<Self, KernelError> {
        privileges()?;
        process_ids()?;
        let maps = standing.maps()?;
        let home = maps.map("HOME").ok_or_else(|| absent("HOME"))?;
        let home: Array<&MapData, Abi<Home>> = home.try_into().map_err(|error| map("HOME", "open", &error))?;
        let tracing = Tracing::detect();
        let layout = source.resolve(tracing)?;
        let rings = knows_rings(&layout);
        let Abi(home) = home.get(&0, 0).map_err(|error| map("HOME", "read", &error))?;
        let attached = || programs::all(rings).filter(|program| program.is_attached());
        let pinned = standing.links(attached().map(|program| program.name))?;
        let tracepoints = attached().zip(&pinned).filter(|(program, _)| program.placement == Placement::Tracepoint);
        let misses = Misses::of(tracepoints.map(|(program, link)| (program.name, link)))?;
        Ok(Self {
            #[cfg(feature = "kernel-log")]
            log: super::log::Lines::none(),
            ebpf: None,
            maps,
            cgroup: cgroup::root()?,
            pinned,
            misses,
            seed: home.seed,
            tracing,
            services: knows_services(&layout),
            rings,
        })
    }

    /// Mechanism and gap of each capability.
    pub fn capabilities(&self) -> Vec<Capability> {
        programs::capabilities(self.tracing, self.services, self.rings)
    }

    /// Writes a job's policy, then the job itself: from then on its processes can be tracked.
    ///
    /// # Errors
    /// When the policy is larger than the tables.
    pub fn add_job(&mut self, settings: JobSettings<'_>) -> Result<(), KernelError> {
        self.add_policy(settings.job, settings.tables)?;
        self.set_job(settings, settings.job)
    }

    /// Adds the job itself, under a policy that was added, or changes how it is carried out: from now on its processes can be tracked.
    ///
    /// # Errors
    /// When there are too many.
    pub fn set_job(&mut self, settings: JobSettings<'_>, policy: u32) -> Result<(), KernelError> {
        let JobSettings { job, enforce, relayed, tables } = settings;
        let value = Job {
            policy,
            enforce: u32::from(enforce),
            deny: tables.deny,
            kill: tables.kill,
            memory: tables.memory,
            environ: tables.environ,
            dump: tables.dump,
            metadata: tables.metadata,
            log: tables.log,
            print: match (tables.mask, relayed) {
                (false, _) => print::PASSES,
                (true, false) => print::REFUSED,
                (true, true) => print::MASKED,
            },
            observe: tables.observe,
            forge: tables.forge,
            registry: tables.registry,
            reserved: 0,
        };
        // First, as whoever finds the job finds this, too; one that runs already stays as far as it is.
        let mut progress: HashMap<_, u32, Abi<Progress>> = typed(&mut self.maps, "PROGRESS")?;
        if progress.get(&job, 0).is_err() {
            progress.insert(job, Abi(Progress::default()), 0).map_err(|error| map("PROGRESS", "write", &error))?;
        }
        let mut jobs: HashMap<_, u32, Abi<Job>> = typed(&mut self.maps, "JOBS")?;
        jobs.insert(job, Abi(value), 0).map_err(|error| map("JOBS", "write", &error))
    }

    /// The file at `path`, and what a trusted installer creates under its name, is `program` under `policy`. For an attached sensor.
    /// A file that is not there is no error: it may be installed.
    ///
    /// # Errors
    /// When there is no room, or the kernel side did not see the file being opened.
    pub fn trust(&mut self, policy: u32, path: &Path, program: Program) -> Result<(), KernelError> {
        let real = fs::canonicalize(path).ok();
        let mut leaves: Vec<&[u8]> = [Some(path), real.as_deref()]
            .into_iter()
            .flatten()
            .filter_map(Path::file_name)
            .map(OsStr::as_bytes)
            .collect();
        leaves.dedup();
        let mut names: HashMap<_, Abi<NameKey>, Abi<Program>> = typed(&mut self.maps, "PROGRAM_NAMES")?;
        for leaf in leaves {
            // As dpkg calls it until it is whole.
            for name in [leaf.to_vec(), [leaf, b".dpkg-new"].concat()] {
                let key = NameKey { name: hash(&transmute!(Component::new(&name))), policy, reserved: 0 };
                names.insert(Abi(key), Abi(program), 0).map_err(|error| map("PROGRAM_NAMES", "write", &error))?;
            }
        }
        let Some(real) = real.filter(|real| real.is_file()) else { return Ok(()) };
        match self.ask(Register { program, policy, ..Register::default() }, &real)? {
            // It went, or may not be read, which is not ours to mind: what cannot be opened cannot be run as a script.
            (None, _) | (_, Some(_)) => Ok(()),
            (Some(_), None) => Err(KernelError::Map {
                map: "PROGRAMS",
                action: "take a program down in",
                reason: "the open was not seen, or there is no room".into(),
            }),
        }
    }

    /// Opens `path`, of which the kernel side is asked: the file, where it can be opened, and the answer, where there is one. It does
    /// not wait for a pipe.
    pub(super) fn ask(
        &mut self,
        asked: Register,
        path: &Path,
    ) -> Result<(Option<File>, Option<Register>), KernelError> {
        let pid = u32::try_from(rustix::thread::gettid().as_raw_nonzero().get()).unwrap_or(0);
        self.register(Register { pid, ..asked })?;
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let opened = fs::OpenOptions::new().read(true).custom_flags(flags).open(path).ok();
        let answer = self.registered();
        self.register(Register::default())?;
        let answer = answer?;
        Ok((opened, (answer.pid == 0).then_some(answer)))
    }

    fn register(&mut self, asked: Register) -> Result<(), KernelError> {
        let register = self.maps.map_mut("REGISTER").ok_or_else(|| absent("REGISTER"))?;
        let mut register: Array<&mut MapData, Abi<Register>> =
            register.try_into().map_err(|error| map("REGISTER", "open", &error))?;
        register.set(0, Abi(asked), 0).map_err(|error| map("REGISTER", "write", &error))
    }

    /// What the kernel side made of it.
    fn registered(&self) -> Result<Register, KernelError> {
        let register = self.maps.map("REGISTER").ok_or_else(|| absent("REGISTER"))?;
        let register: Array<&MapData, Abi<Register>> =
            register.try_into().map_err(|error| map("REGISTER", "open", &error))?;
        let Abi(register) = register.get(&0, 0).map_err(|error| map("REGISTER", "read", &error))?;
        Ok(register)
    }

    /// An argument of the form `key` names `script`.
    ///
    /// # Errors
    /// When there is no room.
    pub fn name_script(&mut self, key: ScriptKey, script: Script) -> Result<(), KernelError> {
        let mut scripts: HashMap<_, Abi<ScriptKey>, Abi<Script>> = typed(&mut self.maps, "SCRIPTS")?;
        scripts.insert(Abi(key), Abi(script), 0).map_err(|error| map("SCRIPTS", "write", &error))
    }

    /// Answers of these name servers, each with whether its address is the host's own, are believed from now on, where they come to
    /// the network namespace of this thread. What is asked of others on the loopback interface, at the addresses where systems have
    /// them, is looked at, too. For an attached sensor.
    ///
    /// # Errors
    /// When there are too many, a map cannot be written, or the kernel side did not see the namespace.
    pub fn believe(&mut self, resolvers: &[(IpAddr, bool)]) -> Result<(), KernelError> {
        /// Of systemd-resolved, of container engines, and of whatever else listens there.
        const USUAL: [&str; 5] = ["127.0.0.1", "127.0.0.11", "127.0.0.53", "127.0.0.54", "::1"];
        let usual = USUAL.iter().filter_map(|address| address.parse().ok()).map(|address: IpAddr| (address, true));
        let others: Vec<_> =
            usual.filter(|(address, _)| !resolvers.iter().any(|(known, _)| known.to_canonical() == *address)).collect();
        fits("name servers", resolvers.len() + others.len(), limits::RESOLVERS)?;
        let all = resolvers.iter().map(|known| (known, 1)).chain(others.iter().map(|other| (other, 0)));
        let mut table: HashMap<_, [u8; 16], Abi<Resolver>> = typed(&mut self.maps, "RESOLVERS")?;
        for ((address, local), believed) in all {
            let key = match address.to_canonical() {
                IpAddr::V4(address) => mapped(address.octets()),
                IpAddr::V6(address) => address.octets(),
            };
            let value = Resolver { local: u32::from(*local), believed };
            table.insert(key, Abi(value), 0).map_err(|error| map("RESOLVERS", "write", &error))?;
        }
        let thread = u32::try_from(rustix::thread::gettid().as_raw_nonzero().get()).unwrap_or(0);
        let seed = self.seed;
        let home = self.maps.map_mut("HOME").ok_or_else(|| absent("HOME"))?;
        let mut home: Array<_, Abi<Home>> = home.try_into().map_err(|error| map("HOME", "open", &error))?;
        home.set(0, Abi(Home { thread, seed, ..Home::default() }), 0).map_err(|error| map("HOME", "write", &error))?;
        // It sends nothing, and whether there is a way is of no interest: the hook comes first.
        let _ =
            UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|probe| probe.connect((Ipv4Addr::LOCALHOST, PORT)));
        let Abi(seen) = home.get(&0, 0).map_err(|error| map("HOME", "read", &error))?;
        if seen.net == 0 {
            let reason = "a connect was not seen in the network namespace of this process".into();
            return Err(KernelError::Map { map: "HOME", action: "learn the namespace with", reason });
        }
        Ok(())
    }

    /// Forgets that anything was ever held or marked: what the proof left must not make every later call look.
    ///
    /// # Errors
    /// When the map cannot be written.
    pub fn disarm(&mut self) -> Result<(), KernelError> {
        let global = self.maps.map_mut("GLOBAL").ok_or_else(|| absent("GLOBAL"))?;
        let mut global: Array<&mut MapData, Abi<Global>> =
            global.try_into().map_err(|error| map("GLOBAL", "open", &error))?;
        global.set(0, Abi(Global::default()), 0).map_err(|error| map("GLOBAL", "write", &error))
    }

    /// Tells whether a leak into a log was seen, from any thread.
    ///
    /// # Errors
    /// When the map cannot be had.
    pub fn printed(&self) -> Result<Printed, KernelError> {
        let error = |error: &(dyn Error + 'static)| map("GLOBAL", "open", error);
        let Map::Array(global) = self.maps.map("GLOBAL").ok_or_else(|| absent("GLOBAL"))? else {
            return Err(absent("GLOBAL"));
        };
        let fd = global.fd().as_fd().try_clone_to_owned().map_err(|e| error(&e))?;
        let global = MapData::from_fd(fd).map_err(|e| error(&e))?;
        Ok(Printed(Array::try_from(Map::Array(global)).map_err(|e| error(&e))?))
    }

    /// What process `pid` forks from now on is a step of `job`.
    ///
    /// # Errors
    /// When the map cannot be written.
    pub fn add_worker(&mut self, pid: u32, job: u32) -> Result<(), KernelError> {
        let mut workers: HashMap<_, u32, u32> = typed(&mut self.maps, "WORKERS")?;
        workers.insert(pid, job, 0).map_err(|error| map("WORKERS", "write", &error))
    }

    /// Process `pid` is no worker any more.
    ///
    /// # Errors
    /// When the map cannot be written.
    pub fn remove_worker(&mut self, pid: u32) -> Result<(), KernelError> {
        let mut workers: HashMap<_, u32, u32> = typed(&mut self.maps, "WORKERS")?;
        match workers.remove(&pid) {
            // It ended meanwhile.
            Err(MapError::KeyNotFound) => Ok(()),
            removed => removed.map_err(|error| map("WORKERS", "write", &error)),
        }
    }

    /// The rings, once.
    ///
    /// # Errors
    /// When they were taken before.
    pub fn rings(&mut self) -> Result<Rings, KernelError> {
        let mut ring = |name: &'static str| {
            let map_data = self.maps.take_map(name).ok_or_else(|| absent(name))?;
            RingBuf::try_from(map_data).map_err(|error| map(name, "open", &error))
        };
        Rings::new(ring("PROCESS_RING")?, ring("SECRET_RING")?, ring("NETWORK_RING")?)
            .map_err(|error| map("PROCESS_RING", "wait for", &error))
    }

    /// Counters, summed over the CPUs; zero ones left out.
    ///
    /// # Errors
    /// When the map cannot be read.
    pub fn counters(&self) -> Result<BTreeMap<&'static str, u64>, KernelError> {
        let counted = self.maps.map("COUNTED").ok_or_else(|| absent("COUNTED"))?;
        let counted: PerCpuArray<&MapData, u64> = counted.try_into().map_err(|error| map("COUNTED", "open", &error))?;
        let mut sums = self.misses.counted()?;
        for counter in Counter::ALL {
            let values = counted.get(&(*counter as u32), 0).map_err(|error| map("COUNTED", "read", &error))?;
            let sum: u64 = values.iter().sum();
            if sum != 0 {
                sums.insert(counter.name(), sum);
            }
        }
        Ok(sums)
    }

    /// Passes on what the kernel side logged since the last time.
    #[cfg(feature = "kernel-log")]
    pub fn pass_log_on(&mut self) {
        self.log.pass_on();
    }

    /// Sockets of which something was refused at egress and that still exist.
    ///
    /// # Errors
    /// When the map cannot be read.
    pub fn quarantined(&self) -> Result<Vec<(u64, Socket)>, KernelError> {
        let sockets = self.maps.map("SOCKETS").ok_or_else(|| absent("SOCKETS"))?;
        let sockets: HashMap<&MapData, u64, Abi<Socket>> =
            sockets.try_into().map_err(|error| map("SOCKETS", "open", &error))?;
        super::quarantine::quarantined(sockets)
    }

    /// Processes of `job` that are still there, and how many of them hold something.
    ///
    /// # Errors
    /// When a map cannot be read.
    pub fn left(&self, job: u32) -> Result<Left, KernelError> {
        Ok(self.left_by_step(job)?.into_values().fold(Left::default(), |sum, left| sum + left))
    }

    /// What is left of each step of `job`.
    ///
    /// # Errors
    /// When a map cannot be had.
    pub fn left_by_step(&self, job: u32) -> Result<BTreeMap<u32, Left>, KernelError> {
        let tasks = self.maps.map("TASKS").ok_or_else(|| absent("TASKS"))?;
        let tasks: HashMap<&MapData, u32, Abi<Task>> =
            tasks.try_into().map_err(|error| map("TASKS", "open", &error))?;
        let holders = self.maps.map("HOLDERS").ok_or_else(|| absent("HOLDERS"))?;
        let holders: HashMap<&MapData, u64, Abi<Holder>> =
            holders.try_into().map_err(|error| map("HOLDERS", "open", &error))?;
        let mut left: BTreeMap<u32, Left> = BTreeMap::new();
        for (_, Abi(task)) in tasks.iter().flatten().filter(|(_, Abi(task))| task.job == job) {
            let strong = |Abi(holder): Abi<Holder>| holder.held.bits() | holder.own.bits() | holder.soft.bits();
            let holding = u64::from(holders.get(&task.holder, 0).is_ok_and(|holder| strong(holder) != 0));
            let step = left.entry(task.step).or_default();
            *step = *step + Left { processes: 1, holding };
        }
        Ok(left)
    }
}

fn knows_services(layout: &Layout) -> bool {
    ![layout.unix_peer, layout.unix_addr, layout.unix_address_name].contains(&ABSENT)
}

fn knows_rings(layout: &Layout) -> bool {
    layout.ring_opcode != ABSENT
}

fn with_flags(mut layout: Layout, flags: Flags) -> Layout {
    // An offset within any structure that has the field: what is read there is not looked at by the matrix.
    const SOMEWHERE: u32 = 16;
    let optional = [
        &mut layout.task_thread_status,
        &mut layout.sock_daddr6,
        &mut layout.mptcp_first,
        &mut layout.unix_peer,
        &mut layout.unix_addr,
        &mut layout.unix_address_name,
        &mut layout.tty_file_tty,
        &mut layout.tty_index,
        &mut layout.ring_slot,
        &mut layout.ring_nodes,
    ];
    for offset in optional {
        match flags {
            Flags::Detected => {}
            Flags::AllOff => *offset = ABSENT,
            Flags::AllOn if *offset == ABSENT => *offset = SOMEWHERE,
            Flags::AllOn => {}
        }
    }
    layout
}

/// Attaches; returns the link when it is to be pinned.
fn attach(
    ebpf: &mut Ebpf,
    (maps, misses): (&mut Maps, &mut Misses),
    (program, tracing): (&programs::Program, Tracing),
    cgroup: &File,
    pin: bool,
) -> Result<Option<FdLink>, Box<dyn Error>> {
    // A link (5.7) is always beside whatever else is attached there, and takes no flags that say so.
    const BESIDE: CgroupAttachMode = CgroupAttachMode::Single;
    let loaded = ebpf.program_mut(program.name).ok_or("not in the object")?;
    Ok(match program.placement {
        Placement::Step { steps, place, .. } | Placement::PacketStep { steps, place } => {
            let step = loaded.fd()?.try_clone()?;
            ProgramArray::try_from(maps.map_mut(steps).ok_or("its map is not in the object")?)?.set(place, &step, 0)?;
            None
        }
        Placement::Tracepoint if let Some((category, event)) = tracing.event(program) => {
            let loaded = <&mut TracePoint>::try_from(loaded)?;
            let id = loaded.attach(category, event)?;
            misses.watch(program.name, loaded.fd()?)?;
            if pin { Some(loaded.take_link(id)?.try_into()?) } else { None }
        }
        Placement::Tracepoint => {
            let loaded = <&mut BtfTracePoint>::try_from(loaded)?;
            let id = loaded.attach()?;
            misses.watch(program.name, loaded.fd()?)?;
            if pin { Some(loaded.take_link(id)?.into()) } else { None }
        }
        Placement::Address => {
            let loaded = <&mut CgroupSockAddr>::try_from(loaded)?;
            let id = loaded.attach(cgroup, BESIDE)?;
            if pin { Some(loaded.take_link(id)?.try_into()?) } else { None }
        }
        Placement::Socket => {
            let loaded = <&mut CgroupSock>::try_from(loaded)?;
            let id = loaded.attach(cgroup, BESIDE)?;
            if pin { Some(loaded.take_link(id)?.try_into()?) } else { None }
        }
        Placement::Packet(way) => {
            let loaded = <&mut CgroupSkb>::try_from(loaded)?;
            let way = match way {
                Way::Egress => CgroupSkbAttachType::Egress,
                Way::Ingress => CgroupSkbAttachType::Ingress,
            };
            let id = loaded.attach(cgroup, way, BESIDE)?;
            if pin { Some(loaded.take_link(id)?.try_into()?) } else { None }
        }
    })
}

pub(super) fn typed<'a, K: Pod, V: Pod>(
    maps: &'a mut Maps,
    name: &'static str,
) -> Result<HashMap<&'a mut MapData, K, V>, KernelError> {
    let found = maps.map_mut(name).ok_or_else(|| absent(name))?;
    HashMap::try_from(found).map_err(|error| map(name, "open", &error))
}

/// Kernels before 5.11 charge maps to this limit when they are made. As it was again when dropped.
struct Memlock(Rlimit);

impl Memlock {
    /// Where it cannot be raised loading may still succeed.
    fn raise() -> Self {
        let before = getrlimit(Resource::Memlock);
        if let Err(errno) = setrlimit(Resource::Memlock, Rlimit { current: None, maximum: None }) {
            tracing::info!(
                "the memory lock limit could not be raised ({errno}); before Linux 5.11 loading may fail for it"
            );
        }
        Self(before)
    }
}

impl Drop for Memlock {
    fn drop(&mut self) {
        if let Err(errno) = setrlimit(Resource::Memlock, Rlimit { ..self.0 }) {
            tracing::warn!("the memory lock limit could not be given back: {errno}");
        }
    }
}

/// The kernel side numbers processes as the initial namespace does, and /proc here must too.
fn process_ids() -> Result<(), KernelError> {
    /// `PROC_PID_INIT_INO` (include/linux/proc_ns.h).
    const INITIAL: &str = "pid:[4026531836]";
    match fs::read_link("/proc/self/ns/pid") {
        Ok(own) if own.as_os_str() != INITIAL => Err(KernelError::PidNamespace),
        _ => Ok(()),
    }
}

/// `CAP_*` (include/uapi/linux/capability.h) without which loading cannot succeed.
fn privileges() -> Result<(), KernelError> {
    const NEEDED: [(u32, &str); 4] =
        [(12, "CAP_NET_ADMIN"), (19, "CAP_SYS_PTRACE"), (38, "CAP_PERFMON"), (39, "CAP_BPF")];
    const SYS_ADMIN: u32 = 21;
    let effective =
        procfs::process::Process::myself().and_then(|own| own.status()).map_or(u64::MAX, |status| status.capeff);
    let has = |bit: u32| effective & (1 << bit) != 0;
    let missing: Vec<&str> = NEEDED
        .iter()
        // CAP_SYS_ADMIN stands for the two that 5.8 split off it.
        .filter(|(bit, _)| !has(*bit) && (*bit < 38 || !has(SYS_ADMIN)))
        .map(|(_, name)| *name)
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(KernelError::Privilege { missing: missing.join(", ") }) }
}

/// A number that nobody can foretell.
fn random() -> Result<u64, KernelError> {
    let mut bytes = [0; 8];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .map_err(|error| map("HOME", "find a random number for", &error))?;
    Ok(u64::from_ne_bytes(bytes))
}

pub(super) fn absent(name: &'static str) -> KernelError {
    KernelError::Map { map: name, action: "find", reason: "not in the object, or taken before".into() }
}

pub(super) fn map(name: &'static str, action: &'static str, error: &(dyn Error + 'static)) -> KernelError {
    KernelError::Map { map: name, action, reason: chain(error) }
}

/// An error and what it comes from.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let own = error.to_string();
        if !text.contains(&own) {
            text.push_str(": ");
            text.push_str(&own);
        }
        source = error.source();
    }
    text
}

/// Whether so many rows have room.
pub(super) fn fits(what: &'static str, rows: usize, bound: u32) -> Result<(), KernelError> {
    if u32::try_from(rows).is_ok_and(|rows| rows <= bound) {
        return Ok(());
    }
    Err(KernelError::TooLarge { what, rows, bound })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Needs root; elsewhere the refusal says so.
    #[test]
    fn every_program_loads_and_attaches_with_any_flags() {
        if !rustix::process::geteuid().is_root() || OBJECT.is_empty() {
            let error = Sensor::load(&LayoutSource::new(None), Flags::Detected, Tracing::detect())
                .map(drop)
                .unwrap_err()
                .to_string();
            assert!(error.contains("sudo") || error.contains("cargo xtask build"), "{error}");
            return;
        }
        let typed = [Flags::Detected, Flags::AllOff, Flags::AllOn].map(|flags| (flags, Tracing::Typed));
        for (flags, tracing) in typed.into_iter().chain([(Flags::Detected, Tracing::Events)]) {
            let mut sensor = Sensor::load(&LayoutSource::new(None), flags, tracing)
                .unwrap_or_else(|error| panic!("{flags:?}, {tracing:?}: {error}"));
            sensor.attach(None).unwrap();
        }
    }
}
