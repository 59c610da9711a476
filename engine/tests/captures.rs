//! The sensor on captures: those of the generators, and real ones where they are.

use crate::common::captures::{EXPLOIT, folders};
use crate::common::environment::captures;
use std::path::Path;
use wormsift::config::Config;
use wormsift::decode::{Decoded, Decoder};
use wormsift::fingerprint::{Fingerprinter, Kernel, Sampling, Scratch};
use wormsift::pipeline::{Sensor, Stats};
use wormsift::signature::{Finding, Signature};
use wormsift_capture::{Limits, Trace, inputs};

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

#[test]
fn frames_in_are_packets_used_plus_drops_by_reason() {
    for path in ["benign", "attack", "silent", "malformed"].into_iter().flat_map(folders)
    {
        let (folder, (_, stats)) = (path.display(), detect(&path, Config::default()));
        let it = stats.packets;
        let used = it.empty
            + it.backscatter
            + it.sifted
            + it.short_segments
            + it.short_datagrams
            + it.too_short;
        let (packets, frames) = (it.packets, it.frames);
        assert_eq!(packets, used, "{folder}: a packet is used or counted by reason");
        let drops = stats.drops.total();
        let (fragments, datagrams) =
            (stats.fragments.fragments, stats.fragments.datagrams);
        let pieces = stats.fragments.pieces;
        println!(
            "{folder}: {frames} frames = {packets} packets - {datagrams} datagrams - {pieces} \
             pieces + {fragments} fragments + {drops} drops"
        );
        let given = frames + datagrams + pieces;
        assert_eq!(given, packets + fragments + drops, "{folder}");
    }
}

const ATTACK: &str = "sampling = '1'\nport_rule = 'none'\nsources = 3\ndestinations = 3\n\
                      memory = '512MiB'\n";

#[test]
fn the_exploit_string_of_two_days_is_found_when_the_windows_hold_both() {
    let long = "prevalence_window = '10d'\ndispersion_window = '10d'\n";
    for path in folders("attack") {
        let (signatures, _) = detect(&path, config(&format!("{ATTACK}{long}")));
        let holds =
            |s: &Signature| s.content.windows(EXPLOIT.len()).any(|w| w == EXPLOIT);
        let what = format!("{}: {} signatures", path.display(), signatures.len());
        assert!(signatures.iter().any(holds), "{what}");
    }
}

#[test]
fn the_exploit_string_is_not_found_within_a_day() {
    let short = "prevalence_window = '24h'\ndispersion_window = '24h'\n";
    // A jump of time counts as two days at most, so what is made has no weeks apart.
    if let Some(path) = captures("attack") {
        let (signatures, _) = detect(&path, config(&format!("{ATTACK}{short}")));
        let dispersed: Vec<_> =
            signatures.iter().filter(|s| s.sources >= 3 && s.destinations >= 3).collect();
        assert!(dispersed.is_empty(), "{dispersed:?}");
    }
}

#[test]
fn scans_without_payload_and_reflections_stay_silent() {
    for file in folders("silent").flat_map(|path| std::fs::read_dir(path).unwrap()) {
        let file = file.unwrap().path();
        let (signatures, _) = detect(&file, config("sources = 3\ndestinations = 3\n"));
        assert!(signatures.is_empty(), "{}: {signatures:?}", file.display());
    }
}

/// The share of windows kept by value is f, whatever the protocol: in the mean over
/// keys, since content that repeats within a file is kept or dropped as a whole, so
/// that one key alone may be lucky or not. The luck is bounded too.
#[test]
fn on_real_payloads_the_kept_share_is_f() {
    const KEYS: u128 = 16;
    let Some(path) = captures("benign") else { return };
    let decoder = Decoder::new(true, false);
    let samplers: Vec<Fingerprinter> = (0..KEYS)
        .map(|key| Fingerprinter::new(key, 40, Sampling::Value(64), Kernel::best()))
        .collect();
    let all = Fingerprinter::new(0, 40, Sampling::Value(1), Kernel::best());
    let (mut judged, mut lucky, mut worst) = (0, 0, (1.0_f64, String::new()));
    for file in std::fs::read_dir(path).unwrap() {
        let file = file.unwrap().path();
        if std::fs::metadata(&file).unwrap().len() < 500_000 {
            continue;
        }
        let (inputs, _) = inputs(&[file.to_string_lossy().into_owned()]);
        let mut trace = Trace::open(inputs);
        let mut scratch = Scratch::default();
        let (mut windows, mut kept) = (0, vec![0_u64; samplers.len()]);
        while let Some(batch) = trace.next_batch(Limits::default()) {
            for frame in batch.frames() {
                let Decoded::Packet(packet) = decoder.frame(&frame) else { continue };
                windows +=
                    all.for_each_window(&mut scratch, packet.payload, |_, _| {}).kept;
                for (sampler, kept) in samplers.iter().zip(&mut kept) {
                    *kept += sampler
                        .for_each_window(&mut scratch, packet.payload, |_, _| {})
                        .kept;
                }
            }
        }
        if windows < 500_000 {
            continue;
        }
        judged += 1;
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let share = |kept: u64| kept as f64 / windows as f64 * 64.0;
        let mean = kept.iter().map(|kept| share(*kept)).sum::<f64>() / KEYS as f64;
        for kept in kept {
            lucky += u32::from((share(kept) - 1.0).abs() > 0.05);
            if (share(kept) - 1.0).abs() > (worst.0 - 1.0).abs() {
                worst = (share(kept), name.clone());
            }
        }
        assert!((0.95..=1.05).contains(&mean), "{name}: {mean:.4} of f");
    }
    println!(
        "kept share: {judged} files of over 500,000 windows, each within 5 % of f in the mean of \
         {KEYS} keys; {lucky} of {} single keys beyond 5 %, the worst {:.3} of f on {}",
        judged * KEYS,
        worst.0,
        worst.1
    );
    assert!(judged > 10);
    assert!(u128::from(lucky) <= judged * KEYS / 20);
}

/// Winnowing keeps about 2/(w+1) of the windows of real payloads.
#[test]
fn on_real_payloads_winnowing_keeps_about_its_density() {
    for path in folders("benign") {
        let (_, winnow) = detect(&path, config("sampling = 'winnow:128'\n"));
        let (_, all) = detect(&path, config("sampling = '1'\n"));
        let density = winnow.windows.kept as f64 / all.windows.kept as f64;
        let formula = Sampling::Winnow(128).density();
        println!(
            "winnow:128 keeps {density:.5} of the windows, the formula says {formula:.5}"
        );
        // Seams and short payloads, a run of their own each, keep more.
        assert!((0.8..1.6).contains(&(density / formula)));
    }
}
