//! Thefts by poisoned actions, uploaders and pull requests under the detector, and their honest twins.

use detector_tests::thefts::{
    Theft,
    list::{ACTION_PATH, CODECOV, COVERAGE_UPLOAD, KICS_ACTION, PRT_SCAN, SCANNER_SETUP, TJ_ACTIONS, WATCH_TESTS},
};

type Result = anyhow::Result<()>;

#[test]
fn tj_actions_2025() -> Result {
    TJ_ACTIONS.same()
}

#[test]
fn prt_scan_2026() -> Result {
    PRT_SCAN.same()
}

#[test]
fn kics_action_2026() -> Result {
    KICS_ACTION.same()
}

#[test]
fn codecov_2021() -> Result {
    CODECOV.same()
}

/// The fixtures without the detector: a test that rests on a theft shows something only when that would have succeeded.
#[test]
fn they_steal() -> Result {
    [TJ_ACTIONS, PRT_SCAN, KICS_ACTION, CODECOV].iter().try_for_each(Theft::steals)
}

#[test]
fn action_path_passes() -> Result {
    ACTION_PATH.passes()
}

#[test]
fn watch_tests_passes() -> Result {
    WATCH_TESTS.passes()
}

#[test]
fn scanner_setup_passes() -> Result {
    SCANNER_SETUP.passes()
}

#[test]
fn coverage_upload_passes() -> Result {
    COVERAGE_UPLOAD.passes()
}
