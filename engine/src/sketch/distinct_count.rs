//! A count-min sketch whose cells count distinct things, of two kinds side by side.

use super::epochs::Clear;
use super::hash::{hash_word, reduce};
use super::lines::{Lines, WORDS};
use crate::pages::CACHE_LINE;
use crate::state::persist;
use std::sync::LazyLock;

/// Cells of a key, one a row.
const ROWS: usize = 3;
/// Kinds of things counted in a cell.
const KINDS: usize = 2;

/// How many different things of two kinds were seen with each key, never too few.
///
/// A cell is two linear-counting bitmaps (Whang et al. 1990), one for each kind, next to
/// each other. A key has one cell in each of three rows, shared with other keys. A thing
/// sets the *same* bit in all three, chosen by its own hash; so the bits that all three
/// rows have in common hold every bit of the key, and a bit too many only where each row
/// brings it along from some other key. The count is taken from these common bits. It is
/// never above the smallest of the three rows' counts, the usual count-min estimate.
///
/// Tables merge by OR, and an update costs three cache misses.
#[derive(Debug)]
pub struct DistinctCount {
    lines: Lines,
    cells_per_row: usize,
    /// Words of one bitmap.
    words: usize,
    /// Cells of the first row in use.
    occupied: usize,
}

impl DistinctCount {
    /// Bits of the narrowest bitmap.
    pub const LEAST_WIDTH: usize = 64;
    /// Bits of the widest bitmap.
    pub const MOST_WIDTH: usize = 1 << 16;

    /// A sketch of at most `bytes` with bitmaps of `width` bits: a power of two from 64 to
    /// 65,536 (others are rounded up into that range). Never less than one cell a row.
    pub fn new(bytes: usize, width: usize) -> Self {
        let words = Self::words(width);
        let least_lines = (ROWS * KINDS * words).div_ceil(WORDS);
        let fitting = Lines::within(bytes);
        let lines = if fitting.len() < least_lines {
            Lines::with_count(least_lines)
        } else {
            fitting
        };
        let cells_per_row = lines.len() * WORDS / (KINDS * words) / ROWS;
        Self { lines, cells_per_row, words, occupied: 0 }
    }

    fn words(width: usize) -> usize {
        let width = width.clamp(Self::LEAST_WIDTH, Self::MOST_WIDTH);
        width.next_power_of_two() / u64::BITS as usize
    }

    /// Bytes of a sketch with at least this many cells a row of this width.
    pub fn bytes_for(cells_per_row: usize, width: usize) -> usize {
        let words = Self::words(width);
        let lines = cells_per_row.saturating_mul(ROWS * KINDS * words).div_ceil(WORDS);
        lines.saturating_mul(CACHE_LINE).saturating_add(lines / 4 + 128)
    }

    /// Enters one thing of each kind, as a hash, under the key of this hash.
    pub fn insert(&mut self, hash: u64, things: [u64; KINDS]) {
        let cells = self.cells(hash);
        if self.words == 1 {
            self.enter_words(&cells, things);
        } else {
            self.enter(&cells, things);
        }
    }

    /// Does so, and says how many different things of each kind were entered here or in
    /// `other`, a sketch of the same shape.
    pub fn insert_and_estimate(
        &mut self,
        other: &Self,
        hash: u64,
        things: [u64; KINDS],
    ) -> [u32; KINDS] {
        let cells = self.cells(hash);
        if self.words == 1 {
            let [own, others] =
                [self.enter_words(&cells, things), other.common_words(&cells)];
            return count_of_words(own, others);
        }
        self.enter(&cells, things);
        self.count(&cells, |kind, word| other.common(&cells, kind, word))
    }

    /// Enters things where a bitmap is one word, and gives the bits that all rows then have
    /// in common. Both words of a cell are in one line.
    #[inline]
    fn enter_words(
        &mut self,
        cells: &[usize; ROWS],
        things: [u64; KINDS],
    ) -> [u64; KINDS] {
        let bits = things.map(|thing| 1 << reduce(thing, 64));
        let mut common = [u64::MAX; KINDS];
        for (row, cell) in cells.iter().enumerate() {
            let line = self.lines.line_mut(cell / WORDS);
            let at = cell % WORDS;
            self.occupied += usize::from(row == 0 && line[at] == 0);
            line[at] |= bits[0];
            line[at | 1] |= bits[1];
            common = [common[0] & line[at], common[1] & line[at | 1]];
        }
        common
    }

    /// The bits that all rows have in common, where a bitmap is one word.
    #[inline]
    fn common_words(&self, cells: &[usize; ROWS]) -> [u64; KINDS] {
        if self.occupied == 0 {
            return [0; KINDS];
        }
        let mut common = [u64::MAX; KINDS];
        for cell in cells {
            let line = self.lines.line(cell / WORDS);
            let at = cell % WORDS;
            common = [common[0] & line[at], common[1] & line[at | 1]];
        }
        common
    }

    fn enter(&mut self, cells: &[usize; ROWS], things: [u64; KINDS]) {
        let is_new = (0..self.words).all(|word| self.word(cells[0] + word) == 0);
        self.occupied += usize::from(is_new);
        let bits = things.map(|thing| reduce(thing, self.words * 64));
        for cell in cells {
            for (kind, bit) in bits.into_iter().enumerate() {
                let word = cell + kind * self.words + bit / 64;
                self.lines.line_mut(word / WORDS)[word % WORDS] |= 1 << (bit % 64);
            }
        }
    }

    /// How many different things of each kind the key was seen with.
    pub fn estimate(&self, hash: u64) -> [u32; KINDS] {
        self.count(&self.cells(hash), |_, _| 0)
    }

    /// The same for what was entered here or in `other`, a sketch of the same shape.
    pub fn estimate_with(&self, other: &Self, hash: u64) -> [u32; KINDS] {
        let cells = self.cells(hash);
        if self.words == 1 {
            return count_of_words(self.common_words(&cells), other.common_words(&cells));
        }
        self.count(&cells, |kind, word| other.common(&cells, kind, word))
    }

    /// Takes over what was entered in `other`; false, and nothing done, when its shape
    /// differs. Occupancy is then an upper bound.
    pub fn merge(&mut self, other: &Self) -> bool {
        let merged = self.words == other.words && self.lines.or(&other.lines);
        if merged {
            self.occupied = (self.occupied + other.occupied).min(self.cells_per_row);
        }
        merged
    }

    /// Where the key's cells begin, to be prefetched.
    #[inline]
    pub fn places(&self, hash: u64) -> [&[u64; 8]; ROWS] {
        self.cells(hash).map(|cell| self.lines.place(cell / WORDS))
    }

    /// Share of the cells of a row that are in use, 0 to 1.
    pub fn fill(&self) -> f64 {
        self.occupied as f64 / self.cells_per_row as f64
    }

    /// Cells in each row.
    pub fn cells_per_row(&self) -> usize {
        self.cells_per_row
    }

    /// Bits of one bitmap.
    pub fn width(&self) -> usize {
        self.words * 64
    }

    /// Bytes allocated.
    pub fn memory_bytes(&self) -> usize {
        self.lines.memory_bytes()
    }

    /// The first word of the key's cell in each row. Cells are a power of two of words, so
    /// none lies across two lines that could hold it.
    #[inline]
    fn cells(&self, hash: u64) -> [usize; ROWS] {
        std::array::from_fn(|row| {
            let within = reduce(hash_word(hash, row as u64), self.cells_per_row);
            (row * self.cells_per_row + within) * KINDS * self.words
        })
    }

    #[inline]
    fn word(&self, index: usize) -> u64 {
        self.lines.line(index / WORDS)[index % WORDS]
    }

    /// The bits that all rows have in common, one word of them.
    #[inline]
    fn common(&self, cells: &[usize; ROWS], kind: usize, word: usize) -> u64 {
        let at = kind * self.words + word;
        cells.iter().fold(u64::MAX, |bits, cell| bits & self.word(cell + at))
    }

    /// The count of the bits that all rows have in common, or `more` has.
    fn count(
        &self,
        cells: &[usize; ROWS],
        more: impl Fn(usize, usize) -> u64,
    ) -> [u32; KINDS] {
        std::array::from_fn(|kind| {
            let set = (0..self.words).fold(0, |set, word| {
                let bits = self.common(cells, kind, word) | more(kind, word);
                set + bits.count_ones()
            });
            match self.words {
                1 => COUNTS_OF_64[set as usize],
                words => linear_count(set, words * 64),
            }
        })
    }
}

impl Clear for DistinctCount {
    fn clear(&mut self) {
        self.lines.clear();
        self.occupied = 0;
    }
}

/// How many different things set these bits, of bitmaps of one word.
#[inline]
fn count_of_words(own: [u64; KINDS], others: [u64; KINDS]) -> [u32; KINDS] {
    let bits = [own[0] | others[0], own[1] | others[1]];
    bits.map(|bits| COUNTS_OF_64[bits.count_ones() as usize])
}

/// The number of different things that most likely set `set` of `width` bits:
/// width x ln(width / clear), rounded to the nearest (Whang et al. 1990, section 3).
///
/// One set bit gives 1 and two give 2 at every width from 64 on. A full bitmap counts as
/// if half a bit were clear, so 64 bits end at 311.
pub fn linear_count(set: u32, width: usize) -> u32 {
    let width = width as f64;
    let clear = (width - f64::from(set)).max(0.5);
    (width * (width / clear).ln()).round() as u32
}

/// [`linear_count`] of the usual 64 bits, which every promoted sighting asks for.
static COUNTS_OF_64: LazyLock<[u32; 65]> =
    LazyLock::new(|| std::array::from_fn(|set| linear_count(set as u32, 64)));

persist!(DistinctCount { lines, occupied; cells_per_row, words });

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{HashMap, HashSet};

    type Inserts = Vec<(u64, u64, u64)>;

    fn inserts() -> impl Strategy<Value = Inserts> {
        prop::collection::vec((0u64..20, 0u64..40, 0u64..40), 1..200)
    }

    fn enter(sketch: &mut DistinctCount, inserts: &[(u64, u64, u64)]) {
        for &(key, first, second) in inserts {
            let things = [hash_word(first, key), hash_word(second, key + 1_000)];
            sketch.insert(hash_word(key, 77), things);
        }
    }

    /// Linear counting with a bitmap of its own for each key.
    fn unshared(inserts: &[(u64, u64, u64)], width: usize) -> HashMap<u64, [u32; 2]> {
        let mut bits: HashMap<u64, [HashSet<usize>; 2]> = HashMap::new();
        for &(key, first, second) in inserts {
            let sets = bits.entry(key).or_default();
            sets[0].insert(reduce(hash_word(first, key), width));
            sets[1].insert(reduce(hash_word(second, key + 1_000), width));
        }
        let count = |sets: [HashSet<usize>; 2]| {
            sets.map(|set| linear_count(set.len() as u32, width))
        };
        bits.into_iter().map(|(key, sets)| (key, count(sets))).collect()
    }

    proptest! {
        #[test]
        fn it_never_counts_below_a_bitmap_of_the_keys_own(
            inserts in inserts(), width_log in 6u32..10, cells in 1usize..60,
        ) {
            let width = 1 << width_log;
            let mut sketch = DistinctCount::new(DistinctCount::bytes_for(cells, width), width);
            enter(&mut sketch, &inserts);
            for (key, exact) in unshared(&inserts, width) {
                let estimate = sketch.estimate(hash_word(key, 77));
                prop_assert!(estimate[0] >= exact[0] && estimate[1] >= exact[1]);
            }
        }

        #[test]
        fn with_room_it_equals_a_bitmap_of_the_keys_own(
            inserts in inserts(), width_log in 6u32..10,
        ) {
            let width = 1 << width_log;
            let mut sketch = DistinctCount::new(4 << 20, width);
            enter(&mut sketch, &inserts);
            for (key, exact) in unshared(&inserts, width) {
                prop_assert_eq!(sketch.estimate(hash_word(key, 77)), exact);
            }
        }

        #[test]
        fn merging_by_or_is_the_same_as_entering_all(
            first in inserts(), second in inserts(), cells in 4usize..40,
        ) {
            let bytes = DistinctCount::bytes_for(cells, 64);
            let [mut one, mut two, mut all] =
                std::array::from_fn(|_| DistinctCount::new(bytes, 64));
            enter(&mut one, &first);
            enter(&mut two, &second);
            enter(&mut all, &[first, second].concat());
            let separate: Vec<_> =
                (0..20).map(|key| one.estimate_with(&two, hash_word(key, 77))).collect();
            prop_assert!(one.merge(&two));
            for key in 0..20 {
                let hash = hash_word(key, 77);
                prop_assert_eq!(one.estimate(hash), all.estimate(hash));
                // Read apart, fewer foreign bits coincide.
                let apart = separate[key as usize];
                prop_assert!((0..2).all(|kind| apart[kind] <= all.estimate(hash)[kind]));
            }
        }
    }

    #[test]
    fn small_numbers_read_exactly_and_full_bitmaps_read_high() {
        for width in [64, 128, 1_024, 65_536] {
            assert_eq!([0, 1, 2].map(|set| linear_count(set, width)), [0, 1, 2]);
        }
        assert_eq!([63, 64, 99].map(|set| linear_count(set, 64)), [266, 311, 311]);
    }

    #[test]
    fn budgets_hold_at_every_width_and_a_clear_empties() {
        for width in [0, 64, 100, 128, 512, 4_096, 65_536] {
            for cells in [1, 3, 1_000] {
                let bytes = DistinctCount::bytes_for(cells, width);
                let mut sketch = DistinctCount::new(bytes, width);
                assert!(
                    sketch.cells_per_row() >= cells && sketch.memory_bytes() <= bytes
                );
                sketch.insert(5, [u64::MAX, 0]);
                assert_eq!(sketch.estimate(5), [1, 1]);
                assert_eq!(sketch.fill(), 1.0 / sketch.cells_per_row() as f64);
                sketch.clear();
                assert_eq!((sketch.estimate(5), sketch.fill()), ([0, 0], 0.0));
            }
        }
        let mut narrow = DistinctCount::new(4_096, 64);
        assert!(!narrow.merge(&DistinctCount::new(4_096, 128)));
        assert!(!narrow.merge(&DistinctCount::new(8_192, 64)));
    }
}
