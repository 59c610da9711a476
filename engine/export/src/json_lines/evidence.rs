//! The shape of what a signature rests on.

use super::LineError;
use super::record::alarm;
use serde::{Deserialize, Serialize};
use wormsift::signature::{Evidence, Growth, Handshakes, Load, Nearest, View};

/// All after `reasons` is missing in the oldest lines.
#[derive(Serialize, Deserialize)]
pub(super) struct EvidenceRecord {
    keys: u64,
    alarms: Vec<String>,
    distinct_bytes: u32,
    reasons: Vec<String>,
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
}

#[derive(Serialize, Deserialize)]
struct GrowthRecord {
    rate_per_second: f64,
    doubling_seconds: f64,
    standard_error: f64,
    points: u64,
}

#[derive(Default, Serialize, Deserialize)]
struct HandshakeRecord {
    answered: u32,
    unanswered: u32,
    unknown: u32,
}

/// `two_way` says nothing that the counts do not.
#[derive(Default, Serialize, Deserialize)]
struct ViewRecord {
    two_way: bool,
    directions: u64,
    answered: u64,
}

/// Shares of 0 to 1, in thousandths.
#[derive(Default, Serialize, Deserialize)]
struct LoadRecord {
    prevalence_fill: f64,
    dispersion_fill: f64,
}

#[derive(Serialize, Deserialize)]
struct NearestRecord {
    literals: String,
    bytes: u64,
}

impl From<&Evidence> for EvidenceRecord {
    fn from(evidence: &Evidence) -> Self {
        let Evidence { handshakes, view, load, .. } = evidence;
        let growth = evidence.growth.map(|growth| GrowthRecord {
            rate_per_second: growth.rate_per_second,
            doubling_seconds: growth.doubling_seconds,
            standard_error: growth.standard_error,
            points: growth.points,
        });
        let nearest = evidence.nearest.as_ref().map(|nearest| NearestRecord {
            literals: nearest.literals.clone(),
            bytes: nearest.bytes,
        });
        Self {
            keys: evidence.keys,
            alarms: evidence.alarms.iter().map(|one| one.name().to_owned()).collect(),
            distinct_bytes: evidence.distinct_bytes,
            reasons: evidence.reasons.clone(),
            growth,
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
        }
    }
}

impl TryFrom<EvidenceRecord> for Evidence {
    type Error = LineError;

    fn try_from(record: EvidenceRecord) -> Result<Self, LineError> {
        let HandshakeRecord { answered, unanswered, unknown } = record.handshake;
        let alarms = record.alarms.iter().map(|name| alarm(name, "alarms"));
        Ok(Self {
            keys: record.keys,
            alarms: alarms.collect::<Result<_, _>>()?,
            distinct_bytes: record.distinct_bytes,
            reasons: record.reasons,
            growth: record.growth.map(|growth| Growth {
                rate_per_second: growth.rate_per_second,
                doubling_seconds: growth.doubling_seconds,
                standard_error: growth.standard_error,
                points: growth.points,
            }),
            handshakes: Handshakes { answered, unanswered, unknown },
            view: View {
                directions: record.view.directions,
                answered: record.view.answered,
            },
            load: Load::of_shares(
                record.load.prevalence_fill,
                record.load.dispersion_fill,
            ),
            nearest: record.nearest.map(|nearest| Nearest {
                literals: nearest.literals,
                bytes: nearest.bytes,
            }),
        })
    }
}
