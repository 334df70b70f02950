//! What the sensor cannot tell yet. Each of these becomes true, and goes, with the sensor's part; what it guards is written.

/// Unix sockets carry: node has the output of its children through a pair of them, not through a pipe.
pub const SOCKETS: bool = false;
