//! What a message says, read plainly and by the rules alone: what the kernel side runs is held against this.
//!
//! The rules: an answer is believed whole or not at all. It has the id and exactly the question that was asked, is no longer than
//! [`ANSWER_BYTES`], is neither cut off nor an error (RFC 6891 has part of the code in OPT), and all its sections are there with
//! nothing behind them. Of the answer section, in its order, those records count whose owner is the asked name or what an alias made
//! of it. A pointer leads before the name, or the part of a name, that it ends. Owners beyond the answers are passed over.

use super::name::Name;
use detector_common::limits::{ANSWER_BYTES, ANSWERS, WALK_STEPS};
use std::net::IpAddr;

const HEADER: usize = 12;
const IN: u16 = 1;
const A: u16 = 1;
const CNAME: u16 = 5;
const OPT: u16 = 41;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its number.
    pub id: u16,
    /// Whose addresses.
    pub name: Name,
    /// Of which kind.
    pub kind: u16,
    /// Bytes of the name.
    pub length: usize,
}

/// The question that a message is: one, of class IN, its name written in full and not the root's.
pub fn asked(message: &[u8]) -> Option<Asked> {
    let flags = number(message, 2)?;
    let ordinary = flags & 0xf800 == 0 && number(message, 4)? == 1 && number(message, 6)? == 0;
    if !ordinary || number(message, 8)? != 0 {
        return None;
    }
    let behind = message.get(HEADER..)?;
    let (name, rest) = Name::read(behind)?;
    let asked = Asked { id: number(message, 0)?, kind: number(rest, 0)?, length: behind.len() - rest.len(), name };
    (number(rest, 2)? == IN && !asked.name.labels().is_empty()).then_some(asked)
}

/// The addresses that an answer to `asked` teaches, in its order, at most [`ANSWERS`]; none when it is not to be believed.
pub fn taught(message: &[u8], asked: &Asked) -> Option<Vec<IpAddr>> {
    Reading { message, steps: 0 }.answer(asked)
}

/// Labels in small letters.
type Labels = Vec<Vec<u8>>;

struct Reading<'a> {
    message: &'a [u8],
    /// What was read so far: eight bytes of a label, the end of a name, a pointer, or what a record has behind its name. A pointer to
    /// where the wanted name stands is not followed, nor is a label read of a name that is passed over.
    steps: usize,
}

impl Reading<'_> {
    fn answer(&mut self, asked: &Asked) -> Option<Vec<IpAddr>> {
        let message = self.message;
        let header = [0, 2, 4, 6, 8, 10].map(|at| number(message, at));
        let [Some(id), Some(flags), Some(1), Some(answers), Some(authority), Some(additional)] = header else {
            return None;
        };
        let (response, opcode, cut, code) = (flags >> 15, flags >> 11 & 15, flags >> 9 & 1, flags & 15);
        if (id, response, opcode, cut, code) != (asked.id, 1, 0, 0, 0) || message.len() > ANSWER_BYTES {
            return None;
        }
        let (mut wanted, mut wanted_at) = (small(&asked.name), HEADER);
        let (name, mut at) = self.name(HEADER, HEADER)?;
        if name != wanted || number(message, at)? != asked.kind || number(message, at + 2)? != IN {
            return None;
        }
        self.steps += 1;
        at += 4;
        let mut addresses = Vec::new();
        let sections = [(true, answers), (false, authority), (false, additional)];
        for (counts, _) in sections.iter().flat_map(|section| (0..section.1).map(move |n| (section.0, n))) {
            let points = message.get(at..at + 2) == Some(&pointer(wanted_at));
            let owner = if !counts {
                at = self.pass_over(at)?;
                None
            } else if points {
                self.steps += 1;
                at += 2;
                Some(wanted.clone())
            } else {
                let (name, behind) = self.name(at, at)?;
                at = behind;
                Some(name)
            };
            self.steps += 1;
            let (kind, class, length) = (number(message, at)?, number(message, at + 2)?, number(message, at + 8)?);
            let extended_code = *message.get(at + 4)?;
            let start = at + 10;
            let data = message.get(start..start + usize::from(length))?;
            at = start + data.len();
            if kind == OPT && extended_code != 0 {
                return None;
            }
            if owner.as_ref() != Some(&wanted) || class != IN {
                continue;
            }
            if kind == asked.kind {
                let address = if kind == A {
                    IpAddr::from(<[u8; 4]>::try_from(data).ok()?)
                } else {
                    IpAddr::from(<[u8; 16]>::try_from(data).ok()?)
                };
                addresses.push(address);
            } else if kind == CNAME {
                let (target, behind) = self.name(start, start)?;
                if behind != at {
                    return None;
                }
                (wanted, wanted_at) = (target, start);
            }
        }
        addresses.truncate(ANSWERS);
        (at == message.len() && self.steps <= WALK_STEPS).then_some(addresses)
    }

    /// The name at `at`, and where what follows it begins. A pointer leads before `floor`, and not into the header.
    fn name(&mut self, mut at: usize, floor: usize) -> Option<(Labels, usize)> {
        let mut labels = Labels::new();
        loop {
            let first = usize::from(*self.message.get(at)?);
            match first {
                0 => {
                    self.steps += 1;
                    return Some((labels, at + 1));
                }
                1..=63 => {
                    self.steps += first.div_ceil(8);
                    labels.push(self.message.get(at + 1..at + 1 + first)?.to_ascii_lowercase());
                    at += 1 + first;
                    fits(&labels)?;
                }
                0xc0.. => {
                    self.steps += 1;
                    let to = (first & 0x3f) << 8 | usize::from(*self.message.get(at + 1)?);
                    if to < HEADER || to >= floor {
                        return None;
                    }
                    labels.extend(self.name(to, to)?.0);
                    fits(&labels)?;
                    return Some((labels, at + 2));
                }
                _ => return None,
            }
        }
    }

    /// Where what follows the name at `at` begins.
    fn pass_over(&mut self, mut at: usize) -> Option<usize> {
        let begin = at;
        loop {
            self.steps += 1;
            let first = usize::from(*self.message.get(at)?);
            let behind = match first {
                0 => at + 1,
                1..=63 => at + 1 + first,
                0xc0.. => at + 2,
                _ => return None,
            };
            // With the end of the name, or without what a pointer stands for.
            let length = if first < 64 { behind - begin } else { at - begin };
            if length > 255 {
                return None;
            }
            if first == 0 || first >= 0xc0 {
                return Some(behind);
            }
            at = behind;
        }
    }
}

/// A name has at most 255 bytes, with the length of each label and the end.
fn fits(labels: &Labels) -> Option<()> {
    let bytes: usize = labels.iter().map(|label| label.len() + 1).sum();
    (bytes < 255).then_some(())
}

fn small(name: &Name) -> Labels {
    name.labels().iter().map(|label| label.to_ascii_lowercase()).collect()
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    let &pair = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_be_bytes(pair))
}

fn pointer(to: usize) -> [u8; 2] {
    (0xc000 | u16::try_from(to).unwrap_or(u16::MAX)).to_be_bytes()
}
