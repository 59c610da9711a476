//! From an interface's ticks to nanoseconds.

use wormsift::packet::Timestamp;

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// How an interface counts time: `if_tsresol` and `if_tsoffset` of pcapng
/// (draft-ietf-opsawg-pcapng, section 4.2).
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticks {
    scale: Scale,
    offset_nanos: i128,
}

#[derive(Clone, Copy, Debug)]
enum Scale {
    /// A tick is so many nanoseconds.
    Multiply(u64),
    /// So many ticks are a nanosecond.
    Divide(u64),
    /// 2 to this power ticks are a second.
    BinarySecond(u32),
}

impl Ticks {
    /// `resolution` is a negative power of ten in seconds, or of two if its top bit is
    /// set (6, microseconds, is the default of pcapng); `offset` is in seconds.
    pub(super) fn new(resolution: u8, offset: i64) -> Self {
        let power = u32::from(resolution & 0x7f);
        let scale = match power {
            _ if resolution & 0x80 != 0 => Scale::BinarySecond(power),
            0..=9 => Scale::Multiply(10_u64.pow(9 - power)),
            10..=28 => Scale::Divide(10_u64.pow(power - 9)),
            // 2^64 ticks of 10^-29 s are less than a nanosecond; so are they here.
            _ => Scale::BinarySecond(127),
        };
        Self { scale, offset_nanos: i128::from(offset) * NANOS_PER_SECOND }
    }

    /// The time of a tick, and whether it had to be clamped to what a [`Timestamp`]
    /// holds: 1970 to 2554.
    #[inline]
    pub(super) fn time(&self, ticks: u64) -> (Timestamp, bool) {
        let nanos = match self.scale {
            Scale::Multiply(by) => i128::from(ticks) * i128::from(by),
            Scale::Divide(by) => i128::from(ticks / by),
            Scale::BinarySecond(power) => {
                (i128::from(ticks) * NANOS_PER_SECOND) >> power.min(127)
            }
        };
        // No overflow: |nanos| < 2^94 and |offset| < 2^93.
        let nanos = nanos + self.offset_nanos;
        let clamped = nanos.clamp(0, i128::from(u64::MAX));
        (Timestamp::from_nanos(clamped as u64), clamped != nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_bases_and_every_power_give_nanoseconds_without_overflow() {
        let nanos = |resolution, offset, ticks| {
            let (time, clamped) = Ticks::new(resolution, offset).time(ticks);
            (time.as_nanos(), clamped)
        };
        assert_eq!(nanos(6, 0, 1_500_000), (1_500_000_000, false));
        assert_eq!(nanos(9, 0, 1_500_000), (1_500_000, false));
        assert_eq!(nanos(0, 0, 7), (7_000_000_000, false));
        assert_eq!(nanos(12, 0, 1_999), (1, false));
        assert_eq!(nanos(28, 0, u64::MAX), (1, false));
        assert_eq!(nanos(29, 0, u64::MAX), (0, false));
        assert_eq!(nanos(0x7f, 0, u64::MAX), (0, false));
        assert_eq!(nanos(0x80, 0, 3), (3_000_000_000, false));
        assert_eq!(nanos(0x80 | 10, 0, 1_536), (1_500_000_000, false));
        assert_eq!(nanos(0xff, 0, u64::MAX), (0, false));
        assert_eq!(nanos(6, 10, 1), (10_000_001_000, false));
        assert_eq!(nanos(6, -1, 1_000_000), (0, false));
        assert_eq!(nanos(6, -1, 999_999), (0, true));
        assert_eq!(nanos(0, 0, u64::MAX), (u64::MAX, true));
        for resolution in 0..=u8::MAX {
            for offset in [i64::MIN, -1, 0, 1, i64::MAX] {
                for ticks in [0, 1, u64::MAX] {
                    let (value, clamped) = nanos(resolution, offset, ticks);
                    assert!(!clamped || value == 0 || value == u64::MAX);
                }
            }
        }
    }
}
