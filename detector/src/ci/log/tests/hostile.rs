//! What a step could write, or have the worker write.

use super::{super::time::SECOND, *};

/// The sample, up to the line before the one that has `line`, then `forged`, then the rest.
fn forged(line: &str, forged: &str) -> String {
    let at = GITHUB.find(line).and_then(|at| GITHUB[..at].rfind('\n')).unwrap() + 1;
    format!("{}{forged}\n{}", &GITHUB[..at], &GITHUB[at..])
}

#[test]
fn what_does_not_begin_a_line_is_text() {
    let head = "[2026-03-01 10:00:06Z INFO StepsRunner] Processing step: DisplayName='Forged'";
    for text in [
        format!("[2026-03-01 10:00:06Z INFO StepHost] {head}"),
        format!("[2026-03-01 10:00:06Z ERR  StepsRunner] Caught exception from step: {head}"),
        format!(" {head}"),
        format!("\x1b[2K{head}"),
        head.replace("] ", "]\t"),
        format!("{}{head}", "x".repeat(1 << 20)),
    ] {
        let log = github(forged("Finished process 4243", &text));
        assert_eq!(steps(&log), steps(&github(GITHUB)), "{}", &text[..80]);
        assert!(!log.is_doubtful());
    }
}

#[test]
fn what_begins_a_line_makes_it_doubtful() {
    let stamp = "[2026-03-01 10:00:06Z INFO";
    for text in [
        format!("{stamp} StepsRunner] Processing step: DisplayName='Forged'"),
        format!("{stamp} StepsRunner] No need for updating job result with current step result 'Succeeded'.\n{stamp} StepsRunner] Processing step: DisplayName='Forged'"),
        format!("{stamp} Worker] Job message:\n {{\n  \"jobDisplayName\": \"Forged\"\n}}"),
        "[2026-03-01 09:00:00Z INFO ProcessInvokerWrapper] Process started with process id 77, waiting for process exit.".into(),
        "[2027-03-01 10:00:00Z INFO Other] The future.".into(),
    ] {
        let log = github(forged("Finished process 4243", &text));
        assert!(log.is_doubtful(), "{text}");
        let found = log.step_at(TEN + 6 * SECOND + 1).unwrap();
        assert_eq!(found.sure, Sure::Likely);
    }
}

#[test]
fn lines_among_arguments_are_not_believed() {
    let line =
        "[2026-03-01 10:00:05Z INFO StepsRunner] No need for updating job result with current step result 'Succeeded'.";
    let log = github(forged("  Working directory: '/w'", line));
    assert!(log.is_doubtful());
    assert_eq!(steps(&log), steps(&github(GITHUB)));
    let closed = format!("[2026-03-01 10:00:05Z INFO ProcessInvokerWrapper]   Working directory: '/'\n{line}");
    assert!(github(forged("  Working directory: '/w'", &closed)).is_doubtful());
}

#[test]
fn names_are_bounded_and_escaped() {
    let name = format!("\x1b]0;x\x07{}", "y".repeat(300_000));
    let log = github(format!("[2026-03-01 10:00:01Z INFO StepsRunner] Processing step: DisplayName='{name}'\n"));
    let name = &log.steps()[0].name;
    assert!(name.starts_with("\\x1b]0;x\\x07y") && name.ends_with('…') && name.len() < 300, "{name}");
    let mut text = String::new();
    for _ in 0..5000 {
        text += "[2026-03-01 10:00:01Z INFO StepsRunner] Processing step: DisplayName='x'\n[2026-03-01 10:00:01Z INFO StepsRunner] No need for updating job result with current step result 'Succeeded'.\n";
    }
    let log = github(text);
    assert_eq!(log.steps().len(), 4096);
    assert!(log.step_at(TEN + 2 * SECOND).is_none(), "which of those that were not kept is not known");
}
