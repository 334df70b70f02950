//! Answers that are unusual and yet right.

use super::{BYSTANDER, Case, Told, pointer};
use crate::{
    name_server::{
        message::{Part, Record, kind, of_kind},
        name::Name,
    },
    namespace::SINK_V4,
};
use std::net::Ipv4Addr;

/// The case with several addresses.
pub(super) const MANY: &str = "thirteen-addresses";
/// How many.
pub(super) const HOW_MANY: u32 = 13;

const DNAME: u16 = 39;
const RRSIG: u16 = 46;
/// Flags: the server knows by itself; the server has checked; no work is done for others.
const AA: u16 = 0x0400;
const AD: u16 = 0x0020;
const RA: u16 = 0x0080;

pub(super) const ALL: &[Case] = &[
    Case { name: "usual", why: "nothing", build: |told| told.changed(|_| ()) },
    Case { name: "in-full", why: "no name is written in short", build: |told| told.changed(|m| m.compressed = false) },
    Case {
        name: "mixed-case",
        why: "the case of letters is not that of the question",
        build: |told| {
            let mixed = told.name.in_mixed_case();
            told.changed(|m| {
                m.questions[0].name = mixed.clone();
                m.answers[0].owner = Part::Name(mixed);
            })
        },
    },
    Case {
        name: "case-along-the-chain",
        why: "the case of letters changes along the chain",
        build: |told| {
            let edge = Name::from("edge.test");
            told.saying([Record::alias(told.name.clone(), edge.clone()), told.at(&edge.in_mixed_case())])
        },
    },
    Case { name: "chain-of-eight", why: "seven names lead to the eighth", build: chain },
    Case {
        name: MANY,
        why: "there are thirteen addresses",
        build: |told| {
            let more = |n| Ipv4Addr::from(u32::from(told.v4) + n);
            told.saying((0..HOW_MANY).map(|n| Record::address(told.name.clone(), of_kind(told.kind, more(n)))))
        },
    },
    Case {
        name: "twice",
        why: "the same record comes twice",
        build: |told| told.saying([told.at(&told.name), told.at(&told.name)]),
    },
    Case {
        name: "opt-first",
        why: "OPT, with an option that nobody knows, comes before other records that are to help",
        build: |told| {
            told.changed(|m| {
                // Who did not send OPT gets none.
                let option = vec![Part::Raw(b"\xff\xde\0\x03abc".to_vec())];
                m.additional.extend(told.edns.then(|| Record { data: option, ..Record::edns() }));
                m.additional.push(Record::address("ns.test".into(), SINK_V4));
            })
        },
    },
    Case {
        name: "authority",
        why: "it says who knows, and where they are",
        build: |told| {
            told.changed(|m| {
                for server in ["ns.test", "ns2.test"] {
                    m.authority.push(Record::new("test".into(), kind::NS, vec![Part::Name(server.into())]));
                    m.additional.push(Record::address(server.into(), SINK_V4));
                }
            })
        },
    },
    Case {
        name: "unknown-between",
        why: "records of other types come between",
        build: |told| {
            let edge = Name::from("edge.test");
            // By the root, whose name stands at the nineteenth place.
            let signed = [&[7; 18][..], &[0], &[7; 21]].concat();
            let signature = |name: &Name| Record::new(name.clone(), RRSIG, vec![Part::Raw(signed.clone())]);
            told.saying([
                Record::new(told.name.clone(), kind::UNKNOWN, Vec::new()),
                Record::alias(told.name.clone(), edge.clone()),
                signature(&told.name),
                Record::new(BYSTANDER.into(), kind::UNKNOWN, vec![Part::Raw(vec![0xc0; 9])]),
                told.at(&edge),
                signature(&edge),
            ])
        },
    },
    Case {
        name: "whole-branch",
        why: "the whole branch of names is another's (DNAME), and the alias follows from that",
        build: |told| {
            let branch = told.name.parent().unwrap_or_default();
            let label =
                told.name.labels().first().map_or_else(String::new, |l| String::from_utf8_lossy(l).into_owned());
            let edge = Name::from("edge.test");
            told.saying([
                Record::new(branch, DNAME, vec![Part::Raw(edge.wire())]),
                Record::alias(told.name.clone(), edge.child(&label)),
                told.at(&edge.child(&label)),
            ])
        },
    },
    Case {
        name: "pointer-to-a-pointer",
        why: "a name in short stands for another that is in short",
        build: |told| {
            let unknown = Record::new(told.name.clone(), kind::UNKNOWN, Vec::new());
            told.saying([unknown, Record { owner: Part::Raw(pointer(told.first())), ..told.at(&told.name) }])
        },
    },
    Case {
        name: "kept-for-ever",
        why: "the time that it may be kept has the top bit, which means no time at all",
        build: |told| told.changed(|m| m.answers[0].ttl = u32::MAX),
    },
    Case {
        name: "other-flags",
        why: "the server knows by itself, has checked, and does no work for others",
        build: |told| told.changed(|m| m.flags = (m.flags | AA | AD) & !RA),
    },
];

/// Each end of each name was written before.
fn chain(told: &Told) -> Vec<Vec<u8>> {
    let edge = Name::from("edge.test");
    let names: Vec<Name> =
        std::iter::once(told.name.clone()).chain((2..=8).map(|n| edge.child(&format!("e{n}")))).collect();
    let aliases = names.windows(2).map(|pair| Record::alias(pair[0].clone(), pair[1].clone()));
    told.saying(aliases.chain([told.at(&names[7])]))
}
