//! The report for programs.

use crate::engine::Conclusion;

/// The conclusion as indented JSON: the model's fields in the model's order, with a newline at the end.
pub fn json(conclusion: &Conclusion) -> String {
    let mut report = serde_json::to_string_pretty(conclusion)
        // Only a map whose keys are no strings fails, and the model has none.
        .unwrap_or_else(|error| format!("{{\"error\": {:?}}}", error.to_string()));
    report.push('\n');
    report
}
