//! GRE (RFC 2784, 2890), version 1 as PPTP has it (RFC 2637), and WCCP's redirection.

use super::super::link::{self, ethertype};
use super::super::names::Tunnel;
use super::{Context, Drop, Outcome, Wrapping, carried, erspan, header, ppp};

const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGEMENT: u16 = 0x0080;
const VERSION: u16 = 0x0007;

/// Protocol types that only GRE has.
pub(in crate::decode) mod number {
    pub(in crate::decode) const KEEPALIVE: u16 = 0;
    pub(in crate::decode) const PPP: u16 = 0x880b;
    pub(in crate::decode) const WCCP: u16 = 0x883e;
    pub(in crate::decode) const ERSPAN: u16 = 0x88be;
    pub(in crate::decode) const ERSPAN_III: u16 = 0x22eb;
}

/// GRE, from its flags on.
pub(super) fn gre<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    let (start, mut rest) = header::<4>(data)?;
    let flags = u16::from_be_bytes([start[0], start[1]]);
    let protocol = u16::from_be_bytes([start[2], start[3]]);
    match flags & VERSION {
        0 => {}
        1 if protocol == number::PPP => return pptp(context, flags, rest),
        _ => return Err(Drop::NotIp),
    }
    // Source routes (RFC 1701) were withdrawn.
    if flags & ROUTING != 0 {
        return Err(Drop::NotIp);
    }
    if flags & CHECKSUM != 0 {
        (_, rest) = header::<4>(rest)?;
    }
    let mut key = None;
    if flags & KEY != 0 {
        let bytes;
        (bytes, rest) = header::<4>(rest)?;
        key = Some(u32::from_be_bytes(*bytes));
    }
    if flags & SEQUENCE != 0 {
        (_, rest) = header::<4>(rest)?;
    }
    let inner = match (protocol, key) {
        // A mirror, not a path: its sessions are no networks of their own.
        (number::ERSPAN | number::ERSPAN_III, _) => *context,
        (_, Some(key)) => context.inside(Wrapping::GreWithKey, key)?,
        (_, None) => context.inside(Wrapping::Gre, 0)?,
    };
    match protocol {
        number::ERSPAN => erspan::by_version(&inner, flags & SEQUENCE != 0, rest),
        number::ERSPAN_III => erspan::type_3(&inner, rest),
        number::PPP => ppp::ppp(&inner, rest),
        number::WCCP => wccp(&inner, rest),
        number::KEEPALIVE => Err(inner.control()),
        // A frame's length or LLC is no type of GRE.
        1..=ethertype::LENGTH_MAX => Err(inner.unread_inside(Tunnel::Gre)),
        ethertype => carried(&inner, ethertype, rest),
    }
}

/// The same in UDP (RFC 8086): by its port alone it is believed only where nothing that is
/// reserved is set, and where it names an Ethernet type.
pub(super) fn in_udp<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    let (start, _) = header::<4>(data)?;
    let flags = u16::from_be_bytes([start[0], start[1]]);
    let protocol = u16::from_be_bytes([start[2], start[3]]);
    if flags & !(CHECKSUM | KEY | SEQUENCE) != 0 || protocol <= ethertype::LENGTH_MAX {
        return Err(Drop::NotIp);
    }
    gre(context, data)
}

/// Version 1: a key of payload length and call id, sequence and acknowledgement.
fn pptp<'a>(context: &Context<'_>, flags: u16, data: &'a [u8]) -> Outcome<'a> {
    if flags & (KEY | CHECKSUM | ROUTING) != KEY {
        return Err(Drop::NotIp);
    }
    let (key, mut rest) = header::<4>(data)?;
    let len = usize::from(u16::from_be_bytes([key[0], key[1]]));
    if flags & SEQUENCE == 0 {
        // Without a sequence number it only acknowledges.
        return Err(context.control());
    }
    (_, rest) = header::<4>(rest)?;
    if flags & ACKNOWLEDGEMENT != 0 {
        (_, rest) = header::<4>(rest)?;
    }
    let payload = rest.get(..len).unwrap_or(rest);
    // Each direction has a call id of its own.
    ppp::ppp(&context.inside(Wrapping::Gre, 0)?, payload)
}

/// IPv4 behind WCCP's redirect header, which version 1 does not have.
fn wccp<'a>(inner: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    let redirected = match data.first() {
        Some(first) if first >> 4 == 4 => data,
        _ => header::<4>(data)?.1,
    };
    link::network(inner, ethertype::IPV4, redirected)
}
