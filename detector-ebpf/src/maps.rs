//! All maps. Kernel memory is bounded by `detector_common::limits`; nothing is evicted.

use crate::{hook::answer::Answer, path::CHAINS, scan::Scan};
use aya_ebpf::{
    macros::map,
    maps::{Array, HashMap, LpmTrie, PerCpuArray, ProgramArray, Queue, RingBuf},
};
use detector_common::{
    command::{CommandKey, Next},
    counter::{COUNTERS, Counter},
    destination::{Destination, DestinationKey},
    host::{AddressKey, HostKey, KeptKey, Place, PlaceKey},
    identity::{HolderId, ObjectKey},
    limits,
    program::{InjectKey, NameKey, Program, ProgramKey, Register, Script, ScriptKey},
    record::{Attempt, Exec, Open},
    set::{Bits, GrowingSet},
    state::{
        Asker, Author, Entered, Global, Holder, Home, Job, Mapped, MappedKey, Object, Progress, Resolver, Socket, Task,
    },
    watch::{Component, Leaf, WatchKey, WatchValue},
};

/// Entries are made when they are written (include/uapi/linux/bpf.h).
const BPF_F_NO_PREALLOC: u32 = 1;

/// The state that every hook reads first. Written by the hooks, one entry.
#[map]
pub(crate) static GLOBAL: Array<Global> = Array::with_max_entries(1, 0);

/// Jobs by id. Written by user space.
#[map]
pub(crate) static JOBS: HashMap<u32, Job> = HashMap::with_max_entries(limits::JOBS, 0);

/// How far they are. Written by the hooks; an entry comes and goes with the job's.
#[map]
pub(crate) static PROGRESS: HashMap<u32, Progress> = HashMap::with_max_entries(limits::JOBS, 0);

/// Workers by process id, with their job: what they fork is a step. Written by user space, and by exec where agents are looked for.
#[map]
pub(crate) static WORKERS: HashMap<u32, u32> = HashMap::with_max_entries(limits::JOBS, 0);

/// Names of agents' programs, by hash: their number, and in the lowest bit whether whoever runs one is a worker at once. Written by
/// user space.
#[map]
pub(crate) static AGENTS: HashMap<u64, u32> = HashMap::with_max_entries(limits::AGENTS, 0);

/// Jobs for workers to come. Filled by user space.
#[map]
pub(crate) static FREE: Queue<u32> = Queue::with_max_entries(limits::JOBS, 0);

/// Tracked processes by id. Written by fork, exec and exit.
#[map]
pub(crate) static TASKS: HashMap<u32, Task> = HashMap::with_max_entries(limits::TASKS, 0);

/// What holders hold. Written by joins and flows.
#[map]
pub(crate) static HOLDERS: HashMap<HolderId, Holder> = HashMap::with_max_entries(limits::HOLDERS, 0);

/// A holder that holds nothing, one entry. Written by nobody.
#[map]
pub(crate) static NOBODY: Array<Holder> = Array::with_max_entries(1, 0);

/// How many processes share a holder, where more than one ever did. Written by fork, exec and exit.
#[map]
pub(crate) static SHARES: HashMap<HolderId, u64> = HashMap::with_max_entries(limits::HOLDERS, 0);

/// Marked files and pipes. Written by gives.
#[map]
pub(crate) static OBJECTS: HashMap<ObjectKey, Object> = HashMap::with_max_entries(limits::OBJECTS, 0);

/// Memory that holders share with others. Written by maps and forks.
#[map]
pub(crate) static MAPPED: HashMap<MappedKey, Mapped> = HashMap::with_max_entries(limits::MAPPED, 0);

/// The place of the next of these that is looked at. The hooks of calls alone use it, with preemption off.
#[map]
pub(crate) static SHARING: PerCpuArray<u64> = PerCpuArray::with_max_entries(1, 0);

/// The process into which there is a way since the call that returns. The hook of exits alone uses it, with preemption off.
#[map]
pub(crate) static LINKED: PerCpuArray<u32> = PerCpuArray::with_max_entries(1, 0);

/// Marked sockets by cookie. Written by sends; outlives the session through a pin.
#[map]
pub(crate) static SOCKETS: HashMap<u64, Socket> = HashMap::with_max_entries(limits::SOCKETS, 0);

/// Marked sockets that have no cookie yet, by kernel address; the first packet moves them to `SOCKETS`.
#[map]
pub(crate) static PENDING: HashMap<u64, Socket> = HashMap::with_max_entries(limits::SOCKETS, 0);

/// What is watched. Written by user space.
#[map]
pub(crate) static WATCHES: HashMap<WatchKey, WatchValue> = HashMap::with_max_entries(limits::WATCHES, 0);

/// Where classes may be spent. Written by user space.
#[map]
pub(crate) static DESTINATIONS: LpmTrie<DestinationKey, Destination> =
    LpmTrie::with_max_entries(limits::DESTINATIONS, 0);

/// Names of hosts where classes may be spent, with their place. Written by user space; made as large as it is needed.
#[map]
pub(crate) static HOSTS: HashMap<HostKey, u32> = HashMap::with_max_entries(limits::HOSTS, BPF_F_NO_PREALLOC);

/// Places. As [`HOSTS`].
#[map]
pub(crate) static PLACES: HashMap<PlaceKey, Place> =
    HashMap::with_max_entries(limits::PLACES + limits::KEPT, BPF_F_NO_PREALLOC);

/// Addresses that names of places were answered with, by job. Written by answers.
#[map]
pub(crate) static ADDRESSES: HashMap<AddressKey, GrowingSet> = HashMap::with_max_entries(limits::ADDRESSES, 0);

/// Credential files that are there before the jobs, with their classes: known by any name. Written for user space by the open that it
/// makes.
#[map]
pub(crate) static KNOWN: HashMap<ProgramKey, Bits> = HashMap::with_max_entries(limits::KNOWN, 0);

/// Files that may name places of their own, with the classes that those are for. Written by opens, and for user space by the open that
/// it makes.
#[map]
pub(crate) static AUTHORS: HashMap<ObjectKey, Author> = HashMap::with_max_entries(limits::AUTHORS, 0);

/// Names of such places. Written by user space.
#[map]
pub(crate) static KEPT: HashMap<KeptKey, u32> = HashMap::with_max_entries(limits::KEPT, 0);

/// The host's name servers, by address. Written by user space.
#[map]
pub(crate) static RESOLVERS: HashMap<[u8; 16], Resolver> = HashMap::with_max_entries(limits::RESOLVERS, 0);

/// Sockets on which name servers are asked, by cookie. Written by connects and sends, removed when they are released.
#[map]
pub(crate) static ASKERS: HashMap<u64, Asker> = HashMap::with_max_entries(limits::ASKERS, 0);

/// The network namespace that counts, one entry. Written by the connect that user space makes for it.
#[map]
pub(crate) static HOME: Array<Home> = Array::with_max_entries(1, 0);

/// Where an answer is looked at. One packet at a time is, since they come in softirq.
#[map]
pub(crate) static ANSWER: PerCpuArray<Answer> = PerCpuArray::with_max_entries(1, 0);

/// What a packet on its way out goes on with. Written by user space.
#[map]
pub(crate) static EGRESS_STEPS: ProgramArray = ProgramArray::with_max_entries(2, 0);

/// What an answer goes on with. Written by user space.
#[map]
pub(crate) static INGRESS_STEPS: ProgramArray = ProgramArray::with_max_entries(4, 0);

/// Calls of exec under way, by thread (`pid_tgid`). Written by their entry, removed by what comes of them.
#[map]
pub(crate) static ENTERED: HashMap<u64, Entered> = HashMap::with_max_entries(limits::EXECS, 0);

/// Tokens that images were given with what they hold, by image; 0 for those that say nothing. Written by
/// exec, removed as the process ends.
#[map]
pub(crate) static BROUGHT: HashMap<u32, [u64; limits::TOKENS]> = HashMap::with_max_entries(limits::IMAGES, 0);

/// Files of declared programs and scripts. Written for user space by the open that it makes, by the opens of installers and
/// of what renews itself, and by those of others that void it.
#[map]
pub(crate) static PROGRAMS: HashMap<ProgramKey, Program> = HashMap::with_max_entries(limits::PROGRAMS, 0);

/// Names of such files. Written by user space.
#[map]
pub(crate) static PROGRAM_NAMES: HashMap<NameKey, Program> = HashMap::with_max_entries(limits::PROGRAMS, 0);

/// Scripts by the arguments that name them. Written by user space.
#[map]
pub(crate) static SCRIPTS: HashMap<ScriptKey, Script> = HashMap::with_max_entries(limits::PROGRAMS, 0);

/// Machines of command lines. Written by user space.
#[map]
pub(crate) static COMMANDS: HashMap<CommandKey, Next> = HashMap::with_max_entries(limits::COMMANDS, 0);

/// Variables that inject. Written by user space.
#[map]
pub(crate) static INJECTIONS: HashMap<InjectKey, u8> = HashMap::with_max_entries(limits::COMMANDS, 0);

/// The file that user space is about to open, so that it is taken down. Written by user space, one entry.
#[map]
pub(crate) static REGISTER: Array<Register> = Array::with_max_entries(1, 0);

/// What was said already.
#[map]
pub(crate) static SEEN: HashMap<Seen, u8> = HashMap::with_max_entries(limits::SEEN, 0);

/// Counters, per CPU.
#[map]
pub(crate) static COUNTED: PerCpuArray<u64> = PerCpuArray::with_max_entries(COUNTERS, 0);

/// Fork, exec and exit records.
#[map]
pub(crate) static PROCESS_RING: RingBuf = RingBuf::with_byte_size(limits::PROCESS_RING, 0);

/// Secret, memory, flow and leak records.
#[map]
pub(crate) static SECRET_RING: RingBuf = RingBuf::with_byte_size(limits::SECRET_RING, 0);

/// Connections of those who hold nothing, and failed opens.
#[map]
pub(crate) static NETWORK_RING: RingBuf = RingBuf::with_byte_size(limits::NETWORK_RING, 0);

/// Where an exec record is made: too large for the stack. Its hook alone uses it, with preemption off.
#[map]
pub(crate) static EXEC: PerCpuArray<Exec> = PerCpuArray::with_max_entries(1, 0);

/// As [`EXEC`], for opens.
#[map]
pub(crate) static OPEN: PerCpuArray<Opened> = PerCpuArray::with_max_entries(1, 0);

/// As [`EXEC`], for failed opens.
#[map]
pub(crate) static ATTEMPT: PerCpuArray<Attempted> = PerCpuArray::with_max_entries(1, 0);

/// As [`EXEC`], for blocks that are searched for tokens.
#[map]
pub(crate) static SCAN: PerCpuArray<Scan> = PerCpuArray::with_max_entries(1, 0);

/// What a fork goes on with. Written by user space.
#[map]
pub(crate) static FORK_STEPS: ProgramArray = ProgramArray::with_max_entries(1, 0);

/// What follows the first step of an exec. Written by user space.
#[map]
pub(crate) static EXEC_STEPS: ProgramArray = ProgramArray::with_max_entries(8, 0);

/// What the entry of some calls goes on with. Written by user space.
#[map]
pub(crate) static ENTER_STEPS: ProgramArray = ProgramArray::with_max_entries(8, 0);

/// What the exit of a call goes on with. Written by user space.
#[map]
pub(crate) static EXIT_STEPS: ProgramArray = ProgramArray::with_max_entries(7, 0);

/// What the completion of a request to an io_uring goes on with. Written by user space.
#[map]
pub(crate) static RING_STEPS: ProgramArray = ProgramArray::with_max_entries(6, 0);

/// What the begin of one goes on with. Written by user space.
#[map]
pub(crate) static BEGIN_STEPS: ProgramArray = ProgramArray::with_max_entries(3, 0);

/// The next of the requests that have completed and are not told yet, as one begins. Its hook alone uses it, with preemption off.
#[map]
pub(crate) static RING_DONE: PerCpuArray<u64> = PerCpuArray::with_max_entries(1, 0);

/// An open being looked at. The first components of the path serve the gates, too.
#[repr(C)]
pub(crate) struct Opened {
    /// What is said of it.
    pub(crate) record: Open,
    /// Its name, as globs look at it.
    pub(crate) leaf: Leaf,
    /// Hashes of its last components.
    pub(crate) chains: [u64; CHAINS],
}

/// A failed open being looked at.
#[repr(C)]
pub(crate) struct Attempted {
    /// What is said of it.
    pub(crate) record: Attempt,
    /// The end of the string.
    pub(crate) tail: [u64; TAIL / 8],
    /// One component of it.
    pub(crate) name: Component,
    /// Hashes of its last components.
    pub(crate) chains: [u64; TRIED_CHAINS],
}

/// Leaf as it is, any, or by its start; parent as it is, or any; with and without the directory above.
pub(crate) const TRIED_CHAINS: usize = 3 * 2 * 2;

/// Bytes at the end of a path string that are searched for slashes: a leaf and two directories above it.
pub(crate) const TAIL: usize = 64;

/// What one record is about, for saying it once.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    /// Who.
    pub(crate) holder: HolderId,
    /// What, as five numbers.
    pub(crate) what: [u64; 5],
}

/// The entry of `key`, made as `fresh` where there was none; `None` when the map is full.
#[inline(always)]
#[expect(clippy::mut_from_ref, reason = "a map's memory is the kernel's, not the key's")]
pub(crate) fn entry<K, V>(map: &'static HashMap<K, V>, key: &K, fresh: &V) -> Option<&'static mut V> {
    const BPF_NOEXIST: u64 = 1;
    let found = match map.get_ptr_mut(key) {
        Some(found) => found,
        None => {
            // Where another CPU was first the insert fails, and the entry is there: that is what matters.
            let _ = map.insert(key, fresh, BPF_NOEXIST);
            map.get_ptr_mut(key)?
        }
    };
    // SAFETY: entries of a preallocated map stay mapped; what hooks write in them are words and single bytes.
    Some(unsafe { &mut *found })
}

/// Removes the entry of `key`, where there is one.
#[inline(always)]
pub(crate) fn forget<K, V>(map: &'static HashMap<K, V>, key: &K) {
    let _ = map.remove(key);
}

/// Counts one.
#[inline(always)]
pub(crate) fn count(counter: Counter) {
    if let Some(value) = COUNTED.get_ptr_mut(counter as u32) {
        // SAFETY: this CPU's own slot. A softirq in between may cost a count, not more.
        unsafe { *value += 1 };
    }
}

/// The global state.
#[inline(always)]
pub(crate) fn global() -> Option<&'static mut Global> {
    // SAFETY: entry 0 of an array of one is always there; its fields only ever go from 0 to 1.
    GLOBAL.get_ptr_mut(0).map(|global| unsafe { &mut *global })
}

/// Whether this is the first time that `holder` does `what`. When the map is full everything is a first time.
#[inline(always)]
pub(crate) fn first(holder: HolderId, [a, b, c, d]: [u64; 4]) -> bool {
    first_of(holder, [a, b, c, d, 0])
}

/// As [`first`], for what takes five numbers to tell.
#[inline(always)]
pub(crate) fn first_of(holder: HolderId, what: [u64; 5]) -> bool {
    const BPF_NOEXIST: u64 = 1;
    const EEXIST: i32 = -17;
    match SEEN.insert(&Seen { holder, what }, &1, BPF_NOEXIST) {
        Ok(()) => true,
        Err(EEXIST) => false,
        Err(_) => {
            count(Counter::SeenFull);
            true
        }
    }
}
