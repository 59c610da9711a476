//! What an evaluation says.
//!
//! An [`Evaluation`] is the JSON file, and all that the CSV and the HTML page are
//! drawn from. Whatever came from a payload is hexadecimal text.

use super::counted::{Counted, CountedRow};
use super::high::{HighAt, HighRow};
use super::incident_rows::IncidentsRow;
use super::incidents::RunIncidents;
use super::isolation::IsolationRow;
pub(crate) use super::statistics::Estimate;
use serde::{Deserialize, Serialize};

/// The version of the JSON form.
pub(crate) const SCHEMA: &str = "wormsift-evaluation/1";

/// One evaluation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// See [`SCHEMA`].
    pub(crate) schema: String,
    /// What is evaluated: a suite, a manifest, or the names of captures.
    pub(crate) title: String,
    /// Where, when and with what it ran.
    pub(crate) setting: Setting,
    /// The flag that was swept over, if any: `sources`.
    pub(crate) sweep: Option<Sweep>,
    /// One entry a subject, group of settings and swept value.
    pub(crate) rows: Vec<Row>,
    /// Share of tracked invariants against the formula.
    pub(crate) sampling: Vec<SamplingPoint>,
    /// Sketch against exact counts.
    pub(crate) sketches: Vec<SketchPoint>,
    /// Keys by prevalence and dispersion.
    pub(crate) maps: Vec<DispersionMap>,
    /// Infected share when a monitored prefix has seen so many sources.
    pub(crate) detection_rule: Vec<RulePoint>,
    /// Signatures on real captures without worms, by thresholds.
    pub(crate) benign: Vec<BenignCount>,
    /// What an isolation list does to an epidemic.
    #[serde(default)]
    pub(crate) isolation: Vec<IsolationRow>,
}

/// Where, when and with what an evaluation ran.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Setting {
    /// Version and kernel of the engine.
    pub(crate) tool: String,
    /// The command line.
    pub(crate) command: String,
    /// RFC 3339.
    pub(crate) started: String,
    /// Processor, cores and memory.
    pub(crate) machine: String,
    /// Threads in use.
    pub(crate) threads: usize,
    /// How long it took, seconds.
    pub(crate) seconds: f64,
    /// The effective configuration, TOML.
    pub(crate) config: String,
    /// Seeds of the generated scenarios.
    pub(crate) seeds: Vec<u64>,
    /// Every file that was read.
    pub(crate) inputs: Vec<Input>,
}

/// A file that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Input {
    /// Its name.
    pub(crate) name: String,
    /// Its length in bytes.
    pub(crate) bytes: u64,
    /// Packets read.
    pub(crate) packets: u64,
    /// SHA-256 of the file, hexadecimal.
    pub(crate) sha256: String,
}

/// A setting that takes several values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// Its name as in the configuration.
    pub(crate) key: String,
    /// Its values in order, as written.
    pub(crate) values: Vec<String>,
}

/// What kind of subject a row is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Subject {
    /// A generated story of something that spreads.
    #[default]
    Worm,
    /// A generated story of something that does not.
    Benign,
    /// A capture with a truth file.
    Labelled,
    /// A capture that is known to hold nothing that spreads.
    Clean,
}

/// All runs of one subject under one group of settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// Name of the scenario or capture.
    pub(crate) name: String,
    /// What it is, in one line.
    pub(crate) summary: String,
    /// What it is meant to defeat.
    pub(crate) defeats: String,
    /// What kind of subject it is.
    pub(crate) subject: Subject,
    /// Settings that differ from [`Setting::config`], TOML; empty for none.
    pub(crate) settings: String,
    /// Whether the tap sees all that the scenario's hosts send.
    #[serde(default)]
    pub(crate) sees_all: bool,
    /// Whether it is asked only to be found: of a worm that evades the sensor on purpose, the
    /// readers that make the reference see less than the receivers.
    #[serde(default)]
    pub(crate) found_only: bool,
    /// The swept value, where there is a sweep.
    pub(crate) swept: Option<String>,
    /// The dispersion alarm.
    pub(crate) dispersion: AlarmResult,
    /// The propagation alarm.
    pub(crate) propagation: AlarmResult,
    /// Whichever alarm came first, about whichever content.
    #[serde(default)]
    pub(crate) first: AlarmResult,
    /// Whether all is as expected.
    pub(crate) as_expected: bool,
    /// False signatures a run.
    pub(crate) false_signatures: Estimate,
    /// Benign packets that a signature matches on held-out captures, a run.
    pub(crate) benign_packets_matched: Option<Estimate>,
    /// Share of invariant bytes that true signatures cover.
    pub(crate) recall: Option<Estimate>,
    /// Share of the bytes of true signatures that are invariant.
    pub(crate) precision: Option<Estimate>,
    /// Runs in which the content is the invariant byte for byte, and runs that found a
    /// content with one invariant piece.
    #[serde(default)]
    pub(crate) exact: [u64; 2],
    /// Most bytes by which it is too short or too long at either end.
    #[serde(default)]
    pub(crate) edge_bytes: Option<u64>,
    /// Share of the worm's packets (over TCP: flows) that the exported rules hit.
    #[serde(default)]
    pub(crate) rules_hit: Option<Estimate>,
    /// Packets of held-out captures that the rules of true signatures hit, in all runs,
    /// and packets that these held.
    #[serde(default)]
    pub(crate) rules_hit_benign: Option<[u64; 2]>,
    /// Hosts and first sightings of true signatures against the truth.
    #[serde(default)]
    pub(crate) counted: CountedRow,
    /// Incidents, and what was expected of them.
    #[serde(default)]
    pub(crate) incidents: IncidentsRow,
    /// When its worm was high.
    #[serde(default)]
    pub(crate) high: HighRow,
    /// Hosts confirmed for isolation in all runs, and those of them not infected.
    #[serde(default)]
    pub(crate) confirmed: [u64; 2],
    /// Why the rules, or the edges of the content, are not good enough; empty where they
    /// are.
    #[serde(default)]
    pub(crate) rules_wrong: String,
    /// Packets a run.
    pub(crate) packets: Estimate,
    /// Most bytes that the sensor's tables and stores held.
    pub(crate) memory_bytes: u64,
    /// Captured bytes a second through the sensor, one thread, median of the runs.
    pub(crate) bytes_per_second: f64,
    /// The runs, by seed.
    pub(crate) runs: Vec<Run>,
}

/// How one alarm did over the runs of a row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct AlarmResult {
    /// What was expected: `fires`, `silent` or `open`; empty where nothing was.
    pub(crate) expected: String,
    /// Why it cannot fire, or what decides.
    pub(crate) reason: String,
    /// Runs in which every planted content was found by this alarm, and all runs.
    pub(crate) detected: u64,
    /// All runs.
    pub(crate) runs: u64,
    /// 95 % interval of the detection rate (Wilson).
    pub(crate) rate_interval: [f64; 2],
    /// Seconds from the content's first packet to the signature.
    pub(crate) seconds: Option<Estimate>,
    /// Packets that had carried it by then.
    pub(crate) packets: Option<Estimate>,
    /// Hosts infected by then.
    pub(crate) infected: Option<Estimate>,
    /// The same as a share of the vulnerable hosts.
    pub(crate) infected_share: Option<Estimate>,
}

/// One run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    /// The scenario's seed; 0 for a capture.
    pub(crate) seed: u64,
    /// Packets sifted.
    pub(crate) packets: u64,
    /// Captured bytes sifted.
    pub(crate) bytes: u64,
    /// Found by dispersion, when all contents were.
    pub(crate) dispersion: Option<Found>,
    /// Found by propagation, when all contents were.
    pub(crate) propagation: Option<Found>,
    /// The first of the contents found, by either.
    #[serde(default)]
    pub(crate) first: Option<Found>,
    /// Recall over all contents, and precision over those that were found, where any was.
    pub(crate) recall: Option<f64>,
    /// See `recall`.
    pub(crate) precision: Option<f64>,
    /// Signatures that are about nothing planted.
    pub(crate) false_signatures: Vec<FalseSignature>,
    /// Benign packets that its signatures match on held-out captures.
    pub(crate) benign_packets_matched: Option<u64>,
    /// The same of true signatures alone, and packets that those captures hold.
    #[serde(default)]
    pub(crate) rules_hit_benign: Option<[u64; 2]>,
    /// Packets (over TCP: flows) of the worm that the rules of true signatures hit, and all
    /// of them; `None` when nothing was found.
    #[serde(default)]
    pub(crate) rules_hit: Option<[u64; 2]>,
    /// How the contents lie on the invariants, where each has one piece and was found: the
    /// greatest error in bytes, and whether all are exact.
    #[serde(default)]
    pub(crate) edges: Option<(u64, bool)>,
    /// The hosts and the first sighting of each true signature beside the truth.
    #[serde(default)]
    pub(crate) counted: Vec<Counted>,
    /// Its incidents, and what was expected of them.
    #[serde(default)]
    pub(crate) incidents: RunIncidents,
    /// When its worm was high.
    #[serde(default)]
    pub(crate) high: Option<HighAt>,
    /// Hosts confirmed for isolation, and those of them not infected.
    #[serde(default)]
    pub(crate) confirmed: [u64; 2],
    /// Whether some content has several invariant pieces.
    #[serde(default)]
    pub(crate) polymorphic: bool,
    /// Vulnerable hosts.
    pub(crate) vulnerable: u64,
    /// (seconds since the first infection, hosts infected by then), thinned out to
    /// at most 100 points.
    pub(crate) growth: Vec<[f64; 2]>,
    /// The sensor's memory, bytes.
    pub(crate) memory_bytes: u64,
    /// Seconds of work, one thread.
    pub(crate) seconds: f64,
    /// Hash of the generated frames, hexadecimal XXH3-64.
    pub(crate) frames_hash: String,
}

/// When a content was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Found {
    /// Seconds from the content's first packet.
    pub(crate) seconds: f64,
    /// Packets that had carried it.
    pub(crate) packets: u64,
    /// Hosts infected.
    pub(crate) infected: u64,
    /// Seconds since the first infection, to mark on the growth curve.
    pub(crate) at: f64,
}

/// A signature about nothing planted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct FalseSignature {
    /// Its id.
    pub(crate) id: String,
    /// `dispersion` or `propagation`.
    pub(crate) alarm: String,
    /// Protocol and port: `tcp/80`.
    pub(crate) service: String,
    /// The first 256 bytes, hexadecimal.
    pub(crate) content_hex: String,
    /// Its whole length.
    pub(crate) length: usize,
    /// Sources and destinations.
    pub(crate) sources: u32,
    /// See `sources`.
    pub(crate) destinations: u32,
}

/// Tracked share of invariants of one length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SamplingPoint {
    /// Invariant length, bytes.
    pub(crate) length: usize,
    /// The formula, 1-(1-f)^(x-beta+1).
    pub(crate) expected: f64,
    /// The share measured.
    pub(crate) tracked: f64,
    /// Its 95 % interval.
    pub(crate) interval: [f64; 2],
    /// Bodies tried.
    pub(crate) trials: u64,
}

/// One key: what the sketches said, and what was true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SketchPoint {
    /// Exact hosts of one side.
    pub(crate) exact: u32,
    /// The dispersion estimate of that side.
    pub(crate) estimate: u32,
    /// Keys with these two numbers.
    pub(crate) keys: u64,
}

/// How many keys are how prevalent and how dispersed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct DispersionMap {
    /// The subject.
    pub(crate) name: String,
    /// Cells that are not empty: log2 of sightings, log2 of the smaller of sources
    /// and destinations, keys there, those of planted content among them.
    pub(crate) cells: Vec<MapCell>,
}

/// A cell of a [`DispersionMap`]: lower bounds are powers of two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MapCell {
    /// floor(log2(sightings)).
    pub(crate) sightings_log2: u32,
    /// floor(log2(min(sources, destinations))).
    pub(crate) dispersion_log2: u32,
    /// Keys of nothing planted.
    pub(crate) ordinary: u64,
    /// Keys of planted content.
    pub(crate) planted: u64,
}

/// When a monitored prefix has seen enough sources.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct RulePoint {
    /// The worm's name.
    pub(crate) worm: String,
    /// Length of the monitored prefix.
    pub(crate) prefix_bits: u8,
    /// Distinct sources asked for.
    pub(crate) sources: u32,
    /// Infected share by the numerical model.
    pub(crate) expected: f64,
    /// Infected share over the simulated epidemics.
    pub(crate) simulated: Estimate,
    /// Seconds from the start over the simulated epidemics.
    pub(crate) seconds: Estimate,
}

/// Signatures at some thresholds on captures without worms.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct BenignCount {
    /// What was sifted.
    pub(crate) name: String,
    /// `30 x 30`, or `propagation`.
    pub(crate) thresholds: String,
    /// The signatures.
    pub(crate) signatures: Vec<FalseSignature>,
}
