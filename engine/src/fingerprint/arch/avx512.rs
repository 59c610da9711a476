//! AVX-512 with VBMI and GFNI: 64 positions are one register, a byte map is one
//! instruction, and so is a shift across registers.

use super::blocks;
use super::lanes::Lanes;
use super::{Path, Select, Values, compile_path, count_ones};
use crate::fingerprint::plan::{MapForms, Plan};
use crate::fingerprint::winnow::Runs;
use std::arch::x86_64::*;

compile_path!(
    Vector,
    2,
    1,
    "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,gfni,bmi1,bmi2,lzcnt,popcnt"
);

/// Whether this processor can run the path.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vbmi")
        && is_x86_feature_detected!("avx512vbmi2")
        && is_x86_feature_detected!("gfni")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
        && is_x86_feature_detected!("popcnt")
}

#[derive(Clone, Copy)]
struct Vector(__m512i);

const COUNT: [u8; 64] = {
    let mut count = [0; 64];
    let mut lane = 0;
    while lane < 64 {
        count[lane] = lane as u8;
        lane += 1;
    }
    count
};

/// For numbers of two registers' bytes (low first, then high): their lanes.
const INTERLEAVED: [[u8; 64]; 2] = {
    let mut indices = [[0; 64]; 2];
    let mut lane = 0;
    while lane < 64 {
        indices[0][lane] = (lane / 2 + lane % 2 * 64) as u8;
        indices[1][lane] = (32 + lane / 2 + lane % 2 * 64) as u8;
        lane += 1;
    }
    indices
};

impl Lanes for Vector {
    type Numbers = __m512i;
    type Map = __m512i;
    const CHEAP_MAPS: bool = true;

    #[inline(always)]
    unsafe fn map_from(forms: &MapForms) -> __m512i {
        // SAFETY: the processor has AVX-512F (`Lanes`).
        unsafe { _mm512_set1_epi64(forms.affine as i64) }
    }

    #[inline(always)]
    unsafe fn splat(byte: u8) -> Self {
        // SAFETY: the processor has AVX-512F (`Lanes`).
        Self(unsafe { _mm512_set1_epi8(byte as i8) })
    }

    #[inline(always)]
    unsafe fn load(bytes: &[u8; 64]) -> Self {
        // SAFETY: the array has the 64 bytes that are read, at any alignment.
        Self(unsafe { _mm512_loadu_epi8(bytes.as_ptr().cast()) })
    }

    #[inline(always)]
    unsafe fn load_up_to(bytes: &[u8]) -> Self {
        let lanes = !0u64 >> (64 - bytes.len().clamp(1, 64))
            & u64::from(bytes.is_empty()).wrapping_sub(1);
        // SAFETY: lanes beyond the slice are masked out, and so not read.
        Self(unsafe { _mm512_maskz_loadu_epi8(lanes, bytes.as_ptr().cast()) })
    }

    #[inline(always)]
    unsafe fn prefetch(address: *const u8) {
        // SAFETY: a prefetch of any address is without effect on memory.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }

    #[inline(always)]
    unsafe fn apply(self, map: __m512i) -> Self {
        // SAFETY: the processor has GFNI (`Lanes`).
        Self(unsafe { _mm512_gf2p8affine_epi64_epi8::<0>(self.0, map) })
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the processor has AVX-512F (`Lanes`).
        Self(unsafe { _mm512_xor_si512(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn shift(self, before: Self, count: usize) -> Self {
        let (before, lanes) = (before.0, self.0);
        // SAFETY: the processor has AVX-512VBMI (`Lanes`).
        Self(unsafe {
            match count {
                4 => _mm512_alignr_epi32::<15>(lanes, before),
                8 => _mm512_alignr_epi64::<7>(lanes, before),
                16 => _mm512_alignr_epi64::<6>(lanes, before),
                24 => _mm512_alignr_epi64::<5>(lanes, before),
                32 => _mm512_alignr_epi64::<4>(lanes, before),
                _ => _mm512_permutex2var_epi8(before, lanes_before(count), lanes),
            }
        })
    }

    #[inline(always)]
    unsafe fn are_equal_under(self, mask: Self, target: Self) -> u64 {
        // SAFETY: the processor has AVX-512BW (`Lanes`).
        unsafe { _mm512_testn_epi8_mask(_mm512_xor_si512(self.0, target.0), mask.0) }
    }

    #[inline(always)]
    unsafe fn positions(words: &[u64], positions: &mut [u16]) -> usize {
        let mut count = 0;
        for (index, &word) in words.iter().enumerate() {
            let to = &mut positions[count..count + 64];
            // SAFETY: the processor has AVX-512VBMI2 (`Lanes`); there is room for 64
            // positions.
            unsafe {
                let base = _mm512_set1_epi16((64 * index) as i16);
                let lanes = _mm512_loadu_epi8(COUNT.as_ptr().cast());
                let set = _mm512_maskz_compress_epi8(word, lanes);
                let first = _mm512_cvtepu8_epi16(_mm512_castsi512_si256(set));
                let first = _mm512_add_epi16(first, base);
                _mm512_storeu_epi16(to.as_mut_ptr().cast(), first);
                if word.count_ones() > 32 {
                    let second = _mm512_extracti64x4_epi64::<1>(set);
                    let second = _mm512_add_epi16(_mm512_cvtepu8_epi16(second), base);
                    _mm512_storeu_epi16(to[32..].as_mut_ptr().cast(), second);
                }
            }
            count += word.count_ones() as usize;
        }
        count
    }

    #[inline(always)]
    unsafe fn are_equal(self, other: Self) -> u64 {
        // SAFETY: the processor has AVX-512BW (`Lanes`).
        unsafe { _mm512_cmpeq_epi8_mask(self.0, other.0) }
    }

    #[inline(always)]
    unsafe fn note_repeats(chunk: &[u8; 72], found: &mut [u64; 8]) {
        // SAFETY: the processor has AVX-512F (`Lanes`); 64 bytes are read from 8 on at most.
        unsafe {
            let from = |at: usize| _mm512_loadu_epi64(chunk.as_ptr().add(at).cast());
            let own = from(8);
            let repeats = _mm512_cmpeq_epi64_mask(own, from(3))
                | _mm512_cmpeq_epi64_mask(own, from(2))
                | _mm512_cmpeq_epi64_mask(own, from(1))
                | _mm512_cmpeq_epi64_mask(own, from(0));
            found[0] |= u64::from(repeats);
        }
    }

    #[inline(always)]
    unsafe fn store_above(self, low: Self, values: &mut [u16; 64]) {
        let (halves, _) = values.as_chunks_mut::<32>();
        for (half, indices) in halves.iter_mut().zip(&INTERLEAVED) {
            // SAFETY: the processor has AVX-512VBMI (`Lanes`); both arrays have 64
            // bytes.
            unsafe {
                let index = _mm512_loadu_epi8(indices.as_ptr().cast());
                let both = _mm512_permutex2var_epi8(low.0, index, self.0);
                _mm512_storeu_epi16(half.as_mut_ptr().cast(), both);
            }
        }
    }

    #[inline(always)]
    unsafe fn load_numbers(numbers: &[u16; 32]) -> __m512i {
        // SAFETY: the processor has AVX-512BW (`Lanes`); the array has 64 bytes.
        unsafe { _mm512_loadu_epi16(numbers.as_ptr().cast()) }
    }

    #[inline(always)]
    unsafe fn splat_number(number: u16) -> __m512i {
        // SAFETY: the processor has AVX-512BW (`Lanes`).
        unsafe { _mm512_set1_epi16(number as i16) }
    }

    #[inline(always)]
    unsafe fn smaller(a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the processor has AVX-512BW (`Lanes`).
        unsafe { _mm512_min_epu16(a, b) }
    }

    #[inline(always)]
    unsafe fn larger(a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the processor has AVX-512BW (`Lanes`).
        unsafe { _mm512_max_epu16(a, b) }
    }

    #[inline(always)]
    unsafe fn minus(a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the processor has AVX-512BW (`Lanes`).
        unsafe { _mm512_sub_epi16(a, b) }
    }

    #[inline(always)]
    unsafe fn where_smaller(
        a: __m512i,
        b: __m512i,
        then: __m512i,
        other: __m512i,
    ) -> __m512i {
        // SAFETY: the processor has AVX-512BW (`Lanes`).
        unsafe { _mm512_mask_mov_epi16(other, _mm512_cmplt_epu16_mask(a, b), then) }
    }

    #[inline(always)]
    unsafe fn are_at_most(a: __m512i, b: __m512i) -> u32 {
        // SAFETY: the processor has AVX-512BW (`Lanes`).
        unsafe { _mm512_cmple_epu16_mask(a, b) }
    }
}

/// For each lane, the one `count` before it; of two registers in a row.
///
/// # Safety
///
/// The processor has AVX-512BW.
#[inline(always)]
unsafe fn lanes_before(count: usize) -> __m512i {
    // SAFETY: the caller's promise; COUNT has 64 bytes.
    unsafe {
        let lanes = _mm512_loadu_epi8(COUNT.as_ptr().cast());
        _mm512_add_epi8(lanes, _mm512_set1_epi8(64 - count as i8))
    }
}
