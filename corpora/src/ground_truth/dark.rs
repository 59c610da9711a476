//! The truth about a dark network: what came there, from whom, and how fast it went to the
//! whole Internet.
//!
//! A dark network sees only its share of what goes to random addresses. Rates are those in
//! all of IPv4, which a detector extrapolates; numbers of packets are those of the capture.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Protocol;

/// What came to a dark network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DarkTruth {
    /// The network; `None` where the scenario has the addresses of a given capture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// How many addresses it has.
    pub addresses: u64,
    /// How many packets of each class came.
    pub classes: DarkClasses,
    /// Who answered to forged sources.
    pub victims: Vec<VictimTruth>,
    /// Who scanned, each at one port.
    pub scanners: Vec<ScannerTruth>,
}

/// Packets by class. The first that fits counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DarkClasses {
    /// Answers to what nobody asked: TCP with SYN and ACK or with RST, ICMP errors and
    /// replies, UDP answers from the port of a service.
    pub backscatter: u64,
    /// A SYN without data, an ICMP echo request, UDP with fewer than 16 bytes of payload.
    pub scan: u64,
    /// Any other TCP or UDP with payload.
    pub probe: u64,
    /// The rest.
    pub other: u64,
}

/// The victim of a flood from forged sources.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VictimTruth {
    /// Who is flooded.
    pub address: IpAddr,
    /// How it answers.
    pub answer: Answer,
    /// What it is flooded with. Of a port that is unreachable it is in the quoted packet.
    pub protocol: Protocol,
    /// The flooded port; `None` where the protocol has none.
    pub service_port: Option<u16>,
    /// Mean packets a second in all of IPv4.
    pub rate: f64,
    /// When the flood began, RFC 3339.
    pub begin: String,
    /// The same in nanoseconds since the epoch.
    pub begin_ns: u64,
    /// When it ended, RFC 3339; the time of the last packet where the capture ended first.
    pub end: String,
    /// The same in nanoseconds since the epoch.
    pub end_ns: u64,
    /// How many packets the network can expect of it, on average.
    pub expected: f64,
    /// How many came.
    pub packets: u64,
}

/// How a victim answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// TCP with SYN and ACK.
    SynAck,
    /// TCP with RST.
    Reset,
    /// An ICMP error that quotes the flood.
    PortUnreachable,
    /// An ICMP echo reply.
    EchoReply,
    /// A DNS message with the bit of answers.
    DnsAnswer,
}

/// Who scans one port.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScannerTruth {
    /// The scanner.
    pub source: IpAddr,
    /// What it sends.
    pub protocol: Protocol,
    /// The port that it looks for; `None` where the protocol has none.
    pub port: Option<u16>,
    /// Whose mark is in each of its packets.
    pub tool: Option<ScanTool>,
    /// Mean packets a second in all of IPv4.
    pub rate: f64,
    /// Which share of the dark addresses it reached, 0 to 1.
    pub coverage: f64,
    /// How many different dark addresses it reached.
    pub destinations: u64,
    /// How many packets came. It sends one to each address.
    pub packets: u64,
    /// When it began, RFC 3339.
    pub begin: String,
    /// The same in nanoseconds since the epoch.
    pub begin_ns: u64,
    /// Time of its last packet, RFC 3339.
    pub end: String,
    /// The same in nanoseconds since the epoch.
    pub end_ns: u64,
}

/// A tool that leaves a mark in its packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScanTool {
    /// The identification of IPv4 is 54321.
    Zmap,
    /// The identification is the low 16 bits of destination address, destination port and
    /// sequence number, combined by exclusive or.
    Masscan,
    /// The sequence number is the destination address.
    Mirai,
}

impl DarkTruth {
    /// Adds what another part of the scenario sent there.
    pub(crate) fn add(&mut self, part: Self) {
        self.network = self.network.take().or(part.network);
        self.addresses = self.addresses.max(part.addresses);
        self.classes.backscatter += part.classes.backscatter;
        self.classes.scan += part.classes.scan;
        self.classes.probe += part.classes.probe;
        self.classes.other += part.classes.other;
        self.victims.extend(part.victims);
        self.scanners.extend(part.scanners);
    }
}
