//! Host pairs that talked in this time window or the one before.
//!
//! Two epochs of a keyed [`BlockedBloom`] filter, so memory is fixed. A pair that talked is
//! always held, as long as [`Pairs::is_complete`]; one in a thousand that did not is held
//! as well when both filters are full.

use crate::sketch::{BlockedBloom, Epochs, FirstSeen, Turn};
use crate::state::persist;
use crate::time::{Epoch, Span, Timestamp};

/// Wrong yes of one filter at its capacity: both epochs make 1 in 1,000 together.
const FALSE_POSITIVE_RATE: f64 = 0.5e-3;

#[derive(Debug)]
pub(super) struct Pairs {
    filters: Epochs<BlockedBloom>,
    /// Grows with every new filter.
    turn: u16,
    /// The first window in which the filters hold all of it and of the one before.
    complete_from: Epoch,
    turned_early: u64,
    /// When pairs that were new first talked.
    met: FirstSeen,
}

impl Pairs {
    /// Two filters of `bytes` in all and a window.
    pub(super) fn new(bytes: usize, window: Span, seed: u64) -> Self {
        // A quarter remembers the times of some.
        let met = FirstSeen::new(bytes / 4);
        let bytes = bytes.saturating_sub(met.memory_bytes());
        let filter = || BlockedBloom::new(bytes / 2, FALSE_POSITIVE_RATE, seed);
        Self {
            filters: Epochs::new(filter(), filter(), window),
            turn: 0,
            complete_from: Epoch::default(),
            turned_early: 0,
            met,
        }
    }

    /// Moves on to the window of `time`.
    #[inline]
    pub(super) fn advance(&mut self, time: Timestamp) {
        if self.filters.advance(time) != Turn::Stay {
            self.turn = self.turn.wrapping_add(1);
        }
    }

    /// The number of the current filter. A pair that goes on talking is to be entered
    /// once in each.
    #[inline]
    pub(super) fn turn(&self) -> u16 {
        self.turn & super::entry::TURNS
    }

    /// Enters a pair that talks now.
    pub(super) fn enter(&mut self, pair: u64) {
        if self.filters.current().is_full() {
            self.filters.rotate_early();
            self.turn = self.turn.wrapping_add(1);
            self.turned_early += 1;
            // What is forgotten now is of this window or the one before, and the next
            // one lacks what was forgotten of this one.
            self.complete_from = Epoch::new(self.filters.clock().epoch().number() + 2);
        }
        self.filters.current_mut().insert(pair);
    }

    /// Notes when a new pair first talked.
    pub(super) fn meet(&mut self, pair: u64, time: Timestamp) {
        let since = self.filters.clock().previous_start();
        self.met.note(pair, time, since);
    }

    /// When it did, if that is still known.
    pub(super) fn met_at(&self, pair: u64) -> Option<Timestamp> {
        self.met.first(pair, self.filters.clock().previous_start())
    }

    /// Whether the pair talked. No is certain if the filters are complete.
    pub(super) fn contains(&self, pair: u64) -> bool {
        self.filters.current().contains(pair) || self.filters.previous().contains(pair)
    }

    /// Whether nothing of this window and the one before was forgotten.
    pub(super) fn is_complete(&self) -> bool {
        self.filters.clock().epoch() >= self.complete_from
    }

    /// Turns before a window's end, because the filter was full.
    pub(super) fn turned_early(&self) -> u64 {
        self.turned_early
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.filters.current().memory_bytes()
            + self.filters.previous().memory_bytes()
            + self.met.memory_bytes()
    }
}

persist!(Pairs { filters, turn, complete_from, turned_early, met });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::hash_word;
    use proptest::prelude::*;

    const WINDOW: u64 = 100;

    proptest! {
        /// Every pair with the times at which it talked, in a list.
        #[test]
        fn while_complete_nothing_of_two_windows_is_forgotten(
            talks in prop::collection::vec((0_u64..60, 0_u64..40), 1..300),
            bytes in prop::sample::select(vec![0_usize, 130, 260, 20_000]),
        ) {
            let mut pairs = Pairs::new(bytes, Span(WINDOW), 5);
            let (mut list, mut time) = (Vec::new(), 0);
            for (pair, gap) in talks {
                time += gap;
                pairs.advance(Timestamp::from_nanos(time));
                pairs.enter(hash_word(pair, 1));
                list.push((pair, time / WINDOW));
                let now = time / WINDOW;
                if pairs.is_complete() {
                    for (pair, _) in list.iter().filter(|(_, window)| window + 1 >= now) {
                        prop_assert!(pairs.contains(hash_word(*pair, 1)));
                    }
                }
                prop_assert!(pairs.is_complete() || bytes < 20_000);
            }
        }
    }

    /// Of the pairs that are held, few never talked; early turns keep less than three
    /// windows.
    #[test]
    fn what_never_talked_is_held_as_rarely_as_designed() {
        let mut pairs = Pairs::new(64 << 10, Span(WINDOW), 9);
        let mut entered = 0;
        for window in 0..2 {
            pairs.advance(Timestamp::from_nanos(window * WINDOW));
            while !pairs.filters.current().is_full() {
                pairs.enter(hash_word(entered, 5));
                entered += 1;
            }
        }
        assert!((0..entered).all(|pair| pairs.contains(hash_word(pair, 5))));
        let wrong =
            (0..400_000).filter(|pair| pairs.contains(hash_word(*pair, 6))).count();
        // 400 expected.
        assert!((250..600).contains(&wrong), "{wrong}");
        assert_eq!((pairs.turned_early(), pairs.is_complete()), (0, true));
    }

    #[test]
    fn an_early_turn_leaves_doubt_until_a_whole_window_has_passed() {
        let mut pairs = Pairs::new(92, Span(WINDOW), 3);
        let mut next = 0;
        let mut fill = |pairs: &mut Pairs| {
            let before = pairs.turned_early();
            while pairs.turned_early() == before {
                pairs.enter(hash_word(next, 2));
                next += 1;
            }
        };
        pairs.advance(Timestamp::from_nanos(5 * WINDOW + 7));
        let before = pairs.turn();
        fill(&mut pairs);
        assert_ne!(pairs.turn(), before);
        for (time, complete) in [(507, false), (599, false), (600, false), (700, true)] {
            pairs.advance(Timestamp::from_nanos(time));
            assert_eq!(pairs.is_complete(), complete, "{time}");
        }
        fill(&mut pairs);
        assert!(!pairs.is_complete());
    }
}
