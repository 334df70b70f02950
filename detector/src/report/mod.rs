//! Renders a conclusion. Pure: text in, text out.

mod chain;
#[cfg(test)]
mod golden;
mod json;
mod line;
mod text;

pub use json::json;
pub use text::text;
