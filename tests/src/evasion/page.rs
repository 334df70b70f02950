//! The published table.

use super::{fixture::Expected, measure::Figures};
use std::fmt::Write as _;

/// As `docs/evasions.md`.
pub fn page(kernel: &str, date: &str, figures: &[Figures]) -> String {
    let mut text = format!(
        "# Evasions\n\nWritten by `cargo xtask evasions` on {date}, Linux {kernel}. Each line is a program of `tests/evasions`, run as\n\
         a theft of a made-up key under enforce and in audit, and as an honest job on a file that is no secret. *Arrived* is what a tap on\n\
         the wire at the other end saw of the key, long after the job's end; *bytes* is what reached the sink under enforce. Where it may\n\
         arrive, or nobody stops it, the run's own report says so in the words of *gap*.\n\n"
    );
    let mut file = "";
    for one in figures {
        if one.fixture.file != file {
            file = &one.fixture.file;
            _ = write!(
                text,
                "\n## {file}\n\n| row | fixture | what | audit | arrived: audit | enforce | arrived: enforce | bytes | what the call came to, by whom | twin |\n"
            );
            text.push_str("|---|---|---|---|---|---|---|---|---|---|\n");
        }
        let fixture = &one.fixture;
        let yes = |arrived: bool| if arrived { "yes" } else { "no" };
        let by = one.stopped.iter().copied().collect::<Vec<_>>().join("; ");
        let by = match &fixture.why {
            Some(why) => format!("gap: {why}"),
            None if by.is_empty() => "-".to_owned(),
            None => by,
        };
        let word = |expected: Expected| match expected {
            Expected::Deny => "DENY",
            Expected::Found => "DETECT",
            Expected::Gap => "REPORT-GAP",
            Expected::Pass => "PASS",
            Expected::None => "-",
        };
        let what = fixture.what.replace('|', "\\|");
        let twin = match (fixture.twin, one.wrong.iter().any(|wrong| wrong.starts_with("twin"))) {
            (Expected::None, _) => "-",
            (_, true) => "LOUD",
            (_, false) => "silent",
        };
        let (enforce, audit) = (yes(one.enforce), yes(one.audit));
        // A row is what was measured.
        let wrong = if one.wrong.is_empty() { "" } else { " **not as expected**" };
        _ = writeln!(
            text,
            "| {} | `{}`{wrong} | {what} | {} | {audit} | {} | {enforce} | {} | {by} | {twin} |",
            fixture.row,
            fixture.name,
            word(fixture.audit),
            word(fixture.enforce),
            one.bytes,
        );
    }
    text
}
