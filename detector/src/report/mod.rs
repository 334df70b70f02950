//! Renders a conclusion, or the catalogue of a policy. Pure: text in, text out.

mod catalogue;
mod chain;
#[cfg(test)]
mod golden;
mod json;
mod line;
mod text;

pub use catalogue::{catalogue_json, catalogue_text, class_text};
pub use json::json;
pub use text::text;
