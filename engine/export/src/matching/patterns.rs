//! Many byte strings found in one pass.
//!
//! An Aho-Corasick automaton (Aho and Corasick 1975) finds them. But it reads every byte
//! in turn and waits for a table at each, and nearly all payloads hold nothing.
//! So a filter comes first: four bytes at every eighth place are looked up in a small
//! bitmap. A string of eleven bytes or more covers one such place wherever it stands, and
//! eight of its grams of four are known; where one of them is found, the strings that have
//! it are compared in place. The automaton is left for short strings, and for a payload
//! that asks for more comparisons than it has bytes. (The idea of Wu and Manber, *A fast
//! algorithm for multi-pattern searching*, 1994: blocks of bytes, hashed, and steps as long
//! as the shortest pattern allows.)

use aho_corasick::AhoCorasick;
use wormsift::error::Error;

/// Bytes that are looked up at a time.
const GRAM: usize = 4;
/// The longest step from one place to the next.
const MOST_STEP: usize = 8;
/// Bits of the map for each gram: one place in sixty-four is looked at in vain.
const BITS: usize = 64;

/// Byte strings, looked for all at once.
pub(super) struct Patterns {
    automaton: AhoCorasick,
    /// `None` where a string is too short to have a gram.
    gate: Option<Gate>,
}

impl Patterns {
    /// Distinct strings.
    pub(super) fn new(patterns: &[&[u8]]) -> Result<Self, Error> {
        Ok(Self {
            automaton: AhoCorasick::new(patterns)
                .map_err(|error| Error::config("signatures", error.to_string()))?,
            gate: Gate::new(patterns),
        })
    }

    /// Gives the number of every pattern and where it begins and ends in `text`, each
    /// occurrence once.
    pub(super) fn each(&self, text: &[u8], mut found: impl FnMut(u32, usize, usize)) {
        let compared = match &self.gate {
            Some(gate) => gate.each(text, &mut found),
            None => 0,
        };
        if compared == text.len() {
            return;
        }
        for it in self.automaton.find_overlapping_iter(text) {
            let pattern = it.pattern().as_u32();
            let gate = self.gate.as_ref();
            if gate.is_none_or(|gate| gate.place(pattern, it.start()) >= compared) {
                found(pattern, it.start(), it.end());
            }
        }
    }
}

/// Finds the few places of a text where a pattern may stand.
struct Gate {
    patterns: Vec<Box<[u8]>>,
    /// By pattern, where the first of its known grams begins.
    first: Vec<usize>,
    step: usize,
    /// A bit for each hash of a gram.
    map: Vec<u64>,
    shift: u32,
    /// The known grams in order, each with the pattern that has it, and where.
    grams: Vec<(u32, u32, usize)>,
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
        let mut starts = Vec::with_capacity(patterns.len());
        for (pattern, number) in patterns.iter().zip(0..) {
            let first = most_varied(pattern, step + GRAM - 1);
            let places = first..first + step;
            grams.extend(places.map(|at| (gram(&pattern[at..]), number, at)));
            starts.push(first);
        }
        grams.sort_unstable();
        let bits = (BITS * grams.len()).next_power_of_two().max(64);
        let shift = 32 - bits.trailing_zeros().min(32);
        let mut map = vec![0; bits / 64];
        for (gram, ..) in &grams {
            let hash = hash(*gram, shift);
            map[hash / 64] |= 1 << (hash % 64);
        }
        let patterns = patterns.iter().map(|&it| it.into()).collect();
        Some(Self { patterns, first: starts, step, map, shift, grams })
    }

    /// Gives every pattern at the places before the one that is returned: all of them
    /// when that is the end of the text, fewer when comparing takes too long.
    fn each(&self, text: &[u8], found: &mut impl FnMut(u32, usize, usize)) -> usize {
        let mut left = text.len();
        for at in (0..(text.len() + 1).saturating_sub(GRAM)).step_by(self.step) {
            let gram = gram(&text[at..]);
            let hash = hash(gram, self.shift);
            if self.map[hash / 64] & 1 << (hash % 64) == 0 {
                continue;
            }
            let begin = self.grams.partition_point(|(known, ..)| *known < gram);
            let those =
                self.grams[begin..].iter().take_while(|(known, ..)| *known == gram);
            let count = those.clone().count();
            if count > left {
                return at;
            }
            left -= count;
            for &(_, number, offset) in those {
                let pattern = &self.patterns[number as usize];
                let Some(start) = at.checked_sub(offset) else { continue };
                if text[start..].starts_with(pattern) {
                    found(number, start, start + pattern.len());
                }
            }
        }
        text.len()
    }

    /// The one place at which [`Gate::each`] finds this pattern when it begins there.
    fn place(&self, pattern: u32, start: usize) -> usize {
        (start + self.first[pattern as usize]).next_multiple_of(self.step)
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
    fn strings_that_share_their_grams_are_left_to_the_automaton_halfway() {
        let patterns: Vec<Vec<u8>> =
            (1..=40).map(|last| [&[0; 12][..], &[last]].concat()).collect();
        let slices: Vec<&[u8]> = patterns.iter().map(Vec::as_slice).collect();
        let fast = Patterns::new(&slices).unwrap();
        // The first is found in place, then zeros ask for too many comparisons.
        let mut text = vec![9; 40];
        text.extend(&patterns[7]);
        text.extend([9; 900]);
        for last in [1, 2, 40] {
            text.extend([0; 60]);
            text.push(last);
        }
        let gate = fast.gate.as_ref().unwrap();
        let mut early = 0;
        let compared = gate.each(&text, &mut |_, _, _| early += 1);
        assert!(early == 1 && (60..text.len()).contains(&compared), "{early} {compared}");
        let mut found = Vec::new();
        fast.each(&text, |number, start, end| found.push((start, number, end)));
        found.sort_unstable();
        assert_eq!(
            found,
            [(40, 7, 53), (1_001, 0, 1_014), (1_062, 1, 1_075), (1_123, 39, 1_136)]
        );
    }

    #[test]
    fn without_patterns_nothing_is_found() {
        Patterns::new(&[]).unwrap().each(b"some text", |_, _, _| panic!("found"));
    }
}
