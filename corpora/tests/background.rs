//! The background of the committed trace holds nothing that spreads.
//!
//! An exact count, with no sampling, of every 40-byte window: the background alone must
//! reach neither alarm at the engine's default thresholds. Windows across the segments of a
//! TCP session count too.

use std::collections::HashMap;

use crate::common::environment::sample;
use crate::common::exact::{Seen, Tails, WINDOW, greatest, periodic};
use crate::common::parse;
use wormsift_corpora::{GenerateOptions, Outbreak};

/// One window at one port.
#[derive(Default)]
struct Dated {
    seen: Seen,
    /// The packet that brought the spread to three.
    relayed: Option<usize>,
    /// The packet that brought sources and destinations to thirty.
    dispersed: Option<usize>,
}

/// Every window of the capture at its port.
fn count(outbreak: &Outbreak) -> Vec<Dated> {
    let trace = outbreak.trace().unwrap();
    assert!(trace.frames.len() > 2_000);
    let mut windows: HashMap<(u8, u16, Vec<u8>), Dated> = HashMap::new();
    let mut tails = Tails::default();
    for (number, (_, frame)) in trace.frames.iter().enumerate() {
        let packet = parse(frame).unwrap();
        let bytes = tails.join(&packet);
        for window in bytes.windows(WINDOW).filter(|window| !periodic(window)) {
            let key = (packet.protocol, packet.ports[1], window.to_vec());
            let dated = windows.entry(key).or_default();
            dated.seen.add(&packet, false);
            if dated.seen.spread() >= 3 {
                dated.relayed.get_or_insert(number);
            }
            if dated.seen.dispersion() >= 30 {
                dated.dispersed.get_or_insert(number);
            }
        }
    }
    windows.into_values().collect()
}

fn worst(windows: &[Dated]) -> (usize, usize) {
    greatest(windows.iter().map(|dated| &dated.seen))
}

#[test]
fn the_default_background_reaches_neither_alarm() {
    for seed in 1..=3 {
        let options = GenerateOptions { worm: false, ..GenerateOptions::default() };
        let (dispersion, spread) = worst(&count(&Outbreak::new(seed).options(options)));
        println!("seed {seed}: at most {dispersion} x {dispersion}, spread {spread}");
        // Headers do repeat, as they should, but in too few hosts.
        assert!((3..30).contains(&dispersion), "seed {seed}: {dispersion}");
        assert!(spread < 3, "seed {seed}: {spread}");
    }
}

#[test]
fn the_worm_is_relayed_long_before_it_is_dispersed() {
    for seed in 1..=sample(1, 3) {
        let seen = count(&Outbreak::new(seed));
        let (dispersion, spread) = worst(&seen);
        assert!(dispersion >= 35, "seed {seed}: {dispersion}");
        assert!(spread >= 30, "seed {seed}: {spread}");
        // All 281 windows of the invariant, and no others.
        let dispersed: Vec<_> =
            seen.iter().filter(|seen| seen.dispersed.is_some()).collect();
        assert_eq!(dispersed.len(), 320 - WINDOW + 1);
        for seen in dispersed {
            assert!(seen.relayed.unwrap() < seen.dispersed.unwrap());
        }
    }
}
