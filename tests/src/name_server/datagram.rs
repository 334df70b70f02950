//! Sockets that share a port with others, and datagrams with both of their ends: of many addresses, the one that was asked must
//! answer.

use crate::sink::canonical;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};
use std::{
    io, mem,
    net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpListener, UdpSocket},
    os::fd::{AsRawFd as _, OwnedFd},
    ptr,
};

/// Room for one control message with an address in it, aligned as such a message must be.
#[repr(C)]
union Control {
    header: libc::cmsghdr,
    bytes: [u8; 64],
}

/// A listener that does not block.
pub(super) fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(address, SocketType::STREAM)?;
    bind(&socket, &address)?;
    listen(&socket, 64)?;
    Ok(TcpListener::from(socket))
}

/// Others may have a single address of those that this one has: they are nearer to it, and get what is sent there.
fn socket(address: SocketAddr, kind: SocketType) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    sockopt::set_socket_reuseport(&socket, true)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, false)?;
    }
    Ok(socket)
}

/// A datagram socket that does not block.
pub(super) struct Datagrams {
    pub(super) socket: UdpSocket,
    bound: SocketAddr,
}

impl Datagrams {
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = socket(address, SocketType::DGRAM)?;
        if address.ip().is_unspecified() && address.is_ipv6() {
            tell_addresses(&socket)?;
        }
        bind(&socket, &address)?;
        let socket = UdpSocket::from(socket);
        Ok(Self { bound: socket.local_addr()?, socket })
    }

    /// Length, sender, and the address that it was sent to.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr, SocketAddr)> {
        if !self.bound.ip().is_unspecified() {
            let (n, peer) = self.socket.recv_from(buffer)?;
            return Ok((n, peer, self.bound));
        }
        let mut control = Control { bytes: [0; 64] };
        // SAFETY: all zeros is a socket address without anything in it.
        let mut peer: libc::sockaddr_in6 = unsafe { mem::zeroed() };
        let mut piece = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
        let mut message = header(&mut peer, &mut piece, &mut control, size_of::<Control>());
        // SAFETY: the message points to what outlives the call, and tells the true lengths.
        let n = unsafe { libc::recvmsg(self.socket.as_raw_fd(), &raw mut message, 0) };
        let n = usize::try_from(n).map_err(|_negative| io::Error::last_os_error())?;
        // SAFETY: the kernel has filled the control messages; the one of this type holds this structure.
        let local = unsafe {
            let first = libc::CMSG_FIRSTHDR(&raw const message);
            let told = !first.is_null() && (*first).cmsg_type == libc::IPV6_PKTINFO;
            told.then(|| ptr::read_unaligned(libc::CMSG_DATA(first).cast::<libc::in6_pktinfo>()).ipi6_addr.s6_addr)
        };
        let local = local.map_or(self.bound.ip(), |address| IpAddr::V6(address.into()));
        let peer = SocketAddrV6::new(peer.sin6_addr.s6_addr.into(), u16::from_be(peer.sin6_port), 0, 0);
        Ok((n, canonical(peer.into()), canonical(SocketAddr::new(local, self.bound.port()))))
    }

    /// Sends from one of its addresses.
    pub(super) fn send(&self, bytes: &[u8], from: IpAddr, to: SocketAddr) -> io::Result<()> {
        if !self.bound.ip().is_unspecified() {
            return self.socket.send_to(bytes, to).map(|_| ());
        }
        // SAFETY: all zeros is a socket address without anything in it.
        let mut peer: libc::sockaddr_in6 = unsafe { mem::zeroed() };
        peer.sin6_family = libc::sa_family_t::try_from(libc::AF_INET6).unwrap_or(0);
        (peer.sin6_port, peer.sin6_addr.s6_addr) = (to.port().to_be(), mapped(to.ip()).octets());
        let told = libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: mapped(from).octets() }, ipi6_ifindex: 0 };
        let length = libc::c_uint::try_from(size_of_val(&told)).unwrap_or(0);
        let mut control = Control { bytes: [0; 64] };
        let mut piece = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
        // SAFETY: it only computes with a length.
        let space = unsafe { libc::CMSG_SPACE(length) };
        let message = header(&mut peer, &mut piece, &mut control, space as usize);
        // SAFETY: the control messages have room for one with this structure.
        unsafe {
            let first = libc::CMSG_FIRSTHDR(&raw const message);
            (*first).cmsg_level = libc::IPPROTO_IPV6;
            (*first).cmsg_type = libc::IPV6_PKTINFO;
            (*first).cmsg_len = libc::CMSG_LEN(length) as _;
            ptr::write_unaligned(libc::CMSG_DATA(first).cast(), told);
        }
        // SAFETY: the message points to what outlives the call; the kernel writes to nothing of it.
        let sent = unsafe { libc::sendmsg(self.socket.as_raw_fd(), &raw const message, 0) };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// The kernel is to tell with each datagram which address it was sent to.
fn tell_addresses(socket: &OwnedFd) -> io::Result<()> {
    let on: libc::c_int = 1;
    let size = libc::socklen_t::try_from(size_of_val(&on)).unwrap_or(0);
    let (level, option) = (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO);
    // SAFETY: the option is a number, which outlives the call.
    let set = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const on).cast(), size) };
    if set < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn header(
    peer: &mut libc::sockaddr_in6,
    piece: &mut libc::iovec,
    control: &mut Control,
    control_length: usize,
) -> libc::msghdr {
    // SAFETY: all zeros is a message without anything in it.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_namelen = libc::socklen_t::try_from(size_of_val(peer)).unwrap_or(0);
    message.msg_name = ptr::from_mut(peer).cast();
    (message.msg_iov, message.msg_iovlen) = (piece, 1);
    message.msg_control = ptr::from_mut(control).cast();
    message.msg_controllen = control_length as _;
    message
}

fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}
