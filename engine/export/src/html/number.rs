//! Numbers, shares and durations as text.
//!
//! Each has its significant digits only, and its unit behind a space that does not break.

use crate::text::grouped;

/// What stands where there is no value.
pub const NOTHING: &str = "–";

/// A count, or the mean of counts: `12,345`, `3.4`, `0.05`.
pub fn count(value: f64) -> String {
    if !value.is_finite() {
        return NOTHING.to_owned();
    }
    if value < 0.0 {
        return format!("−{}", count(-value));
    }
    if value >= 100.0 || value.fract() == 0.0 {
        if value >= 1e15 {
            return format!("{value:.2e}");
        }
        return grouped(value.round() as u64);
    }
    significant(value, if value < 10.0 { 2 } else { 3 })
}

/// A share of one: `97.3 %`, `0.62 %`.
pub fn percent(share: f64) -> String {
    if !share.is_finite() {
        return NOTHING.to_owned();
    }
    let hundredths = share * 100.0;
    if hundredths == 0.0 {
        return "0\u{a0}%".to_owned();
    }
    // A share that is not whole must not be rounded to all.
    let text = if hundredths < 100.0 && hundredths > 99.95 {
        ">\u{a0}99.9".to_owned()
    } else if hundredths >= 10.0 {
        trimmed(&format!("{hundredths:.1}"))
    } else if hundredths < 1e-4 {
        format!("{hundredths:.0e}")
    } else {
        significant(hundredths, 2)
    };
    format!("{text}\u{a0}%")
}

/// An interval of shares: `84–100 %`.
pub fn percent_interval([low, high]: [f64; 2]) -> String {
    let [low, high] = [percent(low), percent(high)];
    let bare = |text: &str| text.trim_end_matches("\u{a0}%").to_owned();
    format!("{}–{}\u{a0}%", bare(&low), bare(&high))
}

/// An interval of counts: `3–4.5`.
pub fn count_interval([low, high]: [f64; 2]) -> String {
    format!("{}–{}", count(low), count(high))
}

/// A time: `0.42 s`, `12 s`, `3.4 min`, `2.1 h`.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return NOTHING.to_owned();
    }
    let (unit, name) = time_unit(seconds.abs());
    let value = seconds / unit;
    let text =
        if value.abs() >= 100.0 { count(value.round()) } else { significant(value, 2) };
    format!("{text}\u{a0}{name}")
}

/// The unit, in seconds, in which times up to this one are read well.
pub fn time_unit(seconds: f64) -> (f64, &'static str) {
    match seconds {
        s if s >= 2.0 * 86_400.0 => (86_400.0, "d"),
        s if s >= 2.0 * 3_600.0 => (3_600.0, "h"),
        s if s >= 120.0 => (60.0, "min"),
        s if s >= 0.1 || s == 0.0 => (1.0, "s"),
        s if s >= 1e-4 => (1e-3, "ms"),
        _ => (1e-6, "µs"),
    }
}

/// A size in binary units: `64 MiB`.
pub fn bytes(value: u64) -> String {
    scaled(value as f64, 1024.0, ["", "Ki", "Mi", "Gi", "Ti"], "B")
}

/// A value in decimal units: `412 Mbit/s`.
pub fn decimal(value: f64, unit: &str) -> String {
    scaled(value, 1000.0, ["", "k", "M", "G", "T"], unit)
}

/// A rate in decimal units: `412 MB/s`.
pub fn rate(bytes_per_second: f64) -> String {
    if !bytes_per_second.is_finite() || bytes_per_second <= 0.0 {
        return NOTHING.to_owned();
    }
    decimal(bytes_per_second, "B/s")
}

fn scaled(mut value: f64, base: f64, prefixes: [&str; 5], unit: &str) -> String {
    let mut prefix = 0;
    // 1,023.6 would be written as 1,024 of the smaller unit.
    while value.round() >= base && prefix + 1 < prefixes.len() {
        value /= base;
        prefix += 1;
    }
    let text = if prefix == 0 { count(value.round()) } else { significant(value, 3) };
    format!("{text}\u{a0}{}{unit}", prefixes[prefix])
}

/// So many significant digits, without trailing zeros after the point.
pub fn significant(value: f64, digits: i32) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".to_owned() } else { NOTHING.to_owned() };
    }
    let magnitude = value.abs().log10().floor() as i32;
    let decimals = (digits - 1 - magnitude).clamp(0, 12) as usize;
    trimmed(&format!("{value:.decimals$}"))
}

/// A number beside a tick: short, and exact to six digits.
pub fn tick(value: f64) -> String {
    if value.abs() >= 1e6 {
        let exponent = value.abs().log10().floor();
        let mantissa = value / 10f64.powf(exponent);
        let superscript: String = (exponent as u32)
            .to_string()
            .bytes()
            .map(|digit| {
                ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹']
                    [usize::from(digit - b'0')]
            })
            .collect();
        return match significant(mantissa, 3).as_str() {
            "1" => format!("10{superscript}"),
            factor => format!("{factor}·10{superscript}"),
        };
    }
    if value.abs() >= 1000.0 && value.fract() == 0.0 {
        count(value)
    } else {
        significant(value, 6)
    }
}

/// Numbers in ascending order as ranges: `1–20, 25`.
pub fn ranges(numbers: &[u64]) -> String {
    let mut numbers = numbers.to_vec();
    numbers.sort_unstable();
    numbers.dedup();
    let parts: Vec<String> = numbers
        .chunk_by(|a, b| a.checked_add(1) == Some(*b))
        .map(|run| match run {
            [one] => one.to_string(),
            [first, second] => format!("{first}, {second}"),
            [first, .., last] => format!("{first}–{last}"),
            [] => String::new(),
        })
        .collect();
    parts.join(", ")
}

fn trimmed(text: &str) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_keep_what_means_something() {
        let cases = [
            (0.0, "0"),
            (0.05, "0.05"),
            (3.4499, "3.4"),
            (34.49, "34.5"),
            (12_345.0, "12,345"),
            (1234.56, "1,235"),
            (-3.0, "−3"),
            (f64::NAN, "–"),
        ];
        for (value, text) in cases {
            assert_eq!(count(value), text);
        }
    }

    #[test]
    fn shares_are_percentages() {
        let cases = [
            (0.0, "0\u{a0}%"),
            (1.0, "100\u{a0}%"),
            (0.9726, "97.3\u{a0}%"),
            (0.9999, ">\u{a0}99.9\u{a0}%"),
            (0.0062, "0.62\u{a0}%"),
            (0.5, "50\u{a0}%"),
            (f64::INFINITY, "–"),
        ];
        for (value, text) in cases {
            assert_eq!(percent(value), text);
        }
        assert_eq!(percent_interval([0.8389, 1.0]), "83.9–100\u{a0}%");
    }

    #[test]
    fn times_sizes_and_rates_have_their_unit() {
        assert_eq!(duration(0.0), "0\u{a0}s");
        assert_eq!(duration(0.0123), "12\u{a0}ms");
        assert_eq!(duration(0.423), "0.42\u{a0}s");
        assert_eq!(duration(90.0), "90\u{a0}s");
        assert_eq!(duration(600.0), "10\u{a0}min");
        assert_eq!(duration(f64::NAN), "–");
        assert_eq!(bytes(64 << 20), "64\u{a0}MiB");
        assert_eq!(bytes((1 << 20) - 1), "1\u{a0}MiB");
        assert_eq!(bytes(999), "999\u{a0}B");
        assert_eq!(rate(412_345_678.0), "412\u{a0}MB/s");
        assert_eq!(rate(0.0), "–");
        assert_eq!(decimal(0.0, "bit/s"), "0\u{a0}bit/s");
    }

    #[test]
    fn ticks_are_short() {
        assert_eq!(tick(0.1 + 0.2), "0.3");
        assert_eq!(tick(2000.0), "2,000");
        assert_eq!(tick(1e6), "10⁶");
        assert_eq!(tick(2e7), "2·10⁷");
    }

    #[test]
    fn runs_of_numbers_are_ranges() {
        assert_eq!(ranges(&[3, 1, 2, 4, 9, 11, 12]), "1–4, 9, 11, 12");
        assert_eq!(ranges(&[]), "");
        assert_eq!(ranges(&[u64::MAX, 0]), format!("0, {}", u64::MAX));
    }
}
