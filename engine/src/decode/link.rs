//! What is under the link header?

use super::encapsulation::{Wrapping, fold};
use super::{Context, Drop, Outcome, ip};
use crate::packet::LinkType;

/// Numbers of the network protocols in an Ethernet type field.
pub(super) mod ethertype {
    pub(in crate::decode) const IPV4: u16 = 0x0800;
    pub(in crate::decode) const IPV6: u16 = 0x86dd;
    pub(in crate::decode) const ETHERNET: u16 = 0x6558;
    pub(in crate::decode) const ARP: u16 = 0x0806;
    pub(in crate::decode) const VLAN: u16 = 0x8100;
    pub(in crate::decode) const PROVIDER_VLAN: u16 = 0x88a8;
    pub(in crate::decode) const OLD_PROVIDER_VLAN: u16 = 0x9100;
    pub(in crate::decode) const MPLS: u16 = 0x8847;
    pub(in crate::decode) const MPLS_UPSTREAM: u16 = 0x8848;
    pub(in crate::decode) const PPPOE_SESSION: u16 = 0x8864;
    /// Up to here the field is the length of an 802.3 frame.
    pub(in crate::decode) const LENGTH_MAX: u16 = 1_500;
}

/// Linux's hardware type of netlink messages, whose protocol field is no
/// Ethernet type.
const ARPHRD_NETLINK: u16 = 824;

/// Decodes a frame from its first byte.
#[inline]
pub(super) fn decode<'a>(
    context: &Context,
    link: LinkType,
    data: &'a [u8],
) -> Outcome<'a> {
    match link {
        LinkType::ETHERNET => ethernet(context, data),
        LinkType::LINUX_SLL => cooked(context, data),
        LinkType::LINUX_SLL2 => cooked_2(context, data),
        LinkType::NULL | LinkType::LOOP => loopback(context, data),
        LinkType::RAW | LinkType::RAW_BSD | LinkType::RAW_OPENBSD => {
            ip::by_version(context, data)
        }
        LinkType::IPV4 => ip::v4(context, data),
        LinkType::IPV6 => ip::v6(context, data),
        _ => Err(Drop::UnknownLinkType),
    }
}

/// Ethernet II or 802.3, from the destination address on.
#[inline]
pub(super) fn ethernet<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    let (header, rest) = header::<14>(data)?;
    network(context, u16::from_be_bytes([header[12], header[13]]), rest)
}

/// What follows an Ethernet type field, tags and labels included.
#[inline]
pub(super) fn network<'a>(
    context: &Context,
    ethertype: u16,
    data: &'a [u8],
) -> Outcome<'a> {
    match ethertype {
        ethertype::IPV4 => ip::v4(context, data),
        ethertype::IPV6 => ip::v6(context, data),
        _ => tagged(*context, ethertype, data),
    }
}

/// The same for all but plain IP.
fn tagged<'a>(
    mut context: Context,
    mut ethertype: u16,
    mut data: &'a [u8],
) -> Outcome<'a> {
    loop {
        match ethertype {
            ethertype::IPV4 => return ip::v4(&context, data),
            ethertype::IPV6 => return ip::v6(&context, data),
            ethertype::VLAN | ethertype::PROVIDER_VLAN | ethertype::OLD_PROVIDER_VLAN => {
                let (tag, rest) = header::<4>(data)?;
                // VLAN 0 carries only a priority: the frame is as good as untagged.
                let vlan = u16::from_be_bytes([tag[0], tag[1]]) & 0x0fff;
                if vlan != 0 {
                    context.encapsulation =
                        fold(context.encapsulation, Wrapping::Vlan, vlan.into());
                }
                ethertype = u16::from_be_bytes([tag[2], tag[3]]);
                data = rest;
            }
            ethertype::MPLS | ethertype::MPLS_UPSTREAM => return mpls(context, data),
            ethertype::PPPOE_SESSION => return pppoe(context, data),
            ethertype::ARP => return Err(Drop::Arp),
            0..=ethertype::LENGTH_MAX => {
                // LLC with a SNAP header under OUI 0 names an Ethernet type.
                (ethertype, data) = match data {
                    [0xaa, 0xaa, 3, 0, 0, 0, high, low, rest @ ..] => {
                        (u16::from_be_bytes([*high, *low]), rest)
                    }
                    [0xaa, 0xaa, ..] if data.len() < 8 => {
                        return Err(Drop::LinkHeaderShort);
                    }
                    [_, _, ..] => return Err(Drop::Llc),
                    _ => return Err(Drop::LinkHeaderShort),
                };
                // A length here would be LLC in LLC.
                if ethertype <= ethertype::LENGTH_MAX {
                    return Err(Drop::Llc);
                }
            }
            _ => return Err(Drop::NotIp),
        }
    }
}

/// A stack of MPLS labels (RFC 3032) and what its bottom carries. The labels do
/// not say what that is; the first nibble does, as routers also guess it (RFC 4928).
fn mpls<'a>(mut context: Context, mut data: &'a [u8]) -> Outcome<'a> {
    loop {
        let (entry, rest) = header::<4>(data)?;
        let entry = u32::from_be_bytes(*entry);
        let label = entry >> 12;
        // Labels 0 to 15 say how to handle a packet, not which path it is on.
        if label > 15 {
            context.encapsulation = fold(context.encapsulation, Wrapping::Mpls, label);
        }
        data = rest;
        if entry & 0x100 != 0 {
            break;
        }
    }
    match data.first().map(|first| first >> 4) {
        Some(4) => ip::v4(&context, data),
        Some(6) => ip::v6(&context, data),
        // The control word of an Ethernet pseudowire (RFC 4448).
        Some(0) => {
            let (_, rest) = header::<4>(data)?;
            let mut inner = context.deeper()?;
            inner.encapsulation = fold(inner.encapsulation, Wrapping::Pseudowire, 0);
            ethernet(&inner, rest)
        }
        Some(_) => Err(Drop::NotIp),
        None => Err(Drop::LinkHeaderShort),
    }
}

/// A PPPoE session (RFC 2516), from its version on.
fn pppoe<'a>(mut context: Context, data: &'a [u8]) -> Outcome<'a> {
    let (header, rest) = header::<6>(data)?;
    if header[0] != 0x11 || header[1] != 0 {
        return Err(Drop::NotIp);
    }
    let session = u16::from_be_bytes([header[2], header[3]]);
    context.encapsulation = fold(context.encapsulation, Wrapping::Pppoe, session.into());
    match rest {
        // The protocol's leading zero byte may be left out (RFC 1661, 6.5).
        [0x00, 0x21, data @ ..] | [0x21, data @ ..] => ip::v4(&context, data),
        [0x00, 0x57, data @ ..] | [0x57, data @ ..] => ip::v6(&context, data),
        [0x02, 0x81, data @ ..] => mpls(context, data),
        [_, _, ..] => Err(Drop::NotIp),
        _ => Err(Drop::LinkHeaderShort),
    }
}

/// Linux cooked capture, version 1.
fn cooked<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    let (header, rest) = header::<16>(data)?;
    let hardware = u16::from_be_bytes([header[2], header[3]]);
    cooked_network(context, hardware, u16::from_be_bytes([header[14], header[15]]), rest)
}

/// Linux cooked capture, version 2.
fn cooked_2<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    let (header, rest) = header::<20>(data)?;
    let hardware = u16::from_be_bytes([header[8], header[9]]);
    cooked_network(context, hardware, u16::from_be_bytes([header[0], header[1]]), rest)
}

fn cooked_network<'a>(
    context: &Context,
    hardware: u16,
    protocol: u16,
    data: &'a [u8],
) -> Outcome<'a> {
    match (hardware, protocol) {
        (ARPHRD_NETLINK, _) => Err(Drop::NotIp),
        // Linux has numbers of its own here: 4 is 802.2, the others are no IP.
        (_, 4) => network(context, protocol, data),
        (_, 0..=ethertype::LENGTH_MAX) => Err(Drop::NotIp),
        _ => network(context, protocol, data),
    }
}

/// BSD loopback: an address family in the byte order of the machine that
/// wrote it (or, for LOOP, of the network).
fn loopback<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    let (family, rest) = header::<4>(data)?;
    // Families are small numbers: if it is large, the bytes are the other way round.
    let family = match u32::from_be_bytes(*family) {
        family @ 0..=0xffff => family,
        family => family.swap_bytes(),
    };
    match family {
        2 => ip::v4(context, rest),
        // NetBSD and OpenBSD, FreeBSD, Darwin.
        24 | 28 | 30 => ip::v6(context, rest),
        _ => Err(Drop::NotIp),
    }
}

/// The next `N` bytes, and those after.
#[inline]
pub(super) fn header<const N: usize>(data: &[u8]) -> Result<(&[u8; N], &[u8]), Drop> {
    data.split_first_chunk().ok_or(Drop::LinkHeaderShort)
}
