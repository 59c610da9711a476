//! Record of what mutes a finding.

use super::LineError;
use super::texts::Time;
use crate::mute::Muted;
use serde::{Deserialize, Serialize};

/// The entry of the file of mutes that holds for a finding.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "muted"))]
pub(super) struct MutedRecord {
    /// The id, or the bytes in hexadecimal, that it names.
    entry: String,
    reason: String,
    /// Its end; null without one.
    until: Option<Time>,
}

impl From<&Muted> for MutedRecord {
    fn from(muted: &Muted) -> Self {
        Self {
            entry: muted.entry.clone(),
            reason: muted.reason.clone(),
            until: muted.until.map(Time::from),
        }
    }
}

impl TryFrom<MutedRecord> for Muted {
    type Error = LineError;

    fn try_from(record: MutedRecord) -> Result<Self, LineError> {
        let until = record.until.map(|time| time.read("until")).transpose()?;
        Ok(Self { entry: record.entry, reason: record.reason, until })
    }
}
