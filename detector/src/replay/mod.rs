//! Judges a recording as the live run was judged, or by another policy.

mod judge;
mod retold;

pub use judge::{ReplayError, judge, replay};
