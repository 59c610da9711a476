//! Epochs that last until their table is full, within a least and a greatest length.

use super::epochs::{EpochClock, Turn};
use crate::state::persist;
use crate::time::{Epoch, Span, Timestamp};

/// Follows epochs of packet time whose length depends on the load of a table.
///
/// Packet time is cut into windows of the least length. At the end of each the epoch ends
/// if its table is full, or if it would otherwise last longer than the greatest length.
/// Windows without packets count too: the next epoch begins where the last one ended, with
/// an empty table. So what the current and the previous epoch hold reaches back at least one
/// window, and less than two greatest lengths.
///
/// An earlier time than the last counts as the current epoch.
#[derive(Clone, Debug)]
pub struct VariableEpochClock {
    /// The window of the last time.
    windows: EpochClock,
    /// The window in which the current epoch began.
    begin: Epoch,
    /// Windows in an epoch at most.
    most: u64,
    window: Span,
}

impl VariableEpochClock {
    /// A clock at time 0, the least length of an epoch (at least a nanosecond), and the
    /// greatest: the whole windows in it count, and one at least.
    pub fn new(window: Span, most: Span) -> Self {
        let window = window.max(Span(1));
        let most = (most.0 / window.0).max(1);
        Self { windows: EpochClock::new(window), begin: Epoch::default(), most, window }
    }

    /// Until when nothing needs to be asked: the end of the last time's window.
    #[inline]
    pub fn end(&self) -> Timestamp {
        self.windows.end()
    }

    /// Moves to the epoch of `time`. `is_full` says whether the current table is; nothing
    /// has been counted in it since the last window ended.
    #[cold]
    pub fn advance(&mut self, time: Timestamp, is_full: bool) -> Turn {
        let last = self.windows.epoch();
        if self.windows.advance(time) == Turn::Stay {
            return Turn::Stay;
        }
        let now = self.windows.epoch();
        let windows = if is_full { 1 + last.number() } else { self.longest_end() };
        match now.number().checked_sub(windows) {
            None => Turn::Stay,
            Some(beyond) if beyond < self.most => {
                self.begin = Epoch::new(windows);
                Turn::Next
            }
            // An epoch that nothing was counted in is over as well.
            Some(_) => {
                self.begin = now;
                Turn::Jump
            }
        }
    }

    /// The number of the window that begins when the epoch has its greatest length.
    fn longest_end(&self) -> u64 {
        self.begin.number().saturating_add(self.most)
    }

    /// When the current epoch began.
    pub fn begin(&self) -> Timestamp {
        self.begin.start(self.window)
    }

    /// How long the current epoch has lasted at this time, up to its greatest length.
    pub fn lasted(&self, now: Timestamp) -> Span {
        now.since(self.begin()).min(self.window * self.most)
    }
}

persist!(VariableEpochClock { windows, begin; most, window });

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The rule as it is stated, one window after another, with all that is kept.
    struct Stated {
        window: u64,
        most: u64,
        begin: u64,
        /// The end of the window that was looked at last.
        end: u64,
        current: Vec<u64>,
        previous: Vec<u64>,
    }

    impl Stated {
        fn advance(&mut self, time: u64, mut is_full: bool) {
            while time >= self.end {
                if is_full || self.end + self.window > self.begin + self.most {
                    self.begin = self.end;
                    self.previous = std::mem::take(&mut self.current);
                    is_full = false;
                }
                self.end += self.window;
            }
            if self.current.is_empty() && self.previous.is_empty() {
                self.begin = self.end - self.window;
            }
        }
    }

    fn at(time: u64) -> Timestamp {
        Timestamp::from_nanos(time)
    }

    proptest! {
        #[test]
        fn epochs_are_those_of_the_rule_and_reach_back_far_enough_but_not_too_far(
            window in 1u64..20,
            most in 1u64..200,
            steps in prop::collection::vec((0u64..40, any::<bool>(), 0u8..20), 1..120),
        ) {
            let mut clock = VariableEpochClock::new(Span(window), Span(most));
            let most = most.max(window);
            let mut stated = Stated {
                window, most, begin: 0, end: window, current: vec![0], previous: vec![],
            };
            let [mut current, mut previous] = [vec![0], vec![]];
            let (mut time, mut times) = (0, vec![0]);
            for (gap, is_full, long) in steps {
                time += if long == 0 { gap * most / 10 } else { gap };
                stated.advance(time, is_full);
                match clock.advance(at(time), is_full) {
                    Turn::Stay => {}
                    Turn::Next => previous = std::mem::take(&mut current),
                    Turn::Jump => [current, previous] = [vec![], vec![]],
                }
                prop_assert_eq!(clock.begin().as_nanos(), stated.begin);
                prop_assert_eq!((&current, &previous), (&stated.current, &stated.previous));
                current.push(time);
                stated.current.push(time);
                times.push(time);
                let oldest = *previous.iter().chain(&current).min().unwrap();
                prop_assert!(time - oldest < 2 * most);
                let young = times.iter().find(|then| time - *then < window).unwrap();
                prop_assert!(oldest <= *young, "nothing young is forgotten");
            }
        }

        #[test]
        fn of_equal_lengths_they_are_fixed_epochs(
            window in 1u64..50,
            most in 0u64..50,
            steps in prop::collection::vec((0u64..120, any::<bool>()), 1..60),
        ) {
            let mut fixed = EpochClock::new(Span(window));
            let mut clock = VariableEpochClock::new(Span(window), Span(most.min(window)));
            let mut time = 0;
            for (gap, is_full) in steps {
                time += gap;
                prop_assert_eq!(clock.advance(at(time), is_full), fixed.advance(at(time)));
                prop_assert_eq!(clock.end(), fixed.end());
                prop_assert_eq!(clock.begin(), fixed.epoch().start(Span(window)));
            }
        }
    }

    const MINUTE: u64 = 60_000_000_000;
    const DAY: u64 = 24 * 60 * MINUTE;

    fn by_day() -> VariableEpochClock {
        let mut clock = VariableEpochClock::new(Span(MINUTE), Span(DAY));
        assert_eq!(clock.advance(at(100 * DAY + 7), false), Turn::Jump);
        clock
    }

    #[test]
    fn an_epoch_that_never_fills_lasts_a_day() {
        let mut clock = by_day();
        for minute in 1..24 * 60 {
            let time = at(100 * DAY + minute * MINUTE);
            assert_eq!(clock.advance(time, false), Turn::Stay);
            assert_eq!(clock.lasted(time), Span(minute * MINUTE));
        }
        assert_eq!(clock.advance(at(101 * DAY - 1), true), Turn::Stay);
        assert_eq!(clock.advance(at(101 * DAY), false), Turn::Next);
        assert_eq!(clock.begin(), at(101 * DAY));
    }

    #[test]
    fn a_full_table_ends_its_epoch_at_the_next_multiple() {
        let mut clock = by_day();
        assert_eq!(clock.advance(at(100 * DAY + 5 * MINUTE + 1), false), Turn::Stay);
        assert_eq!(clock.advance(at(100 * DAY + 6 * MINUTE - 1), true), Turn::Stay);
        // The packet comes later than the multiple.
        assert_eq!(clock.advance(at(100 * DAY + 9 * MINUTE), true), Turn::Next);
        assert_eq!(clock.begin(), at(100 * DAY + 6 * MINUTE));
        assert_eq!(clock.lasted(at(100 * DAY + 9 * MINUTE)), Span(3 * MINUTE));
    }

    #[test]
    fn a_gap_in_which_both_epochs_end_clears_both() {
        let full = at(100 * DAY + MINUTE);
        for (gap, is_full, turn) in [
            (DAY - MINUTE - 1, false, Turn::Stay),
            (DAY - MINUTE, false, Turn::Next),
            (2 * DAY - MINUTE - 1, false, Turn::Next),
            (2 * DAY - MINUTE, false, Turn::Jump),
            (0, true, Turn::Next),
            (DAY - 1, true, Turn::Next),
            (DAY, true, Turn::Jump),
        ] {
            let mut clock = by_day();
            assert_eq!(clock.advance(full + Span(gap), is_full), turn, "{gap} {is_full}");
            assert_eq!(clock.lasted(full + Span(99 * DAY)), Span(DAY));
        }
    }

    #[test]
    fn windows_that_do_not_divide_the_greatest_length_stay_below_it() {
        let mut clock = VariableEpochClock::new(Span(7), Span(24));
        assert_eq!(clock.advance(at(20), false), Turn::Stay);
        assert_eq!(clock.advance(at(21), false), Turn::Next);
    }

    #[test]
    fn time_ends_where_64_bits_do() {
        let mut clock = VariableEpochClock::new(Span(7), Span(u64::MAX));
        assert_eq!(clock.advance(at(u64::MAX), true), Turn::Next);
        assert_eq!(clock.advance(at(u64::MAX), true), Turn::Stay);
        assert_eq!(clock.advance(at(0), true), Turn::Stay);
    }
}
