//! Kernel structure fields that the eBPF side reads, and their one table.
//!
//! rustc writes no CO-RE relocations, so user space looks each field up in the running kernel's BTF and
//! writes the offsets into the object's `.rodata` before loading; the verifier then knows them as constants
//! (Linux 5.5, commit a23740ec43ba) and prunes what depends on an absent one.

/// Offset of a field that this kernel does not have.
pub const ABSENT: u32 = u32::MAX;

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Name of the field in [`Layout`].
    pub name: &'static str,
    /// Type and member, in BTF's words: `task_struct.mm`, `file.f_path.dentry`; alternatives by ` | `.
    pub path: &'static str,
    /// Width in bytes; 0 for an aggregate that is only pointed into.
    pub width: u32,
    /// A kernel without it is refused.
    pub required: bool,
}

macro_rules! layout {
    ($($(#[$doc:meta])* $name:ident: $path:literal, $width:literal, $required:literal;)*) => {
        /// Byte offsets of kernel structure members; [`ABSENT`] where the kernel has none.
        #[repr(C)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Layout { $($(#[$doc])* pub $name: u32,)* }

        impl Layout {
            /// No field is known.
            pub const NONE: Self = Self { $($name: ABSENT,)* };
            /// The table, in the order of the fields.
            pub const FIELDS: &'static [Field] =
                &[$(Field { name: stringify!($name), path: $path, width: $width, required: $required }),*];

            /// The layout whose fields are `offsets`, in the order of [`Self::FIELDS`].
            pub fn from_offsets(offsets: &[u32]) -> Option<Self> {
                let mut offsets = offsets.iter().copied();
                let layout = Self { $($name: offsets.next()?,)* };
                if offsets.next().is_some() { return None; }
                Some(layout)
            }
        }
    };
}

layout! {
    /// Thread group id.
    task_tgid: "task_struct.tgid", 4, true;
    /// Thread id.
    task_pid: "task_struct.pid", 4, true;
    /// The first thread.
    task_group_leader: "task_struct.group_leader", 8, true;
    /// Start, `CLOCK_BOOTTIME` nanoseconds (`real_start_time` before 5.5).
    task_start: "task_struct.start_boottime", 8, true;
    /// Those whose parent it is, a `struct list_head`.
    task_children: "task_struct.children", 0, true;
    /// Its place among them.
    task_sibling: "task_struct.sibling", 0, true;
    /// Parent, as last reparented.
    task_real_parent: "task_struct.real_parent", 8, true;
    /// Memory; null for kernel threads.
    task_mm: "task_struct.mm", 8, true;
    /// Where it is.
    task_fs: "task_struct.fs", 8, true;
    /// Mount of the current directory.
    fs_pwd_mnt: "fs_struct.pwd.mnt", 8, true;
    /// Dentry of the current directory.
    fs_pwd_dentry: "fs_struct.pwd.dentry", 8, true;
    /// Descriptors.
    task_files: "task_struct.files", 8, true;
    /// Signal state shared by the threads.
    task_signal: "task_struct.signal", 8, true;
    /// Wait status.
    task_exit_code: "task_struct.exit_code", 4, true;
    /// Credentials in force.
    task_cred: "task_struct.cred", 8, true;
    /// Tasks it traces.
    task_ptraced: "task_struct.ptraced", 0, true;
    /// Whether it is traced, and how.
    task_ptrace: "task_struct.ptrace", 4, true;
    /// Its parent, or its tracer.
    task_parent: "task_struct.parent", 8, true;
    /// Its place in its tracer's list.
    task_ptrace_entry: "task_struct.ptrace_entry", 0, true;
    /// The `struct pid` it is known by.
    task_thread_pid: "task_struct.thread_pid", 8, true;
    /// Links into the lists of `struct pid`, by type.
    task_pid_links: "task_struct.pid_links", 0, true;
    /// Low-level state: on x86 the compat flag of the system call.
    task_thread_status: "task_struct.thread_info.status", 4, false;
    /// Effective user.
    cred_euid: "cred.euid", 0, true;
    /// Who waits for its exec or end: a vfork's parent.
    task_vfork_done: "task_struct.vfork_done", 8, true;
    /// Threads alive.
    signal_live: "signal_struct.live", 0, true;
    /// Nesting depth of the pid namespace.
    pid_level: "pid.level", 4, true;
    /// Tasks by type.
    pid_tasks: "pid.tasks", 0, true;
    /// Numbers by namespace, the initial one first.
    pid_numbers: "pid.numbers", 0, true;
    /// Tasks that share it.
    mm_users: "mm_struct.mm_users", 4, true;
    /// First byte of argv.
    mm_arg_start: "mm_struct.arg_start", 8, true;
    /// Byte after argv.
    mm_arg_end: "mm_struct.arg_end", 8, true;
    /// Byte after the environment, which lies behind argv.
    mm_env_end: "mm_struct.env_end", 8, true;
    /// The file of the program that it runs.
    mm_exe_file: "mm_struct.exe_file", 8, true;
    /// Descriptor table.
    files_fdt: "files_struct.fdt", 8, true;
    /// Descriptors the table has room for.
    fdt_max_fds: "fdtable.max_fds", 4, true;
    /// The files.
    fdt_fd: "fdtable.fd", 8, true;
    /// Mount of a file.
    file_mnt: "file.f_path.mnt", 8, true;
    /// Dentry of a file.
    file_dentry: "file.f_path.dentry", 8, true;
    /// Inode of a file.
    file_inode: "file.f_inode", 8, true;
    /// Mode it was opened with.
    file_mode: "file.f_mode", 4, true;
    /// Its driver's own: of a socket, the `struct socket`.
    file_private: "file.private_data", 8, true;
    /// Type and permissions.
    inode_mode: "inode.i_mode", 2, true;
    /// Number.
    inode_number: "inode.i_ino", 8, true;
    /// Generation.
    inode_generation: "inode.i_generation", 4, true;
    /// Length in bytes.
    inode_size: "inode.i_size", 8, true;
    /// How many have it open for writing.
    inode_writers: "inode.i_writecount", 0, true;
    /// The device that it is, major in the bits from 20 up.
    inode_rdev: "inode.i_rdev", 4, true;
    /// Superblock.
    inode_sb: "inode.i_sb", 8, true;
    /// Device.
    sb_device: "super_block.s_dev", 4, true;
    /// Kind of file system.
    sb_magic: "super_block.s_magic", 8, true;
    /// Parent directory.
    dentry_parent: "dentry.d_parent", 8, true;
    /// Length of the name.
    dentry_name_len: "dentry.d_name.len", 4, true;
    /// The name.
    dentry_name: "dentry.d_name.name", 8, true;
    /// Mount: what user space sees of it.
    mount_mnt: "mount.mnt", 0, true;
    /// Mount it is mounted on.
    mount_parent: "mount.mnt_parent", 8, true;
    /// Where it is mounted.
    mount_mountpoint: "mount.mnt_mountpoint", 8, true;
    /// Root of a mount.
    vfsmount_root: "vfsmount.mnt_root", 8, true;
    /// Process of an inode of procfs.
    proc_inode_pid: "proc_inode.pid", 8, true;
    /// Its inode.
    proc_inode_inode: "proc_inode.vfs_inode", 0, true;
    /// Network side of a socket.
    socket_sk: "socket.sk", 8, true;
    /// Address family.
    sock_family: "sock.__sk_common.skc_family", 2, true;
    /// Remote port, network byte order.
    sock_dport: "sock.__sk_common.skc_dport", 2, true;
    /// Remote IPv4 address.
    sock_daddr: "sock.__sk_common.skc_daddr", 4, true;
    /// Remote IPv6 address.
    sock_daddr6: "sock.__sk_common.skc_v6_daddr", 0, false;
    /// First subflow of a Multipath TCP socket (5.8): it is what sends the packets.
    mptcp_first: "mptcp_sock.first", 8, false;
    /// Cookie; 0 until someone asks for it.
    sock_cookie: "sock.__sk_common.skc_cookie", 0, true;
    /// Protocol; a bit-field before 5.6, never in our range.
    sock_protocol: "sock.sk_protocol", 2, true;
    /// Its type; a bit-field before 5.6.
    sock_type: "sock.sk_type", 2, false;
    /// Its own port, host byte order.
    sock_num: "sock.__sk_common.skc_num", 2, true;
    /// What user space has of it; null before it is accepted.
    sock_socket: "sock.sk_socket", 8, true;
    /// The file of a socket.
    socket_file: "socket.file", 8, true;
    /// Terminal of an open file of one.
    tty_file_tty: "tty_file_private.tty", 8, false;
    /// Its number.
    tty_index: "tty_struct.index", 4, false;
    /// Other end of a unix socket. The `struct sock` is its first member.
    unix_peer: "unix_sock.peer", 8, false;
    /// What a unix socket is bound to.
    unix_addr: "unix_sock.addr", 8, false;
    /// The same, as a `struct sockaddr_un`.
    unix_address_name: "unix_address.name", 0, false;
    /// What a request to an io_uring is.
    ring_opcode: "io_kiocb.opcode", 1, false;
    /// How it is carried out.
    ring_flags: "io_kiocb.flags", 0, false;
    /// The descriptor it is about, until it has completed.
    ring_fd: "io_kiocb.cqe.fd", 4, false;
    /// What it came to.
    ring_result: "io_kiocb.cqe.res", 4, false;
    /// The file it is about, once it is carried out.
    ring_file: "io_kiocb.file", 8, false;
    /// Its ring.
    ring_ctx: "io_kiocb.ctx", 8, false;
    /// The next one of its chain.
    ring_link: "io_kiocb.link", 8, false;
    /// Its place among those that have completed and are not told yet.
    ring_node: "io_kiocb.comp_list", 0, false;
    /// The first of those.
    ring_done: "io_ring_ctx.submit_state.compl_reqs.first", 8, false;
    /// Of an open, the place among the ring's own files, from 1 (5.15).
    ring_slot: "io_open.file_slot", 4, false;
    /// Of a splice, the descriptor that is read.
    ring_splice_fd: "io_splice.splice_fd_in", 4, false;
    /// Its flags.
    ring_splice_flags: "io_splice.flags", 4, false;
    /// How many files of its own a ring has room for (before 6.13 beside the table).
    ring_files_count: "io_ring_ctx.file_table.data.nr | io_ring_ctx.nr_user_files", 4, false;
    /// These (6.13).
    ring_nodes: "io_ring_ctx.file_table.data.nodes", 8, false;
    /// The file of one.
    ring_node_file: "io_rsrc_node.file_ptr", 8, false;
    /// These, before 6.13: each a word.
    ring_files: "io_ring_ctx.file_table.files", 8, false;
    /// Of an event of perf, the task that it is about; null where it is about everyone.
    perf_target: "perf_event.hw.target", 8, true;
    /// What its samples have.
    perf_sample_type: "perf_event.attr.sample_type", 8, true;
    /// What is read of it; its flags are behind that.
    perf_read_format: "perf_event.attr.read_format", 8, true;
    /// Number of the running call, at its exit.
    regs_number: "pt_regs.orig_ax | pt_regs.syscallno", 0, true;
}
