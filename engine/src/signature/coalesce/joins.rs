//! Which pieces join, and at which distance.

use super::{Item, Occurrence, Piece};
use crate::signature::strength::{LEAST_VALUES, distinct};
use std::collections::{BTreeMap, BTreeSet};

/// Contents of fewer bytes are not looked for inside others.
const ANCHOR: usize = 16;
/// As many bytes at the end of one content and the beginning of another are one stretch,
/// unless they are filler.
const LEAST_OVERLAP: usize = 32;
/// At most so many pieces that begin alike, or next in one sample, or that hold one
/// piece, are compared with each one: contents made to overlap all others cost no
/// more than that.
const MOST_ALIKE: usize = 64;
/// Joins that samples may show in all; where there would be more, each piece is
/// compared with fewer next ones.
const MOST_JOINS: usize = 1 << 18;

/// Items `a` and `b`, and where `b` begins seen from `a`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Join {
    pub(super) a: u32,
    pub(super) b: u32,
    pub(super) distance: i32,
}

/// Joins that common samples show, in order.
pub(super) fn by_samples(items: &[Item<'_>]) -> Vec<Join> {
    let mut occurrences: Vec<(Occurrence, u32)> =
        Vec::with_capacity(items.iter().map(|item| item.occurrences.len()).sum());
    for (i, item) in (0..).zip(items) {
        occurrences.extend(item.occurrences.iter().map(|it| (*it, i)));
    }
    occurrences.sort_unstable_by_key(|&(it, i)| (it.sample, it.start, i, it));
    let compared = |alike| {
        occurrences.chunk_by(|a, b| a.0.sample == b.0.sample).map(move |of_sample| {
            let count = |(n, first): (usize, &(Occurrence, u32))| {
                next(of_sample, n, first, alike).count()
            };
            of_sample.iter().enumerate().map(count).sum::<usize>()
        })
    };
    let mut alike = MOST_ALIKE;
    while alike > 1 && compared(alike).sum::<usize>() > MOST_JOINS {
        alike /= 2;
    }
    // Every join of every sample, and whether it overlaps there.
    let mut shown: Vec<(Join, bool)> = Vec::with_capacity(compared(alike).sum());
    let mut of_one = Vec::new();
    for of_sample in occurrences.chunk_by(|a, b| a.0.sample == b.0.sample) {
        of_one.clear();
        for (n, first) in of_sample.iter().enumerate() {
            let end = first.0.start + first.0.length;
            of_one.extend(next(of_sample, n, first, alike).map(|second| {
                let distance = (second.0.origin() - first.0.origin()) as i32;
                let join = if first.1 < second.1 {
                    Join { a: first.1, b: second.1, distance }
                } else {
                    Join { a: second.1, b: first.1, distance: -distance }
                };
                (join, second.0.start < end)
            }));
        }
        // Overlapping comes last, and so stays.
        of_one.sort_unstable();
        shown.extend(of_one.chunk_by(|a, b| a.0 == b.0).filter_map(<[_]>::last));
    }
    shown.sort_unstable();
    let few = |i: u32| items[i as usize].occurrences.len() < 2;
    shown
        .chunk_by(|a, b| a.0 == b.0)
        .filter(|of_join| {
            let (join, overlap) = of_join[of_join.len() - 1];
            of_join.len() >= 2 || (overlap && (few(join.a) || few(join.b)))
        })
        .map(|of_join| of_join[0].0)
        .collect()
}

/// The occurrences after the `n`th of a sample that overlap it or abut, up to `alike`.
fn next<'a>(
    of_sample: &'a [(Occurrence, u32)],
    n: usize,
    first: &(Occurrence, u32),
    alike: usize,
) -> impl Iterator<Item = &'a (Occurrence, u32)> {
    let (end, i) = (first.0.start + first.0.length, first.1);
    of_sample[n + 1..]
        .iter()
        .take(alike)
        .take_while(move |second| second.0.start <= end)
        .filter(move |second| second.1 != i)
}

/// Contents to look for inside others, by their first bytes.
struct Anchors<'a> {
    contents: Vec<&'a [u8]>,
    by_first: BTreeMap<&'a [u8], Vec<usize>>,
    /// Most places are no content's beginning: two bytes rule nearly all of them out.
    begins: Vec<bool>,
}

impl<'a> Anchors<'a> {
    fn of(contents: Vec<&'a [u8]>) -> Self {
        let mut by_first: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
        let mut begins = vec![false; 1 << 16];
        for (i, content) in contents.iter().enumerate() {
            if let Some(first) = content.get(..ANCHOR) {
                let alike = by_first.entry(first).or_default();
                if alike.len() < MOST_ALIKE {
                    alike.push(i);
                    begins[two(first)] = true;
                }
            }
        }
        Self { contents, by_first, begins }
    }

    /// The contents that lie inside `outer`, or that begin with its end, and where each
    /// begins: one pass over its bytes.
    fn within(&self, outer: &[u8]) -> impl Iterator<Item = (usize, usize)> {
        let here = outer
            .windows(ANCHOR)
            .enumerate()
            .filter(|(_, window)| self.begins[two(window)]);
        here.flat_map(move |(at, window)| {
            self.by_first
                .get(window)
                .into_iter()
                .flatten()
                .filter(move |inner| {
                    let (inner, rest) = (self.contents[**inner], &outer[at..]);
                    rest.starts_with(inner) || inner.starts_with(rest) && is_overlap(rest)
                })
                .map(move |inner| (*inner, at))
        })
    }
}

/// Whether this much in common is no accident.
fn is_overlap(bytes: &[u8]) -> bool {
    bytes.len() >= LEAST_OVERLAP && distinct(bytes) >= LEAST_VALUES
}

fn two(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}

/// Joins of (outer, inner) by bytes alone, or (first, second) where they overlap and neither
/// stops there.
pub(super) fn by_bytes(items: &[Item<'_>]) -> Vec<Join> {
    if items.len() < 2 {
        return Vec::new();
    }
    let anchors = Anchors::of(items.iter().map(|item| item.content).collect());
    let mut holders = vec![0; items.len()];
    let mut joins = Vec::new();
    let mut found = BTreeSet::new();
    for (outer, item) in items.iter().enumerate() {
        found.clear();
        for (inner, at) in anchors.within(item.content) {
            let is_inside = at + items[inner].content.len() <= item.content.len();
            let goes_on = || item.stops[1] == 0 && items[inner].stops[0] == 0;
            if inner != outer
                && (is_inside || goes_on())
                && holders[inner] < MOST_ALIKE
                && found.insert(inner)
            {
                holders[inner] += 1;
                joins.push(Join {
                    a: outer as u32,
                    b: inner as u32,
                    distance: at as i32,
                });
            }
        }
    }
    joins
}

/// Four bytes of a content that stand together, for each place: a Bloom filter with one bit a
/// gram.
///
/// Says whether a string may stand in the content: never no for one that does, and by chance
/// yes for one string of 16 bytes in some 1,700, of contents of 700 bytes.
#[derive(Debug)]
pub(in crate::signature) struct Grams([u64; Self::WORDS]);

impl Grams {
    const WORDS: usize = 64;
    /// Odd, with bits everywhere: the golden ratio.
    const FACTOR: u32 = 0x9e37_79b9;

    fn bit(gram: &[u8]) -> (usize, u32) {
        let gram = gram.iter().fold(0, |all, byte| all << 8 | u32::from(*byte));
        let bit = gram.wrapping_mul(Self::FACTOR) >> (32 - (64 * Self::WORDS).ilog2());
        (bit as usize / 64, bit % 64)
    }

    /// Those of a content.
    pub(in crate::signature) fn of(content: &[u8]) -> Self {
        let mut grams = Self([0; Self::WORDS]);
        for gram in content.windows(4) {
            let (word, bit) = Self::bit(gram);
            grams.0[word] |= 1 << bit;
        }
        grams
    }

    fn may_hold(&self, string: &[u8]) -> bool {
        string.chunks_exact(4).all(|gram| {
            let (word, bit) = Self::bit(gram);
            self.0[word] >> bit & 1 == 1
        })
    }
}

/// A known content as new ones are compared with it.
#[derive(Clone, Copy, Debug)]
pub(in crate::signature) struct Compared<'a> {
    /// The bytes.
    pub(in crate::signature) content: &'a [u8],
    /// Its grams.
    pub(in crate::signature) grams: &'a Grams,
}

/// The samples that pieces were seen in.
pub(in crate::signature) fn samples_of(pieces: &[Piece<'_>]) -> BTreeSet<(u8, u64)> {
    let occurrences = pieces.iter().flat_map(|piece| &piece.occurrences);
    occurrences.map(|it| it.sample).collect()
}

/// Which of `known` share bytes with one of `new`: with those that share a sample, the only
/// ones that [`coalesce`](super::coalesce) could join to these.
pub(in crate::signature) fn related(
    known: &[Compared<'_>],
    new: &[Piece<'_>],
) -> Vec<bool> {
    let mut contents: Vec<&[u8]> = new.iter().map(|piece| piece.content).collect();
    contents.sort_unstable();
    contents.dedup();
    let mut related: Vec<bool> =
        known.iter().map(|it| contents.binary_search(&it.content).is_ok()).collect();
    let anchors = Anchors::of(known.iter().map(|it| it.content).collect());
    for content in &contents {
        anchors.within(content).for_each(|(inner, _)| related[inner] = true);
    }
    let mut firsts: Vec<&[u8]> =
        contents.iter().filter_map(|it| it.get(..ANCHOR)).collect();
    firsts.dedup();
    let anchors = Anchors::of(contents);
    for (related, it) in related.iter_mut().zip(known) {
        *related = *related
            || firsts.iter().any(|first| it.grams.may_hold(first))
                && anchors.within(it.content).next().is_some();
    }
    related
}
