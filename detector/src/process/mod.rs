//! Who the processes of a recording are: programs and lineage, from events alone.

mod program;
mod table;

pub use program::Program;
pub use table::Table;
