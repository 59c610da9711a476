//! Which grown pieces are parts of one content.

use super::Support;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Where some of a content lies in one sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The sample: flow shard and number there.
    pub sample: (u8, u64),
    /// First byte in the sample.
    pub start: usize,
    /// The same byte's place in the content.
    pub at: usize,
    /// How many bytes.
    pub length: usize,
}

impl Place {
    /// Where the content begins in the sample's coordinates; may be negative.
    pub fn origin(&self) -> i64 {
        self.start as i64 - self.at as i64
    }
}

/// A content and where it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The bytes.
    pub content: Vec<u8>,
    /// Samples that hold some or all of it.
    pub places: Vec<Place>,
    /// Who stands behind it.
    pub support: Support,
}

/// Pieces that are parts of one content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The bytes that the pieces span.
    pub content: Vec<u8>,
    /// Indices of the pieces, rising, each with where it begins in `content`.
    /// Negative or beyond the end only for pieces with less support than others.
    pub parts: Vec<(usize, i64)>,
    /// The best support of any piece.
    pub support: Support,
}

/// No content is joined to more bytes than this: a file that many hosts fetch
/// becomes several signatures, not one of its own size.
pub(super) const MOST_BYTES: usize = 16 * 1024;
/// Contents of fewer bytes are not looked for inside others.
const ANCHOR: usize = 16;
/// At most so many pieces that begin alike, or next in one sample, are compared
/// with each one: contents made to overlap all others cost no more than that.
const MOST_ALIKE: usize = 64;

/// Joins pieces, all of one protocol and port.
///
/// Two pieces are parts of one content when
/// - in two samples that both have, they overlap or abut, at the same distance;
/// - or in one, where one of them has no more than one sample, and they overlap;
/// - or their bytes are equal, or one's lie inside the other's.
///
/// Joined content is put together from the pieces' bytes. Where two pieces
/// overlap with different bytes (two variants with a common part), the later one
/// begins a content of its own. A piece with less support than the best of its
/// content joins it, but adds no bytes. Each piece is in exactly one result;
/// results are in the order of their best-supported, then first piece.
pub fn coalesce(pieces: &[Piece]) -> Vec<Joined> {
    let distinct = Distinct::of(pieces);
    let mut neighbours: Vec<Vec<(usize, i64)>> = vec![Vec::new(); distinct.items.len()];
    for &(a, b, distance) in
        by_samples(&distinct.items).iter().chain(&by_bytes(&distinct.items))
    {
        neighbours[a].push((b, distance));
        neighbours[b].push((a, -distance));
    }
    let mut order: Vec<usize> = (0..distinct.items.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(distinct.items[i].support));
    let mut done = vec![false; distinct.items.len()];
    let mut results = Vec::new();
    for seed in order {
        if !done[seed] {
            let assembly = Assembly::from(seed, &distinct.items, &neighbours, &mut done);
            results.push(assembly.finish(&distinct));
        }
    }
    results
}

/// Pieces of equal bytes as one, since most alarms of a tick are of one content.
struct Distinct<'a> {
    items: Vec<Item<'a>>,
}

struct Item<'a> {
    content: &'a [u8],
    support: Support,
    places: Vec<Place>,
    pieces: Vec<usize>,
}

impl<'a> Distinct<'a> {
    fn of(pieces: &'a [Piece]) -> Self {
        let mut by_content: BTreeMap<&[u8], usize> = BTreeMap::new();
        let mut items: Vec<Item> = Vec::new();
        for (i, piece) in pieces.iter().enumerate() {
            let next = items.len();
            let at = *by_content.entry(&piece.content).or_insert(next);
            if at == next {
                items.push(Item {
                    content: &piece.content,
                    support: piece.support,
                    places: Vec::new(),
                    pieces: Vec::new(),
                });
            }
            let item = &mut items[at];
            item.support = item.support.max(piece.support);
            item.places.extend(&piece.places);
            item.pieces.push(i);
        }
        for item in &mut items {
            item.places.sort_unstable();
            item.places.dedup();
        }
        Self { items }
    }
}

/// Pairs (a, b, where b begins seen from a) that common samples show.
fn by_samples(items: &[Item]) -> Vec<(usize, usize, i64)> {
    let mut samples: BTreeMap<(u8, u64), Vec<(usize, Place)>> = BTreeMap::new();
    for (i, item) in items.iter().enumerate() {
        for place in &item.places {
            samples.entry(place.sample).or_default().push((i, *place));
        }
    }
    // How many samples show a pair, and whether they overlap in one of them.
    let mut pairs: BTreeMap<(usize, usize, i64), (u32, bool)> = BTreeMap::new();
    for places in samples.values_mut() {
        places.sort_unstable_by_key(|(i, place)| (place.start, *i));
        let mut shown: BTreeMap<(usize, usize, i64), bool> = BTreeMap::new();
        for (n, &(i, first)) in places.iter().enumerate() {
            let end = first.start + first.length;
            for &(j, second) in places[n + 1..].iter().take(MOST_ALIKE) {
                if second.start > end {
                    break;
                }
                if i != j {
                    let distance = second.origin() - first.origin();
                    let pair = if i < j { (i, j, distance) } else { (j, i, -distance) };
                    *shown.entry(pair).or_default() |= second.start < end;
                }
            }
        }
        for (pair, overlap) in shown {
            let entry = pairs.entry(pair).or_default();
            entry.0 += 1;
            entry.1 |= overlap;
        }
    }
    let few = |i: usize| items[i].places.len() < 2;
    pairs
        .into_iter()
        .filter(|((a, b, _), (samples, overlap))| {
            *samples >= 2 || (*overlap && (few(*a) || few(*b)))
        })
        .map(|(pair, _)| pair)
        .collect()
}

/// Pairs (outer, inner, where the inner begins) by bytes alone.
///
/// One pass over all bytes: each place is looked up among the pieces' first
/// bytes.
fn by_bytes(items: &[Item]) -> Vec<(usize, usize, i64)> {
    if items.len() < 2 {
        return Vec::new();
    }
    let mut anchors: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
    // Most places are no piece's beginning: two bytes tell nearly all of them.
    let mut begins = vec![false; 1 << 16];
    let two = |bytes: &[u8]| usize::from(bytes[0]) << 8 | usize::from(bytes[1]);
    for (i, item) in items.iter().enumerate() {
        if let Some(anchor) = item.content.get(..ANCHOR) {
            let alike = anchors.entry(anchor).or_default();
            if alike.len() < MOST_ALIKE {
                alike.push(i);
                begins[two(anchor)] = true;
            }
        }
    }
    let mut pairs = Vec::new();
    for (outer, item) in items.iter().enumerate() {
        let mut found = BTreeSet::new();
        for (at, window) in item.content.windows(ANCHOR).enumerate() {
            if !begins[two(window)] {
                continue;
            }
            for &inner in anchors.get(window).into_iter().flatten() {
                let fits = item.content[at..].starts_with(items[inner].content);
                if inner != outer && fits && found.insert(inner) {
                    pairs.push((outer, inner, at as i64));
                }
            }
        }
    }
    pairs
}

/// A content under construction.
struct Assembly {
    content: VecDeque<u8>,
    /// Where `content` begins, seen from the first item.
    start: i64,
    support: Support,
    items: Vec<(usize, i64)>,
}

impl Assembly {
    /// Walks from `seed` over neighbours, taking what fits.
    fn from(
        seed: usize,
        items: &[Item],
        neighbours: &[Vec<(usize, i64)>],
        done: &mut [bool],
    ) -> Self {
        let mut assembly = Self {
            content: items[seed].content.iter().copied().collect(),
            start: 0,
            support: items[seed].support,
            items: vec![(seed, 0)],
        };
        done[seed] = true;
        let mut next = 0;
        while let Some(&(from, at)) = assembly.items.get(next) {
            next += 1;
            for &(to, distance) in &neighbours[from] {
                if !done[to] && assembly.take(&items[to], at + distance) {
                    done[to] = true;
                    assembly.items.push((to, at + distance));
                }
            }
        }
        assembly
    }

    /// Adds an item that begins at `at`; false when it does not fit.
    fn take(&mut self, item: &Item, at: i64) -> bool {
        let start = self.start;
        let end = start + self.content.len() as i64;
        let item_end = at + item.content.len() as i64;
        let agrees = (at.max(start)..item_end.min(end)).all(|i| {
            self.content[(i - start) as usize] == item.content[(i - at) as usize]
        });
        if !agrees || item.support < self.support {
            return agrees;
        }
        let touches = at <= end && item_end >= start;
        if !touches || item_end.max(end) - at.min(start) > MOST_BYTES as i64 {
            return false;
        }
        for i in (at..start).rev() {
            self.content.push_front(item.content[(i - at) as usize]);
        }
        for i in end..item_end {
            self.content.push_back(item.content[(i - at) as usize]);
        }
        self.start = start.min(at);
        true
    }

    fn finish(self, distinct: &Distinct) -> Joined {
        let mut parts: Vec<(usize, i64)> = self
            .items
            .iter()
            .flat_map(|&(i, at)| {
                let pieces = &distinct.items[i].pieces;
                pieces.iter().map(move |&piece| (piece, at - self.start))
            })
            .collect();
        parts.sort_unstable();
        Joined { content: self.content.into(), parts, support: self.support }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The stretch `range` of `content`, seen in samples where the content
    /// begins at (sample, start).
    fn piece(
        content: &[u8],
        range: std::ops::Range<usize>,
        samples: &[(u64, usize)],
    ) -> Piece {
        let places = samples.iter().map(|&(id, start)| Place {
            sample: (0, id),
            start: start + range.start,
            at: 0,
            length: range.len(),
        });
        Piece {
            content: content[range.clone()].to_vec(),
            places: places.collect(),
            support: Support::Sources,
        }
    }

    const TEXT: &[u8] = b"The quick brown fox jumps over the lazy dog, twice.";

    #[test]
    fn two_common_samples_join_what_overlaps_or_abuts() {
        let samples = [(1, 0), (2, 30)];
        for second in [15, 20] {
            let pieces =
                [piece(TEXT, second..40, &samples), piece(TEXT, 0..20, &samples)];
            let joined = coalesce(&pieces);
            assert_eq!(joined.len(), 1);
            assert_eq!(joined[0].content, &TEXT[..40]);
            assert_eq!(joined[0].parts, [(0, second as i64), (1, 0)]);
        }
        let apart = [piece(TEXT, 21..40, &samples), piece(TEXT, 0..20, &samples)];
        assert_eq!(coalesce(&apart).len(), 2);
    }

    #[test]
    fn one_common_sample_joins_only_where_there_are_no_more() {
        let one = [(1, 0)];
        let many = [(1, 0), (2, 30)];
        let others = [(1, 0), (3, 30)];
        let overlap =
            |a, b| coalesce(&[piece(TEXT, 0..20, a), piece(TEXT, 15..40, b)]).len();
        assert_eq!(overlap(&one, &one), 1);
        assert_eq!(overlap(&many, &one), 1);
        assert_eq!(overlap(&many, &others), 2);
        let abut = [piece(TEXT, 0..20, &one), piece(TEXT, 20..40, &one)];
        assert_eq!(coalesce(&abut).len(), 2);
    }

    #[test]
    fn different_distances_do_not_join() {
        let a = piece(TEXT, 0..20, &[(1, 0), (2, 0)]);
        let mut b = piece(TEXT, 10..40, &[(1, 0), (2, 0)]);
        b.places[1].start += 1;
        assert_eq!(coalesce(&[a, b]).len(), 2);
    }

    #[test]
    fn equal_and_contained_bytes_join_without_a_common_sample() {
        let pieces = [
            piece(TEXT, 5..25, &[(1, 0), (2, 0)]),
            piece(TEXT, 0..40, &[(3, 0), (4, 0)]),
            piece(TEXT, 0..40, &[(5, 0), (6, 0)]),
            piece(TEXT, 30..45, &[(7, 0), (8, 0)]),
        ];
        let joined = coalesce(&pieces);
        assert_eq!(joined.len(), 2);
        assert_eq!(joined[0].content, &TEXT[..40]);
        assert_eq!(joined[0].parts, [(0, 5), (1, 0), (2, 0)]);
    }

    #[test]
    fn variants_with_a_common_part_stay_apart() {
        let first = b"common part, then one ending".to_vec();
        let second = b"common part, then another one".to_vec();
        let pieces = [
            piece(&first, 0..18, &[(1, 0), (2, 0), (3, 0), (4, 0)]),
            piece(&second, 5..29, &[(3, 0), (4, 0)]),
            piece(&first, 5..28, &[(1, 0), (2, 0)]),
        ];
        let joined = coalesce(&pieces);
        assert_eq!(joined.len(), 2);
        assert_eq!(joined[0].content, second);
        assert_eq!(joined[1].content, &first[5..]);
    }

    #[test]
    fn a_piece_with_less_support_joins_but_adds_no_bytes() {
        let samples = [(1, 0), (2, 30)];
        let mut weak = piece(TEXT, 10..50, &samples);
        weak.support = Support::OneSource;
        let pieces = [weak, piece(TEXT, 0..20, &samples)];
        let joined = coalesce(&pieces);
        assert_eq!(joined.len(), 1);
        assert_eq!(joined[0].content, &TEXT[..20]);
        assert_eq!(joined[0].support, Support::Sources);
        assert_eq!(joined[0].parts, [(0, 10), (1, 0)]);
    }

    #[test]
    fn content_is_never_joined_beyond_its_bound() {
        let mut state = 1_u32;
        let content: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(40_000)
        .collect();
        let samples = [(1, 0), (2, 0)];
        let pieces: Vec<_> = (0..79)
            .map(|n| piece(&content, n * 500..n * 500 + 1_000, &samples))
            .collect();
        let joined = coalesce(&pieces);
        assert!(joined.iter().all(|joined| joined.content.len() <= MOST_BYTES));
        assert_eq!(joined.len(), 3);
        assert_eq!(joined.iter().map(|joined| joined.parts.len()).sum::<usize>(), 79);
    }

    proptest! {
        #[test]
        fn overlapping_pieces_make_one_content_in_any_order(
            content in prop::collection::vec(any::<u8>(), 60..1_500),
            starts in prop::collection::vec(0_usize..200, 3..9),
            keys in any::<prop::sample::Index>(),
        ) {
            // Each piece overlaps the next by at least a byte.
            let mut ranges = Vec::new();
            let mut start = 0;
            while start < content.len() {
                let end = (start + 50).min(content.len());
                ranges.push(start..end);
                start = if end == content.len() { end } else { end - 1 - start % 7 };
            }
            let mut pieces: Vec<_> = ranges
                .iter()
                .enumerate()
                .map(|(n, range)| {
                    // Three samples each; the next piece has two of them or all.
                    let shown: Vec<(u64, usize)> = (n / 2..n / 2 + 3)
                        .map(|id| (id as u64, starts[id % starts.len()]))
                        .collect();
                    piece(&content, range.clone(), &shown)
                })
                .collect();
            let turn = keys.index(pieces.len());
            pieces.rotate_left(turn);
            if turn % 2 == 0 {
                pieces.reverse();
            }
            let joined = coalesce(&pieces);
            prop_assert_eq!(joined.len(), 1);
            prop_assert_eq!(&joined[0].content, &content);
            for &(i, at) in &joined[0].parts {
                let part = &pieces[i].content;
                prop_assert_eq!(&content[at as usize..][..part.len()], &part[..]);
            }
            prop_assert_eq!(joined[0].parts.len(), pieces.len());
        }
    }
}
