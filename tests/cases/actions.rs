//! Thefts by poisoned actions, uploaders and pull requests under the detector, and their honest twins.

use detector::event::Door;
use detector_tests::theft::{BUILTIN, Theft, Twin, told};

type Result = anyhow::Result<()>;

/// Every secret of the home, which a sweep finds.
const HOME: [&str; 10] = ["aws", "npm", "pypi", "ssh", "docker", "kube", "git-credentials", "git", "gh", "netrc"];

/// The memory of the worker, encoded twice, in the job's log: nothing is sent.
const TJ_ACTIONS: Theft = Theft {
    name: "tj-actions-2025",
    senders: &[],
    classes: &[],
    pending: &[],
    loot: &[],
    doors: &[Door::Maps, Door::Mem],
    npm: false,
    variables: false,
    role: false,
    log: true,
    survives: true,
    says: "changed files: 2\n",
};

/// Environment and checkout token in the log and on the forge, the environ of others on the forge.
const PRT_SCAN: Theft = Theft {
    name: "prt-scan-2026",
    senders: &["curl", "python"],
    classes: &["git", "foreign-environ"],
    pending: &[(told::STEP_ENV, "step-env")],
    loot: &["git"],
    doors: &[Door::Environ],
    npm: false,
    variables: true,
    role: true,
    log: true,
    survives: true,
    says: "tests passed\n",
};

const KICS_ACTION: Theft = Theft {
    name: "kics-action-2026",
    senders: &["curl"],
    classes: &["aws", "docker", "foreign-environ", "git", "kube", "npm", "pypi", "runner-memory", "ssh"],
    pending: &[],
    loot: &HOME,
    doors: &[Door::Environ, Door::Maps, Door::Mem],
    npm: false,
    variables: false,
    role: true,
    log: false,
    survives: true,
    says: "queried files: 2\n",
};

const CODECOV: Theft = Theft {
    name: "codecov-2021",
    senders: &["curl"],
    classes: &["git"],
    pending: &[(told::STEP_ENV, "step-env")],
    loot: &[],
    doors: &[],
    npm: false,
    variables: true,
    role: false,
    log: false,
    // The uploader is the thief.
    survives: told::EXEC,
    says: "coverage uploaded\n",
};

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

const ACTION_PATH: Twin = Twin { name: "action-path", policy: BUILTIN, delivers: 0, publishes: false, reads: false };
const WATCH_TESTS: Twin = Twin { name: "watch-tests", policy: BUILTIN, delivers: 1, publishes: false, reads: false };
const SCANNER_SETUP: Twin =
    Twin { name: "scanner-setup", policy: BUILTIN, delivers: 2, publishes: false, reads: false };
/// git reads its configuration to name the branch, which is in no secret.
const COVERAGE_UPLOAD: Twin =
    Twin { name: "coverage-upload", policy: BUILTIN, delivers: 1, publishes: false, reads: true };

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
