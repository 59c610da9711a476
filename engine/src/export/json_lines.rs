//! Findings as JSON lines, and back.
//!
//! One line is one JSON object with `schema` ([`SCHEMA`]) and `type`: `signature`,
//! `update` or `summary`. Within a schema version, fields are only added, never
//! renamed or dropped, and a reader skips those that it does not know. A JSON Schema of
//! these and all other lines is `engine/schema/wormsift-1.schema.json`.
//!
//! | field | what |
//! |---|---|
//! | `id` | 32 hex digits, see [`signature_id`](crate::signature::signature_id) |
//! | `alarm` | `dispersion` or `propagation`, whichever fired first |
//! | `confidence` | `low`, `medium` or `high` |
//! | `protocol` | lower-case name, or the number as text |
//! | `port`, `port_rule` | number or null; `destination`, `source`, `service` or `none` |
//! | `content_hex`, `length`, `ascii` | the content; its bytes; with `.` for the unprintable |
//! | `tokens_hex` | the strings that must all occur, the content among them |
//! | `tokens_ordered` | whether they followed each other in this order in every sample |
//! | `packets`, `sources`, `destinations` | integers; the last two are estimates |
//! | `source_list`, `destination_list` | up to 64 exact addresses in numeric order |
//! | `spread`, `relays` | sum of fan-outs; {`host`, `received_at`, `sent_at`, `fan_out`} |
//! | `first_seen`, `last_seen`, `detected_at` | RFC 3339, UTC, nanoseconds |
//! | `evidence` | {`keys`, `alarms`, `distinct_bytes`, `reasons`} and the five that follow |
//! | `.growth` | null or {`rate_per_second`, `doubling_seconds`, `standard_error`, `points`} |
//! | `.handshake` | listed sources over TCP: {`answered`, `unanswered`, `unknown`} |
//! | `.view` | {`two_way`, `directions`, `answered`}: TCP directions that the tap saw get answers |
//! | `.load` | shares of 0 to 1, three digits: {`prevalence_fill`, `dispersion_fill`} |
//! | `.nearest` | null or {`literals`, `bytes`}: the boilerplate that covers most of the content |
//! | `samples` | {`packet`, `time`, `source`, `destination`, `source_port`, `destination_port`, `offset`, `payload_length`} |

mod evidence;
mod record;

use crate::signature::Finding;
use record::Record;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The schema and its version, on every line.
pub const SCHEMA: &str = "wormsift/1";

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

/// One finding as one line, without the line feed.
pub fn write(finding: &Finding) -> String {
    let kind = match finding {
        Finding::Signature(_) => Kind::Signature,
        Finding::Update(_) => Kind::Update,
        Finding::Summary(_) => Kind::Summary,
    };
    let line =
        Line { schema: SCHEMA.to_owned(), kind, record: finding.signature().into() };
    // Plain strings, numbers and lists: there is nothing that could fail.
    serde_json::to_string(&line).unwrap_or_default()
}

/// Reads one line; `None` for a line of another type (`stats`, `warning`, and
/// what later writers of this schema add).
///
/// # Errors
///
/// When the line is not JSON, of another schema, or has a field that cannot be
/// read.
pub fn read(line: &str) -> Result<Option<Finding>, LineError> {
    let json = |error: serde_json::Error| LineError::Json(error.to_string());
    let head: Head = serde_json::from_str(line).map_err(json)?;
    if head.schema != SCHEMA {
        return Err(LineError::Schema(head.schema));
    }
    if !Kind::NAMES.contains(&&*head.kind) {
        return Ok(None);
    }
    let line: Line = serde_json::from_str(line).map_err(json)?;
    let signature = line.record.try_into()?;
    Ok(Some(match line.kind {
        Kind::Signature => Finding::Signature(signature),
        Kind::Update => Finding::Update(signature),
        Kind::Summary => Finding::Summary(signature),
    }))
}

/// What every line of the schema has.
#[derive(Deserialize)]
struct Head {
    schema: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Serialize, Deserialize)]
struct Line {
    schema: String,
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(flatten)]
    record: Record,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Signature,
    Update,
    Summary,
}

impl Kind {
    const NAMES: [&str; 3] = ["signature", "update", "summary"];
}

#[cfg(test)]
mod tests;
