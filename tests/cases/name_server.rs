//! The tests' name server: what it says on the wire, and what the C library's resolver, which is nobody's of the tests, makes of it.

use detector_tests::{
    canary::{Canary, trace},
    name_server::{
        Case, Manner, Name, NameServer, PORT, Segments, Zone,
        hostile::{self, BYSTANDER},
        message::{kind, of_kind},
    },
    namespace::{JOB_V4, JOB_V6, METADATA_V4, Network, OTHER_V4, SINK_V4, SINK_V6},
    resolver::Resolver,
    run::Job,
    sink::Transport,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    time::Duration,
};

type Result = anyhow::Result<()>;

const SOON: Duration = Duration::from_secs(5);
/// Where nothing is.
const AWAY: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 64);
const OPT: &[u8] = b"\0\0\x29\x04\xd0\0\0\0\0\0\0";

/// Lies that the C library believes. Some are none by TCP, to which it turns.
const FORGIVEN: [&str; 9] = [
    "a-question",
    "other-opcode",
    "extended-code",
    "cut-off",
    "class-of-the-record",
    "pointer-forward",
    "pointer-into-the-header",
    "bytes-behind",
    "very-long",
];

/// A question as `id` for the addresses of a name, with or without [`OPT`].
fn question(id: u16, name: &str, kind: u16, opt: &[u8]) -> Vec<u8> {
    let more = u8::from(!opt.is_empty());
    let head = [&id.to_be_bytes()[..], &[1, 0, 0, 1, 0, 0, 0, 0, 0, more]].concat();
    [&head[..], &Name::from(name).wire(), &kind.to_be_bytes(), &[0, 1], opt].concat()
}

/// Asks from the job's namespace; only what comes from where it was asked is an answer.
fn by_udp(network: &Network, server: IpAddr, question: &[u8]) -> anyhow::Result<Vec<u8>> {
    network.job.within(|| {
        let socket = UdpSocket::bind((if server.is_ipv4() { JOB_V4 } else { JOB_V6 }, 0))?;
        socket.connect((server, PORT))?;
        socket.set_read_timeout(Some(SOON))?;
        socket.send(question)?;
        let mut answer = vec![0; 1 << 16];
        let n = socket.recv(&mut answer)?;
        answer.truncate(n);
        Ok(answer)
    })
}

/// The pieces of what comes by TCP, as they are read.
fn by_tcp(network: &Network, server: IpAddr, question: &[u8]) -> anyhow::Result<Vec<Vec<u8>>> {
    network.job.within(|| {
        let mut stream = TcpStream::connect((server, PORT))?;
        stream.set_read_timeout(Some(SOON))?;
        stream.write_all(&u16::try_from(question.len())?.to_be_bytes())?;
        stream.write_all(question)?;
        let (mut pieces, mut buffer) = (Vec::<Vec<u8>>::new(), vec![0; 1 << 16]);
        loop {
            let n = stream.read(&mut buffer)?;
            pieces.push(buffer[..n].to_vec());
            let whole = pieces.concat();
            if n == 0 || whole.len() > 2 && whole.len() == 2 + usize::from(u16::from_be_bytes([whole[0], whole[1]])) {
                return Ok(pieces);
            }
        }
    })
}

/// Flags and counts.
fn header(answer: &[u8]) -> (u16, [u8; 4]) {
    (u16::from_be_bytes([answer[2], answer[3]]), [answer[5], answer[7], answer[9], answer[11]])
}

/// What the C library finds for each name: addresses, none where it finds nothing. All are asked for at once; what is said of each
/// is short enough to be written at once.
fn found(
    network: &Network,
    resolver: Resolver,
    names: &[String],
) -> anyhow::Result<BTreeMap<String, BTreeSet<IpAddr>>> {
    let script = "for name; do getent ahosts $name | cut -d' ' -f1 | sort -u | sed \"s/^/$name /\" & done; wait";
    let command = ["sh", "-c", script, "sh"].into_iter().chain(names.iter().map(String::as_str));
    let outcome = Job::new(network, command).resolver(resolver).bare()?;
    let mut found: BTreeMap<_, _> = names.iter().map(|name| (name.clone(), BTreeSet::new())).collect();
    for line in String::from_utf8_lossy(&outcome.stdout).lines() {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(address)) = (words.next(), words.next()) {
            found.entry(name.to_owned()).or_default().insert(address.parse()?);
        }
    }
    Ok(found)
}

#[test]
fn every_address_answers_for_itself() -> Result {
    let network = Network::new()?;
    let zone = Zone::new().a("api.good.test", [SINK_V4, OTHER_V4]).aaaa("api.good.test", [SINK_V6]);
    let server = NameServer::start(&network.sink, zone)?;
    network.host(Ipv4Addr::new(198, 51, 100, 8))?;
    let addresses = [SINK_V4, OTHER_V4, METADATA_V4, SINK_V6, Ipv4Addr::new(198, 51, 100, 8).into()];
    for (id, address) in (1..).zip(addresses) {
        let asked = question(id, "API.good.test", kind::A, &[]);
        for answer in [by_udp(&network, address, &asked)?, by_tcp(&network, address, &asked)?.concat()[2..].to_vec()] {
            assert_eq!(answer[..2], id.to_be_bytes());
            assert_eq!(header(&answer), (0x8180, [1, 2, 0, 0]));
            assert!(answer[12..].starts_with(&asked[12..]), "the question is echoed as it came");
            assert!(answer.ends_with(b"\xc0\x0c\0\x01\0\x01\0\0\0\0\0\x04\xc6\x33\x64\x07"), "{answer:x?}");
        }
    }
    let questions = server.questions();
    assert_eq!(questions.len(), 2 * addresses.len());
    assert_eq!(server.asked("api.good.test"), 2 * addresses.len());
    for (pair, address) in questions.chunks(2).zip(addresses) {
        assert_eq!([pair[0].transport, pair[1].transport], [Transport::Udp, Transport::Tcp]);
        for question in pair {
            assert_eq!((question.name.as_str(), question.kind), ("API.good.test", kind::A));
            assert_eq!(question.local, SocketAddr::new(address, PORT));
            assert_eq!(question.peer.ip(), if address.is_ipv4() { JOB_V4 } else { JOB_V6 });
        }
        assert!(pair[0].time < pair[1].time);
    }
    Ok(())
}

#[test]
fn it_says_what_there_is_not() -> Result {
    let network = Network::new()?;
    let zone = Zone::new().a("v4.good.test", [SINK_V4]).nothing("empty.good.test").code("broken.good.test", 2);
    let server = NameServer::start(&network.sink, zone)?;
    let ask = |name, kind, opt| by_udp(&network, SINK_V4, &question(7, name, kind, opt));
    assert_eq!(header(&ask("v4.good.test", kind::AAAA, &[])?), (0x8180, [1, 0, 1, 0]));
    assert_eq!(header(&ask("empty.good.test", kind::A, &[])?), (0x8180, [1, 0, 1, 0]));
    assert_eq!(header(&ask("other.good.test", kind::A, &[])?), (0x8183, [1, 0, 1, 0]));
    assert_eq!(header(&ask("broken.good.test", kind::A, &[])?), (0x8182, [1, 0, 1, 0]));
    let with_opt = ask("v4.good.test", kind::A, OPT)?;
    assert_eq!((header(&with_opt), &with_opt[with_opt.len() - OPT.len()..]), ((0x8180, [1, 1, 0, 1]), OPT));
    // Bound anew.
    server.set(Zone::new().a("v4.good.test", [AWAY]));
    assert!(ask("v4.good.test", kind::A, &[])?.ends_with(&AWAY.octets()));
    server.remove("v4.good.test");
    assert_eq!(header(&ask("v4.good.test", kind::A, &[])?), (0x8183, [1, 0, 1, 0]));
    Ok(())
}

#[test]
fn it_is_written_and_sent_as_asked_for() -> Result {
    let network = Network::new()?;
    let manner = Manner::default();
    let zone = Zone::new()
        .cname("www.good.test", "edge.good.test")
        .a("edge.good.test", [SINK_V4])
        .a("big.good.test", (0..200).map(|n| Ipv4Addr::new(198, 51, 100, n)))
        .manner_of("www.good.test", Manner { ttl: 300, uncompressed: true, case: Case::Mixed, ..manner })
        .manner_of("edge.good.test", Manner { truncated: true, segments: Segments::Two, ..manner })
        .a("cut.good.test", [SINK_V4])
        .manner_of("cut.good.test", Manner { segments: Segments::Cut, ..manner });
    let _server = NameServer::start(&network.sink, zone)?;
    let full = by_udp(&network, SINK_V4, &question(7, "www.good.test", kind::A, &[]))?;
    assert_eq!(header(&full), (0x8180, [1, 2, 0, 0]));
    assert!(full.ends_with(b"\x04eDgE\x04gOoD\x04tEsT\0\0\x01\0\x01\0\0\x01\x2c\0\x04\xcb\0\x71\x09"), "{full:x?}");
    for name in ["edge.good.test", "big.good.test"] {
        let asked = question(7, name, kind::A, OPT);
        assert_eq!(header(&by_udp(&network, SINK_V4, &asked)?), (0x8380, [1, 0, 0, 1]));
        let pieces = by_tcp(&network, SINK_V4, &asked)?;
        assert!(usize::from(header(&pieces.concat()[2..]).1[1]) >= 1);
        assert_eq!(pieces[0].len() == 2, name == "edge.good.test");
    }
    let cut = by_tcp(&network, SINK_V4, &question(7, "cut.good.test", kind::A, &[]))?.concat();
    assert!(cut.len() < usize::from(u16::from_be_bytes([cut[0], cut[1]])));
    Ok(())
}

#[test]
fn others_answer_too() -> Result {
    let network = Network::new()?;
    let lie = |question: &[u8]| hostile::odd_but_good()[0].answers(question, AWAY);
    let elsewhere = SocketAddr::new(OTHER_V4, PORT);
    let aside = SocketAddr::new(SINK_V4, 5353);
    let zone = Zone::new()
        .a("*.good.test", [SINK_V4])
        .a("host.good.test", [SINK_V4])
        .before("host.good.test", elsewhere, lie)
        .a("port.good.test", [SINK_V4])
        .before("port.good.test", aside, lie);
    let server = NameServer::start(&network.sink, zone)?;
    let other = NameServer::at(&network.sink, elsewhere, Zone::new().a("x.good.test", [AWAY]))?;
    let ask = |server, name| by_udp(&network, server, &question(7, name, kind::A, &[]));
    assert!(ask(SINK_V4, "x.good.test")?.ends_with(b"\xcb\0\x71\x09"));
    assert!(ask(OTHER_V4, "x.good.test")?.ends_with(&AWAY.octets()));
    assert_eq!((server.asked("x.good.test"), other.asked("x.good.test")), (1, 1));
    for (name, from) in [("host.good.test", elsewhere), ("port.good.test", aside)] {
        assert!(ask(SINK_V4, name)?.ends_with(b"\xcb\0\x71\x09"), "the system drops what comes from elsewhere");
        // Who takes what comes from anywhere gets the lie first.
        let came = network.job.within(|| {
            let socket = UdpSocket::bind((JOB_V4, 0))?;
            socket.set_read_timeout(Some(SOON))?;
            socket.send_to(&question(7, name, kind::A, &[]), (SINK_V4, PORT))?;
            let mut buffer = [0; 512];
            let senders = [socket.recv_from(&mut buffer)?.1, socket.recv_from(&mut buffer)?.1];
            Ok(senders)
        })?;
        assert_eq!(came, [from, SocketAddr::new(SINK_V4, PORT)]);
    }
    Ok(())
}

#[test]
fn a_secret_in_names_is_found_however_it_is_cut() -> Result {
    let network = Network::new()?;
    let server = NameServer::start(&network.sink, Zone::new())?;
    let [dotted, pieces, absent] = ["dotted", "pieces", "absent"].map(Canary::fresh);
    let (dotted, pieces, absent) = (dotted?, pieces?, absent?);
    let cut = |canary: &Canary| canary.value().as_bytes().chunks(8).map(<[u8]>::to_vec).collect::<Vec<_>>();
    let names =
        [cut(&dotted).iter().map(|piece| String::from_utf8_lossy(piece).into_owned() + ".").collect::<String>()];
    for name in names.into_iter().chain(cut(&pieces).iter().map(|piece| String::from_utf8_lossy(piece).into_owned())) {
        by_udp(&network, SINK_V4, &question(7, &format!("{}.evil.test", name.trim_end_matches('.')), kind::A, &[]))?;
    }
    assert!(server.wait_for_name(&format!("{}.evil.test", &pieces.value()[32..]), SOON));
    for canary in [dotted, pieces] {
        assert!(canary.is_in(&server.bytes()), "{canary:?}");
    }
    assert_eq!(trace(&[absent], &server.bytes()), None);
    Ok(())
}

#[test]
fn what_is_odd_but_good_is_believed() -> Result {
    let network = Network::new()?;
    let of = |name: &str| format!("{name}.odd.test");
    let zone = hostile::odd_but_good()
        .iter()
        .fold(Zone::new(), |zone, case| zone.raw(&of(case.name), move |question| case.answers(question, AWAY)));
    let _server = NameServer::start(&network.sink, zone)?;
    let names: Vec<_> = hostile::odd_but_good().iter().map(|case| of(case.name)).collect();
    for options in ["timeout:2", "timeout:2 edns0", "use-vc"] {
        let found = found(&network, Resolver::default().options(options), &names)?;
        for case in hostile::odd_but_good() {
            let expected = [kind::A, kind::AAAA].into_iter().flat_map(|kind| case.addresses(kind, AWAY)).collect();
            assert_eq!(found[&of(case.name)], expected, "{}: {}", case.name, case.why);
        }
    }
    Ok(())
}

#[test]
fn what_is_hostile_is_not_believed() -> Result {
    let network = Network::new()?;
    let of = |name: &str| format!("{name}.lie.test");
    let zone = hostile::all()
        .iter()
        .fold(Zone::new(), |zone, case| zone.raw(&of(case.name), move |question| case.answers(question, AWAY)));
    let server = NameServer::start(&network.sink, zone)?;
    let names: Vec<_> = hostile::all().iter().map(|case| of(case.name)).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "each has a name of its own");
    let found = found(&network, Resolver::default().options("timeout:1 attempts:1"), &names)?;
    let lies = [kind::A, kind::AAAA].map(|kind| of_kind(kind, AWAY));
    let believed: Vec<_> =
        names.iter().filter(|name| found[*name].iter().any(|address| lies.contains(address))).collect();
    for name in believed {
        assert!(FORGIVEN.iter().any(|forgiven| of(forgiven) == *name), "{name} was believed");
    }
    assert_eq!(server.asked(BYSTANDER), 0);
    for name in &names {
        assert!(server.asked(name) > 0, "{name} was not asked for");
    }
    Ok(())
}
