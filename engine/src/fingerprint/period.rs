//! Contents that only repeat a short unit. Padding, fillers and silence do, and they recur
//! everywhere.

/// The longest unit that counts, in bytes.
pub(super) const LONGEST_PERIOD: usize = 8;

/// The longest unit that counts in a window of this many bytes: it must be there
/// twice, or every window of 8 bytes would have period 8.
pub(super) const fn longest_period(length: usize) -> usize {
    if length / 2 < LONGEST_PERIOD { length / 2 } else { LONGEST_PERIOD }
}

/// Whether a period of 8 bytes or less is still possible after a look at the first 16
/// bytes, which clears nearly every window.
#[inline]
pub(super) fn may_repeat(window: &[u8]) -> bool {
    let Some(head) = window.first_chunk::<16>() else { return true };
    // Eight bytes each, loaded: shifting them out of one number takes far longer.
    let from =
        |at: usize| head[at..].first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
    let first = from(0);
    // Periods 1 to 4 have a multiple among 5 to 8.
    (first == from(5)) | (first == from(6)) | (first == from(7)) | (first == from(8))
}

/// The shortest period of the window, if it is 8 bytes or less.
pub(super) fn period(window: &[u8]) -> Option<usize> {
    if !may_repeat(window) {
        return None;
    }
    let has = |&unit: &usize| window[unit..] == window[..window.len() - unit];
    (1..=longest_period(window.len())).find(has)
}

/// Whether some window of `beta` bytes may have a period of 8 bytes or less: such a
/// window repeats at least beta - 8 bytes in a row, and 15 in a row hold 8 whose offset
/// is a multiple of 8.
///
/// `note` is [`find_repeats`], or does as it does.
#[inline(always)]
pub(super) fn may_hold_period(
    bytes: &[u8],
    beta: usize,
    note: impl Fn(&[u8; 72], &mut [u64; 8]),
) -> bool {
    if beta < LONGEST_PERIOD + 15 {
        return true;
    }
    let mut found = [0; 8];
    let blocks = bytes.len().saturating_sub(8) / 64;
    // Counted, so that it becomes vectors.
    for block in 0..blocks {
        let Some(chunk) = bytes[64 * block..].first_chunk() else { break };
        note(chunk, &mut found);
    }
    if let Some(chunk) = bytes.last_chunk() {
        // Here they need not be multiples of 8: they go on from those before.
        note(chunk, &mut found);
        return found != [0; 8];
    }
    let repeats =
        |at: usize| (5..=8).any(|unit| bytes[at..at + 8] == bytes[at - unit..][..8]);
    (8..bytes.len().saturating_sub(7)).step_by(8).any(repeats)
}

/// Notes which of the last eight times 8 bytes are as those 5, 6, 7 or 8 bytes before:
/// periods 1 to 4 have a multiple among these. Nothing is noted as zeros, all else as any
/// other number.
#[inline(always)]
pub(super) fn find_repeats(chunk: &[u8; 72], found: &mut [u64; 8]) {
    for (lane, found) in found.iter_mut().enumerate() {
        let number = |at: usize| {
            chunk[8 * lane + at..].first_chunk().map(|it| u64::from_le_bytes(*it))
        };
        let own = number(8);
        let repeats = (own == number(3)) | (own == number(2));
        *found |= u64::from(repeats | (own == number(1)) | (own == number(0)));
    }
}

/// The offset where the stretch of period `unit` that holds `bytes[..from]`'s
/// last bytes comes to its end.
pub(super) fn stretch_end(bytes: &[u8], from: usize, unit: usize) -> usize {
    let pairs = bytes[from..].iter().zip(&bytes[from - unit..]);
    from + pairs.take_while(|(byte, before)| byte == before).count()
}

/// For each of 64 positions, one bit a position: is it the last of `length` set
/// bits in a row? `before` holds the 64 positions in front of `bits`. `length`
/// is 2 to 64.
pub(super) fn ends_of_runs(before: u64, bits: u64, length: usize) -> u64 {
    let mut runs = u128::from(bits) << 64 | u128::from(before);
    let mut reach = 1;
    while reach < length {
        let stride = reach.min(length - reach);
        runs &= runs << stride;
        reach += stride;
    }
    (runs >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn has_period(window: &[u8], unit: usize) -> bool {
        (unit..window.len()).all(|i| window[i] == window[i - unit])
    }

    proptest! {
        #[test]
        fn the_shortest_period_is_found(
            unit in prop::collection::vec(0u8..3, 1..12),
            length in 8usize..=64,
            flip in 0usize..128,
        ) {
            let mut window: Vec<u8> = unit.iter().copied().cycle().take(length).collect();
            if let Some(byte) = window.get_mut(flip) {
                *byte ^= 0x40;
            }
            let expected = (1..=8.min(length / 2)).find(|&unit| has_period(&window, unit));
            prop_assert_eq!(period(&window), expected);
        }

        #[test]
        fn no_period_goes_unnoticed(
            mut bytes in prop::collection::vec(any::<u8>(), 40..400),
            unit in 1usize..=8,
            beta in 8usize..=40,
            start in 0usize..400,
        ) {
            let start = start % (bytes.len() + 1 - beta);
            for i in start + unit..start + beta {
                bytes[i] = bytes[i - unit];
            }
            prop_assert!(may_hold_period(&bytes, beta, find_repeats));
        }

        #[test]
        fn runs_of_bits_end_where_counting_says(
            before: u64, bits: u64, dense: u64, length in 2usize..=64,
        ) {
            for (before, bits) in [(before, bits), (!0, bits | dense), (before | dense, !0), (!0, !0)] {
                let all = u128::from(bits) << 64 | u128::from(before);
                let ends = ends_of_runs(before, bits, length);
                for position in 0..64 {
                    let run = (0..length).all(|back| all >> (64 + position - back) & 1 == 1);
                    prop_assert_eq!(ends >> position & 1 == 1, run);
                }
            }
        }
    }

    #[test]
    fn what_never_repeats_holds_no_period() {
        let bytes: Vec<u8> = (0..2_000u32).map(|n| (n * n / 7) as u8 ^ n as u8).collect();
        for length in [0, 7, 40, 71, 72, 200, 2_000] {
            assert!(!may_hold_period(&bytes[..length], 40, find_repeats), "{length}");
        }
    }

    #[test]
    fn a_stretch_ends_at_its_first_break() {
        let mut bytes = b"abcabcabcabcabcabcabc".to_vec();
        assert_eq!(stretch_end(&bytes, 9, 3), bytes.len());
        bytes[15] = b'x';
        assert_eq!(stretch_end(&bytes, 9, 3), 15);
        assert_eq!(stretch_end(&bytes, 15, 3), 15);
        assert_eq!(stretch_end(&bytes, bytes.len(), 3), bytes.len());
    }
}
