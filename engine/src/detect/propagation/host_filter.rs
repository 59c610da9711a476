//! Filter of pairs of a content and a host that were entered lately.
//!
//! Two keyed [`BlockedBloom`] filters know, of this epoch and of the one before; in front of
//! them stands a small direct-mapped memory of hashes that the current one holds. Most
//! sightings repeat a pair that was entered moments ago, and to compare one word is all that
//! it takes to know that; the filter would hash it twice and wait for a line of a large table.
//! The memory answers only where the filter would say the same.

use super::FALSE_POSITIVE_RATE;
use crate::sketch::{BlockedBloom, EpochClock, Epochs, Turn};
use crate::state::{Exchange, Persist};
use crate::time::{Span, Timestamp};

/// Places of the memory, at most: a KiB, which stays in a cache near the processor. A
/// shard sees the same pairs close together: thirty times as many places would find
/// hardly more (DESIGN, "Measured").
const MOST_PLACES: usize = 128;

/// Hashes of pairs. See the [module](self).
#[derive(Debug)]
pub(super) struct HostFilter {
    filters: Epochs<BlockedBloom>,
    /// Place i holds a hash whose lowest bits are i, or one whose bits are not and
    /// that means none. A power of two of places.
    recent: Vec<u64>,
}

impl HostFilter {
    /// Two filters of `bytes` each, and `places` of memory (see [`places`]); the time window
    /// and the seed of the filters.
    pub(super) fn new(bytes: usize, places: usize, window: Span, seed: u64) -> Self {
        let filter = || BlockedBloom::new(bytes, FALSE_POSITIVE_RATE, seed);
        Self::of(Epochs::new(filter(), filter(), window), places)
    }

    /// The same for each seed. Filters of one epoch share huge pages.
    pub(super) fn side_by_side(
        bytes: usize,
        places: usize,
        window: Span,
        seeds: &[u64],
    ) -> Vec<Self> {
        let filter = |at: usize| BlockedBloom::new(bytes, FALSE_POSITIVE_RATE, seeds[at]);
        let filters = Epochs::side_by_side(seeds.len(), window, filter);
        filters.into_iter().map(|filters| Self::of(filters, places)).collect()
    }

    fn of(filters: Epochs<BlockedBloom>, places: usize) -> Self {
        let mut recent = vec![0; places];
        forget(&mut recent);
        Self { filters, recent }
    }

    /// Moves on to the epoch of `time`.
    #[inline]
    pub(super) fn advance(&mut self, time: Timestamp) -> Turn {
        let turn = self.filters.advance(time);
        if turn != Turn::Stay {
            forget(&mut self.recent);
        }
        turn
    }

    /// Ends the current filter before its time.
    pub(super) fn rotate_early(&mut self) {
        self.filters.rotate_early();
        forget(&mut self.recent);
    }

    /// Enters a pair in the current filter.
    #[inline]
    pub(super) fn enter(&mut self, hash: u64) {
        if !self.is_recent(hash) {
            self.filters.current_mut().insert(hash);
            let place = self.place(hash);
            self.recent[place] = hash;
        }
    }

    /// Enters a pair that was seen in the previous epoch. A full filter takes no more.
    pub(super) fn enter_previous(&mut self, hash: u64) {
        let previous = self.filters.previous_mut();
        if !previous.is_full() {
            previous.insert(hash);
        }
    }

    /// Whether either filter holds the pair.
    #[inline]
    pub(super) fn contains(&self, hash: u64) -> bool {
        self.is_recent(hash)
            || self.filters.current().contains(hash)
            || self.filters.previous().contains(hash)
    }

    /// Whether the pair is known, without a look at the filters, to be in the current
    /// one. No means nothing.
    #[inline]
    pub(super) fn is_recent(&self, hash: u64) -> bool {
        self.recent[self.place(hash)] == hash
    }

    /// Whether the current filter holds all that it can.
    pub(super) fn is_full(&self) -> bool {
        self.filters.current().is_full()
    }

    /// The current filter against its capacity.
    pub(super) fn fill(&self) -> f64 {
        let current = self.filters.current();
        current.len() as f64 / current.capacity() as f64
    }

    /// The epochs of the filters.
    #[inline]
    pub(super) fn clock(&self) -> &EpochClock {
        self.filters.clock()
    }

    /// Bytes allocated.
    pub(super) fn memory_bytes(&self) -> usize {
        self.filters.current().memory_bytes()
            + self.filters.previous().memory_bytes()
            + self.recent.capacity() * size_of::<u64>()
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.filters.current().capacity()
    }

    fn place(&self, hash: u64) -> usize {
        hash as usize & (self.recent.len() - 1)
    }
}

/// Places of the memory of one of two such sets of pairs that share `bytes` with other
/// tables: both memories take a 64th at most.
pub(super) fn places(bytes: usize) -> usize {
    let most = (bytes / 1_024).clamp(2, MOST_PLACES);
    1 << most.ilog2()
}

/// Empties the memory: zero belongs in place 0, so there another number means none.
fn forget(recent: &mut [u64]) {
    recent.fill(0);
    recent[0] = 1;
}

/// The filters alone are kept.
impl Persist for HostFilter {
    fn persist(&mut self, file: &mut Exchange<'_>) -> std::io::Result<()> {
        let Self { filters, recent } = self;
        if file.is_reading() {
            forget(recent);
        }
        filters.persist(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WINDOW: Span = Span(100);

    /// What happens to a set of pairs.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Enter(u64),
        Advance(u64),
        RotateEarly,
        SaveAndRestore,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        // Few low bits, so that pairs meet in the memory's places; 0 and 1 are the
        // numbers that an empty place holds.
        let hash = (0_u64..40, 0_u64..3).prop_map(|(low, high)| high << 40 | low);
        let step = prop_oneof![
            12 => hash.prop_map(Step::Enter),
            1 => (0_u64..250).prop_map(Step::Advance),
            1 => Just(Step::RotateEarly),
            1 => Just(Step::SaveAndRestore),
        ];
        prop::collection::vec(step, 1..200)
    }

    fn restored(pairs: &mut HostFilter, bytes: usize, seed: u64) -> HostFilter {
        let mut saved = Vec::new();
        pairs.persist(&mut Exchange::writing(&mut saved)).unwrap();
        // Whatever the table that is read into remembers must go.
        let mut other = HostFilter::new(bytes, pairs.recent.len(), WINDOW, seed);
        (0..64).for_each(|hash| other.enter(hash));
        other.persist(&mut Exchange::reading(&mut &saved[..])).unwrap();
        other
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn with_and_without_the_memory_every_answer_is_the_same(
            steps in steps(), bytes in 0_usize..300, places in 1_u32..6, seed: u64,
        ) {
            let mut pairs = HostFilter::new(bytes, 1 << places, WINDOW, seed);
            let filter = || BlockedBloom::new(bytes, FALSE_POSITIVE_RATE, seed);
            let mut plain = Epochs::new(filter(), filter(), WINDOW);
            let mut time = Timestamp::default();
            for step in steps {
                match step {
                    Step::Enter(hash) => {
                        pairs.enter(hash);
                        plain.current_mut().insert(hash);
                    }
                    Step::Advance(gap) => {
                        time = time + Span(gap);
                        pairs.advance(time);
                        plain.advance(time);
                    }
                    Step::RotateEarly => {
                        pairs.rotate_early();
                        plain.rotate_early();
                    }
                    Step::SaveAndRestore => pairs = restored(&mut pairs, bytes, seed),
                }
                for hash in (0..3).flat_map(|high| (0..40).map(move |low| high << 40 | low)) {
                    let current = plain.current().contains(hash);
                    prop_assert_eq!(
                        pairs.contains(hash),
                        current || plain.previous().contains(hash)
                    );
                    prop_assert!(current || !pairs.is_recent(hash));
                }
                let (ours, theirs) = (pairs.filters.current(), plain.current());
                prop_assert_eq!(ours.len(), theirs.len());
                prop_assert_eq!(pairs.is_full(), theirs.is_full());
                prop_assert_eq!(pairs.filters.previous().len(), plain.previous().len());
            }
        }
    }

    #[test]
    fn a_pair_that_was_just_entered_is_recent_and_an_empty_memory_holds_nothing() {
        let mut pairs = HostFilter::new(1_000, 8, WINDOW, 3);
        assert!((0..64).all(|hash| !pairs.is_recent(hash) && !pairs.contains(hash)));
        pairs.enter(5);
        assert!(pairs.is_recent(5) && !pairs.is_recent(13));
        pairs.enter(13);
        assert!(pairs.is_recent(13) && !pairs.is_recent(5) && pairs.contains(5));
        pairs.advance(Timestamp::default() + WINDOW);
        assert!(!pairs.is_recent(13) && pairs.contains(13));
    }

    #[test]
    fn both_memories_take_a_64th_at_most() {
        for bytes in [2 << 10, 27_000, 450_000, 1 << 30] {
            let places = places(bytes);
            assert!(places.is_power_of_two() && (2..=MOST_PLACES).contains(&places));
            assert!(2 * places * size_of::<u64>() <= bytes / 64, "{bytes}");
        }
    }
}
