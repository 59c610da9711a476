//! Wrong timestamps cost no finding, and findings tell the packets' own time.

use crate::common;
use crate::common::{frames, outbreak_frames};
use wormsift::config::Config;
use wormsift::packet::Timestamp;
use wormsift::pipeline::{Sensor, Stats};
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
        assert!(stats.packets.time_backwards <= 64);
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

const SECOND: u64 = 1_000_000_000;
const HOUR: u64 = 3_600 * SECOND;
const YEAR: u64 = 365 * 24 * HOUR;

/// What a finding says but for its times, which a step back moves by up to a second, and
/// for what follows from them.
fn substance(it: &Signature) -> (&str, &[u8], u64, u32, u32, u32, usize) {
    let hosts = (it.sources, it.destinations, it.spread);
    (&it.id, &it.content, it.packets, hosts.0, hosts.1, hosts.2, it.relays.len())
}

fn summaries(findings: &[Finding]) -> Vec<&Signature> {
    findings.iter().filter_map(summary).collect()
}

fn summary(finding: &Finding) -> Option<&Signature> {
    match finding {
        Finding::Summary(summary) => Some(summary),
        _ => None,
    }
}

/// The packets' clock is set back at several places: the outbreak is found as if it had
/// not been, and told in the packets' own time.
#[test]
fn a_worm_after_a_step_back_is_found_as_without_it() {
    let honest = outbreak_frames(3, 6_000);
    let (expected, _, _) = sift(&honest, 1_000);
    let (first, known) = (signature(&expected), summaries(&expected));
    for back in [HOUR, 300 * SECOND, 40 * 24 * HOUR, 2 * YEAR] {
        for places in [&[200][..], &[200, 1_000, 1_001, 2_500, 4_000]] {
            let mut stored = honest.clone();
            for &place in places {
                stored[place..].iter_mut().for_each(|(time, _)| *time -= back);
            }
            let (findings, stats, warnings) = sift(&stored, 1_000);
            let found = signature(&findings);
            assert_eq!(substance(found), substance(first), "{back} {places:?}");
            let summed = summaries(&findings);
            assert_eq!(summed.len(), known.len());
            for (found, known) in summed.iter().zip(&known) {
                assert_eq!(substance(found), substance(known), "{back} {places:?}");
            }
            // Two of the places are one step: the packet between them is no witness.
            let steps = places.len() as u64 - u64::from(places.len() > 1);
            assert_eq!(stats.packets.time_steps_back, steps);
            assert_eq!(warnings.len(), 1, "{warnings:?}");
            let line = &warnings[0];
            let said = ["steps back by", "windows go on", "`reordercap`"];
            assert!(said.iter().all(|part| line.contains(part)), "{line}");
            if places.len() == 1 {
                let own = first.detected_at.as_nanos() - back;
                let told = found.detected_at.as_nanos();
                assert!(told.abs_diff(own) <= 2 * SECOND, "{back}");
                for (found, known) in summed.iter().zip(&known) {
                    let own = known.last_seen.as_nanos() - back;
                    assert!(found.last_seen.as_nanos().abs_diff(own) <= 2 * SECOND);
                }
            }
            let (cut, other, _) = sift(&stored, 7);
            assert!(cut == findings && other == stats, "batches change the answer");
        }
    }
}

#[test]
fn a_few_packets_from_the_past_change_nothing() {
    let honest = outbreak_frames(3, 6_000);
    let (expected, _, _) = sift(&honest, 1_000);
    let mut stored = honest.clone();
    for forged in (100..5_900).step_by(100) {
        // Sixteen in a row agree: one too few.
        for (time, _) in &mut stored[forged..forged + 16] {
            *time = honest[0].0 - HOUR + forged as u64;
        }
    }
    let (findings, stats, warnings) = sift(&stored, 1_000);
    assert_eq!(substance(signature(&findings)), substance(signature(&expected)));
    assert_eq!(stats.packets.time_steps_back, 0);
    let (start, end) = (honest[0].0, honest[honest.len() - 1].0 + SECOND);
    for time in findings.iter().flat_map(|finding| times(finding.signature())) {
        assert!((start..=end).contains(&time.as_nanos()), "{time:?}");
    }
    assert_eq!(warnings, Vec::<String>::new());
}

/// Two packets of three come from a clock that is days late: never sixteen in a row.
#[test]
fn time_that_two_clocks_hold_up_is_told() {
    let mut stored = outbreak_frames(3, 6_000);
    for (i, (time, _)) in stored.iter_mut().enumerate() {
        *time -= if i % 3 == 0 { 0 } else { 50 * HOUR };
    }
    let (_, stats, warnings) = sift(&stored, 1_000);
    assert!(stats.packets.time_far_backwards > 3_000);
    assert_eq!(stats.packets.time_steps_back, 0);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let said = [" s earlier than packets before", "windows stand still", "`reordercap`"];
    assert!(said.iter().all(|part| warnings[0].contains(part)), "{warnings:?}");
}

/// Two captures of two years, in turns: single packets, and runs.
#[test]
fn a_mix_of_two_years_hides_no_worm() {
    let honest = outbreak_frames(3, 6_000);
    let (expected, _, _) = sift(&honest, 1_000);
    for run in [1, 3, 40, 700] {
        let mut stored = honest.clone();
        for (i, (time, _)) in stored.iter_mut().enumerate() {
            *time -= if i / run % 2 == 1 { YEAR } else { 0 };
        }
        let (findings, _, _) = sift(&stored, 1_000);
        let (found, known) = (signature(&findings), signature(&expected));
        assert_eq!(found.content, known.content, "{run}");
        let most = |findings: &[Finding]| {
            summaries(findings).iter().map(|it| it.spread).max().unwrap()
        };
        assert!(most(&findings) * 10 >= most(&expected) * 9, "{run}");
    }
}

#[test]
fn packets_that_agree_on_a_wrong_year_hold_up_nothing() {
    let mut stored = outbreak_frames(3, 6_000);
    let (honest, _, _) = sift(&stored, 1_000);
    // Seventeen packets agree on a year ahead: they are believed, and so are those after.
    stored.iter_mut().skip(300).take(40).for_each(|(time, _)| *time += YEAR);
    let (findings, stats, warnings) = sift(&stored, 1_000);
    assert_eq!(stats.packets.time_steps_back, 1);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(signature(&findings).content, signature(&honest).content);
    let (start, end) = (stored[0].0, stored[stored.len() - 1].0 + SECOND);
    let told = signature(&findings).detected_at.as_nanos();
    assert!((start..=end).contains(&told));
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
            worker.observe(&common::datagram(
                number,
                number * 10_000_000,
                (hosts[0], 4_000),
                (hosts[1], 53),
                &common::Random(9).bytes(700),
            ));
        }
        sensor.absorb([&mut worker]);
        sensor.finish();
        (sensor.findings(), sensor.stats())
    };
    let (forwards, backwards) = (sift(false), sift(true));
    assert!(!forwards.0.is_empty());
    assert!(forwards == backwards);
}
