//! Join, flow, leak; findings and the verdict. Pure: no clock, file, network or environment.

mod analysis;
mod carried;
mod coverage;
mod enforcement;
mod exception;
mod finding;
mod flow;
mod holder;
mod leak;
mod model;
mod names;
mod object;
mod rules;
#[cfg(test)]
mod tests;
mod verdict;

pub use analysis::Engine;
pub use model::{
    Action, Capability, Conclusion, Coverage, Destination, Did, Enforced, Excepted, Finding, Link, Mode, ProcessName,
    Severity, Strength, Verdict,
};
