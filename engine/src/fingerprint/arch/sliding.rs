//! Minima of runs of 128 values, without a round trip to memory for each doubling.
//!
//! [`largest_minima`](crate::fingerprint::winnow::largest_minima) in the registers of
//! AVX-512, for the default width. Everything looks back: the minimum at `q` is that of
//! the run that ends there, the maximum at `q` that of the runs that end at `q` and the
//! 127 before, which are the runs that hold the value at `q - 127`. So a value's bit
//! comes 127 positions after it. Shifts by less than a register are one instruction,
//! those by one and two registers none.

use std::arch::asm;
use std::arch::x86_64::*;

/// The width, and how long its bits come after their values.
pub(super) const WIDTH: usize = 128;
const LATE: usize = WIDTH - 1;

/// Numbers in a register.
const LANES: usize = 32;

/// Registers that go through the steps side by side.
const GROUP: usize = 4;

/// For each number, the one before it; of two registers in a row.
const ONE_BEFORE: [u16; LANES] = {
    let mut indices = [0; LANES];
    let mut lane = 0;
    while lane < LANES {
        indices[lane] = (LANES + lane - 1) as u16;
        lane += 1;
    }
    indices
};

/// Writes a bit for each value, `LATE` positions after it: whether it is the minimum of a
/// run.
/// There are at least `WIDTH` values, and 64 more that mean nothing.
///
/// # Safety
///
/// The processor has AVX-512BW.
#[inline(always)]
pub(super) unsafe fn minima(values: &[u16], words: &mut [u64]) {
    let count = values.len() - 64;
    // SAFETY: the caller's promise.
    unsafe {
        let mut smallest = Extremes::<false>::new();
        let mut largest = Extremes::<true>::new();
        let (words, _) = words.as_chunks_mut::<{ GROUP * LANES / 64 }>();
        let groups = (count + LATE).div_ceil(GROUP * LANES);
        for (group, words) in words[..groups].iter_mut().enumerate() {
            let first = group * GROUP * LANES;
            let mut row = [_mm512_setzero_si512(); GROUP];
            for (index, row) in row.iter_mut().enumerate() {
                *row = load(values, first + index * LANES);
            }
            let mut row = smallest.next(row);
            for (index, row) in row.iter_mut().enumerate() {
                // Only runs that lie wholly inside count.
                let whole = positions_in(first + index * LANES, LATE, count);
                *row = _mm512_maskz_mov_epi16(whole, *row);
            }
            let row = largest.next(row);
            let mut bits = [0; GROUP];
            for ((index, bits), largest) in bits.iter_mut().enumerate().zip(row) {
                let at = first + index * LANES;
                let value = match at.checked_sub(LATE) {
                    Some(start) => load(values, start.min(count)),
                    // Of the first value alone.
                    None => _mm512_set1_epi16(values[0] as i16),
                };
                *bits = u64::from(_mm512_cmpeq_epi16_mask(value, largest));
            }
            *words = [bits[0] | bits[1] << 32, bits[2] | bits[3] << 32];
        }
    }
}

/// A register of values; zeros where it would reach beyond them.
///
/// # Safety
///
/// The processor has AVX-512BW.
#[inline(always)]
unsafe fn load(values: &[u16], start: usize) -> __m512i {
    match values.get(start..).and_then(|values| values.first_chunk::<LANES>()) {
        // SAFETY: the caller's promise; the chunk has the 64 bytes that are read.
        Some(chunk) => unsafe { _mm512_loadu_epi16(chunk.as_ptr().cast()) },
        // SAFETY: the caller's promise.
        None => unsafe { _mm512_setzero_si512() },
    }
}

/// Those of 32 positions from `start` on that are at least `from` and below `to`.
#[inline(always)]
fn positions_in(start: usize, from: usize, to: usize) -> u32 {
    let below = |end: usize| {
        let count = end.saturating_sub(start).min(LANES) as u32;
        ((1u64 << count) - 1) as u32
    };
    below(to) & !below(from)
}

/// Minima, or maxima, over the 128 numbers that end at each position, group after group.
struct Extremes<const LARGEST: bool> {
    /// The register before, with extremes over 1, 2, 4, 8 and 16 numbers.
    before: [__m512i; 5],
    /// The same over 32, and the two registers before over 64.
    before_32: __m512i,
    before_64: [__m512i; 2],
}

impl<const LARGEST: bool> Extremes<LARGEST> {
    /// As if zeros stood in front: nothing to maxima, and what is made of them in minima
    /// is not of a whole run.
    ///
    /// # Safety
    ///
    /// The processor has AVX-512BW.
    #[inline(always)]
    unsafe fn new() -> Self {
        // SAFETY: the caller's promise.
        let zero = unsafe { _mm512_setzero_si512() };
        Self { before: [zero; 5], before_32: zero, before_64: [zero; 2] }
    }

    /// # Safety
    ///
    /// The processor has AVX-512BW.
    #[inline(always)]
    unsafe fn next(&mut self, row: [__m512i; GROUP]) -> [__m512i; GROUP] {
        // SAFETY: the caller's promise.
        unsafe {
            // Written out, as loops over vectors are not always unrolled.
            let row = self.double::<0>(row);
            let row = self.double::<1>(row);
            let row = self.double::<2>(row);
            let row = self.double::<3>(row);
            let over_32 = self.double::<4>(row);
            let mut over_64 = over_32;
            let mut last = std::mem::replace(&mut self.before_32, over_32[GROUP - 1]);
            for (to, from) in over_64.iter_mut().zip(over_32) {
                *to = pick::<LARGEST>(from, last);
                last = from;
            }
            let [second, first] = self.before_64;
            self.before_64 = [over_64[GROUP - 2], over_64[GROUP - 1]];
            [
                pick::<LARGEST>(over_64[0], second),
                pick::<LARGEST>(over_64[1], first),
                pick::<LARGEST>(over_64[2], over_64[0]),
                pick::<LARGEST>(over_64[3], over_64[1]),
            ]
        }
    }

    /// From extremes over `2^DIGIT` numbers to those over twice as many.
    ///
    /// # Safety
    ///
    /// The processor has AVX-512BW.
    #[inline(always)]
    unsafe fn double<const DIGIT: usize>(
        &mut self,
        mut row: [__m512i; GROUP],
    ) -> [__m512i; GROUP] {
        let mut last = std::mem::replace(&mut self.before[DIGIT], row[GROUP - 1]);
        for numbers in &mut row {
            // SAFETY: the caller's promise.
            let next =
                unsafe { pick::<LARGEST>(*numbers, shift::<DIGIT>(last, *numbers)) };
            last = std::mem::replace(numbers, next);
        }
        // SAFETY: the caller's promise.
        unsafe { in_order(row) }
    }
}

/// The same registers; what is done before stays before what is done after. Left alone,
/// the compiler takes one register through all steps, then the next, and each step waits
/// for the one before.
#[inline]
#[target_feature(enable = "avx512f")]
fn in_order([mut a, mut b, mut c, mut d]: [__m512i; GROUP]) -> [__m512i; GROUP] {
    // SAFETY: no instruction at all.
    unsafe {
        asm!(
            "/* {} {} {} {} */",
            inout(zmm_reg) a,
            inout(zmm_reg) b,
            inout(zmm_reg) c,
            inout(zmm_reg) d,
            options(nomem, nostack, preserves_flags),
        );
    }
    [a, b, c, d]
}

/// The numbers `2^DIGIT` positions later; `before` comes first.
///
/// # Safety
///
/// The processor has AVX-512BW.
#[inline(always)]
unsafe fn shift<const DIGIT: usize>(before: __m512i, numbers: __m512i) -> __m512i {
    // SAFETY: the caller's promise; the indices have 64 bytes.
    unsafe {
        match DIGIT {
            0 => {
                let index = _mm512_loadu_epi16(ONE_BEFORE.as_ptr().cast());
                _mm512_permutex2var_epi16(before, index, numbers)
            }
            1 => _mm512_alignr_epi32::<15>(numbers, before),
            2 => _mm512_alignr_epi64::<7>(numbers, before),
            3 => _mm512_alignr_epi64::<6>(numbers, before),
            _ => _mm512_alignr_epi64::<4>(numbers, before),
        }
    }
}

/// Lane by lane.
///
/// # Safety
///
/// The processor has AVX-512BW.
#[inline(always)]
unsafe fn pick<const LARGEST: bool>(a: __m512i, b: __m512i) -> __m512i {
    // SAFETY: the caller's promise.
    unsafe { if LARGEST { _mm512_max_epu16(a, b) } else { _mm512_min_epu16(a, b) } }
}
