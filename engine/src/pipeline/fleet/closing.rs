//! Which tick closes, and when.
//!
//! A tick closes once every tap has passed it, or once the tap that is furthest is `lateness`
//! ahead of it. Ticks close in order. It is a function of the parcels in the order in which
//! they came.

use super::parcel::END;
use crate::state::persist;

/// See the [module](self).
#[derive(Clone, Debug, Default)]
pub(super) struct Closing {
    lateness: u64,
    /// By tap: one more than the last tick that it has passed; [`END`] once it has ended.
    passed: Vec<u64>,
    /// One more than the last tick that was closed.
    closed: u64,
    /// One more than the last tick that the host has closed.
    told: u64,
}

impl Closing {
    /// For so many taps; `lateness` in ticks.
    pub(super) fn new(taps: usize, lateness: u64) -> Self {
        Self { lateness, passed: vec![0; taps], closed: 0, told: 0 }
    }

    /// Changes nothing about what was closed.
    pub(super) fn set_lateness(&mut self, lateness: u64) {
        self.lateness = lateness;
    }

    /// Takes note of a parcel; whether its tick is closed already.
    pub(super) fn take(&mut self, tap: usize, tick: u64, completes: bool) -> bool {
        let passed = if tick == END { END } else { tick + u64::from(completes) };
        self.passed[tap] = self.passed[tap].max(passed);
        tick < self.closed
    }

    /// The same before those parcels of a tap came that wait: the first is of this tick.
    pub(super) fn without(mut self, tap: usize, first: u64) -> Self {
        // Of one that has ended it is known no more than what is closed.
        let passed = if first == END { self.closed } else { first };
        self.passed[tap] = self.passed[tap].min(passed);
        self
    }

    /// Whether a tick may close.
    pub(super) fn may_close(&self, tick: u64) -> bool {
        let on_the_way = self.passed.iter().filter(|passed| **passed != END);
        let furthest = on_the_way.max().copied().unwrap_or(0);
        tick < self.told
            || self.passed.iter().all(|passed| *passed > tick)
            || furthest > tick.saturating_add(self.lateness)
    }

    /// One more than the last tick that every tap has passed.
    pub(super) fn all_have_passed(&self) -> u64 {
        self.passed.iter().min().copied().unwrap_or(0)
    }

    /// The host closes the ticks up to this one; taps have passed it but for those that are
    /// behind.
    pub(super) fn tell(&mut self, tick: u64, is_behind: impl Fn(usize) -> bool) {
        let end = tick.saturating_add(1);
        self.told = self.told.max(end);
        let passed = self.passed.iter_mut().enumerate();
        for (_, passed) in passed.filter(|(tap, _)| !is_behind(*tap)) {
            *passed = (*passed).max(end);
        }
    }

    /// Closes a tick.
    pub(super) fn close(&mut self, tick: u64) {
        self.closed = self.closed.max(tick.saturating_add(1));
    }

    /// Since when a tap is missed, where it has not passed a tick that closes now.
    pub(super) fn missed(&self, tap: usize, tick: u64) -> Option<u64> {
        let passed = self.passed[tap];
        // What was before the first tick is nobody's.
        let since = if self.closed == 0 { tick } else { self.closed.max(passed) };
        (passed <= tick).then(|| since.min(tick))
    }

    pub(super) fn has_ended(&self, tap: usize) -> bool {
        self.passed[tap] == END
    }

    /// One more than the last tick that was closed.
    pub(super) fn closed(&self) -> u64 {
        self.closed
    }
}

// What the host has closed is closed when the state is saved.
persist!(Closing { passed, closed; lateness, told });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_closes_when_all_have_passed_it_or_one_is_far_ahead() {
        let mut closing = Closing::new(2, 30);
        assert!(!closing.take(0, 5, false));
        assert!(!closing.may_close(4), "the other has said nothing");
        assert!(!closing.take(1, 9, true));
        assert!(closing.may_close(4) && !closing.may_close(5), "5 is not complete");
        closing.take(0, 5, true);
        assert!(closing.may_close(5) && !closing.may_close(6));
        closing.take(1, 36, false);
        assert!(!closing.may_close(6), "30 ahead, not more");
        closing.take(1, 37, false);
        assert!(closing.may_close(6));
        assert_eq!((closing.missed(0, 6), closing.missed(1, 6)), (Some(6), None));
        closing.close(6);
        assert_eq!(closing.missed(0, 9), Some(7), "from what is closed on");
        assert!(closing.take(0, 6, true) && closing.closed() == 7);
        closing.take(1, END, true);
        assert!(!closing.may_close(7), "who has ended holds nobody up, nor leads");
        closing.take(0, END, true);
        assert!(closing.may_close(1 << 40) && closing.has_ended(0));
    }
}
