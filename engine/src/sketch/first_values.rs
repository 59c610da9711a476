//! A bounded memory of when each hash was first seen, with a value for each.

use super::first_seen::{tag, way_for};
use super::hash::reduce;
use super::lines::{Line, Lines};
use crate::state::persist;
use crate::time::Timestamp;

/// Entries in a line: four times, then four tags with the value above.
const WAYS: usize = 4;
const VALUE: u32 = 32;

/// When each hash was first seen, and 32 bits that belong to it, best effort: what does not
/// fit is forgotten, oldest first.
///
/// A set-associative table as [`FirstSeen`](super::FirstSeen) is, with four entries in a line.
#[derive(Debug)]
pub(crate) struct FirstValues {
    lines: Lines,
}

impl FirstValues {
    /// A table of at most `bytes` (and never less than 124).
    pub(crate) fn new(bytes: usize) -> Self {
        Self { lines: Lines::within(bytes) }
    }

    /// Notes that the hash was seen at `time`, with this value, unless an earlier time is
    /// known. Times before `since` have expired: they are replaced, and make room first.
    /// Returns whether an entry that had not expired was forgotten for it.
    pub(crate) fn note(
        &mut self,
        hash: u64,
        (time, value): (Timestamp, u32),
        since: Timestamp,
    ) -> bool {
        let tag = tag(hash);
        let line = self.lines.line_mut(reduce(hash, self.lines.len()));
        let times = &line[..WAYS];
        let Some((way, evicts)) = way_for(tag, times, since, |way| tag_at(line, way))
        else {
            return false;
        };
        line[way] = time.as_nanos();
        line[WAYS + way] = u64::from(value) << VALUE | u64::from(tag);
        evicts
    }

    /// Changes the value of a hash that is known since a time not before `since`; whether it
    /// is.
    pub(crate) fn change(
        &mut self,
        hash: u64,
        since: Timestamp,
        change: impl FnOnce(u32) -> u32,
    ) -> bool {
        let line = self.lines.line_mut(reduce(hash, self.lines.len()));
        let Some(way) = known(line, hash, since) else { return false };
        let value = change(value_at(line, way));
        line[WAYS + way] = u64::from(value) << VALUE | u64::from(tag(hash));
        true
    }

    /// When the hash was first seen, and its value, if that is still known and not before
    /// `since`.
    pub(crate) fn first(&self, hash: u64, since: Timestamp) -> Option<(Timestamp, u32)> {
        let line = self.lines.line(reduce(hash, self.lines.len()));
        let way = known(line, hash, since)?;
        Some((Timestamp::from_nanos(line[way]), value_at(line, way)))
    }

    /// Bytes allocated.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.lines.memory_bytes()
    }
}

fn known(line: &Line, hash: u64, since: Timestamp) -> Option<usize> {
    let is_known =
        |way: &usize| tag_at(line, *way) == tag(hash) && line[*way] >= since.as_nanos();
    (0..WAYS).find(is_known)
}

fn tag_at(line: &Line, way: usize) -> u32 {
    line[WAYS + way] as u32
}

fn value_at(line: &Line, way: usize) -> u32 {
    (line[WAYS + way] >> VALUE) as u32
}

persist!(FirstValues { lines });
