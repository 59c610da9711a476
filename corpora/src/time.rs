//! Spans and moments of time, and how moments are written.

use std::time::Duration;

use jiff::Timestamp;

/// Nanoseconds of a second.
pub(crate) const SECOND: u64 = 1_000_000_000;
/// Nanoseconds of a millisecond.
pub(crate) const MILLISECOND: u64 = 1_000_000;

/// Nothing starts after this moment, early in 2116, so that spans may be added to any
/// start without overflow.
pub(crate) const LAST_START_NS: u64 = u64::MAX / 4;

/// The span in nanoseconds, at most those of 64 bits.
pub(crate) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

fn timestamp(time_ns: u64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(time_ns))
        .expect("64 bits of nanoseconds end in the year 2554")
}

/// RFC 3339 in UTC, nine digits after the second.
pub(crate) fn rfc3339(time_ns: u64) -> String {
    format!("{:.9}", timestamp(time_ns))
}

/// The form of HTTP and mail: `Fri, 01 Mar 2024 00:00:00 GMT` with this zone.
pub(crate) fn http_date(time_ns: u64, zone: &str) -> String {
    format!("{} {zone}", timestamp(time_ns).strftime("%a, %d %b %Y %H:%M:%S"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times_are_written_right() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(rfc3339(951_782_399_000_000_007), "2000-02-28T23:59:59.000000007Z");
        assert_eq!(rfc3339(951_782_400_000_000_000), "2000-02-29T00:00:00.000000000Z");
        assert_eq!(
            http_date(784_111_777_000_000_000, "GMT"),
            "Sun, 06 Nov 1994 08:49:37 GMT"
        );
        assert_eq!(rfc3339(u64::MAX), "2554-07-21T23:34:33.709551615Z");
    }
}
