//! Answers that must not be trusted.

use super::{BYSTANDER, Case, Told, pointer};
use crate::{
    name_server::{
        message::{IN, Part, QR, Query, Record, TC, kind},
        name::Name,
    },
    namespace::SINK_V4,
};

/// A class that nothing is of.
const CH: u16 = 3;
const TXT: u16 = 16;
const STATUS: u16 = 2 << 11;

macro_rules! cases {
    ($($name:literal: $why:literal, $build:expr;)*) => { &[$(Case { name: $name, why: $why, build: $build }),*] };
}

pub(super) const ALL: &[Case] = cases! {
    // To whom.
    "other-id": "it answers another question", |told| told.changed(|m| m.id ^= 1);
    "other-question": "it answers for another name", |told| told.changed(|m| m.questions[0].name = BYSTANDER.into());
    "other-question-and-name": "it answers for another name, and only for that", |told| told.changed(|m| {
        m.questions[0].name = BYSTANDER.into();
        m.answers[0].owner = Part::Name(BYSTANDER.into());
    });
    "other-kind-of-question": "it answers for other records", |told| told.changed(|m| m.questions[0].kind = TXT);
    "other-class-of-question": "it answers for another class", |told| told.changed(|m| m.questions[0].class = CH);
    "two-questions": "nobody asks two questions at once", |told| told.changed(|m| {
        m.questions.push(Query { name: BYSTANDER.into(), kind: told.kind, class: IN });
    });
    "two-questions-the-other-first": "nobody asks two questions at once", |told| told.changed(|m| {
        m.questions.insert(0, Query { name: BYSTANDER.into(), kind: told.kind, class: IN });
    });
    "no-question": "it does not say what it answers", |told| told.changed(|m| m.questions.clear());
    "second-answer": "the question was answered before", |told| {
        [vec![told.empty.write()], told.saying([told.at(&told.name)])].concat()
    };
    // What it is.
    "a-question": "it is a question itself (QR)", |told| told.changed(|m| m.flags &= !QR);
    "other-opcode": "it is an answer to no query (opcode STATUS)", |told| told.changed(|m| m.flags |= STATUS);
    "no-such-name": "its code says that the name does not exist", |told| told.changed(|m| m.flags |= 3);
    "failed": "its code says that the server failed", |told| told.changed(|m| m.flags |= 2);
    "refused": "its code says that the server refuses", |told| told.changed(|m| m.flags |= 5);
    "extended-code": "its code says, in the part that OPT holds, that the version is unknown", |told| told.changed(|m| {
        m.additional.push(Record { ttl: 1 << 24, ..Record::edns() });
    });
    "cut-off": "it says that it is cut off", |told| told.changed(|m| m.flags |= TC);
    // About whom.
    "bystander": "nobody asked for the name of its record", |told| told.saying([told.at(&BYSTANDER.into())]);
    "bystander-behind": "nobody asked for the name of its second record", |told| {
        told.saying([Record::address(told.name.clone(), SINK_V4), told.at(&BYSTANDER.into())])
    };
    "bystander-additional": "nobody asked for the name of what is to help", |told| told.changed(|m| {
        m.answers = vec![Record::address(told.name.clone(), SINK_V4)];
        m.additional.push(told.at(&BYSTANDER.into()));
    });
    "only-authority": "what says who knows is no answer", |told| told.changed(|m| m.authority = std::mem::take(&mut m.answers));
    "only-additional": "what is to help is no answer", |told| told.changed(|m| m.additional = std::mem::take(&mut m.answers));
    "name-below": "a name below is another name", |told| told.saying([told.at(&told.name.child("x"))]);
    "name-above": "a name above is another name", |told| told.saying([told.at(&told.name.parent().unwrap_or_default())]);
    "name-of-a-wildcard": "the wildcard itself is another name", |told| {
        told.saying([told.at(&told.name.parent().unwrap_or_default().child("*"))])
    };
    "dot-in-a-label": "one label with a dot in it reads like two, and is another name", |told| {
        told.saying([told.at(&Name::new([told.name.to_string()]))])
    };
    "zero-in-a-label": "a name that goes on after a zero byte is another name", |told| {
        let mut labels = told.name.labels().to_vec();
        labels.last_mut().into_iter().for_each(|label| label.extend_from_slice(b"\0x"));
        told.saying([told.at(&Name::new(labels))])
    };
    "class-of-the-record": "a record of another class is no address", |told| told.changed(|m| m.answers[0].class = CH);
    "kind-of-the-record": "nobody asked for records of this kind", |told| told.changed(|m| {
        m.answers[0].kind = if told.kind == kind::A { kind::AAAA } else { kind::A };
    });
    // Chains.
    "chain-to-another": "the chain leads to another name", |told| {
        told.saying([Record::alias(told.name.clone(), "edge.test".into()), told.at(&BYSTANDER.into())])
    };
    "chain-in-a-circle": "the chain leads to where it began", |told| told.saying([
        Record::alias(told.name.clone(), "edge.test".into()),
        Record::alias("edge.test".into(), told.name.clone()),
        told.at(&BYSTANDER.into()),
    ]);
    "chain-to-itself": "the name is its own alias", |told| {
        told.saying([Record::alias(told.name.clone(), told.name.clone()), told.at(&BYSTANDER.into())])
    };
    "chain-from-behind": "the address comes before the name that leads to it", |told| {
        told.saying([told.at(&"edge.test".into()), Record::alias(told.name.clone(), "edge.test".into())])
    };
    "chain-of-help": "the end of the chain is only among what is to help", |told| told.changed(|m| {
        m.answers = vec![Record::alias(told.name.clone(), "edge.test".into())];
        m.additional.push(told.at(&"edge.test".into()));
    });
    "address-of-an-alias": "a name that is another's has no address of its own", |told| {
        told.saying([Record::alias(told.name.clone(), "edge.test".into()), told.at(&told.name)])
    };
    // Names in short.
    "pointer-to-itself": "a pointer that points to itself has no end", |told| owner(told, pointer(told.first()));
    "pointer-that-grows": "a label and a pointer to it have no end", |told| {
        owner(told, [&b"\x01a"[..], &pointer(told.first())].concat())
    };
    "two-pointers": "two pointers that point to each other have no end", |told| {
        let first = Record::new(Name::default(), kind::UNKNOWN, vec![Part::Raw(pointer(told.first() + 13))]);
        told.saying([first, Record { owner: Part::Raw(pointer(told.first() + 11)), ..told.at(&told.name) }])
    };
    "pointer-forward": "a pointer points to what was written before", |told| told.changed(|m| {
        // Two bytes in its place, ten up to the data.
        let length = 2 + 10 + if told.kind == kind::AAAA { 16 } else { 4 };
        m.answers[0].owner = Part::Raw(pointer(told.first() + length));
        m.answers.push(Record::new(told.name.clone(), kind::UNKNOWN, Vec::new()));
        m.compressed = false;
    });
    "pointer-out": "it points behind the message", |told| owner(told, pointer(0x3fff));
    "pointer-into-the-header": "the header holds no name, though a zero there would end one", |told| {
        let mut name = told.name.wire();
        name.pop();
        owner(told, [name, pointer(4)].concat())
    };
    "unknown-label": "nobody knows labels of this type", |told| {
        owner(told, [&[0x43][..], &told.name.wire()[1..]].concat())
    };
    "long-name": "a name is no longer than 255 bytes", |told| {
        owner(told, [[&[63][..], &[b'a'; 63]].concat().repeat(5), told.name.wire()].concat())
    };
    "label-out": "its label goes on behind the message", |told| told.changed(|m| {
        m.answers.clear();
        (m.counts, m.tail) = (Some([1, 1, 0, 0]), b"\x3fa".to_vec());
    });
    // Lengths and counts.
    "one-byte-more": "an address has no fifth, or seventeenth, byte", |told| told.changed(|m| {
        m.answers[0].data.push(Part::Raw(vec![0]));
    });
    "one-byte-less": "an address has all its bytes", |told| told.changed(|m| {
        let length = if told.kind == kind::AAAA { 15 } else { 3 };
        (m.answers[0].length, m.answers[0].data) = (None, first_bytes(&m.answers[0].data, length));
    });
    "no-bytes": "its record has no data; the address follows the message", |told| told.changed(|m| {
        m.tail = first_bytes(&std::mem::take(&mut m.answers[0].data), 16).into_iter().flat_map(raw).collect();
    });
    "length-out": "its data goes on behind the message", |told| told.changed(|m| m.answers[0].length = Some(400));
    "half": "it ends in the middle of the address", |told| told.changed(|_| ()).into_iter().map(|mut bytes| {
        bytes.truncate(bytes.len() - 2);
        bytes
    }).collect();
    "count-too-high": "it has fewer records than it says", |told| told.changed(|m| m.counts = Some([1, 5, 0, 0]));
    "count-of-all": "it has fewer records than it says, by far", |told| told.changed(|m| m.counts = Some([1, u16::MAX, u16::MAX, u16::MAX]));
    "count-too-low": "it has more records than it says", |told| told.changed(|m| m.counts = Some([1, 0, 0, 0]));
    "question-not-counted": "it has a question and says that it has none", |told| told.changed(|m| m.counts = Some([0, 1, 0, 0]));
    "bytes-behind": "something follows its last record", |told| told.changed(|m| m.tail = b"and more".to_vec());
    // Nothing much.
    "empty": "it is empty", |_| vec![Vec::new()];
    "one-byte": "it is no message", |_| vec![vec![0]];
    "not-a-header": "it ends in the middle of the header", |told| vec![told.empty.write()[..11].to_vec()];
    "only-a-header": "it says that it has an answer, and has none", |told| told.changed(|m| {
        (m.questions, m.answers, m.counts) = (Vec::new(), Vec::new(), Some([1, 1, 0, 0]));
    });
    "very-long": "it is longer than any asker says that it takes by datagram", |told| {
        told.saying(std::iter::repeat_n(told.at(&told.name), 2000))
    };
};

/// The right answer, but the owner of its record is written so.
fn owner(told: &Told, bytes: Vec<u8>) -> Vec<Vec<u8>> {
    told.changed(|message| message.answers[0].owner = Part::Raw(bytes))
}

fn first_bytes(data: &[Part], n: usize) -> Vec<Part> {
    vec![Part::Raw(data.iter().cloned().flat_map(raw).take(n).collect())]
}

fn raw(part: Part) -> Vec<u8> {
    match part {
        Part::Raw(bytes) => bytes,
        Part::Name(name) => name.wire(),
    }
}
