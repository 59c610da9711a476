//! How much of the log taps may fill with parcels.
//!
//! A merger that waits for an answer cannot write a checkpoint, so nothing is deleted until the
//! answer is in the log. An eighth of the log is kept free of parcels for that. A tap looks at
//! the log, and then sends at most a share of what is free before it looks again.
//!
//! Guarantees: with up to 64 taps, which look only when nothing of them is on the way, a
//! sixteenth of the log is free of parcels, where a message is no more than a thousandth of it.
//! Costs: a question to the broker for each share, of a 128th of what is free or a 1,024th of the
//! log, whichever is more.

/// Taps that a merger has at most.
const MOST_TAPS: u64 = 64;

/// Bytes that a tap may send before it looks again; 0 where it must wait. `most` is what the log
/// holds, less than 1 without a bound; `used` what is in it.
pub(super) fn share(most: i64, used: u64) -> u64 {
    let Some(most) = u64::try_from(most).ok().filter(|most| *most > 0) else {
        return u64::MAX;
    };
    match (most - most / 8).checked_sub(used) {
        None | Some(0) => 0,
        Some(free) => (free / (2 * MOST_TAPS)).max(most / 1_024).max(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every tap sends what it may, looks at whatever moment, and answers still have room.
    #[test]
    fn a_sixteenth_is_free_whoever_looks_when() {
        let most: u64 = 1 << 20;
        let mut state = 1_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        for _ in 0..20 {
            let (mut used, mut shares) = (0, [0_u64; MOST_TAPS as usize]);
            let mut waiting = 0;
            while waiting < 1_000 {
                let tap = random(MOST_TAPS) as usize;
                if shares[tap] == 0 {
                    shares[tap] = share(most as i64, used);
                    waiting += u64::from(shares[tap] == 0);
                }
                let sent = random(shares[tap] + 1).max(shares[tap].min(1));
                (used, shares[tap]) = (used + sent, shares[tap] - sent);
                assert!(used <= most - most / 16, "{used}");
            }
            assert!(used >= most - most / 8, "it is used up to the eighth: {used}");
        }
        assert_eq!((share(-1, 7), share(0, 7)), (u64::MAX, u64::MAX));
        assert_eq!((share(100, 99), share(100, 0) > 0), (0, true));
    }
}
