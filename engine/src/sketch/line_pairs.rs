//! Line pairs: a table as large as its load asks for.
//!
//! A table is as large as the worst case needs, and most traffic is far from that: spread
//! over all of it, every look-up would miss the caches and every page would be touched.

use crate::pages::{self, CACHE_LINE, Pages};
use crate::state::{Exchange, Persist};

/// Bytes in a pair of lines.
const BYTES: usize = 2 * CACHE_LINE;
/// How many times larger or smaller the part in use becomes at a time.
const STEP: usize = 4;
/// Pairs in use at first, at most: 128 KiB.
const FIRST: usize = 1_024;

/// One cache line.
pub(super) type Line = [u8; CACHE_LINE];

/// Zeroed pairs of lines, at most a reserved number, of which a part is in use.
///
/// The lines of each side have memory of their own: a side that nothing was entered in
/// takes none.
///
/// A hash finds its pair by its upper bits, as a share of the part in use. So when that
/// grows, the keys of one pair are those of four neighbours afterwards, and each of these
/// begins as a copy of it; when it shrinks, four become one again. Either way they move,
/// so that what is in use has pages of its own: huge ones, where the system has them.
#[derive(Debug)]
pub(super) struct LinePairs {
    /// Those in use, by side. Each begins with a page, so that lines are aligned, and ends
    /// with a line.
    sides: [Pages; 2],
    /// Memory for the times when more are in use, the next last. Untouched so far.
    later: Vec<[Pages; 2]>,
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
    /// side, for each side of the pairs, so that huge pages hold parts of several.
    pub(super) fn side_by_side(bytes: usize, tables: usize) -> Vec<Self> {
        let mut tables: Vec<_> = (0..tables).map(|_| Self::within(bytes)).collect();
        let Some(LinePairs { least, reserved, .. }) = tables.first() else {
            return tables;
        };
        let (mut used, reserved) = (*least, *reserved);
        let side = |used: usize| {
            (0..tables.len()).map(|_| pages::pages(used * CACHE_LINE)).collect()
        };
        let mut steps: Vec<[Vec<Pages>; 2]> = Vec::new();
        while used < reserved {
            used *= STEP;
            steps.push([side(used), side(used)]);
        }
        for [first, second] in steps {
            for ((table, first), second) in tables.iter_mut().zip(first).zip(second) {
                table.later.insert(0, [first, second]);
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
        let sides = [0, 1].map(|_| pages::pages(used * CACHE_LINE));
        Self { sides, later: Vec::new(), least: used, reserved: used * steps }
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

    /// Pairs in use.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.sides[0].len() / CACHE_LINE
    }

    /// Pairs that there are room for.
    pub(super) fn reserved(&self) -> usize {
        self.reserved
    }

    /// The line of a side, 0 or 1, of pair `index`, which must be below
    /// [`LinePairs::len`].
    #[inline]
    pub(super) fn line(&self, side: usize, index: usize) -> &Line {
        &lines(&self.sides[side & 1])[index]
    }

    /// The same, to be written.
    #[inline]
    pub(super) fn line_mut(&mut self, side: usize, index: usize) -> &mut Line {
        &mut lines_mut(&mut self.sides[side & 1])[index]
    }

    /// The lines of a side that are in use.
    pub(super) fn side(&self, side: usize) -> impl Iterator<Item = &Line> {
        lines(&self.sides[side & 1]).iter()
    }

    /// Takes four times as many into use, each a copy of the one whose keys it takes
    /// over; false when there is no more room. Sides that do not hold anything are left
    /// untouched.
    pub(super) fn grow(&mut self, holds: [bool; 2]) -> bool {
        if self.len() * STEP > self.reserved {
            return false;
        }
        let before = self.renew(self.len() * STEP);
        for ((side, before), holds) in self.sides.iter_mut().zip(&before).zip(holds) {
            if holds {
                for (four, line) in lines_mut(side).chunks_mut(STEP).zip(lines(before)) {
                    four.fill(*line);
                }
            }
        }
        true
    }

    /// Leaves a fourth of them in use, bytes of four neighbours joined to one, beginning
    /// with zero; false when fewer were never in use. Of sides that do not hold anything
    /// there is nothing to join.
    pub(super) fn shrink(
        &mut self,
        holds: [bool; 2],
        join: impl Fn(u8, u8) -> u8,
    ) -> bool {
        if self.len() <= self.least {
            return false;
        }
        let before = self.renew(self.len() / STEP);
        for ((side, before), holds) in self.sides.iter_mut().zip(&before).zip(holds) {
            let before = if holds { lines(before).chunks(STEP) } else { [].chunks(STEP) };
            for (joined, four) in lines_mut(side).iter_mut().zip(before) {
                for line in four {
                    let bytes = joined.iter_mut().zip(line);
                    bytes.for_each(|(byte, other)| *byte = join(*byte, *other));
                }
            }
        }
        true
    }

    /// Takes so many into use, all zero; gives those that were.
    fn renew(&mut self, used: usize) -> [Pages; 2] {
        let bytes = used * CACHE_LINE;
        let next = self.later.pop_if(|[next, _]| next.len() == bytes);
        let sides = next.unwrap_or_else(|| [0, 1].map(|_| pages::pages(bytes)));
        std::mem::replace(&mut self.sides, sides)
    }

    /// Bytes, once all that is reserved is in use. While it grows to that, a fourth more.
    pub(super) fn memory_bytes(&self) -> usize {
        self.reserved * BYTES
    }
}

#[inline]
fn lines(pages: &Pages) -> &[Line] {
    pages.as_chunks().0
}

#[inline]
fn lines_mut(pages: &mut Pages) -> &mut [Line] {
    pages.as_chunks_mut().0
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
        self.sides.iter_mut().try_for_each(|side| file.fixed(&mut side[..]))
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
            while pairs.grow([true; 2]) {}
            assert_eq!(pairs.len(), pairs.reserved());
            let unused = bytes.saturating_sub(pairs.memory_bytes());
            assert!(unused <= 2 * BYTES + bytes / 256, "{bytes}: {unused} unused");
            for side in [0, 1] {
                assert!(pairs.side(side).all(|line| *line == [0; CACHE_LINE]));
                assert_eq!(pairs.line(side, 0).as_ptr() as usize % CACHE_LINE, 0);
            }
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
                pairs.line_mut(1, at)[3] |= value;
            }
            for grows in acts {
                let before = pairs.len();
                let holds = [false, true];
                let done = match grows {
                    true => pairs.grow(holds),
                    false => pairs.shrink(holds, |a, b| a | b),
                };
                let factor = if grows { 4.0 } else { 0.25 };
                let expected = before as f64 * if done { factor } else { 1.0 };
                prop_assert_eq!(pairs.len() as f64, expected);
                for (key, value) in keys.iter().zip(1u8..) {
                    let there = pairs.line(1, reduce(*key, pairs.len()))[3];
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
            pairs.line_mut(0, at)[n as usize % 64] |= n as u8;
        }
        let before: Vec<Line> = pairs.side(0).copied().collect();
        let mut steps = 0;
        while pairs.grow([true, false]) {
            steps += 1;
        }
        assert!(steps > 3);
        while pairs.shrink([true, false], u8::max) {}
        assert!(pairs.side(0).eq(&before));
        assert!(pairs.side(1).all(|line| *line == [0; CACHE_LINE]));
    }
}
