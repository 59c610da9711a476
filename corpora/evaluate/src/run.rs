//! One run: the sensor over one capture, and how much of what it found is true.
//!
//! [`sift`] is given frames and settings, as `detect` is, and no truth; [`judge`] comes
//! after it.

use super::about::claim;
use super::confirmed::confirmed;
use super::incidents::RunIncidents;
use super::learned::Learned;
use super::results::{FalseSignature, Found, Run};
use super::said::Said;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use wormsift::config::Config;
use wormsift::error::Error;
use wormsift::packet::Frame;

use wormsift::signature::{Alarm, Signature};
use wormsift_corpora::{Claim, Detection, Edges, GroundTruth, Score};

/// Nanoseconds between ticks.
const TICK: u64 = 1_000_000_000;

/// Sifts frames with the public API that `detect` uses. Batches end where a second of
/// packet time does, so that it is known when an update was made. `None` where it was
/// stopped before the end.
pub(crate) fn sift(
    config: &Config,
    frames: &[Frame<'_>],
    known: &Learned,
    stopped: &AtomicBool,
) -> Result<Option<Said>, Error> {
    let mut sensor = known.sensor(config)?;
    let mut said = Said::default();
    let started = Instant::now();
    let second = |frame: &Frame<'_>| frame.time.as_nanos() / TICK;
    for batch in frames.chunk_by(|a, b| second(a) == second(b)) {
        if stopped.load(Ordering::Relaxed) {
            return Ok(None);
        }
        sensor.sift(batch);
        said.take(&mut sensor, second(&batch[0]) * TICK);
    }
    sensor.finish();
    let last = frames.last().map_or(0, |frame| (second(frame) + 1) * TICK);
    said.take(&mut sensor, last);
    let seconds = started.elapsed().as_secs_f64();
    Ok(Some(Said {
        packets: frames.len() as u64,
        bytes: frames.iter().map(|frame| frame.data.len() as u64).sum(),
        memory_bytes: sensor.memory_bytes(),
        seconds,
        ..said
    }))
}

/// Lays what was said beside the truth.
pub(crate) fn judge(said: &Said, truth: &GroundTruth, config: &Config) -> Run {
    let first_infection =
        truth.infections.first().map_or(truth.first_packet_ns, |one| one.time_ns);
    let claim = |time_ns: u64, it: &Signature| claim(time_ns, it, config);
    let by_alarm = |alarm: Alarm| {
        let claims: Vec<Claim> = said
            .news
            .iter()
            .filter(|(_, it)| it.evidence.alarms.contains(&alarm))
            .map(|(time, it)| claim(*time, it))
            .collect();
        found(&claims, truth, first_infection)
    };
    let every: Vec<Claim> = said.news.iter().map(|(time, it)| claim(*time, it)).collect();
    let first = found_first(&every, truth, first_infection);
    let last = said.last();
    let claims: Vec<Claim> = last.values().map(|(time, it)| claim(*time, it)).collect();
    let score = Score::new(&claims, truth);
    let false_signatures = last
        .values()
        .zip(&claims)
        .filter(|(_, one)| Score::new(std::slice::from_ref(one), truth).false_claims > 0)
        .map(|((_, it), _)| false_signature(it))
        .collect();
    // Of several contents, one that was missed has no bytes covered.
    let found: Vec<_> =
        score.contents.iter().filter(|content| content.detection.is_some()).collect();
    let edges: Option<Vec<_>> = found.iter().map(|content| content.edges).collect();
    let edges = edges.filter(|edges| !edges.is_empty()).map(|edges| {
        let most = edges.iter().map(Edges::most).max();
        (most.unwrap_or(0), edges.iter().all(|edges| edges.exact))
    });
    let mean = |sum: f64, count: usize| (!found.is_empty()).then(|| sum / count as f64);
    let recall = found.iter().map(|content| content.recall).sum();
    let precision = found.iter().map(|content| content.precision).sum();
    Run {
        seed: truth.seed,
        packets: said.packets,
        bytes: said.bytes,
        dispersion: by_alarm(Alarm::Dispersion),
        propagation: by_alarm(Alarm::Propagation),
        first,
        recall: mean(recall, score.contents.len()),
        precision: mean(precision, found.len()),
        false_signatures,
        benign_packets_matched: None,
        rules_hit_benign: None,
        rules_hit: None,
        edges,
        counted: Vec::new(),
        incidents: RunIncidents::of(said, truth, config),
        high: None,
        confirmed: confirmed(said, truth),
        polymorphic: truth.contents.iter().any(|content| content.invariant.len() > 1),
        vulnerable: truth.vulnerable_hosts,
        growth: growth(truth, first_infection),
        memory_bytes: said.memory_bytes,
        seconds: said.seconds,
        frames_hash: String::new(),
    }
}

/// When the last of the contents was found, if all were. Where nothing was planted, any
/// claim at all counts as found.
fn found(claims: &[Claim], truth: &GroundTruth, first_infection: u64) -> Option<Found> {
    if truth.contents.is_empty() {
        return found_false(claims, truth);
    }
    let score = Score::new(claims, truth);
    let detections: Option<Vec<_>> =
        score.contents.iter().map(|content| content.detection).collect();
    let last = detections?.into_iter().max_by_key(|detection| detection.time_ns)?;
    Some(of_detection(last, first_infection))
}

/// When the first of the contents was found.
fn found_first(
    claims: &[Claim],
    truth: &GroundTruth,
    first_infection: u64,
) -> Option<Found> {
    if truth.contents.is_empty() {
        return found_false(claims, truth);
    }
    let score = Score::new(claims, truth);
    let detections = score.contents.iter().filter_map(|content| content.detection);
    let first = detections.min_by_key(|detection| detection.time_ns)?;
    Some(of_detection(first, first_infection))
}

fn found_false(claims: &[Claim], truth: &GroundTruth) -> Option<Found> {
    let time_ns = claims.iter().map(|claim| claim.time_ns).min()?;
    let seconds = time_ns.saturating_sub(truth.first_packet_ns) as f64 / 1e9;
    Some(Found { seconds, packets: 0, infected: 0, at: seconds })
}

fn of_detection(it: Detection, first_infection: u64) -> Found {
    Found {
        seconds: it.delay_seconds,
        packets: it.delay_packets,
        infected: it.infected_hosts as u64,
        at: (it.time_ns as f64 - first_infection as f64) / 1e9,
    }
}

/// (seconds since the first infection, hosts infected by then), at most 100 points.
fn growth(truth: &GroundTruth, first_infection: u64) -> Vec<[f64; 2]> {
    const MOST: usize = 100;
    let count = truth.infections.len();
    let step = count.div_ceil(MOST).max(1);
    let wanted = |at: usize| at.is_multiple_of(step) || at + 1 == count;
    let mut points: Vec<[f64; 2]> = truth
        .infections
        .iter()
        .enumerate()
        .filter(|(at, _)| wanted(*at))
        .map(|(at, one)| {
            [one.time_ns.saturating_sub(first_infection) as f64 / 1e9, (at + 1) as f64]
        })
        .collect();
    if points.len() > MOST {
        points.remove(MOST / 2);
    }
    points
}

pub(crate) fn false_signature(it: &Signature) -> FalseSignature {
    let shown = &it.content[..it.content.len().min(256)];
    FalseSignature {
        id: it.id.clone(),
        alarm: it.alarm.name().to_owned(),
        service: wormsift_export::text::service(it),
        content_hex: shown.iter().map(|byte| format!("{byte:02x}")).collect(),
        length: it.content.len(),
        sources: it.sources,
        destinations: it.destinations,
    }
}
