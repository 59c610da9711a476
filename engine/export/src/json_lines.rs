//! Findings as JSON lines, and back.
//!
//! One line is one JSON object with `schema` ([`SCHEMA`]) and `type`: `signature`,
//! `update` or `summary`. Within a schema version, fields are only added, never
//! renamed or dropped, and a reader skips those that it does not know. A key has one JSON
//! type, null aside, wherever it stands in lines of any type. A JSON Schema of these and
//! all other lines is `engine/export/schema/wormsift-2.schema.json`. Lines of version 1, whose
//! schema is beside it, are read too.
//!
//! | field | what |
//! |---|---|
//! | `id` | 32 hex digits, see [`signature_id`](wormsift::signature::signature_id) |
//! | `alarm` | `dispersion` or `propagation`, whichever fired first |
//! | `confidence` | `low`, `medium` or `high` |
//! | `protocol` | lower-case name, or the number as text |
//! | `port`, `port_rule` | number or null; `destination`, `source`, `service` or `none` |
//! | `content_hex`, `length`, `ascii` | the content; its bytes; with `.` for the unprintable |
//! | `tokens_hex` | the strings that must all occur, the content among them |
//! | `tokens_ordered` | whether they followed each other in this order in every sample |
//! | `packets`, `sources`, `destinations` | integers; hosts since `first_seen` |
//! | `sources_precision`, `destinations_precision`, `spread_precision` | `exact`; `about`: an estimate, standard error 2.3 % (each fan-out in a spread: up to 4.6 %); `at_least`: so many and others |
//! | `source_list`, `destination_list` | up to 64 exact addresses in numeric order |
//! | `spread`, `relays` | sum of fan-outs; {`host`, `received_at`, `sent_at`, `fan_out`, `inside`} |
//! | `first_seen`, `last_seen`, `detected_at` | RFC 3339, UTC, nanoseconds |
//! | `first_sighting` | the first packet known to hold it: {`packet`, `time`, `source`, `destination`, `source_port`, `destination_port`, `certain`}; not certain: an earlier one may have been forgotten |
//! | `evidence` | {`keys`, `alarms`, `distinct_bytes`, `reasons`} and the five that follow |
//! | `.growth` | null or {`rate_per_second`, `doubling_seconds`, `standard_error`, `points`} |
//! | `.handshake` | listed sources over TCP: {`answered`, `unanswered`, `unknown`} |
//! | `.view` | {`two_way`, `directions`, `answered`}: TCP directions that the tap saw get answers |
//! | `.load` | shares of 0 to 1, three digits: {`prevalence_fill`, `dispersion_fill`} |
//! | `.nearest` | null or {`literals`, `bytes`}: the boilerplate that covers most of the content |
//! | `samples` | {`packet`, `time`, `source`, `destination`, `source_port`, `destination_port`, `offset`, `payload_length`, `source_inside`, `destination_inside`} |
//! | `v6_prefix` | bits of an IPv6 address that make a host |
//! | `home_net` | the setting: a list of networks, or null where it is not set |
//! | `sources_inside`, `destinations_inside` | how many of the listed lie in `home_net` |
//!
//! Everything named `inside` is null where `home_net` is not set.

mod evidence;
mod record;

use record::Record;
pub(super) use record::read_time;
use serde::{Deserialize, Serialize};
use std::fmt;
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
    if ![SCHEMA, SCHEMA_1].contains(&&*head.schema) {
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
