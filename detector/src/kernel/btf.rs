//! A reader of BTF, the kernel's type information (Documentation/bpf/btf.rst), for one question: at which
//! byte offset, and how wide, is this member?

use rustc_hash::FxHashMap;

const MAGIC: u16 = 0xeb9f;
const MAX_DEPTH: u32 = 16;
/// Members that are looked at for one answer, far more than a kernel has: anonymous ones that hold each other would have no end
/// that anyone waits for.
const MAX_MEMBERS: u32 = 1 << 14;

/// Kinds of types, `BTF_KIND_*` (include/uapi/linux/btf.h).
mod kind {
    pub(super) const INT: u32 = 1;
    pub(super) const PTR: u32 = 2;
    pub(super) const ARRAY: u32 = 3;
    pub(super) const STRUCT: u32 = 4;
    pub(super) const UNION: u32 = 5;
    pub(super) const ENUM: u32 = 6;
    pub(super) const FWD: u32 = 7;
    pub(super) const TYPEDEF: u32 = 8;
    pub(super) const VOLATILE: u32 = 9;
    pub(super) const CONST: u32 = 10;
    pub(super) const RESTRICT: u32 = 11;
    pub(super) const FUNC: u32 = 12;
    pub(super) const FUNC_PROTO: u32 = 13;
    pub(super) const VAR: u32 = 14;
    pub(super) const DATASEC: u32 = 15;
    pub(super) const FLOAT: u32 = 16;
    pub(super) const DECL_TAG: u32 = 17;
    pub(super) const TYPE_TAG: u32 = 18;
    pub(super) const ENUM64: u32 = 19;
}

/// Where a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// Bytes from the start of the structure.
    pub(super) offset: u32,
    /// Its width in bytes.
    pub(super) width: u32,
}

/// Parsed type information.
pub(super) struct Btf<'a> {
    types: &'a [u8],
    strings: &'a [u8],
    /// Byte offset of each type, by id less one.
    offsets: Vec<u32>,
    /// Structures by name.
    structs: FxHashMap<&'a [u8], Vec<u32>>,
}

impl<'a> Btf<'a> {
    /// Reads `data`, native byte order.
    pub(super) fn parse(data: &'a [u8]) -> Result<Self, String> {
        let magic = u16_at(data, 0).ok_or("shorter than a header")?;
        if magic == MAGIC.swap_bytes() {
            return Err("of the other byte order".into());
        }
        if magic != MAGIC {
            return Err(format!("magic number {magic:#06x}, not {MAGIC:#06x}"));
        }
        let field = |at| u32_at(data, at).map(|value| value as usize).ok_or("shorter than a header");
        let header = field(4)?;
        let section = |offset: usize, len: usize| {
            let start = header.checked_add(offset)?;
            data.get(start..start.checked_add(len)?)
        };
        let types = section(field(8)?, field(12)?).ok_or("type section beyond the end")?;
        let strings = section(field(16)?, field(20)?).ok_or("string section beyond the end")?;
        let mut btf = Self { types, strings, offsets: Vec::new(), structs: FxHashMap::default() };
        btf.index()?;
        Ok(btf)
    }

    fn index(&mut self) -> Result<(), String> {
        let mut at = 0;
        while at < self.types.len() {
            let id = u32::try_from(self.offsets.len() + 1).map_err(|error| error.to_string())?;
            let word = |n: usize| u32_at(self.types, at + n * 4).ok_or_else(|| format!("type {id} is cut"));
            let (name, info) = (word(0)?, word(1)?);
            word(2)?;
            let (kind, count) = (info >> 24 & 0x1f, (info & 0xffff) as usize);
            let tail = match kind {
                kind::PTR
                | kind::FWD
                | kind::TYPEDEF
                | kind::VOLATILE
                | kind::CONST
                | kind::RESTRICT
                | kind::FUNC
                | kind::FLOAT
                | kind::TYPE_TAG => 0,
                kind::INT | kind::VAR | kind::DECL_TAG => 4,
                kind::ENUM | kind::FUNC_PROTO => 8 * count,
                kind::ARRAY => 12,
                kind::STRUCT | kind::UNION | kind::DATASEC | kind::ENUM64 => 12 * count,
                other => return Err(format!("type {id} is of unknown kind {other}")),
            };
            if matches!(kind, kind::STRUCT | kind::UNION)
                && let Some(name) = self.string(name).filter(|name| !name.is_empty())
            {
                self.structs.entry(name).or_default().push(id);
            }
            self.offsets.push(u32::try_from(at).map_err(|error| error.to_string())?);
            at += 12 + tail;
        }
        if at == self.types.len() { Ok(()) } else { Err("the last type is cut".into()) }
    }

    /// Where `path` is, as `struct.member.member`; the reason where it is not.
    pub(super) fn member(&self, path: &str) -> Result<Member, String> {
        let mut parts = path.split('.');
        let name = parts.next().unwrap_or_default();
        let candidates = self.structs.get(name.as_bytes()).ok_or_else(|| format!("no struct {name}"))?;
        let members: Vec<&str> = parts.collect();
        let (mut reason, mut room) = (String::new(), MAX_MEMBERS);
        for id in candidates {
            match self.follow(*id, &members, &mut room) {
                Ok(member) => return Ok(member),
                Err(why) => reason = why,
            }
        }
        Err(reason)
    }

    /// Whether this kernel has the tracepoint (`DEFINE_EVENT` in include/trace/bpf_probe.h makes such a type of each).
    pub(super) fn has_tracepoint(&self, name: &str) -> bool {
        let name = format!("btf_trace_{name}");
        let is_it = |at: &u32| {
            let at = *at as usize;
            let kind = u32_at(self.types, at + 4).map_or(0, |info| info >> 24 & 0x1f);
            kind == kind::TYPEDEF && u32_at(self.types, at).and_then(|at| self.string(at)) == Some(name.as_bytes())
        };
        self.offsets.iter().any(is_it)
    }

    fn follow(&self, id: u32, members: &[&str], room: &mut u32) -> Result<Member, String> {
        let (mut id, mut offset) = (id, 0u32);
        for member in members {
            let found = self.find(self.peel(id), member.as_bytes(), MAX_DEPTH, room);
            let (found, at) = found.ok_or_else(|| format!("no member {member}"))?;
            if at % 8 != 0 {
                return Err(format!("{member} is a bit-field"));
            }
            offset = offset.checked_add(at / 8).ok_or("an offset overflows")?;
            id = found;
        }
        Ok(Member { offset, width: self.width(id, MAX_DEPTH).unwrap_or(0) })
    }

    /// Type and bit offset of a member, anonymous members entered.
    fn find(&self, id: u32, name: &[u8], depth: u32, room: &mut u32) -> Option<(u32, u32)> {
        let depth = depth.checked_sub(1)?;
        let (at, info) = self.header(id)?;
        if !matches!(info >> 24 & 0x1f, kind::STRUCT | kind::UNION) {
            return None;
        }
        for i in 0..(info & 0xffff) as usize {
            *room = room.checked_sub(1)?;
            let at = at + 12 + i * 12;
            let own = self.string(u32_at(self.types, at)?)?;
            let of = u32_at(self.types, at + 4)?;
            // With the kind flag the upper byte is a bit-field's width.
            let bits = u32_at(self.types, at + 8)? & if info >> 31 == 1 { 0x00ff_ffff } else { u32::MAX };
            if own == name {
                return Some((of, bits));
            }
            if own.is_empty()
                && let Some((found, inner)) = self.find(self.peel(of), name, depth, room)
            {
                return Some((found, bits.checked_add(inner)?));
            }
        }
        None
    }

    /// The type behind typedefs and qualifiers.
    fn peel(&self, id: u32) -> u32 {
        let mut id = id;
        for _ in 0..MAX_DEPTH {
            match self.header(id) {
                Some((at, info))
                    if matches!(
                        info >> 24 & 0x1f,
                        kind::TYPEDEF | kind::VOLATILE | kind::CONST | kind::RESTRICT | kind::TYPE_TAG
                    ) =>
                {
                    id = u32_at(self.types, at + 8).unwrap_or(0);
                }
                _ => break,
            }
        }
        id
    }

    fn width(&self, id: u32, depth: u32) -> Option<u32> {
        let depth = depth.checked_sub(1)?;
        let (at, info) = self.header(self.peel(id))?;
        match info >> 24 & 0x1f {
            kind::PTR => Some(8),
            kind::INT | kind::STRUCT | kind::UNION | kind::ENUM | kind::ENUM64 | kind::FLOAT => {
                u32_at(self.types, at + 8)
            }
            kind::ARRAY => {
                let of = self.width(u32_at(self.types, at + 12)?, depth)?;
                of.checked_mul(u32_at(self.types, at + 20)?)
            }
            _ => None,
        }
    }

    fn header(&self, id: u32) -> Option<(usize, u32)> {
        let at = *self.offsets.get(id.checked_sub(1)? as usize)? as usize;
        Some((at, u32_at(self.types, at + 4)?))
    }

    fn string(&self, offset: u32) -> Option<&'a [u8]> {
        let rest = self.strings.get(offset as usize..)?;
        Some(&rest[..rest.iter().position(|byte| *byte == 0)?])
    }
}

/// Reads `data`, then asks each structure for members by all names that it has, and by two in a row.
#[cfg(fuzzing)]
pub fn ask_all(data: &[u8]) {
    /// Names that are asked for: more would be quadratic and say nothing new.
    const NAMES: usize = 8;
    let Ok(btf) = Btf::parse(data) else { return };
    let names = btf.strings.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let names: Vec<_> = names.filter_map(|name| std::str::from_utf8(name).ok()).take(NAMES).collect();
    for of in btf.structs.keys().filter_map(|name| std::str::from_utf8(name).ok()).take(NAMES) {
        for first in &names {
            let _ = btf.member(&format!("{of}.{first}"));
            names.iter().for_each(|second| _ = btf.member(&format!("{of}.{first}.{second}")));
        }
    }
    names.iter().for_each(|name| _ = btf.has_tracepoint(name));
}

fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(data.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(data.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `struct outer { u32 a; union { u64 b; }; typedef-of-inner c; }`, `struct inner { u16 x, y; }`.
    fn sample() -> Vec<u8> {
        let strings = b"\0outer\0a\0b\0c\0inner\0x\0y\0u32\0u64\0u16\0alias\0";
        let name = |text: &str| {
            let text = format!("\0{text}\0");
            u32::try_from(strings.windows(text.len()).position(|window| window == text.as_bytes()).unwrap() + 1)
                .unwrap()
        };
        let mut types: Vec<u32> = Vec::new();
        let int = |types: &mut Vec<u32>, text, size: u32| types.extend([name(text), kind::INT << 24, size, size * 8]);
        int(&mut types, "u32", 4); // 1
        int(&mut types, "u64", 8); // 2
        int(&mut types, "u16", 2); // 3
        types.extend([name("inner"), kind::STRUCT << 24 | 2, 4, name("x"), 3, 0, name("y"), 3, 16]); // 4
        types.extend([name("alias"), kind::TYPEDEF << 24, 4]); // 5
        types.extend([0, kind::UNION << 24 | 1, 8, name("b"), 2, 0]); // 6
        types.extend([name("outer"), kind::STRUCT << 24 | 3, 24, name("a"), 1, 0, 0, 6, 64, name("c"), 5, 128]); // 7
        let types: Vec<u8> = types.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let mut data = MAGIC.to_ne_bytes().to_vec();
        data.extend([1, 0]);
        let lens = [24, 0, u32::try_from(types.len()).unwrap(), u32::try_from(types.len()).unwrap()];
        data.extend(lens.iter().flat_map(|word| word.to_ne_bytes()));
        data.extend(u32::try_from(strings.len()).unwrap().to_ne_bytes());
        data.extend(types);
        data.extend(strings);
        data
    }

    #[test]
    fn members_are_found_through_unions_and_typedefs() {
        let data = sample();
        let btf = Btf::parse(&data).unwrap();
        assert_eq!(btf.member("outer.a"), Ok(Member { offset: 0, width: 4 }));
        assert_eq!(btf.member("outer.b"), Ok(Member { offset: 8, width: 8 }));
        assert_eq!(btf.member("outer.c.y"), Ok(Member { offset: 18, width: 2 }));
        assert_eq!(btf.member("outer.d"), Err("no member d".into()));
        assert_eq!(btf.member("nothing.d"), Err("no struct nothing".into()));
        assert!(!btf.has_tracepoint("alias") && !btf.has_tracepoint("nothing"));
    }

    #[test]
    fn unions_that_hold_each_other_have_an_end() {
        let strings = b"\0outer\0a\0";
        let count = 64;
        let mut types: Vec<u32> = vec![1, kind::STRUCT << 24 | count, 8];
        // Each member is anonymous and the structure itself.
        (0..count).for_each(|_| types.extend([0, 1, 0]));
        let len = u32::try_from(types.len() * 4).unwrap();
        let mut data = MAGIC.to_ne_bytes().to_vec();
        data.extend([1, 0]);
        data.extend([24, 0, len, len, 9].iter().chain(&types).flat_map(|word| word.to_ne_bytes()));
        data.extend(strings);
        assert_eq!(Btf::parse(&data).unwrap().member("outer.a"), Err("no member a".into()));
    }

    #[test]
    fn junk_is_an_error_and_never_a_panic() {
        assert!(Btf::parse(b"").is_err());
        assert!(Btf::parse(b"not btf at all, rather a text").is_err());
        let data = sample();
        for cut in 0..data.len() {
            if let Ok(btf) = Btf::parse(&data[..cut]) {
                drop(btf.member("outer.c.y"));
            }
        }
        for at in 0..data.len() {
            for value in [0, 0x7f, 0xff] {
                let mut data = data.clone();
                data[at] = value;
                if let Ok(btf) = Btf::parse(&data) {
                    drop(btf.member("outer.c.y"));
                }
            }
        }
    }
}
