//! Where do any of many byte strings stand?
//!
//! Looking at every byte in turn, as an automaton does, waits for one table after the
//! other. Instead, four bytes at every eighth place are looked up in a small bitmap: a
//! string of eleven bytes or more covers one such place wherever it stands, and eight of
//! its grams of four are known. What the bitmap lets through is compared in full. (The
//! idea of Wu and Manber, *A fast algorithm for multi-pattern searching*, 1994: blocks of
//! bytes, hashed, and steps as long as the shortest pattern allows.)

use crate::error::Error;
use std::collections::BTreeMap;

/// Bytes that are looked up at a time.
const GRAM: usize = 4;
/// The longest step from one place to the next.
const MOST_STEP: usize = 8;
/// Bits of the map for each gram: one place in sixty-four is looked at in vain.
const BITS: usize = 64;

/// Byte strings, looked for all at once.
pub(super) struct Patterns {
    patterns: Vec<Vec<u8>>,
    step: usize,
    /// A bit for each hash of a gram.
    map: Vec<u64>,
    shift: u32,
    /// The known grams in order, and for each, which patterns have it at which place.
    grams: Vec<(u32, Vec<(u32, usize)>)>,
}

impl Patterns {
    /// Distinct strings of four bytes or more.
    pub(super) fn new(patterns: &[&[u8]]) -> Result<Self, Error> {
        let shortest =
            patterns.iter().map(|it| it.len()).min().unwrap_or(MOST_STEP + GRAM);
        if shortest < GRAM {
            return Err(Error::config("signatures", "a token of less than four bytes"));
        }
        let step = (shortest - GRAM + 1).min(MOST_STEP);
        let mut grams: BTreeMap<u32, Vec<(u32, usize)>> = BTreeMap::new();
        for (number, pattern) in (0..).zip(patterns) {
            let first = most_varied(pattern, step + GRAM - 1);
            for at in first..first + step {
                grams.entry(gram(&pattern[at..])).or_default().push((number, at));
            }
        }
        let bits = (BITS * grams.len()).next_power_of_two().max(64);
        let mut it = Self {
            patterns: patterns.iter().map(|pattern| pattern.to_vec()).collect(),
            step,
            map: vec![0; bits / 64],
            shift: 32 - bits.trailing_zeros().min(32),
            grams: grams.into_iter().collect(),
        };
        for (gram, _) in &it.grams {
            let hash = hash(*gram, it.shift);
            it.map[hash / 64] |= 1 << (hash % 64);
        }
        Ok(it)
    }

    /// The longest one's bytes; 1 without any.
    pub(super) fn longest(&self) -> usize {
        self.patterns.iter().map(Vec::len).max().unwrap_or(1)
    }

    /// Gives the number of every pattern and where it begins and ends in `text`, each
    /// occurrence once.
    pub(super) fn each(&self, text: &[u8], mut found: impl FnMut(u32, usize, usize)) {
        for at in (0..(text.len() + 1).saturating_sub(GRAM)).step_by(self.step) {
            let gram = gram(&text[at..]);
            let hash = hash(gram, self.shift);
            if self.map[hash / 64] & 1 << (hash % 64) != 0 {
                self.compare(text, at, gram, &mut found);
            }
        }
    }

    fn compare(
        &self,
        text: &[u8],
        at: usize,
        gram: u32,
        found: &mut impl FnMut(u32, usize, usize),
    ) {
        let Ok(known) = self.grams.binary_search_by_key(&gram, |(gram, _)| *gram) else {
            return;
        };
        for &(number, place) in &self.grams[known].1 {
            let pattern = &self.patterns[number as usize];
            if let Some(start) = at.checked_sub(place)
                && text[start..].starts_with(pattern)
            {
                found(number, start, start + pattern.len());
            }
        }
    }
}

fn gram(bytes: &[u8]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// The upper bits of a product with the golden ratio.
fn hash(gram: u32, shift: u32) -> usize {
    (gram.wrapping_mul(0x9e37_79b1) >> shift) as usize
}

/// Where the part of so many bytes with the most values begins; the first of several.
fn most_varied(pattern: &[u8], length: usize) -> usize {
    let parts = pattern.windows(length).enumerate().rev();
    let values = |part: &[u8]| {
        let first = |(at, byte): &(usize, &u8)| !part[..*at].contains(byte);
        part.iter().enumerate().filter(first).count()
    };
    parts.max_by_key(|(_, part)| values(part)).map_or(0, |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_finds_what_trying_every_place_does(
            least in 4usize..14,
            seeds in prop::collection::vec(prop::collection::vec(0u8..3, 30), 0..12),
            text in prop::collection::vec(0u8..3, 0..300),
            planted in any::<prop::sample::Index>(),
        ) {
            let cut = |(n, seed): (usize, &Vec<u8>)| seed[..least + n % 9].to_vec();
            let mut patterns: Vec<Vec<u8>> = seeds.iter().enumerate().map(cut).collect();
            patterns.sort();
            patterns.dedup();
            let mut text = text;
            if let Some(one) = patterns.get(planted.index(patterns.len().max(1))) {
                let at = planted.index(text.len() + 1);
                text.splice(at..at, one.iter().copied());
            }
            let slices: Vec<&[u8]> = patterns.iter().map(Vec::as_slice).collect();
            let fast = Patterns::new(&slices).unwrap();
            let mut found = Vec::new();
            fast.each(&text, |number, start, end| found.push((start, number, end)));
            found.sort_unstable();
            let mut expected = Vec::new();
            for start in 0..text.len() {
                for (number, pattern) in (0..).zip(&patterns) {
                    if text[start..].starts_with(pattern) {
                        expected.push((start, number, start + pattern.len()));
                    }
                }
            }
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn shorter_ones_are_refused() {
        assert!(Patterns::new(&[b"abcd", b"abc"]).is_err());
        assert!(Patterns::new(&[]).is_ok());
    }
}
