//! Line pairs: a table as large as its load asks for.
//!
//! A table is as large as the worst case needs, and most traffic is far from that: spread
//! over all of it, every look-up would miss the caches and every page would be touched.

use crate::pages::{self, CACHE_LINE, Pages};
use crate::state::{Exchange, Persist};

/// Bytes in a pair of lines: the block that processors fetch together.
const BYTES: usize = 2 * CACHE_LINE;
/// How many times larger or smaller the part in use becomes at a time.
const STEP: usize = 4;
/// LinePairs in use at first, at most: 128 KiB.
const FIRST: usize = 1_024;

/// Two cache lines side by side.
pub(super) type LinePair = [[u8; CACHE_LINE]; 2];

/// Zeroed pairs, at most a reserved number, of which a part is in use.
///
/// A hash finds its pair by its upper bits, as a share of the part in use. So when that
/// grows, the keys of one pair are those of four neighbours afterwards, and each of these
/// begins as a copy of it; when it shrinks, four become one again. Either way they move,
/// so that what is in use has pages of its own: huge ones, where the system has them.
#[derive(Debug)]
pub(super) struct LinePairs {
    /// Those in use. Begins with a page, so that pairs are aligned, and ends with a pair.
    pages: Pages,
    /// Memory for the times when more are in use, the next last. Untouched so far.
    later: Vec<Pages>,
    /// In use at first.
    least: usize,
    reserved: usize,
}

impl LinePairs {
    /// As many as fit in `bytes`; at least one.
    pub(super) fn within(bytes: usize) -> Self {
        Self::growing(bytes / BYTES, FIRST)
    }

    /// Several tables that each fit in `bytes`. What they have in use at a time lies side by
    /// side, so that huge pages hold parts of several.
    pub(super) fn side_by_side(bytes: usize, tables: usize) -> Vec<Self> {
        let mut tables: Vec<_> = (0..tables).map(|_| Self::within(bytes)).collect();
        let Some(LinePairs { least, reserved, .. }) = tables.first() else {
            return tables;
        };
        let (mut used, reserved) = (*least, *reserved);
        while used < reserved {
            used *= STEP;
            for table in &mut tables {
                table.later.insert(0, pages::pages(used * BYTES));
            }
        }
        tables
    }

    /// Bytes within which there are at least `count`.
    pub(super) fn bytes_for(count: usize) -> usize {
        let steps = STEP.pow(Self::steps(count, FIRST));
        let count = count.checked_next_multiple_of(steps).unwrap_or(count);
        count.saturating_mul(BYTES)
    }

    /// At most `count`, but at least one; of them about `first` are in use, if there are more.
    pub(super) fn growing(count: usize, first: usize) -> Self {
        let count = count.max(1);
        let steps = STEP.pow(Self::steps(count, first));
        let used = count / steps;
        let pages = pages::pages(used * BYTES);
        Self { pages, later: Vec::new(), least: used, reserved: used * steps }
    }

    /// How often a table of `count` can grow from at most `first`.
    fn steps(count: usize, first: usize) -> u32 {
        let mut steps = 0;
        let mut used = count;
        while used > first && used >= STEP {
            used /= STEP;
            steps += 1;
        }
        steps
    }

    /// LinePairs in use.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.pages.len() / BYTES
    }

    /// LinePairs that there are room for.
    pub(super) fn reserved(&self) -> usize {
        self.reserved
    }

    /// LinePair `index`, which must be below [`LinePairs::len`].
    #[inline]
    pub(super) fn pair(&self, index: usize) -> &LinePair {
        &in_pages(&self.pages)[index]
    }

    /// The same, to be written.
    #[inline]
    pub(super) fn pair_mut(&mut self, index: usize) -> &mut LinePair {
        &mut self.all_mut()[index]
    }

    /// Those in use.
    pub(super) fn iter(&self) -> impl Iterator<Item = &LinePair> {
        in_pages(&self.pages).iter()
    }

    /// Takes four times as many into use, each a copy of the one whose keys it takes
    /// over; false when there is no more room.
    pub(super) fn grow(&mut self) -> bool {
        if self.len() * STEP > self.reserved {
            return false;
        }
        let before = self.renew(self.len() * STEP);
        for (four, pair) in self.all_mut().chunks_mut(STEP).zip(in_pages(&before)) {
            four.fill(*pair);
        }
        true
    }

    /// Leaves a fourth of them in use, bytes of four neighbours joined to one, beginning
    /// with zero; false when fewer were never in use.
    pub(super) fn shrink(&mut self, join: impl Fn(u8, u8) -> u8) -> bool {
        if self.len() <= self.least {
            return false;
        }
        let before = self.renew(self.len() / STEP);
        let before = in_pages(&before).chunks(STEP);
        for (joined, four) in self.all_mut().iter_mut().zip(before) {
            for pair in four {
                let bytes = joined.as_flattened_mut().iter_mut();
                bytes
                    .zip(pair.as_flattened())
                    .for_each(|(byte, other)| *byte = join(*byte, *other));
            }
        }
        true
    }

    /// Takes so many into use, all zero; gives those that were.
    fn renew(&mut self, used: usize) -> Pages {
        let bytes = used * BYTES;
        let next = self.later.pop_if(|next| next.len() == bytes);
        let pages = next.unwrap_or_else(|| pages::pages(bytes));
        std::mem::replace(&mut self.pages, pages)
    }

    /// Bytes, once all that is reserved is in use. While it grows to that, a fourth more.
    pub(super) fn memory_bytes(&self) -> usize {
        self.reserved * BYTES
    }

    #[inline]
    fn all_mut(&mut self) -> &mut [LinePair] {
        self.pages.as_chunks_mut().0.as_chunks_mut().0
    }
}

#[inline]
fn in_pages(pages: &Pages) -> &[LinePair] {
    pages.as_chunks().0.as_chunks().0
}

impl Persist for LinePairs {
    fn persist(&mut self, file: &mut Exchange<'_>) -> std::io::Result<()> {
        let used = file.length(self.len())?;
        let mut reached = self.least;
        while reached < used.min(self.reserved) {
            reached *= STEP;
        }
        if reached != used || used > self.reserved {
            return Err(file.misfit(format!("at most {} pairs", self.reserved), used));
        }
        if used != self.len() {
            self.renew(used);
        }
        file.fixed(&mut self.pages[..])
    }
}

#[cfg(test)]
mod tests {
    use super::super::hash::{hash_word, reduce};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pairs_are_aligned_zero_and_within_their_bytes() {
        for bytes in [0, 256, 257, 1_000, 4_096, 65_536, 1_000_003] {
            let mut pairs = LinePairs::within(bytes);
            assert!((1..=FIRST).contains(&pairs.len()));
            assert!(pairs.memory_bytes() <= bytes.max(BYTES), "{bytes}");
            while pairs.grow() {}
            assert_eq!(pairs.len(), pairs.reserved());
            let unused = bytes.saturating_sub(pairs.memory_bytes());
            assert!(unused <= 2 * BYTES + bytes / 256, "{bytes}: {unused} unused");
            assert!(pairs.iter().all(|pair| *pair == [[0; CACHE_LINE]; 2]));
            assert_eq!(pairs.pair(0).as_ptr() as usize % BYTES, 0);
        }
        for count in [1, 128, 129, 511, 512, 513, 1_000_000] {
            assert!(LinePairs::within(LinePairs::bytes_for(count)).reserved() >= count);
        }
    }

    proptest! {
        #[test]
        fn keys_find_again_at_least_what_they_left(
            keys in prop::collection::vec(any::<u64>(), 1..200),
            acts in prop::collection::vec(any::<bool>(), 0..12),
        ) {
            let mut pairs = LinePairs::growing(3_000, 5);
            for (key, value) in keys.iter().zip(1u8..) {
                let at = reduce(*key, pairs.len());
                pairs.pair_mut(at)[1][3] |= value;
            }
            for grows in acts {
                let before = pairs.len();
                let done = if grows { pairs.grow() } else { pairs.shrink(|a, b| a | b) };
                let factor = if grows { 4.0 } else { 0.25 };
                let expected = before as f64 * if done { factor } else { 1.0 };
                prop_assert_eq!(pairs.len() as f64, expected);
                for (key, value) in keys.iter().zip(1u8..) {
                    let there = pairs.pair(reduce(*key, pairs.len()))[1][3];
                    prop_assert_eq!(there & value, value);
                }
            }
        }
    }

    #[test]
    fn what_grew_and_shrank_is_what_it_was() {
        let mut pairs = LinePairs::growing(1 << 14, 9);
        for n in 0..500 {
            let at = reduce(hash_word(n, 1), pairs.len());
            pairs.pair_mut(at)[0][n as usize % 64] |= n as u8;
        }
        let before: Vec<LinePair> = pairs.iter().copied().collect();
        let mut steps = 0;
        while pairs.grow() {
            steps += 1;
        }
        assert!(steps > 3);
        while pairs.shrink(u8::max) {}
        assert!(pairs.iter().eq(&before));
    }
}
