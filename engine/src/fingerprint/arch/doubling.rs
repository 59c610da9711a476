//! The residue of 64 windows at once, by doubling.
//!
//! Residues over `n` bytes make those over `2 n`: `r_2n(i) = r_n(i) + A^n
//! r_n(i-n)`. Then, from beta's highest binary digit down, what is there goes back
//! by each lower digit `n` and the residue over the last `n` bytes comes in front:
//! `r_(n+m)(i) = r_n(i) + A^n r_m(i-n)`, with the map and the distance of the
//! doubling. A step costs one shift, one map and one sum for 64 positions, and no
//! position waits for the one before.

use super::lanes::{Lanes, add, apply, map_and_shift, shift};
use crate::fingerprint::plan::Digits;

/// The residues over beta bytes, block after block. Beta has DIGITS binary digits;
/// BETA is beta where it is known when this is compiled, else 0.
pub(super) struct Residues<L: Lanes, const DIGITS: usize, const BETA: usize> {
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
    pub(super) unsafe fn new(digits: &Digits, beta: usize) -> Self {
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
    pub(super) unsafe fn next<const N: usize>(
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
