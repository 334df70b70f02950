//! The kernel side as user space has it: BTF layout, programs, maps, rings. The only room that knows aya.
//!
//! Named by `live` and `doctor` alone.

mod abi;
mod btf;
mod cgroup;
mod decode;
mod error;
mod events;
mod host;
mod kept;
mod layout;
mod load;
#[cfg(feature = "kernel-log")]
mod log;
mod maps;
mod misses;
mod policy;
mod programs;
mod quarantine;
mod rings;
mod sensor;
mod standing;

#[cfg(fuzzing)]
pub use btf::ask_all as ask_btf;
pub use decode::{About, DecodeError, Glance, Image, decode, glance, image, opened, time, workdir};
pub use error::KernelError;
pub use events::Tracing;
pub use host::{Forked, Notice, is_authors_end, job_of};
pub use layout::LayoutSource;
pub use quarantine::Quarantine;
pub use rings::{Rings, boottime};
pub use sensor::{Flags, JobSettings, Left, Printed, Sensor};
pub use standing::Standing;
