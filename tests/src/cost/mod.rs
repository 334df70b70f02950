//! What a policy of many names and networks costs: in the kernel, a run of each program that looks one up; in user space, time and
//! memory at the start. Policies of several sizes take turns, so that whatever else the machine does falls on all of them.

mod bpf;
pub mod calls;
mod measure;
mod page;
mod size;
mod work;

pub use bpf::Statistics;
pub use measure::{Figures, measure};
pub use page::page;
pub use size::{SIZES, Size};
pub use work::work;
