//! The residue of 64 windows at once, by doubling.
//!
//! Residues over `n` bytes make those over `2 n`: `r_2n(i) = r_n(i) + A^n
//! r_n(i-n)`, and so do the binary digits of beta, lowest first: `r_(m+n)(i) =
//! r_m(i) + A^m r_n(i-m)`. A step costs one shift, one map and one sum for 64
//! positions, and no position waits for the one before.

use crate::fingerprint::period::{ends_of_runs, longest_period};
use crate::fingerprint::plan::{Digits, Join, MapForms, Plan};
use crate::fingerprint::winnow::{Runs, largest_minima};

/// 64 bytes in the vectors of a processor.
///
/// # Safety
///
/// Every function may only be called on a processor that has the features which
/// the implementation names, from code that is compiled with them.
pub(super) trait Lanes: Copy {
    /// A byte map, as this processor applies it.
    type Map: Copy;
    /// A distance, as this processor shifts by it.
    type Distance: Copy;

    unsafe fn map_from(forms: &MapForms) -> Self::Map;
    unsafe fn splat(byte: u8) -> Self;
    unsafe fn load(bytes: &[u8; 64]) -> Self;
    /// Fewer than 64 bytes, then zeros.
    unsafe fn load_tail(bytes: &[u8]) -> Self;
    /// Asks for the line that holds this address, valid or not.
    unsafe fn prefetch(address: *const u8);
    unsafe fn apply(self, map: Self::Map) -> Self;
    unsafe fn add(self, other: Self) -> Self;
    /// The lanes `count` positions later: `count` of `before` come first.
    /// `count` is 1 to 32, and a constant where it is called.
    unsafe fn shift(self, before: Self, count: usize) -> Self;
    /// `count` is 1 to 31.
    unsafe fn distance(count: usize) -> Self::Distance;
    /// The same for a distance known only at run time.
    unsafe fn shift_by(self, before: Self, distance: Self::Distance) -> Self;
    /// One bit a lane: are all bits under `mask` zero?
    unsafe fn are_zero_under(self, mask: Self) -> u64;
    /// One bit a lane: are the bytes equal?
    unsafe fn are_equal(self, other: Self) -> u64;
    /// The 16-bit numbers with `self` as high bytes.
    unsafe fn store_above(self, low: Self, values: &mut [u16; 64]);
    /// One bit a number: are they equal?
    unsafe fn are_equal_values(values: &[u16; 64], others: &[u16; 64]) -> u64;
}

/// How far ahead of the loads: enough for memory to answer at the kernel's speed.
const PREFETCH_DISTANCE: usize = 1_024;

/// # Safety
///
/// As [`Lanes`].
#[inline(always)]
pub(super) unsafe fn select<L: Lanes, const DIGITS: usize>(
    plan: &Plan,
    bytes: &[u8],
    words: &mut [u64],
) {
    // SAFETY: the caller's promise is that of `Lanes`.
    unsafe {
        let mask = L::splat(plan.mask);
        let target = L::splat(plan.target);
        let mut residues = Residues::<L, DIGITS>::new(&plan.first);
        let (blocks, tail) = bytes.as_chunks();
        let (last, words) = match words.split_last_mut() {
            Some((last, words)) if !tail.is_empty() => (Some(last), words),
            _ => (None, words),
        };
        for (block, word) in blocks.iter().zip(words) {
            L::prefetch(block.as_ptr().wrapping_add(PREFETCH_DISTANCE));
            let residues = residues.next(L::load(block));
            *word = residues.add(target).are_zero_under(mask);
        }
        if let Some(word) = last {
            let residues = residues.next(L::load_tail(tail));
            *word = residues.add(target).are_zero_under(mask);
        }
    }
}

/// # Safety
///
/// As [`Lanes`].
#[inline(always)]
pub(super) unsafe fn values<L: Lanes, const DIGITS: usize>(
    plan: &Plan,
    bytes: &[u8],
    values: &mut [u16],
) {
    // SAFETY: the caller's promise is that of `Lanes`.
    unsafe {
        let [high_constant, low_constant] = plan.secrets.constant.to_be_bytes();
        let (high_constant, low_constant) =
            (L::splat(high_constant), L::splat(low_constant));
        let mut high = Residues::<L, DIGITS>::new(&plan.first);
        let mut low = Residues::<L, DIGITS>::new(&plan.second);
        let mut periods = Periods::<L, DIGITS>::new(plan.beta);
        let (blocks, tail) = bytes.as_chunks();
        let (all_values, _) = values.as_chunks_mut();
        for (index, values) in all_values.iter_mut().enumerate() {
            let block = match blocks.get(index) {
                Some(block) => {
                    L::prefetch(block.as_ptr().wrapping_add(PREFETCH_DISTANCE));
                    L::load(block)
                }
                None => L::load_tail(tail),
            };
            let high = high.next(block).add(high_constant);
            let low = low.next(block).add(low_constant);
            high.store_above(low, values);
            let mut periodic = periods.next(block);
            while periodic != 0 {
                values[periodic.trailing_zeros() as usize] = u16::MAX;
                periodic &= periodic - 1;
            }
        }
    }
}

/// # Safety
///
/// As [`Lanes`].
#[inline(always)]
pub(super) unsafe fn minima<L: Lanes>(
    values: &[u16],
    width: usize,
    runs: &mut Runs,
    words: &mut [u64],
) {
    let largest = largest_minima(values, values.len() - 64, width, runs);
    let (values, _) = values.as_chunks();
    let (largest, _) = largest.as_chunks();
    for ((word, values), largest) in words.iter_mut().zip(values).zip(largest) {
        // SAFETY: the caller's promise is that of `Lanes`.
        *word = unsafe { L::are_equal_values(values, largest) };
    }
}

/// The residues over beta bytes, block after block; beta has DIGITS binary digits.
struct Residues<L: Lanes, const DIGITS: usize> {
    input: L::Map,
    double: [L::Map; 6],
    /// For each digit of beta that is 1: how its residues come in front.
    join: [(L::Distance, L::Map); 7],
    steps: [Step; 7],
    /// The block before's residues over 1, 2, 4 ... 64 bytes.
    before: [L; 7],
}

/// [`Join`], without what vectors hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Skip,
    First,
    InFront,
}

impl<L: Lanes, const DIGITS: usize> Residues<L, DIGITS> {
    /// # Safety
    ///
    /// As [`Lanes`].
    #[inline(always)]
    unsafe fn new(digits: &Digits) -> Self {
        // SAFETY: the caller's promise is that of `Lanes`.
        unsafe {
            let input = L::map_from(&digits.input);
            let mut double = [input; 6];
            for (map, forms) in double.iter_mut().zip(&digits.double) {
                *map = L::map_from(forms);
            }
            let mut join = [(L::distance(1), input); 7];
            let mut steps = [Step::Skip; 7];
            for digit in 0..DIGITS {
                steps[digit] = match &digits.join[digit] {
                    Join::Skip => Step::Skip,
                    Join::First => Step::First,
                    Join::InFront { length, map } => {
                        join[digit] = (L::distance(*length), L::map_from(map));
                        Step::InFront
                    }
                };
            }
            Self { input, double, join, steps, before: [L::splat(0); 7] }
        }
    }

    /// The residues of the windows that end in `block`.
    ///
    /// # Safety
    ///
    /// As [`Lanes`].
    #[inline(always)]
    unsafe fn next(&mut self, block: L) -> L {
        // SAFETY: the caller's promise is that of `Lanes`.
        unsafe {
            let mut piece = block.apply(self.input);
            let mut sum = piece;
            // Unrolled: the steps alone are known at run time only, and a branch
            // that always goes the same way is cheap.
            for digit in 0..DIGITS {
                let before = std::mem::replace(&mut self.before[digit], piece);
                match self.steps[digit] {
                    Step::Skip => {}
                    Step::First => sum = piece,
                    Step::InFront => {
                        let (distance, map) = self.join[digit];
                        sum = sum.add(piece.shift_by(before, distance).apply(map));
                    }
                }
                if digit + 1 < DIGITS {
                    let behind = piece.shift(before, 1 << digit);
                    piece = piece.add(behind.apply(self.double[digit]));
                }
            }
            sum
        }
    }
}

/// The windows of period 8 or less, block after block.
struct Periods<L: Lanes, const DIGITS: usize> {
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
    unsafe fn new(beta: usize) -> Self {
        // SAFETY: the caller's promise is that of `Lanes`.
        Self { before: unsafe { L::splat(0) }, beta, repeats: [0; 8] }
    }

    /// One bit for each window that ends in `block`.
    ///
    /// # Safety
    ///
    /// As [`Lanes`].
    #[inline(always)]
    unsafe fn next(&mut self, block: L) -> u64 {
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
