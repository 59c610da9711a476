//! The residue of 64 windows at once, by doubling.
//!
//! Residues over `n` bytes make those over `2 n`: `r_2n(i) = r_n(i) + A^n
//! r_n(i-n)`, and so do the binary digits of beta, lowest first: `r_(m+n)(i) =
//! r_m(i) + A^m r_n(i-m)`. A step costs one shift, one map and one sum for 64
//! positions, and no position waits for the one before.

use crate::fingerprint::period::{ends_of_runs, longest_period};
use crate::fingerprint::plan::{Digits, Distance, Join, MapForms, Plan};
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
    unsafe fn distance_from(distance: &Distance) -> Self::Distance;
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
            if periodic == u64::MAX {
                *values = [u16::MAX; 64];
                periodic = 0;
            }
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
    join: [LanesJoin<L>; 7],
    /// The block before's residues over 1, 2, 4 ... 64 bytes.
    before: [L; 7],
}

/// [`Join`], as a processor applies it.
enum LanesJoin<L: Lanes> {
    Skip,
    First,
    InFront(L::Distance, L::Map),
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
            let mut join = [const { LanesJoin::Skip }; 7];
            for (lanes, forms) in join.iter_mut().zip(&digits.join).take(DIGITS) {
                *lanes = match forms {
                    Join::Skip => LanesJoin::Skip,
                    Join::First => LanesJoin::First,
                    Join::InFront { distance, map } => {
                        LanesJoin::InFront(L::distance_from(distance), L::map_from(map))
                    }
                };
            }
            Self { input, double, join, before: [L::splat(0); 7] }
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
            let piece = block.apply(self.input);
            let at = (piece, piece);
            // Written out, as loops over vectors are not always unrolled.
            let at = self.digit::<0>(at);
            let at = self.digit::<1>(at);
            let at = self.digit::<2>(at);
            let at = self.digit::<3>(at);
            let at = self.digit::<4>(at);
            let at = self.digit::<5>(at);
            let (_, sum) = self.digit::<6>(at);
            sum
        }
    }

    /// From the residues over `2^DIGIT` bytes, and over the digits before, to
    /// those over twice as many, and over this digit too.
    ///
    /// # Safety
    ///
    /// As [`Lanes`].
    #[inline(always)]
    unsafe fn digit<const DIGIT: usize>(&mut self, (piece, sum): (L, L)) -> (L, L) {
        if DIGIT >= DIGITS {
            return (piece, sum);
        }
        let before = std::mem::replace(&mut self.before[DIGIT], piece);
        // SAFETY: the caller's promise is that of `Lanes`.
        unsafe {
            // Known at run time only, but always the same way: cheap to predict.
            let sum = match self.join[DIGIT] {
                LanesJoin::Skip => sum,
                LanesJoin::First => piece,
                LanesJoin::InFront(distance, map) => {
                    sum.add(piece.shift_by(before, distance).apply(map))
                }
            };
            if DIGIT + 1 >= DIGITS {
                return (piece, sum);
            }
            let behind = piece.shift(before, 1 << DIGIT);
            (piece.add(behind.apply(self.double[DIGIT])), sum)
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
