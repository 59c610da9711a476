//! The tail of each direction.
//!
//! A fixed set-associative table, eight ways, the longest unused one out. A
//! set's eight tags share one cache line, sorted by last use; the low three
//! bits of a tag say which way it stands for. So a look-up touches one line of
//! tags and one entry. The memory is zeroed lazily by the system: a table that
//! is hardly used costs hardly anything.

use super::rehash;
use crate::pages::{Bytes, CACHE_LINE};
use crate::state::{Exchange, Persist};

const WAYS: usize = 8;
const WAY: u64 = WAYS as u64 - 1;
/// Bytes of an entry before its tail.
const HEAD: usize = 8;

/// Where an entry lies; from [`TailTable::place`].
#[derive(Clone, Copy)]
pub(super) struct TailSlot(usize);

/// What [`TailTable::place`] met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    /// The direction's entry.
    Known,
    /// A way that nobody used; it is blank.
    Blank,
    /// The entry of the set's longest unused direction, blank now.
    Evicted,
}

/// The fixed part of an entry.
#[derive(Clone, Copy, Default)]
pub(super) struct Head {
    /// Sequence number of the next byte.
    pub(super) expected: u32,
    /// Bytes of the tail in use.
    pub(super) tail_len: u16,
    /// Segments since the tail last moved.
    pub(super) idle: u8,
    /// Whether `expected` means anything yet.
    pub(super) started: bool,
    /// Whether the out-of-order store may hold something of this direction.
    pub(super) stored: bool,
}

const STARTED: u8 = 0x80;
const STORED: u8 = 0x40;

pub(super) struct TailTable {
    tags: Box<[u64]>,
    entries: Bytes,
    /// Where the first cache line boundary lies in `entries`.
    base: usize,
    stride: usize,
    context: usize,
    seed: u64,
}

impl TailTable {
    /// A table within `bytes`; it has no ways at all if not even one set fits.
    pub(super) fn new(bytes: usize, context: usize, seed: u64) -> Self {
        let stride = (HEAD + context).next_multiple_of(CACHE_LINE);
        let sets =
            bytes.saturating_sub(CACHE_LINE) / (WAYS * (stride + size_of::<u64>()));
        let slack = if sets == 0 { 0 } else { CACHE_LINE };
        let entries = Bytes::zeroed(sets * WAYS * stride + slack);
        // Only speed depends on it: entries that straddle no line they need not.
        let base = entries.as_ptr().align_offset(CACHE_LINE).min(slack);
        let tags = vec![0; sets * WAYS].into_boxed_slice();
        Self { tags, entries, base, stride, context, seed }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.entries.len() + size_of_val(&*self.tags)
    }

    /// Directions that fit.
    pub(super) fn capacity(&self) -> usize {
        self.tags.len()
    }

    /// The direction's entry, taken from the longest unused one if it has
    /// none. `None` if the table has no room for anything.
    ///
    /// A newcomer that is only `announced`, by a bare SYN, is the next to go
    /// again until it sends something: a scan must not sweep the table.
    pub(super) fn place(
        &mut self,
        direction: u64,
        announced: bool,
    ) -> Option<(TailSlot, Met)> {
        let set = self.set(direction)?;
        let tags = &mut self.tags[set * WAYS..][..WAYS];
        if (tags[0] ^ tags[1]) & WAY == 0 {
            // Ways are all different once the set is in use.
            tags.iter_mut().zip(0..).for_each(|(tag, way)| *tag = way);
        }
        let found = tags.iter().position(|tag| (tag ^ direction) & !WAY == 0);
        let unused = || tags.iter().rposition(|tag| tag & !WAY == 0);
        let mut rank = found.or_else(unused).unwrap_or(WAYS - 1);
        if found.is_some() || !announced {
            tags[..=rank].rotate_right(1);
            rank = 0;
        }
        let way = (tags[rank] & WAY) as usize;
        tags[rank] = direction & !WAY | way as u64;
        let place = TailSlot(self.base + (set * WAYS + way) * self.stride);
        let known = self.head(place).started;
        let met = match (found, known) {
            (Some(_), true) => Met::Known,
            (None, true) => Met::Evicted,
            (_, false) => Met::Blank,
        };
        if met == Met::Evicted {
            self.set_head(place, Head::default());
        }
        Some((place, met))
    }

    /// The set of a direction, unless there is none at all.
    fn set(&self, direction: u64) -> Option<usize> {
        let sets = self.tags.len() / WAYS;
        let spread = u128::from(rehash(direction, self.seed)) * sets as u128;
        (sets > 0).then_some((spread >> 64) as usize)
    }

    pub(super) fn head(&self, place: TailSlot) -> Head {
        let b = &self.entries[place.0..][..HEAD];
        Head {
            expected: u32::from_le_bytes([b[0], b[1], b[2], b[3]]),
            tail_len: u16::from_le_bytes([b[4], b[5]]),
            idle: b[6],
            started: b[7] & STARTED != 0,
            stored: b[7] & STORED != 0,
        }
    }

    pub(super) fn set_head(&mut self, place: TailSlot, head: Head) {
        let b = &mut self.entries[place.0..][..HEAD];
        b[..4].copy_from_slice(&head.expected.to_le_bytes());
        b[4..6].copy_from_slice(&head.tail_len.to_le_bytes());
        b[6] = head.idle;
        b[7] =
            if head.started { STARTED } else { 0 } | if head.stored { STORED } else { 0 };
    }

    /// Room for `context` bytes, of which the head's `tail_len` are in use.
    pub(super) fn tail(&self, place: TailSlot) -> &[u8] {
        &self.entries[place.0 + HEAD..][..self.context]
    }

    /// As [`TailTable::tail`], to be written.
    pub(super) fn tail_mut(&mut self, place: TailSlot) -> &mut [u8] {
        &mut self.entries[place.0 + HEAD..][..self.context]
    }
}

impl Persist for TailTable {
    fn persist(&mut self, file: &mut Exchange<'_>) -> std::io::Result<()> {
        let Self { tags, entries, base, stride, context: _, seed: _ } = self;
        let used = tags.len() * *stride;
        tags.persist(file)?;
        file.fixed(&mut entries[*base..][..used])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_stays_within_its_bytes_whatever_they_are() {
        for context in [1, 39, 47, 56, 57, 166, 1_086] {
            for bytes in [0, 63, 64, 639, 640, 4_096, 100_000] {
                let mut table = TailTable::new(bytes, context, 1);
                assert!(table.memory_bytes() <= bytes, "{context} {bytes}");
                assert_eq!(table.place(7, false).is_some(), table.capacity() > 0);
            }
        }
    }

    #[test]
    fn the_longest_unused_direction_of_a_set_goes_first() {
        let mut table = TailTable::new(1_000, 39, 3);
        assert_eq!(table.capacity(), 8);
        let direction = |i: u64| (i + 1) << 20;
        for i in 0..8 {
            let (place, met) = table.place(direction(i), false).unwrap();
            assert_eq!(met, Met::Blank);
            let head = Head { started: true, expected: i as u32, ..Head::default() };
            table.set_head(place, head);
        }
        table.place(direction(0), false);
        assert_eq!(table.place(direction(8), false).unwrap().1, Met::Evicted);
        for i in [0, 2, 3, 4, 5, 6, 7] {
            let (place, met) = table.place(direction(i), false).unwrap();
            assert_eq!((met, table.head(place).expected), (Met::Known, i as u32));
        }
    }

    #[test]
    fn a_flood_of_bare_syns_takes_one_way_of_a_set() {
        let mut table = TailTable::new(1_000, 39, 3);
        let started = Head { started: true, ..Head::default() };
        for i in 0..1_000u64 {
            let (place, _) = table.place((i + 1) << 20, i >= 8).unwrap();
            table.set_head(place, started);
        }
        let known: Vec<_> = (0..1_000)
            .filter(|i| table.tags.iter().any(|tag| tag & !WAY == (i + 1) << 20))
            .collect();
        assert_eq!(known, [1, 2, 3, 4, 5, 6, 7, 999]);
    }

    #[test]
    fn a_head_comes_back_as_it_was_written() {
        let mut table = TailTable::new(1_000, 39, 3);
        let (place, _) = table.place(5, false).unwrap();
        for (started, stored) in [(true, false), (false, true)] {
            let head =
                Head { expected: 0xfedc_ba98, tail_len: 39, idle: 200, started, stored };
            table.set_head(place, head);
            let got = table.head(place);
            assert_eq!((got.expected, got.tail_len, got.idle), (0xfedc_ba98, 39, 200));
            assert_eq!((got.started, got.stored), (started, stored));
        }
    }
}
