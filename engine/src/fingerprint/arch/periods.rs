//! Windows that only repeat a unit of 8 bytes or less.

use super::lanes::Lanes;
use crate::fingerprint::period::{ends_of_runs, longest_period};

/// The windows of period 8 or less, block after block.
pub(super) struct Periods<L: Lanes, const DIGITS: usize> {
    before: L,
    beta: usize,
    /// For each period, where the block before repeated itself.
    repeats: [u64; 8],
}

impl<L: Lanes, const DIGITS: usize> Periods<L, DIGITS> {
    /// # Safety
    ///
    /// As [`Lanes`].
    #[inline(always)]
    pub(super) unsafe fn new(beta: usize) -> Self {
        // SAFETY: the caller's promise is that of `Lanes`.
        Self { before: unsafe { L::splat(0) }, beta, repeats: [0; 8] }
    }

    /// One bit for each window that ends in `block`.
    ///
    /// # Safety
    ///
    /// As [`Lanes`].
    #[inline(always)]
    pub(super) unsafe fn next(&mut self, block: L) -> u64 {
        // SAFETY: the caller's promise is that of `Lanes`.
        unsafe {
            // From beta = 16 on the longest period is 8; 1 to 4 have a multiple
            // among 5 to 8.
            let mut periodic =
                self.of_unit(block, 5) | self.of_unit(block, 6) | self.of_unit(block, 7);
            if DIGITS > 4 {
                periodic |= self.of_unit(block, 8);
            } else {
                periodic |= self.of_unit(block, 1) | self.of_unit(block, 2);
                periodic |= self.of_unit(block, 3) | self.of_unit(block, 4);
            }
            self.before = block;
            periodic
        }
    }

    /// One bit for each window that ends in `block` and has this period.
    ///
    /// # Safety
    ///
    /// As [`Lanes`].
    #[inline(always)]
    unsafe fn of_unit(&mut self, block: L, unit: usize) -> u64 {
        if DIGITS <= 4 && unit > longest_period(self.beta) {
            return 0;
        }
        // SAFETY: the caller's promise is that of `Lanes`.
        let repeats = unsafe { block.are_equal(block.shift(self.before, unit)) };
        let before = std::mem::replace(&mut self.repeats[unit - 1], repeats);
        // Nearly always no two bytes in a row repeat.
        if repeats & (repeats << 1 | before >> 63) == 0 {
            return 0;
        }
        ends_of_runs(before, repeats, self.beta - unit)
    }
}
