//! The fuzzer's functions on seeds and damaged seeds, with any compiler.

#[allow(unreachable_pub)] // The fuzzer's crate exports them.
#[path = "../fuzz/src/lib.rs"]
mod targets;

use crate::common;
use crate::common::captures::folders;
use crate::common::{Random, outbreak_frames};
use wormsift::config::Config;
use wormsift::pipeline::Sensor;
use wormsift_export::json_lines;

/// Calls `target` with each seed, and with `copies` copies of it that were damaged.
fn run(target: fn(&[u8]), seeds: &[Vec<u8>], copies: u64) {
    let mut random = Random(20_261_123);
    for seed in seeds {
        target(seed);
        for _ in 0..copies {
            let mut bytes = seed.clone();
            for _ in 0..1 + random.below(4) {
                damage(&mut bytes, &mut random);
            }
            target(&bytes);
        }
    }
}

fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    if bytes.is_empty() {
        return bytes.push(random.next() as u8);
    }
    let at = random.below(bytes.len() as u64) as usize;
    match random.below(5) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5) as usize],
        2 => bytes.truncate(at),
        3 => {
            let end = bytes.len().min(at + 1 + random.below(64) as usize);
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece);
        }
        _ => {
            let end = bytes.len().min(at + 1 + random.below(8) as usize);
            bytes.drain(at..end);
        }
    }
}

/// Random bytes of growing length.
fn noise(seed: u64) -> Vec<Vec<u8>> {
    let mut random = Random(seed);
    (0..12).map(|power| random.bytes(1 << power)).collect()
}

/// Frames as the `frames` target reads them: link, time, length, original length.
fn framed() -> Vec<Vec<u8>> {
    outbreak_frames(5, 60)
        .into_iter()
        .filter(|(_, frame)| frame.len() < 256)
        .map(|(time, frame)| {
            let mut bytes = vec![0, 1];
            bytes.extend(time.to_be_bytes());
            bytes.extend([frame.len() as u8, 1]);
            bytes.extend(frame);
            bytes.push(0);
            bytes
        })
        .collect()
}

#[test]
fn frames_are_packets_fragments_or_drops() {
    run(targets::frames, &framed(), 400);
    run(targets::frames, &noise(1), 200);
}

#[test]
fn captures_give_frames_or_a_line() {
    let mut seeds = noise(2);
    let small =
        |path: &std::path::PathBuf| path.metadata().is_ok_and(|m| m.len() < 8_192);
    for folder in ["malformed", "benign"].into_iter().flat_map(folders) {
        let mut paths: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(small)
            .collect();
        paths.sort();
        seeds.extend(paths.iter().step_by(8).map(|path| std::fs::read(path).unwrap()));
    }
    run(targets::capture, &seeds, 20);
}

#[test]
fn segments_in_any_order_keep_to_their_bounds() {
    run(targets::segments, &noise(3), 400);
}

#[test]
fn a_sensor_survives_any_packets() {
    run(targets::sensor, &noise(4)[4..], 6);
}

#[test]
fn signature_lines_are_refused_or_come_back() {
    let stored = outbreak_frames(7, 40_000);
    let mut sensor = Sensor::new(Config::default()).unwrap();
    sensor.sift(&common::frames(&stored)[..]);
    sensor.finish();
    let lines: Vec<_> = sensor
        .findings()
        .iter()
        .map(|finding| json_lines::write(finding).into_bytes())
        .collect();
    assert!(!lines.is_empty());
    run(targets::signature_line, &lines, 2_000);
}

#[test]
fn settings_are_refused_or_come_back() {
    let full = Config::default().to_toml().into_bytes();
    run(
        targets::settings,
        &[full, b"sampling = 'winnow:128'\nsources = 10".to_vec()],
        3_000,
    );
}
