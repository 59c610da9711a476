//! The baseline: value sampling by a 64-bit Rabin fingerprint, rolled byte by
//! byte with tables, as EarlyBird did it (section 5.2; Rabin 1981, Broder 1993).
//!
//! A window is a polynomial over GF(2), its fingerprint the remainder modulo a
//! polynomial of degree 64. Rolling costs two table look-ups a byte; the chain
//! from byte to byte is what bounds it, so nothing else is in the loop.

/// `x^64 + x^4 + x^3 + x + 1`, irreducible; the terms below `x^64`.
const POLYNOMIAL: u64 = 0x1B;

/// Rolls over windows of beta bytes.
pub(crate) struct Rabin {
    beta: usize,
    /// `b x^64` for each byte b: what the byte that is shifted out leaves.
    reduce: [u64; 256],
    /// `b x^(8 beta)` for each byte b: takes the leaving byte out, once shifted.
    leave: [u64; 256],
}

impl Rabin {
    /// Windows of `beta` bytes.
    pub(crate) fn new(beta: usize) -> Self {
        let times_x8 = |mut value: u64| {
            for _ in 0..8 {
                value = value << 1 ^ if value >> 63 == 1 { POLYNOMIAL } else { 0 };
            }
            value
        };
        let times_x8_repeated = |byte: usize, times: usize| {
            (0..times).fold(byte as u64, |value, _| times_x8(value))
        };
        Self {
            beta,
            reduce: std::array::from_fn(|byte| times_x8_repeated(byte, 8)),
            leave: std::array::from_fn(|byte| times_x8_repeated(byte, beta)),
        }
    }

    /// Calls `keep` with the offset and the fingerprint of each window whose
    /// fingerprint has these low bits.
    #[inline]
    pub(crate) fn for_each(
        &self,
        bytes: &[u8],
        mask: u64,
        target: u64,
        mut keep: impl FnMut(usize, u64),
    ) {
        let (head, rest) = match bytes.split_at_checked(self.beta) {
            Some(halves) => halves,
            None => return,
        };
        let mut fingerprint = 0u64;
        for &byte in head {
            fingerprint = self.shift_in(fingerprint, byte);
        }
        if fingerprint & mask == target {
            keep(0, fingerprint);
        }
        for (index, (&entering, &leaving)) in rest.iter().zip(bytes).enumerate() {
            fingerprint =
                self.shift_in(fingerprint, entering) ^ self.leave[usize::from(leaving)];
            if fingerprint & mask == target {
                keep(index + 1, fingerprint);
            }
        }
    }

    #[inline]
    fn shift_in(&self, fingerprint: u64, byte: u8) -> u64 {
        (fingerprint << 8 | u64::from(byte)) ^ self.reduce[(fingerprint >> 56) as usize]
    }
}
