//! A worm cut into TCP segments does not slip through.

use crate::common::Random;
use crate::common::environment::sample;
use std::net::{IpAddr, Ipv4Addr};
use wormsift::config::{Config, SecretKey};
use wormsift::packet::{Packet, Timestamp, protocol, tcp_flags};
use wormsift::pipeline::{Sensor, Stats};
use wormsift::signature::{Finding, Signature};

const BEFORE: usize = 24;
const INVARIANT: usize = 320;
const AFTER: usize = 32;

/// How a body is carried.
#[derive(Clone, Copy, Default)]
struct Carriage {
    segment: usize,
    retransmit: bool,
    duplicate: bool,
    swap_every_tenth_pair: bool,
    fake_ahead: bool,
    without_syn: bool,
}

/// One segment: sequence, flags, bytes.
type Segment = (u32, u8, Vec<u8>);

fn connection(random: &mut Random, how: Carriage, body: &[u8]) -> Vec<Segment> {
    let isn = random.next() as u32;
    let mut segments: Vec<Segment> = Vec::new();
    if !how.without_syn {
        segments.push((isn, tcp_flags::SYN, Vec::new()));
    }
    let first = isn.wrapping_add(1);
    if how.fake_ahead {
        let fake = random.bytes(how.segment.max(40));
        segments.push((first.wrapping_add(1_000_000), tcp_flags::ACK, fake));
    }
    let mut parts: Vec<Segment> = body
        .chunks(how.segment)
        .scan(first, |next, part| {
            let sequence = *next;
            *next = next.wrapping_add(part.len() as u32);
            Some((sequence, tcp_flags::ACK, part.to_vec()))
        })
        .collect();
    if how.swap_every_tenth_pair {
        // Pairs are counted from the second segment on, so that short bodies have one.
        for pair in (1..parts.len().saturating_sub(1)).step_by(10) {
            parts.swap(pair, pair + 1);
        }
    }
    for (i, part) in parts.into_iter().enumerate() {
        segments.push(part.clone());
        if how.duplicate && i % 3 == 0 || how.retransmit && i % 7 == 2 {
            segments.push(part);
        }
    }
    segments
}

struct Run {
    signatures: Vec<Signature>,
    stats: Stats,
    invariant: Vec<u8>,
}

impl Run {
    /// Share of the invariant that the best signature covers; 0 where a signature
    /// holds bytes that are not of the invariant.
    fn coverage(&self) -> f64 {
        self.signatures
            .iter()
            .filter(|s| self.invariant.windows(s.content.len()).any(|w| w == s.content))
            .map(|s| s.content.len() as f64 / INVARIANT as f64)
            .fold(0.0, f64::max)
    }
}

/// Forty hosts infected one after the other, each attacks five others.
fn outbreak(seed: u64, how: Carriage, tails: bool) -> Run {
    let random = &mut Random(seed);
    let invariant = random.bytes(INVARIANT);
    let mut config = Config::default();
    config.tails = tails;
    config.key = Some(format!("{:032x}", seed + 1).parse::<SecretKey>().unwrap());
    let mut sensor = Sensor::new(config).unwrap();
    let mut worker = sensor.worker();
    let (mut number, mut time) = (0, 1_000_000_000_000_000_000);
    let host = |n: u64| IpAddr::V4(Ipv4Addr::from(0x0a01_0000 + n as u32));
    for attacker in 0..40_u64 {
        for attack in 0..5_u64 {
            let victim =
                if attack == 0 { attacker + 1 } else { 1_000 + attacker * 8 + attack };
            let mut body = random.bytes(BEFORE);
            body.extend_from_slice(&invariant);
            body.extend(random.bytes(AFTER));
            let port = 1_024 + random.below(60_000) as u16;
            for (sequence, flags, payload) in connection(random, how, &body) {
                number += 1;
                time += 300_000;
                worker.observe(&Packet {
                    number,
                    time: Timestamp::from_nanos(time),
                    source: host(attacker),
                    destination: host(victim),
                    protocol: protocol::TCP,
                    source_port: port,
                    destination_port: 7_001,
                    sequence,
                    acknowledgement: 0,
                    tcp_flags: flags,
                    encapsulation: 0,
                    to_group: false,
                    untrusted_tunnel: false,
                    identification: None,
                    tap: 0,
                    payload: &payload,
                });
            }
            time += 100_000_000;
            sensor.absorb([&mut worker]);
        }
    }
    sensor.finish();
    let mut signatures = Vec::new();
    for finding in sensor.findings() {
        if let Finding::Signature(s) | Finding::Update(s) = finding {
            signatures.push(s);
        }
    }
    Run { signatures, stats: sensor.stats(), invariant }
}

const SEEDS: std::ops::Range<u64> = 1..9;

#[test]
fn in_order_it_is_found_in_segments_of_any_size() {
    for segment in [1, 7, 39, 40, 536, 1_460] {
        for seed in SEEDS {
            let how = Carriage { segment, retransmit: true, ..Carriage::default() };
            let run = outbreak(seed, how, true);
            assert!(run.coverage() > 0.0, "segments of {segment}, seed {seed}");
        }
    }
}

#[test]
fn out_of_order_it_is_found_nearly_whole() {
    for &segment in sample(&[40, 1_460][..], &[40, 100, 536, 1_460]) {
        for seed in SEEDS {
            let base = Carriage { segment, ..Carriage::default() };
            for (name, how) in [
                ("swapped", Carriage { swap_every_tenth_pair: true, ..base }),
                ("duplicated", Carriage { duplicate: true, ..base }),
                ("fake ahead", Carriage { fake_ahead: true, ..base }),
                (
                    "fake ahead, no SYN",
                    Carriage { fake_ahead: true, without_syn: true, ..base },
                ),
                (
                    "all of it",
                    Carriage {
                        swap_every_tenth_pair: true,
                        duplicate: true,
                        retransmit: true,
                        fake_ahead: true,
                        ..base
                    },
                ),
            ] {
                let coverage = outbreak(seed, how, true).coverage();
                assert!(
                    coverage >= 0.95,
                    "segments of {segment}, {name}, seed {seed}: {coverage:.2} of the invariant"
                );
            }
        }
    }
}

#[test]
fn without_tails_it_is_found_only_from_some_size_on() {
    let found = |segment| {
        let how = Carriage { segment, ..Carriage::default() };
        SEEDS.filter(|seed| outbreak(*seed, how, false).coverage() > 0.0).count()
    };
    let counts: Vec<usize> = [7, 39, 100, 1_460].map(found).to_vec();
    println!(
        "found without tails at 7, 39, 100, 1460: {counts:?} of {}",
        SEEDS.end - SEEDS.start
    );
    assert_eq!(counts[..2], [0, 0]);
    assert_eq!(counts[3], (SEEDS.end - SEEDS.start) as usize);
}

#[test]
fn lost_seams_are_counted() {
    let how = Carriage { segment: 40, ..Carriage::default() };
    let whole = outbreak(1, how, true);
    let stream = &whole.stats.stream;
    assert_eq!(stream.lost_to_gaps + stream.lost_to_store, 0);
    assert!(stream.joined > 0);
}
