//! What every honest twin of a theft must come to: nothing, and the work is done.

use super::job::{SIGKILL, SOON, equipped, npmrc};
use crate::{canary, fixture::benign, quarantine, scene::Scene, watched::Watched};
use detector::engine::{Finding, Severity, Verdict};

/// Honest work, the twin of a theft.
#[derive(Clone, Copy, Debug)]
pub struct Twin {
    /// Its directory.
    pub name: &'static str,
    /// The policy that a user would write.
    pub policy: &'static str,
    /// How many uploads deliver the payload or, where it publishes, its own token.
    pub delivers: usize,
    /// It spends a token of its own: a variable of the job.
    pub publishes: bool,
}

impl Twin {
    /// Under enforce: as bare, and not a word.
    pub fn passes(&self) -> anyhow::Result<()> {
        self.run(true)
    }

    /// The same where npm is told of another configuration than `~/.npmrc`.
    pub fn passes_without_npmrc(&self) -> anyhow::Result<()> {
        self.run(false)
    }

    fn run(&self, own: bool) -> anyhow::Result<()> {
        let scene = Scene::new()?;
        let _metadata = scene.metadata()?;
        let job = equipped(&scene, scene.job([benign(self.name)])).policy(self.policy).mode("enforce");
        let job = npmrc(job, own);
        let bare = job.bare()?;
        assert_eq!(bare.code(), Some(0), "{}", String::from_utf8_lossy(&bare.stderr));
        assert_eq!(self.delivered(&scene)?, self.delivers, "without the detector");
        let run = Watched::run(&scene, &job)?;
        let text = run.outcome.text.as_deref().unwrap_or_default();
        let low = |finding: &Finding| finding.severity <= Severity::Low;
        assert!(run.conclusion.verdict == Verdict::Pass && run.conclusion.findings.iter().all(low), "{text}");
        assert_eq!((run.outcome.code(), &run.outcome.stdout), (bare.code(), &bare.stdout));
        assert_eq!((run.recording.killed().len(), run.recording.ended_by(SIGKILL).len()), (0, 0));
        assert_eq!(self.delivered(&scene)?, 2 * self.delivers, "under the detector");
        quarantine::await_end(&run.pins()?, SOON)
    }

    /// Uploads that delivered what they should; no other secret came by any connection.
    fn delivered(&self, scene: &Scene) -> anyhow::Result<usize> {
        let payload = if self.publishes { &scene.variables[0] } else { scene.home.payload() };
        let others: Vec<_> = scene.canaries().into_iter().filter(|canary| canary != payload).collect();
        let mut times = 0;
        for connection in scene.sink.connections() {
            let known = scene.keys.read_connection(&connection.bytes)?;
            canary::assert_absent(&others, "what honest work sent", &known);
            // How often npm asks before it publishes is its own affair.
            times += usize::from(payload.is_in(&known) && !known.starts_with(b"GET "));
        }
        Ok(times)
    }
}
