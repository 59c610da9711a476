//! Quantities with units, as people write them: `60s`, `256MiB`.

pub use crate::time::Span;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

const TIME_UNITS: [(&str, u64); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

const SIZE_UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

fn parse(text: &str, units: &[(&str, u64)], example: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits =
        text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = (&text[..digits], text[digits..].trim());
    let expected =
        || format!("expected a number with a unit such as `{example}`, found `{text}`");
    let scale = units
        .iter()
        .find(|(name, _)| *name == unit)
        .or_else(|| units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)))
        .map(|(_, scale)| *scale)
        .ok_or_else(expected)?;
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(scale).ok_or_else(|| format!("`{text}` is too large"));
    }
    let value = number.parse::<f64>().map_err(|_| expected())? * scale as f64;
    if value.is_finite() && value < 1.8e19 {
        Ok(value.round() as u64)
    } else {
        Err(format!("`{text}` is too large"))
    }
}

/// The largest unit that divides the value; nothing is written in the unit of people.
fn show(
    f: &mut fmt::Formatter<'_>,
    value: u64,
    units: &[(&str, u64)],
    zero: &str,
) -> fmt::Result {
    if value == 0 {
        return write!(f, "0{zero}");
    }
    let (name, scale) = units
        .iter()
        .filter(|(_, scale)| value.is_multiple_of(*scale) && value >= *scale)
        .max_by_key(|(_, scale)| *scale)
        .unwrap_or(&units[0]);
    write!(f, "{}{name}", value / scale)
}

macro_rules! quantity {
    ($name:ident, $units:ident, $example:literal, $zero:literal) => {
        impl FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                parse(text, &$units, $example).map(Self)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                show(f, self.0, &$units, $zero)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(serde::de::Error::custom)
            }
        }
    };
}

quantity!(Span, TIME_UNITS, "60s", "s");
quantity!(Size, SIZE_UNITS, "256MiB", "B");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_read_what_they_print() {
        for text in ["60s", "4h", "10d", "1500ms", "1ns"] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.to_string().parse::<Span>().unwrap(), span);
        }
        assert_eq!("1.5h".parse::<Span>().unwrap(), Span(5_400_000_000_000));
        assert_eq!("256MiB".parse::<Size>().unwrap(), Size(256 << 20));
        assert_eq!("64 mib".parse::<Size>().unwrap(), Size(64 << 20));
        assert_eq!(Size(256 << 20).to_string(), "256MiB");
        assert_eq!(Span(0).to_string(), "0s");
    }

    #[test]
    fn a_bare_number_or_a_strange_unit_is_refused() {
        for text in ["60", "60x", "s", "", "1e400s", "99999999999999999999s"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
