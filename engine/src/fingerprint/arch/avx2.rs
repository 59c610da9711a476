//! AVX2: 64 positions are two registers; a byte map is two nibble look-ups by
//! byte shuffle.

use super::blocks;
use super::lanes::Lanes;
use super::{Path, Select, Values, compile_path, count_ones};
use crate::fingerprint::plan::{MapForms, Plan};
use crate::fingerprint::winnow::Runs;
use std::arch::x86_64::*;

compile_path!(Pair, 4, 1, "avx2,bmi1,bmi2,lzcnt,popcnt");

/// Whether this processor can run the path.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
        && is_x86_feature_detected!("popcnt")
}

#[derive(Clone, Copy)]
struct Pair(__m256i, __m256i);

impl Lanes for Pair {
    type Numbers = (__m256i, __m256i);
    /// Images of the low nibbles, and of the high ones.
    type Map = (__m256i, __m256i);
    const CHEAP_MAPS: bool = false;

    #[inline(always)]
    unsafe fn map_from(forms: &MapForms) -> Self::Map {
        // SAFETY: the processor has AVX2 (`Lanes`); the tables have 16 bytes each.
        unsafe {
            let [low, high] = &forms.nibbles;
            let low = _mm_loadu_si128(low.as_ptr().cast());
            let high = _mm_loadu_si128(high.as_ptr().cast());
            (_mm256_broadcastsi128_si256(low), _mm256_broadcastsi128_si256(high))
        }
    }

    #[inline(always)]
    unsafe fn splat(byte: u8) -> Self {
        // SAFETY: the processor has AVX2 (`Lanes`).
        let all = unsafe { _mm256_set1_epi8(byte as i8) };
        Self(all, all)
    }

    #[inline(always)]
    unsafe fn load(bytes: &[u8; 64]) -> Self {
        let start: *const __m256i = bytes.as_ptr().cast();
        // SAFETY: the array has the two times 32 bytes that are read, at any
        // alignment.
        unsafe { Self(_mm256_loadu_si256(start), _mm256_loadu_si256(start.add(1))) }
    }

    #[inline(always)]
    unsafe fn load_up_to(bytes: &[u8]) -> Self {
        if let Some(block) = bytes.first_chunk() {
            // SAFETY: the caller's promise is that of `Lanes`.
            return unsafe { Self::load(block) };
        }
        let mut block = [0; 64];
        for (to, from) in block.iter_mut().zip(bytes) {
            *to = *from;
        }
        // SAFETY: the caller's promise is that of `Lanes`.
        unsafe { Self::load(&block) }
    }

    #[inline(always)]
    unsafe fn prefetch(address: *const u8) {
        // SAFETY: a prefetch of any address is without effect on memory.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }

    #[inline(always)]
    unsafe fn apply(self, map: Self::Map) -> Self {
        // SAFETY: the caller's promise is that of `Lanes`.
        unsafe { Self(apply_one(self.0, map), apply_one(self.1, map)) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the processor has AVX2 (`Lanes`).
        unsafe {
            Self(_mm256_xor_si256(self.0, other.0), _mm256_xor_si256(self.1, other.1))
        }
    }

    #[inline(always)]
    unsafe fn shift(self, before: Self, count: usize) -> Self {
        // SAFETY: the caller's promise is that of `Lanes`.
        unsafe {
            Self(shift_one(before.1, self.0, count), shift_one(self.0, self.1, count))
        }
    }

    #[inline(always)]
    unsafe fn are_equal_under(self, mask: Self, target: Self) -> u64 {
        // SAFETY: the caller's promise is that of `Lanes`.
        unsafe {
            let masked =
                Self(_mm256_and_si256(self.0, mask.0), _mm256_and_si256(self.1, mask.1));
            masked.are_equal(target)
        }
    }

    #[inline(always)]
    unsafe fn are_equal(self, other: Self) -> u64 {
        // SAFETY: the processor has AVX2 (`Lanes`).
        unsafe {
            let low = _mm256_movemask_epi8(_mm256_cmpeq_epi8(self.0, other.0));
            let high = _mm256_movemask_epi8(_mm256_cmpeq_epi8(self.1, other.1));
            u64::from(low as u32) | u64::from(high as u32) << 32
        }
    }

    #[inline(always)]
    unsafe fn store_above(self, low: Self, values: &mut [u16; 64]) {
        let start: *mut __m256i = values.as_mut_ptr().cast();
        // SAFETY: the processor has AVX2 (`Lanes`); the array has four times 16
        // numbers.
        unsafe {
            store_one(self.0, low.0, start);
            store_one(self.1, low.1, start.add(2));
        }
    }

    #[inline(always)]
    unsafe fn load_numbers(numbers: &[u16; 32]) -> Self::Numbers {
        let start: *const __m256i = numbers.as_ptr().cast();
        // SAFETY: the processor has AVX2 (`Lanes`); the array has two times 16 numbers.
        unsafe { (_mm256_loadu_si256(start), _mm256_loadu_si256(start.add(1))) }
    }

    #[inline(always)]
    unsafe fn splat_number(number: u16) -> Self::Numbers {
        // SAFETY: the processor has AVX2 (`Lanes`).
        let all = unsafe { _mm256_set1_epi16(number as i16) };
        (all, all)
    }

    #[inline(always)]
    unsafe fn smaller(a: Self::Numbers, b: Self::Numbers) -> Self::Numbers {
        // SAFETY: the processor has AVX2 (`Lanes`).
        unsafe { (_mm256_min_epu16(a.0, b.0), _mm256_min_epu16(a.1, b.1)) }
    }

    #[inline(always)]
    unsafe fn larger(a: Self::Numbers, b: Self::Numbers) -> Self::Numbers {
        // SAFETY: the processor has AVX2 (`Lanes`).
        unsafe { (_mm256_max_epu16(a.0, b.0), _mm256_max_epu16(a.1, b.1)) }
    }

    #[inline(always)]
    unsafe fn minus(a: Self::Numbers, b: Self::Numbers) -> Self::Numbers {
        // SAFETY: the processor has AVX2 (`Lanes`).
        unsafe { (_mm256_sub_epi16(a.0, b.0), _mm256_sub_epi16(a.1, b.1)) }
    }

    #[inline(always)]
    unsafe fn where_smaller(
        a: Self::Numbers,
        b: Self::Numbers,
        then: Self::Numbers,
        other: Self::Numbers,
    ) -> Self::Numbers {
        // SAFETY: the processor has AVX2 (`Lanes`).
        unsafe {
            let first = _mm256_blendv_epi8(then.0, other.0, is_at_most(b.0, a.0));
            let second = _mm256_blendv_epi8(then.1, other.1, is_at_most(b.1, a.1));
            (first, second)
        }
    }

    #[inline(always)]
    unsafe fn are_at_most(a: Self::Numbers, b: Self::Numbers) -> u32 {
        // SAFETY: the processor has AVX2 (`Lanes`).
        unsafe {
            let tests = _mm256_packs_epi16(is_at_most(a.0, b.0), is_at_most(a.1, b.1));
            // Packing too stays inside 16 bytes: the quarters change places.
            let ordered = _mm256_permute4x64_epi64::<0b11_01_10_00>(tests);
            _mm256_movemask_epi8(ordered) as u32
        }
    }
}

/// The images of 32 bytes.
///
/// # Safety
///
/// The processor has AVX2.
#[inline(always)]
unsafe fn apply_one(bytes: __m256i, (low, high): (__m256i, __m256i)) -> __m256i {
    // SAFETY: the caller's promise.
    unsafe {
        let nibble = _mm256_set1_epi8(15);
        let lows = _mm256_and_si256(bytes, nibble);
        let highs = _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), nibble);
        let lows = _mm256_shuffle_epi8(low, lows);
        _mm256_xor_si256(lows, _mm256_shuffle_epi8(high, highs))
    }
}

/// Stores 32 numbers of these high and low bytes.
///
/// # Safety
///
/// The processor has AVX2; `to` and the vector behind it are valid for writes.
#[inline(always)]
unsafe fn store_one(high: __m256i, low: __m256i, to: *mut __m256i) {
    // SAFETY: the caller's promise.
    unsafe {
        // Unpacking stays inside 16 bytes: it makes numbers 0-7 and 16-23, and
        // 8-15 and 24-31.
        let outer = _mm256_unpacklo_epi8(low, high);
        let inner = _mm256_unpackhi_epi8(low, high);
        let first = _mm256_permute2x128_si256::<0x20>(outer, inner);
        let second = _mm256_permute2x128_si256::<0x31>(outer, inner);
        _mm256_storeu_si256(to, first);
        _mm256_storeu_si256(to.add(1), second);
    }
}

/// All ones where the number of `a` is at most that of `b`.
///
/// # Safety
///
/// The processor has AVX2.
#[inline(always)]
unsafe fn is_at_most(a: __m256i, b: __m256i) -> __m256i {
    // SAFETY: the caller's promise.
    unsafe { _mm256_cmpeq_epi16(_mm256_min_epu16(a, b), a) }
}

/// The 32 bytes that lie `count` bytes before the end of `before` and `bytes`.
///
/// # Safety
///
/// The processor has AVX2.
#[inline(always)]
unsafe fn shift_one(before: __m256i, bytes: __m256i, count: usize) -> __m256i {
    macro_rules! shift {
        ([$($near:literal)*], [$($far:literal)*]) => {
            // SAFETY: the caller's promise.
            unsafe {
                let middle = _mm256_permute2x128_si256::<0x21>(before, bytes);
                match count {
                    $($near => _mm256_alignr_epi8::<{ 16 - $near }>(bytes, middle),)*
                    16 => middle,
                    $($far => _mm256_alignr_epi8::<{ 32 - $far }>(middle, before),)*
                    _ => before,
                }
            }
        };
    }
    shift!(
        [1 2 3 4 5 6 7 8 9 10 11 12 13 14 15],
        [17 18 19 20 21 22 23 24 25 26 27 28 29 30 31]
    )
}
