//! The resolvers, each with a command line that asks for `$NAME` and answers by its exit status.

use detector_tests::namespace::{SINK_V4, SINK_V6};
use std::net::{IpAddr, Ipv4Addr};

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Server {
    /// A name server of the network.
    Remote(IpAddr),
    /// The same; what it sends over UDP is cut off.
    Truncating,
    /// A name server of the host, at a loopback address, which is not part of the job.
    Local,
    /// dnsmasq there, which asks the network's.
    Dnsmasq,
}

impl Server {
    /// Its address.
    pub(super) fn address(self) -> IpAddr {
        match self {
            Self::Remote(address) => address,
            Self::Truncating => SINK_V4,
            Self::Local => Ipv4Addr::new(127, 0, 0, 53).into(),
            Self::Dnsmasq => Ipv4Addr::LOCALHOST.into(),
        }
    }
}

/// A resolver, and how it is told to ask.
pub(super) struct Resolver {
    pub(super) name: &'static str,
    pub(super) server: Server,
    /// Of `resolv.conf`.
    pub(super) options: &'static str,
    /// A shell's words.
    pub(super) words: &'static str,
    /// Words that print its version.
    pub(super) version: &'static str,
}

const V4: Server = Server::Remote(SINK_V4);
const V6: Server = Server::Remote(SINK_V6);
/// Both kinds of addresses at once, on one socket.
const GETENT: &str = "getent ahosts $NAME";
const GLIBC: &str = "getconf GNU_LIBC_VERSION";
const PYTHON: &str = "python3 -c 'import os, socket; socket.getaddrinfo(os.environ[\"NAME\"], 80)'";
const NODE: &str = "node --version | sed 's/^/node /'";
const GO: &str = "go version | cut -d' ' -f3";

const fn row(
    name: &'static str,
    server: Server,
    options: &'static str,
    words: &'static str,
    version: &'static str,
) -> Resolver {
    Resolver { name, server, options, words, version }
}

/// All of them.
pub(super) const ALL: &[Resolver] = &[
    row("glibc, A and AAAA at once", V4, "", GETENT, GLIBC),
    row("glibc, a server at an IPv6 address", V6, "", GETENT, GLIBC),
    row("glibc, A alone", V4, "", "getent ahostsv4 $NAME", GLIBC),
    row("glibc, `options edns0`", V4, "edns0", GETENT, GLIBC),
    row("glibc, `options single-request`", V4, "single-request", GETENT, GLIBC),
    row("glibc, `options single-request-reopen`", V4, "single-request-reopen", GETENT, GLIBC),
    row("glibc, `options use-vc`", V4, "use-vc", GETENT, GLIBC),
    row("glibc, answers cut off over UDP", Server::Truncating, "", GETENT, GLIBC),
    row("glibc, `gethostbyname`", V4, "", "perl -e 'exit !gethostbyname($ENV{NAME})'", GLIBC),
    row("musl, a static program", V4, "", "\"$MUSL\" $NAME", "rustc --version | cut -d' ' -f1,2"),
    row("Go's own", V4, "", "GODEBUG=netdns=go \"$GO\" $NAME", GO),
    row("Go's own, answers cut off over UDP", Server::Truncating, "", "GODEBUG=netdns=go \"$GO\" $NAME", GO),
    row("Go, by the C library", V4, "", "GODEBUG=netdns=cgo \"$GO\" $NAME", GO),
    row(
        "c-ares, node's `dns.resolve4`",
        V4,
        "",
        "node -e 'require(\"dns\").resolve4(process.env.NAME, error => process.exit(error ? 1 : 0))'",
        NODE,
    ),
    row(
        "node's `dns.lookup`",
        V4,
        "",
        "node -e 'require(\"dns\").lookup(process.env.NAME, { all: true }, error => process.exit(error ? 1 : 0))'",
        NODE,
    ),
    row("python's `getaddrinfo`", V4, "", PYTHON, "python3 --version"),
    row(
        "perl's `getaddrinfo`",
        V4,
        "",
        "perl -MSocket=getaddrinfo -e 'my ($error) = getaddrinfo($ENV{NAME}, 80); exit !!$error'",
        "perl -e 'print \"perl $^V\"'",
    ),
    // Nobody listens at that port: of interest is the question.
    row(
        "curl's threads",
        V4,
        "",
        "{ curl -s --max-time 5 -o /dev/null http://$NAME:9; test $? = 7; }",
        "curl --version | head -n 1 | cut -d' ' -f1,2",
    ),
    row("busybox `nslookup`", V4, "", "busybox nslookup $NAME", "busybox | head -n 1 | cut -d' ' -f1,2"),
    row("glibc, a server of the host at 127.0.0.53", Server::Local, "", GETENT, GLIBC),
    row("glibc, dnsmasq at 127.0.0.1", Server::Dnsmasq, "", GETENT, "dnsmasq --version | head -n 1 | cut -d' ' -f1-3"),
];

/// Services of the host that are asked over a unix socket: how, and whether they are learned from and refused. `--test services` holds
/// them to it.
pub(super) const SERVICES: &[(&str, &str)] = &[
    ("nscd, by the C library", "| unix socket | no | found, **not refused** |"),
    ("systemd-resolved, by the call of `nss-resolve`", "| unix socket | no | found, **not refused** |"),
];

/// What could not be run where the page was made, and what follows from how it works.
pub(super) const UNTESTED: &[(&str, &str)] = &[
    (
        "systemd-resolved's stub at 127.0.0.53",
        "it needs systemd; asked over UDP, the stub is a server of the host as above",
    ),
    (
        "systemd-resolved over D-Bus (`resolvectl`, `busctl`), sssd",
        "a unix socket that is not looked into: nothing would be learned, and what a holder asks would leave as the daemon's own question, unseen",
    ),
    (
        "avahi (`mdns4_minimal`)",
        "a unix socket that is not looked into: it asks the local network for names below `local`, which nobody learns",
    ),
    (
        "DNS over TLS or HTTPS by a program itself",
        "encrypted: nothing would be learned; to ask is to send to the server's address",
    ),
];
