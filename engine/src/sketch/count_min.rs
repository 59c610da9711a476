//! A count-min sketch of four-bit counters, one cache line a key and generation.

use super::generations::Clear;
use super::hash::reduce;
use super::lines::{BYTES, Line, Lines};
use crate::state::persist;

/// Counters of a key.
const DEPTH: usize = 4;
/// Counters in a line, four bits each.
const COUNTERS_PER_LINE: usize = 128;

/// How often each key was seen in this generation and in the one before, each within 0
/// to 15, never too low.
///
/// Estan and Varghese's multistage filter with conservative update (SIGCOMM 2002), which
/// is a count-min sketch (Cormode and Muthukrishnan 2005) that only raises a key's
/// smallest counters. It is *blocked*: the hash picks one 64-byte line and, in each
/// quarter of it, one of 32 counters, so that an update costs one cache miss instead of
/// four. A counter only has to reach the threshold that it is compared with, so four
/// bits serve thresholds up to 15.
///
/// The line of the generation before lies beside it, in the same aligned 128 bytes and
/// the same page: lines are in pairs, and the generations take turns at who is first.
#[derive(Debug)]
pub struct CountMin {
    lines: Lines,
    /// Which line of each pair is the current generation's: 0 or 1.
    side: usize,
    /// Counters above zero, by side.
    filled: [u64; 2],
}

impl CountMin {
    /// The value at which counters stop.
    pub const CAP: u8 = 15;

    /// A sketch of at most `bytes`, bookkeeping included; never less than one line a
    /// generation, which takes 256 bytes.
    pub fn new(bytes: usize) -> Self {
        Self::of(Lines::pairs_within(bytes))
    }

    /// A sketch of `lines` cache lines a generation, 128 counters each; at least one.
    pub fn with_lines(lines: usize) -> Self {
        Self::of(Lines::with_pairs(lines))
    }

    fn of(lines: Lines) -> Self {
        Self { lines, side: 0, filled: [0; 2] }
    }

    /// Bytes of a sketch with at least this many counters a generation.
    pub fn bytes_for(counters: usize) -> usize {
        let lines = counters.div_ceil(COUNTERS_PER_LINE);
        // What `Lines::pairs_within` takes off again: alignment, bits of written lines.
        lines.saturating_mul(2 * BYTES).saturating_add(lines / 4 + 264)
    }

    /// Counts the key of this hash once more and returns its estimates in this
    /// generation, itself included, and in the one before.
    #[inline]
    pub fn add(&mut self, hash: u64) -> (u8, u8) {
        let at = self.pair(hash);
        let before = least(values(self.lines.line(at + 1 - self.side), hash)) as u8;
        let line = self.lines.line_mut(at + self.side);
        let values = values(line, hash);
        let least = least(values);
        if least == u64::from(Self::CAP) {
            return (Self::CAP, before);
        }
        let mut raised = 0;
        for (quarter, value) in values.into_iter().enumerate() {
            let (word, shift) = place(hash, quarter);
            let raise = u64::from(value == least);
            line[word] += raise << shift;
            raised += raise;
        }
        if least == 0 {
            self.filled[self.side] += raised;
        }
        (least as u8 + 1, before)
    }

    /// The estimates of the key of this hash in this generation and in the one before:
    /// each at least how often it was added then, up to 15.
    #[inline]
    pub fn estimate(&self, hash: u64) -> (u8, u8) {
        let at = self.pair(hash);
        let of = |side| least(values(self.lines.line(at + side), hash)) as u8;
        (of(self.side), of(1 - self.side))
    }

    /// Where the key's counters of both generations lie, and what says whether they were
    /// written, to be prefetched.
    #[inline]
    pub fn places(&self, hash: u64) -> (&[[u64; 8]; 2], &u64) {
        let at = self.pair(hash);
        (self.lines.place(at), self.lines.bit_place(at))
    }

    /// Begins a new generation: the current one becomes the one before, whose counts are
    /// forgotten.
    pub fn turn(&mut self) {
        self.side = 1 - self.side;
        self.lines.clear_every_other(self.side);
        self.filled[self.side] = 0;
    }

    /// Share of counters above zero, 0 to 1: of the fuller generation.
    pub fn fill(&self) -> f64 {
        self.filled[0].max(self.filled[1]) as f64 / self.counters() as f64
    }

    /// Number of counters of one generation.
    pub fn counters(&self) -> usize {
        self.lines.len() / 2 * COUNTERS_PER_LINE
    }

    /// Bytes allocated.
    pub fn memory_bytes(&self) -> usize {
        self.lines.memory_bytes()
    }

    /// The first line of the key's pair.
    #[inline]
    fn pair(&self, hash: u64) -> usize {
        2 * reduce(hash, self.lines.len() / 2)
    }
}

impl Clear for CountMin {
    fn clear(&mut self) {
        self.lines.clear();
        self.filled = [0; 2];
    }
}

/// Word and shift of the key's counter in one quarter of a line, which is two words. The
/// low 20 bits of the hash choose in it, while the upper bits chose the line.
#[inline]
fn place(hash: u64, quarter: usize) -> (usize, u32) {
    let position = (hash >> (5 * quarter)) as usize & 31;
    (2 * quarter + (position & 1), (position as u32 >> 1) * 4)
}

/// The key's counters. A plain loop: compilers leave a call in `map` over an array.
#[inline]
fn values(line: &Line, hash: u64) -> [u64; DEPTH] {
    let mut values = [0; DEPTH];
    for (quarter, value) in values.iter_mut().enumerate() {
        let (word, shift) = place(hash, quarter);
        *value = (line[word] >> shift) & u64::from(CountMin::CAP);
    }
    values
}

#[inline]
fn least(values: [u64; DEPTH]) -> u64 {
    values[0].min(values[1]).min(values[2].min(values[3]))
}

persist!(CountMin { lines, side, filled });

#[cfg(test)]
mod tests {
    use super::super::hash::remix;
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    /// Sightings, some of which a turn (0) or a jump (1) goes before.
    fn acts(keys: std::ops::Range<u64>) -> impl Strategy<Value = Vec<(u64, u8)>> {
        prop::collection::vec((keys, 0u8..40), 1..400)
    }

    proptest! {
        #[test]
        fn it_never_counts_too_low(acts in acts(0..60), lines in 1usize..70, seed: u64) {
            let mut sketch = CountMin::with_lines(lines);
            let [mut now, mut before] = [HashMap::new(), HashMap::new()];
            for (key, act) in acts {
                match act {
                    0 => {
                        sketch.turn();
                        before = std::mem::take(&mut now);
                    }
                    1 => {
                        sketch.clear();
                        now.clear();
                        before.clear();
                    }
                    _ => {}
                }
                let hash = remix(key, seed);
                let count = now.entry(key).or_insert(0u32);
                *count += 1;
                let estimate = sketch.add(hash);
                prop_assert!(u32::from(estimate.0) >= (*count).min(15));
                prop_assert_eq!(estimate, sketch.estimate(hash));
                for key in 0..60 {
                    let (current, previous) = sketch.estimate(remix(key, seed));
                    let of = |counts: &HashMap<u64, u32>| {
                        counts.get(&key).map_or(0, |&n| n.min(15))
                    };
                    prop_assert!(u32::from(current) >= of(&now));
                    prop_assert!(u32::from(previous) >= of(&before));
                }
            }
        }

        #[test]
        fn it_equals_counters_kept_one_by_one(
            acts in acts(0..u64::MAX), lines in 1usize..4, repeats in 1usize..4,
        ) {
            let mut sketch = CountMin::with_lines(lines);
            let empty = || vec![[[0u8; 32]; 4]; lines];
            let (mut now, mut before) = (empty(), empty());
            for (hash, act) in acts.iter().cycle().take(repeats * acts.len()) {
                if *act == 0 {
                    sketch.turn();
                    before = std::mem::replace(&mut now, empty());
                }
                let at = |quarter: usize| (hash >> (5 * quarter)) as usize % 32;
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
        let mut sketch = CountMin::with_lines(3);
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
    fn a_budget_holds_the_counters_it_was_asked_for() {
        for counters in [1, 128, 129, 10_000, 1 << 20] {
            let bytes = CountMin::bytes_for(counters);
            let sketch = CountMin::new(bytes);
            assert!(sketch.counters() >= counters, "{counters}");
            assert!(sketch.memory_bytes() <= bytes, "{counters}");
        }
    }
}
