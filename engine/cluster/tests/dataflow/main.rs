//! Dataflows of several workers find what one sensor finds; those of several processes are tests of the
//! tool.

mod workers;

use std::sync::Arc;
use wormsift::fleet::{Merger, Tap};
use wormsift::packet::{Frame, LinkType, Timestamp};
use wormsift::{Config, Sensor};
use wormsift_cluster::dataflow::{Fed, Feed, Job};
use wormsift_corpora::Scenario;
use wormsift_export::json_lines;

/// Frames of each tap: time in nanoseconds, bytes.
type Captures = Vec<Vec<(u64, Vec<u8>)>>;

/// A worm whose packets come by at one of several taps, by its pair of addresses.
fn captures(scenario: &str, seed: u64, taps: usize) -> Captures {
    let trace = Scenario::named(scenario, seed).unwrap().stream().unwrap().into_trace();
    let mut captures = vec![Vec::new(); taps];
    for (time, data) in trace.frames {
        let byte = |at: usize| data.get(at).copied().unwrap_or_default();
        let pair = (26..34).fold(0_u64, |sum, at| sum + u64::from(byte(at)).pow(2));
        captures[pair as usize % taps].push((time, data));
    }
    captures
}

fn config(taps: usize, more: &str) -> Config {
    let names: Vec<String> = (0..taps).map(|tap| format!("\"tap-{tap}\"")).collect();
    let names = if taps > 1 { names.join(", ") } else { String::new() };
    Config::from_toml(&format!("memory = \"64MiB\"\ntaps = [{names}]\n{more}")).unwrap()
}

fn frame<'a>(number: u64, tap: u16, stored: &'a (u64, Vec<u8>)) -> Frame<'a> {
    Frame {
        number,
        time: Timestamp::from_nanos(stored.0),
        link: LinkType::ETHERNET,
        original_len: stored.1.len() as u32,
        tap,
        data: &stored.1,
    }
}

/// Gives a tap 100 frames at a time; what comes after `until` of them is not read.
fn feed(captures: &Arc<Captures>, tap: u16) -> Box<dyn Feed> {
    let (captures, mut done) = (captures.clone(), 0);
    Box::new(move |to: &mut Tap| {
        let own = &captures[usize::from(tap)];
        for stored in own.iter().skip(done).take(100) {
            done += 1;
            to.frame(&frame(done as u64, tap, stored));
        }
        Ok(if done == own.len() { Fed::Ended } else { Fed::More })
    })
}

fn job(captures: Captures, config: Config, workers: u16) -> Job {
    let captures = Arc::new(captures);
    let open = Arc::new(move |tap| Ok(feed(&captures, tap)));
    let gives_up = Arc::new(|| false);
    Job { config, baseline: None, workers, processes: None, open, gives_up }
}

/// What was said, in order of kinds.
fn take(said: &mut [Vec<String>; 3], merger: &mut Merger) {
    said[0].extend(merger.findings().iter().map(json_lines::write));
    said[1].extend(merger.incidents().iter().map(json_lines::write_incident));
    said[2].extend(merger.waves().iter().map(json_lines::write_wave));
}

/// What one sensor says of the same taps.
fn sensor(captures: &Captures, config: &Config) -> [Vec<String>; 3] {
    let mut sensor = Sensor::new(config.clone()).unwrap();
    let mut frames: Vec<(u64, u16, usize)> = Vec::new();
    for (tap, own) in (0..).zip(captures) {
        frames.extend((0..own.len()).map(|at| (own[at].0, tap, at)));
    }
    frames.sort();
    let frames: Vec<Frame<'_>> = (1..)
        .zip(&frames)
        .map(|(number, (_, tap, at))| {
            frame(number, *tap, &captures[usize::from(*tap)][*at])
        })
        .collect();
    frames.chunks(1_000).for_each(|part| sensor.sift(part));
    sensor.finish();
    [
        sensor.findings().iter().map(json_lines::write).collect(),
        sensor.incidents().iter().map(json_lines::write_incident).collect(),
        sensor.waves().iter().map(json_lines::write_wave).collect(),
    ]
}
