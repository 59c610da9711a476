//! Findings as JSON lines, and back.
//!
//! One line is one JSON object with `schema` ([`SCHEMA`]) and `type`: `signature`,
//! `update` or `summary`, `incident` for what belongs together, and `decoy` for what a decoy started. Within a schema version, fields are only added, never
//! renamed or dropped, and a reader skips those that it does not know. A key has one JSON
//! type, null aside, wherever it stands in lines of any type. What each field says stands in
//! `engine/export/schema/wormsift-2.schema.json`, the JSON Schema of these and all other
//! lines, which is derived from the types that are written. Findings of version 1 are read
//! too.
//!
//! Everything named `inside` is null where `home_net` is not set.

mod decoy;
mod event;
mod evidence;
mod incident;
mod muted;
mod population;
mod record;
#[cfg(feature = "schema")]
pub mod schema;
mod texts;
mod wave;

use crate::mute::Muted;
pub use decoy::{read_decoy, write_decoy};
pub use event::{read_event, write_event};
pub use evidence::GrowthRecord;
pub use incident::{
    read_incident, read_marked_incident, write_incident, write_marked_incident,
};
use record::Record;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt;
pub(super) use texts::read_time;
pub use texts::{
    Address, AlarmName, GradeName, Hex, HostsMethodName, Id, KindName, PrecisionName,
    Protocol, Time,
};
pub use wave::{read_wave, write_wave};
use wormsift::signature::Finding;

/// The schema and its version, on every line that is written.
pub const SCHEMA: &str = "wormsift/2";
/// The version before it, which is read.
const SCHEMA_1: &str = "wormsift/1";

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineError {
    /// It is not a JSON object of the expected shape; the parser's word, with the
    /// column.
    Json(String),
    /// It is of another schema or version, named here.
    Schema(String),
    /// A field's value cannot be read.
    Field {
        /// The field's name.
        name: &'static str,
        /// What stands there.
        value: String,
    },
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(reason) => write!(f, "not a {SCHEMA} line: {reason}"),
            Self::Schema(found) => write!(f, "expected schema {SCHEMA}, found {found}"),
            Self::Field { name, value } => {
                write!(f, "field `{name}`: cannot read `{value}`")
            }
        }
    }
}

impl std::error::Error for LineError {}

/// Types of the lines of findings.
const KINDS: [&str; 3] = ["signature", "update", "summary"];

// Every line: what all have, and what those of its type have.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "{T}"))]
struct Line<'a, T> {
    #[cfg_attr(feature = "schema", schemars(extend("const" = SCHEMA)))]
    schema: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    content: &'a T,
}

/// A line of this type and content, without the line feed.
///
/// # Errors
///
/// When the content cannot be written as a JSON object.
pub fn line(kind: &'static str, content: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string(&Line { schema: SCHEMA, kind, content })
}

/// One finding as one line, without the line feed.
pub fn write(finding: &Finding) -> String {
    write_marked(finding, None)
}

/// The same, with what mutes it.
pub fn write_marked(finding: &Finding, muted: Option<&Muted>) -> String {
    let kind = match finding {
        Finding::Signature(_) => "signature",
        Finding::Update(_) => "update",
        Finding::Summary(_) => "summary",
    };
    // Plain strings, numbers and lists: there is nothing that could fail.
    let mut record = Record::from(finding.signature());
    record.muted = muted.map(Into::into);
    line(kind, &record).unwrap_or_default()
}

/// Reads one line of a finding; `None` for a line of another type (`incident`, `stats`, `warning`, and
/// what later writers of this schema add).
///
/// # Errors
///
/// When the line is not JSON, of another schema, or has a field that cannot be
/// read.
pub fn read(line: &str) -> Result<Option<Finding>, LineError> {
    Ok(read_marked(line)?.map(|(finding, _)| finding))
}

/// The same, with what the line says that mutes it.
///
/// # Errors
///
/// As [`read`].
pub fn read_marked(line: &str) -> Result<Option<(Finding, Option<Muted>)>, LineError> {
    let json = |error: serde_json::Error| LineError::Json(error.to_string());
    let head: Head = serde_json::from_str(line).map_err(json)?;
    if ![SCHEMA, SCHEMA_1].contains(&&*head.schema) {
        return Err(LineError::Schema(head.schema));
    }
    if !KINDS.contains(&&*head.kind) {
        return Ok(None);
    }
    let mut record: Record = serde_json::from_str(line).map_err(json)?;
    let muted = record.muted.take().map(Muted::try_from).transpose()?;
    let signature = record.try_into()?;
    let finding = match &*head.kind {
        "signature" => Finding::Signature(signature),
        "update" => Finding::Update(signature),
        _ => Finding::Summary(signature),
    };
    Ok(Some((finding, muted)))
}

/// The record of a line of type `kind` of the schema that is written; `None` for a line of
/// another type.
fn record_of<T: DeserializeOwned>(
    line: &str,
    kind: &str,
) -> Result<Option<T>, LineError> {
    let json = |error: serde_json::Error| LineError::Json(error.to_string());
    let head: Head = serde_json::from_str(line).map_err(json)?;
    if head.kind != kind {
        return Ok(None);
    }
    if head.schema != SCHEMA {
        return Err(LineError::Schema(head.schema));
    }
    serde_json::from_str(line).map(Some).map_err(json)
}

/// What every line of the schema has.
#[derive(Deserialize)]
struct Head {
    schema: String,
    #[serde(rename = "type")]
    kind: String,
}

#[cfg(test)]
mod tests;
