//! Ethernet frames from datagrams.
//!
//! Plain numbers in, an Ethernet frame out, every length and checksum right.
//! This is written from the RFCs alone and shares nothing with the decoder that
//! it tests.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest payload that a frame holds; what a caller hands over beyond it
/// is cut. It leaves room for every header in a tunnel's 16-bit length.
pub const MAX_PAYLOAD: usize = 65_000;

/// TCP header flags.
pub mod tcp {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// First segment of a direction.
    pub const SYN: u8 = 0x02;
    /// The connection is refused or aborted.
    pub const RST: u8 = 0x04;
    /// Hand the data over now.
    pub const PSH: u8 = 0x08;
    /// The acknowledgement number counts.
    pub const ACK: u8 = 0x10;
}

/// What the IP header carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// UDP (RFC 768).
    Udp {
        /// Port of the sender.
        source_port: u16,
        /// Port of the receiver.
        destination_port: u16,
    },
    /// TCP (RFC 9293).
    Tcp {
        /// Port of the sender.
        source_port: u16,
        /// Port of the receiver.
        destination_port: u16,
        /// Number of the first payload byte.
        sequence: u32,
        /// Number of the next byte expected.
        acknowledgement: u32,
        /// See [`tcp`].
        flags: u8,
        /// Receive window in bytes, unscaled.
        window: u16,
        /// Announces this maximum segment size as the only option.
        maximum_segment: Option<u16>,
    },
    /// ICMP (RFC 792), or ICMPv6 (RFC 4443) between IPv6 addresses.
    Icmp {
        /// Message type.
        kind: u8,
        /// Message code.
        code: u8,
        /// The four bytes after the checksum: for an echo, identifier x 65,536
        /// + sequence number.
        rest: u32,
    },
    /// Any other protocol: the payload follows the IP header at once.
    Other(u8),
}

/// An IP datagram. Where one address is IPv6 and the other IPv4, the latter is
/// written in its mapped form.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Who sends it.
    pub source: IpAddr,
    /// Who is to get it.
    pub destination: IpAddr,
    /// Time to live, or hop limit.
    pub hop_limit: u8,
    /// Tells datagrams apart when they are fragmented; IPv4 has 16 bits of it.
    pub identification: u32,
    /// The header after the IP header.
    pub transport: Transport,
    /// What the transport carries; at most [`MAX_PAYLOAD`] bytes.
    pub payload: &'a [u8],
}

/// A tunnel around the whole datagram, between two IPv4 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// Who wraps.
    pub source: Ipv4Addr,
    /// Who unwraps.
    pub destination: Ipv4Addr,
    /// How.
    pub kind: TunnelKind,
}

/// The tunnel protocols that a [`FrameBuilder`] writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TunnelKind {
    /// GRE version 0 without options (RFC 2784).
    Gre,
    /// VXLAN over UDP port 4789 with this network identifier of 24 bits (RFC 7348).
    Vxlan(u32),
}

/// Writes frames: everything around the IP datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameBuilder {
    /// MAC address of the sender.
    pub source_mac: [u8; 6],
    /// MAC address of the receiver.
    pub destination_mac: [u8; 6],
    /// VLAN identifiers, outermost first. The last tag is 802.1Q, those before
    /// it are 802.1ad.
    pub vlans: Vec<u16>,
    /// MPLS labels, outermost first (RFC 3032).
    pub mpls: Vec<u32>,
    /// A tunnel around the datagram.
    pub tunnel: Option<Tunnel>,
    /// Fill frames with zeros to Ethernet's least length of 60 bytes (without
    /// the frame check sequence).
    pub pad: bool,
}

/// Plain padded Ethernet between two locally administered addresses.
impl Default for FrameBuilder {
    fn default() -> Self {
        Self {
            source_mac: [0x02, 0, 0, 0, 0, 0x01],
            destination_mac: [0x02, 0, 0, 0, 0, 0x02],
            vlans: Vec::new(),
            mpls: Vec::new(),
            tunnel: None,
            pad: true,
        }
    }
}

impl FrameBuilder {
    /// Replaces `frame` by the frame of one whole datagram.
    pub fn frame(&self, datagram: &Datagram<'_>, frame: &mut Vec<u8>) {
        let version = Version::of(datagram);
        self.wrap(version, frame, |out| {
            let header = write_ip_header(datagram, version, None, out);
            write_transport(datagram, version, out);
            close_ip(header, out);
        });
    }

    /// The frames of one datagram cut into IP fragments that carry at most
    /// `size` bytes each (rounded down to a multiple of 8, at least 8), in
    /// order. Inside a tunnel it is the inner datagram that is cut. A datagram
    /// that fits gives one ordinary frame.
    pub fn fragments(&self, datagram: &Datagram<'_>, size: usize) -> Vec<Vec<u8>> {
        let version = Version::of(datagram);
        let size = (size / 8).max(1) * 8;
        let mut whole = Vec::new();
        write_transport(datagram, version, &mut whole);
        if whole.len() <= size {
            let mut frame = Vec::new();
            self.frame(datagram, &mut frame);
            return vec![frame];
        }
        let pieces = whole.len().div_ceil(size);
        let piece = |(index, part): (usize, &[u8])| {
            let place =
                Place { units: (index * size / 8) as u16, more: index + 1 < pieces };
            let mut frame = Vec::new();
            self.wrap(version, &mut frame, |out| {
                let header = write_ip_header(datagram, version, Some(place), out);
                out.extend_from_slice(part);
                close_ip(header, out);
            });
            frame
        };
        whole.chunks(size).enumerate().map(piece).collect()
    }

    /// Everything before the IP datagram, the datagram by `body`, then the
    /// outer lengths and the padding.
    fn wrap(&self, version: Version, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
        out.clear();
        let carried = if self.tunnel.is_some() { Version::V4 } else { version };
        self.write_ethernet(carried, out);
        match self.tunnel {
            None => body(out),
            Some(tunnel) => self.write_tunnel(tunnel, version, out, body),
        }
        if self.pad && out.len() < 60 {
            out.resize(60, 0);
        }
    }

    fn write_ethernet(&self, version: Version, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.destination_mac);
        out.extend_from_slice(&self.source_mac);
        for (index, vlan) in self.vlans.iter().enumerate() {
            let last = index + 1 == self.vlans.len();
            put_u16(if last { 0x8100 } else { 0x88a8 }, out);
            put_u16(vlan & 0x0fff, out);
        }
        if self.mpls.is_empty() {
            return put_u16(version.ether_type(), out);
        }
        put_u16(0x8847, out);
        for (index, label) in self.mpls.iter().enumerate() {
            let bottom = u32::from(index + 1 == self.mpls.len());
            put_u32((label & 0xf_ffff) << 12 | bottom << 8 | 64, out);
        }
    }

    fn write_tunnel(
        &self,
        tunnel: Tunnel,
        version: Version,
        out: &mut Vec<u8>,
        body: impl FnOnce(&mut Vec<u8>),
    ) {
        let protocol = match tunnel.kind {
            TunnelKind::Gre => 47,
            TunnelKind::Vxlan(_) => 17,
        };
        let outer = Datagram {
            source: tunnel.source.into(),
            destination: tunnel.destination.into(),
            hop_limit: 64,
            identification: 0,
            transport: Transport::Other(protocol),
            payload: &[],
        };
        let header = write_ip_header(&outer, Version::V4, None, out);
        match tunnel.kind {
            TunnelKind::Gre => {
                put_u16(0, out);
                put_u16(version.ether_type(), out);
                body(out);
            }
            TunnelKind::Vxlan(network) => {
                let udp = out.len();
                put_u16(49_152 | (network as u16 & 0x3fff), out);
                put_u16(4_789, out);
                // The length follows below; the checksum stays zero, as RFC 7348 asks.
                put_u32(0, out);
                put_u32(0x0800_0000, out);
                put_u32((network & 0xff_ffff) << 8, out);
                let inner = Self { vlans: Vec::new(), mpls: Vec::new(), ..self.clone() };
                inner.write_ethernet(version, out);
                body(out);
                let length = (out.len() - udp) as u16;
                set_u16(out, udp + 4, length);
            }
        }
        close_ip(header, out);
    }
}

/// The ones' complement of the ones' complement sum of all 16-bit words
/// (RFC 1071), `initial` being added first.
pub fn checksum(initial: u64, bytes: &[u8]) -> u16 {
    // 2^16 = 1 modulo 65,535, so that words of any even width may be added.
    let mut words = bytes.chunks_exact(4);
    let mut sum = initial;
    for word in &mut words {
        sum += u64::from(u32::from_be_bytes([word[0], word[1], word[2], word[3]]));
    }
    let mut last = [0; 4];
    last[..words.remainder().len()].copy_from_slice(words.remainder());
    sum += u64::from(u32::from_be_bytes(last));
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    V4,
    V6,
}

impl Version {
    fn of(datagram: &Datagram<'_>) -> Self {
        if datagram.source.is_ipv4() && datagram.destination.is_ipv4() {
            Self::V4
        } else {
            Self::V6
        }
    }

    fn ether_type(self) -> u16 {
        match self {
            Self::V4 => 0x0800,
            Self::V6 => 0x86dd,
        }
    }
}

/// Where a fragment lies in its datagram.
#[derive(Clone, Copy)]
struct Place {
    /// Offset in units of 8 bytes.
    units: u16,
    more: bool,
}

/// A header whose length (and checksum) is still open.
struct OpenHeader {
    at: usize,
    version: Version,
}

fn write_ip_header(
    datagram: &Datagram<'_>,
    version: Version,
    place: Option<Place>,
    out: &mut Vec<u8>,
) -> OpenHeader {
    let at = out.len();
    let protocol = protocol_number(datagram.transport, version);
    match (datagram.source, datagram.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let flags = match place {
                Some(place) => u16::from(place.more) << 13 | (place.units & 0x1fff),
                None if protocol == 6 => 0x4000,
                None => 0,
            };
            put_u16(0x4500, out);
            put_u16(0, out);
            put_u16(datagram.identification as u16, out);
            put_u16(flags, out);
            out.extend_from_slice(&[datagram.hop_limit, protocol, 0, 0]);
            out.extend_from_slice(&source.octets());
            out.extend_from_slice(&destination.octets());
        }
        (source, destination) => {
            put_u32(0x6000_0000, out);
            put_u16(0, out);
            let next = if place.is_some() { 44 } else { protocol };
            out.extend_from_slice(&[next, datagram.hop_limit]);
            out.extend_from_slice(&as_v6(source).octets());
            out.extend_from_slice(&as_v6(destination).octets());
            if let Some(place) = place {
                out.extend_from_slice(&[protocol, 0]);
                put_u16(place.units << 3 | u16::from(place.more), out);
                put_u32(datagram.identification, out);
            }
        }
    }
    OpenHeader { at, version }
}

fn close_ip(header: OpenHeader, out: &mut [u8]) {
    let length = out.len() - header.at;
    match header.version {
        Version::V4 => {
            set_u16(out, header.at + 2, length as u16);
            let sum = checksum(0, &out[header.at..header.at + 20]);
            set_u16(out, header.at + 10, sum);
        }
        Version::V6 => set_u16(out, header.at + 4, (length - 40) as u16),
    }
}

fn write_transport(datagram: &Datagram<'_>, version: Version, out: &mut Vec<u8>) {
    let payload = &datagram.payload[..datagram.payload.len().min(MAX_PAYLOAD)];
    let at = out.len();
    let checksum_at = match datagram.transport {
        Transport::Udp { source_port, destination_port } => {
            put_u16(source_port, out);
            put_u16(destination_port, out);
            put_u16((payload.len() + 8) as u16, out);
            put_u16(0, out);
            Some(at + 6)
        }
        Transport::Tcp {
            source_port,
            destination_port,
            sequence,
            acknowledgement,
            flags,
            window,
            maximum_segment,
        } => {
            put_u16(source_port, out);
            put_u16(destination_port, out);
            put_u32(sequence, out);
            put_u32(acknowledgement, out);
            let words: u8 = if maximum_segment.is_some() { 6 } else { 5 };
            out.extend_from_slice(&[words << 4, flags]);
            put_u16(window, out);
            put_u32(0, out);
            if let Some(size) = maximum_segment {
                put_u16(0x0204, out);
                put_u16(size, out);
            }
            Some(at + 16)
        }
        Transport::Icmp { kind, code, rest } => {
            out.extend_from_slice(&[kind, code, 0, 0]);
            put_u32(rest, out);
            Some(at + 2)
        }
        Transport::Other(_) => None,
    };
    out.extend_from_slice(payload);
    if let Some(place) = checksum_at {
        let initial = pseudo_header_sum(datagram, version, out.len() - at);
        let sum = match (checksum(initial, &out[at..]), datagram.transport) {
            // Zero would say that UDP has no checksum.
            (0, Transport::Udp { .. }) => 0xffff,
            (sum, _) => sum,
        };
        set_u16(out, place, sum);
    }
}

/// What the transport checksum covers beyond its own bytes: nothing for ICMP
/// over IPv4.
fn pseudo_header_sum(datagram: &Datagram<'_>, version: Version, length: usize) -> u64 {
    let fold = |octets: &[u8]| u64::from(!checksum(0, octets));
    let addresses = match (datagram.source, datagram.destination, datagram.transport) {
        (IpAddr::V4(_), IpAddr::V4(_), Transport::Icmp { .. }) => return 0,
        (IpAddr::V4(source), IpAddr::V4(destination), _) => {
            fold(&source.octets()) + fold(&destination.octets())
        }
        (source, destination, _) => {
            fold(&as_v6(source).octets()) + fold(&as_v6(destination).octets())
        }
    };
    addresses + u64::from(protocol_number(datagram.transport, version)) + length as u64
}

fn protocol_number(transport: Transport, version: Version) -> u8 {
    match (transport, version) {
        (Transport::Udp { .. }, _) => 17,
        (Transport::Tcp { .. }, _) => 6,
        (Transport::Icmp { .. }, Version::V4) => 1,
        (Transport::Icmp { .. }, Version::V6) => 58,
        (Transport::Other(protocol), _) => protocol,
    }
}

fn as_v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

fn put_u16(value: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn put_u32(value: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn set_u16(out: &mut [u8], at: usize, value: u16) {
    out[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn udp<'a>(source: &str, destination: &str, payload: &'a [u8]) -> Datagram<'a> {
        Datagram {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            hop_limit: 64,
            identification: 0x1234,
            transport: Transport::Udp { source_port: 1_000, destination_port: 2_000 },
            payload,
        }
    }

    fn frame(builder: &FrameBuilder, datagram: &Datagram<'_>) -> Vec<u8> {
        let mut frame = Vec::new();
        builder.frame(datagram, &mut frame);
        frame
    }

    fn unpadded() -> FrameBuilder {
        FrameBuilder { pad: false, ..FrameBuilder::default() }
    }

    /// The sum as RFC 1071 first states it: word by word, end-around carry.
    fn slow_checksum(bytes: &[u8]) -> u16 {
        let mut sum = 0u16;
        for word in bytes.chunks(2) {
            let word = u16::from_be_bytes([word[0], *word.get(1).unwrap_or(&0)]);
            let (added, carry) = sum.overflowing_add(word);
            sum = added + u16::from(carry);
        }
        !sum
    }

    #[test]
    fn a_udp_datagram_has_its_known_bytes() {
        // Lengths and sums by hand: 10.0.0.1 to 10.0.0.2, payload "hi!".
        let expected = [
            &[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0][..],
            &[0x45, 0, 0, 31, 0x12, 0x34, 0, 0, 64, 17, 0x54, 0x98],
            &[10, 0, 0, 1, 10, 0, 0, 2],
            &[0x03, 0xe8, 0x07, 0xd0, 0, 11, 0x56, 0xb4],
            b"hi!",
        ]
        .concat();
        assert_eq!(frame(&unpadded(), &udp("10.0.0.1", "10.0.0.2", b"hi!")), expected);
        let padded =
            frame(&FrameBuilder::default(), &udp("10.0.0.1", "10.0.0.2", b"hi!"));
        assert_eq!(padded.len(), 60);
        assert_eq!(padded[..45], expected[..]);
        assert!(padded[45..].iter().all(|&byte| byte == 0));
    }

    #[test]
    fn the_checksum_agrees_with_the_slow_one() {
        let bytes: Vec<u8> = (0..997u32).map(|i| (i * i % 251) as u8).collect();
        for length in 0..bytes.len() {
            let part = &bytes[..length];
            assert_eq!(checksum(0, part), slow_checksum(part), "{length}");
        }
        // The example of RFC 1071, section 3.
        let words = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(checksum(0, &words), !0xddf2);
        assert_eq!(checksum(0, &[0xff; 4_000]), 0);
    }

    #[test]
    fn wrappings_stand_in_their_order() {
        let datagram = udp("10.0.0.1", "10.0.0.2", b"payload");
        let plain = frame(&unpadded(), &datagram);
        let qinq = FrameBuilder { vlans: vec![10, 20], ..unpadded() };
        let bytes = frame(&qinq, &datagram);
        assert_eq!(bytes[12..22], [0x88, 0xa8, 0, 10, 0x81, 0, 0, 20, 8, 0]);
        assert_eq!(bytes[22..], plain[14..]);

        let labels = FrameBuilder { mpls: vec![16, 17], ..unpadded() };
        let bytes = frame(&labels, &datagram);
        assert_eq!(bytes[12..22], [0x88, 0x47, 0, 1, 0, 64, 0, 1, 0x11, 64]);
        assert_eq!(bytes[22..], plain[14..]);

        let tunnel = |kind| Tunnel {
            source: Ipv4Addr::new(192, 0, 2, 1),
            destination: Ipv4Addr::new(192, 0, 2, 2),
            kind,
        };
        let gre = FrameBuilder { tunnel: Some(tunnel(TunnelKind::Gre)), ..unpadded() };
        let bytes = frame(&gre, &datagram);
        assert_eq!(bytes[23], 47);
        assert_eq!(bytes[34..38], [0, 0, 8, 0]);
        assert_eq!(bytes[38..], plain[14..]);
        assert_eq!(slow_checksum(&bytes[14..34]), 0);

        let kind = TunnelKind::Vxlan(0x01_0203);
        let vxlan = FrameBuilder { tunnel: Some(tunnel(kind)), ..unpadded() };
        let bytes = frame(&vxlan, &datagram);
        assert_eq!(bytes[36..38], 4_789u16.to_be_bytes());
        assert_eq!(
            usize::from(bytes[38]) * 256 + usize::from(bytes[39]),
            bytes.len() - 34
        );
        assert_eq!(bytes[42..50], [8, 0, 0, 0, 1, 2, 3, 0]);
        assert_eq!(bytes[50..], plain[..]);
    }

    #[test]
    fn fragments_join_to_the_whole_and_say_where_they_lie() {
        let payload: Vec<u8> = (0..=255).cycle().take(1_001).collect();
        for (source, destination, header) in
            [("10.0.0.1", "10.0.0.2", 20), ("2001:db8::1", "2001:db8::2", 40)]
        {
            let datagram = udp(source, destination, &payload);
            let whole = frame(&unpadded(), &datagram).split_off(14 + header);
            for size in [0, 8, 100, 500, 1_008, 1_009, 5_000] {
                let fragments = unpadded().fragments(&datagram, size);
                let step = (size / 8).max(1) * 8;
                assert_eq!(fragments.len(), whole.len().div_ceil(step));
                let mut joined = Vec::new();
                for (index, fragment) in fragments.iter().enumerate() {
                    let more = index + 1 < fragments.len();
                    let extra = if header == 40 && fragments.len() > 1 { 8 } else { 0 };
                    let field = if header == 20 {
                        assert_eq!(slow_checksum(&fragment[14..34]), 0);
                        let field = u16::from_be_bytes([fragment[20], fragment[21]]);
                        (field >> 13 == 1, field & 0x1fff)
                    } else if extra == 8 {
                        assert_eq!((fragment[20], fragment[54]), (44, 17));
                        let field = u16::from_be_bytes([fragment[56], fragment[57]]);
                        (field & 1 == 1, field >> 3)
                    } else {
                        (false, 0)
                    };
                    assert_eq!(field, (more, (index * step / 8) as u16));
                    joined.extend_from_slice(&fragment[14 + header + extra..]);
                }
                assert_eq!(joined, whole, "{size}");
            }
        }
    }

    #[test]
    fn transport_checksums_hold_over_the_pseudo_header() {
        let transports = [
            Transport::Udp { source_port: 53, destination_port: 40_000 },
            Transport::Tcp {
                source_port: 80,
                destination_port: 50_000,
                sequence: 0xffff_fff0,
                acknowledgement: 7,
                flags: tcp::SYN | tcp::ACK,
                window: 1_024,
                maximum_segment: Some(1_460),
            },
            Transport::Icmp { kind: 8, code: 0, rest: 0x0001_0002 },
        ];
        for transport in transports {
            for length in 0..70 {
                let payload: Vec<u8> =
                    (0..length).map(|i: u8| i.wrapping_mul(7)).collect();
                for (source, destination, header, protocol_at) in [
                    ("10.1.2.3", "10.3.2.1", 20, 23),
                    ("2001:db8::1", "2001:db8:0:ffff::2", 40, 20),
                ] {
                    let mut datagram = udp(source, destination, &payload);
                    datagram.transport = transport;
                    let bytes = frame(&unpadded(), &datagram);
                    let body = &bytes[14 + header..];
                    let addresses = if header == 20 { 26..34 } else { 22..54 };
                    let mut covered = bytes[addresses].to_vec();
                    covered.extend_from_slice(&(body.len() as u32).to_be_bytes());
                    covered.extend_from_slice(&[0, 0, 0, bytes[protocol_at]]);
                    if bytes[protocol_at] == 1 {
                        covered.clear();
                    }
                    covered.extend_from_slice(body);
                    assert_eq!(slow_checksum(&covered), 0, "{transport:?} {length}");
                }
            }
        }
    }

    #[test]
    fn a_udp_checksum_is_never_zero() {
        // The payload's two bytes are chosen to bring the sum to zero.
        let bytes = frame(&unpadded(), &udp("10.0.0.1", "10.0.0.2", &[0, 0]));
        let sum = [bytes[40], bytes[41]];
        let bytes = frame(&unpadded(), &udp("10.0.0.1", "10.0.0.2", &sum));
        assert_eq!(bytes[40..42], [0xff, 0xff]);
    }

    #[test]
    fn odd_input_is_cut_or_mapped_and_never_panics() {
        let long = vec![1; 70_000];
        let bytes = frame(&unpadded(), &udp("10.0.0.1", "10.0.0.2", &long));
        assert_eq!(bytes.len(), 14 + 20 + 8 + MAX_PAYLOAD);
        let mixed = frame(&unpadded(), &udp("10.0.0.1", "2001:db8::1", b"x"));
        assert_eq!(mixed[12..14], [0x86, 0xdd]);
        assert_eq!(mixed[32..38], [0xff, 0xff, 10, 0, 0, 1]);
    }
}
