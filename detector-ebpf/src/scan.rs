//! Tokens: what a secret may look like in arguments, in an environment, in what a shell writes.
//!
//! A token is a maximal run of at least [`TOKEN_BYTES`] ASCII letters and digits with one of each in it. So long a run covers
//! an aligned word of eight bytes: words are looked at first, and bytes only where a word is all letters and digits.
//!
//! VERIFIER: without branches but those that end a loop, and with what a loop decides in memory or made of what was read,
//! so that the loop's state depends on the number of the step alone.

use crate::{command::Line, flow::Buffer, layout::read, maps::SCAN, path::at_most};
use aya_ebpf::helpers::generated::{bpf_probe_read_kernel, bpf_probe_read_user};
use detector_common::{
    limits::{PRINT_BYTES, REQUEST_BYTES, SCAN_BYTES, SERVICE_BYTES, SHELL_BYTES, TOKEN_BYTES, TOKENS},
    program::{Program, Script},
    set::Bits,
    state::{Entered, Tokens},
    watch::{below, some},
};

/// Words of the buffer: a power of two, so that an index is bounded by a mask.
const WORDS: usize = 2_048;
/// Words looked at in one step of a loop.
const STRIDE: usize = 4;
/// Bytes before the block: an empty word.
const BEFORE: usize = 8;
/// Runs of whole words that are told apart.
const RUNS: usize = 256;
/// The same, of what a shell writes.
const SHELL_RUNS: usize = 32;
/// Bytes of a token's start, and of its end, that are hashed: a power of two.
const HASHED: u64 = 64;

const _: () = assert!(SCAN_BYTES + BEFORE + 8 * (STRIDE + 1) <= WORDS * 8);

/// Where a block is looked at: too large for the stack.
#[repr(C)]
pub(crate) struct Scan {
    /// The block, an empty word before it and some behind it.
    words: [u64; WORDS + 2],
    /// Kinds of the bytes in each run of whole words.
    kinds: [u64; RUNS],
    /// First word of each run, and above 16 bits the word behind it.
    bounds: [u32; RUNS],
    /// Place of each token in bytes, and above 16 bits its length.
    places: [u32; TOKENS],
    /// The start or end of a token.
    text: [u64; HASHED as usize / 8],
    /// What was found, as part of what is kept.
    pub(crate) entered: Entered,
    /// Of a new image: its arguments.
    pub(crate) line: Line,
    /// The declared program that it is, and the script that its arguments name; numbers 0 for none.
    pub(crate) declared: Program,
    pub(crate) script: Script,
    /// Zero, which the verifier does not know.
    ///
    /// VERIFIER: since 6.18 it follows a mask that is `&`ed with a constant twice (`maybe_fork_scalars`), and so each step of a loop
    /// whose state begins as one.
    zero: u64,
    /// The call that prints: its number and its buffer.
    pub(crate) call: (u64, Buffer),
    /// What is looked at of it.
    pub(crate) pieces: [Buffer; PIECES],
    /// What was found in each piece.
    pub(crate) encoded: [Encoded; PIECES],
    /// What was held before, in the order of [`detector_common::judge::Sets`].
    pub(crate) before: [Bits; 4],
    /// Of the tokens of a new image, those that came with what was held; else 0.
    pub(crate) brought: [u64; TOKENS],
    /// 1 when there are such.
    pub(crate) brings: u64,
}

impl Scan {
    /// `value`, which the verifier does not know.
    #[inline(always)]
    pub(crate) fn opaque(&self, value: u64) -> u64 {
        value | self.zero
    }

    /// The `n`th word of what [`request`] took.
    #[inline(always)]
    pub(crate) fn request(&self, n: usize) -> u64 {
        self.words[1 + n]
    }
}

/// Words of a line in a block: as many as 40 characters never have.
const WIDE: u64 = 6;

/// Pieces of what is printed that are looked at.
pub(crate) const PIECES: usize = 2;

/// High bit of each byte.
const HIGH: u64 = 0x8080_8080_8080_8080;
/// Low bit of each byte.
const LOW: u64 = 0x0101_0101_0101_0101;

/// A copy of `byte` in each of eight.
const fn each(byte: u64) -> u64 {
    byte * LOW
}

/// What each of eight bytes is: its high bit for a digit, the bit below for a letter.
#[inline(always)]
fn classify(word: u64) -> u64 {
    let low = word & !HIGH;
    let folded = low | each(0x20);
    let digits = low.wrapping_add(each(0x80 - b'0' as u64)) & !low.wrapping_add(each(0x80 - b'9' as u64 - 1));
    let letters = folded.wrapping_add(each(0x80 - b'a' as u64)) & !folded.wrapping_add(each(0x80 - b'z' as u64 - 1));
    let ascii = !word & HIGH;
    (digits & ascii) | ((letters & ascii) >> 1)
}

/// The high bit of each byte that is a letter or digit.
#[inline(always)]
fn any(kinds: u64) -> u64 {
    (kinds | kinds << 1) & HIGH
}

/// How many bytes have their low bit set, where no other is.
#[inline(always)]
fn count(bytes: u64) -> u64 {
    bytes.wrapping_mul(LOW) >> 56
}

/// Notes the runs of whole words among the first `N` strides, as far as `len` bytes go; returns how many.
#[inline(always)]
fn runs<const N: usize, const KEPT: usize>(scan: &mut Scan, len: u64) -> u64 {
    let words = (len >> 3) + 3;
    let (mut start, mut noted, mut before, mut kinds) = (1u64, 0u64, 0u64, 0u64);
    for stride in 0..N {
        let first = stride * STRIDE + 1;
        for i in first..first + STRIDE {
            // Behind the block is what was looked at before.
            let here = classify(scan.words[i]) & below(i as u64, words).wrapping_neg();
            let whole = (any(here) >> 7).wrapping_mul(LOW) >> 59;
            let mask = whole.wrapping_neg();
            let slot = (noted & (KEPT as u64 - 1)) as usize;
            scan.bounds[slot] = start as u32 | (i as u32) << 16;
            scan.kinds[slot] = kinds;
            noted += before & (whole ^ 1);
            start = (start & mask) | ((i as u64 + 1) & !mask);
            kinds = (kinds | here) & mask;
            before = whole;
        }
    }
    noted
}

/// Notes the tokens among the first `noted` runs; returns how many there are, and how many of them begin before byte `border` of
/// the block.
#[inline(always)]
fn tokens<const KEPT: usize>(scan: &mut Scan, noted: u64, border: u64) -> (u64, u64) {
    let (mut found, mut among) = (0u64, 0u64);
    for run in 0..KEPT {
        let bounds = u64::from(scan.bounds[run]);
        let (start, end) = (bounds & 0xffff, bounds >> 16);
        let head = classify(scan.words[(start.wrapping_sub(1) & (WORDS as u64 - 1)) as usize]);
        let tail = classify(scan.words[(end & (WORDS as u64 - 1)) as usize]);
        // Ones from the lowest byte up to the highest that ends a run; and from the lowest that ends one up.
        let mut below_head = (any(head) ^ HIGH) >> 7;
        below_head |= below_head >> 8;
        below_head |= below_head >> 16;
        below_head |= below_head >> 32;
        let mut above_tail = (any(tail) ^ HIGH) >> 7;
        above_tail |= above_tail << 8;
        above_tail |= above_tail << 16;
        above_tail |= above_tail << 32;
        let (led, followed) = (8 - count(below_head), 8 - count(above_tail));
        let kinds = scan.kinds[run] | head & !below_head.wrapping_mul(0xff) | tail & !above_tail.wrapping_mul(0xff);
        let len = (end.wrapping_sub(start) << 3) + led + followed;
        let place = (start << 3).wrapping_sub(led);
        let token = some(kinds & HIGH) & some(kinds & HIGH >> 1) & below(TOKEN_BYTES as u64 - 1, len);
        let token = token & below(run as u64, noted);
        scan.places[(found & (TOKENS as u64 - 1)) as usize] = place as u32 | (len as u32) << 16;
        found += token;
        among += token & below(place, border + BEFORE as u64);
    }
    (found, among)
}

/// Hashes the first `found` tokens: their lengths, their first bytes and their last. What lies between in one that is longer than both is
/// not looked at.
#[inline(always)]
fn hash(scan: &mut Scan, found: u64) {
    const PRIME: u64 = 0xff51_afd7_ed55_8ccd;
    for token in 0..TOKENS {
        let place = u64::from(scan.places[token]);
        let (place, len) = (place & (WORDS as u64 * 8 - 1), place >> 16);
        let mut hash = len;
        let short = some(len >> HASHED.trailing_zeros()) ^ 1;
        // Of a shorter one all is read once; its end is the same bytes, cut alike.
        let kept = (len & short.wrapping_neg()) | (HASHED & !short.wrapping_neg());
        let last = place + len - kept;
        for place in [place, last] {
            for word in &mut scan.text {
                // SAFETY: a word of this CPU's own. Volatile, or it becomes a call of memset.
                unsafe { core::ptr::from_mut(word).write_volatile(0) };
            }
            let from = scan.words.as_ptr().cast::<u8>();
            // SAFETY: at most the size of the array; the helper checks what it reads.
            unsafe {
                let from = from.add((place & (WORDS as u64 * 8 - 1)) as usize);
                bpf_probe_read_kernel(scan.text.as_mut_ptr().cast(), at_most::<HASHED>(kept) as u32, from.cast());
            }
            for word in &scan.text {
                hash = (hash ^ word).wrapping_mul(PRIME);
                hash ^= hash >> 32;
            }
        }
        // Beyond those that were found: of no token.
        scan.entered.tokens.hashes[token] = hash & below(token as u64, found).wrapping_neg();
    }
}

/// Reads `len` bytes at a user address into the buffer; `None` when they are not there.
#[inline(always)]
fn copy<const MAX: u64>(scan: &mut Scan, address: u64, len: u64) -> Option<()> {
    let block = scan.words.as_mut_ptr().cast::<u8>();
    scan.words[0] = 0;
    let len = at_most::<MAX>(len);
    // SAFETY: the buffer is longer than `MAX` by what is before and behind the block.
    unsafe {
        let block = block.add(BEFORE);
        if bpf_probe_read_user(block.cast(), len as u32, address as *const _) != 0 {
            return None;
        }
        let end = block.add(len as usize);
        for i in 0..=STRIDE {
            end.add(i * 8).cast::<u64>().write_unaligned(0);
        }
    }
    Some(())
}

/// The block of arguments and environment of an image: where it begins, and how long both and the arguments alone are.
pub(crate) struct Block {
    pub(crate) start: u64,
    pub(crate) arguments: u64,
    pub(crate) len: u64,
}

/// The block of the process at `task`.
#[inline(always)]
pub(crate) fn block(task: u64) -> Option<Block> {
    let mm = read!(task, task_mm, u64)?;
    let start = read!(mm, mm_arg_start, u64)?;
    let (arguments, end) = (read!(mm, mm_arg_end, u64)?, read!(mm, mm_env_end, u64)?);
    Some(Block { start, arguments: arguments.checked_sub(start)?, len: end.checked_sub(start)? })
}

/// Finds the tokens of the image of the process at `task` into `scan.entered.tokens`.
#[inline(always)]
pub(crate) fn image(scan: &mut Scan, task: u64) {
    scan.entered.tokens.whole = 0;
    scan.entered.tokens.count = 0;
    scan.entered.tokens.arguments = 0;
    let Some(block) = block(task) else { return };
    if block.len > SCAN_BYTES as u64 || copy::<{ SCAN_BYTES as u64 }>(scan, block.start, block.len).is_none() {
        return;
    }
    let noted = runs::<{ SCAN_BYTES / 8 / STRIDE + 1 }, RUNS>(scan, block.len);
    let (found, among) = tokens::<RUNS>(scan, noted, block.arguments);
    hash(scan, found);
    scan.entered.tokens.count = found as u32;
    scan.entered.tokens.arguments = among as u32;
    scan.entered.tokens.whole = (below(noted, RUNS as u64 + 1) & below(found, TOKENS as u64 + 1)) as u32;
}

/// What is in the bytes that are written.
pub(crate) struct Said {
    /// 1 when they were read whole and have no token, else 0.
    pub(crate) plain: u64,
    /// 1 when they have a URL with a password, else 0.
    pub(crate) password: u64,
}

/// What is in the `len` bytes at a user address.
#[inline(always)]
pub(crate) fn said(address: u64, len: u64) -> Said {
    let mut said = Said { plain: 0, password: 0 };
    if len > SHELL_BYTES as u64 {
        return said;
    }
    let Some(scan) = SCAN.get_ptr_mut(0) else { return said };
    // SAFETY: this CPU's own slot; preemption is off (`event.rs`).
    let scan = unsafe { &mut *scan };
    if copy::<{ SHELL_BYTES as u64 }>(scan, address, len).is_none() {
        return said;
    }
    let noted = runs::<{ SHELL_BYTES / 8 / STRIDE + 1 }, SHELL_RUNS>(scan, len);
    let (found, _) = tokens::<SHELL_RUNS>(scan, noted, 0);
    said.plain = below(noted, SHELL_RUNS as u64 + 1) & (some(found) ^ 1);
    said.password = password(scan, len);
    said
}

/// 1 when among the first `len` bytes is a line in which two colons stand before an `@` (`http://user:password@host`), else 0.
/// `git@host:path` and `ssh://git@host:22/` have fewer.
#[inline(always)]
fn password(scan: &Scan, len: u64) -> u64 {
    let (mut colons, mut found) = (0u64, 0u64);
    for i in 0..SHELL_BYTES as u64 / 8 {
        // Behind the block is what was looked at before.
        let word = scan.words[(1 + i) as usize & (WORDS - 1)] & below(i << 3, len).wrapping_neg();
        let (ends, ats, here) = (equal(word, b'\n'), equal(word, b'@'), equal(word, b':'));
        let before = (ats & ats.wrapping_neg()).wrapping_sub(1);
        let line = !up_to(ends & before);
        let whole = (some(ends & before) ^ 1).wrapping_neg();
        found |= some(ats) & below(1, (colons & whole) + count(here >> 7 & before & line));
        let whole = (some(ends) ^ 1).wrapping_neg();
        colons = (colons & whole) + count(here >> 7 & !up_to(ends));
    }
    found
}

/// As [`copy`], of at most `MAX` bytes (a power of two): returns how many bytes are there, none where they could not be read.
///
/// VERIFIER: without a branch, so that a loop behind it is followed once.
#[inline(always)]
fn fetch<const MAX: u64>(scan: &mut Scan, buffer: Buffer) -> u64 {
    let len = smaller(buffer.len, scan.opaque(MAX)) & (2 * MAX - 1);
    let block = scan.words.as_mut_ptr().cast::<u8>();
    // SAFETY: twice `MAX` is less than the buffer.
    let result = unsafe { bpf_probe_read_user(block.add(BEFORE).cast(), len as u32, buffer.address as *const _) };
    len & some(result as u64).wrapping_sub(1)
}

/// The smaller of two.
#[inline(always)]
pub(crate) fn smaller(a: u64, b: u64) -> u64 {
    let mask = below(a, b).wrapping_neg();
    (a & mask) | (b & !mask)
}

/// A run of what encoders write, in the bytes that are looked at.
#[derive(Clone, Copy)]
pub(crate) struct Encoded {
    /// Bytes of the longest one.
    pub(crate) longest: u64,
    /// Bytes of the one that all begins with.
    pub(crate) first: u64,
    /// Bytes of the one that all ends with.
    pub(crate) last: u64,
    /// 1 when all is one.
    pub(crate) whole: u64,
    /// 1 when there is anything.
    pub(crate) is_there: u64,
}

/// Finds the blocks in a piece of what is printed: of letters and digits, both; and no more than a tenth of it is `+`, `/`, `-`, `_` or
/// an end of line, of which base64 in lines of 76 has one in twenty, and a path or a list of words many. A line must be there that is
/// longer than a digest of SHA-1. Lengths may be seven bytes more than they are.
#[inline(always)]
pub(crate) fn encoded(scan: &mut Scan, piece: usize) {
    let len = fetch::<{ PRINT_BYTES as u64 }>(scan, scan.pieces[piece]);
    let zero = scan.zero;
    let mut found = Encoded { longest: zero, first: zero, last: zero, whole: zero, is_there: some(len) };
    let (mut run, mut between, mut kinds, mut broken) = (zero, zero, zero, zero);
    let (mut straight, mut widest, mut last) = (zero, zero, zero);
    for i in 0..PRINT_BYTES as u64 / 8 {
        // Behind the block is what was looked at before.
        let there = below(i << 3, len).wrapping_neg();
        let end = (some(i ^ (len >> 3)) ^ 1).wrapping_neg();
        let padding = (scan.opaque(u64::MAX) << ((len & 7) << 3)) & end;
        let word = scan.words[(1 + i) as usize & (WORDS - 1)] & !padding;
        let here = classify(word);
        // `)`, `+`, `-` and `/` differ in these bits alone.
        let line = equal(word, b'\n');
        let others = equal(word | each(6), b'/') | equal(word, b'_') | line;
        let breaks = ((any(here) | others | padding) & HIGH ^ HIGH) >> 7;
        let (mut above, mut under) = (breaks, breaks);
        above |= above << 8;
        above |= above << 16;
        above |= above << 32;
        under |= under >> 8;
        under |= under >> 16;
        under |= under >> 32;
        let (head, tail) = (!above.wrapping_mul(0xff), !under.wrapping_mul(0xff));
        // The run that was there before, as far as it goes.
        let whole = run + 8 - count(above);
        let mixed = between + count((others & head) >> 7);
        let all = kinds | here & head;
        // Whole words without an end of line.
        straight = (straight + 1) & some(breaks | line).wrapping_sub(1);
        widest = larger(widest, straight);
        let good = (below(whole, mixed * 10) ^ 1) & some(all & HIGH) & some(all & HIGH >> 1) & below(WIDE - 1, widest);
        let good = whole & good.wrapping_neg() & there;
        found.longest = larger(found.longest, good);
        found.first = larger(found.first, good & broken.wrapping_sub(1));
        // What goes on behind it: itself where nothing breaks it.
        let ends = some(breaks);
        let on = ends.wrapping_sub(1);
        broken |= ends & there;
        run = (((whole & on) | ((8 - count(under)) & !on)) & there) | (run & !there);
        between = (((mixed & on) | (count((others & tail) >> 7) & !on)) & there) | (between & !there);
        kinds = (((all & on) | (here & tail & !on)) & there) | (kinds & !there);
        last = (larger(last & on, straight) & there) | (last & !there);
        widest &= on;
    }
    // Without what was taken for the rest of the last word.
    let padding = len.wrapping_neg() & 7;
    let wide = below(WIDE - 1, last).wrapping_neg();
    found.last = run.wrapping_sub(padding & some(run).wrapping_neg()) & below(run, between * 10).wrapping_sub(1) & wide;
    found.whole = broken ^ 1;
    // SAFETY: this CPU's own slot; volatile, or what was not looked at is known to be zero.
    unsafe { (&raw mut scan.encoded[piece]).write_volatile(found) };
}

/// The larger of two.
#[inline(always)]
fn larger(a: u64, b: u64) -> u64 {
    smaller(!a, !b) ^ u64::MAX
}

/// 1 when the request in `buffer` to a metadata service asks for credentials, or is none that can be told from one that does: not
/// one whole request of HTTP, or with characters that stand for others.
///
/// What asks has in its path: of AWS, ECS, EKS and Alibaba Cloud `credentials`; of Azure `/oauth2/`; of Google Cloud `/token` behind
/// `service-accounts/`; of Huawei Cloud `securitykey`; of Google Cloud and Oracle `/identity`.
#[inline(always)]
pub(crate) fn asks(scan: &mut Scan, buffer: Buffer) -> u64 {
    const MOST: u64 = REQUEST_BYTES as u64;
    let len = fetch::<MOST>(scan, buffer);
    let odd = some(len ^ buffer.len);
    let is = |word: u64, text: &[u8]| {
        let (mut wanted, mut mask) = (0u64, 0u64);
        for (n, byte) in text.iter().enumerate() {
            wanted |= u64::from(*byte) << (n * 8);
            mask |= 0xff << (n * 8);
        }
        some((word ^ wanted) & mask) ^ 1
    };
    // Lower case; of what is no letter the needles have nothing that this changes.
    let fold = |word: u64| word | each(0x20);
    let start = fold(scan.words[1]);
    let method = is(start, b"get /") | is(start, b"put /") | is(start, b"head /") | is(start, b"post /");
    let (mut found, mut accounts) = (scan.zero, scan.zero);
    for i in 0..MOST {
        let (at, shift) = ((1 + (i >> 3)) as usize & (WORDS - 1), (i & 7) << 3);
        // The next word's bytes, in two shifts since one of 64 is none.
        let next = (scan.words[(at + 1) & (WORDS - 1)] << 8) << (56 - shift);
        let there = below(i, len);
        let word = fold((scan.words[at] >> shift) | next);
        accounts |= is(word, b"ccounts/") & there;
        let behind = accounts & is(word, b"/token");
        let key = is(word, b"ecurityk") | is(word, b"/identit");
        let one = is(word, b"credenti") | is(word, b"/oauth2/") | is(word, b"%") | key;
        found |= (behind | one) & there;
    }
    found | odd | method ^ 1
}

/// Takes the first bytes of `buffer`, without what is behind it; returns how many there are, and a hash of them.
///
/// VERIFIER: without a branch, as [`fetch`].
#[inline(always)]
pub(crate) fn request(scan: &mut Scan, buffer: Buffer) -> (u64, u64) {
    const PRIME: u64 = 0xff51_afd7_ed55_8ccd;
    let len = fetch::<{ SERVICE_BYTES as u64 }>(scan, buffer);
    let mut hash = len;
    for i in 0..SERVICE_BYTES as u64 / 8 {
        let there = below(i << 3, len).wrapping_neg();
        let end = (some(i ^ (len >> 3)) ^ 1).wrapping_neg();
        let padding = (scan.opaque(u64::MAX) << ((len & 7) << 3)) & end;
        let word = scan.words[1 + i as usize] & there & !padding;
        // SAFETY: a word of this CPU's own. Volatile: the verifier need not know it.
        unsafe { (&raw mut scan.words[1 + i as usize]).write_volatile(word) };
        hash = (hash ^ word).wrapping_mul(PRIME);
        hash ^= hash >> 32;
    }
    (len, hash)
}

/// The high bit of each byte of `word` that is `byte`.
#[inline(always)]
fn equal(word: u64, byte: u8) -> u64 {
    let other = word ^ each(u64::from(byte));
    // Exact, unlike the trick with a borrow.
    !((other & !HIGH).wrapping_add(!HIGH) | other) & HIGH
}

/// All bits of each byte up to and with the highest that has its high bit in `bytes`.
#[inline(always)]
fn up_to(bytes: u64) -> u64 {
    let mut all = bytes | bytes >> 8;
    all |= all >> 16;
    all |= all >> 32;
    (all >> 7).wrapping_mul(0xff)
}

/// Tokens of arguments that are compared with one another; more count as not having been there.
const COMPARED: usize = 16;

/// Notes those tokens of a new image that are of `list`, which the one before was given; 1 when one of its arguments is.
#[inline(always)]
pub(crate) fn remember(list: &[u64; TOKENS], new: &Tokens, noted: &mut [u64; TOKENS]) -> u64 {
    let mut said = 0u64;
    for (n, token) in new.hashes.iter().enumerate() {
        let mut differs = u64::MAX;
        for before in list {
            let x = token ^ before;
            differs &= x | x.wrapping_neg();
        }
        let known = (differs >> 63 ^ 1) & some(*token);
        noted[n] |= token & known.wrapping_neg();
        said |= known & below(n as u64, u64::from(new.arguments));
    }
    said
}

/// How the tokens of a new image compare with those of the one before: whether one of them was in neither its arguments nor its
/// environment (which are noted), and how many of the arguments were not among its arguments.
#[inline(always)]
pub(crate) fn compare(old: &Tokens, new: &Tokens, noted: &mut [u64; TOKENS]) -> (u64, u64) {
    let (mut fresh, mut copied) = (0u64, 0u64);
    for (n, token) in new.hashes.iter().enumerate() {
        let mut differs = u64::MAX;
        for before in &old.hashes {
            let x = token ^ before;
            differs &= x | x.wrapping_neg();
        }
        // The highest bit of `differs` is set where each word differs; of no token the hash is 0.
        let new = (differs >> 63) & some(*token);
        noted[n] = token & new.wrapping_neg();
        fresh |= new;
    }
    let (count, arguments) = (u64::from(new.arguments), u64::from(old.arguments));
    for (n, token) in new.hashes.iter().enumerate().take(COMPARED) {
        let mut said = 0;
        for (o, before) in old.hashes.iter().enumerate().take(COMPARED) {
            said |= (some(token ^ before) ^ 1) & below(o as u64, arguments);
        }
        copied += below(n as u64, count) & (said ^ 1);
    }
    let more = below(COMPARED as u64, count).wrapping_neg() & count.wrapping_sub(COMPARED as u64);
    (fresh, copied + more)
}

/// Reads the string at a user address: its bytes up to and with the first `=`, at most eight, and how long it is with its ending
/// zero.
#[inline(always)]
pub(crate) fn name(scan: &mut Scan, address: u64) -> Option<(u64, u64)> {
    scan.words[0] = 0;
    // SAFETY: at most the size of the buffer.
    let len = unsafe {
        aya_ebpf::helpers::generated::bpf_probe_read_user_str(
            scan.words.as_mut_ptr().cast(),
            SCAN_BYTES as u32,
            address as *const _,
        )
    };
    if len <= 0 {
        return None;
    }
    let start = scan.words[0];
    let other = start ^ each(b'=' as u64);
    let equal = other.wrapping_sub(LOW) & !other & HIGH;
    let last = equal & equal.wrapping_neg();
    Some((start & (last << 1).wrapping_sub(1), len as u64))
}
