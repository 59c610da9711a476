//! The class of a packet to a dark address, by its headers and first bytes.
//!
//! The first rule that fits decides.
//!
//! | class | rule |
//! |---|---|
//! | backscatter | TCP with SYN and ACK, or RST; an ICMP error, or a reply to a request; UDP that is an answer |
//! | scan | TCP with SYN and no data; an ICMP echo request; UDP of less than 16 bytes |
//! | probe | any other with payload, but for ICMP, whose other messages hold no data |
//! | other | the rest |
//!
//! UDP is an *answer* where it comes from the port of a service that answers strangers. Of
//! DNS, NTP, ISAKMP and QUIC the message itself says whether it is one; of others the two
//! ports must differ. Who fakes answers is taken at his word: such a packet names a victim that
//! may be none.

use crate::packet::{Host, Packet, Site, protocol, tcp_flags};
use std::net::IpAddr;

/// What a packet to a dark address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DarkClass {
    /// It answers what somebody sent under a forged address.
    Backscatter,
    /// It only asks whether somebody is there.
    Scan,
    /// It brings payload that nobody asked for.
    Probe,
    /// Anything else.
    Other,
}

impl DarkClass {
    /// All, in the order of their rules.
    pub const ALL: [Self; 4] = [Self::Backscatter, Self::Scan, Self::Probe, Self::Other];

    /// The name used in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Backscatter => "backscatter",
            Self::Scan => "scan",
            Self::Probe => "probe",
            Self::Other => "other",
        }
    }
}

/// A scanner that marks its packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tool {
    /// IPv4 identification 54321 (Durumeric et al. 2014, section 3).
    Zmap,
    /// IPv4 identification = destination address xor destination port xor sequence number,
    /// their last 16 bits (Durumeric et al. 2014, section 3).
    Masscan,
    /// TCP sequence number = destination address (Antonakakis et al. 2017, section 3).
    Mirai,
}

impl Tool {
    /// All, in the order of their counters.
    pub const ALL: [Self; 3] = [Self::Zmap, Self::Masscan, Self::Mirai];

    /// The name used in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zmap => "zmap",
            Self::Masscan => "masscan",
            Self::Mirai => "mirai",
        }
    }
}

/// A packet that came to a dark address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// Index of its record in its chunk.
    pub(crate) record: u32,
    pub(crate) class: DarkClass,
    pub(crate) tool: Option<Tool>,
    /// Backscatter: who answers, and of what service. Else who asks for what.
    pub(crate) host: Host,
    pub(crate) protocol: u8,
    /// `None` for protocols without ports.
    pub(crate) port: Option<u16>,
    pub(crate) destination: Host,
    /// An ICMP error whose quoted packet did not come from its destination.
    pub(crate) quotes_foreign: bool,
    /// Whether its destination is named as dark, or else in the home network.
    pub(crate) is_named: bool,
}

impl Arrival {
    /// The same of a site.
    pub(crate) fn at(self, site: Option<Site>) -> Self {
        let [host, destination] = [self.host, self.destination].map(|host| host.at(site));
        Self { host, destination, ..self }
    }

    /// Whether it is left out of sifting. One to an address that is named as dark never came so
    /// far.
    pub(crate) fn is_unsifted(&self) -> bool {
        self.class == DarkClass::Backscatter
    }
}

/// UDP payloads below this carry nothing to be sifted.
const LEAST_PROBE: usize = 16;

const DNS: [u16; 2] = [53, 5_353];
const NTP: u16 = 123;
const ISAKMP: [u16; 2] = [500, 4_500];
const HTTPS: u16 = 443;
/// Other UDP services that answer strangers, and so are asked under forged addresses (CISA alert
/// TA14-017A; 3283 Apple Remote Desktop, 5683 CoAP, 10001 Ubiquiti discovery, 27015 Steam).
const ANSWERING: [u16; 24] = [
    7, 13, 17, 19, 69, 111, 137, 161, 177, 389, 427, 520, 623, 1_194, 1_434, 1_604,
    1_701, 1_900, 3_283, 3_702, 5_683, 10_001, 11_211, 27_015,
];

/// What a packet to a dark address is. `record` is the index of its record.
pub(crate) fn read(packet: &Packet<'_>, v6_prefix: u8, record: u32) -> Arrival {
    let class = class(packet);
    let is_answer = class == DarkClass::Backscatter;
    let port = protocol::has_ports(packet.protocol).then_some(match is_answer {
        true => packet.source_port,
        false => packet.destination_port,
    });
    let arrival = Arrival {
        record,
        class,
        tool: match class {
            DarkClass::Scan | DarkClass::Probe => tool(packet),
            DarkClass::Backscatter | DarkClass::Other => None,
        },
        host: Host::of(packet.source, v6_prefix),
        protocol: packet.protocol,
        port,
        destination: Host::of(packet.destination, 128),
        quotes_foreign: false,
        is_named: true,
    };
    if !is_answer || !packet.is_icmp_error() {
        return arrival;
    }
    // The victim is whom the quoted packet was for; who sends the error is a router on the way.
    match Quote::read(packet.payload) {
        Some(quote) if quote.source == packet.destination => Arrival {
            host: Host::of(quote.destination, v6_prefix),
            protocol: quote.protocol,
            port: quote.port,
            ..arrival
        },
        _ => Arrival { quotes_foreign: true, ..arrival },
    }
}

fn class(packet: &Packet<'_>) -> DarkClass {
    let kind = packet.destination_port >> 8;
    let flags = packet.tcp_flags & (tcp_flags::SYN | tcp_flags::ACK | tcp_flags::RST);
    let syn_ack = tcp_flags::SYN | tcp_flags::ACK;
    let is_answer = match packet.protocol {
        protocol::TCP => flags & tcp_flags::RST != 0 || flags == syn_ack,
        protocol::UDP => is_udp_answer(packet),
        protocol::ICMP => packet.is_icmp_error() || matches!(kind, 0 | 14 | 16 | 18),
        protocol::ICMPV6 => packet.is_icmp_error() || kind == 129,
        _ => false,
    };
    if is_answer {
        return DarkClass::Backscatter;
    }
    let is_scan = match packet.protocol {
        protocol::TCP => flags == tcp_flags::SYN && packet.payload.is_empty(),
        protocol::UDP => packet.payload.len() < LEAST_PROBE,
        protocol::ICMP => kind == 8,
        protocol::ICMPV6 => kind == 128,
        _ => false,
    };
    let is_icmp = matches!(packet.protocol, protocol::ICMP | protocol::ICMPV6);
    match () {
        () if is_scan => DarkClass::Scan,
        () if is_icmp || packet.payload.is_empty() => DarkClass::Other,
        () => DarkClass::Probe,
    }
}

fn is_udp_answer(packet: &Packet<'_>) -> bool {
    let &Packet { source_port: from, destination_port: to, payload, .. } = packet;
    let byte = |at: usize| payload.get(at).copied();
    // Where too little of the message is there, the ports decide.
    let says = match from {
        // RFC 1035, section 4.1.1: QR.
        _ if DNS.contains(&from) => byte(2).map(|flags| flags & 0x80 != 0),
        // RFC 5905, section 7.3; RFC 9327, section 2: a control message has a response bit.
        NTP => match (byte(0), byte(1)) {
            (Some(first), Some(second)) => Some(match first & 7 {
                2 | 4 => true,
                6 => second & 0x80 != 0,
                7 => first & 0x80 != 0,
                _ => false,
            }),
            _ => None,
        },
        // RFC 7296, section 3.1: an initiator knows no responder's SPI yet.
        _ if ISAKMP.contains(&from) => {
            payload.get(8..16).map(|spi| spi.iter().any(|byte| *byte != 0))
        }
        // RFC 8999, section 5.1: a long header.
        HTTPS => Some(byte(0).is_some_and(|first| first & 0x80 != 0)),
        _ if ANSWERING.contains(&from) => None,
        _ => return false,
    };
    says.unwrap_or(from != to)
}

fn tool(packet: &Packet<'_>) -> Option<Tool> {
    /// The identification of ZMap's packets.
    const ZMAP: u16 = 54_321;
    let IpAddr::V4(destination) = packet.destination else { return None };
    let destination = destination.to_bits();
    let id = packet.identification;
    let is_request = packet.protocol == protocol::TCP
        && packet.tcp_flags & (tcp_flags::SYN | tcp_flags::ACK) == tcp_flags::SYN;
    if id == Some(ZMAP) {
        return Some(Tool::Zmap);
    }
    if !is_request {
        return None;
    }
    if packet.sequence == destination {
        return Some(Tool::Mirai);
    }
    let mark = destination ^ u32::from(packet.destination_port) ^ packet.sequence;
    (id == Some(mark as u16)).then_some(Tool::Masscan)
}

/// The beginning of a packet that an ICMP error quotes.
struct Quote {
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    port: Option<u16>,
}

impl Quote {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (source, destination, protocol, rest) = match bytes.first()? >> 4 {
            4 => {
                let header: &[u8; 20] = bytes.first_chunk()?;
                let [s, d] = [12, 16].map(|at| {
                    IpAddr::from([
                        header[at],
                        header[at + 1],
                        header[at + 2],
                        header[at + 3],
                    ])
                });
                (s, d, header[9], bytes.get(usize::from(header[0] & 0xf) * 4..)?)
            }
            6 => {
                let header: &[u8; 40] = bytes.first_chunk()?;
                let address = |at: usize| -> Option<IpAddr> {
                    let bytes: [u8; 16] = *header.get(at..)?.first_chunk()?;
                    Some(IpAddr::from(bytes))
                };
                (address(8)?, address(24)?, header[6], bytes.get(40..)?)
            }
            _ => return None,
        };
        let port = rest.get(2..4).map(|port| u16::from_be_bytes([port[0], port[1]]));
        let port = port.filter(|_| protocol::has_ports(protocol));
        Some(Self { source, destination, protocol, port })
    }
}
