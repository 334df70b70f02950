//! The verdict, from findings and gaps.

use super::{Finding, Severity, Verdict};

/// The verdict and why, a sentence a reason. `gaps` are the reasons why not everything was seen.
pub(super) fn verdict(
    findings: &[Finding],
    unlisted: u64,
    fail_on: Severity,
    gaps: Vec<String>,
) -> (Verdict, Vec<String>) {
    let mut reasons = Vec::new();
    let failing = findings.iter().filter(|finding| finding.severity >= fail_on).count();
    let severity = fail_on.name();
    match failing {
        0 => {}
        1 => reasons.push(format!("1 finding reaches severity {severity}")),
        _ => reasons.push(format!("{failing} findings reach severity {severity}")),
    }
    let verdict = match (failing, gaps.is_empty()) {
        (0, true) => return (Verdict::Pass, Vec::new()),
        (0, false) => Verdict::Inconclusive,
        _ => Verdict::Fail,
    };
    if unlisted > 0 {
        reasons.push(format!("{unlisted} more leaks were found than are listed"));
    }
    reasons.extend(gaps);
    (verdict, reasons)
}
