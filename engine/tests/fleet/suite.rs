//! The worms of the suite and real captures, by one tap, by several, and with gates.

use super::{answer, assert_same, config, cut, fleet, pair, parcels, sensor, stored};
use crate::common::captures::folders;
use crate::common::environment::sample;
use crate::common::{Random, frames};
use wormsift::fleet::{Gate, Merger, Tap};
use wormsift::packet::{Frame, Timestamp};
use wormsift::signature::Signature;
use wormsift::{Config, Finding};
use wormsift_corpora::{Kind, Scenario};

/// A fleet whose taps see the packets one after the other, and hear of what is followed.
fn in_step(frames: &[Frame<'_>], config: &Config, gate: Gate) -> (Vec<Signature>, u64) {
    let count = config.taps.len().max(1) as u16;
    let tap = |tap| Tap::with_gate(config.clone(), "test", tap, gate).unwrap();
    let mut taps: Vec<Tap> = (0..count).map(tap).collect();
    let merger = Merger::new(config.clone(), "test").unwrap();
    let mut merger = merger.with_lateness("30d".parse().unwrap());
    let (mut found, mut bytes) = (Vec::new(), 0);
    let mut pass_on = |merger: &mut Merger, taps: &mut [Tap], tap: usize| {
        for parcel in taps[tap].parcels() {
            let message = parcel.encode();
            bytes += message.len() as u64;
            merger.receive(&message).unwrap();
            answer(merger, taps);
        }
        found.extend(merger.findings().into_iter().map(Finding::into_signature));
    };
    let mut tick = 0;
    for frame in frames {
        let now = frame.time.as_nanos() / 1_000_000_000;
        if std::mem::replace(&mut tick, now) < now {
            // Those that are silent say so.
            for tap in 0..taps.len() {
                taps[tap].advance(Timestamp::from_nanos(now * 1_000_000_000));
                pass_on(&mut merger, &mut taps, tap);
            }
        }
        taps[usize::from(frame.tap)].frame(frame);
    }
    for tap in 0..taps.len() {
        taps[tap].finish();
        pass_on(&mut merger, &mut taps, tap);
    }
    merger.finish();
    answer(&mut merger, &mut taps);
    pass_on(&mut merger, &mut taps, 0);
    assert!(merger.is_finished());
    (found, bytes)
}

/// The worm: the content that most hosts sent, with how many had passed it on when it was told
/// first.
fn worm(found: &[Signature]) -> Option<(Vec<u8>, usize)> {
    let most = found.iter().max_by_key(|it| it.sources)?;
    let first = found.iter().find(|it| it.id == most.id)?;
    Some((most.content.clone(), first.relays.len()))
}

/// Whether one content is a part of the other.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let (long, short) = if one.len() < other.len() { (other, one) } else { (one, other) };
    long.windows(short.len()).any(|part| part == short)
}

pub(super) fn worms() -> Vec<&'static str> {
    let profiles = Scenario::profiles();
    let worms = profiles.filter(|profile| profile.kind == Kind::Worm && profile.standard);
    worms.map(|profile| profile.name).collect()
}

/// Each row of the suite, cut by networks of 256 addresses into sixteen taps.
#[test]
fn taps_with_gates_find_worms_about_as_soon() {
    let rows: Vec<_> = worms().into_iter().step_by(sample(12, 4)).collect();
    let (mut later, mut missed, mut bytes) = (Vec::new(), Vec::new(), [0; 2]);
    for scenario in &rows {
        let stored = stored(scenario, 1);
        let frames = frames(&stored);
        let frames = cut(&frames, |frame| {
            u16::from(frame.data.get(28).copied().unwrap_or_default()) % 16
        });
        let config = config(16, "");
        let (every, every_bytes) = in_step(&frames, &config, Gate::All);
        let (gated, gated_bytes) = in_step(&frames, &config, Gate::Promoted);
        bytes[0] += every_bytes;
        bytes[1] += gated_bytes;
        match (worm(&every), worm(&gated)) {
            (Some(every), Some(gated)) if is_same(&every.0, &gated.0) => {
                later.push(gated.1.saturating_sub(every.1));
            }
            (None, None) => {}
            _ => missed.push(*scenario),
        }
    }
    later.sort_unstable();
    println!(
        "{} rows: infected later {later:?}; missed {missed:?}; {bytes:?}",
        rows.len()
    );
    assert!(missed.len() <= 1, "{missed:?}");
    assert!(later[later.len() / 2] <= 1, "{later:?}");
    assert!(bytes[1] < bytes[0]);
}

#[test]
fn every_worm_is_told_of_as_by_one_process() {
    for (row, scenario) in (0..).zip(worms().into_iter().step_by(sample(6, 2))) {
        let seed = 1 + row as u64 % 3;
        let stored = stored(scenario, seed);
        let frames = frames(&stored);
        let config_of_one = config(1, "");
        let one = sensor(&frames, &config_of_one);
        assert_same(&fleet(&frames, &config_of_one, 1, 0), &one, scenario);
        let taps = [2, 3, 16][row % 3];
        let cut = cut(&frames, |frame| {
            let (a, b) = pair(frame).unwrap_or_default();
            let salt = seed << 40 ^ u64::from(a) << 32 ^ u64::from(b);
            (Random(salt).next() % u64::from(taps)) as u16
        });
        let config = config(taps, "");
        let one = sensor(&cut, &config);
        assert_same(&fleet(&cut, &config, seed, 1_000_000), &one, scenario);
    }
}

/// Real captures with all that they hold, clocks that jump among it.
#[test]
fn one_tap_says_of_real_captures_what_a_sensor_says() {
    let mut paths: Vec<String> = folders("benign")
        .flat_map(|folder| std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path().to_string_lossy().into_owned())
        .collect();
    paths.sort();
    let paths: Vec<String> = paths.into_iter().step_by(5).take(60).collect();
    let (inputs, _) = wormsift_capture::inputs(&paths);
    let mut trace = wormsift_capture::Trace::open(inputs);
    let mut batches = Vec::new();
    while let Some(batch) = trace.next_batch(wormsift_capture::Limits::default()) {
        batches.push(batch);
    }
    let frames: Vec<Frame<'_>> = batches
        .iter()
        .flat_map(|batch| (0..batch.len()).map(|at| batch.frame(at)))
        .collect();
    assert!(frames.len() > 1_000);
    let config = config(1, "sampling = '4'\nsources = 2\ndestinations = 2");
    let one = sensor(&frames, &config);
    assert!(!one.findings.is_empty());
    assert_same(&fleet(&frames, &config, 1, 0), &one, "captures");
    // What it takes where much comes in a second: the same in a thousandth of the time.
    let all: usize = frames.iter().map(|frame| frame.data.len()).sum();
    let busy = |frame: &Frame<'_>| Timestamp::from_nanos(frame.time.as_nanos() / 1_000);
    let frames: Vec<Frame<'_>> =
        frames.iter().map(|frame| Frame { time: busy(frame), ..*frame }).collect();
    let mut taken = Vec::new();
    for gate in [Gate::All, Gate::Promoted] {
        let mut taps = [Tap::with_gate(self::config(1, ""), "test", 0, gate).unwrap()];
        let parcels = parcels(&frames, &mut taps).remove(0);
        let bytes: usize = parcels.iter().map(|parcel| parcel.encode().len()).sum();
        println!(
            "{gate:?}: {} frames of {all} bytes in {} parcels of {bytes} bytes: {:.1} a frame, \
             {:.1} %",
            frames.len(),
            parcels.len(),
            bytes as f64 / frames.len() as f64,
            bytes as f64 / all as f64 * 100.0
        );
        taken.push(bytes);
    }
    assert!(taken[1] < taken[0] && taken[0] < all / 4, "{taken:?} of {all}");
}
