//! What a system call pays for being watched: the time of the detector's programs and of the call as a whole, in a process outside of
//! the job, and in the job before and after one of its processes has read a secret.

mod kind;
mod measure;
mod page;
mod room;
mod work;

pub use measure::{Figures, measure};
pub use page::page;
pub use work::{job, work};
