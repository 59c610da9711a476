//! Packets that known signatures match.
//!
//! All rules of a packet's service at once (`services`), by an Aho-Corasick automaton
//! (`patterns`) over each payload and over each seam of a TCP direction: what a real engine
//! would alert on, for evaluation and for looking through older captures. Tokens, their order, offset and
//! payload length are those of the exported rule, so that both match the same packets.
//!
//! [`Matcher::scan`] has no state and may run on any thread; [`Matcher::complete`] takes
//! the packets in order, joins segments, and says which rules hold.

mod patterns;
mod services;

use crate::distinct::Distinct;
use crate::{Rule, Service};
use services::Services;
use wormsift::error::Error;
use wormsift::packet::{Packet, protocol, tcp_flags};
use wormsift::stream::{Segment, StreamTails};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Streams of which some but not all tokens of a rule were seen, at a time.
const PARTS: usize = 1 << 14;
/// Tokens of a rule that are looked for; more add nothing.
const MOST_TOKENS: usize = 64;
/// Tokens whose order is looked at: as many as a signature has.
const MOST_ORDERED: usize = 8;

/// Finds rules' contents in packets.
pub struct Matcher {
    services: Services,
    /// By pattern: the rules that have it, and as which token.
    owners: Vec<Vec<(u32, u8)>>,
    rules: Vec<Known>,
    tails: StreamTails,
    parts: Vec<Part>,
    counters: MatchCounters,
    found: Vec<Found>,
    /// By rule: its place among those seen in the packet at hand, `NOT_SEEN` between
    /// packets.
    places: Vec<u32>,
    seed: u64,
}

/// No place.
const NOT_SEEN: u32 = u32::MAX;

struct Known {
    protocol: u8,
    service: Service,
    /// One bit a token.
    all: u64,
    /// Bytes of each token, where they must come in order.
    order: Option<Vec<u32>>,
    offset: Option<usize>,
    payload_length: Option<u32>,
}

/// Tokens of one rule seen so far in one direction of a stream.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    tag: u64,
    seen: u64,
    order: Order,
}

/// How far the tokens came in their order; places are sequence numbers.
#[derive(Clone, Copy, Debug, Default)]
struct Order {
    /// Tokens found so far, each behind the one before.
    next: u8,
    /// Where the last of them ended.
    end: u32,
    /// Which tokens were seen at all, and where each last began: the one before may
    /// arrive later.
    seen: u8,
    last: [u32; MOST_ORDERED],
}

impl Order {
    /// Takes an occurrence; in a stream without gaps they come by where they begin. The
    /// first one that may follow is as good as any: those of one token are equally long.
    fn enter(&mut self, token: usize, start: u32, lengths: &[u32]) {
        self.last[token] = start;
        self.seen |= 1 << token;
        while let Some(length) = lengths.get(usize::from(self.next)) {
            let (next, start) = (self.next, self.last[usize::from(self.next)]);
            let behind = next == 0 || start.wrapping_sub(self.end) as i32 >= 0;
            if self.seen & 1 << next == 0 || !behind {
                break;
            }
            self.end = start.wrapping_add(*length);
            self.next += 1;
        }
    }
}

/// A pattern found in a packet, and where it begins in the payload: before it, across a
/// seam.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    start: i32,
    pattern: u32,
}

/// What happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MatchCounters {
    /// Packets looked at.
    pub packets: u64,
    /// Their payload bytes.
    pub payload_bytes: u64,
    /// Packets on which at least one rule holds.
    pub matched: u64,
    /// Streams whose tokens seen so far were dropped because the table was full.
    pub forgotten: u64,
}

impl Matcher {
    /// A matcher of these rules; `bytes` of memory for the ends of TCP segments.
    ///
    /// # Errors
    ///
    /// When there are too many bytes for an automaton.
    pub fn new(rules: &[Rule<'_>], bytes: usize) -> Result<Self, Error> {
        let mut patterns: Vec<&[u8]> = Vec::new();
        let mut numbers = Distinct::new();
        let mut owners: Vec<Vec<(u32, u8)>> = Vec::new();
        let mut known = Vec::with_capacity(rules.len());
        for (rule, r) in rules.iter().zip(0_u32..) {
            let tokens = &rule.tokens[..rule.tokens.len().min(MOST_TOKENS)];
            for (token, t) in tokens.iter().zip(0_u8..) {
                let (at, is_new) = numbers.number(*token);
                if is_new {
                    patterns.push(token);
                    owners.push(Vec::new());
                }
                owners[at].push((r, t));
            }
            known.push(Known {
                protocol: rule.signature.protocol,
                service: rule.service,
                all: u64::MAX.checked_shr(64 - tokens.len() as u32).unwrap_or(0),
                order: (rule.ordered && tokens.len() <= MOST_ORDERED)
                    .then(|| tokens.iter().map(|token| token.len() as u32).collect()),
                offset: rule.offset,
                payload_length: rule.payload_length,
            });
        }
        let asked = known.iter().map(|it| (it.protocol, it.service));
        let services = Services::new(&patterns, &owners, &asked.collect::<Vec<_>>())?;
        Ok(Self {
            tails: StreamTails::new(bytes, services.longest().max(2) - 1, SEED),
            services,
            owners,
            places: vec![NOT_SEEN; known.len()],
            rules: known,
            parts: vec![Part::default(); PARTS],
            counters: MatchCounters::default(),
            found: Vec::new(),
            seed: SEED,
        })
    }

    /// What happened so far.
    pub fn counters(&self) -> &MatchCounters {
        &self.counters
    }

    /// Adds to `found` the tokens in the packet's own payload.
    pub fn scan(&self, packet: &Packet<'_>, found: &mut Vec<Found>) {
        for service in self.services.of(packet) {
            service.each(packet.payload, |pattern, start, _| {
                found.push(Found { start: start as i32, pattern });
            });
        }
    }

    /// Takes the next packet in order with what [`Matcher::scan`] found in it, and puts
    /// the rules that hold on it in place of what `holding` has: indices in the order of
    /// [`Matcher::new`]. A rule of several tokens holds on the TCP segment that brings
    /// the last of them; of other protocols one packet must have them all.
    pub fn complete(
        &mut self,
        packet: &Packet<'_>,
        found: &[Found],
        holding: &mut Vec<usize>,
    ) {
        holding.clear();
        self.counters.packets += 1;
        self.counters.payload_bytes += packet.payload.len() as u64;
        self.found.clear();
        self.found.extend_from_slice(found);
        let concerned = self.services.of(packet).next().is_some();
        let tcp = packet.protocol == protocol::TCP && concerned;
        let direction = if tcp { direction(packet, self.seed) } else { 0 };
        if tcp {
            let segment = Segment {
                direction,
                sequence: packet.sequence,
                syn: packet.tcp_flags & tcp_flags::SYN != 0,
                payload: packet.payload,
            };
            let (services, found) = (&self.services, &mut self.found);
            self.tails.advance(segment, |buffer, seam, first| {
                for service in services.of(packet) {
                    service.each(buffer, |pattern, start, end| {
                        if start < seam && end > seam {
                            found.push(Found { start: first + start as i32, pattern });
                        }
                    });
                }
            });
        }
        if self.found.is_empty() {
            return;
        }
        self.found.sort_unstable();
        // Two services of a packet may ask for the same.
        self.found.dedup();
        let base = packet
            .sequence
            .wrapping_add(u32::from(tcp && packet.tcp_flags & tcp_flags::SYN != 0));
        let length = packet.payload.len() as u32;
        let mut seen: Vec<(u32, Part)> = Vec::new();
        for i in 0..self.found.len() {
            let found = self.found[i];
            for &(rule, token) in &self.owners[found.pattern as usize] {
                let known = &self.rules[rule as usize];
                let in_place = tcp
                    || known.offset.is_none_or(|at| at == found.start as usize)
                        && known.payload_length.is_none_or(|it| it == length);
                if !in_place || !known.service.concerns(known.protocol, packet) {
                    continue;
                }
                let place = &mut self.places[rule as usize];
                if *place == NOT_SEEN {
                    let along = tcp && known.all.count_ones() > 1;
                    let part = if along {
                        part(&mut self.parts, &mut self.counters, direction, rule)
                    } else {
                        Part::default()
                    };
                    *place = seen.len() as u32;
                    seen.push((rule, part));
                }
                let part = &mut seen[*place as usize].1;
                part.seen |= 1 << token;
                if let Some(lengths) = &known.order {
                    let start = base.wrapping_add_signed(found.start);
                    part.order.enter(usize::from(token), start, lengths);
                }
            }
        }
        for (rule, part) in seen {
            self.places[rule as usize] = NOT_SEEN;
            let known = &self.rules[rule as usize];
            let held = match &known.order {
                Some(lengths) => usize::from(part.order.next) == lengths.len(),
                None => part.seen == known.all,
            };
            if part.tag != 0 {
                let kept = if held { Part::default() } else { part };
                self.parts[place(part.tag)] = kept;
            }
            if held {
                holding.push(rule as usize);
            }
        }
        holding.sort_unstable();
        self.counters.matched += u64::from(!holding.is_empty());
    }
}

/// What a direction has shown of a rule so far; another one's may be forgotten for it.
fn part(
    parts: &mut [Part],
    counters: &mut MatchCounters,
    direction: u64,
    rule: u32,
) -> Part {
    let tag = xxh3_64_with_seed(&direction.to_le_bytes(), u64::from(rule)) | 1;
    let known = &parts[place(tag)];
    if known.tag == tag {
        return *known;
    }
    counters.forgotten += u64::from(known.tag != 0);
    Part { tag, ..Part::default() }
}

fn place(tag: u64) -> usize {
    (tag >> 32) as usize % PARTS
}

/// Nothing here is a defence: a fixed seed makes runs alike.
const SEED: u64 = 0x6d61_7463_6869_6e67;

/// A hash of the direction of a TCP connection.
fn direction(packet: &Packet<'_>, seed: u64) -> u64 {
    let mut text = Vec::with_capacity(44);
    for address in [packet.source, packet.destination] {
        match address {
            std::net::IpAddr::V4(it) => text.extend(it.octets()),
            std::net::IpAddr::V6(it) => text.extend(it.octets()),
        }
    }
    text.extend(packet.source_port.to_le_bytes());
    text.extend(packet.destination_port.to_le_bytes());
    text.extend(packet.encapsulation.to_le_bytes());
    xxh3_64_with_seed(&text, seed).max(1)
}

#[cfg(test)]
mod tests;
