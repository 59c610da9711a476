//! A merger whose content shards are with workers says what one without says.

use super::{
    Said, answer, assert_same, config, cut, fleet, pair, parcels, sensor, stored, take,
};
use crate::common::{Random, frames};
use wormsift::Config;
use wormsift::fleet::{Merger, Parcel, ShardResult, ShardTask, ShardWorker, Tap};
use wormsift::packet::{Frame, Timestamp};
use wormsift_export::json_lines;

/// The workers of a merger. Half of the tasks and results go as messages.
struct Workers {
    workers: Vec<ShardWorker>,
    random: Random,
}

impl Workers {
    fn new(config: &Config, shares: &[u32], seed: u64) -> Self {
        let worker =
            |n| ShardWorker::new(config.clone(), "test", None, shares, n).unwrap();
        let workers = (0..shares.len() as u16).map(worker).collect();
        Self { workers, random: Random(seed) }
    }

    /// Has all be done that is to be done, in any order.
    fn work(&mut self, merger: &mut Merger, taps: &mut [Tap]) {
        loop {
            answer(merger, taps);
            let mut tasks = merger.tasks();
            if tasks.is_empty() {
                return;
            }
            while !tasks.is_empty() {
                let at = self.random.below(tasks.len() as u64) as usize;
                let mut task = tasks.swap_remove(at);
                if self.random.below(2) == 0 {
                    task = ShardTask::decode(&task.encode()).unwrap();
                }
                let mut result =
                    self.workers[usize::from(task.worker())].run(task).unwrap();
                if self.random.below(2) == 0 {
                    result = ShardResult::decode(&result.encode()).unwrap();
                }
                merger.take_result(result).unwrap();
            }
        }
    }
}

fn with_workers(
    frames: &[Frame<'_>],
    config: &Config,
    shares: &[u32],
    stops: u64,
) -> Said {
    let count = config.taps.len().max(1) as u16;
    let tap = |tap| Tap::new(config.clone(), "test", tap).unwrap();
    let mut taps: Vec<Tap> = (0..count).map(tap).collect();
    let mut parcels: Vec<Parcel> =
        parcels(frames, &mut taps).into_iter().flatten().collect();
    parcels.sort_by_key(|it| (it.tick().unwrap_or(u64::MAX), it.tap()));
    let long = "30d".parse().unwrap();
    let merger = Merger::new(config.clone(), "test").unwrap();
    let mut merger = merger.with_lateness(long).in_runs().with_workers(shares);
    let mut workers = Workers::new(config, shares, stops);
    let (mut said, mut random) = (Said::default(), Random(stops));
    let every = parcels.len() as u64 / stops.max(1) + 1;
    let path =
        std::env::temp_dir().join(format!("wormsift-workers-{}", std::process::id()));
    for parcel in parcels {
        merger.push(parcel).unwrap();
        // Some come while what was before is not done.
        if random.below(4) == 0 {
            workers.work(&mut merger, &mut taps);
            take!(said, merger);
        }
        if stops > 0
            && random.below(every) == 0
            && merger.taps().all(|it| it.covered == it.parcels)
        {
            assert!(merger.save(&path).is_err());
            merger.gather();
            workers.work(&mut merger, &mut taps);
            merger.save(&path).unwrap();
            // With another number of workers than before.
            let shares =
                &shares[..shares.len() - random.below(shares.len() as u64) as usize];
            merger = Merger::restore(config.clone(), "test", &path).unwrap();
            merger = merger.with_lateness(long).in_runs().with_workers(shares);
            workers = Workers::new(config, shares, random.next());
            workers.work(&mut merger, &mut taps);
        }
    }
    let _ = std::fs::remove_file(&path);
    merger.finish();
    workers.work(&mut merger, &mut taps);
    take!(said, merger);
    assert!(merger.is_finished() && !merger.is_waiting());
    said.stats = merger.stats();
    said
}

#[test]
fn they_find_what_a_sensor_finds() {
    for (scenario, shares, more) in [
        ("outbreak", &[1][..], ""),
        ("tcp-exploit", &[1, 1], ""),
        ("swarm-fixed-port", &[3, 0, 5, 1, 1], ""),
        ("telescope", &[0, 0], "dark = [\"10.64.0.0/16\"]"),
        // The candidate tables have no room for all that comes.
        ("forged-flood", &[1, 2], ""),
    ] {
        let stored = stored(scenario, 5);
        let frames = frames(&stored);
        let config = config(1, more);
        let one = sensor(&frames, &config);
        assert_same(&with_workers(&frames, &config, shares, 0), &one, scenario);
    }
}

#[test]
fn of_several_taps_too_and_after_a_restart_with_fewer_of_them() {
    let stored = stored("outbreak", 9);
    let frames = frames(&stored);
    let cut = cut(&frames, |frame| {
        let (a, b) = pair(frame).unwrap_or_default();
        ((a ^ b) % 3) as u16
    });
    let config = config(3, "");
    let one = sensor(&cut, &config);
    assert!(!one.findings.is_empty());
    assert_same(&fleet(&cut, &config, 1, 0), &one, "without");
    assert_same(&with_workers(&cut, &config, &[1, 1, 1], 0), &one, "with");
    let restarted = with_workers(&cut, &config, &[2, 1, 1, 4], 12);
    assert_same(&restarted, &one, "restarted");
}

#[test]
fn tasks_of_others_are_refused() {
    let own = config(1, "");
    let task = |config: &Config, fleet: &str, shares: &[u32]| {
        let merger = Merger::new(config.clone(), fleet).unwrap();
        let mut merger = merger.with_workers(shares);
        merger.gather();
        merger.tasks().remove(0)
    };
    let mut worker = ShardWorker::new(own.clone(), "test", None, &[1, 1], 0).unwrap();
    let mut refusal = |task| worker.run(task).err().map(|why| why.to_string());
    let others = config(1, "sampling = '4'");
    for (task, why) in [
        (task(&own, "other", &[1, 1]), "expected this fleet"),
        (task(&others, "test", &[1, 1]), "expected these settings"),
        (task(&own, "test", &[1]), "its shards"),
        (task(&own, "test", &[0, 1]), "worker 1"),
    ] {
        let found = refusal(task).unwrap();
        assert!(found.contains(why), "{found}");
    }
    assert_eq!(refusal(task(&own, "test", &[1, 1])), None);
    let message = task(&own, "test", &[1, 1]).encode();
    assert!(ShardTask::decode(&message[..message.len() - 1]).is_err());
    assert!(ShardTask::decode(&[7; 40]).is_err());
}

/// Taps that begin a day apart, and one whose clock steps back: samples are there all the same.
#[test]
fn no_sample_is_asked_for_too_late_whatever_the_clocks() {
    let stored = stored("outbreak", 9);
    let frames = frames(&stored);
    for (tenths, shift) in
        [(3, 86_400_i64), (5, 86_400), (7, 86_400), (5, -10), (5, -3_600)]
    {
        let half = frames.len() * tenths / 10;
        let moved = |at: usize, frame: &Frame<'_>| {
            let nanos = frame.time.as_nanos();
            let shift = if at < half { 0 } else { shift * 1_000_000_000 };
            Timestamp::from_nanos(nanos.saturating_add_signed(shift))
        };
        let apart = shift > 0;
        let all: Vec<Frame<'_>> = frames
            .iter()
            .enumerate()
            .map(|(at, frame)| {
                let tap = if apart { u16::from(at >= half) } else { (at % 2) as u16 };
                let time = if apart || tap == 1 { moved(at, frame) } else { frame.time };
                Frame { tap, time, ..*frame }
            })
            .collect();
        let config = config(2, "");
        let mut taps = [0, 1].map(|tap| Tap::new(config.clone(), "test", tap).unwrap());
        let mut parcels: Vec<Parcel> =
            parcels(&all, &mut taps).into_iter().flatten().collect();
        parcels.sort_by_key(|it| (it.tick().unwrap_or(u64::MAX), it.tap()));
        let long = "30d".parse().unwrap();
        let merger = Merger::new(config.clone(), "test").unwrap();
        let mut merger = merger.with_lateness(long).in_runs().with_workers(&[1, 1]);
        let mut workers = Workers::new(&config, &[1, 1], 3);
        let mut random = Random(4);
        for parcel in parcels {
            merger.push(parcel).unwrap();
            if random.below(30) == 0 {
                workers.work(&mut merger, &mut taps);
            }
        }
        merger.finish();
        workers.work(&mut merger, &mut taps);
        assert!(merger.is_finished() && !merger.findings().is_empty());
        for tap in &taps {
            assert_eq!(tap.counters().asked_too_late, 0, "{tenths} tenths, {shift} s");
        }
    }
}
