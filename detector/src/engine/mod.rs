//! Join, flow, leak; findings and the verdict. Pure: no clock, file, network or environment.

mod model;

pub use model::{
    Action, Capability, Conclusion, Coverage, Destination, Did, Enforced, Finding, Link, Mode, ProcessName, Severity,
    Verdict,
};
