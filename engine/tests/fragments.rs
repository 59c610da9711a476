//! Fragments that are never put together are sifted all the same.

use crate::common::frames;
use std::num::NonZero;
use wormsift::config::{Config, SecretKey, Size};
use wormsift::pipeline::{FrameList, Sensor, Stats};
use wormsift_corpora::{GenerateOptions, Scenario};

type Stored = Vec<(u64, Vec<u8>)>;

fn capture(name: &str, packets: u64) -> Stored {
    let options =
        GenerateOptions { packets: Some(packets), ..GenerateOptions::default() };
    let scenario = Scenario::named(name, 3).unwrap().options(options);
    scenario.stream().unwrap().into_trace().frames
}

/// Statistics, findings as text, and decisions in the order of their keys.
fn run(stored: &Stored, batch: usize, threads: usize) -> (Stats, String, String) {
    let mut config = Config::default();
    (config.key, config.memory) = (Some(SecretKey(11)), Size(16 << 20));
    let mut sensor = Sensor::new(config).unwrap();
    sensor.keep_decisions();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let frames = frames(stored);
    pool.install(|| {
        frames.chunks(batch).for_each(|batch| sensor.sift::<[_]>(batch));
        sensor.finish();
    });
    assert_eq!(FrameList::len(&frames), stored.len());
    let findings = format!("{:?}", sensor.findings());
    let decisions = format!("{:?}", sensor.decisions());
    (sensor.stats(), findings, decisions)
}

#[test]
fn neither_batches_nor_threads_change_what_pieces_show() {
    let most = std::thread::available_parallelism().map_or(2, NonZero::get).max(3);
    for name in ["fragments-held-back", "fragments-fake-first", "fragments-fake-end"] {
        let stored = capture(name, 6_000);
        let whole = run(&stored, stored.len(), 1);
        assert!(whole.0.fragments.pieces > 20, "{name}: {:?}", whole.0.fragments);
        for (batch, threads) in [(1, 1), (37, most), (1_000, 2)] {
            let other = run(&stored, batch, threads);
            assert_eq!(whole.0.fragments, other.0.fragments, "{name} {batch}");
            assert_eq!(whole.0.packets, other.0.packets, "{name} {batch}");
            assert_eq!(whole.0.windows, other.0.windows, "{name} {batch}");
            assert!(whole.1 == other.1, "{name} {batch}: other findings");
            assert!(whole.2 == other.2, "{name} {batch}: other decisions");
        }
    }
}

#[test]
fn every_frame_is_a_packet_a_fragment_or_a_drop_and_pieces_are_packets_besides() {
    for name in ["fragments-held-back", "fragments-fake-end", "fragments-many-holes"] {
        let stored = capture(name, 6_000);
        let (stats, ..) = run(&stored, 500, 2);
        let fragments = stats.fragments;
        assert_eq!(
            stats.packets.frames + fragments.datagrams + fragments.pieces,
            stats.packets.packets + fragments.fragments + stats.drops.total(),
            "{name}: {fragments:?}"
        );
        assert_eq!(fragments.waiting, 0, "{name}");
    }
}

#[test]
fn a_flood_that_evicts_is_warned_of() {
    let stored = capture("fragments-held-back", 12_000);
    let mut config = Config::default();
    config.memory = Size(16 << 20);
    let mut sensor = Sensor::new(config).unwrap();
    sensor.sift(&frames(&stored));
    sensor.finish();
    let fragments = sensor.stats().fragments;
    assert!(fragments.evicted_slots > 1_000, "{fragments:?}");
    let warnings = sensor.warnings();
    let named = warnings.iter().filter(|line| line.contains("evicted_slots")).count();
    assert_eq!(named, 1, "{warnings:#?}");
}
