//! Which grown pieces are parts of one content.

use super::Support;
use std::collections::{BTreeMap, VecDeque};

mod pairs;

pub(super) use pairs::related;
use pairs::{Pair, by_bytes, by_samples};

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
pub struct Piece<'a> {
    /// The bytes.
    pub content: &'a [u8],
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
pub fn coalesce(pieces: &[Piece<'_>]) -> Vec<Joined> {
    let distinct = Distinct::of(pieces);
    let mut neighbours: Vec<Vec<(u32, i32)>> = vec![Vec::new(); distinct.items.len()];
    let mut join = |Pair { a, b, distance }: Pair| {
        neighbours[a as usize].push((b, distance));
        neighbours[b as usize].push((a, -distance));
    };
    by_samples(&distinct.items).into_iter().for_each(&mut join);
    by_bytes(&distinct.items).into_iter().for_each(&mut join);
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
    fn of(pieces: &[Piece<'a>]) -> Self {
        let mut by_content: BTreeMap<&[u8], usize> = BTreeMap::new();
        let mut items: Vec<Item> = Vec::new();
        for (i, piece) in pieces.iter().enumerate() {
            let next = items.len();
            let at = *by_content.entry(piece.content).or_insert(next);
            if at == next {
                items.push(Item {
                    content: piece.content,
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
        neighbours: &[Vec<(u32, i32)>],
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
                let (to, at) = (to as usize, at + i64::from(distance));
                if !done[to] && assembly.take(&items[to], at) {
                    done[to] = true;
                    assembly.items.push((to, at));
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
mod tests;
