//! NEON: 64 positions are four registers; a byte map is two nibble look-ups.

use super::blocks;
use super::lanes::Lanes;
use super::{Path, Select, Values, compile_path, count_ones};
use crate::fingerprint::plan::{MapForms, Plan};
use crate::fingerprint::winnow::Runs;
use std::arch::aarch64::*;

compile_path!(Quad, 1, 1, "neon");

#[derive(Clone, Copy)]
struct Quad([uint8x16_t; 4]);

impl Lanes for Quad {
    type Numbers = [uint16x8_t; 4];
    /// Images of the low nibbles, and of the high ones.
    type Map = (uint8x16_t, uint8x16_t);
    const CHEAP_MAPS: bool = false;

    #[inline(always)]
    unsafe fn map_from(forms: &MapForms) -> Self::Map {
        let [low, high] = &forms.nibbles;
        // SAFETY: the tables have the 16 bytes each that are read.
        unsafe { (vld1q_u8(low.as_ptr()), vld1q_u8(high.as_ptr())) }
    }

    #[inline(always)]
    unsafe fn splat(byte: u8) -> Self {
        // SAFETY: the processor has NEON (`Lanes`).
        Self(unsafe { [vdupq_n_u8(byte); 4] })
    }

    #[inline(always)]
    unsafe fn load(bytes: &[u8; 64]) -> Self {
        let start = bytes.as_ptr();
        // SAFETY: the array has the four times 16 bytes that are read.
        unsafe {
            Self([
                vld1q_u8(start),
                vld1q_u8(start.add(16)),
                vld1q_u8(start.add(32)),
                vld1q_u8(start.add(48)),
            ])
        }
    }

    #[inline(always)]
    unsafe fn load_up_to(bytes: &[u8]) -> Self {
        let mut block = [0; 64];
        for (to, from) in block.iter_mut().zip(bytes) {
            *to = *from;
        }
        // SAFETY: the caller's promise is that of `Lanes`.
        unsafe { Self::load(&block) }
    }

    #[inline(always)]
    unsafe fn prefetch(_address: *const u8) {
        // The intrinsic is not stable; these processors prefetch streams well.
    }

    #[inline(always)]
    unsafe fn apply(self, (low, high): Self::Map) -> Self {
        let mut images = self.0;
        for bytes in &mut images {
            // SAFETY: the processor has NEON (`Lanes`).
            *bytes = unsafe {
                let lows = vqtbl1q_u8(low, vandq_u8(*bytes, vdupq_n_u8(15)));
                veorq_u8(lows, vqtbl1q_u8(high, vshrq_n_u8::<4>(*bytes)))
            };
        }
        Self(images)
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        let mut sums = self.0;
        for (sum, other) in sums.iter_mut().zip(other.0) {
            // SAFETY: the processor has NEON (`Lanes`).
            *sum = unsafe { veorq_u8(*sum, other) };
        }
        Self(sums)
    }

    #[inline(always)]
    unsafe fn shift(self, before: Self, count: usize) -> Self {
        let mut shifted = self.0;
        for (index, lanes) in shifted.iter_mut().enumerate() {
            // The registers of `before` and `self`, in a row: which two meet here?
            let later = 4 + index - count / 16;
            let register = |at: usize| if at < 4 { before.0[at] } else { self.0[at - 4] };
            // SAFETY: the caller's promise is that of `Lanes`.
            *lanes =
                unsafe { shift_one(register(later - 1), register(later), count % 16) };
        }
        Self(shifted)
    }

    #[inline(always)]
    unsafe fn are_equal_under(self, mask: Self, target: Self) -> u64 {
        let mut tests = self.0;
        for ((test, mask), target) in tests.iter_mut().zip(mask.0).zip(target.0) {
            // SAFETY: the processor has NEON (`Lanes`).
            *test = unsafe { vceqq_u8(vandq_u8(*test, mask), target) };
        }
        // SAFETY: the caller's promise is that of `Lanes`.
        unsafe { to_bits(tests) }
    }

    #[inline(always)]
    unsafe fn are_equal(self, other: Self) -> u64 {
        let mut tests = self.0;
        for (test, other) in tests.iter_mut().zip(other.0) {
            // SAFETY: the processor has NEON (`Lanes`).
            *test = unsafe { vceqq_u8(*test, other) };
        }
        // SAFETY: the caller's promise is that of `Lanes`.
        unsafe { to_bits(tests) }
    }

    #[inline(always)]
    unsafe fn store_above(self, low: Self, values: &mut [u16; 64]) {
        let (parts, _) = values.as_chunks_mut::<16>();
        for ((part, high), low) in parts.iter_mut().zip(self.0).zip(low.0) {
            // SAFETY: a little-endian number's low byte comes first; the part has
            // the 16 numbers that are written.
            unsafe { vst2q_u8(part.as_mut_ptr().cast(), uint8x16x2_t(low, high)) };
        }
    }

    #[inline(always)]
    unsafe fn load_numbers(numbers: &[u16; 32]) -> Self::Numbers {
        let start = numbers.as_ptr();
        // SAFETY: the array has the four times 8 numbers that are read.
        unsafe {
            [
                vld1q_u16(start),
                vld1q_u16(start.add(8)),
                vld1q_u16(start.add(16)),
                vld1q_u16(start.add(24)),
            ]
        }
    }

    #[inline(always)]
    unsafe fn splat_number(number: u16) -> Self::Numbers {
        // SAFETY: the processor has NEON (`Lanes`).
        unsafe { [vdupq_n_u16(number); 4] }
    }

    #[inline(always)]
    unsafe fn smaller(mut a: Self::Numbers, b: Self::Numbers) -> Self::Numbers {
        for (a, b) in a.iter_mut().zip(b) {
            // SAFETY: the processor has NEON (`Lanes`).
            *a = unsafe { vminq_u16(*a, b) };
        }
        a
    }

    #[inline(always)]
    unsafe fn larger(mut a: Self::Numbers, b: Self::Numbers) -> Self::Numbers {
        for (a, b) in a.iter_mut().zip(b) {
            // SAFETY: the processor has NEON (`Lanes`).
            *a = unsafe { vmaxq_u16(*a, b) };
        }
        a
    }

    #[inline(always)]
    unsafe fn minus(mut a: Self::Numbers, b: Self::Numbers) -> Self::Numbers {
        for (a, b) in a.iter_mut().zip(b) {
            // SAFETY: the processor has NEON (`Lanes`).
            *a = unsafe { vsubq_u16(*a, b) };
        }
        a
    }

    #[inline(always)]
    unsafe fn where_smaller(
        a: Self::Numbers,
        b: Self::Numbers,
        mut then: Self::Numbers,
        other: Self::Numbers,
    ) -> Self::Numbers {
        for (((then, other), a), b) in then.iter_mut().zip(other).zip(a).zip(b) {
            // SAFETY: the processor has NEON (`Lanes`).
            *then = unsafe { vbslq_u16(vcltq_u16(a, b), *then, other) };
        }
        then
    }

    #[inline(always)]
    unsafe fn are_at_most(a: Self::Numbers, b: Self::Numbers) -> u32 {
        // SAFETY: the processor has NEON (`Lanes`).
        unsafe {
            let [first, second, third, fourth] =
                [0, 1, 2, 3].map(|part| vmovn_u16(vcleq_u16(a[part], b[part])));
            let none = vdupq_n_u8(0);
            let (low, high) = (vcombine_u8(first, second), vcombine_u8(third, fourth));
            to_bits([low, high, none, none]) as u32
        }
    }
}

/// One bit a lane, of lanes that are all ones or all zeros.
///
/// # Safety
///
/// The processor has NEON.
#[inline(always)]
unsafe fn to_bits([first, second, third, fourth]: [uint8x16_t; 4]) -> u64 {
    const WEIGHTS: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];
    // SAFETY: the caller's promise; the weights are the 16 bytes that are read.
    unsafe {
        let weights = vld1q_u8(WEIGHTS.as_ptr());
        let low = vpaddq_u8(vandq_u8(first, weights), vandq_u8(second, weights));
        let high = vpaddq_u8(vandq_u8(third, weights), vandq_u8(fourth, weights));
        // Eight lanes to a byte after three sums of neighbours.
        let sums = vpaddq_u8(low, high);
        vgetq_lane_u64::<0>(vreinterpretq_u64_u8(vpaddq_u8(sums, sums)))
    }
}

/// The 16 bytes that lie `count` bytes before the end of `before` and `bytes`.
///
/// # Safety
///
/// The processor has NEON.
#[inline(always)]
unsafe fn shift_one(before: uint8x16_t, bytes: uint8x16_t, count: usize) -> uint8x16_t {
    macro_rules! shift {
        ($($count:literal)*) => {
            match count {
                // SAFETY: the caller's promise.
                $($count => unsafe { vextq_u8::<{ 16 - $count }>(before, bytes) },)*
                _ => bytes,
            }
        };
    }
    shift!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
}
