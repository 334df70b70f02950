//! What the sensor cannot tell yet. Each of these becomes true, and goes, with the sensor's part; what it guards is written.

/// The job's log is a destination: what is written there leaks.
pub const LOG: bool = true;
/// Unix sockets carry: node has the output of its children through a pair of them, not through a pipe.
pub const SOCKETS: bool = false;
/// The keys of a machine's role are a class, joined by who asks the metadata service for them.
pub const ROLE: bool = true;
