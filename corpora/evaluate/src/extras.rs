//! What else shows how the engine works: sampling, sketches, the map of keys, the rule
//! of when a prefix has seen enough.

use super::results::{DispersionMap, MapCell, RulePoint, SamplingPoint, SketchPoint};
use super::statistics::{estimate, estimate_of_shares, share_interval};
use super::stored::Stored;
use crate::error::EvaluateError;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use wormsift::config::Config;
use wormsift::decode::Decoded;
use wormsift::fingerprint::{Fingerprinter, Kernel, Sampling, Scratch};
use wormsift::packet::{Frame, Host};
use wormsift::pipeline::Sensor;
use wormsift_corpora::detection_rule::detection_rule;
use wormsift_corpora::presets::Preset;
use wormsift_corpora::rng::Rng;
use wormsift_corpora::{GroundTruth, Scenario};

/// Invariant lengths of the paper's range.
const LENGTHS: [usize; 12] = [40, 56, 72, 88, 104, 128, 160, 200, 248, 304, 352, 400];
/// Keys, and bodies under each.
const KEYS: u64 = 200;
const BODIES: u64 = 50;

/// Share of random invariants of which at least one window is kept, under many keys.
/// Nothing for winnowing, which has a guarantee in place of a formula.
pub(crate) fn sampling(config: &Config) -> Vec<SamplingPoint> {
    let Sampling::Value(_) = config.sampling else { return Vec::new() };
    let (beta, density) = (config.beta, config.sampling.density());
    let mut rng = Rng::new(1, "evaluation sampling");
    let mut tracked = [0_u64; LENGTHS.len()];
    let (mut scratch, mut body) = (Scratch::default(), Vec::new());
    for _ in 0..KEYS {
        let key = u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
        let print = Fingerprinter::new(key, beta, config.sampling, Kernel::best());
        for (length, tracked) in LENGTHS.into_iter().zip(&mut tracked) {
            for _ in 0..BODIES {
                body.clear();
                rng.append(length, &mut body);
                let mut kept = false;
                print.for_each(&mut scratch, &body, |_, _| kept = true);
                *tracked += u64::from(kept);
            }
        }
    }
    let trials = KEYS * BODIES;
    let points = LENGTHS.into_iter().zip(tracked).filter(|(length, _)| *length >= beta);
    points
        .map(|(length, hits)| SamplingPoint {
            length,
            expected: 1.0 - (1.0 - density).powi((length + 1 - beta) as i32),
            tracked: hits as f64 / trials as f64,
            interval: share_interval(hits, trials),
            trials,
        })
        .collect()
}

/// Sketch against exact counts, and the map of keys, over one outbreak.
pub(crate) fn outbreak(
    config: &Config,
) -> Result<(Vec<SketchPoint>, DispersionMap), EvaluateError> {
    let scenario = Scenario::named("outbreak", 1)?;
    let (stored, truth) = Stored::of(&scenario)?;
    keys("outbreak, seed 1", &stored.frames(), &truth, config)
}

/// The same over any frames.
pub(crate) fn keys(
    name: &str,
    frames: &[Frame<'_>],
    truth: &GroundTruth,
    config: &Config,
) -> Result<(Vec<SketchPoint>, DispersionMap), EvaluateError> {
    let mut sensor = Sensor::new(config.clone())?;
    sensor.keep_decisions();
    sensor.sift(frames);
    sensor.finish();
    let ends = ends(frames, config);
    let mut seen: HashMap<u64, KeyCount> = HashMap::new();
    for decision in sensor.decisions() {
        let Some(&(source, destination)) = ends.get(&decision.packet) else { continue };
        let count = seen.entry(decision.key).or_default();
        count.enter(source, destination, decision.promoted);
        if decision.promoted {
            count.estimates = [decision.sources, decision.destinations];
        }
        count.planted &= is_carrier(truth, decision.packet);
    }
    let mut points: BTreeMap<(u32, u32), u64> = BTreeMap::new();
    let mut cells: BTreeMap<(u32, u32), [u64; 2]> = BTreeMap::new();
    for count in seen.values() {
        for (exact, estimate) in count.promoted.iter().zip(count.estimates) {
            if estimate > 0 {
                *points.entry((exact.len() as u32, estimate)).or_default() += 1;
            }
        }
        let dispersion = count.all[0].len().min(count.all[1].len());
        let cell = cells.entry((count.sightings.ilog2(), dispersion.ilog2()));
        cell.or_default()[usize::from(count.planted)] += 1;
    }
    let points = points
        .into_iter()
        .map(|((exact, estimate), keys)| SketchPoint { exact, estimate, keys })
        .collect();
    let cells = cells.into_iter().map(|((sightings, dispersion), keys)| MapCell {
        sightings_log2: sightings,
        dispersion_log2: dispersion,
        ordinary: keys[0],
        planted: keys[1],
    });
    Ok((points, DispersionMap { name: name.to_owned(), cells: cells.collect() }))
}

/// Exact sets of one key.
struct KeyCount {
    sightings: u32,
    all: [HashSet<Host>; 2],
    /// Of the sightings that went on to dispersion, which is what the sketch counts.
    promoted: [HashSet<Host>; 2],
    estimates: [u32; 2],
    /// Whether it was only seen in packets that carry planted content.
    planted: bool,
}

impl Default for KeyCount {
    fn default() -> Self {
        Self {
            sightings: 0,
            all: Default::default(),
            promoted: Default::default(),
            estimates: [0; 2],
            planted: true,
        }
    }
}

impl KeyCount {
    fn enter(&mut self, source: Host, destination: Host, promoted: bool) {
        self.sightings += 1;
        for (side, host) in [source, destination].into_iter().enumerate() {
            self.all[side].insert(host);
            if promoted {
                self.promoted[side].insert(host);
            }
        }
    }
}

fn ends(frames: &[Frame<'_>], config: &Config) -> HashMap<u64, (Host, Host)> {
    let decoder = wormsift::pipeline::decoder(config);
    let host = |address: IpAddr| Host::of(address, config.v6_prefix);
    let packets = frames.iter().filter_map(|frame| match decoder.frame(frame) {
        Decoded::Packet(it) => Some((it.number, (host(it.source), host(it.destination)))),
        _ => None,
    });
    packets.collect()
}

fn is_carrier(truth: &GroundTruth, packet: u64) -> bool {
    truth.contents.iter().any(|content| content.carriers.contains(packet))
}

/// Infected share when a /16, /20 and /24 have seen thirty sources, for three worms.
pub(crate) fn rule(seeds: u64) -> Result<Vec<RulePoint>, EvaluateError> {
    const SOURCES: u32 = 30;
    let mut points = Vec::new();
    for name in ["slammer", "code-red", "blaster"] {
        let Some(preset) = Preset::named(name) else { continue };
        for prefix_bits in [16, 20, 24] {
            let outcome = detection_rule(preset, prefix_bits, SOURCES, 1..seeds + 1)?;
            points.push(RulePoint {
                worm: name.to_owned(),
                prefix_bits,
                sources: SOURCES,
                expected: outcome.expected_share,
                simulated: estimate_of_shares(outcome.infected_share),
                seconds: estimate(outcome.seconds),
            });
        }
    }
    Ok(points)
}
