//! Records into events: the only place where the kernel side's bytes are interpreted.

use crate::{
    event::{
        Access, Actor, Attempt, Body, Call, Door, Drop, Event, Exec, Exit, File, Flow, Fork, HolderId, Kernel, Kill,
        Name, Network, Object, Open, Outcome, Print, Probe, Process, Protocol, Question, Relation, Script, Service,
        StepId, Stream, Workdir,
    },
    network::Request,
    secret::redact,
};
use detector_common::{
    identity::{ObjectKey, ProcessId},
    limits::{ARGV_BYTES, NAME_BYTES},
    record::{self, Header, kind},
    service,
    watch::{Component, door},
};
use std::{
    ffi::OsStr,
    mem::offset_of,
    net::{IpAddr, Ipv6Addr},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};
use zerocopy::FromBytes;

/// `inode.i_mode & S_IFMT` of a pipe (inode(7)).
const S_IFIFO: u32 = 0o010_000;
const S_IFSOCK: u32 = 0o140_000;
const S_IFMT: u32 = 0o170_000;

/// Why a record could not be decoded: the two sides do not fit together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a record of kind {kind} and {len} bytes is not one of this version")]
pub struct DecodeError {
    kind: u16,
    len: usize,
}

/// The event in `bytes`, its `seq` left 0; none where a service of the host is asked for something that is no name. `known` says of a
/// host's name how many of its last labels are no secret.
///
/// # Errors
/// When kind, length or a number in it is none that this version knows.
pub fn decode(bytes: &[u8], known: impl Fn(&str) -> usize) -> Result<Option<Event>, DecodeError> {
    let header = Header::read_from_prefix(bytes).map(|(header, _)| header);
    let kind = header.as_ref().map_or(0, |header| header.kind);
    let error = || DecodeError { kind, len: bytes.len() };
    let header = header.map_err(|_short| error())?;
    let host = |name: String| redact::host(&name, known(&name));
    let told = if kind == kind::REQUEST {
        request(bytes, host).ok_or_else(error)?
    } else {
        Some(body(kind, bytes, |bytes| redact::name(bytes).map(host)).ok_or_else(error)?)
    };
    let event = |(body, kernel)| Event { seq: 0, time: header.time, actor: Some(actor(&header)), body, kernel };
    Ok(told.map(event))
}

/// What a service of the host was asked; none where it was for no name.
fn request(bytes: &[u8], host: impl Fn(String) -> String) -> Option<Option<(Body, Option<Kernel>)>> {
    let record = whole::<record::Request>(bytes)?;
    let service = match record.service {
        service::NSCD => Service::Nscd,
        service::RESOLVED => Service::SystemdResolved,
        _ => return None,
    };
    let name = match Request::of(service, record.bytes.get(..record.len as usize)?, record.whole != 0) {
        Request::Other => return Some(None),
        Request::Unreadable => String::new(),
        Request::Name(name) => host(name),
    };
    let question = Question { name, server: None, service: Some(service), socket: 0, outcome: Outcome::Passed };
    let decision = Kernel { bits: record.held, ..Kernel::default() };
    Some(Some((Body::Question(question), decided(decision))))
}

/// When the record in `bytes` was made, `CLOCK_BOOTTIME` nanoseconds.
pub fn time(bytes: &[u8]) -> u64 {
    Header::read_from_prefix(bytes).map_or(0, |(header, _)| header.time)
}

fn body(kind: u16, bytes: &[u8], host: impl Fn(&[u8]) -> Option<String>) -> Option<(Body, Option<Kernel>)> {
    Some(match kind {
        kind::FORK => {
            let record = whole::<record::Fork>(bytes)?;
            let fork = Fork { child: process(&record.child), holder: HolderId(record.holder), step: record.step };
            (Body::Fork(fork), sets(record.sets))
        }
        kind::EXEC => {
            let record = padded::<record::Exec>(bytes, offset_of!(record::Exec, path))?;
            (Body::Exec(exec(&record)?), sets(record.sets))
        }
        kind::SCRIPT => (Body::Script(Script { program: number(whole::<record::Script>(bytes)?.program)? }), None),
        kind::WORKDIR => {
            let record = padded::<record::Workdir>(bytes, offset_of!(record::Workdir, path))?;
            let path = if record.path.steps == 0 && record.path.cut != 0 { String::new() } else { path(&record.path) };
            (Body::Workdir(Workdir { path }), None)
        }
        kind::EXIT => {
            let record = whole::<record::Exit>(bytes)?;
            (Body::Exit(Exit { code: byte(record.status >> 8), signal: byte(record.status & 0x7f) }), None)
        }
        kind::OPEN => {
            let record = padded::<record::Open>(bytes, offset_of!(record::Open, path))?;
            let open = Open {
                path: path(&record.path),
                file: file(&record.file),
                read: record.access & 1 != 0,
                write: record.access & 2 != 0,
            };
            (Body::Open(open), decided(Kernel { bits: record.bits, soft: record.sdk, ..Kernel::default() }))
        }
        kind::ATTEMPT => {
            let record = whole::<record::Attempt>(bytes)?;
            let path = record.path.get(..record.len as usize)?;
            let (path, call) = (redact::path(path), probe(record.call)?);
            (
                Body::Attempt(Attempt { path, errno: record.errno, call, nested: record.nested != 0, program: None }),
                None,
            )
        }
        kind::ACCESS => {
            let record = whole::<record::Access>(bytes)?;
            let access = Access {
                door: door_of(record.door)?,
                target: process(&record.target),
                relation: relation(record.relation)?,
                program: None,
                errno: record.errno,
            };
            (Body::Access(access), decided(Kernel { bits: record.bits, ..Kernel::default() }))
        }
        kind::GIVE | kind::TAKE => {
            let record = whole::<record::Flow>(bytes)?;
            let flow = Flow {
                object: object(&record.object, record.mode),
                given: record.given,
                plain: record.flags & record::flow::PLAIN != 0,
                handed: record.flags & record::flow::HANDED != 0,
                mapped: record.flags & record::flow::MAPPED != 0,
            };
            let body = if kind == kind::GIVE { Body::Give(flow) } else { Body::Take(flow) };
            (body, decided(Kernel { bits: record.bits, inherited: record.inherited, ..Kernel::default() }))
        }
        kind::PRINT => {
            let record = whole::<record::Print>(bytes)?;
            let outcome = match record.denied {
                record::print::PASSES => Outcome::Passed,
                record::print::REFUSED => Outcome::Refused,
                record::print::MASKED => Outcome::Masked,
                _ => return None,
            };
            let decision = Kernel { bits: record.held, leak: record.leak, ..Kernel::default() };
            (Body::Print(Print { bytes: record.bytes, outcome }), decided(decision))
        }
        kind::NETWORK => {
            let record = whole::<record::Network>(bytes)?;
            let decision = Kernel { bits: record.held, leak: record.leak, weak: record.weak, ..Kernel::default() };
            (Body::Network(network(&record)?), decided(decision))
        }
        kind::DROP => {
            let record = whole::<record::Drop>(bytes)?;
            let drop = Drop {
                address: address(record.address),
                port: record.port,
                socket: record.cookie,
                bytes: record.bytes,
                dropped: record.denied != 0,
            };
            (Body::Drop(drop), decided(Kernel { bits: record.leak, leak: record.leak, ..Kernel::default() }))
        }
        kind::NAME => {
            let record = short::<record::Name>(bytes, offset_of!(record::Name, addresses))?;
            let addresses = record.addresses.get(..record.count as usize)?;
            let addresses = addresses.iter().map(|bytes| address(*bytes)).collect();
            let name = host(record.name.get(..record.len as usize)?)?;
            let decision = Kernel { bits: record.anyone, own: record.own, ..Kernel::default() };
            (Body::Name(Name { name, addresses }), decided(decision))
        }
        kind::QUESTION => {
            let record = whole::<record::Question>(bytes)?;
            let name = record.name.get(..record.len as usize)?;
            let question = Question {
                name: if name.is_empty() { String::new() } else { host(name)? },
                server: Some(address(record.address)),
                service: None,
                socket: record.cookie,
                outcome: if record.denied == 0 { Outcome::Passed } else { Outcome::Refused },
            };
            let decision = Kernel { bits: record.held, leak: record.leak, weak: record.weak, ..Kernel::default() };
            (Body::Question(question), decided(decision))
        }
        kind::KILL => (Body::Kill(Kill { errno: whole::<record::Kill>(bytes)?.errno }), None),
        _ => return None,
    })
}

fn whole<T: FromBytes>(bytes: &[u8]) -> Option<T> {
    T::read_from_bytes(bytes).ok()
}

/// A record that ends with a path, of which only the components in use are sent.
fn padded<T: FromBytes>(bytes: &[u8], path: usize) -> Option<T> {
    short(bytes, path + offset_of!(record::Path, components))
}

/// A record of which at least `head` bytes are sent: what is missing is zero.
fn short<T: FromBytes>(bytes: &[u8], head: usize) -> Option<T> {
    if bytes.len() < head || bytes.len() > size_of::<T>() {
        return None;
    }
    let mut whole = vec![0; size_of::<T>()];
    whole[..bytes.len()].copy_from_slice(bytes);
    T::read_from_bytes(&whole).ok()
}

fn decided(decision: Kernel) -> Option<Kernel> {
    (decision != Kernel::default()).then_some(decision)
}

/// Sets in the order of `detector_common::judge::Sets`.
fn sets([held, own, soft, inherited]: [u64; 4]) -> Option<Kernel> {
    decided(Kernel { bits: held, own, soft, inherited, ..Kernel::default() })
}

fn number(program: u32) -> Option<u16> {
    u16::try_from(program).ok()
}

fn exec(record: &record::Exec) -> Option<Exec> {
    let len = record.argv_len as usize;
    Some(Exec {
        before: HolderId(record.before),
        entered: (record.entered != u64::MAX).then_some(record.entered),
        path: path(&record.path),
        file: file(&record.file),
        // Who holds a secret may have put it into the arguments in any shape.
        argv: redact::argv(&record.argv[..len.min(ARGV_BYTES)], record.sets.iter().any(|set| *set != 0)),
        argv_cut: u32::try_from(len.saturating_sub(ARGV_BYTES)).unwrap_or(u32::MAX),
        uid: record.uid,
        program: number(record.program)?,
        script: number(record.script)?,
        skip: record.skip,
        injected: record.injected != 0,
        fresh: record.fresh != 0,
        copied: record.copied,
        stdout: stream(record.stdout),
        line: number(record.line)?,
    })
}

/// `inode.i_mode & S_IFMT` (inode(7)).
fn stream(mode: u32) -> Stream {
    match mode & S_IFMT {
        0 => Stream::None,
        S_IFIFO => Stream::Pipe,
        0o100_000 => Stream::File,
        S_IFSOCK => Stream::Socket,
        _ => Stream::Device,
    }
}

fn network(record: &record::Network) -> Option<Network> {
    Some(Network {
        call: match record.hook {
            record::hook::CONNECT => Call::Connect,
            record::hook::SENDMSG => Call::SendTo,
            record::hook::SEND => Call::Send,
            record::hook::PACKET => Call::Packet,
            _ => return None,
        },
        address: address(record.address),
        port: record.port,
        // MPTCP is 262 in `sk_protocol`, UDP-Lite 136 (include/uapi/linux/in.h).
        protocol: match record.protocol {
            6 | 262 => Protocol::Tcp,
            17 | 136 => Protocol::Udp,
            other => Protocol::Other(other),
        },
        socket: record.cookie,
        outcome: match record.denied {
            0 => Outcome::Passed,
            1 => Outcome::Refused,
            2 => Outcome::Quarantined,
            _ => return None,
        },
    })
}

fn actor(header: &Header) -> Actor {
    Actor {
        job: header.job,
        step: header.step,
        process: process(&header.process),
        thread: header.thread,
        holder: HolderId(header.holder),
    }
}

fn process(id: &ProcessId) -> Process {
    Process { pid: id.pid, start: id.start }
}

fn file(file: &record::File) -> File {
    File { device: file.device, inode: file.inode, generation: file.generation }
}

fn object(key: &ObjectKey, mode: u32) -> Object {
    let file = File { device: key.device, inode: key.inode, generation: key.generation };
    match mode & S_IFMT {
        S_IFIFO => Object::Pipe(file),
        S_IFSOCK => Object::Socket(file),
        _ => Object::File(file),
    }
}

fn address(bytes: [u8; 16]) -> IpAddr {
    Ipv6Addr::from(bytes).to_canonical()
}

fn byte(value: u32) -> u8 {
    u8::try_from(value & 0xff).unwrap_or(0)
}

/// The path of a walk, root first.
fn path(path: &record::Path) -> String {
    let steps = (path.steps as usize).min(path.components.len());
    let mut text = if path.cut == 0 { String::new() } else { "…".to_owned() };
    for component in path.components[..steps].iter().rev() {
        text.push('/');
        text.push_str(&redact::component(name(component)));
        if usize::from(component.len) > NAME_BYTES {
            text.push('…');
        }
    }
    if text.is_empty() { "/".to_owned() } else { text }
}

/// The path of the file that the record in `bytes` says was opened, where it is known whole: as it is, and not to be shown.
pub fn opened(bytes: &[u8]) -> Option<PathBuf> {
    let (header, _) = Header::read_from_prefix(bytes).ok()?;
    if header.kind != kind::OPEN {
        return None;
    }
    let record::Open { path, .. } = padded(bytes, offset_of!(record::Open, path))?;
    let components = path.components.get(..path.steps as usize)?;
    if path.cut != 0 || components.iter().any(|component| usize::from(component.len) > NAME_BYTES) {
        return None;
    }
    let names = components.iter().rev().map(|component| OsStr::from_bytes(name(component)));
    Some(Path::new("/").join(names.collect::<PathBuf>()))
}

/// What a record is about, as far as it is needed to sort it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glance {
    /// The step that acts.
    pub step: StepId,
    /// The process that acts.
    pub process: Process,
    /// What it does.
    pub about: About,
}

/// See [`Glance`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// It forks.
    Fork {
        /// The child.
        child: Process,
        /// The child's step.
        step: StepId,
    },
    /// The directory in which a step begins.
    Workdir,
    /// It ends.
    Exit,
    /// Addresses are a name's from now on, for the whole job.
    Name,
    /// Anything else.
    Other,
}

/// What the record in `bytes` is about; none where it is no record.
pub fn glance(bytes: &[u8]) -> Option<Glance> {
    let (header, _) = Header::read_from_prefix(bytes).ok()?;
    let about = match header.kind {
        kind::FORK => {
            let fork = whole::<record::Fork>(bytes)?;
            About::Fork { child: process(&fork.child), step: fork.step }
        }
        kind::WORKDIR => About::Workdir,
        kind::EXIT => About::Exit,
        kind::NAME => About::Name,
        _ => About::Other,
    };
    Some(Glance { step: header.step, process: process(&header.process), about })
}

/// The directory in which a step begins, where the record in `bytes` tells it whole: as it is, and not to be shown. Of a long name
/// that is its start and its length.
pub fn workdir(bytes: &[u8]) -> Option<Vec<u8>> {
    let (header, _) = Header::read_from_prefix(bytes).ok()?;
    if header.kind != kind::WORKDIR {
        return None;
    }
    let record::Workdir { path, .. } = padded(bytes, offset_of!(record::Workdir, path))?;
    let components = path.components.get(..path.steps as usize)?;
    let mut whole = Vec::new();
    for component in components.iter().rev() {
        whole.push(b'/');
        whole.extend_from_slice(name(component));
        if usize::from(component.len) > NAME_BYTES {
            whole.extend_from_slice(format!("…{}", component.len).as_bytes());
        }
    }
    (path.cut == 0).then_some(whole)
}

/// What a process runs from now on, as the kernel has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Path of the program; only its end where it is deep.
    pub executable: Vec<u8>,
    /// Arguments, each ended by NUL; cut where they are long.
    pub argv: Vec<u8>,
    /// Effective user.
    pub uid: u32,
}

/// What the record in `bytes` says that a process runs, where it is of an exec: as it is, and not to be shown.
pub fn image(bytes: &[u8]) -> Option<Image> {
    let (header, _) = Header::read_from_prefix(bytes).ok()?;
    if header.kind != kind::EXEC {
        return None;
    }
    let record::Exec { path, argv, argv_len, uid, .. } = padded(bytes, offset_of!(record::Exec, path))?;
    let components = path.components.get(..path.steps as usize)?;
    let executable = components.iter().rev().flat_map(|component| [b"/", name(component)].concat()).collect();
    Some(Image { executable, argv: argv.get(..(argv_len as usize).min(ARGV_BYTES))?.to_vec(), uid })
}

fn name(component: &Component) -> &[u8] {
    &component.name[..usize::from(component.len).min(NAME_BYTES)]
}

fn door_of(number: u32) -> Option<Door> {
    Some(match number {
        door::MEM => Door::Mem,
        door::ENVIRON => Door::Environ,
        door::MAPS => Door::Maps,
        door::SMAPS => Door::Smaps,
        door::PAGEMAP => Door::Pagemap,
        door::AUXV => Door::Auxv,
        door::VM_READ => Door::ProcessVmRead,
        door::PTRACE_ATTACH => Door::PtraceAttach,
        door::PTRACE_SEIZE => Door::PtraceSeize,
        door::METADATA => Door::Metadata,
        door::KCORE => Door::Kcore,
        door::DEVICE => Door::MemoryDevice,
        door::PERF => Door::PerfEvent,
        _ => return None,
    })
}

fn relation(number: u32) -> Option<Relation> {
    Some(match number {
        record::relation::OUTSIDE => Relation::Outside,
        record::relation::DESCENDANT => Relation::Descendant,
        record::relation::JOB => Relation::Job,
        record::relation::UNKNOWN => Relation::Unknown,
        record::relation::OWN => Relation::Own,
        _ => return None,
    })
}

fn probe(number: u32) -> Option<Probe> {
    Some(match number {
        record::probe::OPEN => Probe::Open,
        record::probe::STAT => Probe::Stat,
        record::probe::ACCESS => Probe::Access,
        record::probe::READLINK => Probe::Readlink,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::IntoBytes;

    fn open(path: &[&str], cut: bool) -> Vec<u8> {
        let mut record = record::Open::read_from_bytes(&vec![0; size_of::<record::Open>()]).unwrap();
        record.header.kind = kind::OPEN;
        record.access = 1;
        record.path.steps = u32::try_from(path.len()).unwrap();
        record.path.cut = u32::from(cut);
        for (slot, name) in record.path.components.iter_mut().zip(path.iter().rev()) {
            *slot = Component::new(name.as_bytes());
        }
        let used = size_of::<record::Open>() - (record.path.components.len() - path.len()) * size_of::<Component>();
        record.as_bytes()[..used].to_vec()
    }

    fn path_of(bytes: &[u8]) -> String {
        match decode(bytes, |_| 0).unwrap().unwrap().body {
            Body::Open(open) => open.path,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_walk_becomes_a_path() {
        assert_eq!(path_of(&open(&["root", ".aws", "credentials"], false)), "/root/.aws/credentials");
        assert_eq!(path_of(&open(&["deep", "x"], true)), "…/deep/x");
        assert_eq!(path_of(&open(&[], false)), "/");
    }

    fn request(service: u32, sent: &[u8], whole: bool) -> Vec<u8> {
        let mut record = record::Request::read_from_bytes(&[0; size_of::<record::Request>()]).unwrap();
        record.header.kind = kind::REQUEST;
        (record.held, record.service, record.whole) = (5, service, u32::from(whole));
        record.len = u32::try_from(sent.len()).unwrap();
        record.bytes[..sent.len()].copy_from_slice(sent);
        record.as_bytes().to_vec()
    }

    #[test]
    fn a_request_becomes_a_question_where_it_is_for_a_name() {
        let head = |kind: u8, len: u8| [2, 0, 0, 0, kind, 0, 0, 0, len, 0, 0, 0];
        let asked = [&head(14, 28)[..], b"4eadbeef00112233.evil.test\n\0"].concat();
        let event = decode(&request(service::NSCD, &asked, true), |_| 0).unwrap().unwrap();
        let Body::Question(question) = event.body else { panic!("{event:?}") };
        assert_eq!((question.service, question.server), (Some(Service::Nscd), None));
        assert_eq!(question.name, "‹redacted:16›.evil.test\\010");
        assert_eq!(event.kernel, decided(Kernel { bits: 5, ..Kernel::default() }));
        // A user is no name of a host.
        let user = [&head(0, 5)[..], b"root\0"].concat();
        assert_eq!(decode(&request(service::NSCD, &user, true), |_| 0), Ok(None));
        let unreadable = decode(&request(service::RESOLVED, b"{", true), |_| 0).unwrap().unwrap();
        assert!(matches!(unreadable.body, Body::Question(Question { ref name, .. }) if name.is_empty()));
        assert!(decode(&request(3, &user, true), |_| 0).is_err());
        let mut long = request(service::NSCD, &user, true);
        long[size_of::<Header>() + 12] = 0xff;
        long[size_of::<Header>() + 13] = 0xff;
        assert!(decode(&long, |_| 0).is_err());
    }

    #[test]
    fn a_file_is_found_where_it_is() {
        let hidden = "detector-x7Kq93hd82nD";
        assert_eq!(opened(&open(&["a\nb", hidden, "config"], false)), Some(format!("/a\nb/{hidden}/config").into()));
        assert_eq!(opened(&open(&["config"], true)), None, "the root is not known");
        let long = "a".repeat(NAME_BYTES + 1);
        assert_eq!(opened(&open(&[&long], false)), None, "the name is not known");
        assert_eq!(opened(&open(&["config"], false)[..20]), None);
    }

    #[test]
    fn hostile_names_are_escaped() {
        let path = path_of(&open(&["a\n::error::b\u{1b}[31m"], false));
        assert!(!path.contains('\n') && !path.contains('\u{1b}'), "{path}");
    }

    #[test]
    fn cut_and_unknown_records_are_errors() {
        let bytes = open(&["a"], false);
        for len in 0..60 {
            assert!(decode(&bytes[..len], |_| 0).is_err(), "{len}");
        }
        let mut unknown = bytes;
        unknown[0] = 0xee;
        assert!(decode(&unknown, |_| 0).is_err());
    }
}
