//! Muting: findings that an operator knows, named in a file.
//!
//! [`MuteFile`] is the file; [`Mutes`] says which findings its entries mute, by the rule that
//! stands there; [`Muting`] applies it to findings as they come, and counts. A muted finding
//! is marked ([`Muted`]) and never dropped: lines say `muted`, and who writes rules, tables or
//! pages sets it apart.
//!
//! What survives what: ids of signatures are hashes of the content as it was first reported,
//! and ids of incidents of the id of their first signature. So both are the same over updates,
//! restarts from a saved state, and runs over the same input with the same key and settings.
//! Another key or other settings may cut a content elsewhere, and it then has another id.
//! Bytes survive that: an entry of a content mutes every signature that contains them.

mod file;
mod muting;
mod rule;
#[cfg(test)]
mod tests;

pub use file::{MuteError, MuteFile};
pub use muting::{MutedCounts, Muting};
pub use rule::{Mutes, Verdict};

use super::text::hex;
use std::fmt;
use wormsift::packet::Timestamp;
use wormsift::signature::{Incident, Kind};

/// What is muted, for how long, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What.
    pub subject: Subject,
    /// Why, one line.
    pub reason: String,
    /// It mutes what was last seen before this time; `None` without end.
    pub until: Option<Timestamp>,
    /// When it was added, by the clock of who did; `None` where that is not said.
    pub added: Option<Timestamp>,
}

/// What an entry is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The signature or the incident of this id.
    Id {
        /// Its id.
        id: String,
        /// Of an incident: what it was when it was muted, if that is known.
        kind: Option<Kind>,
        /// Of an incident: the ids of its signatures then, as far as they are known.
        signatures: Vec<String>,
    },
    /// Every signature whose content contains these bytes.
    Content(Vec<u8>),
}

impl Subject {
    /// A signature, or an incident of which no more is known.
    pub fn id(id: &str) -> Self {
        Self::Id { id: id.to_owned(), kind: None, signatures: Vec::new() }
    }

    /// An incident as it is now.
    pub fn incident(incident: &Incident) -> Self {
        Self::Id {
            id: incident.id.clone(),
            kind: Some(incident.kind),
            signatures: incident.signatures.clone(),
        }
    }

    /// Its id, or its bytes in hexadecimal.
    pub fn name(&self) -> String {
        match self {
            Self::Id { id, .. } => id.clone(),
            Self::Content(bytes) => hex(bytes, ""),
        }
    }

    /// Whether both are about the same id, or the same bytes.
    pub fn is_same(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
            && self.name() == other.name()
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::Id { .. } => "id",
            Self::Content(_) => "content",
        };
        write!(f, "{what} {}", self.name())
    }
}

/// That a finding is muted, and by which entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Muted {
    /// The id, or the bytes in hexadecimal, that the entry names.
    pub entry: String,
    /// The entry's reason.
    pub reason: String,
    /// Its end; `None` without one.
    pub until: Option<Timestamp>,
}

impl Muted {
    /// `until 2026-12-31 00:00:00 UTC: the reason`, or `without end: the reason`.
    pub fn words(&self) -> String {
        format!("{}: {}", end_words(self.until), self.reason)
    }
}

/// An end in words, to the second.
pub fn end_words(until: Option<Timestamp>) -> String {
    match until {
        None => "without end".to_owned(),
        Some(until) => {
            let second: String = until.to_string().chars().take(19).collect();
            format!("until {} UTC", second.replace('T', " "))
        }
    }
}
