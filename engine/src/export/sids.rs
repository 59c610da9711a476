//! Which number does a signature's rule have?
//!
//! An IDS refuses a file with one number twice, and analysts quote numbers; so a
//! number, once given to a content, is its own for good, and never comes from a hash.
//! The registry is JSON, for the caller to keep.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The version of the JSON form.
const SCHEMA: &str = "wormsift-sids/1";

/// The first number that is given out: in the range for local rules (1,000,000 to
/// 1,999,999), away from where people begin by hand.
const FIRST: u32 = 1_500_000;
/// The last one.
const LAST: u32 = 1_999_999;

/// A rule's number and revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sid {
    /// The number.
    pub sid: u32,
    /// From 1 on; raised when the rule's content changes.
    pub rev: u32,
}

/// Numbers by signature id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SidRegistry {
    schema: String,
    next: u32,
    given: BTreeMap<String, Given>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    sid: u32,
    rev: u32,
    /// XXH3-64 of the content as of this revision, hexadecimal.
    content: String,
}

/// What is wrong with a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SidError {
    /// Not JSON of the expected shape; the parser's word.
    Json(String),
    /// Of another schema or version, named here.
    Schema(String),
    /// One number given twice, or a number not yet given.
    Number(u32),
    /// All numbers of the range are given.
    Exhausted,
}

impl fmt::Display for SidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(reason) => write!(f, "not a {SCHEMA} registry: {reason}"),
            Self::Schema(found) => write!(f, "expected schema {SCHEMA}, found {found}"),
            Self::Number(sid) => {
                write!(f, "sid {sid} is given twice, or beyond the next one")
            }
            Self::Exhausted => write!(f, "all sids from {FIRST} to {LAST} are given"),
        }
    }
}

impl std::error::Error for SidError {}

impl Default for SidRegistry {
    fn default() -> Self {
        Self { schema: SCHEMA.to_owned(), next: FIRST, given: BTreeMap::new() }
    }
}

impl SidRegistry {
    /// Reads what [`SidRegistry::to_json`] wrote.
    ///
    /// # Errors
    ///
    /// When it is not a registry, or one in which a number stands twice.
    pub fn from_json(text: &str) -> Result<Self, SidError> {
        let registry: Self = serde_json::from_str(text)
            .map_err(|error| SidError::Json(error.to_string()))?;
        if registry.schema != SCHEMA {
            return Err(SidError::Schema(registry.schema));
        }
        let mut sids: Vec<u32> = registry.given.values().map(|given| given.sid).collect();
        sids.sort_unstable();
        let twice = sids.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
        let outside = sids.last().copied().filter(|sid| *sid >= registry.next);
        match twice.or(outside) {
            Some(sid) => Err(SidError::Number(sid)),
            None => Ok(registry),
        }
    }

    /// The registry as JSON.
    pub fn to_json(&self) -> String {
        // Plain strings and numbers: there is nothing that could fail.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The number of the signature with this id: its own if it has one, of a new
    /// revision if its content has changed since, else the next one.
    ///
    /// # Errors
    ///
    /// When all numbers are given.
    pub fn assign(&mut self, id: &str, content: &[u8]) -> Result<Sid, SidError> {
        let content = format!("{:016x}", xxhash_rust::xxh3::xxh3_64(content));
        if let Some(given) = self.given.get_mut(id) {
            if given.content != content {
                given.rev += 1;
                given.content = content;
            }
            return Ok(Sid { sid: given.sid, rev: given.rev });
        }
        if self.next > LAST {
            return Err(SidError::Exhausted);
        }
        let sid = Sid { sid: self.next, rev: 1 };
        self.next += 1;
        self.given.insert(id.to_owned(), Given { sid: sid.sid, rev: sid.rev, content });
        Ok(sid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_stays_and_its_revision_follows_the_content() {
        let mut registry = SidRegistry::default();
        let first = registry.assign("a", b"one").unwrap();
        assert_eq!(first, Sid { sid: FIRST, rev: 1 });
        assert_eq!(registry.assign("b", b"one").unwrap().sid, FIRST + 1);
        let mut read = SidRegistry::from_json(&registry.to_json()).unwrap();
        assert_eq!(read, registry);
        assert_eq!(read.assign("a", b"one").unwrap(), first);
        assert_eq!(read.assign("a", b"two").unwrap(), Sid { sid: FIRST, rev: 2 });
        assert_eq!(read.assign("a", b"two").unwrap(), Sid { sid: FIRST, rev: 2 });
        assert_eq!(read.assign("c", b"").unwrap().sid, FIRST + 2);
    }

    #[test]
    fn damaged_registries_are_refused() {
        let mut registry = SidRegistry::default();
        registry.assign("a", b"one").unwrap();
        registry.assign("b", b"two").unwrap();
        let text = registry.to_json();
        for (from, to) in [
            ("1500001", "1500000"), // one number twice
            ("1500001", "1500007"), // not yet given
            ("wormsift-sids/1", "wormsift-sids/2"),
            ("\"next\"", "\"following\""),
            ("{", "["),
        ] {
            let damaged = text.replacen(from, to, 1);
            assert!(SidRegistry::from_json(&damaged).is_err(), "{damaged}");
        }
    }

    #[test]
    fn numbers_end_rather_than_leave_the_range() {
        let mut registry = SidRegistry { next: LAST, ..SidRegistry::default() };
        assert_eq!(registry.assign("a", b"").unwrap().sid, LAST);
        assert_eq!(registry.assign("b", b""), Err(SidError::Exhausted));
        assert_eq!(registry.assign("a", b"").unwrap().sid, LAST);
    }
}
