//! The bytes of a signature are those that spread: whatever else was sent at the same
//! place of a stream, and however large the pieces are that a tap or a host shows.

use crate::common;
use crate::common::Random;
use crate::common::segments::{Decoy, Stored, joined, with_decoys};
use std::net::{IpAddr, Ipv4Addr};
use wormsift::config::{Config, SecretKey};
use wormsift::packet::{FlowKey, Handshake, StreamPiece, Timestamp};
use wormsift::pipeline::Sensor;
use wormsift::signature::{Finding, Signature};
use wormsift_corpora::ground_truth::ContentTruth;
use wormsift_corpora::{Outbreak, Scenario};

fn sensor(settings: &str, key: u8) -> Sensor {
    let settings = format!("memory = \"64MiB\"\n{settings}");
    let mut config = Config::from_toml(&settings).unwrap();
    config.key = Some(SecretKey(u128::from_le_bytes([key; 16])));
    Sensor::new(config).unwrap()
}

/// The last word on each content that is no part of another.
fn contents(mut sensor: Sensor) -> (Vec<Signature>, Sensor) {
    sensor.finish();
    let signatures = sensor.findings().into_iter().filter_map(|finding| match finding {
        Finding::Summary(it) if it.part_of.is_none() => Some(it),
        _ => None,
    });
    (signatures.collect(), sensor)
}

fn of_frames(settings: &str, key: u8, frames: &Stored) -> (Vec<Signature>, Sensor) {
    let mut sensor = sensor(settings, key);
    sensor.sift(&common::frames(frames)[..]);
    contents(sensor)
}

/// The bytes that all carriers share.
fn invariant(content: &ContentTruth) -> Vec<u8> {
    let ranges = &content.invariant;
    assert_eq!(ranges.len(), 1, "one range");
    content.content()[ranges[0].start..ranges[0].end].to_vec()
}

fn is_inside(part: &[u8], whole: &[u8]) -> bool {
    whole.windows(part.len()).any(|window| window == part)
}

/// A decoy's bytes differ in every copy, so that none of them spread: each content must
/// be a part of what was planted, with and without a window across a seam.
#[test]
fn a_content_holds_the_bytes_that_spread_and_never_those_of_a_decoy() {
    for carriage in ["tcp:40", "tcp:536", "tcp:1460"] {
        let outbreak = Outbreak::new(3).carriage(carriage.parse().unwrap());
        let trace = outbreak.background_hosts(5).infected(50).trace().unwrap();
        let body = invariant(&trace.truth.contents[0]);
        for decoy in [Decoy::Random, Decoy::Some] {
            for before in [true, false] {
                let frames = with_decoys(&trace.frames, decoy, before);
                let of_kind = format!("{carriage}, {decoy:?}, before: {before}");
                let (found, sensor) = of_frames("sampling = \"1\"", 7, &frames);
                assert!(!found.is_empty(), "{of_kind}");
                for signature in &found {
                    assert!(signature.content.len() >= 40, "{of_kind}");
                    assert!(
                        is_inside(&signature.content, &body),
                        "{of_kind}: {}",
                        signature.content.escape_ascii()
                    );
                }
                let stats = sensor.stats();
                assert_eq!(stats.samples.other_bytes, 0, "{of_kind}");
            }
        }
    }
}

/// Segments joined by threes, by whatever comes, and all: one content each, all of it.
#[test]
fn a_body_in_pieces_longer_than_a_sample_is_one_content_and_whole() {
    for name in ["mail", "code-red"] {
        for seed in [5, 7] {
            let trace =
                Scenario::named(name, seed).unwrap().stream().unwrap().into_trace();
            let body = invariant(&trace.truth.contents[0]);
            let mut random = Random(seed);
            let captures = [
                joined(&trace.frames, || 2),
                joined(&trace.frames, || random.below(6)),
                joined(&trace.frames, || u64::MAX),
            ];
            for (frames, key) in captures.iter().zip([0, 0x11, 0x22]) {
                let (found, _) = of_frames("", key, frames);
                let lengths: Vec<_> = found.iter().map(|it| it.content.len()).collect();
                assert_eq!(lengths.len(), 1, "{name}, {seed}, {key}: {lengths:?}");
                assert!(
                    is_inside(&body, &found[0].content),
                    "{name}, {seed}, {key}: {lengths:?} of {}",
                    body.len()
                );
                assert!(lengths[0] <= body.len() + 2, "{name}, {seed}: {lengths:?}");
            }
        }
    }
}

/// Forty hosts of which each infects the next two, over streams that the host has put
/// together: a greeting of its own, the body, an end of its own, in pieces of any size.
fn streams(body: &[u8], sizes: std::ops::Range<u64>, mut sensor: Sensor) -> Sensor {
    let mut random = Random(9);
    let mut worker = sensor.worker();
    let mut number = 0;
    for victim in 1_u32..120 {
        let host = |n: u32| IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + 1_000 * n + n));
        let (before, behind) = (30 + random.below(90), 20 + random.below(900));
        let mut stream = random.bytes(before as usize);
        stream.extend(body);
        stream.extend(random.bytes(behind as usize));
        let mut offset = 0;
        while offset < stream.len() {
            let size = sizes.start + random.below(sizes.end - sizes.start);
            let end = stream.len().min(offset + size as usize);
            number += 1;
            worker.stream(&StreamPiece {
                number,
                time: Timestamp::from_nanos(u64::from(victim) * 200_000_000 + number),
                flow: FlowKey {
                    source: host((victim - 1) / 2),
                    destination: host(victim),
                    protocol: 6,
                    source_port: 2_000 + victim as u16,
                    destination_port: 9_000,
                    encapsulation: 0,
                },
                offset: offset as u64,
                handshake: Handshake::Unknown,
                payload: &stream[offset..end],
            });
            offset = end;
        }
        if victim % 7 == 0 {
            sensor.absorb([&mut worker]);
        }
    }
    sensor.absorb([&mut worker]);
    sensor
}

#[test]
fn streams_give_one_content_and_whole_whatever_their_pieces() {
    for length in [1_800, 4_000, 9_000] {
        let body = Random(length).bytes(length as usize);
        for sizes in [100..1_500, 2_049..5_000, 8_000..60_000] {
            for key in [0, 0x33, 0x44] {
                let sensor = streams(&body, sizes.clone(), sensor("", key));
                let (found, _) = contents(sensor);
                let lengths: Vec<_> = found.iter().map(|it| it.content.len()).collect();
                let of = format!("{length} in {sizes:?}, key {key}: {lengths:?}");
                assert_eq!(lengths.len(), 1, "{of}");
                assert!(found[0].content == body, "{of}");
            }
        }
    }
}

/// Nearly all windows lie across seams, and the recent past of a small sensor is short.
#[test]
fn tiny_pieces_leave_samples_in_a_small_sensor_that_keeps_every_window() {
    let body = Random(77).bytes(400);
    let mut small = Config::from_toml("memory = \"16MiB\"\nsampling = \"1\"").unwrap();
    small.key = Some(SecretKey(5));
    let sensor = streams(&body, 30..31, Sensor::new(small).unwrap());
    let (found, sensor) = contents(sensor);
    assert_eq!(sensor.stats().signatures.windows_unknown, 0);
    assert!(found.iter().any(|it| it.content == body), "{found:?}");
}
