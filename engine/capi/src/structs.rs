//! Structs that can grow without breaking hosts.
//!
//! Each begins with its size as the host knows it. A host that was built against an older
//! header gives a shorter struct: what it lacks is 0. One that was built against a newer
//! header gives a longer one: it is taken as long as what this library does not know is 0.

use crate::status::{Failure, wormsift_status};
use std::mem::size_of;

/// A packet that the host has decoded. Addresses and ports are those of the innermost IP
/// header. Begin with `= {0}` and set `struct_size`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct wormsift_packet {
    /// `sizeof(wormsift_packet)`.
    pub struct_size: usize,
    /// Place in the input, from 1 on, which decides every order; 0 for the order of
    /// arrival or of time. All packets of an engine have numbers, or none has.
    pub number: u64,
    /// When it was captured: nanoseconds since 1970.
    pub time_ns: u64,
    /// 4 or 6.
    pub ip_version: u8,
    /// IP protocol number.
    pub protocol: u8,
    /// TCP flags as on the wire; 0 for other protocols.
    pub tcp_flags: u8,
    /// Not 0 if it came through a tunnel whose ends are not trusted: such a packet shows of no
    /// address that it is not forged.
    pub untrusted_tunnel: u8,
    /// TCP sequence number of the first payload byte (of the SYN itself on a SYN).
    pub sequence: u32,
    /// TCP acknowledgement number.
    pub acknowledgement: u32,
    /// Source port; 0 where there is none.
    pub source_port: u16,
    /// Destination port; for ICMP type x 256 + code.
    pub destination_port: u16,
    /// Who sent it, in network order; IPv4 in the first four bytes.
    pub source: [u8; 16],
    /// Whom it was sent to.
    pub destination: [u8; 16],
    /// VLAN and tunnel ids folded to one number, 0 for none: equal addresses in different
    /// wrappings are different flows.
    pub encapsulation: u64,
}

/// Whether a TCP sender gets the answers to its address. Whoever forges one does not.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum wormsift_handshake {
    /// Not known.
    WORMSIFT_HANDSHAKE_UNKNOWN = 0,
    /// It acknowledged what the other side had sent.
    WORMSIFT_HANDSHAKE_ANSWERED = 1,
    /// It did not.
    WORMSIFT_HANDSHAKE_UNANSWERED = 2,
}

/// A piece of a TCP direction that the host has put together. Begin with `= {0}` and set
/// `struct_size`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct wormsift_piece {
    /// `sizeof(wormsift_piece)`.
    pub struct_size: usize,
    /// Place in the input, on one scale with packets; 0 for the order of arrival.
    pub number: u64,
    /// When its last byte was captured: nanoseconds since 1970.
    pub time_ns: u64,
    /// Bytes of the direction before it: one that does not continue the piece before
    /// stands behind a gap.
    pub offset: u64,
    /// 4 or 6.
    pub ip_version: u8,
    /// A `wormsift_handshake`: from a piece that says answered on, the direction is.
    pub handshake: u8,
    /// 0.
    pub reserved: [u8; 2],
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Who sent it, in network order; IPv4 in the first four bytes.
    pub source: [u8; 16],
    /// Whom it was sent to.
    pub destination: [u8; 16],
    /// VLAN and tunnel ids folded to one number.
    pub encapsulation: u64,
}

/// A frame as it was captured. Begin with `= {0}` and set `struct_size`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct wormsift_frame {
    /// `sizeof(wormsift_frame)`.
    pub struct_size: usize,
    /// Place in the input, from 1 on; 0 for the order of arrival.
    pub number: u64,
    /// When it was captured: nanoseconds since 1970.
    pub time_ns: u64,
    /// How it begins: a number of libpcap's list of link types, such as 1 for Ethernet.
    pub link_type: u32,
    /// Bytes on the wire, more than were captured where it was cut; 0 for as many.
    pub original_length: u32,
}

/// Counters; `wormsift_engine_stats_json` has all of them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct wormsift_stats {
    /// `sizeof(wormsift_stats)`, set by the host.
    pub struct_size: usize,
    /// Packets, frames and pieces that came in.
    pub frames: u64,
    /// Packets that were decoded.
    pub packets: u64,
    /// Their payload bytes.
    pub payload_bytes: u64,
    /// Frames that could not be decoded, all reasons together.
    pub drops: u64,
    /// Sampled windows and short datagrams.
    pub sightings: u64,
    /// Signatures announced.
    pub signatures: u64,
    /// Bytes reserved for tables, samples and signatures.
    pub memory_bytes: u64,
    /// Times that packet time went backwards.
    pub time_backwards: u64,
    /// With order by time: packets that came when their time had been sifted.
    pub late: u64,
    /// With order by time: packets that were sifted before all workers had come to their
    /// time, since more waited than there was room for.
    pub forced: u64,
}

/// A struct that a host gives, of whatever version.
///
/// # Safety
///
/// `given` is null or points to at least as many bytes as its first member says.
/// `T` begins with its size and is made of plain numbers.
pub(crate) unsafe fn read<T: Copy + Default>(
    given: *const T,
    name: &str,
) -> Result<T, Failure> {
    if given.is_null() {
        return Err(Failure::null(name));
    }
    // SAFETY: not null; every version has the size as its first member.
    let size = unsafe { given.cast::<usize>().read_unaligned() };
    if size == size_of::<T>() {
        // SAFETY: the host vouches for `size` bytes, and any bytes are values of plain
        // numbers.
        return Ok(unsafe { given.read_unaligned() });
    }
    check(size, name)?;
    let mut whole = T::default();
    let known = size.min(size_of::<T>());
    // SAFETY: the host vouches for `size` bytes, `whole` has `known`, and any bytes are
    // values of plain numbers.
    unsafe {
        std::ptr::copy_nonoverlapping(
            given.cast::<u8>(),
            (&raw mut whole).cast::<u8>(),
            known,
        );
    }
    for at in known..size {
        // SAFETY: inside what the host vouches for.
        if unsafe { given.cast::<u8>().add(at).read() } != 0 {
            let reason = format!(
                "{name}: byte {at} is set, and this library knows the first {known}"
            );
            return Err(Failure::new(wormsift_status::WORMSIFT_ERR_VERSION, reason));
        }
    }
    Ok(whole)
}

/// Fills in as much of a host's struct as it has.
///
/// # Safety
///
/// As [`read`], and the bytes may be written.
pub(crate) unsafe fn write<T: Copy>(
    into: *mut T,
    value: &T,
    name: &str,
) -> Result<(), Failure> {
    if into.is_null() {
        return Err(Failure::null(name));
    }
    // SAFETY: not null; every version has the size as its first member.
    let size = unsafe { into.cast::<usize>().read_unaligned() };
    check(size, name)?;
    let (first, known) = (size_of::<usize>(), size.min(size_of::<T>()));
    // SAFETY: the host vouches for `size` bytes; its own size stays as it is.
    unsafe {
        std::ptr::copy_nonoverlapping(
            std::ptr::from_ref(value).cast::<u8>().add(first),
            into.cast::<u8>().add(first),
            known - first,
        );
    }
    Ok(())
}

/// No version of a struct is shorter than two numbers or longer than a page.
fn check(size: usize, name: &str) -> Result<(), Failure> {
    if (16..=4_096).contains(&size) {
        return Ok(());
    }
    let reason = format!("{name}: struct_size is {size}, expected its sizeof");
    Err(Failure::new(wormsift_status::WORMSIFT_ERR_VERSION, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(C)]
    #[derive(Clone, Copy, Debug, Default)]
    struct Newer {
        struct_size: usize,
        frame: [u64; 3],
        later: u64,
    }

    fn given(struct_size: usize, later: u64) -> Newer {
        Newer { struct_size, frame: [1, 2, 3], later }
    }

    #[test]
    fn older_and_newer_structs_are_read() {
        let read = |newer: &Newer| {
            // SAFETY: all sizes given here lie inside `Newer`.
            unsafe { read(std::ptr::from_ref(newer).cast::<wormsift_frame>(), "frame") }
        };
        let older = read(&given(16, 0)).unwrap();
        assert_eq!((older.number, older.time_ns, older.link_type), (1, 0, 0));
        let same = read(&given(size_of::<wormsift_frame>(), 9)).unwrap();
        assert_eq!((same.number, same.time_ns, same.link_type), (1, 2, 3));
        assert!(read(&given(size_of::<Newer>(), 0)).is_ok());
        let unknown = read(&given(size_of::<Newer>(), 1)).unwrap_err();
        assert_eq!(unknown.status, wormsift_status::WORMSIFT_ERR_VERSION);
        for size in [0, 8, 15, 4_097, usize::MAX] {
            let refused = read(&given(size, 0)).unwrap_err();
            assert_eq!(refused.status, wormsift_status::WORMSIFT_ERR_VERSION);
        }
    }

    #[test]
    fn only_what_the_host_has_is_written() {
        let value = wormsift_frame { number: 7, time_ns: 8, ..Default::default() };
        let mut room = given(16, 5);
        // SAFETY: 16 bytes lie inside `Newer`.
        unsafe { write((&raw mut room).cast(), &value, "frame").unwrap() };
        assert_eq!((room.struct_size, room.frame, room.later), (16, [7, 2, 3], 5));
    }
}
