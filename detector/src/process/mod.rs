//! Who the processes of a recording are: programs and lineage, from events alone.

mod image;
mod program;
mod table;

pub use image::Image;
pub use program::Program;
pub use table::Table;
