//! Where does known content occur?
//!
//! All rules at once, by one Aho-Corasick automaton (Aho and Corasick 1975) over each
//! payload and over each seam of a TCP direction: what a real engine would alert on, for
//! evaluation and for looking through older captures. Tokens are those of the exported
//! rule, so that both match the same packets.
//!
//! [`Matcher::scan`] has no state and may run on any thread; [`Matcher::complete`] takes
//! the packets in order, joins segments, and says which rules hold.

use crate::error::Error;
use crate::export::{Rule, Service};
use crate::packet::{Packet, protocol, tcp_flags};
use crate::stream::{Segment, StreamTails};
use aho_corasick::AhoCorasick;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Streams of which some but not all tokens of a rule were seen, at a time.
const PARTS: usize = 1 << 14;
/// Tokens of a rule that are looked for; more add nothing.
const MOST_TOKENS: usize = 64;

/// Finds rules' contents in packets.
pub struct Matcher {
    automaton: AhoCorasick,
    /// By pattern: the rules that have it, and as which token.
    owners: Vec<Vec<(u32, u8)>>,
    rules: Vec<Known>,
    tails: StreamTails,
    parts: Vec<Part>,
    counters: MatchCounters,
    found: Vec<Found>,
    seed: u64,
}

struct Known {
    protocol: u8,
    service: Service,
    /// One bit a token.
    all: u64,
    offset: Option<usize>,
}

/// Tokens of one rule seen so far in one direction of a stream.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    tag: u64,
    seen: u64,
}

/// A pattern found in a packet, and where it begins in the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    pattern: u32,
    start: u32,
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
    /// Streams whose tokens seen so far were forgotten for want of room.
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
        let mut owners: Vec<Vec<(u32, u8)>> = Vec::new();
        let mut known = Vec::with_capacity(rules.len());
        for (rule, r) in rules.iter().zip(0_u32..) {
            let tokens = &rule.tokens[..rule.tokens.len().min(MOST_TOKENS)];
            for (token, t) in tokens.iter().zip(0_u8..) {
                let at = patterns.iter().position(|known| known == token);
                let at = at.unwrap_or_else(|| {
                    patterns.push(token);
                    owners.push(Vec::new());
                    patterns.len() - 1
                });
                owners[at].push((r, t));
            }
            known.push(Known {
                protocol: rule.signature.protocol,
                service: rule.service,
                all: u64::MAX.checked_shr(64 - tokens.len() as u32).unwrap_or(0),
                offset: rule.offset,
            });
        }
        let longest = patterns.iter().map(|pattern| pattern.len()).max().unwrap_or(1);
        let automaton = AhoCorasick::new(&patterns)
            .map_err(|error| Error::config("signatures", error.to_string()))?;
        Ok(Self {
            automaton,
            owners,
            rules: known,
            tails: StreamTails::new(bytes, longest.max(2) - 1, SEED),
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
        found.extend(self.automaton.find_overlapping_iter(packet.payload).map(|it| {
            Found { pattern: it.pattern().as_u32(), start: it.start() as u32 }
        }));
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
        let tcp = packet.protocol == protocol::TCP;
        let direction = if tcp { direction(packet, self.seed) } else { 0 };
        if tcp {
            let segment = Segment {
                direction,
                sequence: packet.sequence,
                syn: packet.tcp_flags & tcp_flags::SYN != 0,
                payload: packet.payload,
            };
            let (automaton, found) = (&self.automaton, &mut self.found);
            self.tails.advance(segment, |buffer, seam, _| {
                let crossing = automaton
                    .find_overlapping_iter(buffer)
                    .filter(|it| it.start() < seam && it.end() > seam);
                found.extend(
                    crossing.map(|it| Found {
                        pattern: it.pattern().as_u32(),
                        start: u32::MAX,
                    }),
                );
            });
        }
        if self.found.is_empty() {
            return;
        }
        let mut seen: Vec<(u32, u64)> = Vec::new();
        for found in std::mem::take(&mut self.found) {
            for &(rule, token) in &self.owners[found.pattern as usize] {
                let known = &self.rules[rule as usize];
                let in_place =
                    tcp || known.offset.is_none_or(|at| at == found.start as usize);
                if !in_place || !known.service.concerns(known.protocol, packet) {
                    continue;
                }
                match seen.iter_mut().find(|(of, _)| *of == rule) {
                    Some((_, tokens)) => *tokens |= 1 << token,
                    None => seen.push((rule, 1 << token)),
                }
            }
        }
        for (rule, tokens) in seen {
            let all = self.rules[rule as usize].all;
            let held = if tcp && all.count_ones() > 1 {
                self.enter(direction, rule, tokens, all)
            } else {
                tokens == all
            };
            if held {
                holding.push(rule as usize);
            }
        }
        holding.sort_unstable();
        self.counters.matched += u64::from(!holding.is_empty());
    }

    /// Adds tokens to what a stream has shown of a rule; whether that is all now.
    fn enter(&mut self, direction: u64, rule: u32, tokens: u64, all: u64) -> bool {
        let tag = xxh3_64_with_seed(&direction.to_le_bytes(), u64::from(rule)) | 1;
        let part = &mut self.parts[(tag >> 32) as usize % PARTS];
        if part.tag != tag {
            self.counters.forgotten += u64::from(part.seen != 0);
            *part = Part { tag, seen: 0 };
        }
        part.seen |= tokens;
        let held = part.seen == all;
        if held {
            *part = Part::default();
        }
        held
    }
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
