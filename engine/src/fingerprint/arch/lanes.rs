//! The vector operations that a kernel needs of a processor.
//!
//! [`Lanes`] is 64 bytes of them; the functions here do the same for several at a time.

use super::write_positions;
use crate::fingerprint::period::find_repeats;
use crate::fingerprint::plan::MapForms;

/// 64 bytes in the vectors of a processor.
///
/// # Safety
///
/// Every function may only be called on a processor that has the features which
/// the implementation names, from code that is compiled with them.
pub(super) trait Lanes: Copy {
    /// 32 numbers.
    type Numbers: Copy;
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
    /// One bit a lane: whether the bits under `mask` equal those of `target`, which has no
    /// others.
    unsafe fn are_equal_under(self, mask: Self, target: Self) -> u64;
    /// One bit a lane: whether the bytes are equal.
    unsafe fn are_equal(self, other: Self) -> u64;
    /// [`find_repeats`]; which of the numbers says so is left open.
    #[inline(always)]
    unsafe fn note_repeats(chunk: &[u8; 72], found: &mut [u64; 8]) {
        find_repeats(chunk, found);
    }
    /// The 16-bit numbers with `self` as high bytes.
    unsafe fn store_above(self, low: Self, values: &mut [u16; 64]);
    /// Writes the positions of the set bits, in order, and returns their number;
    /// there is room for 64 a word and 64 more.
    #[inline(always)]
    unsafe fn positions(words: &[u64], positions: &mut [u16]) -> usize {
        write_positions(words, positions)
    }
    unsafe fn load_numbers(numbers: &[u16; 32]) -> Self::Numbers;
    unsafe fn splat_number(number: u16) -> Self::Numbers;
    unsafe fn smaller(a: Self::Numbers, b: Self::Numbers) -> Self::Numbers;
    unsafe fn larger(a: Self::Numbers, b: Self::Numbers) -> Self::Numbers;
    /// Differences, which wrap around.
    unsafe fn minus(a: Self::Numbers, b: Self::Numbers) -> Self::Numbers;
    /// Those of `then` where `a` is smaller than `b`, else those of `other`.
    unsafe fn where_smaller(
        a: Self::Numbers,
        b: Self::Numbers,
        then: Self::Numbers,
        other: Self::Numbers,
    ) -> Self::Numbers;
    /// One bit a number: whether that of `a` is at most that of `b`.
    unsafe fn are_at_most(a: Self::Numbers, b: Self::Numbers) -> u32;
}

/// The blocks of a whole group at `start`, each loaded from 1, 2 and 3 bytes before.
///
/// # Safety
///
/// As [`Lanes`].
#[inline(always)]
pub(super) unsafe fn load_behind<L: Lanes, const N: usize>(
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
pub(super) unsafe fn load<L: Lanes, const N: usize>(group: &[[u8; 64]; N]) -> [L; N] {
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
pub(super) unsafe fn load_rest<L: Lanes, const N: usize>(rest: &[u8]) -> [L; N] {
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
pub(super) unsafe fn are_equal_under<L: Lanes, const N: usize>(
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

/// All lanes mapped.
///
/// # Safety
///
/// As [`Lanes`].
#[inline(always)]
pub(super) unsafe fn apply<L: Lanes, const N: usize>(
    mut blocks: [L; N],
    map: L::Map,
) -> [L; N] {
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
pub(super) unsafe fn shift<L: Lanes, const N: usize>(
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
pub(super) unsafe fn map_and_shift<L: Lanes, const N: usize>(
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
pub(super) unsafe fn add<L: Lanes, const N: usize>(
    mut blocks: [L; N],
    others: [L; N],
) -> [L; N] {
    for (block, other) in blocks.iter_mut().zip(others) {
        // SAFETY: the caller's promise is that of `Lanes`.
        *block = unsafe { block.add(other) };
    }
    blocks
}
