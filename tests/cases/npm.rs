//! Thefts by npm packages under the detector, and their honest twins. The hooks are run by npm itself.

use detector_tests::{
    scene::Scene,
    sink::Connection,
    thefts::{
        Theft,
        list::{
            AXIOS, BITWARDEN_CLI, CANISTERWORM, NPM_PREBUILT, NPM_PUBLISH, NPM_TELEMETRY, NX_S1NGULARITY, SHAI_HULUD_2,
        },
    },
};
use std::time::Duration;

type Result = anyhow::Result<()>;

const SOON: Duration = Duration::from_secs(5);

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
