//! Where do any of many byte strings stand?
//!
//! An Aho-Corasick automaton (Aho and Corasick 1975) says where. But it looks at every byte
//! in turn and waits for one table after the other, and nearly all payloads hold nothing.
//! So a gate is asked first: four bytes at every eighth place are looked up in a small
//! bitmap. A string of eleven bytes or more covers one such place wherever it stands, and
//! eight of its grams of four are known; a payload in which none of them is found holds no
//! string. (The idea of Wu and Manber, *A fast algorithm for multi-pattern searching*,
//! 1994: blocks of bytes, hashed, and steps as long as the shortest pattern allows.)

use crate::error::Error;
use aho_corasick::AhoCorasick;

/// Bytes that are looked up at a time.
const GRAM: usize = 4;
/// The longest step from one place to the next.
const MOST_STEP: usize = 8;
/// Bits of the map for each gram: one place in sixty-four is looked at in vain.
const BITS: usize = 64;

/// Byte strings, looked for all at once.
pub(super) struct Patterns {
    automaton: AhoCorasick,
    longest: usize,
    /// `None` where a string is too short to have a gram.
    gate: Option<Gate>,
}

impl Patterns {
    /// Distinct strings.
    pub(super) fn new(patterns: &[&[u8]]) -> Result<Self, Error> {
        Ok(Self {
            automaton: AhoCorasick::new(patterns)
                .map_err(|error| Error::config("signatures", error.to_string()))?,
            longest: patterns.iter().map(|it| it.len()).max().unwrap_or(1),
            gate: Gate::new(patterns),
        })
    }

    /// The longest one's bytes; 1 without any.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// Gives the number of every pattern and where it begins and ends in `text`, each
    /// occurrence once.
    pub(super) fn each(&self, text: &[u8], mut found: impl FnMut(u32, usize, usize)) {
        if self.gate.as_ref().is_some_and(|gate| !gate.may_hold(text)) {
            return;
        }
        for it in self.automaton.find_overlapping_iter(text) {
            found(it.pattern().as_u32(), it.start(), it.end());
        }
    }
}

/// Says of most texts that they hold no pattern.
struct Gate {
    step: usize,
    /// A bit for each hash of a gram.
    map: Vec<u64>,
    shift: u32,
    /// The known grams in order.
    grams: Vec<u32>,
}

impl Gate {
    fn new(patterns: &[&[u8]]) -> Option<Self> {
        let shortest = patterns.iter().map(|it| it.len()).min();
        let step = match shortest {
            Some(shortest) => {
                (shortest + 1).checked_sub(GRAM).filter(|step| *step > 0)?
            }
            None => MOST_STEP,
        };
        let step = step.min(MOST_STEP);
        let mut grams = Vec::with_capacity(patterns.len() * step);
        for pattern in patterns {
            let first = most_varied(pattern, step + GRAM - 1);
            grams.extend((first..first + step).map(|at| gram(&pattern[at..])));
        }
        grams.sort_unstable();
        grams.dedup();
        let bits = (BITS * grams.len()).next_power_of_two().max(64);
        let shift = 32 - bits.trailing_zeros().min(32);
        let mut map = vec![0; bits / 64];
        for gram in &grams {
            let hash = hash(*gram, shift);
            map[hash / 64] |= 1 << (hash % 64);
        }
        Some(Self { step, map, shift, grams })
    }

    fn may_hold(&self, text: &[u8]) -> bool {
        let mut places = (0..(text.len() + 1).saturating_sub(GRAM)).step_by(self.step);
        places.any(|at| {
            let gram = gram(&text[at..]);
            let hash = hash(gram, self.shift);
            self.map[hash / 64] & 1 << (hash % 64) != 0
                && self.grams.binary_search(&gram).is_ok()
        })
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
            least in 1usize..14,
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
    fn without_patterns_nothing_is_found() {
        Patterns::new(&[]).unwrap().each(b"some text", |_, _, _| panic!("found"));
    }
}
