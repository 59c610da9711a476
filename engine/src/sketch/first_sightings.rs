//! A bounded memory of where each hash was seen, until it counts as repeated.
//!
//! A content is promoted at its third sighting or so; the first ones are those of patient
//! zero. So each sighting that is not promoted leaves the ordinal of its packet here, and a
//! promotion takes them out again.
//!
//! Sightings are written in a row into a ring; nothing is looked up. A promotion, which is
//! rare, looks at a filter for each block of the ring, and reads the blocks that may hold
//! the hash.
//!
//! Guarantees: what is recalled was noted, but for one sighting in 2^28 that is another
//! hash's. The latest sightings are known, whatever their hashes; once older ones were
//! written over, each recall says that something may be missing. Costs: one store of eight
//! bytes a sighting, and two bits of a filter; ten bytes of memory each.

use super::hash::reduce;
use crate::state::{Exchange, Persist};

/// Bits of a packet's ordinal; the others are the tag.
const ORDINAL: u32 = 36;
const ORDINALS: u64 = (1 << ORDINAL) - 1;

/// Sightings in a block, and bits of its filter for each.
const BLOCK: usize = 1_024;
const LEAST_BLOCK: usize = 16;
const FILTER_BITS: usize = 16;

/// Bytes of the budget for each place in the list of what was lost.
const BYTES_PER_LOST: usize = 64;

/// What is known of a hash's earlier sightings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recalled {
    /// Ordinals of their packets, rising.
    pub ordinals: Vec<u64>,
    /// Whether there may have been others.
    pub some_missing: bool,
    /// The dispersion window in which one was last lost after its promotion.
    pub lost: Option<u32>,
}

/// A ring of sightings. See the [module](self).
#[derive(Debug)]
pub struct FirstSightings {
    /// A tag and an ordinal counted from one; zero is an empty place.
    ring: Vec<u64>,
    /// A power of two.
    block: usize,
    /// The filters of the blocks, one after the other. That of the block which is being
    /// written is not looked at.
    filters: Vec<u64>,
    /// The place of the next sighting.
    next: usize,
    /// Whether sightings have been written over.
    wrapped: bool,
    /// By hash: the latest window in which a promoted content was lost, counted from one.
    lost: Vec<u32>,
}

impl FirstSightings {
    /// A ring of at most `bytes`, and never less than one block.
    pub fn new(bytes: usize) -> Self {
        let lost = (bytes / BYTES_PER_LOST).max(1);
        let left = bytes.saturating_sub(lost * size_of::<u32>());
        let entries = left * 8 / (64 + FILTER_BITS);
        let mut block = BLOCK;
        while block > LEAST_BLOCK && block * 4 > entries {
            block /= 2;
        }
        let blocks = (entries / block).max(1);
        Self {
            ring: vec![0; blocks * block],
            block,
            filters: vec![0; blocks * block * FILTER_BITS / 64],
            next: 0,
            wrapped: false,
            lost: vec![0; lost],
        }
    }

    /// Bytes allocated.
    pub fn memory_bytes(&self) -> usize {
        (self.ring.capacity() + self.filters.capacity()) * size_of::<u64>()
            + self.lost.capacity() * size_of::<u32>()
    }

    /// Remembers a sighting of this hash in the packet of this ordinal; true when another
    /// was forgotten for it.
    #[inline]
    pub fn note(&mut self, hash: u64, ordinal: u64) -> bool {
        let place = &mut self.ring[self.next];
        let forgot = *place != 0;
        *place = hash << ORDINAL | (ordinal + 1) & ORDINALS;
        self.next += 1;
        if self.next & (self.block - 1) == 0 {
            self.end_block();
        }
        forgot
    }

    /// Writes the filter of the block that is full.
    #[cold]
    fn end_block(&mut self) {
        self.write_filter(self.next / self.block - 1);
        if self.next == self.ring.len() {
            self.next = 0;
            self.wrapped = true;
        }
    }

    fn write_filter(&mut self, block: usize) {
        let words = self.block * FILTER_BITS / 64;
        let filter = &mut self.filters[block * words..(block + 1) * words];
        filter.fill(0);
        for entry in &self.ring[block * self.block..(block + 1) * self.block] {
            if *entry != 0 {
                let bit = place_in_filter(entry >> ORDINAL, words);
                filter[bit / 64] |= 1 << (bit % 64);
            }
        }
    }

    /// Takes out what is known of a hash.
    pub fn recall(&mut self, hash: u64) -> Recalled {
        let lost = self.lost[reduce(hash, self.lost.len())];
        let mut recalled = Recalled {
            ordinals: Vec::new(),
            some_missing: self.wrapped || lost != 0,
            lost: lost.checked_sub(1),
        };
        let words = self.block * FILTER_BITS / 64;
        let tag = hash << ORDINAL;
        let bit = place_in_filter(tag >> ORDINAL, words);
        let open = self.next / self.block;
        for (number, block) in self.ring.chunks_exact_mut(self.block).enumerate() {
            let filter = self.filters[number * words + bit / 64];
            if number != open && filter & 1 << (bit % 64) == 0 {
                continue;
            }
            for entry in block {
                if *entry != 0 && (*entry ^ tag) >> ORDINAL == 0 {
                    recalled.ordinals.push((*entry & ORDINALS).wrapping_sub(1));
                    *entry = 0;
                }
            }
        }
        // The ring's oldest block may lie anywhere in it.
        recalled.ordinals.sort_unstable();
        recalled
    }

    /// Notes that a promoted content was let go of, which was seen until this dispersion
    /// window: its earlier sightings will be missing.
    pub fn lose(&mut self, hash: u64, window: u32) {
        let at = reduce(hash, self.lost.len());
        self.lost[at] = self.lost[at].max(window.saturating_add(1));
    }
}

/// The bit that stands for a tag in a filter of so many words.
#[inline]
fn place_in_filter(tag: u64, words: usize) -> usize {
    tag as usize & (words * 64 - 1)
}

impl Persist for FirstSightings {
    fn persist(&mut self, file: &mut Exchange<'_>) -> std::io::Result<()> {
        file.fixed(&mut self.ring)?;
        file.fixed(&mut self.lost)?;
        self.wrapped.persist(file)?;
        let mut next = self.next;
        next.persist(file)?;
        if next >= self.ring.len() {
            let expected = format!("a place below {}", self.ring.len());
            return Err(file.misfit(expected, next));
        }
        self.next = next;
        (0..self.ring.len() / self.block).for_each(|block| self.write_filter(block));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::remix;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    proptest! {
        /// The twin is a list of the latest sightings, as many as the ring holds.
        #[test]
        fn it_recalls_like_a_list_of_the_latest(
            steps in prop::collection::vec((0_u64..60, 0_u8..4), 1..600),
            bytes in prop::sample::select(vec![1_usize, 400, 1_500, 100_000]),
        ) {
            let mut ring = FirstSightings::new(bytes);
            let mut twin: VecDeque<Option<(u64, u64)>> = VecDeque::new();
            let (capacity, mut noted) = (ring.ring.len(), 0);
            for (ordinal, (window, step)) in (0..).zip(steps) {
                let hash = remix(window, 3);
                if step > 0 {
                    let oldest =
                        if twin.len() == capacity { twin.pop_front() } else { None };
                    twin.push_back(Some((window, ordinal)));
                    noted += 1;
                    prop_assert_eq!(ring.note(hash, ordinal), oldest.flatten().is_some());
                    continue;
                }
                let found = ring.recall(hash);
                let known: Vec<u64> = twin
                    .iter_mut()
                    .filter(|it| it.is_some_and(|(known, _)| known == window))
                    .filter_map(|it| it.take().map(|(_, ordinal)| ordinal))
                    .collect();
                prop_assert_eq!(&found.ordinals, &known);
                prop_assert_eq!(found.some_missing, noted >= capacity);
                prop_assert_eq!(found.lost, None);
            }
        }
    }

    #[test]
    fn what_was_lost_after_its_promotion_is_said_with_its_latest_window() {
        let mut ring = FirstSightings::new(10_000);
        ring.lose(5, 0);
        ring.note(5, 77);
        assert_eq!(ring.recall(5).lost, Some(0));
        ring.lose(5, 9);
        ring.lose(5, 4);
        let recalled = ring.recall(5);
        assert_eq!((recalled.lost, recalled.some_missing), (Some(9), true));
        assert!(recalled.ordinals.is_empty(), "taken out by the first recall");
    }

    #[test]
    fn it_takes_what_it_was_given() {
        for bytes in [2_000, 20_000, 90_000, 1_000_000] {
            let ring = FirstSightings::new(bytes);
            assert!(ring.memory_bytes() <= bytes);
            assert!(ring.memory_bytes() * 10 > bytes * 7, "{bytes}");
        }
    }
}
