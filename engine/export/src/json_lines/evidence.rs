//! Record of the evidence of a signature, as a line holds it.

use super::LineError;
use super::texts::AlarmName;
use serde::{Deserialize, Serialize};
use wormsift::signature::{Evidence, Growth, Handshakes, Load, Nearest, PassingOn, View};

/// What the signature rests on.
// All after `reasons` is missing in the oldest lines.
#[derive(Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "evidence")
)]
pub(super) struct EvidenceRecord {
    /// Windows that alarmed.
    keys: u64,
    /// All that fired.
    alarms: Vec<AlarmName>,
    /// Different byte values of the content.
    #[cfg_attr(feature = "schema", schemars(range(max = 256)))]
    distinct_bytes: u32,
    /// Why the confidence is what it is, a sentence each.
    reasons: Vec<String>,
    /// Fit of the number of sources over time; null where times are too few.
    #[serde(default)]
    growth: Option<GrowthRecord>,
    #[serde(default)]
    handshake: HandshakeRecord,
    #[serde(default)]
    view: ViewRecord,
    #[serde(default)]
    load: LoadRecord,
    #[serde(default)]
    nearest: Option<NearestRecord>,
    /// Packets that came again from another source: seen on both sides of an address
    /// translator.
    #[serde(default)]
    translated: u32,
    // It follows from the relays and is not read.
    #[serde(skip_deserializing)]
    passing_on: PassingOnRecord,
}

/// What the relays did; what is not known of them is counted apart.
#[derive(Default, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "passing_on")
)]
struct PassingOnRecord {
    /// Length of the longest chain of relays, each of which received the content from the
    /// one before.
    generations: u32,
    /// Relays of which it is not known who sent them the content.
    sender_unknown: u32,
    /// Hosts that relays began to talk to after they had received the content.
    new_targets: u32,
    /// Hosts that they had talked to before.
    known_targets: u32,
    /// Hosts of which neither is known.
    target_unknown: u32,
    /// Relays that began their first conversation at this port after they had received it.
    turned: u32,
    /// Relays that had begun one before.
    had_begun: u32,
    /// Relays of which neither is known.
    began_unknown: u32,
    /// Conversations that relays began at this port.
    conversations_begun: u32,
    /// Of them, those that were not answered by then, or refused.
    conversations_unanswered: u32,
    /// Relays of which neither is known.
    conversations_unknown: u32,
    /// Relays of which it is shown that their addresses were not forged.
    relays_proven: u32,
    /// Relays that are decoys.
    decoys: u32,
}

impl From<PassingOn> for PassingOnRecord {
    fn from(it: PassingOn) -> Self {
        Self {
            generations: it.generations,
            sender_unknown: it.sender_unknown,
            new_targets: it.new_targets,
            known_targets: it.known_targets,
            target_unknown: it.target_unknown,
            turned: it.turned,
            had_begun: it.began_before,
            began_unknown: it.began_unknown,
            conversations_begun: it.begun,
            conversations_unanswered: it.unanswered,
            conversations_unknown: it.begun_unknown,
            relays_proven: it.proven,
            decoys: it.decoys,
        }
    }
}

/// Exponential growth of the number of sources.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "growth"))]
pub struct GrowthRecord {
    /// Of the exponential; its doubling time is ln 2 by it.
    pub rate_per_second: f64,
    /// Time in which the sources double.
    pub doubling_seconds: f64,
    /// Of the rate, per second.
    pub standard_error: f64,
    /// Distinct times that the line was laid through.
    pub points: u64,
}

/// Listed sources over TCP by what came back to them.
#[derive(Default, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "handshake")
)]
struct HandshakeRecord {
    /// Were answered.
    answered: u32,
    /// Were not, though the tap sees answers.
    unanswered: u32,
    /// Neither can be said.
    unknown: u32,
}

/// Which TCP directions the tap saw get answers.
#[derive(Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "view"))]
struct ViewRecord {
    // It follows from the counts.
    /// Whether the tap sees both directions of its conversations.
    two_way: bool,
    /// Seen.
    directions: u64,
    /// Of them.
    answered: u64,
}

/// Load of the sensor at the alarm: shares of 0 to 1, in thousandths.
#[derive(Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "load"))]
struct LoadRecord {
    /// Of the counters.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    prevalence_fill: f64,
    /// Of the bitmaps.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    dispersion_fill: f64,
}

/// The boilerplate that covers most of the content; null where none does.
#[derive(Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "nearest")
)]
struct NearestRecord {
    /// Their file.
    literals: String,
    /// Covered.
    bytes: u64,
}

impl From<Growth> for GrowthRecord {
    fn from(growth: Growth) -> Self {
        Self {
            rate_per_second: growth.rate_per_second,
            doubling_seconds: growth.doubling_seconds,
            standard_error: growth.standard_error,
            points: growth.points,
        }
    }
}

impl From<GrowthRecord> for Growth {
    fn from(record: GrowthRecord) -> Self {
        Self {
            rate_per_second: record.rate_per_second,
            doubling_seconds: record.doubling_seconds,
            standard_error: record.standard_error,
            points: record.points,
        }
    }
}

impl From<&Evidence> for EvidenceRecord {
    fn from(evidence: &Evidence) -> Self {
        let Evidence { handshakes, view, load, .. } = evidence;
        let nearest = evidence.nearest.as_ref().map(|nearest| NearestRecord {
            literals: nearest.literals.clone(),
            bytes: nearest.bytes,
        });
        Self {
            keys: evidence.keys,
            alarms: evidence.alarms.iter().map(|alarm| (*alarm).into()).collect(),
            distinct_bytes: evidence.distinct_bytes,
            reasons: evidence.reasons.clone(),
            growth: evidence.growth.map(GrowthRecord::from),
            handshake: HandshakeRecord {
                answered: handshakes.answered,
                unanswered: handshakes.unanswered,
                unknown: handshakes.unknown,
            },
            view: ViewRecord {
                two_way: view.is_two_way(),
                directions: view.directions,
                answered: view.answered,
            },
            load: LoadRecord {
                prevalence_fill: f64::from(load.prevalence) / 1_000.0,
                dispersion_fill: f64::from(load.dispersion) / 1_000.0,
            },
            nearest,
            translated: evidence.translated,
            passing_on: evidence.passing_on.into(),
        }
    }
}

impl TryFrom<EvidenceRecord> for Evidence {
    type Error = LineError;

    fn try_from(record: EvidenceRecord) -> Result<Self, LineError> {
        let HandshakeRecord { answered, unanswered, unknown } = record.handshake;
        let alarms = record.alarms.iter().map(|alarm| alarm.read("alarms"));
        Ok(Self {
            keys: record.keys,
            alarms: alarms.collect::<Result<_, _>>()?,
            distinct_bytes: record.distinct_bytes,
            reasons: record.reasons,
            growth: record.growth.map(Growth::from),
            handshakes: Handshakes { answered, unanswered, unknown },
            view: View {
                directions: record.view.directions,
                answered: record.view.answered,
            },
            load: Load::of_shares(
                record.load.prevalence_fill,
                record.load.dispersion_fill,
            ),
            translated: record.translated,
            // Whoever has the relays fills it in.
            passing_on: PassingOn::default(),
            nearest: record.nearest.map(|nearest| Nearest {
                literals: nearest.literals,
                bytes: nearest.bytes,
            }),
        })
    }
}
