//! Which windows are kept: by value, or by winnowing.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// How windows are chosen. Both ways look at content alone, so every copy of a
/// window is kept or dropped everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// Value sampling: one window in this many, a power of two from 1 to 256
    /// (EarlyBird, section 5.2).
    Value(u16),
    /// Winnowing: every position that is the minimum of some run of this many
    /// windows, 2 to 1,024, so that no shared run of beta + w - 1 bytes is missed.
    Winnow(u16),
}

impl Default for Sampling {
    fn default() -> Self {
        Self::Winnow(128)
    }
}

impl Sampling {
    /// Share of windows kept on long random payloads: 1/n, or 2/(w+1).
    pub fn density(self) -> f64 {
        match self {
            Self::Value(n) => 1.0 / f64::from(n),
            Self::Winnow(w) => 2.0 / (f64::from(w) + 1.0),
        }
    }

    /// Checks the range.
    ///
    /// # Errors
    ///
    /// A sentence with the range and the value.
    pub fn validate(self) -> Result<(), String> {
        match self {
            Self::Value(n) if n.is_power_of_two() && n <= 256 => Ok(()),
            Self::Value(n) => {
                Err(format!("expected a power of two from 1 to 256, found {n}"))
            }
            Self::Winnow(w) if (2..=1_024).contains(&w) => Ok(()),
            Self::Winnow(w) => {
                Err(format!("expected winnow:2 to winnow:1024, found winnow:{w}"))
            }
        }
    }
}

/// `64`, `1`, `winnow:128`.
impl fmt::Display for Sampling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(n) => write!(f, "{n}"),
            Self::Winnow(w) => write!(f, "winnow:{w}"),
        }
    }
}

impl FromStr for Sampling {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = match text.strip_prefix("winnow") {
            Some("") => Some(Self::Winnow(128)),
            Some(rest) => {
                rest.strip_prefix(':').and_then(|w| w.parse().ok()).map(Self::Winnow)
            }
            None => text.strip_prefix("1/").unwrap_or(text).parse().ok().map(Self::Value),
        };
        let sampling = parsed.ok_or_else(|| {
            format!(
                "expected N, a power of two from 1 to 256, or winnow:W, found `{text}`"
            )
        })?;
        sampling.validate()?;
        Ok(sampling)
    }
}

impl Serialize for Sampling {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sampling {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_it_prints() {
        for text in ["1", "64", "256", "winnow:128"] {
            assert_eq!(text.parse::<Sampling>().unwrap().to_string(), text);
        }
        assert_eq!("winnow".parse(), Ok(Sampling::Winnow(128)));
        assert_eq!("1/64".parse(), Ok(Sampling::Value(64)));
        for text in ["0", "63", "512", "winnow:1", "winnow:x", "many", ""] {
            assert!(text.parse::<Sampling>().is_err(), "{text}");
        }
    }
}
