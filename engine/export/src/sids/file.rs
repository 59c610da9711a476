//! The registry of numbers as JSON, strictly read.
//!
//! `{"schema", "base", "count", "numbers"}`: the range, and each number that was ever given
//! out, in ascending order, as `{"sid", "rev", "id", "content", "left_at"}`. `id` and
//! `content` (XXH3-64, 16 hex digits) are null where the signature has another number by
//! now; `left_at` is null while a rule in the file has the number. Version 1, which knew
//! no ranges and no times, is read as if all its rules were in the file.

use super::{Number, Owner, SidError, SidRange, SidRegistry};
use crate::json_lines::read_time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the JSON form.
pub(super) const SCHEMA: &str = "wormsift-sids/2";
/// The one before it.
const SCHEMA_1: &str = "wormsift-sids/1";
/// What version 1 gave out.
const RANGE_1: SidRange = SidRange { base: 1_500_000, count: 500_000 };

#[derive(Deserialize)]
struct Head {
    schema: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    schema: String,
    base: u32,
    count: u32,
    numbers: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    sid: u32,
    rev: u32,
    id: Option<String>,
    content: Option<String>,
    left_at: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form1 {
    #[serde(rename = "schema")]
    _schema: String,
    next: u32,
    given: BTreeMap<String, Given1>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given1 {
    sid: u32,
    rev: u32,
    content: String,
}

impl SidRegistry {
    /// Reads what [`SidRegistry::to_json`] wrote, or version 1.
    ///
    /// # Errors
    ///
    /// When it is not a registry, or one in which a number or a signature stands twice.
    pub fn from_json(text: &str) -> Result<Self, SidError> {
        let json = |error: serde_json::Error| SidError::Json(error.to_string());
        let head: Head = serde_json::from_str(text).map_err(json)?;
        let form = match head.schema.as_str() {
            SCHEMA => serde_json::from_str(text).map_err(json)?,
            SCHEMA_1 => of_1(serde_json::from_str(text).map_err(json)?)?,
            _ => return Err(SidError::Schema(head.schema)),
        };
        let range = SidRange::new(form.base, form.count)
            .ok_or(SidError::Range(form.base, form.count))?;
        let mut registry = Self::default();
        let mut before = 0;
        for entry in form.numbers {
            let sid = entry.sid;
            let wrong = |reason| SidError::Number(sid, reason);
            if sid <= before {
                return Err(wrong("stands twice, is 0 or is out of order"));
            }
            before = sid;
            if entry.rev == 0 {
                return Err(wrong("has revision 0"));
            }
            let owner = match (entry.id, entry.content) {
                (Some(id), Some(content)) => {
                    let content = hash(&content)
                        .ok_or_else(|| wrong("its `content` is no hash"))?;
                    if registry.by_id.insert(id.clone(), sid).is_some() {
                        return Err(wrong("its signature has another number too"));
                    }
                    Some(Owner { id, content })
                }
                (None, None) => None,
                _ => {
                    return Err(wrong("has one of `id` and `content` without the other"));
                }
            };
            let left_at = match &entry.left_at {
                Some(text) => Some(
                    read_time(text).ok_or_else(|| wrong("its `left_at` is no time"))?,
                ),
                None if owner.is_none() => {
                    return Err(wrong("has neither a signature nor a time"));
                }
                None => None,
            };
            registry.numbers.insert(sid, Number { rev: entry.rev, owner, left_at });
        }
        registry.set_range(range);
        Ok(registry)
    }

    /// The registry as JSON.
    pub fn to_json(&self) -> String {
        let entry = |(sid, number): (&u32, &Number)| {
            let owner = number.owner.as_ref();
            Entry {
                sid: *sid,
                rev: number.rev,
                id: owner.map(|it| it.id.clone()),
                content: owner.map(|it| format!("{:016x}", it.content)),
                left_at: number.left_at.map(|time| time.to_string()),
            }
        };
        let form = Form {
            schema: SCHEMA.to_owned(),
            base: self.range.base,
            count: self.range.count,
            numbers: self.numbers.iter().map(entry).collect(),
        };
        // Plain strings and numbers: there is nothing that could fail.
        let mut text = serde_json::to_string_pretty(&form).unwrap_or_default();
        text.push('\n');
        text
    }
}

/// Version 1 in the form of today.
fn of_1(form: Form1) -> Result<Form, SidError> {
    let mut numbers: Vec<Entry> = form
        .given
        .into_iter()
        .map(|(id, it)| Entry {
            sid: it.sid,
            rev: it.rev,
            id: Some(id),
            content: Some(it.content),
            left_at: None,
        })
        .collect();
    numbers.sort_by_key(|entry| entry.sid);
    match numbers.last().filter(|entry| entry.sid >= form.next) {
        Some(entry) => Err(SidError::Number(entry.sid, "is beyond the next one")),
        None => Ok(Form {
            schema: SCHEMA.to_owned(),
            base: RANGE_1.base,
            count: RANGE_1.count,
            numbers,
        }),
    }
}

fn hash(text: &str) -> Option<u64> {
    let is_hex = text.bytes().all(|b| b.is_ascii_hexdigit());
    (text.len() == 16 && is_hex).then(|| u64::from_str_radix(text, 16).ok()).flatten()
}
