//! The baseline: value sampling by a 64-bit Rabin fingerprint, rolled byte by
//! byte with tables, as EarlyBird did it (section 5.2; Rabin 1981, Broder 1993).
//!
//! Both the goals' unit of speed and the first half of [`EarlyBird`](crate::EarlyBird).
//!
//! A window is a polynomial over GF(2), its fingerprint the remainder modulo a
//! polynomial of degree 64. Rolling costs two table look-ups a byte.

/// `x^64 + x^4 + x^3 + x + 1`, irreducible; the terms below `x^64`.
const POLYNOMIAL: u64 = 0x1B;

/// Rolls over windows of beta bytes.
pub struct Rabin {
    beta: usize,
    /// `b x^64` for each byte b: what the byte that is shifted out leaves.
    reduce: [u64; 256],
    /// `b x^(8 beta)` for each byte b: takes the leaving byte out, once shifted.
    leave: [u64; 256],
}

impl Rabin {
    /// Windows of `beta` bytes.
    pub fn new(beta: usize) -> Self {
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
    pub fn for_each(
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
        // Two windows a step: the chain from fingerprint to fingerprint is what bounds
        // the loop, and one link for two bytes is shorter than two links.
        let leaving = &bytes[..rest.len()];
        let pairs = rest.chunks_exact(2).zip(leaving.chunks_exact(2));
        for (pair, (entering, leaving)) in pairs.enumerate() {
            let change = [0, 1]
                .map(|i| self.leave[usize::from(leaving[i])] ^ u64::from(entering[i]));
            let high = self.reduce[(fingerprint >> 56) as usize];
            let shifted = fingerprint << 8 ^ change[0];
            // `high` has 12 bits and cannot reach the byte that is shifted out next.
            let low = self.reduce[(shifted >> 56) as usize];
            let first = shifted ^ high;
            fingerprint = shifted << 8 ^ change[1] ^ high << 8 ^ low;
            if first & mask == target {
                keep(2 * pair + 1, first);
            }
            if fingerprint & mask == target {
                keep(2 * pair + 2, fingerprint);
            }
        }
        if let ([entering], [leaving]) =
            (rest.chunks_exact(2).remainder(), leaving.chunks_exact(2).remainder())
        {
            fingerprint =
                self.shift_in(fingerprint, *entering) ^ self.leave[usize::from(*leaving)];
            if fingerprint & mask == target {
                keep(rest.len(), fingerprint);
            }
        }
    }

    /// The same, one byte a step: the textbook loop, which is the slower.
    #[inline]
    pub fn for_each_bytewise(
        &self,
        bytes: &[u8],
        mask: u64,
        target: u64,
        mut keep: impl FnMut(usize, u64),
    ) {
        let Some((head, rest)) = bytes.split_at_checked(self.beta) else { return };
        let mut fingerprint = head.iter().fold(0, |sum, &byte| self.shift_in(sum, byte));
        if fingerprint & mask == target {
            keep(0, fingerprint);
        }
        for (index, (&entering, &leaving)) in rest.iter().zip(bytes).enumerate() {
            // What does not depend on the fingerprint first.
            let change = self.leave[usize::from(leaving)] ^ u64::from(entering);
            let high = self.reduce[(fingerprint >> 56) as usize];
            fingerprint = fingerprint << 8 ^ change ^ high;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::random;

    /// The remainder, bit by bit.
    fn remainder(window: &[u8]) -> u64 {
        let bits =
            window.iter().flat_map(|byte| (0..8).rev().map(move |i| byte >> i & 1));
        bits.fold(0, |rest, bit| {
            let out = rest >> 63 == 1;
            (rest << 1 | u64::from(bit)) ^ if out { POLYNOMIAL } else { 0 }
        })
    }

    #[test]
    fn it_rolls_over_all_windows_of_any_length() {
        let bytes = random(300);
        for (beta, length) in [(40, 300), (40, 299), (40, 41), (40, 40), (40, 39), (8, 9)]
        {
            let mut found = Vec::new();
            let bytes = &bytes[..length];
            Rabin::new(beta).for_each(bytes, 0, 0, |at, print| found.push((at, print)));
            let windows: Vec<_> =
                bytes.windows(beta).map(remainder).enumerate().collect();
            assert_eq!(found, windows, "{beta} of {length}");
            found.clear();
            let rabin = Rabin::new(beta);
            rabin.for_each_bytewise(bytes, 0, 0, |at, print| found.push((at, print)));
            assert_eq!(found, windows, "{beta} of {length}");
        }
    }

    #[test]
    fn the_low_bits_decide_what_is_kept() {
        let (bytes, rabin) = (random(5_000), Rabin::new(40));
        let mut all = Vec::new();
        rabin.for_each(&bytes, 0, 0, |at, print| all.push((at, print)));
        let mut kept = Vec::new();
        rabin.for_each(&bytes, 63, 1, |at, print| kept.push((at, print)));
        all.retain(|(_, print)| print & 63 == 1);
        assert_eq!(kept, all);
        assert!((40..120).contains(&kept.len()), "{}", kept.len());
    }
}
