//! A sliding window out of two tables: the current window and the one before.

use crate::state::{Exchange, Persist, persist};
use std::mem;

/// A table that can be emptied for its next generation.
pub trait Clear {
    /// Empties the table and keeps its memory.
    fn clear(&mut self);
}

/// What a moment does to generations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It lies in the current one.
    Stay,
    /// It lies in the next one: the current one becomes the previous.
    Next,
    /// It lies beyond: both are over.
    Jump,
}

/// Numbers the windows of packet time, which are aligned to its whole multiples.
///
/// Times are nanoseconds; an earlier time than the last counts as the current window.
#[derive(Clone, Debug)]
pub struct WindowClock {
    /// The current window's number: time / window.
    number: u64,
    /// When it ends.
    end: u64,
    window: u64,
}

impl WindowClock {
    /// A clock at time 0, and the window in nanoseconds (at least 1).
    pub fn new(window: u64) -> Self {
        let window = window.max(1);
        Self { number: 0, end: window, window }
    }

    /// Moves to the window of `time`.
    #[inline]
    pub fn advance(&mut self, time: u64) -> Turn {
        if time < self.end { Turn::Stay } else { self.turn(time) }
    }

    #[cold]
    fn turn(&mut self, time: u64) -> Turn {
        let number = time / self.window;
        let turn = match number - self.number {
            0 => return Turn::Stay, // the last window that 64 bits can hold
            1 => Turn::Next,
            _ => Turn::Jump,
        };
        self.number = number;
        self.end = (number + 1).saturating_mul(self.window);
        turn
    }

    /// The current window's number.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// When the current window ends.
    #[inline]
    pub fn end(&self) -> u64 {
        self.end
    }
}

/// The current and the previous generation of a table.
///
/// Generations are whole windows, aligned to multiples of the window since time 0. Both
/// together cover at least one window and at most two, whatever the moment. Times are
/// nanoseconds; an earlier time than the last counts as the current generation.
#[derive(Debug)]
pub struct Generations<T> {
    current: T,
    previous: T,
    clock: WindowClock,
    /// Rotated in this window already, because the table was full.
    rotated_early: bool,
}

impl<T: Clear> Generations<T> {
    /// Two empty tables of the same shape, and the window in nanoseconds (at least 1).
    pub fn new(current: T, previous: T, window: u64) -> Self {
        let clock = WindowClock::new(window);
        Self { current, previous, clock, rotated_early: false }
    }

    /// Moves to the generation of `time`. Two or more ahead empties both tables.
    #[inline]
    pub fn advance(&mut self, time: u64) {
        let turn = self.clock.advance(time);
        if turn != Turn::Stay {
            self.turn(turn);
        }
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

    /// Ends the current generation before its time, for a table that is full. The turn
    /// at the end of this window is then left out, as it would forget the previous
    /// generation while it is young; so what is kept then reaches back less than three
    /// windows instead of two, and may reach back less than one.
    pub fn rotate_early(&mut self) {
        self.rotate();
        self.rotated_early = true;
    }

    fn rotate(&mut self) {
        mem::swap(&mut self.current, &mut self.previous);
        self.current.clear();
    }

    /// The number of the current generation.
    pub fn number(&self) -> u64 {
        self.clock.number()
    }

    /// The generation that a time falls into.
    pub fn number_of(&self, time: u64) -> u64 {
        time / self.clock.window
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

    /// The current table, to be written, and the one of the window before.
    #[inline]
    pub fn both_mut(&mut self) -> (&mut T, &T) {
        (&mut self.current, &self.previous)
    }

    /// The table of the window before, to be written: with what was seen then and comes
    /// to be known now.
    #[inline]
    pub fn previous_mut(&mut self) -> &mut T {
        &mut self.previous
    }

    /// Whether a time lies in the window before the current one.
    #[inline]
    pub fn is_previous(&self, time: u64) -> bool {
        let start = self.clock.number * self.clock.window;
        time < start && start - time <= self.clock.window
    }

    /// The table of the window before.
    #[inline]
    pub fn previous(&self) -> &T {
        &self.previous
    }
}

persist!(WindowClock { number, end; window });

impl<T: Persist> Persist for Generations<T> {
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
        fn what_is_kept_is_what_lies_in_this_window_and_the_last(
            window in 1u64..50,
            gaps in prop::collection::vec(0u64..70, 1..60),
        ) {
            let mut kept = Generations::new(Vec::new(), Vec::new(), window);
            let (mut times, mut time) = (Vec::new(), 0);
            for gap in gaps {
                time += gap;
                kept.advance(time);
                kept.current_mut().push(time);
                times.push(time);
                let in_generation = |back: u64| -> Vec<u64> {
                    let of = |t: &u64| t / window + back == time / window;
                    times.iter().copied().filter(of).collect()
                };
                prop_assert_eq!(kept.current(), &in_generation(0));
                prop_assert_eq!(kept.previous(), &in_generation(1));
                prop_assert_eq!(kept.number(), time / window);
            }
        }

        #[test]
        fn early_turns_never_keep_three_windows(
            gaps in prop::collection::vec((0u64..12, any::<bool>()), 1..80),
        ) {
            let mut kept = Generations::new(Vec::new(), Vec::new(), 10);
            let mut time = 0;
            for (gap, full) in gaps {
                time += gap;
                kept.advance(time);
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
    fn an_early_turn_replaces_the_turn_at_the_end_of_its_window() {
        let mut kept = Generations::new(Vec::new(), Vec::new(), 10);
        kept.current_mut().push(8);
        kept.rotate_early();
        kept.current_mut().push(9);
        kept.advance(10);
        assert_eq!((kept.previous(), kept.current()), (&vec![8], &vec![9]));
        kept.advance(20);
        assert_eq!((kept.previous(), kept.current()), (&vec![9], &vec![]));
    }

    #[test]
    fn time_neither_runs_back_nor_overflows() {
        let mut kept = Generations::new(vec![], vec![], 7);
        kept.advance(u64::MAX);
        kept.current_mut().push(1);
        kept.advance(u64::MAX);
        kept.advance(0);
        assert_eq!((kept.number(), kept.current()), (u64::MAX / 7, &vec![1]));
    }
}
