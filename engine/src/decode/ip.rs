//! IPv4, IPv6 with extension headers, and what they wrap.

use super::link::kind;
use super::transport::{self, Ends};
use super::{Context, Decoded, Drop, Fragment, be16, checksum, link, take};
use std::net::{Ipv4Addr, Ipv6Addr};

type Result<'a> = std::result::Result<Decoded<'a>, Drop>;

mod number {
    pub(super) const HOP_BY_HOP: u8 = 0;
    pub(super) const IPV4: u8 = 4;
    pub(super) const IPV6: u8 = 41;
    pub(super) const ROUTING: u8 = 43;
    pub(super) const FRAGMENT: u8 = 44;
    pub(super) const GRE: u8 = 47;
    pub(super) const AUTHENTICATION: u8 = 51;
    pub(super) const DESTINATION: u8 = 60;
    pub(super) const MOBILITY: u8 = 135;
    pub(super) const HIP: u8 = 139;
    pub(super) const SHIM6: u8 = 140;
}

/// An IP header of either version.
pub(super) fn packet(context: Context, data: &[u8]) -> Result<'_> {
    match data.first().map(|byte| byte >> 4) {
        Some(4) => v4(context, data),
        Some(6) => v6(context, data),
        Some(_) => Err(Drop::IpVersion),
        None => Err(Drop::IpShort),
    }
}

fn v4(context: Context, data: &[u8]) -> Result<'_> {
    let (header, _) = take::<20>(data, Drop::IpShort)?;
    let header_len = usize::from(header[0] & 15) * 4;
    if header_len < 20 {
        return Err(Drop::IpLength);
    }
    let total = match usize::from(be16([header[2], header[3]])) {
        // Segmentation offload leaves it unset: as far as the frame goes.
        0 => data.len(),
        total if total < header_len => return Err(Drop::IpLength),
        total => total,
    };
    let whole = data.len() >= total;
    let datagram = &data[..total.min(data.len())];
    let body = datagram.get(header_len..).ok_or(Drop::IpShort)?;
    if context.options.checksums && checksum::sum(&[&data[..header_len]]) != 0xffff {
        return Err(Drop::Checksum);
    }
    let ends = Ends {
        source: Ipv4Addr::new(header[12], header[13], header[14], header[15]).into(),
        destination: Ipv4Addr::new(header[16], header[17], header[18], header[19]).into(),
        whole,
    };
    let flags = be16([header[6], header[7]]);
    let (offset, more) = (usize::from(flags & 0x1fff) * 8, flags & 0x2000 != 0);
    let identification = u32::from(be16([header[4], header[5]]));
    if offset != 0 || more {
        return fragment(context, ends, header[9], identification, offset, more, body);
    }
    upper(context, ends, header[9], body)
}

fn v6(context: Context, data: &[u8]) -> Result<'_> {
    let (header, rest) = take::<40>(data, Drop::IpShort)?;
    let length = match usize::from(be16([header[4], header[5]])) {
        // Jumbograms and segmentation offload: as far as the frame goes.
        0 => rest.len(),
        length => length,
    };
    let address = |at: usize| {
        let mut octets = [0; 16];
        octets.copy_from_slice(&header[at..at + 16]);
        Ipv6Addr::from(octets)
    };
    let ends = Ends {
        source: address(8).into(),
        destination: address(24).into(),
        whole: rest.len() >= length,
    };
    extensions(context, ends, header[6], &rest[..length.min(rest.len())])
}

/// Walks the extension headers; each is at least eight bytes long, so it ends.
fn extensions(context: Context, ends: Ends, mut next: u8, mut data: &[u8]) -> Result<'_> {
    loop {
        let length = match next {
            number::HOP_BY_HOP
            | number::ROUTING
            | number::DESTINATION
            | number::MOBILITY
            | number::HIP
            | number::SHIM6 => {
                let (head, _) = take::<8>(data, Drop::ExtensionShort)?;
                usize::from(head[1]) * 8 + 8
            }
            number::AUTHENTICATION => {
                let (head, _) = take::<8>(data, Drop::ExtensionShort)?;
                usize::from(head[1]) * 4 + 8
            }
            number::FRAGMENT => {
                let (head, body) = take::<8>(data, Drop::ExtensionShort)?;
                let place = be16([head[2], head[3]]);
                let (offset, more) = (usize::from(place & 0xfff8), place & 1 != 0);
                let identification =
                    u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
                if offset == 0 && !more {
                    (next, data) = (head[0], body);
                    continue;
                }
                return fragment(
                    context,
                    ends,
                    head[0],
                    identification,
                    offset,
                    more,
                    body,
                );
            }
            _ => return upper(context, ends, next, data),
        };
        next = data[0];
        data = data.get(length..).ok_or(Drop::ExtensionShort)?;
    }
}

fn fragment(
    context: Context,
    ends: Ends,
    protocol: u8,
    identification: u32,
    offset: usize,
    more: bool,
    bytes: &[u8],
) -> Result<'_> {
    if !ends.whole {
        return Err(Drop::FragmentCut);
    }
    Ok(Decoded::Fragment(Fragment {
        number: context.number,
        time: context.time,
        source: ends.source,
        destination: ends.destination,
        protocol,
        identification,
        encapsulation: context.encapsulation,
        depth: context.depth,
        offset,
        more,
        bytes,
    }))
}

/// What IP carries: another IP header, a tunnel, or a transport.
pub(super) fn upper(
    context: Context,
    ends: Ends,
    protocol: u8,
    data: &[u8],
) -> Result<'_> {
    let tunnels = context.options.tunnels;
    match protocol {
        // After reassembly the first bytes may still be extension headers.
        number::HOP_BY_HOP
        | number::ROUTING
        | number::DESTINATION
        | number::FRAGMENT
        | number::AUTHENTICATION
        | number::MOBILITY
        | number::HIP
        | number::SHIM6
            if ends.source.is_ipv6() =>
        {
            extensions(context, ends, protocol, data)
        }
        number::AUTHENTICATION => {
            let (head, _) = take::<8>(data, Drop::ExtensionShort)?;
            let length = usize::from(head[1]) * 4 + 8;
            let rest = data.get(length..).ok_or(Drop::ExtensionShort)?;
            upper(context.wrapped(0, 0)?, ends, head[0], rest)
        }
        number::IPV4 | number::IPV6 if tunnels => {
            tunnel(context, ends, protocol, data, |context| {
                packet(context.wrapped(kind::IP, u64::from(protocol))?, data)
            })
        }
        number::GRE if tunnels => {
            tunnel(context, ends, protocol, data, |context| gre(context, data))
        }
        _ => transport::packet(context, ends, protocol, data),
    }
}

/// What a tunnel holds, or, where that cannot be decoded, the outer packet itself.
pub(super) fn tunnel<'a>(
    context: Context,
    ends: Ends,
    protocol: u8,
    data: &'a [u8],
    inner: impl FnOnce(Context) -> Result<'a>,
) -> Result<'a> {
    match inner(context) {
        Err(Drop::TooDeep) => Err(Drop::TooDeep),
        Err(_) => transport::plain(context, ends, protocol, data),
        found => found,
    }
}

/// GRE version 0 with its optional fields (RFC 2784, 2890).
fn gre(context: Context, data: &[u8]) -> Result<'_> {
    let (header, mut rest) = take::<4>(data, Drop::Encapsulation)?;
    let flags = be16([header[0], header[1]]);
    // Version, and routing, which is long obsolete.
    if flags & 0x4007 != 0 {
        return Err(Drop::Encapsulation);
    }
    let mut key = 0;
    for (flag, is_key) in [(0x8000, false), (0x2000, true), (0x1000, false)] {
        if flags & flag != 0 {
            let (field, after) = take::<4>(rest, Drop::Encapsulation)?;
            if is_key {
                key = u32::from_be_bytes(*field);
            }
            rest = after;
        }
    }
    let context = context.wrapped(kind::GRE, u64::from(key))?;
    link::payload(context, be16([header[2], header[3]]), rest)
}
