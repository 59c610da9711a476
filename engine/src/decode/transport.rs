//! TCP, UDP, ICMP and the rest: ports and payload.

use super::link::{self, kind};
use super::{Context, Decoded, Drop, be16, checksum, ip, take};
use crate::packet::{Packet, protocol};
use std::net::IpAddr;

type Result<'a> = std::result::Result<Decoded<'a>, Drop>;

/// What the IP header says of the segment in it.
#[derive(Clone, Copy)]
pub(super) struct Ends {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    /// Whether all its bytes were captured.
    pub(super) whole: bool,
}

const SCTP: u8 = 132;
const DCCP: u8 = 33;
const UDP_LITE: u8 = 136;
const VXLAN_PORT: u16 = 4_789;
const GENEVE_PORT: u16 = 6_081;

pub(super) fn packet(
    context: Context,
    ends: Ends,
    protocol: u8,
    data: &[u8],
) -> Result<'_> {
    match protocol {
        protocol::TCP => tcp(context, ends, data),
        protocol::UDP => udp(context, ends, data),
        protocol::ICMP | protocol::ICMPV6 => icmp(context, ends, protocol, data),
        SCTP | DCCP | UDP_LITE => {
            let header = match protocol {
                SCTP => 12,
                UDP_LITE => 8,
                // DCCP's data offset counts 32-bit words.
                _ => usize::from(*data.get(4).ok_or(Drop::TransportShort)?) * 4,
            };
            let ([a, b, c, d], _) = take::<4>(data, Drop::TransportShort)?;
            let payload = data.get(header..).ok_or(Drop::TransportShort)?;
            let ports = (be16([*a, *b]), be16([*c, *d]));
            Ok(build(context, ends, protocol, ports, payload))
        }
        _ => plain(context, ends, protocol, data),
    }
}

/// A packet whose payload is all that IP carries.
pub(super) fn plain(
    context: Context,
    ends: Ends,
    protocol: u8,
    data: &[u8],
) -> Result<'_> {
    match protocol {
        protocol::UDP => {
            let (ports, payload) = udp_parts(data)?;
            Ok(build(context, ends, protocol, ports, payload))
        }
        _ => Ok(build(context, ends, protocol, (0, 0), data)),
    }
}

fn build(
    context: Context,
    ends: Ends,
    protocol: u8,
    (source_port, destination_port): (u16, u16),
    payload: &[u8],
) -> Decoded<'_> {
    Decoded::Packet(Packet {
        number: context.number,
        time: context.time,
        source: ends.source,
        destination: ends.destination,
        protocol,
        source_port,
        destination_port,
        sequence: 0,
        tcp_flags: 0,
        encapsulation: context.encapsulation,
        payload,
    })
}

fn check(
    context: Context,
    ends: Ends,
    protocol: u8,
    segment: &[u8],
) -> std::result::Result<(), Drop> {
    let wrong = context.options.checksums
        && ends.whole
        && !checksum::transport_holds(ends.source, ends.destination, protocol, segment);
    if wrong { Err(Drop::Checksum) } else { Ok(()) }
}

fn tcp(context: Context, ends: Ends, data: &[u8]) -> Result<'_> {
    let (header, _) = take::<20>(data, Drop::TransportShort)?;
    let length = usize::from(header[12] >> 4) * 4;
    if length < 20 {
        return Err(Drop::TransportLength);
    }
    let payload = data.get(length..).ok_or(Drop::TransportShort)?;
    check(context, ends, protocol::TCP, data)?;
    let ports = (be16([header[0], header[1]]), be16([header[2], header[3]]));
    let Decoded::Packet(packet) = build(context, ends, protocol::TCP, ports, payload)
    else {
        return Err(Drop::TransportLength);
    };
    Ok(Decoded::Packet(Packet {
        sequence: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
        tcp_flags: header[13],
        ..packet
    }))
}

/// Ports and payload; the payload ends where UDP says, if that is inside.
fn udp_parts(data: &[u8]) -> std::result::Result<((u16, u16), &[u8]), Drop> {
    let (header, rest) = take::<8>(data, Drop::TransportShort)?;
    let payload = match usize::from(be16([header[4], header[5]])) {
        // Jumbograms, and segmentation offload.
        0 => rest,
        1..8 => return Err(Drop::TransportLength),
        length => &rest[..(length - 8).min(rest.len())],
    };
    Ok(((be16([header[0], header[1]]), be16([header[2], header[3]])), payload))
}

fn udp(context: Context, ends: Ends, data: &[u8]) -> Result<'_> {
    let (ports, payload) = udp_parts(data)?;
    let stated = data.get(6..8).is_some_and(|field| field != [0, 0]);
    if stated || ends.source.is_ipv6() {
        check(context, ends, protocol::UDP, &data[..8 + payload.len()])?;
    }
    if context.options.tunnels && (ports.1 == VXLAN_PORT || ports.1 == GENEVE_PORT) {
        let geneve_port = ports.1 == GENEVE_PORT;
        return ip::tunnel(context, ends, protocol::UDP, data, |context| {
            if geneve_port { geneve(context, payload) } else { vxlan(context, payload) }
        });
    }
    Ok(build(context, ends, protocol::UDP, ports, payload))
}

/// RFC 7348: the I flag must be set; the rest of the flags are reserved.
fn vxlan(context: Context, payload: &[u8]) -> Result<'_> {
    let (header, rest) = take::<8>(payload, Drop::Encapsulation)?;
    if header[0] != 0x08 {
        return Err(Drop::Encapsulation);
    }
    let vni = u32::from_be_bytes([0, header[4], header[5], header[6]]);
    link::ethernet(context.wrapped(kind::VXLAN, u64::from(vni))?, rest)
}

/// RFC 8926: version 0, options skipped.
fn geneve(context: Context, payload: &[u8]) -> Result<'_> {
    let (header, rest) = take::<8>(payload, Drop::Encapsulation)?;
    if header[0] >> 6 != 0 {
        return Err(Drop::Encapsulation);
    }
    let rest =
        rest.get(usize::from(header[0] & 0x3f) * 4..).ok_or(Drop::Encapsulation)?;
    let vni = u32::from_be_bytes([0, header[4], header[5], header[6]]);
    let context = context.wrapped(kind::GENEVE, u64::from(vni))?;
    link::payload(context, be16([header[2], header[3]]), rest)
}

/// The payload begins after the eight-byte header that all common messages share,
/// so that echoes are seen by what they carry, not by identifier and number.
fn icmp(context: Context, ends: Ends, protocol: u8, data: &[u8]) -> Result<'_> {
    let ([kind, code, ..], _) = take::<4>(data, Drop::TransportShort)?;
    if protocol == protocol::ICMPV6 {
        check(context, ends, protocol, data)?;
    } else if context.options.checksums && ends.whole && checksum::sum(&[data]) != 0xffff
    {
        return Err(Drop::Checksum);
    }
    let ports = (0, be16([*kind, *code]));
    Ok(build(context, ends, protocol, ports, data.get(8..).unwrap_or_default()))
}
