//! Is there another packet inside?

use super::encapsulation::{Wrapping, fold};
use super::link::{self, ethertype, header};
use super::{Context, Decoded, Drop, Network, Outcome, ip};
use crate::packet::Packet;

/// Destination port of VXLAN (RFC 7348).
pub(super) const VXLAN_PORT: u16 = 4_789;
/// Destination port of Geneve (RFC 8926).
pub(super) const GENEVE_PORT: u16 = 6_081;

/// The inner packet where there is one; else the outer one, for then it was no
/// tunnel, or one of something else than IP.
///
/// A few reasons stand nevertheless: the inner packet exists but must not be
/// used, or it may exist and the capture cut its headers off.
pub(super) fn inner_or_outer<'a>(
    network: &Network,
    inner: Outcome<'a>,
    outer: Packet<'a>,
) -> Outcome<'a> {
    match inner {
        Err(reason) if reason.is_final() || (reason.is_short() && !network.whole) => {
            Err(reason)
        }
        Err(_) => Ok(Decoded::Packet(outer)),
        found => found,
    }
}

/// IPv4 in IP (RFC 2003).
pub(super) fn ipv4<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    ip::v4(&inside(context, Wrapping::IpInIp, 0)?, data)
}

/// IPv6 in IP (RFC 4213, 2473).
pub(super) fn ipv6<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    ip::v6(&inside(context, Wrapping::Ipv6InIp, 0)?, data)
}

/// GRE version 0 with checksum, key and sequence number (RFC 2784, 2890).
pub(super) fn gre<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    const CHECKSUM: u16 = 0x8000;
    const ROUTING: u16 = 0x4000;
    const KEY: u16 = 0x2000;
    const SEQUENCE: u16 = 0x1000;
    const VERSION: u16 = 0x0007;

    let (start, mut rest) = header::<4>(data)?;
    let flags = u16::from_be_bytes([start[0], start[1]]);
    // Version 1 is PPTP's; source routes (RFC 1701) were withdrawn.
    if flags & (VERSION | ROUTING) != 0 {
        return Err(Drop::NotIp);
    }
    if flags & CHECKSUM != 0 {
        (_, rest) = header::<4>(rest)?;
    }
    let inner = if flags & KEY != 0 {
        let key;
        (key, rest) = header::<4>(rest)?;
        inside(context, Wrapping::GreWithKey, u32::from_be_bytes(*key))?
    } else {
        inside(context, Wrapping::Gre, 0)?
    };
    if flags & SEQUENCE != 0 {
        (_, rest) = header::<4>(rest)?;
    }
    carried(&inner, u16::from_be_bytes([start[2], start[3]]), rest)
}

/// VXLAN, from the flags on.
pub(super) fn vxlan<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    let (start, rest) = header::<8>(data)?;
    // The bit that says that the network id is valid; always set.
    if start[0] & 0x08 == 0 {
        return Err(Drop::NotIp);
    }
    let network = u32::from_be_bytes([0, start[4], start[5], start[6]]);
    link::ethernet(&inside(context, Wrapping::Vxlan, network)?, rest)
}

/// Geneve, from the version on.
pub(super) fn geneve<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    let (start, rest) = header::<8>(data)?;
    let (version, options_len) = (start[0] >> 6, usize::from(start[0] & 0x3f) * 4);
    let control = start[1] & 0x80 != 0;
    if version != 0 || control {
        return Err(Drop::NotIp);
    }
    let network = u32::from_be_bytes([0, start[4], start[5], start[6]]);
    let inner = inside(context, Wrapping::Geneve, network)?;
    let rest = rest.get(options_len..).ok_or(Drop::LinkHeaderShort)?;
    carried(&inner, u16::from_be_bytes([start[2], start[3]]), rest)
}

/// What a tunnel header with an Ethernet type carries.
fn carried<'a>(inner: &Context, ethertype: u16, data: &'a [u8]) -> Outcome<'a> {
    match ethertype {
        ethertype::ETHERNET => link::ethernet(inner, data),
        ethertype => link::network(inner, ethertype, data),
    }
}

fn inside(context: &Context, wrapping: Wrapping, id: u32) -> Result<Context, Drop> {
    let mut inner = context.deeper()?;
    inner.encapsulation = fold(inner.encapsulation, wrapping, id);
    Ok(inner)
}
