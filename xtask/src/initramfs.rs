//! The guest's file system: a cpio archive (`newc`, as the kernel unpacks it) with busybox and one static program.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

/// The second serial line: what the guest's program prints, between these two marks.
pub(crate) const START: &str = "#start ";
pub(crate) const EXIT: &str = "#exit ";

/// Process 1. The archive is not compressed: an emulated guest would spend longer unpacking it.
const INIT: &str = r##"#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox --install -s /bin
export PATH=/bin HOME=/root TERM=dumb
mount -t devtmpfs dev /dev
mount -t sysfs sys /sys
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
mount -t securityfs sec /sys/kernel/security
mount -t debugfs debug /sys/kernel/debug
mount -t tracefs trace /sys/kernel/tracing
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup /sys/fs/cgroup
ip link set lo up
exec >/dev/ttyS1 2>&1 </dev/null
cat /proc/uptime | sed 's/^/#start /'
cd /root
/bin/guest
status=$?
echo
echo "#exit $status"
poweroff -f
"##;

/// Builds the archive with `program` as /bin/guest.
pub(crate) fn build(busybox: &Path, program: &Path) -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    for directory in ["bin", "dev", "etc", "proc", "root", "run", "sys", "tmp"] {
        archive.add(directory, DIRECTORY | 0o755, None, &[])?;
    }
    // Process 1 is opened on it, before any mount.
    archive.add("dev/console", CHARACTER_DEVICE | 0o600, Some((5, 1)), &[])?;
    archive.add(
        "etc/passwd",
        FILE | 0o644,
        None,
        b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n",
    )?;
    archive.add("etc/hosts", FILE | 0o644, None, b"127.0.0.1 localhost\n")?;
    archive.add("init", FILE | 0o755, None, INIT.as_bytes())?;
    for (name, source) in [("bin/busybox", busybox), ("bin/guest", program)] {
        let bytes = fs::read(source).with_context(|| format!("cannot read {}", source.display()))?;
        ensure!(is_static(&bytes), "{} is not a static program: the guest has no shared objects", source.display());
        archive.add(name, FILE | 0o755, None, &bytes)?;
    }
    archive.finish()
}

const DIRECTORY: u32 = 0o040_000;
const CHARACTER_DEVICE: u32 = 0o020_000;
const FILE: u32 = 0o100_000;

#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

impl Archive {
    /// `device` is (major, minor).
    fn add(&mut self, name: &str, mode: u32, device: Option<(u32, u32)>, data: &[u8]) -> Result<()> {
        self.entries += 1;
        let (major, minor) = device.unwrap_or_default();
        let size = u32::try_from(data.len()).with_context(|| format!("{name} is too large for the archive"))?;
        let name_size = u32::try_from(name.len() + 1).context("a name is too long for the archive")?;
        // inode, mode, uid, gid, links, time, size, device (2), rdev (2), length of the name with its NUL, checksum
        let fields = [self.entries, mode, 0, 0, 1, 0, size, 0, 0, major, minor, name_size, 0];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(data);
        self.pad();
        Ok(())
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn finish(mut self) -> Result<Vec<u8>> {
        self.add("TRAILER!!!", 0, None, &[])?;
        Ok(self.bytes)
    }
}

/// Whether an ELF64 little-endian program names no interpreter.
pub(crate) fn is_static(program: &[u8]) -> bool {
    const INTERPRETER: u32 = 3;
    let word = |at: usize| Some(u16::from_le_bytes(program.get(at..at + 2)?.try_into().ok()?));
    let headers = || {
        let start = usize::try_from(u64::from_le_bytes(program.get(32..40)?.try_into().ok()?)).ok()?;
        let (size, count) = (usize::from(word(54)?), usize::from(word(56)?));
        (0..count)
            .map(|index| {
                let at = start.checked_add(index * size)?;
                Some(u32::from_le_bytes(program.get(at..at.checked_add(4)?)?.try_into().ok()?))
            })
            .collect::<Option<Vec<u32>>>()
    };
    program.starts_with(b"\x7fELF\x02\x01") && headers().is_some_and(|kinds| !kinds.contains(&INTERPRETER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_aligned_and_the_trailer_is_last() {
        let mut archive = Archive::default();
        archive.add("a", FILE | 0o644, None, b"hello").unwrap();
        let bytes = archive.finish().unwrap();
        // 110 bytes of header, "a\0" fills up to 112, five bytes of data up to 120.
        assert_eq!(&bytes[..6], b"070701");
        assert_eq!(&bytes[14..22], b"000081a4");
        assert_eq!(&bytes[54..62], b"00000005");
        assert_eq!(&bytes[110..120], b"a\0hello\0\0\0");
        assert_eq!(&bytes[120..126], b"070701");
        assert_eq!(&bytes[230..241], b"TRAILER!!!\0");
        assert_eq!(bytes.len() % 4, 0);
    }

    #[test]
    fn a_program_with_an_interpreter_is_not_static() {
        assert!(!is_static(&fs::read(std::env::current_exe().unwrap()).unwrap()));
        assert!(!is_static(b"#!/bin/sh\n"));
        let mut header = vec![0_u8; 64 + 56];
        header[..6].copy_from_slice(b"\x7fELF\x02\x01");
        header[32] = 64;
        header[54] = 56;
        header[56] = 1;
        header[64] = 1;
        assert!(is_static(&header));
        header[64] = 3;
        assert!(!is_static(&header));
        header[56] = 2;
        assert!(!is_static(&header), "a header outside of the file");
    }
}
