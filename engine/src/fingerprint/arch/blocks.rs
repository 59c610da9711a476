//! A payload cut into the blocks of a kernel.

use super::candidates::{MIN_WIDTH, MOST};
use super::doubling::Residues;
use super::lanes::{Lanes, add, are_equal_under, load, load_behind, load_rest, shift};
use super::periods::Periods;
use super::{clear_after, count_ones};
use crate::fingerprint::period::may_hold_period;
use crate::fingerprint::plan::Plan;
use crate::fingerprint::winnow::{Runs, largest_minima, pick};

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
        let mut before = L::splat(0);
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
            let behind = match behind {
                None if L::CHEAP_MAPS => Some([
                    shift(blocks, before, 1),
                    shift(blocks, before, 2),
                    shift(blocks, before, 3),
                ]),
                behind => behind,
            };
            before = blocks[GROUP - 1];
            let high = add(high.next(blocks, behind), [constants.0; GROUP]);
            let low = add(low.next(blocks, behind), [constants.1; GROUP]);
            for ((values, high), low) in values.iter_mut().zip(high).zip(low) {
                high.store_above(low, values);
            }
        }
        if may_hold_period(bytes, plan.beta, |chunk, found| L::note_repeats(chunk, found))
        {
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
) {
    let windows = values.len() - 64;
    // SAFETY: the caller's promise is that of `Lanes`.
    unsafe {
        if windows <= width {
            single_run::<L>(values, windows, words);
            return;
        }
        if width >= MIN_WIDTH && few_minima::<L>(values, windows, width, runs, words) {
            return;
        }
    }
    // None is larger than its own value.
    let largest = largest_minima(values, windows, width, runs);
    let (values, _) = values.as_chunks();
    let (largest, _) = largest.as_chunks::<32>();
    let (largest, _) = largest.as_chunks();
    for ((word, values), largest) in words.iter_mut().zip(values).zip(largest) {
        // SAFETY: the caller's promise is that of `Lanes`.
        *word = unsafe {
            are_at_most::<L>(values, largest.each_ref().map(|it| L::load_numbers(it)))
        };
    }
}

/// One bit a number: whether it is at most that of the bounds.
///
/// # Safety
///
/// As [`Lanes`].
#[inline(always)]
unsafe fn are_at_most<L: Lanes>(values: &[u16; 64], bounds: [L::Numbers; 2]) -> u64 {
    let (halves, _) = values.as_chunks();
    // SAFETY: the caller's promise is that of `Lanes`.
    unsafe {
        let low = L::are_at_most(L::load_numbers(&halves[0]), bounds[0]);
        let high = L::are_at_most(L::load_numbers(&halves[1]), bounds[1]);
        u64::from(low) | u64::from(high) << 32
    }
}

/// All windows are one run.
///
/// # Safety
///
/// As [`Lanes`].
#[inline(always)]
unsafe fn single_run<L: Lanes>(values: &[u16], windows: usize, words: &mut [u64]) {
    let (whole, rest) = values[..windows].as_chunks::<32>();
    let mut least = [u16::MAX; 32];
    for values in whole {
        least = pick::<false>(least, values);
    }
    let least = least.iter().chain(rest).fold(u16::MAX, |least, &value| least.min(value));
    let (values, _) = values.as_chunks();
    for (word, values) in words[..windows.div_ceil(64)].iter_mut().zip(values) {
        // SAFETY: the caller's promise is that of `Lanes`.
        *word = unsafe { are_at_most::<L>(values, [L::splat_number(least); 2]) };
    }
}

/// By way of candidates; whether it went.
///
/// # Safety
///
/// As [`Lanes`].
#[inline(always)]
unsafe fn few_minima<L: Lanes>(
    values: &[u16],
    windows: usize,
    width: usize,
    runs: &mut Runs,
    words: &mut [u64],
) -> bool {
    let candidates = &mut runs.candidates;
    let words = &mut words[..windows.div_ceil(64)];
    let bounds = candidates.bounds(values, windows, width);
    let (chunks, _) = values.as_chunks();
    for ((word, values), bounds) in words.iter_mut().zip(chunks).zip(bounds) {
        // SAFETY: the caller's promise is that of `Lanes`.
        *word = unsafe {
            are_at_most::<L>(values, bounds.map(|bound| L::splat_number(bound)))
        };
    }
    clear_after(words, windows);
    let count = count_ones(words) as usize;
    if count > MOST {
        return false;
    }
    // SAFETY: the caller's promise is that of `Lanes`.
    unsafe {
        L::positions(words, candidates.positions());
        candidates.verify::<L>(values, windows, width, count, words)
    }
}
