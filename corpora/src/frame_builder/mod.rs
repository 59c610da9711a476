//! Ethernet frames from datagrams.
//!
//! Plain numbers in, an Ethernet frame out, every length and checksum right. This is written
//! from the RFCs alone and shares nothing with the decoder that it tests.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest payload that a frame holds; longer ones are cut. With every header it fits
/// into a tunnel's 16-bit length.
pub const MAX_PAYLOAD: usize = 65_000;

/// TCP header flags.
pub(crate) mod tcp {
    /// No more data from the sender.
    pub(crate) const FIN: u8 = 0x01;
    /// First segment of a direction.
    pub(crate) const SYN: u8 = 0x02;
    /// The connection is refused or aborted.
    pub(crate) const RST: u8 = 0x04;
    /// The receiver is to deliver the data now.
    pub(crate) const PSH: u8 = 0x08;
    /// The acknowledgement number counts.
    pub(crate) const ACK: u8 = 0x10;
    /// The urgent pointer counts.
    pub(crate) const URG: u8 = 0x20;
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
        /// RFC 9293, section 3.1.
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
    pub(crate) fn fragments(&self, datagram: &Datagram<'_>, size: usize) -> Vec<Vec<u8>> {
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

    /// What the IP header of a datagram is followed by: the bytes that fragments cut.
    pub(crate) fn ip_payload(datagram: &Datagram<'_>) -> Vec<u8> {
        let mut whole = Vec::new();
        write_transport(datagram, Version::of(datagram), &mut whole);
        whole
    }

    /// Replaces `frame` by that of one fragment, whatever it claims: bytes from `offset` (a
    /// multiple of 8) on, `more` if others follow. Of the datagram its payload counts not.
    pub(crate) fn fragment(
        &self,
        datagram: &Datagram<'_>,
        (offset, more): (usize, bool),
        bytes: &[u8],
        frame: &mut Vec<u8>,
    ) {
        let version = Version::of(datagram);
        let place = Place { units: (offset / 8) as u16, more };
        self.wrap(version, frame, |out| {
            let header = write_ip_header(datagram, version, Some(place), out);
            out.extend_from_slice(bytes);
            close_ip(header, out);
        });
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
        put_u16(version.ether_type(), out);
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
                let inner = Self { vlans: Vec::new(), ..self.clone() };
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
fn checksum(initial: u64, bytes: &[u8]) -> u16 {
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

/// Where a fragment is in its datagram.
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
mod tests;
