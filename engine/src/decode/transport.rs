//! TCP, UDP, ICMP and other transports: ports and payload.

use super::{Context, Decoded, Drop, Layer, Network, Outcome, checksum, tunnel};
use crate::packet::{Packet, protocol};

/// Protocol numbers that only this module tells apart.
mod number {
    pub(super) const DCCP: u8 = 33;
    pub(super) const SCTP: u8 = 132;
    pub(super) const UDP_LITE: u8 = 136;
}

/// The transports that [`decode`] reads.
pub(super) const TRANSPORTS: &[(u8, &str)] = &[
    (protocol::ICMP, "ICMP"),
    (protocol::TCP, "TCP"),
    (protocol::UDP, "UDP"),
    (number::DCCP, "DCCP"),
    (protocol::ICMPV6, "ICMPv6"),
    (number::SCTP, "SCTP"),
    (number::UDP_LITE, "UDP-Lite"),
];

/// Decodes an IP payload as its protocol number says.
#[inline]
pub(super) fn decode<'a>(
    context: &Context,
    network: &Network,
    protocol: u8,
    data: &'a [u8],
) -> Outcome<'a> {
    match protocol {
        protocol::TCP => tcp(context, network, data),
        protocol::UDP => udp(context, network, data),
        protocol::ICMP | protocol::ICMPV6 => icmp(context, network, protocol, data),
        number::SCTP => {
            let (header, payload) = header::<12>(data)?;
            found(with_ports(context, network, protocol, header, payload))
        }
        // The field where UDP has its length says how much the checksum covers.
        number::UDP_LITE => {
            let (header, payload) = header::<8>(data)?;
            found(with_ports(context, network, protocol, header, payload))
        }
        number::DCCP => {
            let (header, _) = header::<12>(data)?;
            let payload = after(data, header[4], 12)?;
            found(with_ports(context, network, protocol, header, payload))
        }
        _ => other(context, network, protocol, data),
    }
}

/// A tunnel, or a protocol that is not read further: all that follows IP is the payload.
#[inline(never)]
fn other<'a>(
    context: &Context<'_>,
    network: &Network,
    protocol: u8,
    data: &'a [u8],
) -> Outcome<'a> {
    let outer = packet(context, network, protocol, data);
    if context.decoder.tunnels {
        let mut rows = tunnel::PROTOCOLS.iter();
        if let Some(row) = rows.find(|row| row.number == protocol) {
            let inner = (row.decode)(context, data);
            let is_outer = inner.is_err();
            let used = tunnel::inner_or_outer(context, network, inner, outer);
            if is_outer && used.is_ok() && context.noted.get().is_none() {
                context.unread(Layer::IpProtocol, protocol.into());
            }
            return used;
        }
    }
    context.unread(Layer::IpProtocol, protocol.into());
    found(outer)
}

#[inline]
fn tcp<'a>(context: &Context, network: &Network, data: &'a [u8]) -> Outcome<'a> {
    let (header, _) = header::<20>(data)?;
    let payload = after(data, header[12] >> 4, 20)?;
    if must_check(context, network)
        && !checksum::holds_with_pseudo_header(network, protocol::TCP, data)
    {
        return Err(Drop::ChecksumTcp);
    }
    found(Packet {
        sequence: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
        acknowledgement: u32::from_be_bytes([
            header[8], header[9], header[10], header[11],
        ]),
        tcp_flags: header[13],
        ..with_ports(context, network, protocol::TCP, header, payload)
    })
}

#[inline]
fn udp<'a>(context: &Context, network: &Network, data: &'a [u8]) -> Outcome<'a> {
    let (header, rest) = header::<8>(data)?;
    let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
    let (payload, checkable) = match length {
        // Left out by jumbograms (RFC 2675) and segmentation offload.
        0 => (rest, false),
        1..8 => return Err(Drop::TransportLength),
        _ => match data.get(8..length) {
            Some(payload) => (payload, true),
            None => (rest, false),
        },
    };
    let source_port = u16::from_be_bytes([header[0], header[1]]);
    let destination_port = u16::from_be_bytes([header[2], header[3]]);
    let tunnel = tunnel::ports::between(context, source_port, destination_port);
    if checkable && must_check(context, network) {
        // Zero stands for none, in IPv6 only around tunnels (RFC 6935).
        let unset = [header[6], header[7]] == [0, 0];
        let exempt = unset && (tunnel.is_some() || network.is_ipv4());
        let datagram = data.get(..length).unwrap_or(data);
        if !exempt
            && (unset
                || !checksum::holds_with_pseudo_header(network, protocol::UDP, datagram))
        {
            return Err(Drop::ChecksumUdp);
        }
    }
    let outer = with_ports(context, network, protocol::UDP, header, payload);
    match tunnel {
        Some(decode) if context.decoder.tunnels => {
            tunnel::inner_or_outer(context, network, decode(context, payload), outer)
        }
        None if tunnel::looks_like_vxlan(payload) => {
            tunnel::suspected_vxlan(context, destination_port, payload);
            found(outer)
        }
        _ => found(outer),
    }
}

/// ICMP and ICMPv6. The payload begins after eight bytes, not after the four
/// that all types share: the next four hold an identifier and sequence number,
/// a pointer or an MTU, which differ from packet to packet and are no content.
/// So the data of an echo and the packet quoted by an error both begin the
/// payload.
fn icmp<'a>(
    context: &Context,
    network: &Network,
    protocol: u8,
    data: &'a [u8],
) -> Outcome<'a> {
    let (header, _) = header::<4>(data)?;
    if must_check(context, network) {
        let holds = match protocol {
            protocol::ICMP => checksum::holds(data),
            _ => checksum::holds_with_pseudo_header(network, protocol, data),
        };
        if !holds {
            return Err(Drop::ChecksumIcmp);
        }
    }
    let payload = data.get(data.len().min(8)..).unwrap_or_default();
    if tunnel::ICMP_ECHO_TYPES.contains(&header[0]) {
        tunnel::ip_in_echo(context, payload);
    }
    found(Packet {
        destination_port: u16::from_be_bytes([header[0], header[1]]),
        ..packet(context, network, protocol, payload)
    })
}

fn must_check(context: &Context, network: &Network) -> bool {
    context.decoder.checksums && network.whole && !network.routed
}

/// A packet of a protocol without ports.
#[inline]
fn packet<'a>(
    context: &Context,
    network: &Network,
    protocol: u8,
    payload: &'a [u8],
) -> Packet<'a> {
    let (source, destination) = network.addresses();
    Packet {
        number: context.number,
        time: context.time,
        source,
        destination,
        protocol,
        source_port: 0,
        destination_port: 0,
        sequence: 0,
        acknowledgement: 0,
        tcp_flags: 0,
        encapsulation: context.encapsulation,
        to_group: context.to_group,
        untrusted_tunnel: context.untrusted_tunnel,
        identification: network.identification,
        tap: context.tap,
        payload,
    }
}

/// A packet of a protocol whose header begins with both ports.
#[inline]
fn with_ports<'a, const N: usize>(
    context: &Context,
    network: &Network,
    protocol: u8,
    header: &[u8; N],
    payload: &'a [u8],
) -> Packet<'a> {
    const { assert!(N >= 4) };
    Packet {
        source_port: u16::from_be_bytes([header[0], header[1]]),
        destination_port: u16::from_be_bytes([header[2], header[3]]),
        ..packet(context, network, protocol, payload)
    }
}

#[inline]
fn found(packet: Packet<'_>) -> Outcome<'_> {
    Ok(Decoded::Packet(packet))
}

/// The bytes after a header of `words` times 32 bits, at least `least` bytes.
#[inline]
fn after(data: &[u8], words: u8, least: usize) -> Result<&[u8], Drop> {
    let header_len = usize::from(words) * 4;
    if header_len < least {
        return Err(Drop::TransportLength);
    }
    data.get(header_len..).ok_or(Drop::TransportHeaderShort)
}

#[inline]
fn header<const N: usize>(data: &[u8]) -> Result<(&[u8; N], &[u8]), Drop> {
    data.split_first_chunk().ok_or(Drop::TransportHeaderShort)
}
