//! The thefts and their twins, one by one.

use super::{BUILTIN, Theft, Twin, told};
use detector::event::Door;

/// Every secret of the home, and their classes.
const HOME: [&str; 10] = ["aws", "npm", "pypi", "ssh", "docker", "kube", "git-credentials", "git", "gh", "netrc"];
const SWEPT: [&str; 9] = ["aws", "docker", "gh", "git", "kube", "netrc", "npm", "pypi", "ssh"];

/// The second address of the sink is the registry.
const RELEASE: &str = "version: 1\nextends: builtin\ndestinations:\n  - to: [\"198.51.100.7\"]\n    accept: [npm]\n";

/// The memory of the worker, encoded twice, in the job's log: nothing is sent.
pub const TJ_ACTIONS: Theft = Theft {
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
pub const PRT_SCAN: Theft = Theft {
    name: "prt-scan-2026",
    senders: &["curl", "python"],
    classes: &["cloud-role", "git", "foreign-environ", "step-env"],
    pending: &[],
    loot: &["git"],
    doors: &[Door::Environ],
    npm: false,
    variables: true,
    role: true,
    log: true,
    survives: true,
    says: "tests passed\n",
};

/// As trivy-2026, with the metadata service and a second place for the loot.
pub const KICS_ACTION: Theft = Theft {
    name: "kics-action-2026",
    senders: &["curl"],
    classes: &["aws", "docker", "foreign-environ", "gh", "git", "kube", "netrc", "npm", "pypi", "runner-memory", "ssh"],
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

/// Remotes and environment on a command line.
pub const CODECOV: Theft = Theft {
    name: "codecov-2021",
    senders: &["curl"],
    // What git said is not what curl is given.
    classes: &["step-env"],
    pending: &[],
    loot: &[],
    doors: &[],
    npm: false,
    variables: true,
    role: false,
    log: false,
    survives: true,
    says: "coverage uploaded\n",
};

/// Of [`TJ_ACTIONS`].
pub const ACTION_PATH: Twin = Twin { name: "action-path", policy: BUILTIN, delivers: 0, publishes: false };

/// Of [`PRT_SCAN`].
pub const WATCH_TESTS: Twin = Twin { name: "watch-tests", policy: BUILTIN, delivers: 1, publishes: false };

/// Of [`KICS_ACTION`].
pub const SCANNER_SETUP: Twin = Twin { name: "scanner-setup", policy: BUILTIN, delivers: 2, publishes: false };

/// Of [`CODECOV`]. git reads its configuration to name the branch, which is in no secret.
pub const COVERAGE_UPLOAD: Twin = Twin { name: "coverage-upload", policy: BUILTIN, delivers: 1, publishes: false };

/// A scan of the whole home.
pub const SHAI_HULUD_2: Theft = Theft {
    name: "shai-hulud-2-2025",
    senders: &["curl", "bun"],
    classes: &["aws", "gh", "npm"],
    // Through the scanner.
    pending: &[
        (told::SOCKETS, "docker"),
        (told::SOCKETS, "git"),
        (told::SOCKETS, "kube"),
        (told::SOCKETS, "netrc"),
        (told::SOCKETS, "pypi"),
        (told::SOCKETS, "ssh"),
    ],
    loot: &HOME,
    doors: &[],
    npm: true,
    variables: true,
    role: true,
    log: false,
    survives: true,
    says: "build goes on\n",
};

/// What the AI agent's CLI lists.
pub const NX_S1NGULARITY: Theft = Theft {
    name: "nx-s1ngularity-2025",
    senders: &["node"],
    classes: &SWEPT,
    pending: &[],
    loot: &HOME,
    doors: &[],
    npm: true,
    variables: true,
    role: false,
    log: false,
    survives: true,
    says: "build goes on\n",
};

/// Reads what it finds, publishes itself.
pub const CANISTERWORM: Theft = Theft {
    name: "canisterworm-2026",
    senders: &["node", "python"],
    classes: &SWEPT,
    pending: &[],
    loot: &HOME,
    doors: &[],
    npm: true,
    variables: false,
    role: false,
    log: false,
    survives: true,
    says: "build goes on\n",
};

/// What the master orders.
pub const AXIOS: Theft = Theft {
    name: "axios-2026",
    senders: &["curl", "python"],
    classes: &["aws", "ssh"],
    pending: &[],
    loot: &["aws", "ssh"],
    doors: &[],
    npm: true,
    variables: false,
    role: false,
    log: false,
    survives: true,
    says: "build goes on\n",
};

/// A sweep and the memory of the worker.
pub const BITWARDEN_CLI: Theft = Theft {
    name: "bitwarden-cli-2026",
    senders: &["node", "bun"],
    classes: &SWEPT,
    pending: &[(told::SOCKETS, "runner-memory")],
    loot: &HOME,
    doors: &[Door::Maps, Door::Mem],
    npm: true,
    variables: true,
    role: false,
    log: false,
    survives: true,
    says: "build goes on\n",
};

/// Of [`SHAI_HULUD_2`], [`AXIOS`] and [`BITWARDEN_CLI`]. npm reads `~/.npmrc` for itself; its hooks never see it.
pub const NPM_PREBUILT: Twin = Twin { name: "npm-prebuilt", policy: BUILTIN, delivers: 1, publishes: false };

/// Of [`NX_S1NGULARITY`].
pub const NPM_TELEMETRY: Twin = Twin { name: "npm-telemetry", policy: BUILTIN, delivers: 1, publishes: false };

/// Of [`CANISTERWORM`].
pub const NPM_PUBLISH: Twin = Twin { name: "npm-publish", policy: RELEASE, delivers: 1, publishes: true };

/// Every theft that is described here, by incident.
pub const THEFTS: [Theft; 9] =
    [TJ_ACTIONS, PRT_SCAN, KICS_ACTION, CODECOV, SHAI_HULUD_2, NX_S1NGULARITY, CANISTERWORM, AXIOS, BITWARDEN_CLI];

/// Every twin.
pub const TWINS: [Twin; 7] =
    [ACTION_PATH, WATCH_TESTS, SCANNER_SETUP, COVERAGE_UPLOAD, NPM_PREBUILT, NPM_TELEMETRY, NPM_PUBLISH];
