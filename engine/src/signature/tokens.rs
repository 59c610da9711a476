//! Further strings that all samples of a content share.
//!
//! A polymorphic body repeats in pieces, each too short to say much. What its samples
//! have in common besides the grown content makes one signature out of them: all of
//! these tokens must occur, in this order where the order was always the same
//! (conjunction and subsequence signatures: Newsome, Karp, Song, *Polygraph*, 2005,
//! section 4).

mod common;

use super::strength::ByteCost;
use crate::packet::Host;
use crate::state::persist;
use common::{common, find};
use std::ops::Range;
use std::sync::Arc;

/// Shorter strings are shared by chance and by every speaker of a protocol.
pub const LEAST_TOKEN: usize = common::GRAM;
/// Most tokens of a signature, its content among them.
pub const MOST_TOKENS: usize = 8;
/// Samples that are laid beside each other.
pub const MOST_HOLDERS: usize = 8;
/// Fewer samples, each of a source of its own, say nothing of those to come.
pub const LEAST_HOLDERS: usize = 3;
/// A token must be so unlikely to be shared by chance, in bits: one in a thousand.
const AGAINST_CHANCE: f64 = 10.0;
/// Strings that are looked up in unrelated samples.
const MOST_TRIED: usize = 32;
/// A token that stands in more than one in so many unrelated samples is unspecific.
const SPECIFIC: usize = 100;

/// A sample that holds a content, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Number of the packet that it was taken from, then its name: the order in which
    /// samples count.
    pub order: (u64, (u8, u64)),
    /// Who sent it.
    pub source: Host,
    /// The piece of stream.
    pub bytes: Arc<[u8]>,
    /// Where the content lies in it, as far as it does.
    pub content: Range<usize>,
}

/// The strings of a signature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// In the order of the first sample; the content is one of them.
    pub list: Vec<Vec<u8>>,
    /// Whether they came in this order, none overlapping another, in every sample.
    pub ordered: bool,
}

impl Tokens {
    /// The content alone.
    pub fn of_content(content: &[u8]) -> Self {
        Self { list: vec![content.to_vec()], ordered: true }
    }

    /// Bytes that they take.
    pub fn memory_bytes(&self) -> usize {
        self.list.iter().map(|token| size_of::<Vec<u8>>() + token.len()).sum()
    }
}

/// The holders that are compared: the first of each source, in packet order, but for
/// those of less than half the longest one's length, which were cut.
pub fn chosen(mut holders: Vec<Holder>) -> Vec<Holder> {
    holders.sort_by_key(|holder| holder.order);
    let longest = holders.iter().map(|holder| holder.bytes.len()).max().unwrap_or(0);
    let mut chosen: Vec<Holder> = Vec::with_capacity(MOST_HOLDERS);
    for holder in holders {
        let known = chosen.iter().any(|one| one.source == holder.source);
        if chosen.len() < MOST_HOLDERS && !known && 2 * holder.bytes.len() >= longest {
            chosen.push(holder);
        }
    }
    chosen
}

/// The content and what else all `holders` share, as [`chosen`] gave them; `None` with
/// too few of them to tell.
///
/// Of the strings that occur in all of them, outside of the content, those are kept that
/// chance does not explain, given the bytes of these samples, and that stand in at most
/// one in a hundred of the `ordinary` samples without the content; the most telling
/// first.
pub fn tokens(
    content: &[u8],
    holders: &[Holder],
    ordinary: &[Arc<[u8]>],
) -> Option<Tokens> {
    let (first, others) =
        holders.split_first().filter(|(_, o)| o.len() + 1 >= LEAST_HOLDERS)?;
    let all: Vec<&[u8]> = others.iter().map(|holder| &*holder.bytes).collect();
    let cost = ByteCost::of(holders.iter().map(|holder| &*holder.bytes));
    let token = |range: &Range<usize>| &first.bytes[range.clone()];
    let mut found: Vec<(f64, Range<usize>)> = common(&first.bytes, &all)
        .into_iter()
        .flat_map(|range| without(range, &first.content))
        .map(|range| (cost.bits(token(&range)), range))
        .filter(|(bits, range)| {
            !by_chance(*bits, first.bytes.len(), others)
                && find(content, token(range)).is_none()
        })
        .collect();
    // The most telling, then the first.
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.start.cmp(&b.1.start)));
    let mut kept: Vec<Range<usize>> = Vec::new();
    let mut tried = 0;
    for (_, range) in found {
        let overlaps =
            |other: &Range<usize>| range.start < other.end && other.start < range.end;
        let says_less = |other: &Range<usize>| {
            overlaps(other) || find(token(other), token(&range)).is_some()
        };
        if kept.len() + 1 == MOST_TOKENS || tried == MOST_TRIED {
            break;
        }
        if !kept.iter().any(says_less) {
            tried += 1;
            if is_specific(token(&range), content, ordinary) {
                kept.push(range);
            }
        }
    }
    kept.sort_by_key(|range| range.start);
    let at = kept.partition_point(|range| range.start < first.content.start);
    let mut list: Vec<Vec<u8>> =
        kept.into_iter().map(|range| first.bytes[range].to_vec()).collect();
    list.insert(at, content.to_vec());
    let ordered = holders.iter().all(|holder| in_order(&list, at, holder));
    Some(Tokens { list, ordered })
}

/// What is left of `known` after more samples: each token, or its longest part that these
/// all hold. The content may have grown since.
pub fn narrowed(
    known: &Tokens,
    before: &[u8],
    content: &[u8],
    holders: &[Holder],
) -> Tokens {
    let all: Vec<&[u8]> = holders.iter().map(|holder| &*holder.bytes).collect();
    let mut list: Vec<Vec<u8>> = Vec::with_capacity(known.list.len());
    let mut at = None;
    for token in &known.list {
        if token == before && at.is_none() {
            at = Some(list.len());
            list.push(content.to_vec());
            continue;
        }
        let parts = common(token, &all);
        let longest = parts.into_iter().rev().max_by_key(Range::len);
        if let Some(part) = longest.map(|range| &token[range])
            && find(content, part).is_none()
        {
            list.push(part.to_vec());
        }
    }
    let Some(at) = at else { return Tokens::of_content(content) };
    let ordered = list.len() == 1
        || known.ordered && holders.iter().all(|one| in_order(&list, at, one));
    Tokens { list, ordered }
}

/// What of `range` lies before and behind `content`, where it is long enough.
fn without(
    range: Range<usize>,
    content: &Range<usize>,
) -> impl Iterator<Item = Range<usize>> {
    let parts = if range.start < content.end && content.start < range.end {
        [range.start..content.start, content.end..range.end]
    } else {
        [range, 0..0]
    };
    parts.into_iter().filter(|part| part.end >= part.start + LEAST_TOKEN)
}

/// Whether strings of so many bits may be shared by chance: the expected number of those
/// of one sample that all others hold as well.
fn by_chance(bits: f64, length: usize, others: &[Holder]) -> bool {
    let places = |length: usize| (length.max(1) as f64).log2();
    let expected = places(length)
        + others
            .iter()
            .map(|other| (places(other.bytes.len()) - bits).min(0.0))
            .sum::<f64>();
    expected > -AGAINST_CHANCE
}

/// Whether few unrelated samples hold the token.
fn is_specific(token: &[u8], content: &[u8], ordinary: &[Arc<[u8]>]) -> bool {
    let most = ordinary.len() / SPECIFIC;
    let held = ordinary
        .iter()
        .filter(|piece| find(piece, token).is_some() && find(piece, content).is_none());
    held.take(most + 1).count() <= most
}

/// Whether the tokens follow each other in a sample; that at `at` is the content.
fn in_order(list: &[Vec<u8>], at: usize, holder: &Holder) -> bool {
    let mut from = 0;
    for (i, token) in list.iter().enumerate() {
        // Of a long content a sample may hold a part only, but its place is known.
        let found = if i == at {
            Some(holder.content.clone()).filter(|place| place.start >= from)
        } else {
            find(&holder.bytes[from..], token)
                .map(|start| from + start..from + start + token.len())
        };
        let Some(found) = found else { return false };
        from = found.end;
    }
    true
}

persist!(Tokens { list, ordered });

#[cfg(test)]
mod tests;
