//! The engine's rooms one after the other, each under its own stopwatch.
//!
//! The rooms are those of a sensor with the same settings: as many shards, of the
//! same sizes, served a round of some megabytes at a time. Alarms, samples and
//! signatures are left to the whole sensor; so is the drop of replies.

use super::memory::Memory;
use std::time::{Duration, Instant};
use wormsift::config::Config;
use wormsift::decode::{Decoded, Decoder};
use wormsift::dispersion::Dispersion;
use wormsift::fingerprint::{Fingerprinter, Kernel, Scratch, Short, prefetch};
use wormsift::packet::{Handshake, Host, Packet, Timestamp, protocol, tcp_flags};
use wormsift::prevalence::Prevalence;
use wormsift::propagation::Propagation;
use wormsift::sensor::{FrameList, Sensor};
use wormsift::signature::{Candidates, Missing, Seen};
use wormsift::sketch::{hash_pair, remix};
use wormsift::stream::{Acknowledgement, Segment, StreamTails};
use wormsift_capture::Limits;

const SHARDS: usize = 64;
/// Kept windows whose table lines are touched together.
const BLOCK: usize = 32;
const SAMPLES: usize = 8;
const SEED: u64 = 0x5eed;

/// What a pass took.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spent {
    pub(super) decode: Duration,
    /// A part of `fingerprint`, measured alone.
    pub(super) kernel: Duration,
    pub(super) fingerprint: Duration,
    /// Seams, and the windows across them.
    pub(super) tails: Duration,
    pub(super) prevalence: Duration,
    /// With propagation and candidates.
    pub(super) dispersion: Duration,
}

/// A kept window.
#[derive(Clone, Copy)]
struct Sighting {
    key: u64,
    packet: u32,
    offset: i32,
}

/// The rooms that share a part of the keys.
struct ContentShard {
    prevalence: Prevalence,
    dispersion: Dispersion,
    propagation: Propagation,
    candidates: Candidates,
    sightings: Vec<Sighting>,
    promoted: Vec<Sighting>,
}

/// All stages.
pub(super) struct Rooms {
    decoder: Decoder,
    fingerprinter: Fingerprinter,
    scratch: Scratch,
    tails: Vec<StreamTails>,
    content: Vec<ContentShard>,
    config: Config,
    now: u64,
}

impl Rooms {
    /// Rooms like those of this sensor.
    pub(super) fn new(config: &Config, sensor: &Sensor) -> Self {
        let stats = sensor.stats();
        let bytes = |room| stats.count("memory", room).unwrap_or(0) as usize / SHARDS;
        let window = config.dispersion_window.0;
        let width = Dispersion::width_for(config.sources.max(config.destinations));
        let key = config.effective_key();
        let fingerprinter =
            Fingerprinter::new(key, config.beta, config.sampling, Kernel::best());
        let context = fingerprinter.context();
        let content = (0..SHARDS as u64)
            .map(|shard| ContentShard {
                prevalence: Prevalence::new(
                    bytes("prevalence"),
                    config.prevalence_window.0,
                    config.prevalence,
                    SEED + shard,
                ),
                dispersion: Dispersion::new(
                    bytes("dispersion"),
                    width,
                    window,
                    SEED + shard,
                ),
                propagation: Propagation::new(bytes("propagation"), window, SEED + shard),
                candidates: Candidates::new(bytes("candidates"), SAMPLES, window, SEED),
                sightings: Vec::new(),
                promoted: Vec::new(),
            })
            .collect();
        Self {
            decoder: wormsift::sensor::decoder(config),
            fingerprinter,
            scratch: Scratch::default(),
            tails: (0..SHARDS as u64)
                .map(|shard| StreamTails::new(bytes("tails"), context, SEED + shard))
                .collect(),
            content,
            config: config.clone(),
            now: 0,
        }
    }

    /// All frames once.
    pub(super) fn pass(&mut self, memory: &Memory) -> Spent {
        let mut spent = Spent::default();
        let mut packets = Vec::new();
        let mut start = 0;
        while start < memory.len() {
            let end = end_of_round(memory, start);
            let begin = Instant::now();
            packets.clear();
            for index in start..end {
                if let Decoded::Packet(packet) = self.decoder.frame(&memory.frame(index))
                {
                    packets.push(packet);
                }
            }
            spent.decode += begin.elapsed();
            for packet in &mut packets {
                self.now = self.now.max(packet.time.as_nanos());
                packet.time = Timestamp::from_nanos(self.now);
            }
            self.round(&packets, &mut spent);
            start = end;
        }
        spent.kernel = self.kernel(memory);
        spent
    }

    /// The sampling kernel alone, all payloads once, from memory.
    fn kernel(&mut self, memory: &Memory) -> Duration {
        let mut spent = Duration::ZERO;
        let mut payloads = Vec::new();
        let mut start = 0;
        while start < memory.len() {
            let end = end_of_round(memory, start);
            payloads.clear();
            for index in start..end {
                if let Decoded::Packet(packet) = self.decoder.frame(&memory.frame(index))
                {
                    payloads.push(packet.payload);
                }
            }
            let begin = Instant::now();
            let mut sampled = 0;
            for payload in &payloads {
                sampled += self.fingerprinter.count_sampled(&mut self.scratch, payload);
            }
            std::hint::black_box(sampled);
            spent += begin.elapsed();
            start = end;
        }
        spent
    }

    fn round(&mut self, packets: &[Packet<'_>], spent: &mut Spent) {
        let begin = Instant::now();
        self.fingerprint(packets);
        spent.fingerprint += begin.elapsed();
        if self.config.tails {
            spent.tails += self.join(packets);
        }
        // Seams came last; each shard is served in packet order.
        for shard in &mut self.content {
            shard.sightings.sort_by_key(|s| (s.packet, s.offset));
            shard.sightings.dedup_by_key(|s| (s.packet, s.key));
        }
        let begin = Instant::now();
        self.content.iter_mut().for_each(|shard| shard.count(packets));
        spent.prevalence += begin.elapsed();
        let begin = Instant::now();
        let v6_prefix = self.config.v6_prefix;
        self.content.iter_mut().for_each(|shard| shard.disperse(packets, v6_prefix));
        spent.dispersion += begin.elapsed();
    }

    /// Kept windows and short datagrams, by content shard.
    fn fingerprint(&mut self, packets: &[Packet<'_>]) {
        let Self { fingerprinter, scratch, content, config, .. } = self;
        for (index, packet) in (0..).zip(packets) {
            let salt = salt(config, packet);
            let mut keep = |offset: usize, print: u64| {
                let key = remix(print ^ salt, SEED);
                content[(key >> 58) as usize].sightings.push(Sighting {
                    key,
                    packet: index,
                    offset: offset as i32,
                });
            };
            let short = Fingerprinter::MIN_SHORT..fingerprinter.beta();
            if packet.payload.len() >= fingerprinter.beta() {
                fingerprinter.for_each(scratch, packet.payload, |at, print| {
                    keep(at, print.0);
                });
            } else if config.short_datagrams
                && packet.protocol != protocol::TCP
                && short.contains(&packet.payload.len())
                && let Short::Kept(print) = fingerprinter.short(packet.payload)
            {
                keep(0, print.0);
            }
        }
    }

    /// Segments by flow shard, then the seams of each shard in turn.
    fn join(&mut self, packets: &[Packet<'_>]) -> Duration {
        let Self { fingerprinter, scratch, content, config, tails, .. } = self;
        let mut segments = vec![Vec::new(); SHARDS];
        for (index, packet) in (0u32..).zip(packets) {
            if packet.protocol == protocol::TCP {
                let [from, to] =
                    [packet.source, packet.destination].map(|a| Host::of(a, 128).0);
                let [one, other] = [from, to].map(|host| hash_pair(1, host, SEED));
                let ports = u64::from(packet.source_port) << 16
                    | u64::from(packet.destination_port);
                let direction = hash_pair(one ^ remix(other, ports), to, SEED).max(1);
                let shard = remix(one.wrapping_add(other), SEED) as usize % SHARDS;
                segments[shard].push((index, direction));
            }
        }
        let begin = Instant::now();
        for (tails, segments) in tails.iter_mut().zip(&segments) {
            for &(index, direction) in segments {
                let packet = &packets[index as usize];
                let salt = salt(config, packet);
                let segment = Segment {
                    direction,
                    sequence: packet.sequence,
                    syn: packet.tcp_flags & tcp_flags::SYN != 0,
                    acknowledgement: Acknowledgement::Unknown,
                    payload: packet.payload,
                };
                tails.advance(segment, |buffer, _, at| {
                    fingerprinter.for_each(scratch, buffer, |offset, print| {
                        let key = remix(print.0 ^ salt, SEED);
                        content[(key >> 58) as usize].sightings.push(Sighting {
                            key,
                            packet: index,
                            offset: at + offset as i32,
                        });
                    });
                });
            }
        }
        begin.elapsed()
    }
}

impl ContentShard {
    /// Counts the sightings and sets aside those past prevalence.
    fn count(&mut self, packets: &[Packet<'_>]) {
        self.promoted.clear();
        for block in self.sightings.chunks(BLOCK) {
            let mut hashes = [0; BLOCK];
            for (hash, sighting) in hashes.iter_mut().zip(block) {
                *hash = self.prevalence.hash(sighting.key);
            }
            hashes[..block.len()]
                .iter()
                .for_each(|hash| prefetch(self.prevalence.places(*hash)));
            for (hash, sighting) in hashes.into_iter().zip(block) {
                let time = packets[sighting.packet as usize].time;
                let estimate = self.prevalence.observe_hashed(hash, time);
                if self.prevalence.is_prevalent(estimate) {
                    self.promoted.push(*sighting);
                }
            }
        }
        self.sightings.clear();
    }

    fn disperse(&mut self, packets: &[Packet<'_>], v6_prefix: u8) {
        let mut requests = Vec::new();
        for sighting in &self.promoted {
            let packet = &packets[sighting.packet as usize];
            let source = Host::of(packet.source, v6_prefix);
            let destination = Host::of(packet.destination, v6_prefix);
            let (key, time) = (sighting.key, packet.time);
            let passed = self.propagation.observe(key, time, source, destination, false);
            let estimates = self.dispersion.observe(key, time, source, destination);
            let seen = Seen {
                packet: packet.number,
                time,
                offset: sighting.offset,
                source,
                destination,
                source_port: packet.source_port,
                destination_port: packet.destination_port,
                flow_shard: 0,
                handshake: Handshake::Unknown,
                missing: Missing::default(),
            };
            let relay = passed.is_some();
            self.candidates.observe(key, &seen, estimates, relay, &mut requests);
            requests.clear();
            self.candidates.take_lost().for_each(drop);
        }
    }
}

/// What protocol and port add to a key.
fn salt(config: &Config, packet: &Packet<'_>) -> u64 {
    let port = config.port_rule.port(packet.source_port, packet.destination_port);
    remix(u64::from(packet.protocol) << 16 | u64::from(port.unwrap_or(0)), SEED)
}

/// A round is a batch as it is read.
fn end_of_round(memory: &Memory, start: usize) -> usize {
    let round = Limits::default();
    let mut bytes = 0;
    let last = memory.len().min(start + round.frames);
    for index in start..last {
        bytes += memory.frame(index).data.len();
        if bytes >= round.bytes {
            return index + 1;
        }
    }
    last
}
