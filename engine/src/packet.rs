//! The nouns of traffic: plain values with hardly any behaviour.

mod host;
mod link_type;
mod network;
mod network_set;
mod site;

#[doc(hidden)]
pub use crate::time::Timestamp;
pub use host::Host;
pub use link_type::LinkType;
pub use network::{AddressPlan, HomeNet, Network};
pub(crate) use network_set::NetworkSet;
pub use site::Site;

use std::net::IpAddr;

/// Link-layer bytes as captured.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Place in the trace, counted from 1 over all inputs.
    pub number: u64,
    /// When it was captured.
    pub time: Timestamp,
    /// How to read its first header.
    pub link: LinkType,
    /// Bytes on the wire; `data` is shorter where the capture cut it.
    pub original_len: u32,
    /// The tap that saw it, by its place in [`Config::taps`](crate::config::Config::taps); 0
    /// where there is one.
    pub tap: u16,
    /// The bytes that were captured.
    pub data: &'a [u8],
}

/// IP protocol numbers that the engine treats apart.
pub mod protocol {
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// ICMP for IPv6.
    pub const ICMPV6: u8 = 58;

    /// Whether its header begins with two ports: TCP, UDP, DCCP, SCTP and UDP-Lite.
    #[doc(hidden)]
    pub const fn has_ports(number: u8) -> bool {
        matches!(number, TCP | UDP | 33 | 132 | 136)
    }
}

/// TCP header flags, as on the wire.
pub mod tcp_flags {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// First segment of a direction.
    pub const SYN: u8 = 0x02;
    /// The connection is refused or aborted.
    pub const RST: u8 = 0x04;
    /// The acknowledgement number counts.
    pub const ACK: u8 = 0x10;
}

/// Decoded headers and payload: what an IDS already has.
///
/// Addresses and ports are those of the innermost IP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Place in the input, counted from 1; decides every order.
    pub number: u64,
    /// When it was captured.
    pub time: Timestamp,
    /// Who sent it.
    pub source: IpAddr,
    /// Whom it was sent to.
    pub destination: IpAddr,
    /// IP protocol number, see [`protocol`].
    pub protocol: u8,
    /// Source port of TCP and UDP (and SCTP, DCCP, UDP-Lite); else 0.
    pub source_port: u16,
    /// Destination port; for ICMP type x 256 + code; else 0.
    pub destination_port: u16,
    /// TCP sequence number of the first payload byte (of the SYN itself on a
    /// SYN); 0 for other protocols.
    pub sequence: u32,
    /// TCP acknowledgement number; counts only where [`tcp_flags::ACK`] is set.
    pub acknowledgement: u32,
    /// TCP flags, see [`tcp_flags`]; 0 for other protocols.
    pub tcp_flags: u8,
    /// What the flow is wrapped in: VLAN and tunnel identifiers folded to one
    /// number, 0 for none. Equal addresses in different wrappings are different
    /// flows.
    pub encapsulation: u64,
    /// Whether the link layer sent it to a group of receivers, as Ethernet sends what goes
    /// to the broadcast address of a subnet.
    pub to_group: bool,
    /// Whether it came through a tunnel between hosts that are not trusted: either end can put
    /// whatever it likes into it, both directions of a conversation too, so that nothing in
    /// it shows that an address is not forged.
    pub untrusted_tunnel: bool,
    /// The identification in its IPv4 header, by which some scanners mark their packets, and
    /// copies at several taps are known. `None` where it is not known, and for IPv6.
    pub identification: Option<u16>,
    /// See [`Frame::tap`].
    pub tap: u16,
    /// The transport payload, as far as it was captured.
    pub payload: &'a [u8],
}

/// What tells one flow direction from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlowKey {
    /// Who sends.
    pub source: IpAddr,
    /// Who receives.
    pub destination: IpAddr,
    /// IP protocol number.
    pub protocol: u8,
    /// Port of the sender.
    pub source_port: u16,
    /// Port of the receiver.
    pub destination_port: u16,
    /// See [`Packet::encapsulation`].
    pub encapsulation: u64,
}

/// Bytes of a TCP direction that the host has put in order: what an IDS with stream
/// reassembly has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamPiece<'a> {
    /// Place in the input, counted from 1, on one scale with packets.
    pub number: u64,
    /// When its last byte was captured.
    pub time: Timestamp,
    /// Who sends to whom; the protocol counts as TCP whatever it says.
    pub flow: FlowKey,
    /// Bytes of the direction before it. One that does not continue the piece before
    /// stands behind a gap.
    pub offset: u64,
    /// What the host knows of who sends. From a piece that says answered on, the direction
    /// is.
    pub handshake: Handshake,
    /// The bytes, at most 4 GiB.
    pub payload: &'a [u8],
}

impl Packet<'_> {
    /// Whether it is an ICMP error, whose payload quotes the packet that it is of.
    pub(crate) fn is_icmp_error(&self) -> bool {
        match (self.protocol, self.destination_port >> 8) {
            (protocol::ICMP, kind) => matches!(kind, 3 | 4 | 5 | 11 | 12),
            (protocol::ICMPV6, kind) => matches!(kind, 1..=4),
            _ => false,
        }
    }

    /// The flow direction that the packet belongs to.
    pub fn flow(&self) -> FlowKey {
        FlowKey {
            source: self.source,
            destination: self.destination,
            protocol: self.protocol,
            source_port: self.source_port,
            destination_port: self.destination_port,
            encapsulation: self.encapsulation,
        }
    }
}

/// Whether a TCP sender gets the answers to its address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Handshake {
    /// Not known: not TCP, no memory for its direction, or the host that put its stream
    /// together did not say what it acknowledged.
    #[default]
    Unknown,
    /// One of its segments acknowledged what the other side had sent.
    Answered,
    /// None did so far, and one should have. On a tap that sees both directions
    /// of its conversations the address may be forged; on others this says nothing.
    Unanswered,
}
