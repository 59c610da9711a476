//! The sensor on real captures. They are no part of the project: see
//! `common::captures`.
#![cfg(feature = "capture")]

mod common;

use common::captures;
use std::path::Path;
use wormsift::capture::{Limits, Trace, inputs};
use wormsift::config::Config;
use wormsift::sensor::{Sensor, Stats};
use wormsift::signature::{Finding, Signature};

fn config(settings: &str) -> Config {
    Config::from_toml(settings).unwrap()
}

/// Signatures and statistics of a folder or file taken as one trace.
fn detect(path: &Path, config: Config) -> (Vec<Signature>, Stats) {
    let (inputs, damage) = inputs(&[path.to_string_lossy().into_owned()]);
    assert!(damage.is_empty(), "{damage:?}");
    let mut trace = Trace::open(inputs);
    let mut sensor = Sensor::new(config).unwrap();
    while let Some(batch) = trace.next_batch(Limits { bytes: 4 << 20, frames: 1 << 16 }) {
        sensor.sift(&batch);
    }
    sensor.finish();
    let signatures = sensor
        .findings()
        .into_iter()
        .filter_map(|finding| match finding {
            Finding::Signature(signature) => Some(signature),
            _ => None,
        })
        .collect();
    (signatures, sensor.stats())
}

fn sum(stats: &Stats, section: &str) -> u64 {
    stats
        .sections()
        .filter(|(name, _)| *name == section)
        .flat_map(|(_, values)| values.values().filter_map(serde_json::Number::as_u64))
        .sum()
}

#[test]
fn frames_in_are_packets_used_plus_drops_by_reason() {
    for folder in ["benign", "attack", "silent", "malformed"] {
        let Some(path) = captures(folder) else { return };
        let (_, stats) = detect(&path, Config::default());
        let of = |section: &str, name: &str| stats.count(section, name).unwrap();
        let packets = of("packets", "packets");
        let used = [
            "empty",
            "backscatter",
            "sifted",
            "short_segments",
            "short_datagrams",
            "too_short",
        ]
        .iter()
        .map(|name| of("packets", name))
        .sum::<u64>();
        assert_eq!(packets, used, "{folder}: a packet is used or counted by reason");
        let frames = of("packets", "frames");
        let drops = sum(&stats, "drops");
        let (fragments, datagrams) =
            (of("fragments", "fragments"), of("fragments", "datagrams"));
        println!(
            "{folder}: {frames} frames = {packets} packets - {datagrams} datagrams + {fragments} \
             fragments + {drops} drops"
        );
        assert_eq!(frames + datagrams, packets + fragments + drops, "{folder}");
    }
}

const ATTACK: &str = "sampling = '1'\nport_rule = 'none'\nsources = 3\ndestinations = 3\n\
                      memory = '512MiB'\n";
const STRING: &[u8] = b"/Command/Base64/cGluZyAtYyAxMCAxLjEuMS4x";

#[test]
fn the_exploit_string_of_two_days_is_found_when_the_windows_hold_both() {
    let Some(path) = captures("attack") else { return };
    let long = "prevalence_window = '10d'\ndispersion_window = '10d'\n";
    let (signatures, _) = detect(&path, config(&format!("{ATTACK}{long}")));
    let holds = |s: &Signature| s.content.windows(STRING.len()).any(|w| w == STRING);
    assert!(signatures.iter().any(holds), "{} signatures", signatures.len());
}

#[test]
fn the_exploit_string_is_not_found_within_a_day() {
    let Some(path) = captures("attack") else { return };
    let short = "prevalence_window = '24h'\ndispersion_window = '24h'\n";
    let (signatures, _) = detect(&path, config(&format!("{ATTACK}{short}")));
    let dispersed: Vec<_> =
        signatures.iter().filter(|s| s.sources >= 3 && s.destinations >= 3).collect();
    assert!(dispersed.is_empty(), "{dispersed:?}");
}

#[test]
fn scans_without_payload_and_reflections_stay_silent() {
    let Some(path) = captures("silent") else { return };
    for file in std::fs::read_dir(path).unwrap() {
        let file = file.unwrap().path();
        let (signatures, _) = detect(&file, config("sources = 3\ndestinations = 3\n"));
        assert!(signatures.is_empty(), "{}: {signatures:?}", file.display());
    }
}

/// The share of windows kept by value is f, whatever the protocol.
#[test]
fn on_real_payloads_the_kept_share_is_f() {
    let Some(path) = captures("benign") else { return };
    let mut judged = 0;
    for file in std::fs::read_dir(path).unwrap() {
        let file = file.unwrap().path();
        if std::fs::metadata(&file).unwrap().len() < 500_000 {
            continue;
        }
        let (_, stats) = detect(&file, config("sampling = '64'\n"));
        let (_, all) = detect(&file, config("sampling = '1'\n"));
        let of = |stats: &Stats, name: &str| stats.count("windows", name).unwrap();
        // At 1/1 every window is kept or periodic: that counts the aperiodic ones.
        let windows = of(&all, "kept");
        if windows < 500_000 {
            continue;
        }
        judged += 1;
        let share = of(&stats, "kept") as f64 / windows as f64 * 64.0;
        println!("{}: {windows} windows, kept {share:.4} of f", file.display());
        assert!((0.95..=1.05).contains(&share), "{}: {share}", file.display());
    }
    assert!(judged > 10);
}
