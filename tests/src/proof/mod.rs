//! The proof: honest builds with real tools, and thefts, under one policy, counted.

mod builds;
mod case;
mod figures;
mod hosts;
mod marks;
mod measure;
mod page;
mod stderr;
mod theft;
mod world;

pub use builds::BUILDS;
pub use case::{Build, Destination, Noise};
pub use figures::{Build as BuildFigures, Findings, Run, Theft as TheftFigures};
pub use marks::{Count, Marks};
pub use measure::measure;
pub use page::Page;
pub use theft::{THEFTS, Theft};
