//! From a question to the bytes of its answers.

use super::{
    message::{EDNS, Message, Query, Record, TC, kind, takes},
    name::Name,
    zone::{Case, Zone},
};
use crate::sink::Transport;

const FORMAT: u16 = 1;
const NO_SUCH_NAME: u16 = 3;
const NOT_DONE: u16 = 4;
/// Names of a chain that are followed.
const CHAIN: usize = 32;
/// Bytes of a datagram that every asker takes.
const PLAIN: u16 = 512;

/// The answers to a question; none to what is no question.
pub(super) fn answers(zone: &Zone, question: &[u8], transport: Transport) -> Vec<Vec<u8>> {
    let Some(mut reply) = Message::reply_to(question) else { return Vec::new() };
    let query = reply.questions[0].clone();
    if let Some(raw) = zone.find(&query.name).and_then(|entry| entry.raw.as_ref()) {
        return raw(question);
    }
    let (flags, queries) = ([question[2], question[3]], [question[4], question[5]]);
    match (flags[0] & 0x80, flags[0] & 0x78, queries) {
        // An answer is not answered.
        (0x80, ..) => return Vec::new(),
        (_, 0, [0, 1]) => fill(&mut reply, zone, &query),
        (_, 0, _) => reply.flags |= FORMAT,
        _ => reply.flags |= NOT_DONE,
    }
    let edns = takes(question);
    if edns.is_some() {
        reply.additional.push(Record::edns());
    }
    let manner = zone.manner_for(&query.name);
    reply.compressed = !manner.uncompressed;
    if manner.case == Case::Mixed {
        reply.questions[0].name = query.name.in_mixed_case();
    }
    let bytes = reply.write();
    let room = edns.map_or(PLAIN, |takes| takes.clamp(PLAIN, EDNS));
    if transport == Transport::Udp && (manner.truncated || bytes.len() > usize::from(room)) {
        reply.flags |= TC;
        reply.answers.clear();
        reply.authority.clear();
        return vec![reply.write()];
    }
    vec![bytes]
}

/// What the zone says, along the chain of names.
fn fill(reply: &mut Message, zone: &Zone, query: &Query) {
    let manner = zone.manner_for(&query.name);
    let written = |name: &Name| if manner.case == Case::Mixed { name.in_mixed_case() } else { name.clone() };
    let mut owner = query.name.clone();
    for _ in 0..CHAIN {
        let Some(entry) = zone.find(&owner) else {
            reply.flags |= NO_SUCH_NAME;
            break;
        };
        reply.flags |= u16::from(entry.code & 0xf);
        let addresses = entry.addresses.iter().map(|&address| Record::address(written(&owner), address));
        reply.answers.extend(addresses.filter(|record| record.kind == query.kind));
        let Some(target) = &entry.alias else { break };
        reply.answers.push(Record::alias(written(&owner), written(target)));
        if query.kind == kind::CNAME {
            break;
        }
        owner = target.clone();
    }
    reply.answers.iter_mut().for_each(|record| record.ttl = manner.ttl);
    // Who says nothing says from which zone, and for how long.
    if reply.answers.last().is_none_or(|last| last.kind != query.kind) {
        reply.authority.push(Record::start("test".into(), manner.ttl));
    }
}
