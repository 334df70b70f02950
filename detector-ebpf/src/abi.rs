//! System calls: their numbers and where their arguments lie (include/uapi/asm/{unistd,ptrace}.h).

#[cfg(bpf_target_arch = "x86_64")]
mod arch {
    /// Offsets of the arguments in `pt_regs`: di, si, dx, r10, r8, r9; all still there at the exit.
    pub(crate) const ARGUMENTS: [usize; 6] = [112, 104, 96, 56, 72, 64];

    pub(crate) const READ: u64 = 0;
    pub(crate) const WRITE: u64 = 1;
    pub(crate) const OPEN: u64 = 2;
    pub(crate) const MMAP: u64 = 9;
    pub(crate) const PREAD64: u64 = 17;
    pub(crate) const PWRITE64: u64 = 18;
    pub(crate) const READV: u64 = 19;
    pub(crate) const WRITEV: u64 = 20;
    pub(crate) const SENDFILE: u64 = 40;
    pub(crate) const SOCKET: u64 = 41;
    pub(crate) const SENDTO: u64 = 44;
    pub(crate) const RECVFROM: u64 = 45;
    pub(crate) const SENDMSG: u64 = 46;
    pub(crate) const RECVMSG: u64 = 47;
    pub(crate) const RECVMMSG: u64 = 299;
    pub(crate) const EXECVE: u64 = 59;
    pub(crate) const SHMAT: u64 = 30;
    pub(crate) const MSGSND: u64 = 69;
    pub(crate) const MSGRCV: u64 = 70;
    pub(crate) const MQ_TIMEDSEND: u64 = 242;
    pub(crate) const MQ_TIMEDRECEIVE: u64 = 243;
    pub(crate) const CREAT: u64 = 85;
    pub(crate) const PTRACE: u64 = 101;
    pub(crate) const PERF_EVENT_OPEN: u64 = 298;
    pub(crate) const USERFAULTFD: u64 = 323;
    pub(crate) const IOCTL: u64 = 16;
    pub(crate) const OPENAT: u64 = 257;
    pub(crate) const SPLICE: u64 = 275;
    pub(crate) const TEE: u64 = 276;
    pub(crate) const VMSPLICE: u64 = 278;
    pub(crate) const PREADV: u64 = 295;
    pub(crate) const PWRITEV: u64 = 296;
    pub(crate) const OPEN_BY_HANDLE_AT: u64 = 304;
    pub(crate) const SENDMMSG: u64 = 307;
    pub(crate) const PROCESS_VM_READV: u64 = 310;
    pub(crate) const PROCESS_VM_WRITEV: u64 = 311;
    pub(crate) const SETXATTR: u64 = 188;
    pub(crate) const LISTXATTR: u64 = 194;
    pub(crate) const LLISTXATTR: u64 = 195;
    pub(crate) const FLISTXATTR: u64 = 196;
    pub(crate) const LISTXATTRAT: u64 = 465;
    pub(crate) const PIDFD_GETFD: u64 = 438;
    pub(crate) const LSETXATTR: u64 = 189;
    pub(crate) const FSETXATTR: u64 = 190;
    pub(crate) const GETXATTR: u64 = 191;
    pub(crate) const LGETXATTR: u64 = 192;
    pub(crate) const FGETXATTR: u64 = 193;
    pub(crate) const ADD_KEY: u64 = 248;
    pub(crate) const KEYCTL: u64 = 250;
    pub(crate) const SETXATTRAT: u64 = 463;
    pub(crate) const GETXATTRAT: u64 = 464;
    pub(crate) const EXECVEAT: u64 = 322;
    pub(crate) const COPY_FILE_RANGE: u64 = 326;
    pub(crate) const PREADV2: u64 = 327;
    pub(crate) const PWRITEV2: u64 = 328;
    pub(crate) const OPENAT2: u64 = 437;
    pub(crate) const IO_URING_SETUP: u64 = 425;
    pub(crate) const IO_URING_ENTER: u64 = 426;
    pub(crate) const IO_SUBMIT: u64 = 209;
    pub(crate) const STAT: u64 = 4;
    pub(crate) const LSTAT: u64 = 6;
    pub(crate) const ACCESS: u64 = 21;
    pub(crate) const READLINK: u64 = 89;
    pub(crate) const NEWFSTATAT: u64 = 262;
    pub(crate) const READLINKAT: u64 = 267;
    pub(crate) const FACCESSAT: u64 = 269;
    pub(crate) const STATX: u64 = 332;
    pub(crate) const FACCESSAT2: u64 = 439;

    /// Numbers of the 32-bit entry (arch/x86/entry/syscalls/syscall_32.tbl) that open files or other processes:
    /// open, creat, ptrace, openat, perf_event_open, open_by_handle_at, process_vm_readv, userfaultfd, openat2.
    #[inline(always)]
    pub(crate) fn opens_foreign(number: u64) -> bool {
        matches!(number, 5 | 8 | 26 | 295 | 336 | 342 | 347 | 374 | 437)
    }

    /// The same, that move data: read, write, mmap, socketcall, readv, writev, pread64, pwrite64, sendfile, mmap2, sendfile64,
    /// io_submit, splice, tee, vmsplice, preadv, pwritev, recvmmsg, sendmmsg, sendto, sendmsg, recvfrom, recvmsg, copy_file_range,
    /// preadv2, pwritev2; ipc, *xattr, mq_timed* (also of 64-bit time), add_key, keyctl, process_vm_writev, shmat, msgsnd, msgrcv.
    #[inline(always)]
    pub(crate) fn moves_foreign(number: u64) -> bool {
        matches!(
            number,
            3 | 4 | 90 | 102 | 117 | 226
                ..=231
                    | 279
                    | 280
                    | 286
                    | 288
                    | 348
                    | 397
                    | 400
                    | 401
                    | 417
                    | 418
                    | 419
                    | 145
                    | 146
                    | 180
                    | 181
                    | 187
                    | 192
                    | 239
                    | 248
                    | 313
                    | 315
                    | 316
                    | 333
                    | 334
                    | 337
                    | 345
                    | 369
                    | 370
                    | 371
                    | 372
                    | 377
                    | 378
                    | 379
        )
    }
}

#[cfg(bpf_target_arch = "aarch64")]
mod arch {
    /// `regs[0..6]`; the first is overwritten by the result, `orig_x0` keeps it.
    pub(crate) const ARGUMENTS: [usize; 6] = [272, 8, 16, 24, 32, 40];

    /// Calls that the architecture does not have.
    const NONE: u64 = u64::MAX;
    pub(crate) const READ: u64 = 63;
    pub(crate) const WRITE: u64 = 64;
    pub(crate) const OPEN: u64 = NONE;
    pub(crate) const MMAP: u64 = 222;
    pub(crate) const PREAD64: u64 = 67;
    pub(crate) const PWRITE64: u64 = 68;
    pub(crate) const READV: u64 = 65;
    pub(crate) const WRITEV: u64 = 66;
    pub(crate) const SENDFILE: u64 = 71;
    pub(crate) const SOCKET: u64 = 198;
    pub(crate) const SENDTO: u64 = 206;
    pub(crate) const RECVFROM: u64 = 207;
    pub(crate) const SENDMSG: u64 = 211;
    pub(crate) const RECVMSG: u64 = 212;
    pub(crate) const RECVMMSG: u64 = 243;
    pub(crate) const CREAT: u64 = NONE - 1;
    pub(crate) const PTRACE: u64 = 117;
    pub(crate) const PERF_EVENT_OPEN: u64 = 241;
    pub(crate) const USERFAULTFD: u64 = 282;
    pub(crate) const IOCTL: u64 = 29;
    pub(crate) const EXECVE: u64 = 221;
    pub(crate) const SHMAT: u64 = 196;
    pub(crate) const MSGSND: u64 = 189;
    pub(crate) const MSGRCV: u64 = 188;
    pub(crate) const MQ_TIMEDSEND: u64 = 182;
    pub(crate) const MQ_TIMEDRECEIVE: u64 = 183;
    pub(crate) const EXECVEAT: u64 = 281;
    pub(crate) const OPENAT: u64 = 56;
    pub(crate) const SPLICE: u64 = 76;
    pub(crate) const TEE: u64 = 77;
    pub(crate) const VMSPLICE: u64 = 75;
    pub(crate) const PREADV: u64 = 69;
    pub(crate) const PWRITEV: u64 = 70;
    pub(crate) const OPEN_BY_HANDLE_AT: u64 = 265;
    pub(crate) const SENDMMSG: u64 = 269;
    pub(crate) const PROCESS_VM_READV: u64 = 270;
    pub(crate) const PROCESS_VM_WRITEV: u64 = 271;
    pub(crate) const SETXATTR: u64 = 5;
    pub(crate) const LISTXATTR: u64 = 11;
    pub(crate) const LLISTXATTR: u64 = 12;
    pub(crate) const FLISTXATTR: u64 = 13;
    pub(crate) const LISTXATTRAT: u64 = 465;
    pub(crate) const PIDFD_GETFD: u64 = 438;
    pub(crate) const LSETXATTR: u64 = 6;
    pub(crate) const FSETXATTR: u64 = 7;
    pub(crate) const GETXATTR: u64 = 8;
    pub(crate) const LGETXATTR: u64 = 9;
    pub(crate) const FGETXATTR: u64 = 10;
    pub(crate) const ADD_KEY: u64 = 217;
    pub(crate) const KEYCTL: u64 = 219;
    pub(crate) const SETXATTRAT: u64 = 463;
    pub(crate) const GETXATTRAT: u64 = 464;
    pub(crate) const COPY_FILE_RANGE: u64 = 285;
    pub(crate) const PREADV2: u64 = 286;
    pub(crate) const PWRITEV2: u64 = 287;
    pub(crate) const OPENAT2: u64 = 437;
    pub(crate) const IO_URING_SETUP: u64 = 425;
    pub(crate) const IO_URING_ENTER: u64 = 426;
    pub(crate) const IO_SUBMIT: u64 = 2;
    pub(crate) const STAT: u64 = NONE - 2;
    pub(crate) const LSTAT: u64 = NONE - 3;
    pub(crate) const ACCESS: u64 = NONE - 4;
    pub(crate) const READLINK: u64 = NONE - 5;
    pub(crate) const NEWFSTATAT: u64 = 79;
    pub(crate) const READLINKAT: u64 = 78;
    pub(crate) const FACCESSAT: u64 = 48;
    pub(crate) const STATX: u64 = 291;
    pub(crate) const FACCESSAT2: u64 = 439;

    /// 32-bit processes are not told apart here.
    #[inline(always)]
    pub(crate) fn opens_foreign(_number: u64) -> bool {
        false
    }

    /// The same.
    #[inline(always)]
    pub(crate) fn moves_foreign(_number: u64) -> bool {
        false
    }
}

pub(crate) use arch::*;

/// `task_struct.thread_info.status`: the call came through the 32-bit entry (x86).
pub(crate) const TS_COMPAT: u32 = 2;

/// include/uapi/linux/stat.h.
pub(crate) const S_IFMT: u32 = 0o170_000;
pub(crate) const S_IFIFO: u32 = 0o010_000;
pub(crate) const S_IFREG: u32 = 0o100_000;
pub(crate) const S_IFSOCK: u32 = 0o140_000;
pub(crate) const S_IFCHR: u32 = 0o020_000;

/// include/linux/fs.h.
pub(crate) const FMODE_READ: u32 = 1;
pub(crate) const FMODE_WRITE: u32 = 2;

/// include/uapi/linux/magic.h.
pub(crate) const PROC_SUPER_MAGIC: u64 = 0x9fa0;

/// include/linux/socket.h.
pub(crate) const AF_UNIX: u16 = 1;
pub(crate) const AF_KEY: u16 = 15;
pub(crate) const AF_NETLINK: u16 = 16;
pub(crate) const AF_PACKET: u16 = 17;
pub(crate) const AF_ALG: u16 = 38;
pub(crate) const AF_XDP: u16 = 44;

/// `USERFAULTFD_IOC_NEW` (include/uapi/linux/userfaultfd.h, 6.1).
pub(crate) const USERFAULTFD_NEW: u64 = 0xaa00;

pub(crate) const AF_INET: u16 = 2;
pub(crate) const AF_INET6: u16 = 10;

/// include/net/tcp_states.h.
pub(crate) const TCP_CLOSE: u32 = 7;

/// include/uapi/linux/in.h.
pub(crate) const IPPROTO_TCP: u32 = 6;
pub(crate) const IPPROTO_UDP: u32 = 17;
pub(crate) const IPPROTO_MPTCP: u32 = 262;

/// include/uapi/asm-generic/mman-common.h.
pub(crate) const PROT_WRITE: u64 = 2;
pub(crate) const MAP_TYPE: u64 = 0xf;
pub(crate) const MAP_PRIVATE: u64 = 2;
pub(crate) const MAP_ANONYMOUS: u64 = 0x20;

/// Operations of keyctl(2) that put something into a key, and that get it out (include/uapi/linux/keyctl.h).
pub(crate) const KEYCTL_UPDATE: u64 = 2;
pub(crate) const KEYCTL_DESCRIBE: u64 = 6;
pub(crate) const KEYCTL_READ: u64 = 11;
pub(crate) const KEYCTL_INSTANTIATE: u64 = 12;
pub(crate) const KEYCTL_INSTANTIATE_IOV: u64 = 20;

/// include/linux/net.h, `enum sock_type`.
pub(crate) const SOCK_DGRAM: u16 = 2;

/// include/uapi/linux/shm.h.
pub(crate) const SHM_RDONLY: u64 = 0o10_000;

/// include/uapi/linux/ptrace.h.
pub(crate) const PTRACE_TRACEME: u64 = 0;
pub(crate) const PTRACE_ATTACH: u64 = 16;
pub(crate) const PTRACE_SEIZE: u64 = 0x4206;

pub(crate) const SIGKILL: u32 = 9;

/// Requests to an io_uring (include/uapi/linux/io_uring.h, `enum io_uring_op`), and flags of theirs (`enum io_uring_sqe_flags_bit`, with
/// which those of include/linux/io_uring_types.h begin).
pub(crate) mod ring {
    pub(crate) const READV: u8 = 1;
    pub(crate) const WRITEV: u8 = 2;
    pub(crate) const READ_FIXED: u8 = 4;
    pub(crate) const WRITE_FIXED: u8 = 5;
    pub(crate) const SENDMSG: u8 = 9;
    pub(crate) const RECVMSG: u8 = 10;
    pub(crate) const OPENAT: u8 = 18;
    pub(crate) const READ: u8 = 22;
    pub(crate) const WRITE: u8 = 23;
    pub(crate) const SEND: u8 = 26;
    pub(crate) const RECV: u8 = 27;
    pub(crate) const OPENAT2: u8 = 28;
    pub(crate) const SPLICE: u8 = 30;
    pub(crate) const TEE: u8 = 33;
    pub(crate) const FSETXATTR: u8 = 41;
    pub(crate) const SETXATTR: u8 = 42;
    pub(crate) const FGETXATTR: u8 = 43;
    pub(crate) const GETXATTR: u8 = 44;
    pub(crate) const SEND_ZC: u8 = 47;
    pub(crate) const SENDMSG_ZC: u8 = 48;
    pub(crate) const READ_MULTISHOT: u8 = 49;
    pub(crate) const RECV_ZC: u8 = 58;
    pub(crate) const READV_FIXED: u8 = 60;
    pub(crate) const WRITEV_FIXED: u8 = 61;

    pub(crate) const FIXED_FILE: u32 = 1 << 0;
    pub(crate) const DRAIN: u32 = 1 << 1;
    pub(crate) const LINK: u32 = 1 << 2 | 1 << 3;
    /// No completion is told where it succeeds.
    pub(crate) const SKIP: u32 = 1 << 6;

    /// `SPLICE_F_FD_IN_FIXED`.
    pub(crate) const IN_FIXED: u32 = 1 << 31;
    /// `IORING_FILE_INDEX_ALLOC`.
    pub(crate) const ANY_SLOT: u32 = u32::MAX;
}
