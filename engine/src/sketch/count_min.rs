//! A count-min sketch of four-bit counters, one cache line a key.

use super::generations::Clear;
use super::hash::reduce;
use super::lines::{BYTES, Line, Lines};
use std::hint::black_box;

/// Counters of a key.
const DEPTH: usize = 4;
/// Counters in a line, four bits each.
const COUNTERS_PER_LINE: usize = 128;

/// How often each key was seen, within 0 to 15, never too low.
///
/// Estan and Varghese's multistage filter with conservative update (SIGCOMM 2002), which
/// is a count-min sketch (Cormode and Muthukrishnan 2005) that only raises a key's
/// smallest counters. It is *blocked*: the hash picks one 64-byte line and, in each
/// quarter of it, one of 32 counters, so that an update costs one cache miss instead of
/// four. A counter only has to reach the threshold that it is compared with, so four
/// bits serve thresholds up to 15.
#[derive(Debug)]
pub struct CountMin {
    lines: Lines,
    /// Counters above zero.
    filled: u64,
}

impl CountMin {
    /// The value at which counters stop.
    pub const CAP: u8 = 15;

    /// A sketch of at most `bytes`, bookkeeping included; never less than one line, which
    /// takes 124 bytes.
    pub fn new(bytes: usize) -> Self {
        Self { lines: Lines::within(bytes), filled: 0 }
    }

    /// A sketch of `lines` cache lines, 128 counters each; at least one.
    pub fn with_lines(lines: usize) -> Self {
        Self { lines: Lines::with_count(lines), filled: 0 }
    }

    /// Bytes of a sketch with at least this many counters.
    pub fn bytes_for(counters: usize) -> usize {
        let lines = counters.div_ceil(COUNTERS_PER_LINE);
        // What `Lines::within` takes off again: alignment, list of written lines.
        lines.saturating_mul(BYTES).saturating_add(lines / 4 + 128)
    }

    /// Counts the key of this hash once more and returns its estimate, itself included.
    #[inline]
    pub fn add(&mut self, hash: u64) -> u8 {
        let line = self.lines.line_mut(reduce(hash, self.lines.len()));
        let values = values(line, hash);
        let least = least(values);
        if least == u64::from(Self::CAP) {
            return Self::CAP;
        }
        let mut raised = 0;
        for (quarter, value) in values.into_iter().enumerate() {
            let (word, shift) = place(hash, quarter);
            let raise = u64::from(value == least);
            line[word] += raise << shift;
            raised += raise;
        }
        if least == 0 {
            self.filled += raised;
        }
        least as u8 + 1
    }

    /// The estimate of the key of this hash: at least how often it was added, up to 15.
    #[inline]
    pub fn estimate(&self, hash: u64) -> u8 {
        least(values(self.lines.line(reduce(hash, self.lines.len())), hash)) as u8
    }

    /// Brings the key's cache line closer; changes nothing.
    #[inline]
    pub fn touch(&self, hash: u64) {
        black_box(self.lines.line(reduce(hash, self.lines.len()))[0]);
    }

    /// Share of counters above zero, 0 to 1.
    pub fn fill(&self) -> f64 {
        self.filled as f64 / self.counters() as f64
    }

    /// Number of counters.
    pub fn counters(&self) -> usize {
        self.lines.len() * COUNTERS_PER_LINE
    }

    /// Bytes allocated.
    pub fn memory_bytes(&self) -> usize {
        self.lines.memory_bytes()
    }
}

impl Clear for CountMin {
    fn clear(&mut self) {
        self.lines.clear();
        self.filled = 0;
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

#[cfg(test)]
mod tests {
    use super::super::hash::remix;
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn it_never_counts_too_low(
            keys in prop::collection::vec(0u64..60, 1..400),
            lines in 1usize..6,
            seed: u64,
        ) {
            let mut sketch = CountMin::with_lines(lines);
            let mut exact = HashMap::new();
            for key in keys {
                let hash = remix(key, seed);
                let count = exact.entry(key).or_insert(0u32);
                *count += 1;
                let estimate = sketch.add(hash);
                prop_assert!(u32::from(estimate) >= (*count).min(15));
                prop_assert_eq!(estimate, sketch.estimate(hash));
            }
            for (key, count) in exact {
                prop_assert!(u32::from(sketch.estimate(remix(key, seed))) >= count.min(15));
            }
        }

        #[test]
        fn it_equals_counters_kept_one_by_one(
            keys in prop::collection::vec(any::<u64>(), 1..300),
            lines in 1usize..4,
        ) {
            let mut sketch = CountMin::with_lines(lines);
            let mut plain = vec![[[0u8; 32]; 4]; lines];
            for key in keys.iter().cycle().take(600) {
                let line = &mut plain[reduce(*key, lines)];
                let at = |quarter: usize| (key >> (5 * quarter)) as usize % 32;
                let least = (0..4).map(|q| line[q][at(q)]).min().unwrap();
                for q in 0..4 {
                    line[q][at(q)] = line[q][at(q)].max((least + 1).min(15));
                }
                prop_assert_eq!(sketch.add(*key), (least + 1).min(15));
            }
            let filled = plain.iter().flatten().flatten().filter(|&&c| c > 0).count();
            prop_assert_eq!(sketch.fill(), filled as f64 / (lines * 128) as f64);
        }
    }

    #[test]
    fn a_lone_key_is_counted_exactly_and_stops_at_fifteen() {
        let mut sketch = CountMin::with_lines(3);
        for n in 1..=40u8 {
            assert_eq!(sketch.add(0x1234_5678_9abc_def0), n.min(15));
        }
        assert_eq!(sketch.fill(), 4.0 / 384.0);
        sketch.clear();
        assert_eq!(sketch.estimate(0x1234_5678_9abc_def0), 0);
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
