//! Nanoseconds since the epoch as RFC 3339.

const NANOS: u64 = 1_000_000_000;

/// RFC 3339 in UTC, nine digits after the second.
pub(crate) fn rfc3339(time_ns: u64) -> String {
    let date = Date::of(time_ns);
    let Date { year, month, day, hour, minute, second, .. } = date;
    let nanos = time_ns % NANOS;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z")
}

/// The form of HTTP and mail: `Fri, 01 Mar 2024 00:00:00 GMT` with this zone.
pub(crate) fn http_date(time_ns: u64, zone: &str) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov",
        "Dec",
    ];
    let Date { year, month, day, hour, minute, second, weekday } = Date::of(time_ns);
    let (weekday, month) =
        (DAYS[weekday as usize % 7], MONTHS[(month as usize - 1) % 12]);
    format!(
        "{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} {zone}"
    )
}

struct Date {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
    /// Days since a Thursday, 0 to 6.
    weekday: u64,
}

impl Date {
    fn of(time_ns: u64) -> Self {
        let seconds = time_ns / NANOS;
        let days = seconds / 86_400;
        // A u64 of nanoseconds ends in 2554, so that walking the years is short.
        let (mut year, mut day) = (1970, days);
        while day >= 365 + leap(year) {
            day -= 365 + leap(year);
            year += 1;
        }
        let mut month = 1;
        while day >= month_length(year, month) {
            day -= month_length(year, month);
            month += 1;
        }
        Self {
            year,
            month,
            day: day + 1,
            hour: seconds / 3_600 % 24,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            weekday: days % 7,
        }
    }
}

fn leap(year: u64) -> u64 {
    let leap =
        year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    u64::from(leap)
}

fn month_length(year: u64, month: u64) -> u64 {
    match month {
        2 => 28 + leap(year),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
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
