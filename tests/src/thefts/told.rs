//! What the sensor cannot tell yet. Each of these becomes true, and goes, with the sensor's part; what it guards is written.

/// Declared readers: what npm and git read for themselves does not follow their children.
pub const READERS: bool = false;
/// Who opens the agent's memory is killed there and then, in enforce.
pub const DOOR: bool = false;
/// The job's log is a destination: what is written there leaks.
pub const LOG: bool = false;
/// A program that execs passes on only what its arguments and environment could carry.
pub const EXEC: bool = false;
/// Class `step-env`: a dump of one's own environment.
pub const STEP_ENV: bool = false;
/// Findings that need no destination, of which one says that the agent's memory was read.
pub const DIRECT: bool = false;
/// Unix sockets carry: node has the output of its children through a pair of them, not through a pipe.
pub const SOCKETS: bool = false;
