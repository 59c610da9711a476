//! The same packets give the same answer: any threads, any batches, any workers.

use crate::common::environment::sample;
use crate::common::{flood_frames, frames, mostly_unique_frames, outbreak_frames};
use rayon::ThreadPoolBuilder;
use std::sync::atomic::{AtomicU64, Ordering};
use wormsift::config::{Config, Size};
use wormsift::packet::Frame;
use wormsift::pipeline::{Sensor, StageTimes};
use wormsift_export::json_lines;

/// Findings and statistics of a run that takes `batch` frames at a time.
fn run(
    frames: &[Frame<'_>],
    threads: usize,
    batch: usize,
    config: &Config,
) -> (Vec<String>, String) {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let mut sensor = Sensor::new(config.clone()).unwrap();
        let mut lines = Vec::new();
        for part in frames.chunks(batch) {
            sensor.sift(part);
            lines.extend(sensor.findings().iter().map(json_lines::write));
        }
        sensor.finish();
        lines.extend(sensor.findings().iter().map(json_lines::write));
        (lines, serde_json::to_string(&sensor.stats()).unwrap())
    })
}

#[test]
fn threads_and_batches_change_nothing() {
    let stored = outbreak_frames(7, 40_000);
    let frames = frames(&stored);
    for sampling in sample(&["64", "winnow:128"][..], &["64", "4", "winnow:128"]) {
        let mut config = Config::default();
        config.sampling = sampling.parse().unwrap();
        let truth = run(&frames, 1, frames.len(), &config);
        assert!(
            truth.0.iter().any(|line| line.contains("\"type\":\"signature\"")),
            "{sampling}"
        );
        let cuts = [(3, 64), (2, 5_000), (1, 997), (8, 20_000)];
        for (threads, batch) in cuts.into_iter().take(sample(2, 4)) {
            let other = run(&frames, threads, batch, &config);
            assert_eq!(
                truth.0, other.0,
                "{sampling}: {threads} threads, {batch} frames a batch"
            );
            assert_eq!(
                truth.1, other.1,
                "{sampling}: {threads} threads, {batch} frames a batch"
            );
        }
    }
}

/// Prevalence windows that end when the table is full end at the same packets.
#[test]
fn windows_that_end_by_their_load_change_nothing() {
    let stored = mostly_unique_frames(9, 2_500);
    let frames = frames(&stored);
    let mut config = Config::default();
    config.memory = Size(16 << 20);
    config.sampling = "1".parse().unwrap();
    config.prevalence_window = "1s".parse().unwrap();
    let truth = run(&frames, 1, frames.len(), &config);
    let stats: serde_json::Value = serde_json::from_str(&truth.1).unwrap();
    let epochs = &stats["prevalence_counters"];
    println!("{epochs}");
    assert!(epochs["epochs_ended_full"].as_u64() >= Some(64), "{epochs}");
    assert_eq!(epochs["epochs_ended"], epochs["epochs_ended_full"]);
    for (threads, batch) in [(2, 997), (3, 64)] {
        assert_eq!(truth, run(&frames, threads, batch, &config), "{threads} {batch}");
    }
}

/// A clock that ticks at each look.
fn looks() -> u64 {
    static LOOKS: AtomicU64 = AtomicU64::new(0);
    LOOKS.fetch_add(1, Ordering::Relaxed)
}

#[test]
fn stage_timers_change_nothing_and_see_every_stage() {
    let stored = outbreak_frames(7, 40_000);
    let frames = frames(&stored);
    let sift = |timed: bool| {
        let mut sensor = Sensor::new(Config::default()).unwrap();
        if timed {
            sensor.time_stages(looks);
        }
        sensor.sift(&frames);
        sensor.finish();
        let lines: Vec<_> = sensor.findings().iter().map(json_lines::write).collect();
        (lines, sensor.take_stage_times(), sensor.take_stage_times())
    };
    let (plain, none, _) = sift(false);
    let (timed, times, after) = sift(true);
    assert!(!plain.is_empty());
    assert_eq!(plain, timed);
    assert!(times.stages().iter().all(|(_, nanos)| *nanos > 0), "{times:?}");
    assert_eq!([none, after], [StageTimes::default(); 2]);
}

/// More windows alarm than one tick takes, over several ticks of one batch: what waits,
/// what is put off and where the shards stop must not depend on where batches end.
#[test]
fn a_flood_of_alarms_changes_nothing() {
    let stored = flood_frames(12, 60, 1_400, 6);
    let frames = frames(&stored);
    let mut config = Config::default();
    config.sampling = "1".parse().unwrap();
    (config.sources, config.destinations) = (3, 3);
    let truth = run(&frames, 1, frames.len(), &config);
    let stats: serde_json::Value = serde_json::from_str(&truth.1).unwrap();
    assert!(
        stats["signature_counters"]["alarms_seen"].as_u64() >= Some(64 * 64),
        "{stats}"
    );
    assert!(stats["content"]["alarms_deferred"].as_u64() > Some(0), "{stats}");
    for (threads, batch) in [(1, 1), (2, 7), (8, 100)] {
        let other = run(&frames, threads, batch, &config);
        assert_eq!(truth, other, "{threads} threads, {batch} frames a batch");
    }
}

/// Every kernel that this machine has gives the same findings.
#[test]
fn kernels_change_nothing() {
    use wormsift::fingerprint::Kernel;
    let stored = outbreak_frames(11, 10_000);
    let frames = frames(&stored);
    for sampling in ["64", "winnow:128"] {
        let mut config = Config::default();
        config.sampling = sampling.parse().unwrap();
        let mut all = Vec::new();
        for kernel in Kernel::ALL.into_iter().filter(|kernel| kernel.is_available()) {
            let mut sensor = Sensor::with_kernel(config.clone(), kernel).unwrap();
            assert_eq!(sensor.kernel(), kernel.name());
            sensor.sift(&frames[..]);
            sensor.finish();
            let lines: Vec<String> =
                sensor.findings().iter().map(json_lines::write).collect();
            all.push((lines, serde_json::to_string(&sensor.stats()).unwrap()));
        }
        assert!(all[0].0.len() >= 2);
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "{sampling}");
    }
}

#[test]
fn one_packet_a_batch_changes_nothing() {
    let stored = outbreak_frames(8, 6_000);
    let frames = frames(&stored);
    let mut config = Config::default();
    config.sampling = "4".parse().unwrap();
    let truth = run(&frames, 2, frames.len(), &config);
    let single = run(&frames, 2, 1, &config);
    assert_eq!(truth, single);
}

/// A host that decodes for itself, with packets dealt out to several workers, gets
/// what the sensor makes of the frames.
#[test]
fn workers_of_a_host_give_the_same_findings() {
    use wormsift::decode::{Decoded, Decoder};
    let stored = outbreak_frames(9, 20_000);
    let frames = frames(&stored);
    let config = Config::default();
    let (truth, _) = run(&frames, 1, 4_096, &config);
    let decoder = Decoder::new(true, false);
    for count in [1, 3] {
        let mut sensor = Sensor::new(config.clone()).unwrap();
        let mut workers: Vec<_> = (0..count).map(|_| sensor.worker()).collect();
        let mut lines = Vec::new();
        for part in frames.chunks(1_500) {
            for (i, frame) in part.iter().enumerate() {
                if let Decoded::Packet(packet) = decoder.frame(frame) {
                    workers[i * 7 % count].observe(&packet);
                }
            }
            sensor.absorb(&mut workers);
            lines.extend(sensor.findings().iter().map(json_lines::write));
        }
        sensor.finish();
        lines.extend(sensor.findings().iter().map(json_lines::write));
        assert_eq!(truth, lines, "{count} workers");
    }
}

/// The same capture whole and in seven files, in batches from one frame to 16 MiB.
#[test]
fn the_cut_into_files_changes_nothing() {
    use wormsift_capture::{Input, Limits, Trace};
    use wormsift_corpora::{FrameWriter, PcapWriter, PcapngWriter};
    let stored = outbreak_frames(10, 20_000);
    let file = |part: &[(u64, Vec<u8>)], index: usize| {
        // Every other file is of the other format.
        let mut bytes = Vec::new();
        if index.is_multiple_of(2) {
            let mut writer = PcapngWriter::new(&mut bytes).unwrap();
            part.iter()
                .for_each(|(time, frame)| writer.write_frame(*time, frame).unwrap());
        } else {
            let mut writer = PcapWriter::new(&mut bytes).unwrap();
            part.iter()
                .for_each(|(time, frame)| writer.write_frame(*time, frame).unwrap());
        }
        Input::bytes(format!("part {index}"), bytes)
    };
    let run = |files: Vec<Input>, limits: Limits, threads: usize| {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut trace = Trace::open(files);
            let mut sensor = Sensor::new(Config::default()).unwrap();
            let mut lines = Vec::new();
            while let Some(batch) = trace.next_batch(limits) {
                sensor.sift(&batch);
                lines.extend(sensor.findings().iter().map(json_lines::write));
            }
            sensor.finish();
            lines.extend(sensor.findings().iter().map(json_lines::write));
            assert!(trace.damage().is_empty());
            (lines, serde_json::to_string(&sensor.stats()).unwrap())
        })
    };
    let whole = Limits { bytes: 16 << 20, frames: usize::MAX };
    let truth = run(vec![file(&stored, 0)], whole, 1);
    assert!(truth.0.len() >= 2);
    for (limits, threads) in [
        (whole, 3),
        (Limits { bytes: 1, frames: 1 }, 1),
        (Limits { bytes: 64 << 10, frames: 999 }, 2),
    ] {
        // Given in another order: the first timestamps decide.
        let mut files: Vec<Input> = stored
            .chunks(stored.len().div_ceil(7))
            .zip(0..)
            .map(|(part, i)| file(part, i))
            .collect();
        assert_eq!(files.len(), 7);
        files.reverse();
        assert!(truth == run(files, limits, threads), "{limits:?}, {threads} threads");
    }
}
