//! The fuzzer's functions on seeds and damaged seeds, with any compiler.

#[allow(unreachable_pub)] // The fuzzer's crate exports them.
#[path = "../fuzz/src/lib.rs"]
mod targets;

use crate::common;
use crate::common::captures::folders;
use crate::common::environment::sample;
use crate::common::{Random, outbreak_frames};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::time::{Duration, Instant};
use wormsift::config::{Config, Size};
use wormsift::fleet::{Merger, Tap};
use wormsift::pipeline::{Baseline, Sensor};
use wormsift_export::{SidRange, SidRegistry, json_lines};

/// A target's name and itself.
type Target = (&'static str, fn(&[u8]));

/// A number from the environment.
fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect(name))
}

/// Writes the seeds of a target where `engine/fuzz/run` takes them from.
fn keep(folder: &Path, name: &str, seeds: &[Vec<u8>]) {
    let folder = folder.join(name);
    std::fs::create_dir_all(&folder).expect("a folder for seeds");
    for seed in seeds {
        let file = format!("{:032x}", xxhash_rust::xxh3::xxh3_128(seed));
        std::fs::write(folder.join(file), seed).expect("a seed");
    }
}

/// Calls a target with each seed, and with `copies` copies of it that were damaged; with
/// `WORMSIFT_FUZZ_SECONDS` set, with more copies of all for so long. With `WORMSIFT_FUZZ_SEEDS`
/// set it only writes the seeds there.
fn run((name, target): Target, seeds: &[Vec<u8>], copies: u64) {
    if let Some(folder) = std::env::var_os("WORMSIFT_FUZZ_SEEDS") {
        return keep(Path::new(&folder), name, seeds);
    }
    let number = setting("WORMSIFT_FUZZ_SEED").unwrap_or(20_261_123);
    let mut random = Random(number);
    let mut calls = 0_u64;
    let mut call = |bytes: &[u8]| {
        calls += 1;
        // A target's own state is lost with the panic, as the process will be.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(bytes))) {
            let path =
                Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("crash-{name}"));
            std::fs::write(&path, bytes).expect("the input that crashed");
            eprintln!("{name}, seed {number}, call {calls}: {}", path.display());
            resume_unwind(panic);
        }
    };
    for seed in seeds {
        call(seed);
        for _ in 0..copies {
            call(&damaged(seed, &mut random));
        }
    }
    if let Some(seconds) = setting("WORMSIFT_FUZZ_SECONDS") {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(seconds) {
            let seed = random.below(seeds.len() as u64) as usize;
            call(&damaged(&seeds[seed], &mut random));
        }
        println!("{name}: {calls} calls, seed {number}");
    }
}

fn damaged(seed: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..1 + random.below(4) {
        damage(&mut bytes, random);
    }
    bytes
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
    run(("frames", targets::frames), &framed(), 400);
    run(("frames", targets::frames), &noise(1), 200);
}

/// Frames as the `taps` target reads them: tap and link, time, length.
#[test]
fn two_taps_count_every_frame() {
    let seeds: Vec<Vec<u8>> = (0..4)
        .map(|seed| {
            let frames = outbreak_frames(seed, 400);
            let small = frames.iter().filter(|(_, frame)| frame.len() < 256).take(100);
            let mut bytes = Vec::new();
            for (n, (time, frame)) in small.enumerate() {
                bytes.push(2 + (n & 1) as u8);
                bytes.extend(time.to_be_bytes());
                bytes.extend([frame.len() as u8, 1]);
                bytes.extend(frame);
            }
            bytes
        })
        .collect();
    run(("taps", targets::taps), &seeds, 20);
}

#[test]
fn damaged_states_are_refused() {
    // Nothing changed, one bit, a piece put in, the end cut off.
    let seeds =
        [&[][..], &[0, 0, 0, 0, 0, 0, 0, 9, 4], &[9, 9, 9, 9, 9, 9, 9, 9, 1, 2, 1, 0, 0]];
    run(("restore", targets::restore), &seeds.map(<[u8]>::to_vec), 20);
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
    run(("capture", targets::capture), &seeds, 20);
}

#[test]
fn segments_in_any_order_keep_to_their_bounds() {
    run(("segments", targets::segments), &noise(3), 400);
}

#[test]
fn a_sensor_survives_any_packets() {
    run(("sensor", targets::sensor), &noise(4)[4..], 6);
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
    run(("signature_line", targets::signature_line), &lines, sample(300, 2_000));
}

#[test]
fn settings_are_refused_or_come_back() {
    let full = Config::default().to_toml().into_bytes();
    run(
        ("settings", targets::settings),
        &[full, b"sampling = 'winnow:128'\nsources = 10".to_vec()],
        sample(500, 3_000),
    );
}

#[test]
fn baselines_are_refused_or_come_back() {
    let mut config = Config::default();
    config.memory = Size(1 << 20);
    let mut baseline = Baseline::new(&config, 4 << 10, 1e-3);
    (0..100_u64).for_each(|key| {
        baseline.learn(key << 40);
    });
    run(("baseline", targets::baseline), &[baseline.write()], sample(300, 2_000));
}

#[test]
fn edited_files_are_taken_line_by_line() {
    let mute = br#"# known
{"id":"02ab34cd02ab34cd02ab34cd02ab34cd","reason":"the relay","until":"never"}
{"content":"474554202f6f75722d7363616e6e65722f37663361","reason":"ours","until":"2026-12-31T00:00:00Z"}
"#;
    let list = b"host,class,change,last_seen,until,signature,incident,inside,reason
10.0.0.1,confirmed,new,2024-03-01T00:03:10.8Z,2024-03-02T00:03:10.8Z,d40280,,yes,sent it
2001:db8::/64,suspected,gone,2024-03-01T00:03:10Z,2024-03-02T00:03:10Z,d40280,37,,sent it
";
    let protected = b"10.0.0.0/24 # servers\n\n2001:db8::1\n";
    let numbers = SidRegistry::new(SidRange::new(1_500_000, 100).unwrap()).to_json();
    let durations =
        b"network,seconds\n192.0.2.0/24,86400\n2001:db8::/64,3600.5 # leases\n";
    let seeds = [&mute[..], list, protected, durations, numbers.as_bytes()];
    let seeds = seeds.map(<[u8]>::to_vec);
    run(("edited_files", targets::edited_files), &seeds, sample(300, 2_000));
}

#[test]
fn messages_of_a_fleet_are_refused_or_come_back() {
    let stored = outbreak_frames(7, 6_000);
    let frames = common::frames(&stored);
    let mut config = Config::default();
    config.memory = Size(16 << 20);
    let mut seeds = Vec::new();
    let mut add = |message: Vec<u8>| seeds.push([&[1], &message[..]].concat());
    // A short one of the target's own fleet, and of another all kinds of messages.
    let mut tap = Tap::new(config.clone(), "fuzz", 0).unwrap();
    frames[..200].iter().for_each(|frame| tap.frame(frame));
    tap.finish();
    tap.parcels().iter().for_each(|parcel| add(parcel.encode()));
    (config.sources, config.destinations) = (2, 2);
    let mut tap = Tap::new(config.clone(), "other", 0).unwrap();
    let mut merger = Merger::new(config, "other").unwrap();
    frames.iter().for_each(|frame| tap.frame(frame));
    tap.finish();
    for parcel in tap.parcels() {
        merger.push(parcel).unwrap();
        loop {
            let asks = merger.asks();
            if asks.is_empty() {
                break;
            }
            for ask in asks {
                let piece = tap.answer(&ask).unwrap();
                if ask.needs_piece() {
                    add(ask.encode());
                }
                if let Some(piece) = piece {
                    add(piece.encode());
                    merger.answer(piece).unwrap();
                }
            }
        }
    }
    seeds.sort_by_key(Vec::len);
    seeds.truncate(40);
    assert!(seeds.len() > 8);
    run(("fleet", targets::fleet), &seeds, 20);
}
