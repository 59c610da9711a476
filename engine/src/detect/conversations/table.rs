//! Set-associative table of conversations.
//!
//! Eight ways; a set's eight tags share one cache line, sorted by last use, and the low
//! three bits of a tag say which way it stands for. An entry is half a line, so a look-up
//! touches two lines. The memory is zeroed lazily by the system.

use crate::pages::Words;
use crate::sketch::reduce;
use crate::state::{Exchange, Persist, persist};

pub(super) const WAYS: usize = 8;
const WAY: u64 = WAYS as u64 - 1;
/// Set in every tag, so that none is that of an unused way.
const USED: u64 = WAYS as u64;

/// Words of an entry.
const WORDS: usize = 4;
pub(super) type Entry = [u64; WORDS];

/// The tags of a set.
type Tags = [u64; WAYS];

/// Until when a packet may belong to a conversation that the set let go of, for each of
/// two kinds; 0 if it let go of none.
type Gone = [u64; 2];

const SET_BYTES: usize =
    size_of::<Tags>() + WAYS * size_of::<Entry>() + size_of::<Gone>();
const LINE_WORDS: usize = 8;

/// Where an entry lies; from [`Table::place`].
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) set: usize,
    entry: usize,
}

/// What [`Table::place`] met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    /// The conversation's entry.
    Known,
    /// A way that nobody used.
    Blank,
    /// The entry of another conversation, which this is the last moment to read.
    Evicted,
}

#[derive(Debug)]
pub(super) struct Table {
    tags: Rows<WAYS>,
    entries: Rows<WORDS>,
    gone: Box<[Gone]>,
    /// Odd; spreads connections over the sets.
    factor: u64,
}

impl Table {
    /// A table within `bytes`; it has no ways at all if not even one set fits.
    pub(super) fn new(bytes: usize, seed: u64) -> Self {
        let slack = 2 * (LINE_WORDS - 1) * size_of::<u64>();
        let sets = bytes.saturating_sub(slack) / SET_BYTES;
        Self {
            tags: Rows::zeroed(sets),
            entries: Rows::zeroed(sets * WAYS),
            gone: vec![[0; 2]; sets].into_boxed_slice(),
            factor: seed | 1,
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.tags.memory_bytes() + self.entries.memory_bytes() + size_of_val(&*self.gone)
    }

    /// Conversations that fit.
    pub(super) fn capacity(&self) -> usize {
        self.gone.len() * WAYS
    }

    /// The conversation's entry, or another's if it has none. `None` if the table has no
    /// ways.
    ///
    /// The longest unused entry goes first, but a newcomer is the next to go until
    /// another packet of it `confirms` it: a scan must not sweep the table.
    #[inline]
    pub(super) fn place(
        &mut self,
        connection: u64,
        confirms: bool,
    ) -> Option<(Place, Met)> {
        let set = self.set(connection)?;
        let tags = self.tags.row_mut(set);
        let tag = (connection | USED) & !WAY;
        let found = tags.iter().position(|held| held & !WAY == tag);
        let Some(rank) = found else {
            let (way, met) = take(tags, tag);
            return Some((Place { set, entry: set * WAYS + way }, met));
        };
        let held = tags[rank];
        if confirms && rank > 0 {
            tags.copy_within(..rank, 1);
            tags[0] = held;
        }
        let entry = set * WAYS + (held & WAY) as usize;
        Some((Place { set, entry }, Met::Known))
    }

    #[inline]
    pub(super) fn entry(&self, place: Place) -> &Entry {
        self.entries.row(place.entry)
    }

    #[inline]
    pub(super) fn entry_mut(&mut self, place: Place) -> &mut Entry {
        self.entries.row_mut(place.entry)
    }

    pub(super) fn gone(&self, set: usize) -> &Gone {
        &self.gone[set]
    }

    pub(super) fn gone_mut(&mut self, set: usize) -> &mut Gone {
        &mut self.gone[set]
    }

    /// The line that a look-up reads first.
    #[inline]
    pub(super) fn tags(&self, connection: u64) -> &Tags {
        self.set(connection).map_or(&[0; WAYS], |set| self.tags.row(set))
    }

    /// The set of a connection, unless there is none at all.
    #[inline]
    pub(super) fn set(&self, connection: u64) -> Option<usize> {
        let sets = self.gone.len();
        (sets > 0).then(|| reduce(connection.wrapping_mul(self.factor), sets))
    }

    #[cfg(test)]
    pub(super) fn holds(&self, connection: u64) -> bool {
        let tag = (connection | USED) & !WAY;
        self.tags(connection).iter().any(|held| held & !WAY == tag)
    }
}

/// Gives a way to a newcomer: an unused one if there is one.
fn take(tags: &mut Tags, tag: u64) -> (usize, Met) {
    if tags[0] == tags[1] {
        // Ways are all different once the set is in use.
        tags.iter_mut().zip(0..).for_each(|(tag, way)| *tag = way);
    }
    let unused = tags.iter().rposition(|held| held & USED == 0);
    let rank = unused.unwrap_or(WAYS - 1);
    let way = tags[rank] & WAY;
    tags[rank] = tag | way;
    (way as usize, if unused.is_some() { Met::Blank } else { Met::Evicted })
}

/// Rows of `N` words, of which none crosses a cache line.
#[derive(Debug)]
struct Rows<const N: usize> {
    words: Words,
    /// Where the first row begins in `words`.
    first: usize,
    count: usize,
}

impl<const N: usize> Rows<N> {
    fn zeroed(count: usize) -> Self {
        let slack = if count == 0 { 0 } else { LINE_WORDS - 1 };
        let words = Words::zeroed(count * N + slack);
        // Unaligned rows would only be slower, so the fallback is no harm.
        let line = LINE_WORDS * size_of::<u64>();
        let first = words.as_ptr().align_offset(line).min(slack);
        Self { words, first, count }
    }

    #[inline]
    fn row(&self, index: usize) -> &[u64; N] {
        &self.words[self.first..].as_chunks().0[index]
    }

    #[inline]
    fn row_mut(&mut self, index: usize) -> &mut [u64; N] {
        &mut self.words[self.first..].as_chunks_mut().0[index]
    }

    fn memory_bytes(&self) -> usize {
        self.words.memory_bytes()
    }
}

impl<const N: usize> Persist for Rows<N> {
    fn persist(&mut self, file: &mut Exchange<'_>) -> std::io::Result<()> {
        file.fixed(&mut self.words[self.first..][..self.count * N])
    }
}

persist!(Table { tags, entries, gone; factor });

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of a table of one set.
    const ONE: usize = SET_BYTES + 112;

    fn connection(i: u64) -> u64 {
        (i + 1) << 20
    }

    /// Those of the first `n` connections that have an entry.
    fn held(table: &Table, n: u64) -> Vec<u64> {
        (0..n).filter(|i| table.holds(connection(*i))).collect()
    }

    #[test]
    fn a_table_stays_within_its_bytes_and_its_rows_within_a_line() {
        for bytes in [0, 63, 111, ONE - 1, ONE, 4_096, 100_000, 1 << 20] {
            let mut table = Table::new(bytes, 1);
            assert!(table.memory_bytes() <= bytes, "{bytes}");
            assert_eq!(table.capacity() > 0, bytes >= ONE, "{bytes}");
            assert_eq!(table.place(7, true).is_some(), table.capacity() > 0);
            let unused = bytes - table.memory_bytes();
            assert!(unused < SET_BYTES + 112, "{bytes}: {unused} unused");
            if table.capacity() > 0 {
                assert_eq!(table.tags.row(0).as_ptr() as usize % 64, 0);
                assert_eq!(table.entries.row(0).as_ptr() as usize % 64, 0);
            }
        }
    }

    #[test]
    fn every_entry_keeps_its_own_words() {
        let mut table = Table::new(100_000, 77);
        let count = table.capacity() as u64 / 2;
        let spread = |i: u64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut kept = 0;
        for i in 0..count {
            let (place, met) = table.place(spread(i), true).unwrap();
            kept += u64::from(met == Met::Blank);
            *table.entry_mut(place) = [i; WORDS];
        }
        let mut found = 0;
        for i in 0..count {
            if table.holds(spread(i)) {
                let (place, met) = table.place(spread(i), true).unwrap();
                assert_eq!((met, *table.entry(place)), (Met::Known, [i; WORDS]));
                found += 1;
            }
        }
        assert!(found == kept && found > count * 9 / 10, "{found} of {count}");
    }

    #[test]
    fn the_longest_unused_conversation_of_a_set_goes_first() {
        let mut table = Table::new(ONE, 3);
        assert_eq!(table.capacity(), 8);
        for i in 0..8 {
            assert_eq!(table.place(connection(i), true).unwrap().1, Met::Blank);
            assert_eq!(table.place(connection(i), true).unwrap().1, Met::Known);
        }
        table.place(connection(0), true);
        assert_eq!(table.place(connection(8), true).unwrap().1, Met::Evicted);
        assert_eq!(held(&table, 9), [0, 2, 3, 4, 5, 6, 7, 8]);
        // Confirmed, it is the last to go; 2 is the longest unused one now.
        table.place(connection(8), true);
        table.place(connection(9), true);
        assert_eq!(held(&table, 10), [0, 3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn a_flood_of_newcomers_takes_one_way_of_a_set() {
        let mut table = Table::new(ONE, 3);
        for i in 0..8 {
            table.place(connection(i), true);
            table.place(connection(i), true);
        }
        for i in 8..1_000 {
            table.place(connection(i), true);
            // A repeated SYN confirms nothing.
            table.place(connection(i), false);
        }
        assert_eq!(held(&table, 1_000), [1, 2, 3, 4, 5, 6, 7, 999]);
    }

    #[test]
    fn a_connection_of_zeros_is_one_like_others() {
        let mut table = Table::new(ONE, 3);
        let (place, met) = table.place(0, true).unwrap();
        assert_eq!(met, Met::Blank);
        *table.entry_mut(place) = [5; WORDS];
        let (place, met) = table.place(0, true).unwrap();
        assert_eq!((met, *table.entry(place)), (Met::Known, [5; WORDS]));
    }
}
