//! IPv4 and IPv6 headers.

use super::{
    Context, Decoded, Drop, Ends, Fragment, Network, Outcome, checksum, transport,
};

/// Protocol numbers of the headers that stand between IP and the transport.
mod next_header {
    pub(super) const HOP_BY_HOP: u8 = 0;
    pub(super) const ROUTING: u8 = 43;
    pub(super) const FRAGMENT: u8 = 44;
    pub(super) const AUTHENTICATION: u8 = 51;
    pub(super) const NONE: u8 = 59;
    pub(super) const DESTINATION: u8 = 60;
}

/// IPv4 or IPv6, whichever the first nibble says.
pub(super) fn by_version<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    match data.first().map(|first| first >> 4) {
        Some(4) => v4(context, data),
        Some(6) => v6(context, data),
        Some(_) => Err(Drop::IpVersion),
        None => Err(Drop::IpHeaderShort),
    }
}

/// IPv4 (RFC 791).
#[inline]
pub(super) fn v4<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    expect_version(data, 4)?;
    let header: &[u8; 20] = data.first_chunk().ok_or(Drop::IpHeaderShort)?;
    let header_len = usize::from(header[0] & 0x0f) * 4;
    let total_len = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let (end, whole) = match total_len {
        0 => (data.len(), false),
        _ => (total_len.min(data.len()), total_len <= data.len()),
    };
    if header_len < 20 || (total_len != 0 && total_len < header_len) {
        return Err(Drop::IpLength);
    }
    let payload = data.get(header_len..end).ok_or(Drop::IpHeaderShort)?;
    if context.decoder.checksums && !data.get(..header_len).is_some_and(checksum::holds) {
        return Err(Drop::ChecksumIpv4);
    }
    let ends = Ends::V4(
        u32::from_be_bytes([header[12], header[13], header[14], header[15]]),
        u32::from_be_bytes([header[16], header[17], header[18], header[19]]),
    );
    let identification = u16::from_be_bytes([header[4], header[5]]);
    let network =
        Network { ends, whole, routed: false, identification: Some(identification) };
    let position = u16::from_be_bytes([header[6], header[7]]);
    let (more, offset) = (position & 0x2000 != 0, (position & 0x1fff) * 8);
    if more || offset != 0 {
        let identification = identification.into();
        return fragment(
            context,
            &network,
            FragmentHeader { identification, protocol: header[9], offset, more },
            payload,
        );
    }
    headers(context, network, header[9], payload)
}

/// IPv6 (RFC 8200).
#[inline]
pub(super) fn v6<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    expect_version(data, 6)?;
    let (header, rest): (&[u8; 40], _) =
        data.split_first_chunk().ok_or(Drop::IpHeaderShort)?;
    let next = header[6];
    let payload_len = usize::from(u16::from_be_bytes([header[4], header[5]]));
    let (payload, whole) = match payload_len {
        // Nothing is announced, so what follows is padding, not a jumbogram.
        0 if next == next_header::NONE => (&rest[..0], true),
        0 => (rest, false),
        _ => match rest.get(..payload_len) {
            Some(payload) => (payload, true),
            None => (rest, false),
        },
    };
    let ends = Ends::V6(address(header, 8), address(header, 24));
    let network = Network { ends, whole, routed: false, identification: None };
    headers(context, network, next, payload)
}

/// From the first header after IP's own to the transport header: IPv6
/// extensions, and the authentication header of either version.
#[inline]
pub(super) fn headers<'a>(
    context: &Context,
    mut network: Network,
    mut next: u8,
    mut data: &'a [u8],
) -> Outcome<'a> {
    let is_v6 = !network.is_ipv4();
    loop {
        match next {
            next_header::HOP_BY_HOP | next_header::ROUTING | next_header::DESTINATION
                if is_v6 =>
            {
                let header: &[u8; 8] = data.first_chunk().ok_or(Drop::IpHeaderShort)?;
                network.routed |= next == next_header::ROUTING && header[3] > 0;
                data = data
                    .get((usize::from(header[1]) + 1) * 8..)
                    .ok_or(Drop::IpHeaderShort)?;
                next = header[0];
            }
            next_header::FRAGMENT if is_v6 => {
                let (header, rest): (&[u8; 8], _) =
                    data.split_first_chunk().ok_or(Drop::IpHeaderShort)?;
                let position = u16::from_be_bytes([header[2], header[3]]);
                let (more, offset) = (position & 1 != 0, position & !7);
                if more || offset != 0 {
                    let header = FragmentHeader {
                        identification: u32::from_be_bytes([
                            header[4], header[5], header[6], header[7],
                        ]),
                        protocol: header[0],
                        offset,
                        more,
                    };
                    return fragment(context, &network, header, rest);
                }
                data = rest;
                next = header[0];
            }
            next_header::AUTHENTICATION => {
                let header: &[u8; 12] = data.first_chunk().ok_or(Drop::IpHeaderShort)?;
                // In words of 32 bits, less two; below one it would have no body.
                if header[1] == 0 {
                    return Err(Drop::IpLength);
                }
                data = data
                    .get((usize::from(header[1]) + 2) * 4..)
                    .ok_or(Drop::IpHeaderShort)?;
                next = header[0];
            }
            protocol => return transport::decode(context, &network, protocol, data),
        }
    }
}

#[inline]
fn expect_version(data: &[u8], version: u8) -> Result<(), Drop> {
    match data.first() {
        Some(first) if first >> 4 == version => Ok(()),
        Some(_) => Err(Drop::IpVersion),
        None => Err(Drop::IpHeaderShort),
    }
}

/// Which piece of which datagram.
struct FragmentHeader {
    identification: u32,
    protocol: u8,
    offset: u16,
    more: bool,
}

fn fragment<'a>(
    context: &Context,
    network: &Network,
    header: FragmentHeader,
    bytes: &'a [u8],
) -> Outcome<'a> {
    if !network.whole {
        return Err(Drop::FragmentCut);
    }
    let (source, destination) = network.addresses();
    Ok(Decoded::Fragment(Fragment {
        number: context.number,
        time: context.time,
        source,
        destination,
        identification: header.identification,
        protocol: header.protocol,
        encapsulation: context.encapsulation,
        untrusted_tunnel: context.untrusted_tunnel,
        tap: context.tap,
        offset: header.offset,
        more: header.more,
        depth: context.depth,
        routed: network.routed,
        bytes,
    }))
}

/// The 16 bytes at `from` of an IPv6 header; `from` is 8 or 24.
fn address(header: &[u8; 40], from: usize) -> u128 {
    let bytes = header.get(from..).and_then(|bytes| bytes.first_chunk());
    bytes.map_or(0, |bytes| u128::from_be_bytes(*bytes))
}
