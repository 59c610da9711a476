//! Headers of systems that name what follows by its address family, or not at all.

use super::super::{Context, Drop, Outcome, ip};
use super::{after, header};

/// Address families of IP; systems agree on IPv4 only.
mod af {
    pub(super) const INET: u32 = 2;
    /// NetBSD and OpenBSD, FreeBSD, Darwin.
    pub(super) const BSD_INET6: [u32; 3] = [24, 28, 30];
    pub(super) const SOLARIS_INET6: u32 = 26;
}

fn bsd<'a>(context: &Context, family: u32, data: &'a [u8]) -> Outcome<'a> {
    match family {
        af::INET => ip::v4(context, data),
        family if af::BSD_INET6.contains(&family) => ip::v6(context, data),
        _ => Err(Drop::NotIp),
    }
}

/// A family in four bytes. They are small numbers: if it is large, the bytes are the
/// other way round.
fn in_either_order(bytes: [u8; 4]) -> u32 {
    match u32::from_be_bytes(bytes) {
        family @ 0..=0xffff => family,
        family => family.swap_bytes(),
    }
}

/// BSD loopback: an address family in the byte order of the machine that wrote it (or,
/// for LOOP, of the network).
pub(super) fn loopback<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    let (family, rest) = header::<4>(data)?;
    bsd(context, in_either_order(*family), rest)
}

/// BSD's IPsec interface: family, security association and flags of the packet, which is
/// in clear here.
pub(super) fn enc<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    let (header, rest) = header::<12>(data)?;
    bsd(context, in_either_order([header[0], header[1], header[2], header[3]]), rest)
}

/// pf's log: a header that gives its own length, which is rounded up to four bytes.
pub(super) fn pflog<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    /// The shortest that there was, up to the direction.
    const LEAST: usize = 45;
    let (start, _) = header::<2>(data)?;
    let len = usize::from(start[0]);
    if len < LEAST {
        return Err(Drop::NotIp);
    }
    bsd(context, start[1].into(), after(data, len.next_multiple_of(4))?)
}

/// Solaris: version, family, and 22 bytes on interfaces and zones.
pub(super) fn ipnet<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    let (header, rest) = header::<24>(data)?;
    match u32::from(header[1]) {
        af::INET => ip::v4(context, rest),
        af::SOLARIS_INET6 => ip::v6(context, rest),
        _ => Err(Drop::NotIp),
    }
}

/// SLIP as BSD's packet filter shows it: direction and compressed header in 16 bytes,
/// then the packet, not compressed.
pub(super) fn slip<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    let (_, rest) = header::<16>(data)?;
    ip::by_version(context, rest)
}
