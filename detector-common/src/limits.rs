//! Every bound that both sides know, once.

/// Secret classes of one policy: the bits of a `u64`.
pub const CLASSES: usize = 64;

/// Bytes of a path component that are kept and compared; a longer one is cut and never equals a watched name.
pub const NAME_BYTES: usize = 62;

/// Components of a path that are recorded, leaf first; a deeper path is marked as cut.
pub const PATH_STEPS: usize = 24;

/// Components of a watched pattern that the kernel compares, counted from the leaf.
pub const WATCH_DEPTH: usize = 6;

/// Leaf globs of one watched directory.
pub const LEAF_GLOBS: usize = 4;

/// Bytes of the prefix and of the suffix of a leaf glob.
pub const GLOB_BYTES: usize = 16;

/// Bytes of argv that are recorded with an exec.
pub const ARGV_BYTES: usize = 512;

/// Arguments of a command line that are compared with what a policy knows of it.
pub const ARGUMENTS: usize = 32;

/// Bytes of arguments and environment that are searched for tokens and for variables that inject.
pub const SCAN_BYTES: usize = 12_288;

/// Least length of a token: a run of ASCII letters and digits with one of each in it.
pub const TOKEN_BYTES: usize = 16;

/// Tokens of one image that are told apart.
pub const TOKENS: usize = 64;

/// Strings of one image that are looked at.
pub const STRINGS: usize = 512;

/// Bytes of what a shell writes that are searched for tokens.
pub const SHELL_BYTES: usize = 1_024;

/// Least length of a block: letters and digits as encoders write them, with nothing else between but what they use.
pub const BLOCK_BYTES: u64 = 160;

/// Bytes at the start and at the end of what is written to the job's log that are searched for a block: the C
/// library writes 4 KiB at once into a pipe.
pub const PRINT_BYTES: usize = 2_048;

/// Bytes of a request to a metadata service that are searched; a longer one counts as asking for credentials.
pub const REQUEST_BYTES: usize = 512;

/// Bytes of a request to a service that finds names: of a longer one nothing is known.
pub const SERVICE_BYTES: usize = 512;

/// Bytes of the path of such a service's socket that are compared, with the zero behind it.
pub const SERVICE_PATH_BYTES: usize = 40;

/// Calls of exec that are under way at once.
pub const EXECS: u32 = 4_096;

/// Files of declared programs and their scripts, over all policies.
pub const PROGRAMS: u32 = 16_384;

/// Rows of the tables of command lines and of variables that inject, over all policies.
pub const COMMANDS: u32 = 65_536;

/// Bytes of the path string of a failed open, as the caller wrote it.
pub const ATTEMPT_BYTES: usize = 256;

/// Steps up a lineage when asking whether one process descends from another.
pub const LINEAGE_STEPS: usize = 16;

/// Entries of the map of tracked processes.
pub const TASKS: u32 = 65_536;

/// Entries of the map of holders: only processes that hold something have one.
pub const HOLDERS: u32 = 32_768;

/// Mappings of shared memory by one process that are told apart.
pub const MAPPINGS: usize = 16;

/// Entries of the map of these.
pub const MAPPED: u32 = 32_768;

/// Entries of the map of marked files and pipes.
pub const OBJECTS: u32 = 65_536;

/// Entries of the map of marked sockets.
pub const SOCKETS: u32 = 16_384;

/// Entries of the map that keeps a record from being said twice.
pub const SEEN: u32 = 65_536;

/// Jobs that may run at once on a host, with those of which something is left.
pub const JOBS: u32 = 64;

/// Names of programs of agents.
pub const AGENTS: u32 = 64;

/// Entries of the watch tables, over all policies: eight of the size of the builtin one and a third more.
pub const WATCHES: u32 = 16_384;

/// Entries of the destination table, over all policies.
pub const DESTINATIONS: u32 = 32_768;

/// Entries of the table of names, over all policies.
pub const HOSTS: u32 = 262_144;

/// Bytes of a name in a record: a whole one (RFC 1035, section 2.3.4) and what rounds it up.
pub const HOST_BYTES: usize = 256;

/// Labels behind a wildcard that are compared.
pub const HOST_LABELS: usize = 8;

/// Places, which are names of the same rows, over all policies.
pub const PLACES: u32 = 4_096;

/// Rows of one place: ports and those whom they are for.
pub const PLACE_ROWS: usize = 8;

/// Entries of the table of addresses that names were answered with, over all jobs.
pub const ADDRESSES: u32 = 32_768;

/// Images that were given tokens with what they hold.
pub const IMAGES: u32 = 4_096;

/// Credential files that were there before the jobs, over all policies.
pub const KNOWN: u32 = 4_096;

/// Files that may name places of their own, over all jobs.
pub const AUTHORS: u32 = 4_096;

/// Names of such places, over all jobs.
pub const KEPT: u32 = 1_024;

/// Name servers of the host.
pub const RESOLVERS: u32 = 16;

/// Sockets on which name servers are asked, over all jobs.
pub const ASKERS: u32 = 4_096;

/// Questions of one socket that may wait for their answers at once.
pub const QUESTIONS: usize = 16;

/// Bytes of an answer of a name server; a longer one is not believed. A power of two.
pub const ANSWER_BYTES: usize = 4_096;

/// Addresses of one answer; more are not looked at. A power of two.
pub const ANSWERS: usize = 32;

/// Steps of a walk over an answer.
pub const WALK_STEPS: usize = 512;

/// Bytes of the ring of process records.
pub const PROCESS_RING: u32 = 8 << 20;

/// Bytes of the ring of secret, memory, flow and leak records, which noise cannot fill.
pub const SECRET_RING: u32 = 2 << 20;

/// Bytes of the ring of connections and failed opens.
pub const NETWORK_RING: u32 = 1 << 20;
