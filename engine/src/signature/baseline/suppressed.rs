//! Contents kept back as boilerplate.

use super::LiteralFile;
use crate::packet::Timestamp;
use crate::signature::Alarm;
use crate::state::persist;
use std::collections::BTreeMap;

/// A content that alarmed and is the boilerplate of a protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suppressed {
    /// The name that it would have as a signature.
    pub id: String,
    /// The file of literals that covers most of it.
    pub by: LiteralFile,
    /// The alarm that it raised first.
    pub alarm: Alarm,
    /// IP protocol number.
    pub protocol: u8,
    /// Port under the port rule.
    pub port: Option<u16>,
    /// Bytes of the grown content.
    pub length: usize,
    /// Its first bytes, 64 at most.
    pub start: Vec<u8>,
    /// The longest run of its bytes that is in no literal.
    pub longest_unknown: usize,
    /// Sources and destinations, as estimated at the last of its alarms.
    pub hosts: [u32; 2],
    /// The tick at which it was kept back first.
    pub first: Timestamp,
    /// How many ticks kept it back.
    pub times: u64,
}

/// The first contents that were kept back, and how many there were by file.
#[derive(Debug, Default)]
pub(in crate::signature) struct SuppressedList {
    list: Vec<Suppressed>,
    by: BTreeMap<LiteralFile, u64>,
}

/// Contents listed: what a person may still read.
const MOST_LISTED: usize = 256;
/// Bytes of a content that are listed.
pub(in crate::signature) const START: usize = 64;

impl SuppressedList {
    /// Bytes that a full list takes: each entry, its name and its first bytes.
    pub(in crate::signature) const MOST_BYTES: usize =
        MOST_LISTED * (size_of::<Suppressed>() + 32 + START);

    pub(in crate::signature) fn add(&mut self, new: Suppressed) {
        *self.by.entry(new.by).or_default() += 1;
        if let Some(known) = self.list.iter_mut().find(|it| it.id == new.id) {
            known.times += 1;
            known.hosts = new.hosts;
        } else if self.list.len() < MOST_LISTED {
            self.list.push(new);
        }
    }

    pub(in crate::signature) fn list(&self) -> &[Suppressed] {
        &self.list
    }

    pub(in crate::signature) fn by(&self) -> &BTreeMap<LiteralFile, u64> {
        &self.by
    }
}

persist!(SuppressedList { list, by });
persist!(Suppressed {
    id,
    by,
    alarm,
    protocol,
    port,
    length,
    start,
    longest_unknown,
    hosts,
    first,
    times
});
