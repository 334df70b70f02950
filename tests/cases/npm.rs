//! Thefts by npm packages under the detector, and their honest twins. The hooks are run by npm itself.

use detector::event::Door;
use detector_tests::theft::Theft;

type Result = anyhow::Result<()>;

/// A scan of the whole home.
const SHAI_HULUD_2: Theft = Theft {
    name: "shai-hulud-2-2025",
    senders: &["curl", "bun"],
    classes: &["aws", "docker", "git", "kube", "npm", "pypi", "ssh"],
    loot: &["aws", "npm", "pypi", "ssh", "docker", "kube", "git-credentials", "git", "gh", "netrc"],
    doors: &[],
    variable: true,
    role: true,
    log: false,
    says: "build goes on\n",
};

/// What the AI agent's CLI lists.
const NX_S1NGULARITY: Theft = Theft {
    name: "nx-s1ngularity-2025",
    senders: &["node"],
    classes: &["aws", "docker", "git", "kube", "npm", "pypi", "ssh"],
    loot: &["aws", "npm", "pypi", "ssh", "docker", "kube", "git-credentials", "git", "gh", "netrc"],
    doors: &[],
    variable: true,
    role: false,
    log: false,
    says: "build goes on\n",
};

const CANISTERWORM: Theft = Theft {
    name: "canisterworm-2026",
    senders: &["node", "python"],
    classes: &["aws", "docker", "git", "kube", "npm", "pypi", "ssh"],
    loot: &["aws", "npm", "pypi", "ssh", "docker", "kube", "git-credentials", "git", "gh", "netrc"],
    doors: &[],
    variable: false,
    role: false,
    log: false,
    says: "build goes on\n",
};

/// What the master orders.
const AXIOS: Theft = Theft {
    name: "axios-2026",
    senders: &["curl", "python"],
    classes: &["aws", "npm", "ssh"],
    loot: &["aws", "ssh"],
    doors: &[],
    variable: false,
    role: false,
    log: false,
    says: "build goes on\n",
};

const BITWARDEN_CLI: Theft = Theft {
    name: "bitwarden-cli-2026",
    senders: &["node", "bun"],
    classes: &["aws", "docker", "git", "kube", "npm", "pypi", "runner-memory", "ssh"],
    loot: &["aws", "npm", "pypi", "ssh", "docker", "kube", "git-credentials", "git", "gh", "netrc"],
    doors: &[Door::Maps, Door::Mem],
    variable: true,
    role: false,
    log: false,
    says: "build goes on\n",
};

#[test]
fn shai_hulud_2_2025() -> Result {
    SHAI_HULUD_2.same()
}

#[test]
fn nx_s1ngularity_2025() -> Result {
    NX_S1NGULARITY.same()
}

#[test]
fn canisterworm_2026() -> Result {
    CANISTERWORM.same()
}

#[test]
fn axios_2026() -> Result {
    AXIOS.same()
}

#[test]
fn bitwarden_cli_2026() -> Result {
    BITWARDEN_CLI.same()
}

/// The fixtures without the detector: a test that rests on a theft shows something only when that would have succeeded.
#[test]
fn they_steal() -> Result {
    [SHAI_HULUD_2, NX_S1NGULARITY, CANISTERWORM, AXIOS, BITWARDEN_CLI].iter().try_for_each(Theft::steals)
}
