//! The layout of kernel structures, looked up in BTF.

use super::{KernelError, Tracing, btf::Btf};
use detector_common::layout::{ABSENT, Layout};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where the running kernel publishes its types (5.4, CONFIG_DEBUG_INFO_BTF).
const RUNNING: &str = "/sys/kernel/btf/vmlinux";

/// Tracepoints of requests to an io_uring; without them nothing of one is read.
pub(super) const RINGS: [&str; 3] = ["io_uring_submit_req", "io_uring_complete", "io_uring_cqe_overflow"];

/// Type information of a kernel.
#[derive(Clone, Debug)]
pub struct LayoutSource {
    path: PathBuf,
}

impl LayoutSource {
    /// `--btf FILE`, else what the running kernel publishes.
    pub fn new(file: Option<&Path>) -> Self {
        Self { path: file.map_or_else(|| PathBuf::from(RUNNING), Path::to_path_buf) }
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The same, as the loader wants it.
    pub(super) fn load(&self) -> Result<aya::Btf, aya::BtfError> {
        aya::Btf::parse_file(&self.path, aya::Endianness::default())
    }

    /// Looks every field up; a required one that is missing or of another width refuses the kernel.
    ///
    /// Trace events are looked up, too, where `tracing` is by them.
    pub(super) fn resolve(&self, tracing: Tracing) -> Result<Layout, KernelError> {
        let data = fs::read(&self.path).map_err(|source| KernelError::BtfRead { path: self.path.clone(), source })?;
        let btf = Btf::parse(&data).map_err(|reason| KernelError::BtfParse { path: self.path.clone(), reason })?;
        let mut missing = Vec::new();
        let offsets: Vec<u32> = Layout::FIELDS
            .iter()
            .map(|field| match locate(&btf, field.path, field.width) {
                Ok(offset) => offset,
                Err(why) => {
                    if field.required {
                        missing.push(format!("{} ({why})", field.path));
                    }
                    ABSENT
                }
            })
            .collect();
        match Layout::from_offsets(&offsets) {
            Some(mut layout) if missing.is_empty() => {
                if !RINGS.iter().all(|tracepoint| btf.has_tracepoint(tracepoint)) {
                    layout.ring_opcode = ABSENT;
                }
                tracing.prepare(&btf, layout.ring_opcode != ABSENT)?;
                Ok(layout)
            }
            _ => Err(KernelError::Layout {
                release: rustix::system::uname().release().to_string_lossy().into_owned(),
                path: self.path.clone(),
                missing: missing.join(", "),
            }),
        }
    }
}

/// Offset of the first of the alternatives that this kernel has.
fn locate(btf: &Btf<'_>, path: &str, width: u32) -> Result<u32, String> {
    let mut reason = String::new();
    for alternative in path.split(" | ") {
        match btf.member(alternative) {
            Ok(member) if width == 0 || member.width == width => return Ok(member.offset),
            Ok(member) => reason = format!("is {} bytes wide, not {width}", member.width),
            Err(why) => reason = why,
        }
    }
    Err(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_running_kernel_has_every_required_field() {
        // Machines without BTF cannot run the sensor; the tests of this crate still pass on them.
        if !Path::new(RUNNING).exists() {
            return;
        }
        let layout = LayoutSource::new(None).resolve(Tracing::Typed).unwrap();
        assert_ne!(layout.task_tgid, ABSENT);
        assert_ne!(layout.sock_cookie, ABSENT);
    }

    #[test]
    fn a_file_that_is_not_btf_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), b"junk").unwrap();
        let error = LayoutSource::new(Some(file.path())).resolve(Tracing::Typed).unwrap_err().to_string();
        assert!(error.contains("is not BTF") && error.contains("--btf"), "{error}");
    }
}
