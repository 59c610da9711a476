//! Packet time: moments, spans, and the epochs that time windows cut it into.
//!
//! Each is a newtype of 64 bits. Sums and differences stop at the ends of what these
//! hold, so that no time that a capture claims overflows.

use crate::state::persist;
use std::fmt;
use std::ops::{Add, Mul, Sub};

/// A packet's time: nanoseconds since 1970-01-01T00:00:00Z, as the capture
/// says. The engine knows no other clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// After all others.
    pub const MAX: Self = Self(u64::MAX);

    /// A time from nanoseconds since 1970.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since 1970.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// How much later it is than another time; zero where it is earlier.
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// How much later or earlier it is than another time.
    pub const fn apart(self, other: Self) -> Span {
        Span(self.0.abs_diff(other.0))
    }
}

impl Add<Span> for Timestamp {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Timestamp {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

/// RFC 3339 in UTC with nine digits after the second.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = jiff::Timestamp::from_nanosecond(i128::from(self.0));
        write!(f, "{:.9}", time.expect("64 bits of nanoseconds end in the year 2554"))
    }
}

/// A length of packet time, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub u64);

impl Span {
    /// So many seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// In seconds.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl Mul<u64> for Span {
    type Output = Self;
    fn mul(self, times: u64) -> Self {
        Self(self.0.saturating_mul(times))
    }
}

/// The number of a time window: windows follow each other without gaps from 1970 on.
///
/// It takes 64 bits: 32 bits of milliseconds end in February 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(u64);

impl Epoch {
    /// The epoch of a number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The epoch of a time, for windows of at least a nanosecond.
    #[inline]
    pub const fn of(time: Timestamp, window: Span) -> Self {
        Self(time.0 / window.0)
    }

    /// Epochs before it.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// When it begins.
    #[inline]
    pub const fn start(self, window: Span) -> Timestamp {
        Timestamp(self.0.saturating_mul(window.0))
    }

    /// When the next one begins.
    #[inline]
    pub const fn end(self, window: Span) -> Timestamp {
        Self(self.0.saturating_add(1)).start(window)
    }

    /// The one before; the first for itself.
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// Whether it is the current one or the one before: what two tables in turn still
    /// hold.
    #[inline]
    pub const fn is_recent(self, current: Self) -> bool {
        self.0.saturating_add(1) >= current.0
    }
}

persist!(Timestamp { 0 });
persist!(Span { 0 });
persist!(Epoch { 0 });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_print_as_rfc_3339() {
        let cases = [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (951_782_400_000_000_001, "2000-02-29T00:00:00.000000001Z"),
            (1_074_556_799_999_999_999, "2004-01-19T23:59:59.999999999Z"),
            (1_709_251_199_500_000_000, "2024-02-29T23:59:59.500000000Z"),
            (u64::MAX, "2554-07-21T23:34:33.709551615Z"),
        ];
        for (nanos, text) in cases {
            assert_eq!(Timestamp::from_nanos(nanos).to_string(), text);
        }
    }

    #[test]
    fn sums_and_differences_stop_at_the_ends() {
        let (early, late) = (Timestamp(5), Timestamp(u64::MAX - 5));
        assert_eq!((late + Span(9), early - Span(9)), (Timestamp::MAX, Timestamp(0)));
        assert_eq!(
            (early + Span(1), late - Span(1)),
            (Timestamp(6), Timestamp(late.0 - 1))
        );
        assert_eq!(
            (late.since(early), early.since(late)),
            (Span(u64::MAX - 10), Span(0))
        );
        assert_eq!(early.apart(late), late.apart(early));
        assert_eq!((Span(3) * 4, Span(3) * u64::MAX), (Span(12), Span(u64::MAX)));
        assert_eq!(Span::from_secs(90).as_secs_f64(), 90.0);
    }

    #[test]
    fn epochs_follow_each_other_without_gaps_to_the_end_of_time() {
        for window in [1, 7, 1_000_000, u64::MAX].map(Span) {
            for nanos in [0, 6, 7, 1 << 60, u64::MAX - 1, u64::MAX] {
                let time = Timestamp(nanos);
                let epoch = Epoch::of(time, window);
                assert!(epoch.start(window) <= time, "{time} {window:?}");
                assert!(epoch.end(window) > time || epoch.end(window) == Timestamp::MAX);
                assert!(epoch.is_recent(epoch) && epoch.previous().is_recent(epoch));
                let two_before = epoch.previous().previous();
                assert_eq!(two_before.is_recent(epoch), epoch.number() < 2);
            }
        }
    }
}
