//! VXLAN (RFC 7348) and its generic protocol extension.

use super::super::names::Tunnel;
use super::{
    Context, Drop, Layer, Outcome, Wrapping, carried_by_next_protocol, header, link,
    looks,
};

/// Says that the network id is valid; always set.
const VALID: u8 = 0x08;
/// Of the generic extension: says that a next protocol is named.
const NEXT_PROTOCOL: u8 = 0x04;
/// Of the generic extension: operation and maintenance, no packet of a user.
const MAINTENANCE: u8 = 0x01;

pub(super) const GPE_READ: &str = "IPv4, IPv6, Ethernet, NSH, MPLS";

/// VXLAN, from the flags on.
pub(super) fn vxlan<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    let (start, rest) = header::<8>(data)?;
    if start[0] & VALID == 0 {
        return Err(Drop::NotIp);
    }
    let network = u32::from_be_bytes([0, start[4], start[5], start[6]]);
    let inner = link::ethernet(&context.inside(Wrapping::Vxlan, network)?, rest);
    // Group policies use more bits. A packet inside is proof enough for any of them;
    // without one, a header with reserved bits may be no header.
    let in_order = start[0] & 0x77 == 0 && start[7] == 0;
    if inner.is_err() && !in_order {
        context.forget();
    }
    inner
}

/// The generic protocol extension, from the flags on.
pub(super) fn gpe<'a>(context: &Context<'_>, data: &'a [u8]) -> Outcome<'a> {
    let (start, rest) = header::<8>(data)?;
    // Version 0, and nothing in what is reserved.
    if start[0] & VALID == 0
        || start[0] & 0xf0 != 0
        || start[1..3] != [0, 0]
        || start[7] != 0
    {
        return Err(Drop::NotIp);
    }
    let network = u32::from_be_bytes([0, start[4], start[5], start[6]]);
    let inner = context.inside(Wrapping::Vxlan, network)?;
    if start[0] & MAINTENANCE != 0 {
        return Err(context.control());
    }
    match (start[0] & NEXT_PROTOCOL, start[3]) {
        (0, 0) => link::ethernet(&inner, rest),
        (_, next) => carried_by_next_protocol(&inner, next, rest, Tunnel::VxlanGpe),
    }
}

/// Whether the first eight bytes of a datagram are a header of VXLAN without any bit in
/// what is reserved: 40 of its bits are fixed.
#[inline]
pub(in crate::decode) fn looks_like(data: &[u8]) -> bool {
    data.first_chunk().is_some_and(|start| {
        u64::from_be_bytes(*start) & 0xffff_ffff_0000_00ff == 0x0800_0000_0000_0000
    })
}

/// Notes a port at which VXLAN seems to go unopened: the datagram stays what it is.
#[cold]
pub(in crate::decode) fn suspected(context: &Context<'_>, port: u16, data: &[u8]) {
    if data.get(8..).is_some_and(|frame| looks::ethernet(context, frame)) {
        context.unread(Layer::VxlanPort, port.into());
    }
}
