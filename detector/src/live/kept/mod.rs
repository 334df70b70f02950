//! Self-kept destinations: what credential files say of their own places, before a job and in the middle of it.

mod files;
mod keeper;

pub(super) use files::{Places, found, is_within_another};
pub(super) use keeper::{Before, Keeper, watch};
