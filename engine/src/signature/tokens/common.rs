//! Strings of one text that occur in all others.

use std::ops::Range;

/// The shortest string that is looked for, bytes.
pub(super) const GRAM: usize = 4;

/// The longest strings of `text`, of [`GRAM`] bytes or more, that occur in every one of
/// `others`: those that no longer one contains in the same place, in order.
///
/// Grams first: nearly all places of unlike texts begin no common gram. A run of
/// common grams is most often one string; else its parts are looked up in sorted
/// suffixes of the others.
pub(super) fn common(text: &[u8], others: &[&[u8]]) -> Vec<Range<usize>> {
    let mut begins: Vec<usize> = (0..(text.len() + 1).saturating_sub(GRAM)).collect();
    for other in others {
        let grams = Grams::of(other);
        begins.retain(|&at| grams.contains(gram(&text[at..])));
    }
    let mut suffixes: Option<Vec<Suffixes<'_>>> = None;
    let mut found = Vec::new();
    for run in begins.chunk_by(|a, b| a + 1 == *b) {
        let range = run[0]..run[run.len() - 1] + GRAM;
        if others.iter().all(|other| find(other, &text[range.clone()]).is_some()) {
            found.push(range);
            continue;
        }
        let suffixes = suffixes.get_or_insert_with(|| {
            others.iter().map(|other| Suffixes::of(other)).collect()
        });
        parts(text, range, suffixes, &mut found);
    }
    found
}

/// Adds the longest common strings within `range`, all of whose grams are common.
fn parts(
    text: &[u8],
    range: Range<usize>,
    others: &[Suffixes<'_>],
    found: &mut Vec<Range<usize>>,
) {
    let in_all = |from: usize, to: usize| {
        others.iter().all(|other| other.contains(&text[from..to]))
    };
    let mut reached = range.start;
    for start in range.start..=range.end - GRAM {
        let mut end = reached.max(start + GRAM);
        while end < range.end && in_all(start, end + 1) {
            end += 1;
        }
        // Else it lies within the one before.
        if end > reached {
            found.push(start..end);
            reached = end;
        }
    }
}

/// Where `needle` first occurs.
pub(super) fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, needle)
}

fn gram(bytes: &[u8]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// The grams of a text.
struct Grams {
    sorted: Vec<u32>,
    /// A bit for each hash of one: most that are asked for are not there.
    bits: Vec<u64>,
}

impl Grams {
    fn of(text: &[u8]) -> Self {
        let mut sorted: Vec<u32> = text.windows(GRAM).map(gram).collect();
        sorted.sort_unstable();
        sorted.dedup();
        let mut bits = vec![0; 1 << 10];
        for gram in &sorted {
            bits[hash(*gram) / 64] |= 1 << (hash(*gram) % 64);
        }
        Self { sorted, bits }
    }

    fn contains(&self, gram: u32) -> bool {
        self.bits[hash(gram) / 64] & 1 << (hash(gram) % 64) != 0
            && self.sorted.binary_search(&gram).is_ok()
    }
}

/// The upper 16 bits of a product with the golden ratio.
fn hash(gram: u32) -> usize {
    (gram.wrapping_mul(0x9e37_79b1) >> 16) as usize
}

/// A text's suffixes in order.
struct Suffixes<'a> {
    text: &'a [u8],
    sorted: Vec<u32>,
}

impl<'a> Suffixes<'a> {
    fn of(text: &'a [u8]) -> Self {
        let mut sorted: Vec<u32> = (0..text.len() as u32).collect();
        sorted.sort_unstable_by_key(|at| &text[*at as usize..]);
        Self { text, sorted }
    }

    fn contains(&self, needle: &[u8]) -> bool {
        let suffix = |at: &u32| &self.text[*at as usize..];
        let first = self.sorted.partition_point(|at| suffix(at) < needle);
        self.sorted.get(first).is_some_and(|at| suffix(at).starts_with(needle))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every stretch, whether all others hold it, and then those that can be extended to
    /// neither side.
    fn naive(text: &[u8], others: &[&[u8]]) -> Vec<Range<usize>> {
        let in_all = |from: usize, to: usize| {
            others.iter().all(|other| {
                (0..=other.len()).any(|at| other[at..].starts_with(&text[from..to]))
            })
        };
        let mut found = Vec::new();
        for from in 0..text.len() {
            for to in from + GRAM..=text.len() {
                let longer = from > 0 && in_all(from - 1, to)
                    || to < text.len() && in_all(from, to + 1);
                if in_all(from, to) && !longer {
                    found.push(from..to);
                }
            }
        }
        found
    }

    /// Texts of few letters share much, in many places; of many, little.
    fn text(letters: u8) -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(0..letters, 0..60)
    }

    proptest! {
        #[test]
        fn what_is_common_is_what_trying_all_finds(
            (text, others) in (1u8..6).prop_flat_map(|letters| {
                (text(letters), prop::collection::vec(text(letters), 1..4))
            }),
        ) {
            let others: Vec<&[u8]> = others.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(common(&text, &others), naive(&text, &others));
        }

        #[test]
        fn planted_strings_are_found_whole(
            planted in prop::collection::vec(prop::collection::vec(any::<u8>(), 4..50), 1..4),
            noise in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 8),
        ) {
            let with = |from: usize| -> Vec<u8> {
                let pieces = planted.iter().enumerate();
                pieces.flat_map(|(i, p)| [&noise[(from + i) % 8][..], p].concat()).collect()
            };
            let texts: Vec<Vec<u8>> = (0..4).map(with).collect();
            let others: Vec<&[u8]> = texts[1..].iter().map(Vec::as_slice).collect();
            let found = common(&texts[0], &others);
            prop_assert_eq!(&found, &naive(&texts[0], &others));
            for one in &planted {
                let held = found.iter().any(|range| find(&texts[0][range.clone()], one).is_some());
                prop_assert!(held, "{:?}", one);
            }
        }
    }

    #[test]
    fn long_runs_of_one_byte_take_no_quadratic_time() {
        let texts: Vec<Vec<u8>> = (0..8).map(|n| vec![0; 2_048 - 100 * n]).collect();
        let others: Vec<&[u8]> = texts[1..].iter().map(Vec::as_slice).collect();
        let found = common(&texts[0], &others);
        assert_eq!(found.len(), 2_048 - 1_348 + 1);
        assert!(found.iter().all(|range| range.len() == 1_348));
    }
}
