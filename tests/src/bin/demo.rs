//! `cargo xtask demo`: an honest step and a theft in the manner of March 2026, both under enforce, in namespaces of
//! their own with made-up credentials. The sink says what reached it.

use anyhow::{Context as _, ensure};
use detector_tests::{
    canary,
    fixture::{attack, part},
    namespace::{OTHER_V4, SINK_V4},
    outcome::Outcome,
    scene::{PORT, Scene},
};
use std::{io::Write as _, time::Duration};

/// The one line that a user would write: where the registry's token may be spent.
const POLICY: &str = "version: 1\nextends: builtin\ndestinations:\n  - to: [\"198.51.100.7:8080\"]\n    accept: [npm]\n    reason: \"our registry\"\n";

fn main() -> anyhow::Result<()> {
    say("detector demo: two jobs under `detector run --mode enforce`, in network namespaces of their own\n")?;
    honest()?;
    theft()
}

fn honest() -> anyhow::Result<()> {
    let scene = Scene::new()?;
    say(&format!(
        "\n== 1. an honest step publishes a package to {OTHER_V4}:{PORT}, which the policy names\n\n{POLICY}\n"
    ))?;
    let outcome = scene
        .job([part("benign/publish.sh")])
        .sink(scene.sink.at(OTHER_V4))
        .mode("enforce")
        .policy(POLICY)
        .watched()?;
    show(&outcome)?;
    let received = scene.sink.bytes();
    say(&format!("the sink received {} bytes, the token among them; {}\n", received.len(), outcome.status))?;
    ensure!(outcome.code() == Some(0) && outcome.verdict() == Some("PASS"), "the honest step was not left alone");
    ensure!(scene.sink.contains(scene.home.canary("npm")), "the token did not arrive where it belongs");
    Ok(())
}

fn theft() -> anyhow::Result<()> {
    let scene = Scene::new()?;
    say(&format!(
        "\n== 2. a scanner turned stealer reads credentials and the agent's memory, encrypts them, and sends them to {SINK_V4}:{PORT}\n\n"
    ))?;
    let outcome = scene.job([attack("trivy-2026")]).mode("enforce").watched()?;
    show(&outcome)?;
    let received = scene.sink.settle(Duration::from_secs(1));
    say(&format!("the sink received {received} bytes; {}\n", outcome.status))?;
    ensure!(outcome.verdict() == Some("FAIL"), "the theft was not found");
    ensure!(received == 0, "the theft was not stopped");
    canary::assert_absent(&scene.canaries(), "the detector's output", &outcome.everything()?);
    Ok(())
}

/// What the job said, and the report.
fn show(outcome: &Outcome) -> anyhow::Result<()> {
    for line in String::from_utf8_lossy(&outcome.stdout).lines() {
        say(&format!("job | {line}\n"))?;
    }
    for line in String::from_utf8_lossy(&outcome.stderr).lines() {
        say(&format!("err | {line}\n"))?;
    }
    say("\n")?;
    say(outcome.text.as_deref().context("no report: the sensor did not start, see above")?)?;
    say("\n")
}

fn say(text: &str) -> anyhow::Result<()> {
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}
