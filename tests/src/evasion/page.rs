//! The published table.

use super::measure::Figures;
use std::fmt::Write as _;

/// As `docs/evasions.md`.
pub fn page(kernel: &str, date: &str, figures: &[Figures]) -> String {
    let mut text = format!(
        "# Evasions\n\nWritten by `cargo xtask evasions` on {date}, Linux {kernel}. Each line is a program of `tests/evasions`, run as\n\
         a theft of a made-up key under enforce and in audit, and as an honest job on a file that is no secret. *Arrived* is what a tap on\n\
         the wire at the other end saw of the key, long after the job's end.\n\n"
    );
    let mut file = "";
    for one in figures {
        if one.fixture.file != file {
            file = &one.fixture.file;
            _ = write!(
                text,
                "\n## {file}\n\n| row | fixture | what | arrived: enforce | audit | stopped by | twin |\n"
            );
            text.push_str("|---|---|---|---|---|---|---|\n");
        }
        let fixture = &one.fixture;
        let yes = |arrived: bool| if arrived { "yes" } else { "no" };
        let by = if one.stopped.is_empty() { "-".to_owned() } else { one.stopped.join(", ") };
        let what = fixture.what.replace('|', "\\|");
        let twin = if one.wrong.iter().any(|wrong| wrong.starts_with("twin")) { "LOUD" } else { "silent" };
        let (enforce, audit) = (yes(one.enforce), yes(one.audit));
        _ = writeln!(text, "| {} | `{}` | {what} | {enforce} | {audit} | {by} | {twin} |", fixture.row, fixture.name);
    }
    text
}
