//! The residue of 64 windows at once, by doubling.
//!
//! Residues over `n` bytes make those over `2 n`: `r_2n(i) = r_n(i) + A^n
//! r_n(i-n)`. Then, from beta's highest binary digit down, what is there goes back
//! by each lower digit `n` and the residue over the last `n` bytes comes in front:
//! `r_(n+m)(i) = r_n(i) + A^n r_m(i-n)`, with the map and the distance of the
//! doubling. A step costs one shift, one map and one sum for 64 positions, and no
//! position waits for the one before.

use crate::fingerprint::period::{ends_of_runs, longest_period};
use crate::fingerprint::plan::{Digits, MapForms, Plan};
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

    unsafe fn map_from(forms: &MapForms) -> Self::Map;
    unsafe fn splat(byte: u8) -> Self;
    unsafe fn load(bytes: &[u8; 64]) -> Self;
    /// The first 64 bytes; where there are fewer, then zeros.
    unsafe fn load_up_to(bytes: &[u8]) -> Self;
    /// Asks for the line that holds this address, valid or not.
    unsafe fn prefetch(address: *const u8);
    unsafe fn apply(self, map: Self::Map) -> Self;
    unsafe fn add(self, other: Self) -> Self;
    /// The lanes `count` positions later: `count` of `before` come first.
    /// `count` is 1 to 32, and a constant where it is called.
    unsafe fn shift(self, before: Self, count: usize) -> Self;
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

/// Blocks that go through the steps side by side.
pub(super) const GROUP: usize = 4;

/// # Safety
///
/// As [`Lanes`].
#[inline(always)]
pub(super) unsafe fn select<L: Lanes, const DIGITS: usize, const BETA: usize>(
    plan: &Plan,
    bytes: &[u8],
    words: &mut [u64],
) {
    // SAFETY: the caller's promise is that of `Lanes`.
    unsafe {
        let mask = L::splat(plan.mask);
        let target = L::splat(plan.target);
        let mut residues = Residues::<L, DIGITS, BETA>::new(&plan.first, plan.beta);
        let (groups, rest) = bytes.as_chunks::<{ 64 * GROUP }>();
        let (words, _) = words.as_chunks_mut::<GROUP>();
        for (index, words) in words.iter_mut().enumerate() {
            let mut blocks = [target; GROUP];
            if let Some(group) = groups.get(index) {
                let (group, _) = group.as_chunks();
                for (lanes, block) in blocks.iter_mut().zip(group) {
                    L::prefetch(block.as_ptr().wrapping_add(PREFETCH_DISTANCE));
                    *lanes = L::load(block);
                }
            } else {
                for (block, lanes) in blocks.iter_mut().enumerate() {
                    *lanes = L::load_up_to(&rest[rest.len().min(64 * block)..]);
                }
            }
            for (word, residues) in words.iter_mut().zip(residues.next(blocks)) {
                *word = residues.add(target).are_zero_under(mask);
            }
        }
    }
}

/// # Safety
///
/// As [`Lanes`].
#[inline(always)]
pub(super) unsafe fn values<L: Lanes, const DIGITS: usize, const BETA: usize>(
    plan: &Plan,
    bytes: &[u8],
    values: &mut [u16],
) {
    // SAFETY: the caller's promise is that of `Lanes`.
    unsafe {
        let [high_constant, low_constant] = plan.secrets.constant.to_be_bytes();
        let (high_constant, low_constant) =
            (L::splat(high_constant), L::splat(low_constant));
        let mut high = Residues::<L, DIGITS, BETA>::new(&plan.first, plan.beta);
        let mut low = Residues::<L, DIGITS, BETA>::new(&plan.second, plan.beta);
        let mut periods = Periods::<L, DIGITS>::new(plan.beta);
        let (blocks, tail) = bytes.as_chunks();
        let (all_values, _) = values.as_chunks_mut();
        for (index, values) in all_values.iter_mut().enumerate() {
            let block = match blocks.get(index) {
                Some(block) => {
                    L::prefetch(block.as_ptr().wrapping_add(PREFETCH_DISTANCE));
                    L::load(block)
                }
                None => L::load_up_to(tail),
            };
            let ([high], [low]) = (high.next([block]), low.next([block]));
            let high = high.add(high_constant);
            let low = low.add(low_constant);
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

/// The residues over beta bytes, block after block. Beta has DIGITS binary digits;
/// BETA is beta where it is known when this is compiled, else 0.
struct Residues<L: Lanes, const DIGITS: usize, const BETA: usize> {
    beta: usize,
    input: L::Map,
    step: [L::Map; 6],
    /// The block before's residues over 1, 2, 4 ... 32 bytes.
    pieces: [L; 6],
    /// The block before's residues over beta's digits above each digit.
    sums: [L; 6],
}

impl<L: Lanes, const DIGITS: usize, const BETA: usize> Residues<L, DIGITS, BETA> {
    /// # Safety
    ///
    /// As [`Lanes`].
    #[inline(always)]
    unsafe fn new(digits: &Digits, beta: usize) -> Self {
        // SAFETY: the caller's promise is that of `Lanes`.
        unsafe {
            let input = L::map_from(&digits.input);
            let mut step = [input; 6];
            for (map, forms) in step.iter_mut().zip(&digits.step).take(DIGITS - 1) {
                *map = L::map_from(forms);
            }
            let zero = L::splat(0);
            Self { beta, input, step, pieces: [zero; 6], sums: [zero; 6] }
        }
    }

    /// The residues of the windows that end in these blocks. A step is done for
    /// all blocks before the next one: each waits for the one before, and what a
    /// processor looks ahead would otherwise hold a block or two.
    ///
    /// # Safety
    ///
    /// As [`Lanes`].
    #[inline(always)]
    unsafe fn next<const N: usize>(&mut self, mut blocks: [L; N]) -> [L; N] {
        // SAFETY: the caller's promise is that of `Lanes`.
        unsafe {
            for block in &mut blocks {
                *block = block.apply(self.input);
            }
            // Written out, as loops over vectors are not always unrolled.
            let over_1 = blocks;
            let over_2 = self.double::<0, N>(over_1);
            let over_4 = self.double::<1, N>(over_2);
            let over_8 = self.double::<2, N>(over_4);
            let over_16 = self.double::<3, N>(over_8);
            let over_32 = self.double::<4, N>(over_16);
            let sums = self.double::<5, N>(over_32);
            let sums = self.join::<5, N>(sums, over_32);
            let sums = self.join::<4, N>(sums, over_16);
            let sums = self.join::<3, N>(sums, over_8);
            let sums = self.join::<2, N>(sums, over_4);
            let sums = self.join::<1, N>(sums, over_2);
            self.join::<0, N>(sums, over_1)
        }
    }

    /// From residues over `2^DIGIT` bytes to those over twice as many, up to beta's
    /// highest digit.
    ///
    /// # Safety
    ///
    /// As [`Lanes`].
    #[inline(always)]
    unsafe fn double<const DIGIT: usize, const N: usize>(
        &mut self,
        pieces: [L; N],
    ) -> [L; N] {
        if DIGIT + 1 >= DIGITS {
            return pieces;
        }
        // SAFETY: the caller's promise is that of `Lanes`.
        unsafe {
            let before = &mut self.pieces[DIGIT];
            in_front(pieces, pieces, before, 1 << DIGIT, self.step[DIGIT])
        }
    }

    /// Puts the residues over `2^DIGIT` bytes in front of the sums over the digits
    /// above, where beta has this digit.
    ///
    /// # Safety
    ///
    /// As [`Lanes`].
    #[inline(always)]
    unsafe fn join<const DIGIT: usize, const N: usize>(
        &mut self,
        sums: [L; N],
        pieces: [L; N],
    ) -> [L; N] {
        let beta = if BETA == 0 { self.beta } else { BETA };
        if DIGIT + 1 >= DIGITS || beta >> DIGIT & 1 == 0 {
            return sums;
        }
        // SAFETY: the caller's promise is that of `Lanes`.
        unsafe {
            let before = &mut self.sums[DIGIT];
            in_front(pieces, sums, before, 1 << DIGIT, self.step[DIGIT])
        }
    }
}

/// Residues over the last `distance` bytes, and in front of these bytes what
/// `behind` is over; `before` is the block before's, and is replaced.
///
/// # Safety
///
/// As [`Lanes`].
#[inline(always)]
unsafe fn in_front<L: Lanes, const N: usize>(
    mut pieces: [L; N],
    behind: [L; N],
    before: &mut L,
    distance: usize,
    step: L::Map,
) -> [L; N] {
    let mut last = std::mem::replace(before, behind[N - 1]);
    for (piece, behind) in pieces.iter_mut().zip(behind) {
        // SAFETY: the caller's promise is that of `Lanes`.
        *piece = unsafe { piece.add(behind.shift(last, distance).apply(step)) };
        last = behind;
    }
    pieces
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
