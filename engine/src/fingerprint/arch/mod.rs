//! One sampling kernel, on the vectors of each processor.
//!
//! `doubling` and `blocks` hold the algorithm, once, over the `Lanes` of any processor;
//! each processor's file says how its lanes load, map, shift and compare, and compiles
//! the algorithm with its instructions enabled. `candidates` finds the minima of runs.
//! [`Path`] is the safe face.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod blocks;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod candidates;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod doubling;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod lanes;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod periods;
mod prefetch;
mod scalar;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(super) use candidates::Candidates;
pub use prefetch::prefetch;

use super::Kernel;
use super::plan::{MAX_GROUP, Plan};
use super::winnow::Runs;

/// Sampled windows of `bytes`, one bit for each byte that a window ends at.
type Select = unsafe fn(&Plan, bytes: &[u8], words: &mut [u64]);
/// Winnowing values of `bytes`, one for each byte that a window ends at.
type Values = unsafe fn(&Plan, bytes: &[u8], values: &mut [u16]);
/// Windows that are the minimum of a run of `width`, one bit a window.
type Minima = unsafe fn(values: &[u16], width: usize, runs: &mut Runs, words: &mut [u64]);
/// The set bits of `words` as positions; their number.
type Positions = unsafe fn(words: &[u64], positions: &mut [u16]) -> usize;

/// Whether this processor can run the kernel.
pub(super) fn is_available(kernel: Kernel) -> bool {
    match kernel {
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx512 => avx512::is_available(),
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx2 => avx2::is_available(),
        // NEON is part of the architecture.
        Kernel::Neon => cfg!(target_arch = "aarch64"),
        Kernel::Scalar => true,
        #[cfg(not(target_arch = "x86_64"))]
        _ => false,
    }
}

/// How many bits of `words` are set.
type Count = unsafe fn(words: &[u64]) -> u64;

/// The functions of one kernel for one window length.
///
/// They may be called because a path is only made of a kernel that this
/// processor has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    select: Select,
    values: Values,
    minima: Minima,
    positions: Positions,
    count: Count,
}

impl Path {
    /// The kernel's functions; the scalar ones where it is not available.
    /// `beta` is 8 to 64.
    pub(super) fn new(kernel: Kernel, beta: usize) -> Self {
        match kernel {
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512 if kernel.is_available() => avx512::path(beta),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 if kernel.is_available() => avx2::path(beta),
            #[cfg(target_arch = "aarch64")]
            Kernel::Neon if kernel.is_available() => neon::path(beta),
            _ => scalar::path(beta),
        }
    }

    /// Bit `e % 64` of word `e / 64` says whether the window that ends at byte
    /// `e` is sampled. Bits where no window ends are clear. Up to a group's number
    /// of words are overwritten.
    #[inline]
    pub(super) fn select(&self, plan: &Plan, bytes: &[u8], words: &mut [u64]) {
        let count = bytes.len().div_ceil(64);
        let written = count.next_multiple_of(MAX_GROUP);
        // SAFETY: `Path::new` has seen that the processor can run them.
        unsafe { (self.select)(plan, bytes, &mut words[..written]) };
        let words = &mut words[..count];
        if let Some(first) = words.first_mut() {
            *first &= !0 << (plan.beta - 1);
        }
        clear_after(words, bytes.len());
    }

    /// The winnowing value of the window that ends at each byte. Where no window
    /// ends, it means nothing. `values` holds at least as many as there are bytes,
    /// rounded up to 64.
    #[inline]
    pub(super) fn values(&self, plan: &Plan, bytes: &[u8], values: &mut [u16]) {
        let values = &mut values[..bytes.len().next_multiple_of(64)];
        // SAFETY: `Path::new` has seen that the processor can run them.
        unsafe { (self.values)(plan, bytes, values) };
    }

    /// Says for each value whether it is the minimum of some run of `width`, one bit
    /// each. `values` is followed by 64 that mean nothing, and so may the bits be.
    #[inline]
    pub(super) fn minima(
        &self,
        values: &[u16],
        width: usize,
        runs: &mut Runs,
        words: &mut [u64],
    ) {
        // SAFETY: `Path::new` has seen that the processor can run them.
        unsafe { (self.minima)(values, width, runs, words) }
    }

    /// Writes the positions of the set bits, in order, and returns their number.
    /// `positions` holds at least 64 a word and 64 more.
    #[inline]
    pub(super) fn positions(&self, words: &[u64], positions: &mut [u16]) -> usize {
        // SAFETY: `Path::new` has seen that the processor can run them.
        unsafe { (self.positions)(words, positions) }
    }

    /// How many bits are set.
    #[inline]
    pub(super) fn count(&self, words: &[u64]) -> u64 {
        // SAFETY: `Path::new` has seen that the processor can run them.
        unsafe { (self.count)(words) }
    }
}

/// How many bits are set.
#[inline(always)]
fn count_ones(words: &[u64]) -> u64 {
    words.iter().map(|word| u64::from(word.count_ones())).sum()
}

/// Clears all bits from `length` on; `length` lies in the last word or at its end.
fn clear_after(words: &mut [u64], length: usize) {
    if let (Some(last), 1..) = (words.last_mut(), length % 64) {
        *last &= (1 << (length % 64)) - 1;
    }
}

/// The set bits as positions, four at a time: which words hold how many is
/// random, and one wrongly predicted branch costs more than three idle rounds.
#[inline(always)]
fn write_positions(words: &[u64], positions: &mut [u16]) -> usize {
    let mut count = 0;
    for (index, &word) in words.iter().enumerate() {
        let base = (index * 64) as u16;
        let mut rest = word;
        let mut at = count;
        loop {
            for slot in &mut positions[at..at + 4] {
                // The top bit stands in for none: what it writes is overwritten.
                *slot = base + (rest | 1 << 63).trailing_zeros() as u16;
                rest &= rest.wrapping_sub(1);
            }
            if rest == 0 {
                break;
            }
            at += 4;
        }
        count += word.count_ones() as usize;
    }
    count
}

/// The functions of a path, compiled with a processor's instructions enabled; it takes
/// a group of blocks side by side, 1, 2 or 4, and another such number for winnowing
/// values, where two residues are side by side already.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! compile_path {
    ($lanes:ty, $group:literal, $values_group:literal, $features:literal) => {
        /// The path of this processor for windows of `beta` bytes.
        pub(super) fn path(beta: usize) -> Path {
            let (select, values): (Select, Values) = match beta {
                ..16 => (select::<4, 0>, values::<4, 0>),
                16..32 => (select::<5, 0>, values::<5, 0>),
                // The default, known when this is compiled: no branches on its digits.
                40 => (select::<6, 40>, values::<6, 40>),
                32..64 => (select::<6, 0>, values::<6, 0>),
                64.. => (select::<7, 64>, values::<7, 64>),
            };
            Path { select, values, minima, positions, count }
        }

        /// # Safety
        ///
        /// The processor has this path's features.
        #[target_feature(enable = $features)]
        unsafe fn select<const DIGITS: usize, const BETA: usize>(
            plan: &Plan,
            bytes: &[u8],
            words: &mut [u64],
        ) {
            // SAFETY: the features are the caller's promise.
            unsafe { blocks::select::<$lanes, DIGITS, BETA, $group>(plan, bytes, words) }
        }

        /// # Safety
        ///
        /// The processor has this path's features.
        #[target_feature(enable = $features)]
        unsafe fn values<const DIGITS: usize, const BETA: usize>(
            plan: &Plan,
            bytes: &[u8],
            values: &mut [u16],
        ) {
            // SAFETY: the features are the caller's promise.
            unsafe {
                blocks::values::<$lanes, DIGITS, BETA, $values_group>(plan, bytes, values)
            }
        }

        /// # Safety
        ///
        /// The processor has this path's features.
        #[target_feature(enable = $features)]
        unsafe fn minima(
            values: &[u16],
            width: usize,
            runs: &mut Runs,
            words: &mut [u64],
        ) {
            // SAFETY: the features are the caller's promise.
            unsafe { blocks::minima::<$lanes>(values, width, runs, words) }
        }

        /// # Safety
        ///
        /// The processor has this path's features.
        #[target_feature(enable = $features)]
        unsafe fn positions(words: &[u64], positions: &mut [u16]) -> usize {
            // SAFETY: the features are the caller's promise.
            unsafe { <$lanes as Lanes>::positions(words, positions) }
        }

        /// # Safety
        ///
        /// The processor has this path's features.
        #[target_feature(enable = $features)]
        unsafe fn count(words: &[u64]) -> u64 {
            count_ones(words)
        }
    };
}
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use compile_path;
