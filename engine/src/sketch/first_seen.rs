//! A bounded memory of when each hash was first seen.

use super::hash::reduce;
use super::lines::{Line, Lines};
use crate::state::persist;
use crate::time::Timestamp;

/// Entries in a line: five times of 8 bytes, then five tags of 4.
const WAYS: usize = 5;

/// When each hash was first seen, best effort: what does not fit is forgotten, oldest
/// first.
///
/// A set-associative table: the hash picks one cache line of five entries, each a 32-bit
/// tag and a time. A hash is taken for another with a chance below 5 in 2^31.
#[derive(Debug)]
pub struct FirstSeen {
    lines: Lines,
}

impl FirstSeen {
    /// A table of at most `bytes` (and never less than 124).
    pub fn new(bytes: usize) -> Self {
        Self { lines: Lines::within(bytes) }
    }

    /// Notes that the hash was seen at `time`, unless an earlier time is known. Times
    /// before `since` have expired: they are replaced, and make room first. Returns
    /// whether an entry that had not expired was forgotten for it.
    pub fn note(&mut self, hash: u64, time: Timestamp, since: Timestamp) -> bool {
        let tag = tag(hash);
        let line = self.lines.line_mut(reduce(hash, self.lines.len()));
        let times = &line[..WAYS];
        let Some((way, evicts)) = way_for(tag, times, since, |way| tag_at(line, way))
        else {
            return false;
        };
        let (word, shift) = tag_place(way);
        line[way] = time.as_nanos();
        line[word] =
            line[word] & !(u64::from(u32::MAX) << shift) | u64::from(tag) << shift;
        evicts
    }

    /// When the hash was first seen, if that is still known and not before `since`.
    pub fn first(&self, hash: u64, since: Timestamp) -> Option<Timestamp> {
        let line = self.lines.line(reduce(hash, self.lines.len()));
        let way = (0..WAYS).find(|&way| tag_at(line, way) == tag(hash))?;
        Some(Timestamp::from_nanos(line[way])).filter(|&time| time >= since)
    }

    /// How many entries fit.
    pub fn capacity(&self) -> usize {
        self.lines.len() * WAYS
    }

    /// Bytes allocated.
    pub fn memory_bytes(&self) -> usize {
        self.lines.memory_bytes()
    }
}

/// The tag of a hash: its low bits (the upper ones chose the line), never 0 (empty).
pub(crate) fn tag(hash: u64) -> u32 {
    hash as u32 | 1
}

/// Where a tag that is seen now is entered among the ways of a line that have these times, and
/// whether what stood there had not expired. Nothing if it is known since a time that has not:
/// the first one counts. Those of before `since` have expired, and make room before the oldest.
pub(crate) fn way_for(
    tag: u32,
    times: &[u64],
    since: Timestamp,
    tag_at: impl Fn(usize) -> u32,
) -> Option<(usize, bool)> {
    let ways = 0..times.len();
    let alive = |way: usize| tag_at(way) != 0 && times[way] >= since.as_nanos();
    let known = ways.clone().find(|&way| tag_at(way) == tag);
    if known.is_some_and(alive) {
        return None;
    }
    let free = known.or_else(|| ways.clone().find(|&way| !alive(way)));
    let oldest = || ways.min_by_key(|&way| times[way]).unwrap_or(0);
    Some((free.unwrap_or_else(oldest), free.is_none()))
}

fn tag_place(way: usize) -> (usize, usize) {
    (WAYS + way / 2, way % 2 * 32)
}

fn tag_at(line: &Line, way: usize) -> u32 {
    let (word, shift) = tag_place(way);
    (line[word] >> shift) as u32
}

persist!(FirstSeen { lines });

#[cfg(test)]
mod tests {
    use super::super::hash::hash_word;
    use super::*;
    use crate::time::Span;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn with_room_it_knows_every_first_time_that_has_not_expired(
            notes in prop::collection::vec((0u64..40, 0u64..9), 1..200),
            window in 1u64..200,
        ) {
            let mut table = FirstSeen::new(1 << 20);
            let mut exact: HashMap<u64, Timestamp> = HashMap::new();
            let mut time = Timestamp::default();
            for (key, gap) in notes {
                time = time + Span(gap);
                let since = time - Span(window);
                prop_assert!(!table.note(hash_word(key, 1), time, since));
                let first = exact.entry(key).or_insert(time);
                if *first < since {
                    *first = time;
                }
                for key in 0..40 {
                    let known = exact.get(&key).copied().filter(|&first| first >= since);
                    prop_assert_eq!(table.first(hash_word(key, 1), since), known);
                }
            }
        }
    }

    #[test]
    fn the_oldest_of_a_full_line_is_forgotten() {
        let mut table = FirstSeen::new(0);
        let hash = |n: u64| n << 1;
        let at = Timestamp::from_nanos;
        for n in 0..5 {
            assert!(!table.note(hash(n), at(10 + n), at(0)));
        }
        assert!(!table.note(hash(0), at(99), at(0)), "known, so nothing changes");
        assert!(table.note(hash(7), at(20), at(0)));
        assert_eq!(table.first(hash(0), at(0)), None);
        assert_eq!(
            (table.first(hash(1), at(0)), table.first(hash(7), at(0))),
            (Some(at(11)), Some(at(20)))
        );
        assert!(!table.note(hash(8), at(30), at(12)), "11 has expired and makes room");
        assert_eq!(table.first(hash(1), at(0)), None);
        assert_eq!(table.first(hash(2), at(0)), Some(at(12)));
    }
}
