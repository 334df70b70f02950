//! Thefts by poisoned actions, uploaders and pull requests under the detector, and their honest twins.

use detector::event::Door;
use detector_tests::theft::{BUILTIN, Theft, Twin};

type Result = anyhow::Result<()>;

/// Every secret of the home, which a sweep finds.
const HOME: [&str; 10] = ["aws", "npm", "pypi", "ssh", "docker", "kube", "git-credentials", "git", "gh", "netrc"];

/// The memory of the worker, encoded twice, in the job's log: nothing is sent.
const TJ_ACTIONS: Theft = Theft {
    name: "tj-actions-2025",
    senders: &[],
    classes: &[],
    loot: &[],
    doors: &[Door::Maps, Door::Mem],
    variable: false,
    role: false,
    log: true,
    says: "changed files: 2\n",
};

/// Environment and checkout token in the log and on the forge, the environ of others on the forge.
const PRT_SCAN: Theft = Theft {
    name: "prt-scan-2026",
    senders: &["curl", "python"],
    classes: &["git", "foreign-environ"],
    loot: &["git"],
    doors: &[Door::Environ],
    variable: true,
    role: true,
    log: true,
    says: "tests passed\n",
};

const KICS_ACTION: Theft = Theft {
    name: "kics-action-2026",
    senders: &["curl"],
    classes: &["aws", "docker", "foreign-environ", "git", "kube", "npm", "pypi", "runner-memory", "ssh"],
    loot: &HOME,
    doors: &[Door::Environ, Door::Maps, Door::Mem],
    variable: false,
    role: true,
    log: false,
    says: "queried files: 2\n",
};

const CODECOV: Theft = Theft {
    name: "codecov-2021",
    senders: &["curl"],
    classes: &["git"],
    loot: &[],
    doors: &[],
    variable: true,
    role: false,
    log: false,
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

const ACTION_PATH: Twin = Twin { name: "action-path", policy: BUILTIN, delivers: 0, found: false };
const WATCH_TESTS: Twin = Twin { name: "watch-tests", policy: BUILTIN, delivers: 1, found: false };
const SCANNER_SETUP: Twin = Twin { name: "scanner-setup", policy: BUILTIN, delivers: 2, found: false };
/// git reads its configuration to name the branch, which is in no secret.
const COVERAGE_UPLOAD: Twin = Twin { name: "coverage-upload", policy: BUILTIN, delivers: 1, found: true };

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
