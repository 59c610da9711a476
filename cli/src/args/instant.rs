//! Times as people write them: RFC 3339, or seconds since 1970.

use std::str::FromStr;
use wormsift::packet::Timestamp;

const NANOS: u64 = 1_000_000_000;

/// A time given on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instant(pub(crate) Timestamp);

impl FromStr for Instant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        epoch(text)
            .or_else(|| rfc_3339(text))
            .map(Timestamp::from_nanos)
            .map(Self)
            .ok_or_else(|| {
                format!(
                    "expected a time from 1970 to 2554 such as 2004-01-19T12:30:00Z, or \
                     seconds since 1970, found `{text}`"
                )
            })
    }
}

/// Seconds since 1970 with up to nine decimals, as nanoseconds.
fn epoch(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    number(whole, 1..=20)?.checked_mul(NANOS)?.checked_add(nanos(fraction)?)
}

/// RFC 3339, as nanoseconds since 1970.
fn rfc_3339(text: &str) -> Option<u64> {
    let time: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(time.as_nanosecond()).ok()
}

/// A decimal fraction of a second; digits after the ninth are cut off.
fn nanos(fraction: &str) -> Option<u64> {
    number(fraction, 1..=fraction.len())?;
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    digits.parse().ok()
}

/// A number of so many digits and nothing else. One of more digits than a `u64` holds
/// is only ever a fraction, of which the value is not asked.
fn number(digits: &str, len: std::ops::RangeInclusive<usize>) -> Option<u64> {
    let valid = len.contains(&digits.len())
        && !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit());
    valid.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nanos_of(text: &str) -> u64 {
        text.parse::<Instant>().unwrap().0.as_nanos()
    }

    #[test]
    fn both_forms_give_the_same_time() {
        let second = 951_782_400;
        for text in [
            "951782400",
            "951782400.000",
            "2000-02-29T00:00:00Z",
            "2000-02-29 00:00:00.0z",
            "2000-02-29T02:30:00+02:30",
            "2000-02-28T23:00:00-01:00",
        ] {
            assert_eq!(nanos_of(text), second * NANOS, "{text}");
        }
        assert_eq!(nanos_of("0.123456789"), 123_456_789);
        assert_eq!(nanos_of("1970-01-01T00:00:00.123456789Z"), 123_456_789);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "now",
            "-1",
            "1.",
            ".5",
            "1e9",
            "99999999999999999999",
            "2001-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2001-04-31T00:00:00Z",
            "2001-13-01T00:00:00Z",
            "2001-01-01T24:00:00Z",
            "2001-01-01T00:60:00Z",
            "2001-01-01T00:00:00",
            "2001-01-01",
            "2001-1-1T00:00:00Z",
            "2001-01-01T00:00:00+1:00",
            "2001-01-01T00:00:00é",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+00:01",
            "2600-01-01T00:00:00Z",
        ] {
            assert!(text.parse::<Instant>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_printed_timestamp_is_read_back(nanos: u64) {
            let time = Timestamp::from_nanos(nanos);
            prop_assert_eq!(time.to_string().parse(), Ok(Instant(time)));
        }

        #[test]
        fn no_text_panics(text in "[0-9TZ:.+ é-]{0,40}") {
            let _ = text.parse::<Instant>();
        }
    }
}
