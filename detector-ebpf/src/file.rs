//! Files behind descriptors.

use crate::{
    layout::{load, read},
    task::current_struct,
};
use detector_common::{identity::ObjectKey, record};

/// An open file.
#[derive(Clone, Copy)]
pub(crate) struct File {
    /// Address of its `struct file`.
    pub(crate) address: u64,
    /// Address of its `struct inode`.
    pub(crate) inode: u64,
    /// `inode.i_mode`.
    pub(crate) mode: u32,
}

impl File {
    /// The file at a `struct file`.
    #[inline(always)]
    pub(crate) fn at(address: u64) -> Option<Self> {
        let inode = read!(address, file_inode, u64)?;
        let mode = u32::from(read!(inode, inode_mode, u16)?);
        Some(Self { address, inode, mode })
    }

    /// The file behind descriptor `fd` of the process that runs now.
    #[inline(always)]
    pub(crate) fn of_descriptor(fd: u64) -> Option<Self> {
        let files = read!(current_struct(), task_files, u64)?;
        let table = read!(files, files_fdt, u64)?;
        let room = read!(table, fdt_max_fds, u32)?;
        let fd = fd & 0xffff_ffff;
        if fd >= u64::from(room) {
            return None;
        }
        let array = read!(table, fdt_fd, u64)?;
        let address = load::<u64>((array + fd * 8) as usize)?;
        if address == 0 {
            return None;
        }
        Self::at(address)
    }

    /// Its identity, for a record.
    #[inline(always)]
    pub(crate) fn identity(self) -> Option<record::File> {
        let sb = read!(self.inode, inode_sb, u64)?;
        Some(record::File {
            inode: read!(self.inode, inode_number, u64)?,
            device: read!(sb, sb_device, u32)?,
            generation: read!(self.inode, inode_generation, u32)?,
            mode: self.mode,
            reserved: 0,
        })
    }

    /// Its identity, as an object of `job`.
    #[inline(always)]
    pub(crate) fn object(self, job: u32) -> Option<ObjectKey> {
        let file = self.identity()?;
        Some(ObjectKey { job, device: file.device, inode: file.inode, generation: file.generation, reserved: 0 })
    }
}
