//! A tap: `edge`, `eth1`, `core@berlin`.
//!
//! Its name, and its site where address spaces are told apart.

use crate::packet::Site;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::Value;
use std::fmt;
use std::str::FromStr;

/// One place where traffic is seen: `edge`, or `core@berlin` with its site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tap {
    name: String,
    site: Option<Site>,
}

/// Characters of the longest name.
const MOST: usize = 32;

impl Tap {
    /// A tap; its name has 1 to 32 letters, digits, `-`, `_`, `.` and `:`.
    ///
    /// # Errors
    ///
    /// Another name.
    pub fn new(name: &str, site: Option<Site>) -> Result<Self, String> {
        let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        match (1..=MOST).contains(&name.len()) && name.bytes().all(is_known) {
            true => Ok(Self { name: name.to_owned(), site }),
            false => Err(format!(
                "expected the name of a tap, 1 to {MOST} letters, digits, `-`, `_`, `.` and `:`; \
                 found `{name}`"
            )),
        }
    }

    /// What findings call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address space that it sees, where there are several.
    pub fn site(&self) -> Option<Site> {
        self.site
    }
}

impl FromStr for Tap {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('@') {
            Some((name, site)) => Self::new(name, Some(site.parse()?)),
            None => Self::new(text, None),
        }
    }
}

impl fmt::Display for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.site.map_or(Ok(()), |site| write!(f, "@{site}"))
    }
}

impl Serialize for Tap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Tap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A name of digits alone is a number in lists that come as text.
        let text = match Value::deserialize(deserializer)? {
            Value::String(text) => text,
            other => other.to_string(),
        };
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tap_is_written_as_it_was_read() {
        for text in ["edge", "eth0.100", "core@berlin", "A:1@a"] {
            assert_eq!(text.parse::<Tap>().unwrap().to_string(), text);
        }
        let long = "a".repeat(MOST + 1);
        for text in ["", "@berlin", "a b", "a@", "a@b@c", "a=b", long.as_str()] {
            assert!(text.parse::<Tap>().is_err(), "{text}");
        }
    }
}
