//! Packet sockets.
//!
//! Each call stands once, behind a function that takes plain values; the rest of the
//! module calls these.

use super::bpf::{BpfProgram, Instruction};
use super::error::LiveError;
use std::ffi::CString;
use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use wormsift::packet::LinkType;

/// A packet socket, closed when dropped.
pub(super) struct Socket {
    fd: OwnedFd,
    pub(super) interface: String,
}

/// An interface as the kernel knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interface {
    /// The kernel's number; 0 for all interfaces.
    pub(super) index: i32,
    /// Whether frames begin with an Ethernet header; else they are taken from the
    /// network header on.
    pub(super) ethernet: bool,
    /// Whether each frame is seen twice, going out and coming in.
    pub(super) loopback: bool,
}

impl Interface {
    /// How frames of this interface begin, as this module opens it.
    pub(super) fn link(self) -> LinkType {
        if self.ethernet { LinkType::ETHERNET } else { LinkType::RAW }
    }
}

/// The kernel's counters since the last look.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Statistics {
    /// Frames that passed the filter, dropped ones among them.
    pub(super) packets: u32,
    pub(super) drops: u32,
    pub(super) freezes: u32,
}

// System calls have no other form. Each block gives the kernel a pointer to a value of
// the type that the call documents, and its size; the value outlives the call.
#[allow(unsafe_code)]
impl Socket {
    /// A socket that receives nothing before it is bound.
    pub(super) fn open(interface: &str, ethernet: bool) -> Result<Self, LiveError> {
        let kind = if ethernet { libc::SOCK_RAW } else { libc::SOCK_DGRAM };
        // SAFETY: no pointers; the result is checked before it is owned.
        let fd = unsafe { libc::socket(libc::AF_PACKET, kind | libc::SOCK_CLOEXEC, 0) };
        if fd < 0 {
            return Err(LiveError::last(interface, "open a packet socket"));
        }
        // SAFETY: a descriptor that was just opened and that nobody else owns.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self { fd, interface: interface.to_owned() })
    }

    pub(super) fn raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// Sets an option of the packet level to a value of the type that it documents.
    pub(super) fn set<T: Copy>(
        &self,
        option: i32,
        value: T,
        doing: &'static str,
    ) -> Result<(), LiveError> {
        self.set_at(libc::SOL_PACKET, option, &value, doing)
    }

    fn set_at<T>(
        &self,
        level: i32,
        option: i32,
        value: &T,
        doing: &'static str,
    ) -> Result<(), LiveError> {
        // SAFETY: the pointer is to a whole T, and the length is T's.
        let result = unsafe {
            libc::setsockopt(
                self.raw_fd(),
                level,
                option,
                std::ptr::from_ref(value).cast(),
                size_of::<T>() as libc::socklen_t,
            )
        };
        if result == 0 { Ok(()) } else { Err(LiveError::last(&self.interface, doing)) }
    }

    /// Reads an option; T is an integer, or a struct of integers, so that all bytes are
    /// values.
    fn get<T: Copy>(
        &self,
        level: i32,
        option: i32,
        doing: &'static str,
    ) -> Result<T, LiveError> {
        // SAFETY: T holds integers only, for which zeros are values.
        let mut value: T = unsafe { zeroed() };
        let mut length = size_of::<T>() as libc::socklen_t;
        // SAFETY: the kernel writes at most `length` bytes, which is T's size.
        let result = unsafe {
            libc::getsockopt(
                self.raw_fd(),
                level,
                option,
                std::ptr::from_mut(&mut value).cast(),
                &raw mut length,
            )
        };
        if result == 0 { Ok(value) } else { Err(LiveError::last(&self.interface, doing)) }
    }

    /// The number of the fan-out group that the socket is in.
    pub(super) fn fanout_group(&self) -> Result<u16, LiveError> {
        let value: u32 =
            self.get(libc::SOL_PACKET, libc::PACKET_FANOUT, "read the fan-out group")?;
        Ok((value & 0xffff) as u16)
    }

    /// Reads the kernel's counters, which begin anew.
    pub(super) fn statistics(&self) -> Result<Statistics, LiveError> {
        let read: libc::tpacket_stats_v3 =
            self.get(libc::SOL_PACKET, libc::PACKET_STATISTICS, "read statistics")?;
        Ok(Statistics {
            packets: read.tp_packets,
            drops: read.tp_drops,
            freezes: read.tp_freeze_q_cnt,
        })
    }

    /// The error that waits on the socket, such as that the interface went down.
    pub(super) fn pending_error(&self) -> Result<(), LiveError> {
        let error: i32 =
            self.get(libc::SOL_SOCKET, libc::SO_ERROR, "read the state of the socket")?;
        match error {
            0 => Ok(()),
            code => {
                let source = io::Error::from_raw_os_error(code);
                Err(LiveError::new(&self.interface, "receive", source))
            }
        }
    }

    /// From now on only what passes this filter is received.
    pub(super) fn attach(&self, program: &BpfProgram) -> Result<(), LiveError> {
        let mut filters: Vec<libc::sock_filter> =
            program.instructions().iter().map(|one| sock_filter(*one)).collect();
        let program = libc::sock_fprog {
            // At most 4,096, as the parser holds.
            len: filters.len() as u16,
            filter: filters.as_mut_ptr(),
        };
        // The kernel copies the instructions during the call, while `filters` lives.
        self.set_at(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program, "set the filter")
    }

    /// Begins to receive from an interface.
    pub(super) fn bind(&self, interface: Interface) -> Result<(), LiveError> {
        self.bind_to(interface, libc::ETH_P_ALL as u16)
    }

    fn bind_to(&self, interface: Interface, protocol: u16) -> Result<(), LiveError> {
        // SAFETY: integers and an array of integers, for which zeros are values.
        let mut address: libc::sockaddr_ll = unsafe { zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = protocol.to_be();
        address.sll_ifindex = interface.index;
        // SAFETY: the address is a whole sockaddr_ll, and the length is its.
        let result = unsafe {
            libc::bind(
                self.raw_fd(),
                (&raw const address).cast(),
                size_of::<libc::sockaddr_ll>() as libc::socklen_t,
            )
        };
        if result == 0 {
            Ok(())
        } else {
            Err(LiveError::last(&self.interface, "bind to the interface"))
        }
    }

    /// Makes an interface the one that frames are sent through; nothing is received.
    pub(super) fn bind_to_send(&self, interface: Interface) -> Result<(), LiveError> {
        self.bind_to(interface, 0)
    }

    /// Sends each piece as one frame; how many were sent.
    pub(super) fn send_all(
        &self,
        pieces: &mut [libc::iovec],
    ) -> Result<usize, LiveError> {
        let mut messages: Vec<libc::mmsghdr> = pieces
            .iter_mut()
            .map(|piece| {
                // SAFETY: integers and pointers, for which zeros are values.
                let mut message: libc::mmsghdr = unsafe { zeroed() };
                message.msg_hdr.msg_iov = piece;
                message.msg_hdr.msg_iovlen = 1;
                message
            })
            .collect();
        // SAFETY: so many whole messages, each of one piece; pieces and what they point
        // to live during the call, and sending only reads them.
        let sent = unsafe {
            libc::sendmmsg(
                self.raw_fd(),
                messages.as_mut_ptr(),
                messages.len() as libc::c_uint,
                0,
            )
        };
        if sent >= 0 {
            return Ok(sent as usize);
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::ENOBUFS | libc::EAGAIN | libc::EINTR) => Ok(0),
            _ => Err(LiveError::new(&self.interface, "send", error)),
        }
    }

    /// Asks the interface for frames to other hosts too, for as long as the socket lives.
    pub(super) fn promiscuous(&self, interface: Interface) -> Result<(), LiveError> {
        let request = libc::packet_mreq {
            mr_ifindex: interface.index,
            mr_type: libc::PACKET_MR_PROMISC as u16,
            mr_alen: 0,
            mr_address: [0; 8],
        };
        self.set(libc::PACKET_ADD_MEMBERSHIP, request, "switch on promiscuous mode")
    }
}

fn sock_filter(instruction: Instruction) -> libc::sock_filter {
    libc::sock_filter {
        code: instruction.code,
        jt: instruction.if_true,
        jf: instruction.if_false,
        k: instruction.operand,
    }
}

/// Looks an interface up by name; `any` stands for all of them.
pub(super) fn interface(name: &str) -> Result<Interface, LiveError> {
    if name == "any" {
        return Ok(Interface { index: 0, ethernet: false, loopback: false });
    }
    let (index, text) = index(name)?;
    let hardware = hardware_type(name, &text)?;
    Ok(Interface {
        index,
        ethernet: [libc::ARPHRD_ETHER, libc::ARPHRD_LOOPBACK].contains(&hardware),
        loopback: hardware == libc::ARPHRD_LOOPBACK,
    })
}

/// The kernel's number of an interface, and its name as the kernel wants it.
#[allow(unsafe_code)] // A system call, as above.
pub(super) fn index(name: &str) -> Result<(i32, CString), LiveError> {
    let no_such = |source| LiveError::new(name, "find the interface", source);
    let text = CString::new(name).map_err(|error| no_such(error.into()))?;
    // SAFETY: a string that ends with a zero, alive during the call.
    let index = unsafe { libc::if_nametoindex(text.as_ptr()) };
    if index == 0 || text.as_bytes_with_nul().len() > libc::IFNAMSIZ {
        return Err(no_such(io::Error::last_os_error()));
    }
    Ok((index as i32, text))
}

/// The `ARPHRD_` number of an interface whose name fits.
#[allow(unsafe_code)] // A member of a union, as below.
fn hardware_type(name: &str, text: &CString) -> Result<u16, LiveError> {
    let doing = "read the type of the interface";
    let answer = ask(name, text, libc::SIOCGIFHWADDR, doing)?;
    // SAFETY: this request fills in this member, and any bytes are values of it.
    Ok(unsafe { answer.ifr_ifru.ifru_hwaddr.sa_family })
}

/// Whether an interface is there and up.
#[allow(unsafe_code)] // A member of a union, as below.
pub(super) fn is_up(name: &str) -> bool {
    let doing = "read the state of the interface";
    let answer =
        index(name).and_then(|(_, text)| ask(name, &text, libc::SIOCGIFFLAGS, doing));
    // SAFETY: this request fills in this member, and any bytes are values of it.
    let flags = |answer: libc::ifreq| unsafe { answer.ifr_ifru.ifru_flags };
    answer.is_ok_and(|answer| i32::from(flags(answer)) & libc::IFF_UP != 0)
}

/// Asks the kernel about an interface whose name fits.
#[allow(unsafe_code)] // System calls, as above.
fn ask(
    name: &str,
    text: &CString,
    what: libc::c_ulong,
    doing: &'static str,
) -> Result<libc::ifreq, LiveError> {
    // SAFETY: no pointers; the result is checked before it is owned.
    let fd =
        unsafe { libc::socket(libc::AF_UNIX, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(LiveError::last(name, doing));
    }
    // SAFETY: a descriptor that was just opened and that nobody else owns.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: integers and arrays of them, for which zeros are values.
    let mut request: libc::ifreq = unsafe { zeroed() };
    for (place, byte) in request.ifr_name.iter_mut().zip(text.as_bytes()) {
        *place = *byte as libc::c_char;
    }
    // SAFETY: these requests read the name and write the rest of a whole ifreq.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), what as _, &raw mut request) };
    if result < 0 {
        return Err(LiveError::last(name, doing));
    }
    Ok(request)
}
