//! The residue of 64 windows at once, by doubling.
//!
//! Residues over `n` bytes make those over `2 n`: `r_2n(i) = r_n(i) + A^n
//! r_n(i-n)`. Then, from beta's highest binary digit down, what is there goes back
//! by each lower digit `n` and the residue over the last `n` bytes comes in front:
//! `r_(n+m)(i) = r_n(i) + A^n r_m(i-n)`, with the map and the distance of the
//! doubling. A step costs one shift, one map and one sum for 64 positions, and no
//! position waits for the one before.

use super::write_positions;
use crate::fingerprint::period::{ends_of_runs, longest_period, may_hold_period};
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
    /// Does a map cost no more than a shift? Then bytes are loaded, or residues
    /// shifted, once for each distance that they are needed at, and then mapped; else
    /// mapped first, as maps of the same bytes share a part of the work.
    const CHEAP_MAPS: bool;

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
    /// One bit a lane: do the bits under `mask` equal those of `target`, which has no
    /// others?
    unsafe fn are_equal_under(self, mask: Self, target: Self) -> u64;
    /// One bit a lane: are the bytes equal?
    unsafe fn are_equal(self, other: Self) -> u64;
    /// The 16-bit numbers with `self` as high bytes.
    unsafe fn store_above(self, low: Self, values: &mut [u16; 64]);
    /// Writes the positions of the set bits, in order, and returns their number;
    /// there is room for 64 a word and 64 more.
    #[inline(always)]
    unsafe fn positions(words: &[u64], positions: &mut [u16]) -> usize {
        write_positions(words, positions)
    }
    /// What [`minima`] does, where there is a shorter way for this width and number of
    /// values; the bit of the first window.
    #[inline(always)]
    unsafe fn minima(
        _values: &[u16],
        _width: usize,
        _words: &mut [u64],
    ) -> Option<usize> {
        None
    }
    /// One bit a number: are they equal?
    unsafe fn are_equal_values(values: &[u16; 64], others: &[u16; 64]) -> u64;
}

/// How far ahead of the loads: enough for memory to answer at the kernel's speed.
const PREFETCH_DISTANCE: usize = 1_024;

/// `GROUP` blocks go through the steps side by side.
///
/// # Safety
///
/// As [`Lanes`].
#[inline(always)]
pub(super) unsafe fn select<
    L: Lanes,
    const DIGITS: usize,
    const BETA: usize,
    const GROUP: usize,
>(
    plan: &Plan,
    bytes: &[u8],
    words: &mut [u64],
) {
    // SAFETY: the caller's promise is that of `Lanes`.
    unsafe {
        let mask = L::splat(plan.mask);
        let target = L::splat(plan.target);
        let mut residues = Residues::<L, DIGITS, BETA>::new(&plan.first, plan.beta);
        let (groups, _) = bytes.as_chunks().0.as_chunks();
        let rest = &bytes[64 * GROUP * groups.len()..];
        let (words, _) = words.as_chunks_mut::<GROUP>();
        let words = &mut words[..bytes.len().div_ceil(64 * GROUP)];
        // One loop, the last and partial group included: what is compiled twice is in
        // the instruction cache twice.
        for (index, words) in words.iter_mut().enumerate() {
            let (blocks, behind);
            if let Some(group) = groups.get(index) {
                for block in group {
                    L::prefetch(block.as_ptr().wrapping_add(PREFETCH_DISTANCE));
                }
                blocks = load(group);
                behind = match L::CHEAP_MAPS && index > 0 {
                    true => load_behind(bytes, 64 * GROUP * index),
                    false => None,
                };
            } else {
                (blocks, behind) = (load_rest(rest), None);
            }
            *words = are_equal_under(residues.next(blocks, behind), mask, target);
        }
    }
}

/// The blocks of a whole group at `start`, each loaded from 1, 2 and 3 bytes before.
///
/// # Safety
///
/// As [`Lanes`].
#[inline(always)]
unsafe fn load_behind<L: Lanes, const N: usize>(
    bytes: &[u8],
    start: usize,
) -> Option<[[L; N]; 3]> {
    // SAFETY: the caller's promise is that of `Lanes`.
    unsafe {
        Some([
            load(bytes.get(start - 1..)?.as_chunks().0.first_chunk()?),
            load(bytes.get(start - 2..)?.as_chunks().0.first_chunk()?),
            load(bytes.get(start - 3..)?.as_chunks().0.first_chunk()?),
        ])
    }
}

/// A group of blocks.
///
/// # Safety
///
/// As [`Lanes`].
#[inline(always)]
unsafe fn load<L: Lanes, const N: usize>(group: &[[u8; 64]; N]) -> [L; N] {
    // SAFETY: the caller's promise is that of `Lanes`.
    unsafe {
        let mut blocks = [L::splat(0); N];
        for (lanes, block) in blocks.iter_mut().zip(group) {
            *lanes = L::load(block);
        }
        blocks
    }
}

/// What is left of a group, then zeros.
///
/// # Safety
///
/// As [`Lanes`].
#[inline(always)]
unsafe fn load_rest<L: Lanes, const N: usize>(rest: &[u8]) -> [L; N] {
    // SAFETY: the caller's promise is that of `Lanes`.
    unsafe {
        let mut blocks = [L::splat(0); N];
        for (block, lanes) in blocks.iter_mut().enumerate() {
            *lanes = L::load_up_to(&rest[rest.len().min(64 * block)..]);
        }
        blocks
    }
}

/// [`Lanes::are_equal_under`] of all lanes.
///
/// # Safety
///
/// As [`Lanes`].
#[inline(always)]
unsafe fn are_equal_under<L: Lanes, const N: usize>(
    blocks: [L; N],
    mask: L,
    target: L,
) -> [u64; N] {
    let mut words = [0; N];
    for (word, block) in words.iter_mut().zip(blocks) {
        // SAFETY: the caller's promise is that of `Lanes`.
        *word = unsafe { block.are_equal_under(mask, target) };
    }
    words
}

/// # Safety
///
/// As [`Lanes`].
#[inline(always)]
pub(super) unsafe fn values<
    L: Lanes,
    const DIGITS: usize,
    const BETA: usize,
    const GROUP: usize,
>(
    plan: &Plan,
    bytes: &[u8],
    values: &mut [u16],
) {
    // SAFETY: the caller's promise is that of `Lanes`.
    unsafe {
        let [high_constant, low_constant] = plan.secrets.constant.to_be_bytes();
        let constants = (L::splat(high_constant), L::splat(low_constant));
        let mut high = Residues::<L, DIGITS, BETA>::new(&plan.first, plan.beta);
        let mut low = Residues::<L, DIGITS, BETA>::new(&plan.second, plan.beta);
        let (groups, _) = bytes.as_chunks().0.as_chunks();
        let rest = &bytes[64 * GROUP * groups.len()..];
        let (all_values, _) = values.as_chunks_mut::<64>();
        for (index, values) in all_values.chunks_mut(GROUP).enumerate() {
            let (blocks, behind) = match groups.get(index) {
                Some(group) => {
                    for block in group {
                        L::prefetch(block.as_ptr().wrapping_add(PREFETCH_DISTANCE));
                    }
                    let start = 64 * GROUP * index;
                    let from_load = L::CHEAP_MAPS && index > 0;
                    let behind = if from_load { load_behind(bytes, start) } else { None };
                    (load(group), behind)
                }
                None => (load_rest::<L, GROUP>(rest), None),
            };
            let high = add(high.next(blocks, behind), [constants.0; GROUP]);
            let low = add(low.next(blocks, behind), [constants.1; GROUP]);
            for ((values, high), low) in values.iter_mut().zip(high).zip(low) {
                high.store_above(low, values);
            }
        }
        if may_hold_period(bytes, plan.beta) {
            lift_periodic::<L, DIGITS>(bytes, plan.beta, all_values);
        }
    }
}

/// Gives 65535 to all windows of period 8 or less.
///
/// # Safety
///
/// As [`Lanes`].
#[inline(always)]
unsafe fn lift_periodic<L: Lanes, const DIGITS: usize>(
    bytes: &[u8],
    beta: usize,
    values: &mut [[u16; 64]],
) {
    // SAFETY: the caller's promise is that of `Lanes`.
    unsafe {
        let mut periods = Periods::<L, DIGITS>::new(beta);
        for (chunk, values) in bytes.chunks(64).zip(values) {
            let mut periodic = periods.next(L::load_up_to(chunk));
            if periodic == u64::MAX {
                *values = [u16::MAX; 64];
                continue;
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
) -> usize {
    // SAFETY: the caller's promise is that of `Lanes`.
    if let Some(first) = unsafe { L::minima(values, width, words) } {
        return first;
    }
    let largest = largest_minima(values, values.len() - 64, width, runs);
    let (values, _) = values.as_chunks();
    let (largest, _) = largest.as_chunks();
    for ((word, values), largest) in words.iter_mut().zip(values).zip(largest) {
        // SAFETY: the caller's promise is that of `Lanes`.
        *word = unsafe { L::are_equal_values(values, largest) };
    }
    0
}

/// The residues over beta bytes, block after block. Beta has DIGITS binary digits;
/// BETA is beta where it is known when this is compiled, else 0.
struct Residues<L: Lanes, const DIGITS: usize, const BETA: usize> {
    beta: usize,
    input: [L::Map; 4],
    step: [L::Map; 6],
    step_24: L::Map,
    /// The block before's bytes, or `A B` of them.
    bytes: L,
    /// The block before's residues over 1, 2, 4 ... 32 bytes.
    pieces: [L; 6],
    /// The block before's residues over beta's digits above each digit.
    sums: [L; 6],
    /// For beta = 40: the block before's residues over 8 bytes, or what they become
    /// at each distance.
    eights: [L; 4],
}

impl<L: Lanes, const DIGITS: usize, const BETA: usize> Residues<L, DIGITS, BETA> {
    /// # Safety
    ///
    /// As [`Lanes`].
    #[inline(always)]
    unsafe fn new(digits: &Digits, beta: usize) -> Self {
        // SAFETY: the caller's promise is that of `Lanes`.
        unsafe {
            let zero = L::splat(0);
            let step_24 = L::map_from(&digits.step_24);
            let (mut input, mut step) = ([step_24; 4], [step_24; 6]);
            for (map, forms) in input.iter_mut().zip(&digits.input) {
                *map = L::map_from(forms);
            }
            for (map, forms) in step.iter_mut().zip(&digits.step) {
                *map = L::map_from(forms);
            }
            Self {
                beta,
                input,
                step,
                step_24,
                bytes: zero,
                pieces: [zero; 6],
                sums: [zero; 6],
                eights: [zero; 4],
            }
        }
    }

    /// The residues of the windows that end in these blocks; `behind` are the blocks
    /// from 1, 2 and 3 bytes before, if they are at hand.
    ///
    /// A step is done for all blocks before the next one: each waits for the one
    /// before, and what a processor looks ahead would otherwise hold a block or two.
    ///
    /// # Safety
    ///
    /// As [`Lanes`].
    #[inline(always)]
    unsafe fn next<const N: usize>(
        &mut self,
        blocks: [L; N],
        behind: Option<[[L; N]; 3]>,
    ) -> [L; N] {
        // SAFETY: the caller's promise is that of `Lanes`.
        unsafe {
            let [input, behind_1, behind_2, behind_3] = self.input;
            let over_1 = apply(blocks, input);
            let (over_2, over_4);
            if L::CHEAP_MAPS {
                let before = std::mem::replace(&mut self.bytes, blocks[N - 1]);
                let [first, second, third] = match behind {
                    Some(behind) => behind,
                    None => [
                        shift(blocks, before, 1),
                        shift(blocks, before, 2),
                        shift(blocks, before, 3),
                    ],
                };
                over_2 = add(over_1, apply(first, behind_1));
                let older = add(apply(second, behind_2), apply(third, behind_3));
                over_4 = add(over_2, older);
            } else {
                let behind = map_and_shift(blocks, behind_1, &mut self.bytes, 1);
                over_2 = add(over_1, behind);
                over_4 = self.double::<1, N>(over_2);
            }
            // Written out, as loops over vectors are not always unrolled.
            let over_8 = self.double::<2, N>(over_4);
            if BETA == 40 && L::CHEAP_MAPS {
                return self.five_eights(over_8);
            }
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
        let before = std::mem::replace(&mut self.pieces[DIGIT], pieces[N - 1]);
        // SAFETY: the caller's promise is that of `Lanes`.
        unsafe { add(pieces, apply(shift(pieces, before, 1 << DIGIT), self.step[DIGIT])) }
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
        let before = std::mem::replace(&mut self.sums[DIGIT], sums[N - 1]);
        // SAFETY: the caller's promise is that of `Lanes`.
        unsafe { add(pieces, apply(shift(sums, before, 1 << DIGIT), self.step[DIGIT])) }
    }

    /// From residues over 8 bytes to those over 40, all five at once: as much work as
    /// two doublings and a joint, and a third of the wait.
    ///
    /// # Safety
    ///
    /// As [`Lanes`].
    #[inline(always)]
    unsafe fn five_eights<const N: usize>(&mut self, over_8: [L; N]) -> [L; N] {
        let [_, _, _, step_8, step_16, step_32] = self.step;
        // SAFETY: the caller's promise is that of `Lanes`.
        unsafe {
            let (first, second, third, fourth);
            if L::CHEAP_MAPS {
                let before = std::mem::replace(&mut self.eights[0], over_8[N - 1]);
                first = apply(shift(over_8, before, 8), step_8);
                second = apply(shift(over_8, before, 16), step_16);
                third = apply(shift(over_8, before, 24), self.step_24);
                fourth = apply(shift(over_8, before, 32), step_32);
            } else {
                first = map_and_shift(over_8, step_8, &mut self.eights[0], 8);
                second = map_and_shift(over_8, step_16, &mut self.eights[1], 16);
                third = map_and_shift(over_8, self.step_24, &mut self.eights[2], 24);
                fourth = map_and_shift(over_8, step_32, &mut self.eights[3], 32);
            }
            add(add(over_8, add(first, second)), add(third, fourth))
        }
    }
}

/// All lanes mapped.
///
/// # Safety
///
/// As [`Lanes`].
#[inline(always)]
unsafe fn apply<L: Lanes, const N: usize>(mut blocks: [L; N], map: L::Map) -> [L; N] {
    for block in &mut blocks {
        // SAFETY: the caller's promise is that of `Lanes`.
        *block = unsafe { block.apply(map) };
    }
    blocks
}

/// All lanes `count` positions later; `before` is the block in front.
///
/// # Safety
///
/// As [`Lanes`].
#[inline(always)]
unsafe fn shift<L: Lanes, const N: usize>(
    mut blocks: [L; N],
    mut before: L,
    count: usize,
) -> [L; N] {
    for block in &mut blocks {
        // SAFETY: the caller's promise is that of `Lanes`.
        let shifted = unsafe { block.shift(before, count) };
        before = std::mem::replace(block, shifted);
    }
    blocks
}

/// The same of all lanes mapped; `before` is the mapped block in front, and is
/// replaced.
///
/// # Safety
///
/// As [`Lanes`].
#[inline(always)]
unsafe fn map_and_shift<L: Lanes, const N: usize>(
    blocks: [L; N],
    map: L::Map,
    before: &mut L,
    count: usize,
) -> [L; N] {
    // SAFETY: the caller's promise is that of `Lanes`.
    unsafe {
        let mapped = apply(blocks, map);
        let before = std::mem::replace(before, mapped[N - 1]);
        shift(mapped, before, count)
    }
}

/// Sums, lane by lane.
///
/// # Safety
///
/// As [`Lanes`].
#[inline(always)]
unsafe fn add<L: Lanes, const N: usize>(mut blocks: [L; N], others: [L; N]) -> [L; N] {
    for (block, other) in blocks.iter_mut().zip(others) {
        // SAFETY: the caller's promise is that of `Lanes`.
        *block = unsafe { block.add(other) };
    }
    blocks
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
