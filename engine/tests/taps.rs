//! Taps: what several see of one network is found as one tap that sees all of it would; sites
//! keep address spaces apart.

use crate::common::{Random, frames};
use std::collections::BTreeMap;
use wormsift::config::Config;
use wormsift::detect::duplicates::TapCounters;
use wormsift::packet::{Frame, Host, Timestamp};
use wormsift::signature::Signature;
use wormsift::{Sensor, Stats};
use wormsift_corpora::Scenario;

type Stored = Vec<(u64, Vec<u8>)>;

const SCENARIOS: [&str; 3] = ["outbreak", "tcp-exploit", "local-preference"];

fn stored(scenario: &str, seed: u64) -> Stored {
    Scenario::named(scenario, seed).unwrap().stream().unwrap().into_trace().frames
}

fn config(taps: &str) -> Config {
    Config::from_toml(&format!("memory = \"64MiB\"\ntaps = [{taps}]")).unwrap()
}

/// What is found, under the id of its content, and how it was counted.
struct Found {
    signatures: BTreeMap<String, Signature>,
    stats: Stats,
}

impl Found {
    fn counters(&self, tap: &str) -> TapCounters {
        self.stats.taps.iter().find(|it| it.tap == tap).unwrap().counters
    }
}

fn run(frames: &[Frame<'_>], config: Config) -> Found {
    let mut sensor = Sensor::new(config).unwrap();
    let mut signatures = BTreeMap::new();
    for part in frames.chunks(4_096) {
        sensor.sift(part);
    }
    sensor.finish();
    for finding in sensor.findings() {
        let signature = finding.into_signature();
        signatures.insert(signature.id.clone(), signature);
    }
    Found { signatures, stats: sensor.stats() }
}

/// Without what differs by the numbers of packets and by taps.
fn comparable(found: &Found) -> Vec<Signature> {
    let unnumbered = |signature: &Signature| {
        let mut it = signature.clone();
        it.taps.clear();
        it.first_sighting.iter_mut().for_each(|first| first.packet = 0);
        it.samples.iter_mut().for_each(|sample| sample.packet = 0);
        it
    };
    found.signatures.values().map(unnumbered).collect()
}

/// The frames of several taps in their order: by time, then by tap. `seen` says which taps see
/// a frame, and how much later.
fn by_taps<'a>(
    frames: &[Frame<'a>],
    seen: impl Fn(&Frame<'a>) -> Vec<(u16, u64)>,
) -> Vec<Frame<'a>> {
    let mut all: Vec<Frame<'a>> = Vec::new();
    for frame in frames {
        for (tap, later) in seen(frame) {
            let time = Timestamp::from_nanos(frame.time.as_nanos() + later);
            all.push(Frame { tap, time, ..*frame });
        }
    }
    in_order(all)
}

/// Frames of several taps, numbered in their order.
fn in_order(mut frames: Vec<Frame<'_>>) -> Vec<Frame<'_>> {
    frames.sort_by_key(|frame| (frame.time, frame.tap));
    (1..).zip(&mut frames).for_each(|(number, frame)| frame.number = number);
    frames
}

/// The IPv4 source and destination of an Ethernet frame without tags.
fn ends(frame: &Frame<'_>) -> (u32, u32) {
    let word = |at: usize| u32::from_be_bytes(*frame.data[at..].first_chunk().unwrap());
    (word(26), word(30))
}

#[test]
fn taps_that_see_parts_of_a_network_find_what_one_of_all_finds() {
    for scenario in SCENARIOS {
        let stored = stored(scenario, 3);
        let frames = frames(&stored);
        let whole = run(&frames, config(""));
        assert!(!whole.signatures.is_empty(), "{scenario}");
        let by_network = by_taps(&frames, |it| vec![((ends(it).0 >> 8) as u16 % 16, 0)]);
        let by_direction = by_taps(&frames, |it| {
            let (source, destination) = ends(it);
            vec![(u16::from(source < destination), 0)]
        });
        let names = |count: u16| -> Vec<String> {
            (0..count).map(|tap| format!("\"tap-{tap}\"")).collect()
        };
        for (cut, taps) in [(by_network, 16), (by_direction, 2)] {
            let found = run(&cut, config(&names(taps).join(", ")));
            assert_eq!(comparable(&found), comparable(&whole), "{scenario}, {taps} taps");
            for (id, signature) in &found.signatures {
                let packets: u32 = signature.taps.values().sum();
                let most = u64::from(packets);
                assert!(
                    most >= whole.signatures[id].packets,
                    "{scenario}: {signature:?}"
                );
            }
            let duplicates = found.stats.taps.iter().map(|it| it.counters.duplicates);
            assert_eq!(duplicates.sum::<u64>(), 0, "{scenario}");
        }
    }
}

#[test]
fn a_packet_that_two_taps_see_counts_once() {
    for scenario in SCENARIOS {
        let stored = stored(scenario, 4);
        let frames = frames(&stored);
        let whole = run(&frames, config(""));
        let twice = by_taps(&frames, |_| vec![(0, 0), (1, 50_000)]);
        let found = run(&twice, config("\"edge\", \"core\""));
        assert_eq!(comparable(&found), comparable(&whole), "{scenario}");
        let [core, edge] = ["core", "edge"].map(|tap| found.counters(tap));
        assert_eq!((edge.packets, edge.duplicates), (core.packets, 0), "{scenario}");
        assert_eq!(core.duplicates, core.packets, "{scenario}");
        for signature in found.signatures.values() {
            let [core, edge] = ["core", "edge"].map(|tap| signature.taps[tap]);
            assert!(core <= edge && core > edge / 2, "{scenario}: {signature:?}");
        }
        // Taps whose names are not given are one.
        let one = run(&twice, config(""));
        assert!(one.stats.taps.is_empty() && comparable(&one) != comparable(&whole));
    }
}

/// Both taps see every packet, one with a tag; which of them is first is drawn for each.
#[test]
fn a_packet_that_is_tagged_at_one_tap_counts_once() {
    for scenario in ["outbreak", "tcp-exploit", "mail", "small-segments"] {
        let stored = stored(scenario, 5);
        let untagged = frames(&stored);
        let whole = run(&untagged, config(""));
        let tagged: Stored = stored
            .iter()
            .map(|(time, data)| {
                let mut frame = data[..12].to_vec();
                frame.extend([0x81, 0, 0, 7]);
                frame.extend(&data[12..]);
                (*time, frame)
            })
            .collect();
        let other = frames(&tagged);
        let mut random = Random(7);
        let mut both: Vec<Frame<'_>> = Vec::new();
        for (plain, tagged) in untagged.iter().zip(&other) {
            // Packets keep their order.
            let later =
                |is: bool| Timestamp::from_nanos(plain.time.as_nanos() + u64::from(is));
            let tagged_first = random.below(2) == 0;
            both.push(Frame { time: later(tagged_first), ..*plain });
            both.push(Frame { time: later(!tagged_first), tap: 1, ..*tagged });
        }
        let found = run(&in_order(both), config("\"edge\", \"core\""));
        assert_eq!(comparable(&found), comparable(&whole), "{scenario}");
        let [edge, core] = ["edge", "core"].map(|tap| found.counters(tap));
        assert_eq!(
            (edge.packets, core.packets),
            (stored.len() as u64, stored.len() as u64)
        );
        assert!(edge.duplicates > 0 && core.duplicates > 0);
    }
}

/// Each packet takes one of two ways, fragments too, and some take both.
#[test]
fn fragments_that_come_by_at_two_taps_are_put_together() {
    let stored = stored("fragmented", 3);
    let frames = frames(&stored);
    let whole = run(&frames, config(""));
    let mut random = Random(3);
    let ways: Vec<u64> = frames.iter().map(|_| random.below(3)).collect();
    let cut = by_taps(&frames, |frame| match ways[frame.number as usize - 1] {
        0 => vec![(0, 0)],
        1 => vec![(1, 0)],
        _ => vec![(0, 0), (1, 1)],
    });
    let found = run(&cut, config("\"a\", \"b\""));
    assert_eq!(comparable(&found), comparable(&whole));
    let all = [&found, &whole].map(|it| it.stats.fragments.datagrams);
    assert_eq!(all[0], all[1]);
    // Of two sites they are those of two networks.
    let apart = run(&cut, config("\"a@x\", \"b@y\""));
    assert!(apart.stats.fragments.datagrams < all[0]);
}

/// A worm at one site, and at another hosts of the same addresses without it: only the infected
/// are named. The same worm at both: each host is two.
#[test]
fn private_addresses_of_two_sites_are_two_hosts() {
    let stored = stored("outbreak", 6);
    let frames = frames(&stored);
    let alone = run(&frames, config(""));
    let worm = alone.signatures.values().max_by_key(|it| it.sources).unwrap();
    let stored_there = self::stored("protocol-headers", 6);
    let quiet = crate::common::frames(&stored_there);
    let mut both: Vec<Frame<'_>> = frames.clone();
    both.extend(quiet.iter().map(|frame| Frame { tap: 1, ..*frame }));
    let found = run(&in_order(both), config("\"a@berlin\", \"b@paris\""));
    let its = &found.signatures[&worm.id];
    let of_site = |host: &Host| host.at(Some("berlin".parse().unwrap()));
    let expected: Vec<Host> = worm.source_list.iter().map(of_site).collect();
    assert_eq!(its.source_list, expected);
    // Counted by their hashes.
    assert!(its.sources.abs_diff(worm.sources) <= worm.sources / 10);
    assert_eq!(its.taps.keys().collect::<Vec<_>>(), ["a"]);

    let twice = by_taps(&frames, |_| vec![(0, 0), (1, 50_000)]);
    let found = run(&twice, config("\"a@berlin\", \"b@paris\""));
    let its = &found.signatures[&worm.id];
    assert!(its.sources.abs_diff(2 * worm.sources) <= worm.sources / 10);
    assert_eq!(found.counters("b").duplicates, 0);
}
