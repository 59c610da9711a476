//! A slow model of what is told of decoys: maps over all packets, searched from end to end.

use super::farm::{decoy, outside};
use crate::common::{Random, datagram};
use std::collections::HashMap;
use std::net::IpAddr;
use wormsift::config::Span;
use wormsift::packet::tcp_flags::{ACK, RST, SYN};
use wormsift::packet::{Host, Packet, Timestamp, protocol};
use wormsift::signature::{DecoyReport, Suspect};

type End = (IpAddr, u16);

/// Five quiet minutes end a conversation.
const QUIET: u64 = 300_000_000_000;

#[derive(Clone, Copy, Default)]
struct Side {
    /// The number of its last SYN.
    syn: Option<u32>,
    /// Whether it sent a SYN without ACK.
    asked: bool,
    spoke: bool,
}

struct Conversation {
    initiator: Option<End>,
    last: u64,
    sides: HashMap<End, Side>,
}

/// A conversation that began, and who is known to have begun it.
pub(super) struct Twin {
    window: Span,
    conversations: HashMap<(u8, [End; 2]), Conversation>,
    received: Vec<(IpAddr, Suspect)>,
    started: Vec<IpAddr>,
    told: Vec<(IpAddr, u8, Option<u16>, Timestamp)>,
}

fn is_decoy(address: IpAddr) -> bool {
    (0..16).any(|n| decoy(n) == address)
}

fn is_allowed(packet: &Packet<'_>) -> bool {
    let IpAddr::V4(to) = packet.destination else { return false };
    let port = packet.destination_port;
    packet.protocol == protocol::UDP
        && (port == 123 || port == 53 && to.octets() == [192, 0, 2, 53])
}

impl Twin {
    pub(super) fn new(window: Span) -> Self {
        Self {
            window,
            conversations: HashMap::new(),
            received: Vec::new(),
            started: Vec::new(),
            told: Vec::new(),
        }
    }

    /// Whether a packet begins a conversation, and who is known to have begun it; `None` for
    /// a packet without a conversation.
    fn follow(&mut self, packet: &Packet<'_>) -> Option<(bool, Option<End>)> {
        let icmp = packet.destination_port >> 8;
        let is_icmp = packet.protocol == protocol::ICMP;
        if is_icmp && icmp != 0 && icmp != 8 {
            return None;
        }
        let port = if is_icmp { 0 } else { packet.destination_port };
        let (me, other) =
            ((packet.source, packet.source_port), (packet.destination, port));
        let ends = [me.min(other), me.max(other)];
        let key = (packet.protocol, ends);
        let now = packet.time.as_nanos();
        let flags = packet.tcp_flags;
        let (syn, ack) = (flags & SYN != 0, flags & ACK != 0);
        let known = self.conversations.get(&key);
        let is_tcp = packet.protocol == protocol::TCP;
        let goes_on = known.is_some_and(|it| {
            let quiet = now - it.last >= QUIET;
            let side = |end| it.sides.get(&end).copied().unwrap_or_default();
            let (mine, theirs) = (side(me), side(other));
            match (is_tcp, syn) {
                (false, _) => !quiet,
                (true, false) => true,
                (true, true) if quiet => false,
                (true, true) if mine.syn == Some(packet.sequence) => true,
                (true, true) if ack => {
                    theirs.syn.is_some_and(|n| n + 1 == packet.acknowledgement)
                }
                // Both ask at the same time.
                (true, true) => mine.syn.is_none() && !mine.spoke && theirs.asked,
            }
        });
        if !goes_on {
            let initiator = match (is_tcp, syn, ack) {
                (false, ..) | (true, true, false) => Some(me),
                (true, true, true) => Some(other),
                (true, false, _) => None,
            };
            let new = Conversation { initiator, last: now, sides: HashMap::new() };
            self.conversations.insert(key, new);
        }
        let it = self.conversations.get_mut(&key).expect("it is there");
        it.last = now;
        if syn {
            let mine = it.sides.entry(me).or_default();
            mine.syn = Some(packet.sequence);
            mine.asked |= !ack;
            let theirs = it.sides.entry(other).or_default();
            if ack && theirs.syn.is_none() && !theirs.spoke {
                theirs.syn = Some(packet.acknowledgement.wrapping_sub(1));
            }
        }
        it.sides.entry(me).or_default().spoke = true;
        Some((!goes_on, it.initiator))
    }

    pub(super) fn take(&mut self, packet: &Packet<'_>) -> Option<DecoyReport> {
        let (begins, initiator) = self.follow(packet)?;
        let has_ports = packet.protocol != protocol::ICMP;
        let port = has_ports.then_some(packet.destination_port);
        let sends = initiator == Some((packet.source, packet.source_port));
        let host = |address| Host::of(address, 128);
        let payload = packet.payload[..packet.payload.len().min(256)].to_vec();
        let is_request = has_ports || packet.destination_port >> 8 == 8;
        let report = (begins
            && sends
            && is_request
            && is_decoy(packet.source)
            && !is_allowed(packet))
        .then(|| self.tell(packet, port))
        .flatten();
        // Who is asked by the other side has asked for nothing.
        let asked = initiator.is_some() && !sends;
        if is_decoy(packet.destination) && !asked && !payload.is_empty() {
            self.received.push((
                packet.destination,
                Suspect {
                    content: payload,
                    sender: host(packet.source),
                    protocol: packet.protocol,
                    port,
                    time: packet.time,
                    packet: packet.number,
                },
            ));
        }
        report
    }

    fn tell(&mut self, packet: &Packet<'_>, port: Option<u16>) -> Option<DecoyReport> {
        let decoy = packet.source;
        let is_first = !self.started.contains(&decoy);
        self.started.push(decoy);
        let lately = |it: &&(IpAddr, u8, Option<u16>, Timestamp)| {
            it.0 == decoy && packet.time.since(it.3) < self.window
        };
        let lately: Vec<_> = self.told.iter().filter(lately).collect();
        let is_told = lately.iter().any(|it| (it.1, it.2) == (packet.protocol, port));
        if is_told || lately.len() == 16 {
            return None;
        }
        self.told.push((decoy, packet.protocol, port, packet.time));
        let mut suspects: Vec<Suspect> = Vec::new();
        for (_, it) in self.received.iter().rev().filter(|it| it.0 == decoy) {
            let is_known = suspects.iter().any(|known| {
                (&known.content, known.protocol, known.port)
                    == (&it.content, it.protocol, it.port)
            });
            if !is_known {
                suspects.push(it.clone());
            }
        }
        suspects.truncate(8);
        Some(DecoyReport {
            decoy: Host::of(decoy, 128),
            destination: Host::of(packet.destination, 128),
            protocol: packet.protocol,
            port,
            time: packet.time,
            packet: packet.number,
            payload: packet.payload[..packet.payload.len().min(256)].to_vec(),
            is_first,
            suspects,
        })
    }
}

/// A few contents, an empty one among them, some alike in their first 256 bytes.
pub(super) fn payloads() -> Vec<Vec<u8>> {
    let mut random = Random(1);
    let long = random.bytes(300);
    let longer = [&long[..], b"and more"].concat();
    let mut payloads = vec![Vec::new(), long, longer, b"short".to_vec()];
    payloads.extend((0..12).map(|n| random.bytes(20 + 10 * n)));
    payloads
}

/// Packets among three decoys and three others, at few ports, with gaps from milliseconds to
/// six minutes.
pub(super) fn random_packets(
    seed: u64,
    length: usize,
    payloads: &[Vec<u8>],
) -> Vec<Packet<'_>> {
    let mut random = Random(seed);
    let mut time = 1_700_000_000_000_000_000;
    let resolver = IpAddr::from([192, 0, 2, 53]);
    let hosts = [decoy(0), decoy(1), decoy(2), outside(0), outside(1), resolver];
    // The last SYN of each end, so that most answers fit.
    let mut syns: HashMap<(End, End), u32> = HashMap::new();
    let mut packets = Vec::new();
    for number in 1..=length as u64 {
        time += match random.below(20) {
            0 => random.below(360_000_000_000),
            _ => random.below(500_000_000),
        };
        let source = hosts[random.below(6) as usize];
        let destination = hosts[random.below(6) as usize];
        if source == destination {
            continue;
        }
        let port = |random: &mut Random| [53, 123, 445, 2_000][random.below(4) as usize];
        let (source_port, destination_port) = (port(&mut random), port(&mut random));
        let protocol = [protocol::TCP, protocol::UDP, protocol::ICMP]
            [[0, 0, 0, 1, 1, 2][random.below(6) as usize]];
        let payload = &payloads[random.below(payloads.len() as u64) as usize];
        let ends = [(source, source_port), (destination, destination_port)];
        let mut packet =
            Packet { protocol, ..datagram(number, time, ends[0], ends[1], payload) };
        match protocol {
            protocol::ICMP => {
                packet.source_port = 0;
                packet.destination_port = [0, 8, 3][random.below(3) as usize] << 8;
                // An error quotes what it is of.
                if packet.destination_port == 3 << 8 {
                    packet.payload = &payloads[3];
                }
            }
            protocol::TCP => {
                let (me, other) =
                    ((source, source_port), (destination, destination_port));
                packet.tcp_flags = [SYN, SYN | ACK, ACK, RST][random.below(4) as usize];
                packet.sequence = 1_000 * random.below(3) as u32;
                packet.acknowledgement = match syns.get(&(other, me)) {
                    Some(number) => number + 1,
                    None => 77,
                };
                if packet.tcp_flags & SYN != 0 {
                    syns.insert((me, other), packet.sequence);
                }
                if packet.tcp_flags & ACK == 0 {
                    packet.acknowledgement = 0;
                }
                // Segments with SYN or RST are empty, as they mostly are.
                if packet.tcp_flags != ACK {
                    packet.payload = &payloads[0];
                }
            }
            _ => {}
        }
        packets.push(packet);
    }
    packets
}
