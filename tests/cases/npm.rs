//! Thefts by npm packages under the detector, and their honest twins. The hooks are run by npm itself.

use detector::event::Door;
use detector_tests::{
    scene::Scene,
    sink::Connection,
    theft::{BUILTIN, Theft, Twin, told},
};
use std::time::Duration;

type Result = anyhow::Result<()>;

const SOON: Duration = Duration::from_secs(5);

/// Every secret of the home, and their classes.
const HOME: [&str; 10] = ["aws", "npm", "pypi", "ssh", "docker", "kube", "git-credentials", "git", "gh", "netrc"];
const SWEPT: [&str; 7] = ["aws", "docker", "git", "kube", "npm", "pypi", "ssh"];

/// A scan of the whole home.
const SHAI_HULUD_2: Theft = Theft {
    name: "shai-hulud-2-2025",
    senders: &["curl", "bun"],
    classes: &["aws", "git", "npm"],
    // Through the scanner.
    pending: &[(told::SOCKETS, "docker"), (told::SOCKETS, "kube"), (told::SOCKETS, "pypi"), (told::SOCKETS, "ssh")],
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
const NX_S1NGULARITY: Theft = Theft {
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

const CANISTERWORM: Theft = Theft {
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
const AXIOS: Theft = Theft {
    name: "axios-2026",
    senders: &["curl", "python"],
    classes: &["aws", "npm", "ssh"],
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

const BITWARDEN_CLI: Theft = Theft {
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

/// What a build leaves behind still delivers.
#[test]
fn left_behind_they_steal() -> Result {
    for (theft, loot) in [(CANISTERWORM, "npm"), (AXIOS, "ssh")] {
        let scene = Scene::new()?;
        let outcome = theft.job(&scene).env("DETACH", "1").bare()?;
        assert_eq!(outcome.code(), Some(0));
        let stolen = |all: &[Connection]| {
            let bodies = all.iter().filter_map(|c| scene.keys.read_connection(&c.bytes).ok());
            bodies.into_iter().any(|known| scene.home.canary(loot).is_in(&known))
        };
        assert!(scene.sink.wait_for(SOON, stolen), "{}", theft.name);
    }
    Ok(())
}

/// npm reads `~/.npmrc` for itself; its hooks never see it.
const NPM_PREBUILT: Twin = Twin { name: "npm-prebuilt", policy: BUILTIN, delivers: 1, publishes: false, reads: true };
const NPM_TELEMETRY: Twin = Twin { name: "npm-telemetry", policy: BUILTIN, delivers: 1, publishes: false, reads: true };
const NPM_PUBLISH: Twin = Twin { name: "npm-publish", policy: RELEASE, delivers: 1, publishes: true, reads: false };

/// The second address of the sink is the registry.
const RELEASE: &str = "version: 1\nextends: builtin\ndestinations:\n  - to: [\"198.51.100.7\"]\n    accept: [npm]\n";

#[test]
fn npm_prebuilt_passes() -> Result {
    NPM_PREBUILT.passes()?;
    NPM_PREBUILT.passes_without_npmrc()
}

#[test]
fn npm_telemetry_passes() -> Result {
    NPM_TELEMETRY.passes()?;
    NPM_TELEMETRY.passes_without_npmrc()
}

#[test]
fn npm_publish_passes() -> Result {
    NPM_PUBLISH.passes()
}
