//! Wrong timestamps cost no finding, and findings tell the packets' own time.

mod common;

use common::{frames, outbreak_frames};
use wormsift::config::Config;
use wormsift::packet::{Packet, Timestamp};
use wormsift::sensor::{Sensor, Stats};
use wormsift::signature::{Finding, Signature};

fn sift(stored: &[(u64, Vec<u8>)], batch: usize) -> (Vec<Finding>, Stats, Vec<String>) {
    let mut sensor = Sensor::new(Config::default()).unwrap();
    for batch in frames(stored).chunks(batch) {
        sensor.sift(batch);
    }
    sensor.finish();
    (sensor.findings(), sensor.stats(), sensor.warnings())
}

fn signature(findings: &[Finding]) -> &Signature {
    let found = findings.iter().find_map(|finding| match finding {
        Finding::Signature(signature) => Some(signature),
        _ => None,
    });
    found.expect("the outbreak is found")
}

fn times(it: &Signature) -> impl Iterator<Item = Timestamp> {
    let relays = it.relays.iter();
    relays
        .flat_map(|relay| relay.received_at.into_iter().chain([relay.sent_at]))
        .chain(it.samples.iter().map(|sample| sample.time))
        .chain([it.first_seen, it.last_seen, it.detected_at])
}

#[test]
fn a_first_packet_from_the_future_moves_no_time_that_is_told() {
    let mut stored = outbreak_frames(3, 6_000);
    let (start, end) = (stored[0].0, stored[stored.len() - 1].0 + 1_000_000_000);
    let (honest, _, _) = sift(&stored, 1_000);
    for first in [u64::MAX, u64::MAX - 5, start + (365 * 86_400 * 1_000_000_000)] {
        stored[0].0 = first;
        let (findings, stats, warnings) = sift(&stored, 1_000);
        let found = signature(&findings);
        assert_eq!(found.content, signature(&honest).content);
        for time in findings.iter().flat_map(|finding| times(finding.signature())) {
            assert!((start..=end).contains(&time.as_nanos()), "{time:?}");
        }
        assert!(stats.count("packets", "time_backwards").unwrap() <= 64);
        assert_eq!(warnings, Vec::<String>::new());
        let (cut, other, _) = sift(&stored, 7);
        assert!(cut == findings && other == stats, "batches change the answer");
    }
}

#[test]
fn packets_all_at_the_end_of_time_are_still_sifted() {
    let mut stored = outbreak_frames(3, 6_000);
    stored.iter_mut().for_each(|(time, _)| *time = u64::MAX);
    let (findings, _, _) = sift(&stored, 1_000);
    let found = signature(&findings);
    assert!(found.samples.len() > 1 && !found.content.is_empty());
}

#[test]
fn time_that_stands_still_is_told() {
    let mut stored = outbreak_frames(3, 6_000);
    // Seventeen packets agree on a year ahead: they are believed.
    let year = 365 * 86_400 * 1_000_000_000;
    stored.iter_mut().take(40).for_each(|(time, _)| *time += year);
    let (_, stats, warnings) = sift(&stored, 1_000);
    assert!(stats.count("packets", "time_far_backwards").unwrap() > 3_000);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("earlier than packets before them"));
}

/// One worker may bring packets in any order of numbers.
#[test]
fn a_single_worker_is_put_into_order_too() {
    let sift = |backwards: bool| {
        let mut sensor = Sensor::new(Config::default()).unwrap();
        let mut worker = sensor.worker();
        let mut numbers: Vec<u64> = (1..=400).collect();
        if backwards {
            numbers.reverse();
        }
        for number in numbers {
            let hosts = [1, 2].map(|side: u64| {
                let host = (number * side * 7_919 % 97) as u8;
                std::net::IpAddr::from([10, side as u8, 0, host])
            });
            worker.observe(&Packet {
                number,
                time: Timestamp::from_nanos(number * 10_000_000),
                source: hosts[0],
                destination: hosts[1],
                protocol: 17,
                source_port: 4_000,
                destination_port: 53,
                sequence: 0,
                acknowledgement: 0,
                tcp_flags: 0,
                encapsulation: 0,
                payload: &common::Random(9).bytes(700),
            });
        }
        sensor.absorb([&mut worker]);
        sensor.finish();
        (sensor.findings(), sensor.stats())
    };
    let (forwards, backwards) = (sift(false), sift(true));
    assert!(!forwards.0.is_empty());
    assert!(forwards == backwards);
}
