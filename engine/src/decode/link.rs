//! From the frame's first byte to the IP header.

use super::{Context, Decoded, Drop, be16, ip, take};
use crate::packet::LinkType;

type Result<'a> = std::result::Result<Decoded<'a>, Drop>;

/// Kinds of encapsulation, folded into the flow's identity.
pub(super) mod kind {
    pub(in super::super) const VLAN: u8 = 1;
    pub(in super::super) const MPLS: u8 = 2;
    pub(in super::super) const PPPOE: u8 = 3;
    pub(in super::super) const GRE: u8 = 4;
    pub(in super::super) const IP: u8 = 5;
    pub(in super::super) const VXLAN: u8 = 6;
    pub(in super::super) const GENEVE: u8 = 7;
}

mod ethertype {
    pub(super) const IPV4: u16 = 0x0800;
    pub(super) const IPV6: u16 = 0x86dd;
    pub(super) const VLAN: [u16; 4] = [0x8100, 0x88a8, 0x9100, 0x9200];
    pub(super) const MPLS: [u16; 2] = [0x8847, 0x8848];
    pub(super) const PPPOE_SESSION: u16 = 0x8864;
    pub(super) const BRIDGED: u16 = 0x6558;
    pub(super) const PPP: u16 = 0x880b;
    /// Below this it is a length: 802.3.
    pub(super) const LEAST: u16 = 0x0600;
}

pub(super) fn frame(context: Context, link: LinkType, data: &[u8]) -> Result<'_> {
    match link {
        LinkType::ETHERNET => ethernet(context, data),
        LinkType::RAW
        | LinkType::RAW_BSD
        | LinkType::RAW_OPENBSD
        | LinkType::IPV4
        | LinkType::IPV6 => ip::packet(context, data),
        LinkType::NULL | LinkType::LOOP => loopback(context, data),
        LinkType::LINUX_SLL => {
            let (header, rest) = take::<16>(data, Drop::LinkShort)?;
            payload(context, be16([header[14], header[15]]), rest)
        }
        LinkType::LINUX_SLL2 => {
            let (header, rest) = take::<20>(data, Drop::LinkShort)?;
            payload(context, be16([header[0], header[1]]), rest)
        }
        _ => Err(Drop::LinkType),
    }
}

pub(super) fn ethernet(context: Context, data: &[u8]) -> Result<'_> {
    let (header, rest) = take::<14>(data, Drop::LinkShort)?;
    payload(context, be16([header[12], header[13]]), rest)
}

/// The address family of the BSDs, in the byte order of whoever wrote it: small
/// numbers, so that the order shows.
fn loopback(context: Context, data: &[u8]) -> Result<'_> {
    let (family, rest) = take::<4>(data, Drop::LinkShort)?;
    let family = u32::from_le_bytes(*family).min(u32::from_be_bytes(*family));
    match family {
        // AF_INET everywhere; AF_INET6 of NetBSD and OpenBSD, FreeBSD, macOS, Linux, Windows.
        2 | 24 | 28 | 30 | 10 | 23 => ip::packet(context, rest),
        _ => Err(Drop::NotIp),
    }
}

/// What an EtherType announces; also GRE's protocol types.
pub(super) fn payload(
    mut context: Context,
    mut kind: u16,
    mut data: &[u8],
) -> Result<'_> {
    while ethertype::VLAN.contains(&kind) {
        let (tag, rest) = take::<4>(data, Drop::LinkShort)?;
        context =
            context.wrapped(kind::VLAN, u64::from(be16([tag[0], tag[1]]) & 0x0fff))?;
        (kind, data) = (be16([tag[2], tag[3]]), rest);
    }
    match kind {
        ethertype::IPV4 | ethertype::IPV6 => ip::packet(context, data),
        ethertype::PPPOE_SESSION => {
            let (header, rest) = take::<6>(data, Drop::Encapsulation)?;
            let session = u64::from(be16([header[2], header[3]]));
            ppp(context.wrapped(kind::PPPOE, session)?, rest)
        }
        ethertype::PPP => ppp(context, data),
        ethertype::BRIDGED => ethernet(context, data),
        kind if ethertype::MPLS.contains(&kind) => mpls(context, data),
        kind if kind < ethertype::LEAST => llc(context, data),
        _ => Err(Drop::NotIp),
    }
}

/// 802.3 with a SNAP header that names IP; all else is not ours.
fn llc(context: Context, data: &[u8]) -> Result<'_> {
    let (header, rest) = take::<8>(data, Drop::NotIp)?;
    let kind = be16([header[6], header[7]]);
    let ip = kind == ethertype::IPV4 || kind == ethertype::IPV6;
    match header {
        [0xaa, 0xaa, 3, 0, 0, 0, ..] if ip => ip::packet(context, rest),
        _ => Err(Drop::NotIp),
    }
}

/// A PPP protocol number, one byte where it is compressed.
fn ppp(context: Context, data: &[u8]) -> Result<'_> {
    let (protocol, rest) = match data {
        [first, rest @ ..] if first & 1 == 1 => (u16::from(*first), rest),
        [a, b, rest @ ..] => (be16([*a, *b]), rest),
        _ => return Err(Drop::Encapsulation),
    };
    match protocol {
        0x0021 | 0x0057 => ip::packet(context, rest),
        _ => Err(Drop::NotIp),
    }
}

/// Labels down to the bottom of the stack; below it IP, or Ethernet behind a
/// control word, told apart by the first nibble (RFC 4928).
fn mpls(mut context: Context, mut data: &[u8]) -> Result<'_> {
    loop {
        let (label, rest) = take::<4>(data, Drop::Encapsulation)?;
        let label = u32::from_be_bytes(*label);
        context = context.wrapped(kind::MPLS, u64::from(label >> 12))?;
        data = rest;
        if label & 0x100 != 0 {
            break;
        }
    }
    match data.first().map(|byte| byte >> 4) {
        Some(4 | 6) => ip::packet(context, data),
        Some(0) => {
            let (_, rest) = take::<4>(data, Drop::Encapsulation)?;
            ethernet(context, rest)
        }
        _ => Err(Drop::NotIp),
    }
}
