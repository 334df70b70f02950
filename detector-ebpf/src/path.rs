//! Names and paths of files, from the dentries themselves.

use crate::{
    layout::{load, offset, read},
    maps::WATCHES,
};
use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use detector_common::{
    limits::{GLOB_BYTES, NAME_BYTES, PATH_STEPS, WATCH_DEPTH},
    record::Path,
    set::Bits,
    watch::{ANY, CHAIN, Component, GATE_BYTES, Leaf, WatchKey, WatchValue, below, chain, edge, gate, hash, kind},
};

/// The words of a component, as they are hashed.
#[inline(always)]
pub(crate) fn words(component: &Component) -> &[u64; 8] {
    // SAFETY: 64 bytes, aligned to 8 (`detector_common::watch::Component`).
    unsafe { &*core::ptr::from_ref(component).cast() }
}

/// Makes the component empty.
#[inline(always)]
pub(crate) fn clear(component: &mut Component) {
    let words = core::ptr::from_mut(component).cast::<u64>();
    for i in 0..8 {
        // SAFETY: as in `words`. Volatile, or it becomes a call of memset.
        unsafe { words.add(i).write_volatile(0) };
    }
}

/// `value`, at most `MAX`.
///
/// VERIFIER: written in Rust, the comparison may be made on a copy, of which 5.10 and 6.1 draw no conclusion for the
/// register that a helper is then given.
#[inline(always)]
pub(crate) fn at_most<const MAX: u64>(value: u64) -> u64 {
    let mut bounded = value;
    // SAFETY: changes nothing but the register.
    unsafe {
        core::arch::asm!(
            "if {value} <= {max} goto +1",
            "{value} = {max}",
            value = inout(reg) bounded,
            max = const MAX,
        );
    }
    bounded
}

/// `value`, or 1 for 0 and `MAX` for more: what a helper takes that reads something.
///
/// VERIFIER: as [`at_most`]; of `!= 0` 5.10 does not learn that it is more.
#[inline(always)]
pub(crate) fn one_to<const MAX: u64>(value: u64) -> u64 {
    let mut bounded = at_most::<MAX>(value);
    // SAFETY: changes nothing but the register.
    unsafe {
        core::arch::asm!(
            "if {value} > 0 goto +1",
            "{value} = 1",
            value = inout(reg) bounded,
        );
    }
    bounded
}

/// Address of the dentry above `dentry`, and length and address of its name.
#[inline(always)]
fn entry(dentry: u64) -> Option<(u64, u32, u64)> {
    let (parent, len, text) = (offset!(dentry_parent), offset!(dentry_name_len), offset!(dentry_name));
    if len == parent + 12 && text == parent + 16 {
        // They are neighbours: one read for all. Reading is what an open costs.
        let [parent, hash_and_len, text] = load::<[u64; 3]>(dentry as usize + parent)?;
        return Some((parent, (hash_and_len >> 32) as u32, text));
    }
    Some((read!(dentry, dentry_parent, u64)?, read!(dentry, dentry_name_len, u32)?, read!(dentry, dentry_name, u64)?))
}

/// Reads the name of `dentry`; the dentry above it is returned.
#[inline(always)]
pub(crate) fn name(dentry: u64, into: &mut Component) -> Option<u64> {
    clear(into);
    let (parent, len, text) = entry(dentry)?;
    into.len = if len > 0xffff { 0xffff } else { len as u16 };
    let kept = at_most::<{ NAME_BYTES as u64 }>(u64::from(len)) as u32;
    // SAFETY: at most NAME_BYTES are written into an array of as many.
    let result = unsafe { bpf_probe_read_kernel(into.name.as_mut_ptr().cast(), kept, text as *const _) };
    (result == 0).then_some(parent)
}

/// A row of the watch table.
#[inline(always)]
pub(crate) fn watch(policy: u32, kind: u32, hash: u64) -> Option<&'static WatchValue> {
    // SAFETY: user space writes the rows of a policy before a job runs under it.
    unsafe { WATCHES.get(&WatchKey { policy, kind, hash }) }
}

/// A root of a mount stands for the directory it is mounted on; `None` at the root of all.
#[inline(always)]
fn step_over(dentry: u64, mount: u64) -> Option<(u64, u64)> {
    if dentry != root_of(mount + offset!(mount_mnt) as u64) {
        return Some((dentry, mount));
    }
    let above = read!(mount, mount_parent, u64).unwrap_or(mount);
    if above == mount {
        return None;
    }
    Some((read!(mount, mount_mountpoint, u64).unwrap_or(0), above))
}

/// The root of the file system at a `struct vfsmount`.
#[inline(always)]
fn root_of(mount: u64) -> u64 {
    load(mount as usize + offset!(vfsmount_root)).unwrap_or(0)
}

/// The dentry and the mount by whose names a file goes: a file may be mounted on another, as container engines do.
#[inline(always)]
pub(crate) fn named(dentry: u64, mount: u64) -> (u64, u64) {
    let held = offset!(mount_mnt) as u64;
    step_over(dentry, mount.wrapping_sub(held)).map_or((dentry, mount), |(dentry, above)| (dentry, above + held))
}

/// Keys of the first and the last four bytes of a name: those of [`detector_common::watch::start`] and `end`.
#[inline(always)]
pub(crate) fn edges(component: &Component) -> (u64, u64) {
    let len = u64::from(component.len);
    // Behind a name of less than four bytes lie zeros, and no key has one.
    let last = at_most::<{ (NAME_BYTES - GATE_BYTES) as u64 }>(len.wrapping_sub(GATE_BYTES as u64)) as usize;
    let four = |at: usize| {
        let name = component.name.as_ptr();
        // SAFETY: `at` and the three bytes behind it are below NAME_BYTES.
        unsafe { edge([*name.add(at), *name.add(at + 1), *name.add(at + 2), *name.add(at + 3)]) }
    };
    (four(0), four(last) & below(len, NAME_BYTES as u64 + 1).wrapping_neg())
}

/// Whether the file whose name is hashed as `leaf`, and stands in `path`, may be watched: decided by its name, the ends of
/// that, and the names of the two directories above it. The path serves as room for those.
///
/// VERIFIER: every gate is asked, whatever the others said: five ways to the walk would be five times the walk.
#[inline(always)]
pub(crate) fn gate(policy: u32, (dentry, mount): (u64, u64), leaf: u64, opened: u32, path: &mut Path) -> bool {
    let (start, end) = edges(&path.components[0]);
    let lets = gate::OPEN | opened & gate::WRITE;
    let of = |kind: u32, hash: u64| watch(policy, kind, hash).map_or(0, |row| row.gate);
    let mut gates = of(kind::LEAF, leaf) | of(kind::START, start) | of(kind::END, end);
    let mut root = root_of(mount);
    let mut mount = mount.wrapping_sub(offset!(mount_mnt) as u64);
    let mut parent = entry(dentry).map_or(0, |(parent, ..)| parent);
    for (i, kind) in [kind::PARENT, kind::GRANDPARENT].into_iter().enumerate() {
        // A directory may be where something is mounted, as those of secrets often are.
        if parent == root {
            (parent, mount) = step_over(parent, mount).unwrap_or((0, mount));
            root = root_of(mount + offset!(mount_mnt) as u64);
        }
        match name(parent, &mut path.components[i + 1]) {
            Some(above) => {
                gates |= of(kind, hash(words(&path.components[i + 1])));
                parent = above;
            }
            None => break,
        }
    }
    gates & lets != 0
}

/// Walks from `dentry` on `mount` to the root, through the mounts, leaf first (fs/d_path.c, `prepend_path`).
///
/// VERIFIER: one slot a step, and the arms meet at the head of the loop, so that its state depends on the
/// number of the step alone; a walk written otherwise took a million instructions.
#[inline(always)]
pub(crate) fn walk(dentry: u64, mount: u64, path: &mut Path) {
    let mut dentry = dentry;
    // `struct mount` holds the `struct vfsmount` that files point to.
    let mut mount = mount.wrapping_sub(offset!(mount_mnt) as u64);
    let mut steps = 0;
    let mut cut = 1;
    for step in 0..PATH_STEPS {
        // Two deep is as deep as mounts are stacked on one place.
        let Some((below, on)) = step_over(dentry, mount).and_then(|(dentry, mount)| step_over(dentry, mount)) else {
            cut = 0;
            break;
        };
        (dentry, mount) = (below, on);
        let Some(parent) = name(dentry, &mut path.components[step]) else { break };
        steps = step as u32 + 1;
        if parent == dentry {
            // The root of a file system that is not mounted: a pipe, a memfd.
            break;
        }
        dentry = parent;
    }
    path.steps = steps;
    path.cut = cut;
}

/// Bytes of the components in use.
#[inline(always)]
pub(crate) fn bytes(path: &Path) -> u64 {
    u64::from(path.steps) * size_of::<Component>() as u64
}

/// Reads the leaf of `dentry` as globs look at it. Before the first byte of a short name lies the rest of its dentry,
/// which is read and not looked at.
#[inline(always)]
fn read_leaf(dentry: u64, leaf: &mut Leaf) -> Option<()> {
    leaf.len = u64::from(read!(dentry, dentry_name_len, u32)?);
    let text = read!(dentry, dentry_name, u64)?;
    leaf.start = load(text as usize)?;
    leaf.end = load(text.wrapping_add(leaf.len).wrapping_sub(GLOB_BYTES as u64) as usize)?;
    Some(())
}

/// Chains of one depth: as they are, any leaf, any parent, any of both.
const VARIANTS: usize = 4;
/// Rows that a path may have: those of each depth, those of the whole path, those of the ends of its name.
pub(crate) const CHAINS: usize = VARIANTS * (WATCH_DEPTH + 1) + 2;

/// Hashes the last components of the path into its chains; those that it does not have stay 0.
///
/// VERIFIER: without branches, here and in `classes`: the rows of six depths by two kinds, looked up where their hashes
/// are made, were a million instructions on 5.10 and 6.1.
#[inline(always)]
fn hash_chains(path: &Path, chains: &mut [u64; CHAINS]) {
    let steps = u64::from(path.steps);
    let rooted = 1 ^ u64::from(path.cut);
    let (mut exact, mut leaf_any, mut parent_any, mut both_any) = (CHAIN, CHAIN, CHAIN, CHAIN);
    let mut whole = [0; VARIANTS];
    for depth in 0..WATCH_DEPTH {
        let component = hash(words(&path.components[depth]));
        exact = chain(exact, component);
        leaf_any = chain(leaf_any, if depth == 0 { ANY } else { component });
        parent_any = chain(parent_any, if depth == 1 { ANY } else { component });
        both_any = chain(both_any, if depth <= 1 { ANY } else { component });
        let there = below(depth as u64, steps).wrapping_neg();
        let last = there & (below(depth as u64 + 1, steps) ^ 1).wrapping_neg() & rooted.wrapping_neg();
        // The leaf has no parent among the components so far.
        let (parent, both) = if depth == 0 { (0, 0) } else { (parent_any, both_any) };
        for (variant, value) in [exact, leaf_any, parent, both].into_iter().enumerate() {
            chains[depth * VARIANTS + variant] = value & there;
            whole[variant] |= value & last;
        }
    }
    for (variant, value) in whole.into_iter().enumerate() {
        chains[WATCH_DEPTH * VARIANTS + variant] = value;
    }
    (chains[CHAINS - 2], chains[CHAINS - 1]) = edges(&path.components[0]);
}

/// Classes of an open of the walked path of `dentry`, and classes of whose SDK the file is.
#[inline(always)]
pub(crate) fn classes(
    policy: u32,
    dentry: u64,
    opened: u32,
    path: &Path,
    leaf: &mut Leaf,
    chains: &mut [u64; CHAINS],
) -> (Bits, Bits) {
    if read_leaf(dentry, leaf).is_none() {
        return (0, 0);
    }
    hash_chains(path, chains);
    let (mut bits, mut sdk) = (0, 0);
    for (i, chain) in chains.iter().enumerate() {
        const ENDS: usize = CHAINS - 2;
        const DEPTHS: usize = WATCH_DEPTH * VARIANTS;
        let kind = match i {
            0..DEPTHS => kind::SUFFIX,
            DEPTHS..ENDS => kind::ANCHORED,
            ENDS => kind::START,
            _ => kind::END,
        };
        if let Some(row) = watch(policy, kind, *chain) {
            bits |= row.bits;
            sdk |= row.sdk;
            for glob in &row.globs {
                bits |= glob.bits_of(leaf);
            }
        }
    }
    if opened & gate::WRITE == 0 {
        bits &= !watch(policy, kind::WRITES, 0).map_or(0, |row| row.bits);
    }
    (bits, sdk)
}
