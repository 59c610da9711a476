//! A count-min sketch of four-bit counters, one cache line a key and epoch.

use super::epochs::Clear;
use super::hash::reduce;
use super::line_pairs::LinePairs;
use crate::pages::CACHE_LINE;
use crate::state::persist;

/// Counters of a key.
const DEPTH: usize = 4;
/// Counters in a line, four bits each.
const COUNTERS_PER_LINE: usize = 2 * CACHE_LINE;
/// Counters for each new key of an epoch below which a larger part of the memory is
/// taken into use.
const CROWDED: usize = 48;
/// Counters for each key above which a smaller part would do: it still had four times what
/// is crowded.
const SPARSE: usize = 16 * CROWDED;
/// Epochs in a row of which that must have been true: growing again costs more than
/// a table that is too large.
const PATIENCE: u32 = 60;

/// How often each key was seen in this epoch and in the one before, each within 0
/// to 15, never too low.
///
/// Estan and Varghese's multistage filter with conservative update (SIGCOMM 2002), which
/// is a count-min sketch (Cormode and Muthukrishnan 2005) that only raises a key's
/// smallest counters. It is *blocked*: the hash picks one 64-byte line and, in each
/// quarter of it, one of 32 counters, so that an update costs one cache miss instead of
/// four. A counter only has to reach the threshold that it is compared with, so four
/// bits serve thresholds up to 15.
///
/// Lines are in pairs, of this epoch and of the one before, and the epochs take turns at
/// which side is theirs. Each side has memory of its own: a first epoch takes half of it,
/// and nothing is read of one before.
///
/// Of the memory, which is fixed, only so much is in use as the keys of an epoch ask
/// for, so that light traffic stays in the caches. When there are more, each line becomes
/// four, all with its counters, which are then too high at worst; when there were few for
/// many epochs, four become one, with the greatest of their counters.
#[derive(Debug)]
pub struct CountMin {
    pairs: LinePairs,
    /// Which line of each pair is the current epoch's: 0 or 1.
    side: usize,
    /// Counters above zero, by side.
    filled: [u64; 2],
    /// New keys of this epoch, as far as it can tell.
    keys: usize,
    /// How many of them are too many for the part in use.
    limit: usize,
    /// Epochs in a row for which a smaller part would have done.
    sparse: u32,
    /// A bit for each pair in use: whether its line of each side may hold anything, so
    /// that a turn costs what was counted, not what could have been.
    written: [Vec<u64>; 2],
}

impl CountMin {
    /// The value at which counters stop.
    pub const CAP: u8 = 15;

    /// A sketch of at most `bytes`; never less than one line an epoch, which takes
    /// 256 bytes.
    pub fn new(bytes: usize) -> Self {
        Self::of(LinePairs::within(Self::of_pairs(bytes)))
    }

    /// Several sketches of this size, that share huge pages.
    pub fn side_by_side(bytes: usize, sketches: usize) -> Vec<Self> {
        let pairs = LinePairs::side_by_side(Self::of_pairs(bytes), sketches);
        pairs.into_iter().map(Self::of).collect()
    }

    /// What is left for pairs of lines: two bits a pair, in whole words, say which were
    /// written.
    fn of_pairs(bytes: usize) -> usize {
        bytes.saturating_sub(bytes / 512 + 2 * size_of::<u64>())
    }

    fn of(pairs: LinePairs) -> Self {
        let words = pairs.reserved().div_ceil(64);
        let mut sketch = Self {
            pairs,
            side: 0,
            filled: [0; 2],
            keys: 0,
            limit: 0,
            sparse: 0,
            written: [vec![0; words], vec![0; words]],
        };
        sketch.set_limit();
        sketch
    }

    /// Bytes of a sketch with at least this many counters an epoch.
    pub fn bytes_for(counters: usize) -> usize {
        let bytes = LinePairs::bytes_for(counters.div_ceil(COUNTERS_PER_LINE));
        bytes.saturating_add(bytes / 511 + 2 * size_of::<u64>() + 1)
    }

    /// Counts the key of this hash once more and returns its estimates in this
    /// epoch, itself included, and in the one before.
    #[inline]
    pub fn add(&mut self, hash: u64) -> (u8, u8) {
        let at = self.at(hash);
        let side = self.side & 1;
        let places = Places::of(hash);
        let before = match self.filled[1 - side] {
            0 => 0,
            _ => places.counters(self.pairs.line(1 - side, at)).least(),
        };
        let line = self.pairs.line_mut(side, at);
        let counters = places.counters(line);
        let least = counters.least();
        if least == Self::CAP {
            return (Self::CAP, before);
        }
        let raised = places.raise(line, counters.equal_to(least));
        if least == 0 {
            self.filled[side] += u64::from(raised);
            self.written[side][at / 64] |= 1 << (at % 64);
            self.keys += 1;
            if self.keys > self.limit {
                self.grow();
            }
        }
        (least + 1, before)
    }

    /// The estimates of the key of this hash in this epoch and in the one before:
    /// each at least how often it was added then, up to 15.
    #[inline]
    pub fn estimate(&self, hash: u64) -> (u8, u8) {
        let at = self.at(hash);
        let of =
            |side: usize| Places::of(hash).counters(self.pairs.line(side, at)).least();
        (of(self.side), of(1 - self.side))
    }

    /// Where the key's counters of this epoch lie, and those of the one before if that holds
    /// anything, to be prefetched.
    #[inline]
    pub fn places(&self, hash: u64) -> [Option<&[u8; 64]>; 2] {
        let (at, side) = (self.at(hash), self.side & 1);
        let has_before = self.filled[1 - side] > 0;
        let before = has_before.then(|| self.pairs.line(1 - side, at));
        [Some(self.pairs.line(side, at)), before]
    }

    /// Begins a new epoch: the current one becomes the one before, whose counts are
    /// forgotten.
    pub fn turn(&mut self) {
        self.side = 1 - self.side;
        self.forget(self.side);
        let is_sparse = self.keys < self.in_use() / SPARSE;
        self.sparse = if is_sparse { self.sparse + 1 } else { 0 };
        if self.sparse >= PATIENCE && self.pairs.shrink(self.holds(), greatest) {
            self.sparse = 0;
            self.recount();
        }
        self.keys = 0;
    }

    /// Zeroes the lines of a side that were written.
    fn forget(&mut self, side: usize) {
        let words = self.pairs.len().div_ceil(64);
        for (word, written) in self.written[side][..words].iter_mut().enumerate() {
            let mut rest = std::mem::take(written);
            while rest != 0 {
                let at = word * 64 + rest.trailing_zeros() as usize;
                *self.pairs.line_mut(side, at) = [0; 64];
                rest &= rest - 1;
            }
        }
        self.filled[side] = 0;
    }

    #[cold]
    fn grow(&mut self) {
        let before = self.pairs.len();
        self.pairs.grow(self.holds());
        let times = self.pairs.len() / before;
        self.filled = self.filled.map(|filled| filled * times as u64);
        for written in &mut self.written {
            // From the last on: none is overwritten before it is read.
            for at in (0..self.pairs.len()).rev() {
                let bit = written[at / times / 64] >> (at / times % 64) & 1;
                let word = &mut written[at / 64];
                *word = *word & !(1 << (at % 64)) | bit << (at % 64);
            }
        }
        self.set_limit();
    }

    /// Sees what is there, after pairs were joined.
    fn recount(&mut self) {
        self.filled = [0; 2];
        self.written.iter_mut().for_each(|written| written.fill(0));
        for side in [0, 1] {
            for (at, line) in self.pairs.side(side).enumerate() {
                let counters: u64 = line.iter().map(|byte| above_zero(*byte)).sum();
                self.filled[side] += counters;
                self.written[side][at / 64] |= u64::from(counters > 0) << (at % 64);
            }
        }
        self.set_limit();
    }

    /// Which sides hold anything.
    fn holds(&self) -> [bool; 2] {
        self.filled.map(|filled| filled > 0)
    }

    fn set_limit(&mut self) {
        let full = self.pairs.len() == self.pairs.reserved();
        self.limit = if full { usize::MAX } else { self.in_use() / CROWDED };
    }

    /// Share of counters above zero, 0 to 1: of the fuller epoch, as a part of the
    /// whole memory.
    pub fn fill(&self) -> f64 {
        self.filled[0].max(self.filled[1]) as f64 / self.counters() as f64
    }

    /// Share of counters above zero, 0 to 1, of the current epoch, as a part of the whole
    /// memory. So many keys were counted, or fewer where counters were copied as more
    /// memory was taken into use.
    pub fn current_fill(&self) -> f64 {
        self.filled[self.side & 1] as f64 / self.counters() as f64
    }

    /// Whether it counts nothing.
    pub fn is_empty(&self) -> bool {
        self.filled == [0; 2]
    }

    /// The fill at so many counters for each different key of an epoch: a key raises one of
    /// the counters in each of four quarters of its line.
    #[cfg(test)]
    pub(crate) fn fill_at(counters_per_key: f64) -> f64 {
        1.0 - (-(DEPTH as f64) / counters_per_key).exp()
    }

    /// Number of counters of one epoch, in use or not.
    pub fn counters(&self) -> usize {
        self.pairs.reserved() * COUNTERS_PER_LINE
    }

    fn in_use(&self) -> usize {
        self.pairs.len() * COUNTERS_PER_LINE
    }

    /// Bytes reserved.
    pub fn memory_bytes(&self) -> usize {
        self.pairs.memory_bytes() + 2 * self.written[0].capacity() * size_of::<u64>()
    }

    /// The key's pair.
    #[inline]
    fn at(&self, hash: u64) -> usize {
        reduce(hash, self.pairs.len())
    }
}

impl Clear for CountMin {
    fn clear(&mut self) {
        // What was never written stays untouched. As much stays in use: traffic that was
        // heavy before a pause often is behind it.
        [0, 1].into_iter().for_each(|side| self.forget(side));
        self.keys = 0;
    }
}

/// Where a key's counters lie in a line: one in each quarter of it, which is 16 bytes of
/// two. The low 20 bits of the hash choose, while the upper bits chose the line.
#[derive(Clone, Copy)]
struct Places {
    /// The four bytes.
    bytes: [usize; DEPTH],
    /// 0x0f for each whose lower half it is, 0xf0 for the upper.
    halves: u32,
}

/// A key's counters, one in each byte.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Counters(u32);

/// One in each byte.
const ONES: u32 = 0x0101_0101;

impl Places {
    #[inline]
    fn of(hash: u64) -> Self {
        let within = |quarter: usize| (hash >> (4 * quarter)) as usize & 15;
        // Four bits, one to the bottom of each byte.
        let upper = ((hash >> 16) as u32 & 15).wrapping_mul(0x0020_4081) & ONES;
        Self {
            bytes: [within(0), 16 + within(1), 32 + within(2), 48 + within(3)],
            halves: ONES * 0x0f + upper * 0xe1,
        }
    }

    #[inline]
    fn bytes_of(&self, line: &[u8; 64]) -> u32 {
        u32::from_le_bytes([
            line[self.bytes[0]],
            line[self.bytes[1]],
            line[self.bytes[2]],
            line[self.bytes[3]],
        ])
    }

    #[inline]
    fn counters(&self, line: &[u8; 64]) -> Counters {
        let halves = self.bytes_of(line) & self.halves;
        Counters((halves | halves >> 4) & (ONES * 0x0f))
    }

    /// Adds one where `which` has one; says how many.
    #[inline]
    fn raise(&self, line: &mut [u8; 64], which: u32) -> u32 {
        let raised = self.bytes_of(line) + ((which * 0x11) & self.halves);
        for (at, byte) in self.bytes.into_iter().zip(raised.to_le_bytes()) {
            line[at] = byte;
        }
        which.wrapping_mul(ONES) >> 24
    }
}

impl Counters {
    #[inline]
    fn least(self) -> u8 {
        // Nearly every key is new.
        if self.equal_to(0) != 0 {
            return 0;
        }
        let [a, b, c, d] = self.0.to_le_bytes();
        a.min(b).min(c.min(d))
    }

    /// A one for each counter of this value, up to 15.
    #[inline]
    fn equal_to(self, value: u8) -> u32 {
        let differences = self.0 ^ (u32::from(value) * ONES);
        // The top bit of a byte stays clear only where nothing was added to.
        !(differences + ONES * 0x7f) >> 7 & ONES
    }
}

/// How many of a byte's two counters are not zero.
fn above_zero(byte: u8) -> u64 {
    u64::from(byte & 0x0f != 0) + u64::from(byte >> 4 != 0)
}

/// The greater of each two counters.
fn greatest(a: u8, b: u8) -> u8 {
    (a & 0x0f).max(b & 0x0f) | (a & 0xf0).max(b & 0xf0)
}

persist!(CountMin { pairs, side, filled, keys, limit, sparse, written });

#[cfg(test)]
mod tests {
    use super::super::hash::hash_word;
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    /// Sightings, some of which a turn (0) or a jump (1) goes before.
    fn acts(keys: std::ops::Range<u64>) -> impl Strategy<Value = Vec<(u64, u8)>> {
        prop::collection::vec((keys, 0u8..40), 1..400)
    }

    proptest! {
        #[test]
        fn it_never_counts_too_low(
            acts in acts(0..60), lines in 1usize..70, first in 1usize..70, seed: u64,
        ) {
            let mut sketch = CountMin::of(LinePairs::growing(lines, first));
            let [mut now, mut before] = [HashMap::new(), HashMap::new()];
            for (key, act) in acts {
                match act {
                    0 => {
                        sketch.turn();
                        before = std::mem::take(&mut now);
                    }
                    1 => {
                        sketch.clear();
                        let lines = [0, 1].map(|side| sketch.pairs.side(side));
                        prop_assert!(lines.into_iter().flatten().all(|line| *line == [0; 64]));
                        now.clear();
                        before.clear();
                    }
                    _ => {}
                }
                let hash = hash_word(key, seed);
                let count = now.entry(key).or_insert(0u32);
                *count += 1;
                let estimate = sketch.add(hash);
                prop_assert!(u32::from(estimate.0) >= (*count).min(15));
                prop_assert_eq!(estimate, sketch.estimate(hash));
                for key in 0..60 {
                    let (current, previous) = sketch.estimate(hash_word(key, seed));
                    let of = |counts: &HashMap<u64, u32>| {
                        counts.get(&key).map_or(0, |&n| n.min(15))
                    };
                    prop_assert!(u32::from(current) >= of(&now));
                    prop_assert!(u32::from(previous) >= of(&before));
                }
                for side in [0, 1] {
                    let mut filled = 0;
                    for (at, line) in sketch.pairs.side(side).enumerate() {
                        let counters: u64 = line.iter().copied().map(above_zero).sum();
                        let noted = sketch.written[side][at / 64] >> (at % 64) & 1 == 1;
                        prop_assert!(noted || counters == 0);
                        filled += counters;
                    }
                    prop_assert_eq!(sketch.filled[side], filled);
                }
            }
        }

        #[test]
        fn it_equals_counters_kept_one_by_one(
            acts in acts(0..u64::MAX), lines in 1usize..4, repeats in 1usize..4,
        ) {
            let mut sketch = CountMin::of(LinePairs::growing(lines, lines));
            let empty = || vec![[[0u8; 32]; 4]; lines];
            let (mut now, mut before) = (empty(), empty());
            for (hash, act) in acts.iter().cycle().take(repeats * acts.len()) {
                if *act == 0 {
                    sketch.turn();
                    before = std::mem::replace(&mut now, empty());
                }
                let at = |q: usize| (hash >> (4 * q)) as usize % 16 * 2 + (hash >> (16 + q)) as usize % 2;
                let of = |table: &[[[u8; 32]; 4]]| {
                    (0..4).map(|q| table[reduce(*hash, lines)][q][at(q)]).min().unwrap()
                };
                let (least, earlier) = (of(&now), of(&before));
                let line = &mut now[reduce(*hash, lines)];
                for q in 0..4 {
                    line[q][at(q)] = line[q][at(q)].max((least + 1).min(15));
                }
                prop_assert_eq!(sketch.add(*hash), ((least + 1).min(15), earlier));
            }
            let filled = [&now, &before]
                .map(|table| table.iter().flatten().flatten().filter(|&&c| c > 0).count());
            let share = *filled.iter().max().unwrap() as f64 / (lines * 128) as f64;
            prop_assert_eq!(sketch.fill(), share);
        }
    }

    #[test]
    fn a_lone_key_is_counted_exactly_and_stops_at_fifteen() {
        let mut sketch = CountMin::of(LinePairs::growing(3, 3));
        let hash = 0x1234_5678_9abc_def0;
        for n in 1..=40u8 {
            assert_eq!(sketch.add(hash), (n.min(15), 0));
        }
        assert_eq!(sketch.fill(), 4.0 / 384.0);
        sketch.turn();
        assert_eq!(sketch.add(hash), (1, 15));
        sketch.turn();
        assert_eq!(sketch.estimate(hash), (0, 1));
        sketch.clear();
        assert_eq!(sketch.estimate(hash), (0, 0));
        assert_eq!(sketch.fill(), 0.0);
    }

    #[test]
    fn only_what_the_load_asks_for_is_in_use_and_a_surge_promotes_next_to_nothing() {
        let mut sketch = CountMin::new(8 << 20);
        let first = sketch.pairs.len();
        let mut next = 0u64;
        // The share of so many unique keys that is counted twice more than it was seen.
        let mut epoch = |sketch: &mut CountMin, keys: usize| {
            sketch.turn();
            let wrong = |_: &usize| {
                next += 1;
                let (current, before) = sketch.add(hash_word(next, 5));
                current + before >= 3
            };
            (0..keys).filter(wrong).count() as f64 / keys as f64
        };
        let mut counters = |keys: usize| {
            let wrong = epoch(&mut sketch, keys);
            println!(
                "{keys} keys: {} pairs in use, {wrong:.1e} wrong",
                sketch.pairs.len()
            );
            assert!(wrong < 2e-5, "{keys}: {wrong}");
            // From a surge back takes its time.
            (0..2 * PATIENCE).for_each(|_| {
                epoch(&mut sketch, keys);
            });
            (sketch.pairs.len(), sketch.in_use() / keys)
        };
        for keys in [1_000, 120_000, 1_000, 30_000, 170_000, 5_000] {
            let (pairs, counters) = counters(keys);
            assert!(counters >= CROWDED, "{counters} a key");
            assert!(counters <= SPARSE || pairs == first, "{counters} a key");
        }
    }

    #[test]
    fn of_two_counters_the_greater_stays() {
        assert_eq!([greatest(0x3a, 0x47), greatest(0xf0, 0x0f)], [0x4a, 0xff]);
        assert_eq!([0x00, 0x01, 0x10, 0xf3].map(above_zero), [0, 1, 1, 2]);
    }

    #[test]
    fn a_budget_holds_the_counters_it_was_asked_for() {
        for counters in [1, 128, 129, 10_000, 1 << 20] {
            let bytes = CountMin::bytes_for(counters);
            let sketch = CountMin::new(bytes);
            assert!(sketch.counters() >= counters, "{counters}");
            assert!(sketch.memory_bytes() <= bytes, "{counters}");
        }
    }
}
