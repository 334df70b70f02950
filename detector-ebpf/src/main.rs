//! Entry points of the eBPF programs; what they do is in the rooms.
//!
//! Read kernel structures, join, flow, leak; deny, then kill; say what happened.
#![no_std]
#![no_main]
// `BPF_XADD` has no other spelling here; the crate is built with build-std anyway.
#![feature(asm_experimental_arch)]

mod abi;
mod author;
mod carrier;
mod command;
mod emit;
mod event;
mod file;
mod flow;
mod hook;
mod job;
mod layout;
mod maps;
mod path;
mod program;
mod resolver;
mod scan;
mod shared;
mod socket;
mod task;

use aya_ebpf::{
    macros::{btf_tracepoint, cgroup_skb, cgroup_sock, cgroup_sock_addr},
    programs::{BtfTracePointContext, SkBuffContext, SockAddrContext, SockContext},
};

/// `TP_PROTO(struct task_struct *parent, struct task_struct *child)`, 5.5 to 7.x.
#[btf_tracepoint(function = "sched_process_fork")]
fn sched_process_fork(ctx: BtfTracePointContext) -> i32 {
    hook::process::fork(&ctx);
    0
}

/// A step of [`sched_process_fork`].
#[btf_tracepoint(function = "sched_process_fork")]
fn fork_inherit(ctx: BtfTracePointContext) -> i32 {
    hook::process::inherit(&ctx);
    0
}

/// `TP_PROTO(struct task_struct *p, pid_t old_pid, struct linux_binprm *bprm)`, 5.5 to 7.x.
#[btf_tracepoint(function = "sched_process_exec")]
fn sched_process_exec(ctx: BtfTracePointContext) -> i32 {
    hook::exec::exec(&ctx);
    0
}

/// A step of [`sched_process_exec`].
#[btf_tracepoint(function = "sched_process_exec")]
fn exec_identify(ctx: BtfTracePointContext) -> i32 {
    hook::exec::identify(&ctx);
    0
}

/// A step of [`sched_process_exec`].
#[btf_tracepoint(function = "sched_process_exec")]
fn exec_inject(ctx: BtfTracePointContext) -> i32 {
    hook::exec::injected(&ctx);
    0
}

/// A step of [`sched_process_exec`].
#[btf_tracepoint(function = "sched_process_exec")]
fn exec_walk(ctx: BtfTracePointContext) -> i32 {
    hook::exec::walked(&ctx);
    0
}

/// A step of [`sched_process_exec`].
#[btf_tracepoint(function = "sched_process_exec")]
fn exec_search(ctx: BtfTracePointContext) -> i32 {
    hook::exec::search(&ctx);
    0
}

/// A step of [`sched_process_exec`].
#[btf_tracepoint(function = "sched_process_exec")]
fn exec_compare(ctx: BtfTracePointContext) -> i32 {
    hook::exec::compared(&ctx);
    0
}

/// A step of [`sched_process_exec`].
#[btf_tracepoint(function = "sched_process_exec")]
fn exec_decide(ctx: BtfTracePointContext) -> i32 {
    hook::exec::decided(&ctx);
    0
}

/// A step of [`sched_process_exec`].
#[btf_tracepoint(function = "sched_process_exec")]
fn exec_take(_ctx: BtfTracePointContext) -> i32 {
    hook::exec::taken();
    0
}

/// A step of [`sched_process_exec`]: a process that is not tracked.
#[btf_tracepoint(function = "sched_process_exec")]
fn exec_agent(_ctx: BtfTracePointContext) -> i32 {
    hook::agent::exec();
    0
}

/// `TP_PROTO(struct task_struct *p)`; a second argument since 6.16 is not read.
#[btf_tracepoint(function = "sched_process_exit")]
fn sched_process_exit(_ctx: BtfTracePointContext) -> i32 {
    hook::process::exit();
    0
}

/// `TP_PROTO(struct pt_regs *regs, long id)`.
#[btf_tracepoint(function = "sys_enter")]
fn sys_enter(ctx: BtfTracePointContext) -> i32 {
    hook::call::enter(&ctx);
    0
}

/// A step of [`sys_enter`]: `execve` and `execveat`.
#[btf_tracepoint(function = "sys_enter")]
fn enter_exec(_ctx: BtfTracePointContext) -> i32 {
    hook::call::starting();
    0
}

/// A step of [`sys_enter`]: a write of one buffer that is searched.
#[btf_tracepoint(function = "sys_enter")]
fn enter_write(ctx: BtfTracePointContext) -> i32 {
    hook::call::writing(&ctx);
    0
}

/// A step of [`sys_enter`]: a write to the job's log that is searched.
#[btf_tracepoint(function = "sys_enter")]
fn enter_print(ctx: BtfTracePointContext) -> i32 {
    hook::call::printing(&ctx);
    0
}

/// A step of [`sys_enter`]: a request to a metadata service.
#[btf_tracepoint(function = "sys_enter")]
fn enter_ask(ctx: BtfTracePointContext) -> i32 {
    hook::call::asking(&ctx);
    0
}

/// A step of [`sys_enter`]: a call that moves data.
#[btf_tracepoint(function = "sys_enter")]
fn enter_move(ctx: BtfTracePointContext) -> i32 {
    hook::call::moving(&ctx);
    0
}

/// A step of [`sys_enter`]: memory that others have, too, is mapped.
#[btf_tracepoint(function = "sys_enter")]
fn enter_map(ctx: BtfTracePointContext) -> i32 {
    hook::call::mapping(&ctx);
    0
}

/// A step of [`sys_enter`]: what such memory carries, before anything is done with it.
#[btf_tracepoint(function = "sys_enter")]
fn enter_share(ctx: BtfTracePointContext) -> i32 {
    hook::call::sharing(&ctx);
    0
}

/// A step of [`sys_enter`]: a holder sends on a unix socket.
#[btf_tracepoint(function = "sys_enter")]
fn enter_service(ctx: BtfTracePointContext) -> i32 {
    hook::call::serving(&ctx);
    0
}

/// `TP_PROTO(struct pt_regs *regs, long ret)`.
#[btf_tracepoint(function = "sys_exit")]
fn sys_exit(ctx: BtfTracePointContext) -> i32 {
    hook::call::exit(&ctx);
    0
}

/// A step of [`sys_exit`].
#[btf_tracepoint(function = "sys_exit")]
fn exit_open(ctx: BtfTracePointContext) -> i32 {
    hook::call::opened(&ctx);
    0
}

/// A step of [`sys_exit`].
#[btf_tracepoint(function = "sys_exit")]
fn exit_probe(ctx: BtfTracePointContext) -> i32 {
    hook::call::probed(&ctx);
    0
}

/// A step of [`sys_exit`].
#[btf_tracepoint(function = "sys_exit")]
fn exit_memory(ctx: BtfTracePointContext) -> i32 {
    hook::call::looked(&ctx);
    0
}

/// A step of [`sys_exit`].
#[btf_tracepoint(function = "sys_exit")]
fn exit_move(ctx: BtfTracePointContext) -> i32 {
    hook::call::moved(&ctx);
    0
}

/// A step of [`sys_exit`].
#[btf_tracepoint(function = "sys_exit")]
fn exit_receive(ctx: BtfTracePointContext) -> i32 {
    hook::call::got(&ctx);
    0
}

/// A step of [`sys_exit`].
#[btf_tracepoint(function = "sys_exit")]
fn exit_share(ctx: BtfTracePointContext) -> i32 {
    hook::call::shared(&ctx);
    0
}

/// A step of [`sys_exit`].
#[btf_tracepoint(function = "sys_exit")]
fn exit_link(ctx: BtfTracePointContext) -> i32 {
    hook::call::linked(&ctx);
    0
}

/// `TP_PROTO(struct io_kiocb *req)`; not in 6.1, there in 6.12 (the matrix of kernels loads it).
#[btf_tracepoint(function = "io_uring_submit_req")]
fn io_uring_submit_req(ctx: BtfTracePointContext) -> i32 {
    hook::ring::submitted(&ctx);
    0
}

/// A step of [`io_uring_submit_req`].
#[btf_tracepoint(function = "io_uring_submit_req")]
fn begin_done(ctx: BtfTracePointContext) -> i32 {
    hook::ring::done(&ctx);
    0
}

/// `TP_PROTO(void *ctx, unsigned long long user_data, s32 res, u32 cflags, void *ocqe)`; there in 6.12.
#[btf_tracepoint(function = "io_uring_cqe_overflow")]
fn io_uring_cqe_overflow(_ctx: BtfTracePointContext) -> i32 {
    hook::ring::overflowed();
    0
}

/// A step of [`io_uring_submit_req`].
#[btf_tracepoint(function = "io_uring_submit_req")]
fn begin_share(ctx: BtfTracePointContext) -> i32 {
    hook::ring::sharing(&ctx);
    0
}

/// A step of [`io_uring_complete`].
#[btf_tracepoint(function = "io_uring_complete")]
fn ring_share(ctx: BtfTracePointContext) -> i32 {
    hook::ring::shared(&ctx);
    0
}

/// A step of [`io_uring_complete`].
#[btf_tracepoint(function = "io_uring_complete")]
fn ring_link(ctx: BtfTracePointContext) -> i32 {
    hook::ring::linked(&ctx);
    0
}

/// A step of [`io_uring_submit_req`].
#[btf_tracepoint(function = "io_uring_submit_req")]
fn begin_give(ctx: BtfTracePointContext) -> i32 {
    hook::ring::sending(&ctx);
    0
}

/// `TP_PROTO(struct io_ring_ctx *ctx, void *req, ...)`; there in 6.12. What else there is differs, and is not read.
#[btf_tracepoint(function = "io_uring_complete")]
fn io_uring_complete(ctx: BtfTracePointContext) -> i32 {
    hook::ring::completed(&ctx);
    0
}

/// A step of [`io_uring_complete`].
#[btf_tracepoint(function = "io_uring_complete")]
fn ring_open(ctx: BtfTracePointContext) -> i32 {
    hook::ring::opened(&ctx);
    0
}

/// A step of [`io_uring_complete`].
#[btf_tracepoint(function = "io_uring_complete")]
fn ring_receive(ctx: BtfTracePointContext) -> i32 {
    hook::ring::received(&ctx);
    0
}

/// A step of [`io_uring_complete`].
#[btf_tracepoint(function = "io_uring_complete")]
fn ring_next(ctx: BtfTracePointContext) -> i32 {
    hook::ring::next(&ctx);
    0
}

/// A step of [`io_uring_complete`].
#[btf_tracepoint(function = "io_uring_complete")]
fn ring_give(ctx: BtfTracePointContext) -> i32 {
    hook::ring::sending_next(&ctx);
    0
}

/// `TP_PROTO(const struct sock *sk, const int oldstate, const int newstate)`.
#[btf_tracepoint(function = "inet_sock_set_state")]
fn inet_sock_set_state(ctx: BtfTracePointContext) -> i32 {
    hook::network::state(&ctx);
    0
}

/// Returning 0 refuses with EPERM.
#[cgroup_sock_addr(connect4)]
fn connect4(ctx: SockAddrContext) -> i32 {
    hook::network::address(&ctx, detector_common::record::hook::CONNECT, false)
}

/// As [`connect4`].
#[cgroup_sock_addr(connect6)]
fn connect6(ctx: SockAddrContext) -> i32 {
    hook::network::address(&ctx, detector_common::record::hook::CONNECT, true)
}

/// As [`connect4`], for a datagram with an address of its own.
#[cgroup_sock_addr(sendmsg4)]
fn sendmsg4(ctx: SockAddrContext) -> i32 {
    hook::network::address(&ctx, detector_common::record::hook::SENDMSG, false)
}

/// As [`sendmsg4`].
#[cgroup_sock_addr(sendmsg6)]
fn sendmsg6(ctx: SockAddrContext) -> i32 {
    hook::network::address(&ctx, detector_common::record::hook::SENDMSG, true)
}

/// Gives every socket its cookie, by which it is marked.
#[cgroup_sock(sock_create)]
fn sock_create(ctx: SockContext) -> i32 {
    hook::network::created(&ctx)
}

/// The last descriptor of a socket is gone. 5.9.
#[cgroup_sock(sock_release)]
fn sock_release(ctx: SockContext) -> i32 {
    hook::network::released(&ctx)
}

/// Returning 0 drops the packet.
#[cgroup_skb(egress)]
fn egress(ctx: SkBuffContext) -> i32 {
    hook::egress::packet(&ctx)
}

/// A step of [`egress`]: a message to a name server.
#[cgroup_skb(egress)]
fn egress_read(ctx: SkBuffContext) -> i32 {
    hook::question::read(&ctx)
}

/// A step of [`egress`], behind that.
#[cgroup_skb(egress)]
fn egress_judge(ctx: SkBuffContext) -> i32 {
    hook::question::judge(&ctx)
}

/// Passes every packet.
#[cgroup_skb(ingress)]
fn ingress(ctx: SkBuffContext) -> i32 {
    hook::answer::packet(&ctx)
}

/// A step of [`ingress`]: the next message of the packet.
#[cgroup_skb(ingress)]
fn ingress_look(ctx: SkBuffContext) -> i32 {
    hook::answer::packet(&ctx)
}

/// A step of [`ingress`]: an answer to a question that was asked.
#[cgroup_skb(ingress)]
fn ingress_walk(ctx: SkBuffContext) -> i32 {
    hook::answer::walk(&ctx)
}

/// A step of [`ingress`]: what was learned is said.
#[cgroup_skb(ingress)]
fn ingress_say(ctx: SkBuffContext) -> i32 {
    hook::answer::told(&ctx)
}

/// A step of [`ingress`]: an answer that is to be believed.
#[cgroup_skb(ingress)]
fn ingress_learn(ctx: SkBuffContext) -> i32 {
    hook::answer::learn(&ctx)
}

#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// Some helpers are for GPL-compatible programs only.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
