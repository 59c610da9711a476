//! Which grown pieces are parts of one content.

use super::Support;
use crate::state::persist;
use std::collections::{BTreeMap, VecDeque};

mod joins;

pub(super) use joins::{Compared, Grams, related, samples_of};
use joins::{Join, by_bytes, by_samples};

/// Where some of a content lies in one sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Occurrence {
    /// The sample: flow shard and number there.
    pub sample: (u8, u64),
    /// First byte in the sample.
    pub start: usize,
    /// The same byte's offset in the content.
    pub at: usize,
    /// How many bytes.
    pub length: usize,
}

impl Occurrence {
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
    pub occurrences: Vec<Occurrence>,
    /// Who stands behind it.
    pub support: Support,
    /// Windows that it was grown from.
    pub windows: u32,
    /// Of how many the samples differ before it, and behind it. 0: they end there, and so
    /// may the content go on.
    pub stops: [u32; 2],
}

/// Pieces that are parts of one content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The bytes that the pieces span.
    pub content: Vec<u8>,
    /// Indices of the pieces, rising, each with where it begins in `content`.
    /// Negative or beyond the end for pieces with less support than others, and where
    /// more windows stop than go on.
    pub parts: Vec<(usize, i64)>,
    /// Windows that stop at its beginning, and at its end, because their samples differ.
    pub stops: [u32; 2],
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
/// - or their bytes are equal, or one's lie inside the other's;
/// - or the end of one is the beginning of the other, where the samples of neither say
///   that it stops there: content longer than a sample.
///
/// Joined content is put together from the pieces' bytes. Where two pieces
/// overlap with different bytes (two variants with a common part), the later one
/// begins a content of its own. A piece with less support than the best of its
/// content joins it, but adds no bytes. Where more windows stop than go on, because their
/// samples differ, the content stops: what goes on is not in all of its carriers. Each piece is in exactly one result;
/// results are in the order of their best-supported, then first piece.
pub fn coalesce(pieces: &[Piece<'_>]) -> Vec<Joined> {
    let distinct = Distinct::of(pieces);
    let mut neighbours: Vec<Vec<(u32, i32)>> = vec![Vec::new(); distinct.items.len()];
    let mut join = |Join { a, b, distance }: Join| {
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
    occurrences: Vec<Occurrence>,
    pieces: Vec<usize>,
    windows: u32,
    stops: [u32; 2],
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
                    occurrences: Vec::new(),
                    pieces: Vec::new(),
                    windows: 0,
                    stops: [0; 2],
                });
            }
            let item = &mut items[at];
            item.support = item.support.max(piece.support);
            item.windows += piece.windows;
            item.stops[0] += piece.stops[0];
            item.stops[1] += piece.stops[1];
            item.occurrences.extend(&piece.occurrences);
            item.pieces.push(i);
        }
        for item in &mut items {
            item.occurrences.sort_unstable();
            item.occurrences.dedup();
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

    /// Cuts what most of the windows that reach it do not confirm.
    fn trim(&mut self, items: &[Item]) {
        // Each item that counts: where it begins and ends, and its votes.
        let voters: Vec<(i64, i64, &Item)> = self
            .items
            .iter()
            .map(|&(i, at)| (at, at + items[i].content.len() as i64, &items[i]))
            .filter(|(_, _, item)| item.support == self.support)
            .collect();
        let outvoted = |edge: i64, side: usize| {
            let at_edge = |(from, to, _): &&(i64, i64, &Item)| [*from, *to][side] == edge;
            let stops: u32 = voters.iter().filter(at_edge).map(|v| v.2.stops[side]).sum();
            let over = |(from, to, _): &&(i64, i64, &Item)| *from < edge && edge < *to;
            stops > voters.iter().filter(over).map(|v| v.2.windows).sum()
        };
        let (start, end) = (self.start, self.start + self.content.len() as i64);
        let first = voters.iter().map(|v| v.0).filter(|at| outvoted(*at, 0)).max();
        let last = voters.iter().map(|v| v.1).filter(|at| outvoted(*at, 1)).min();
        let (first, last) = (first.unwrap_or(start), last.unwrap_or(end));
        if first < last {
            self.content.truncate((last - start) as usize);
            self.content.drain(..(first - start) as usize);
            self.start = first;
        }
    }

    /// The votes for both ends.
    fn stops(&self, items: &[Item]) -> [u32; 2] {
        let end = self.start + self.content.len() as i64;
        let mut stops = [0; 2];
        for &(i, at) in &self.items {
            let item = &items[i];
            if at == self.start {
                stops[0] += item.stops[0];
            }
            if at + item.content.len() as i64 == end {
                stops[1] += item.stops[1];
            }
        }
        stops
    }

    fn finish(mut self, distinct: &Distinct) -> Joined {
        self.trim(&distinct.items);
        let stops = self.stops(&distinct.items);
        let mut parts: Vec<(usize, i64)> = self
            .items
            .iter()
            .flat_map(|&(i, at)| {
                let pieces = &distinct.items[i].pieces;
                pieces.iter().map(move |&piece| (piece, at - self.start))
            })
            .collect();
        parts.sort_unstable();
        Joined { content: self.content.into(), parts, support: self.support, stops }
    }
}

persist!(Occurrence { sample, start, at, length });

#[cfg(test)]
mod tests;
