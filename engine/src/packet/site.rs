//! The name of an address space.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

/// A site: taps that share one address space.
///
/// Its name has 1 to 10 characters of `a` to `z`, `0` to `9`, `-`, `_` and `.`, so that it fits into a
/// [`Host`](super::Host).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site(NonZeroU64);

/// The characters of a name; their digits begin at 1, and 0 is the end.
const CHARACTERS: &[u8; 39] = b"-.0123456789_abcdefghijklmnopqrstuvwxyz";
const BASE: u64 = CHARACTERS.len() as u64 + 1;
/// Characters of the longest name: [`BASE`] to this power is less than two to the power of
/// [`Site::BITS`].
const MOST: usize = 10;

impl Site {
    /// Bits that the number of a site takes.
    pub(super) const BITS: u32 = 56;

    /// The number: names in alphabetical order have ascending ones.
    pub(super) fn number(self) -> u64 {
        self.0.get()
    }

    /// The site of a number.
    pub(super) fn of(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }
}

impl FromStr for Site {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digit =
            |byte: u8| Some(CHARACTERS.iter().position(|it| *it == byte)? as u64 + 1);
        let number = (0..MOST).try_fold(0, |number, at| {
            let digit = text.as_bytes().get(at).map_or(Some(0), |byte| digit(*byte))?;
            Some(number * BASE + digit)
        });
        let site = number.filter(|_| text.len() <= MOST).and_then(Self::of);
        site.ok_or_else(|| {
            format!(
                "expected the name of a site, 1 to {MOST} characters of a to z, 0 to 9, `-`, `_` \
                 and `.`; found `{text}`"
            )
        })
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut unit = BASE.pow(MOST as u32 - 1);
        while unit > 0 {
            let digit = self.number() / unit % BASE;
            if let Some(at) = digit.checked_sub(1) {
                write!(f, "{}", char::from(CHARACTERS[at as usize]))?;
            }
            unit /= BASE;
        }
        Ok(())
    }
}

impl Serialize for Site {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Site {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_are_too_long_or_have_other_characters_are_refused() {
        for text in ["", "Berlin", "a site", "berlin-mitte", "a/b", "a%b", "ä"] {
            assert!(text.parse::<Site>().is_err(), "{text}");
        }
        assert!(BASE.checked_pow(MOST as u32).is_some_and(|it| it < 1 << Site::BITS));
    }

    proptest! {
        #[test]
        fn a_name_is_written_as_it_was_read(a in "[-._0-9a-z]{1,10}", b in "[-._0-9a-z]{1,10}") {
            let [one, other]: [Site; 2] = [&a, &b].map(|text| text.parse().unwrap());
            prop_assert_eq!(one.to_string(), a.as_str());
            prop_assert_eq!(one.cmp(&other), a.cmp(&b));
            prop_assert_eq!(Site::of(one.number()), Some(one));
        }
    }
}
