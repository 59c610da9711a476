//! A sliding window out of two tables: the current epoch's and the one before.

use crate::state::{Exchange, Persist, persist};
use crate::time::{Epoch, Span, Timestamp};
use std::mem;

/// A table that can be emptied for its next epoch.
pub trait Clear {
    /// Empties the table and keeps its memory.
    fn clear(&mut self);
}

/// What a moment does to epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It lies in the current one.
    Stay,
    /// It lies in the next one: the current one becomes the previous.
    Next,
    /// It lies beyond: both are over.
    Jump,
}

/// Follows the epochs of packet time.
///
/// An earlier time than the last counts as the current epoch.
#[derive(Clone, Debug)]
pub struct EpochClock {
    epoch: Epoch,
    /// When it ends.
    end: Timestamp,
    window: Span,
}

impl EpochClock {
    /// A clock at time 0, and the length of an epoch (at least a nanosecond).
    pub fn new(window: Span) -> Self {
        let window = window.max(Span(1));
        let epoch = Epoch::default();
        Self { epoch, end: epoch.end(window), window }
    }

    /// Moves to the epoch of `time`.
    #[inline]
    pub fn advance(&mut self, time: Timestamp) -> Turn {
        if time < self.end { Turn::Stay } else { self.turn(time) }
    }

    #[cold]
    fn turn(&mut self, time: Timestamp) -> Turn {
        let epoch = self.epoch_of(time);
        let turn = match epoch.number() - self.epoch.number() {
            0 => return Turn::Stay, // the last that 64 bits can hold
            1 => Turn::Next,
            _ => Turn::Jump,
        };
        (self.epoch, self.end) = (epoch, epoch.end(self.window));
        turn
    }

    /// The current epoch.
    #[inline]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// When the current epoch ends.
    #[inline]
    pub fn end(&self) -> Timestamp {
        self.end
    }

    /// The epoch of any time.
    #[inline]
    pub fn epoch_of(&self, time: Timestamp) -> Epoch {
        Epoch::of(time, self.window)
    }

    /// When the epoch before the current one began.
    pub fn previous_start(&self) -> Timestamp {
        self.epoch.previous().start(self.window)
    }

    /// Whether a time lies in the epoch before the current one.
    #[inline]
    pub fn is_previous(&self, time: Timestamp) -> bool {
        let start = self.epoch.start(self.window);
        time < start && start.since(time) <= self.window
    }
}

/// A table of the current epoch, and one of the epoch before.
///
/// Both together cover at least one window and at most two, whatever the moment. An
/// earlier time than the last counts as the current epoch.
#[derive(Debug)]
pub struct Epochs<T> {
    current: T,
    previous: T,
    clock: EpochClock,
    /// Rotated in this epoch already, because the table was full.
    rotated_early: bool,
}

impl<T: Clear> Epochs<T> {
    /// Two empty tables of the same shape, and the length of an epoch.
    pub fn new(current: T, previous: T, window: Span) -> Self {
        let clock = EpochClock::new(window);
        Self { current, previous, clock, rotated_early: false }
    }

    /// So many, each with two tables of its number. Those of all current epochs are made
    /// first, so that they lie side by side in memory: the others take none before there is
    /// an epoch before.
    pub fn side_by_side(
        count: usize,
        window: Span,
        table: impl Fn(usize) -> T,
    ) -> Vec<Self> {
        let current: Vec<_> = (0..count).map(&table).collect();
        let previous = (0..count).map(&table);
        current
            .into_iter()
            .zip(previous)
            .map(|(current, previous)| Self::new(current, previous, window))
            .collect()
    }

    /// Moves to the epoch of `time`. Two or more ahead empties both tables.
    #[inline]
    pub fn advance(&mut self, time: Timestamp) -> Turn {
        let turn = self.clock.advance(time);
        if turn != Turn::Stay {
            self.turn(turn);
        }
        turn
    }

    #[cold]
    fn turn(&mut self, turn: Turn) {
        if turn == Turn::Jump {
            self.current.clear();
            self.previous.clear();
        } else if !self.rotated_early {
            self.rotate();
        }
        self.rotated_early = false;
    }

    /// Ends the current table before its time, since it is full. The turn at the end of
    /// this epoch is then left out, as it would forget the previous table while it is
    /// young; so what is kept then reaches back less than three windows instead of two,
    /// and may reach back less than one.
    pub fn rotate_early(&mut self) {
        self.rotate();
        self.rotated_early = true;
    }

    fn rotate(&mut self) {
        mem::swap(&mut self.current, &mut self.previous);
        self.current.clear();
    }

    /// The epochs themselves.
    #[inline]
    pub fn clock(&self) -> &EpochClock {
        &self.clock
    }

    /// The current table.
    #[inline]
    pub fn current(&self) -> &T {
        &self.current
    }

    /// The current table, to be written.
    #[inline]
    pub fn current_mut(&mut self) -> &mut T {
        &mut self.current
    }

    /// The current table, to be written, and the one of the epoch before.
    #[inline]
    pub fn both_mut(&mut self) -> (&mut T, &T) {
        (&mut self.current, &self.previous)
    }

    /// The table of the epoch before, to be written: with what was seen then and comes
    /// to be known now.
    #[inline]
    pub fn previous_mut(&mut self) -> &mut T {
        &mut self.previous
    }

    /// The table of the epoch before.
    #[inline]
    pub fn previous(&self) -> &T {
        &self.previous
    }
}

persist!(EpochClock { epoch, end; window });

impl<T: Persist> Persist for Epochs<T> {
    fn persist(&mut self, file: &mut Exchange<'_>) -> std::io::Result<()> {
        let Self { current, previous, clock, rotated_early } = self;
        current.persist(file)?;
        previous.persist(file)?;
        clock.persist(file)?;
        rotated_early.persist(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    impl Clear for Vec<u64> {
        fn clear(&mut self) {
            Self::clear(self);
        }
    }

    proptest! {
        #[test]
        fn what_is_kept_is_what_lies_in_this_epoch_and_the_last(
            window in 1u64..50,
            gaps in prop::collection::vec(0u64..70, 1..60),
        ) {
            let mut kept = Epochs::new(Vec::new(), Vec::new(), Span(window));
            let (mut times, mut time) = (Vec::new(), 0);
            for gap in gaps {
                time += gap;
                kept.advance(Timestamp::from_nanos(time));
                kept.current_mut().push(time);
                times.push(time);
                let in_epoch = |back: u64| -> Vec<u64> {
                    let of = |t: &u64| t / window + back == time / window;
                    times.iter().copied().filter(of).collect()
                };
                prop_assert_eq!(kept.current(), &in_epoch(0));
                prop_assert_eq!(kept.previous(), &in_epoch(1));
                prop_assert_eq!(kept.clock().epoch().number(), time / window);
            }
        }

        #[test]
        fn early_turns_never_keep_three_windows(
            gaps in prop::collection::vec((0u64..12, any::<bool>()), 1..80),
        ) {
            let mut kept = Epochs::new(Vec::new(), Vec::new(), Span(10));
            let mut time = 0;
            for (gap, full) in gaps {
                time += gap;
                kept.advance(Timestamp::from_nanos(time));
                kept.current_mut().push(time);
                let oldest = kept.previous().iter().chain(kept.current()).min().unwrap();
                prop_assert!(oldest / 10 + 2 >= time / 10);
                if full {
                    kept.rotate_early();
                }
            }
        }
    }

    #[test]
    fn an_early_turn_replaces_the_turn_at_the_end_of_its_epoch() {
        let mut kept = Epochs::new(Vec::new(), Vec::new(), Span(10));
        kept.current_mut().push(8);
        kept.rotate_early();
        kept.current_mut().push(9);
        kept.advance(Timestamp::from_nanos(10));
        assert_eq!((kept.previous(), kept.current()), (&vec![8], &vec![9]));
        kept.advance(Timestamp::from_nanos(20));
        assert_eq!((kept.previous(), kept.current()), (&vec![9], &vec![]));
    }

    #[test]
    fn time_neither_runs_back_nor_overflows() {
        let mut kept = Epochs::new(vec![], vec![], Span(7));
        kept.advance(Timestamp::from_nanos(u64::MAX));
        kept.current_mut().push(1);
        kept.advance(Timestamp::from_nanos(u64::MAX));
        kept.advance(Timestamp::from_nanos(0));
        assert_eq!(
            (kept.clock().epoch().number(), kept.current()),
            (u64::MAX / 7, &vec![1])
        );
    }
}
