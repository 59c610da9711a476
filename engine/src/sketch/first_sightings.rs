//! A bounded memory of where each hash was seen, until it counts as repeated.
//!
//! A content is promoted at its third sighting or so; the first ones are those of patient
//! zero. So each sighting that is not promoted leaves the ordinal of its packet here, and a
//! promotion takes them out again.
//!
//! Guarantees: what is recalled was noted, but for one recall in 2^25 in which another
//! hash's sighting is taken for this one's. What does not fit pushes out one of the oldest
//! of its cache line, and the line remembers that something is missing. Costs: one cache
//! line a sighting, nine bytes of memory each.

use super::hash::reduce;
use super::lines::{Line, WORDS};
use crate::pages::CACHE_LINE;
use crate::state::{Exchange, Persist};
use crate::time::Epoch;

/// Sightings in a line, behind its first word.
const WAYS: usize = 7;
/// Bits of a packet's ordinal; the others are the tag.
const ORDINAL: u32 = 36;
const ORDINALS: u64 = (1 << ORDINAL) - 1;

/// In a line's first word: where the next sighting goes, whether one was pushed out or taken
/// out, and behind them in which dispersion epoch, counted from one, a promoted content was
/// last lost.
const NEXT: u64 = 0b111;
const PUSHED_OUT: u64 = 1 << 3;
/// Whether one was taken out, so that there may be an empty place before the next one.
const TAKEN_OUT: u64 = 1 << 4;
const LOST: u32 = 5;
/// No epoch of a millisecond or more comes near.
const MOST_LOST: u64 = u64::MAX >> LOST;

/// What is known of a hash's earlier sightings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recalled {
    /// Ordinals of their packets, in order; only the first `count` mean anything.
    ordinals: [u64; WAYS],
    count: usize,
    /// Whether there may have been others.
    pub some_missing: bool,
    /// The dispersion epoch in which one was last lost after its promotion.
    pub lost: Option<Epoch>,
}

impl Recalled {
    /// Ordinals of their packets, rising.
    pub fn ordinals(&self) -> &[u64] {
        &self.ordinals[..self.count]
    }
}

/// A table of sightings by hash.
#[derive(Debug)]
pub struct FirstSightings {
    /// Plain words, which the system gives untouched, with an aligned beginning: a line
    /// is looked up at every sighting, and this takes one bounds check.
    words: Vec<u64>,
    /// Where the first aligned line begins in `words`, which never moves.
    first: usize,
    count: usize,
}

impl FirstSightings {
    /// A table of at most `bytes`, and never less than one line.
    pub fn new(bytes: usize) -> Self {
        let slack = WORDS - 1;
        let count = (bytes / CACHE_LINE).saturating_sub(1).max(1);
        let words = vec![0_u64; count * WORDS + slack];
        // Unaligned lines would only be slower, so the fallback is no harm.
        let first = words.as_ptr().align_offset(CACHE_LINE).min(slack);
        Self { words, first, count }
    }

    fn start(&self, hash: u64) -> usize {
        self.first + reduce(hash, self.count) * WORDS
    }

    #[inline]
    fn line_mut(&mut self, hash: u64) -> &mut Line {
        let start = self.start(hash);
        self.words[start..].first_chunk_mut().expect("a whole line")
    }

    /// Bytes allocated.
    pub fn memory_bytes(&self) -> usize {
        self.words.capacity() * size_of::<u64>()
    }

    /// Where a hash's sightings lie, to be
    /// [prefetched](crate::fingerprint::prefetch).
    #[inline]
    pub fn place(&self, hash: u64) -> &[u64; 8] {
        self.words[self.start(hash)..].first_chunk().expect("a whole line")
    }

    /// Remembers a sighting of this hash in the packet of this ordinal; true when another
    /// was forgotten for it.
    #[inline]
    pub fn note(&mut self, hash: u64, ordinal: u64) -> bool {
        let line = self.line_mut(hash);
        let mut next = (line[0] & NEXT) as usize;
        let mut pushed_out = 0;
        if line[1 + next] != 0 {
            pushed_out = PUSHED_OUT;
            if line[0] & TAKEN_OUT != 0 {
                match line[1..].iter().position(|way| *way == 0) {
                    Some(empty) => (next, pushed_out) = (empty, 0),
                    None => line[0] &= !TAKEN_OUT,
                }
            }
        }
        // Counted from one: zero is an empty place.
        line[1 + next] = hash << ORDINAL | (ordinal + 1) & ORDINALS;
        let after = if next + 1 == WAYS { 0 } else { next as u64 + 1 };
        line[0] = line[0] & !NEXT | after | pushed_out;
        pushed_out != 0
    }

    /// Notes that a sighting of this hash is not remembered: what is recalled from here on
    /// says that some are missing.
    pub fn pass_over(&mut self, hash: u64) {
        self.line_mut(hash)[0] |= PUSHED_OUT;
    }

    /// Takes out what is known of a hash.
    pub fn recall(&mut self, hash: u64) -> Recalled {
        let line = self.line_mut(hash);
        let mut recalled = Recalled {
            some_missing: line[0] & PUSHED_OUT != 0 || line[0] >> LOST != 0,
            lost: (line[0] >> LOST).checked_sub(1).map(Epoch::new),
            ..Recalled::default()
        };
        for way in &mut line[1..] {
            if *way != 0 && (*way ^ hash << ORDINAL) >> ORDINAL == 0 {
                recalled.ordinals[recalled.count] = (*way & ORDINALS).wrapping_sub(1);
                recalled.count += 1;
                *way = 0;
            }
        }
        if recalled.count > 0 {
            line[0] |= TAKEN_OUT;
        }
        recalled.ordinals[..recalled.count].sort_unstable();
        recalled
    }

    /// Notes that a promoted content was let go of, which was seen until this dispersion
    /// epoch: its earlier sightings will be missing.
    pub fn lose(&mut self, hash: u64, epoch: Epoch) {
        let line = self.line_mut(hash);
        let lost = (line[0] >> LOST).max(epoch.number().saturating_add(1)).min(MOST_LOST);
        line[0] = line[0] & ((1 << LOST) - 1) | lost << LOST;
    }
}

impl Persist for FirstSightings {
    fn persist(&mut self, file: &mut Exchange<'_>) -> std::io::Result<()> {
        file.fixed(&mut self.words[self.first..][..self.count * WORDS])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::hash_word;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// With room it is a map of lists; without, it knows a part and says so.
        #[test]
        fn it_recalls_like_a_map_of_lists(
            steps in prop::collection::vec((0_u64..60, any::<bool>()), 1..400),
            bytes in prop::sample::select(vec![100_usize, 700, 100_000]),
        ) {
            let mut table = FirstSightings::new(bytes);
            let mut twin: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
            for (ordinal, (window, recall)) in (0..).zip(steps) {
                let list = twin.entry(window).or_default();
                // A promotion comes at the third sighting.
                if recall || list.len() == 3 {
                    let found = table.recall(hash_word(window, 3));
                    let known = std::mem::take(list);
                    if found.some_missing {
                        prop_assert!(found.ordinals().iter().all(|it| known.contains(it)));
                        prop_assert!(bytes < 100_000);
                    } else {
                        prop_assert_eq!(found.ordinals(), &known[..]);
                    }
                    prop_assert_eq!(found.lost, None);
                } else {
                    list.push(ordinal);
                    table.note(hash_word(window, 3), ordinal);
                }
            }
        }
    }

    #[test]
    fn what_was_passed_over_is_said_to_be_missing() {
        let mut table = FirstSightings::new(10_000);
        table.note(5, 77);
        table.pass_over(5);
        table.note(5, 79);
        let recalled = table.recall(5);
        assert_eq!(recalled.ordinals(), [77, 79]);
        assert!(recalled.some_missing);
    }

    #[test]
    fn what_was_lost_after_its_promotion_is_said_with_its_latest_epoch() {
        let mut table = FirstSightings::new(10_000);
        table.lose(5, Epoch::new(0));
        table.note(5, 77);
        assert_eq!(table.recall(5).lost, Some(Epoch::new(0)));
        table.lose(5, Epoch::new(9));
        table.lose(5, Epoch::new(4));
        let recalled = table.recall(5);
        assert_eq!((recalled.lost, recalled.some_missing), (Some(Epoch::new(9)), true));
        assert!(recalled.ordinals().is_empty(), "taken out by the first recall");
    }

    #[test]
    fn a_full_line_forgets_its_oldest_and_says_so() {
        let mut table = FirstSightings::new(1);
        assert!((0..7).all(|ordinal| !table.note(1, ordinal)));
        assert!(table.note(1, 7));
        let recalled = table.recall(1);
        assert_eq!(recalled.ordinals(), [1, 2, 3, 4, 5, 6, 7]);
        assert!(recalled.some_missing);
    }
}
