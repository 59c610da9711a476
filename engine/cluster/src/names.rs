//! The names of a fleet and of its taps, and the subjects made from them.
//!
//! A name is one token of a subject: no name can reach the subjects of another fleet or tap.

use crate::Error;
use std::fmt;
use std::sync::Arc;

/// The longest name.
const MOST: usize = 32;

fn checked(kind: &str, name: &str) -> Result<Arc<str>, Error> {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_:".contains(&byte);
    if (1..=MOST).contains(&name.len()) && name.bytes().all(is_known) {
        return Ok(name.into());
    }
    Err(Error::Name(format!(
        "expected the name of a {kind}, 1 to {MOST} letters, digits, `-`, `_` and `:` (`.` \
         separates the parts of a subject); found `{}`",
        name.escape_debug()
    )))
}

/// A tap's name inside its fleet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TapName(Arc<str>);

impl TapName {
    /// A name of 1 to 32 letters, digits, `-`, `_` and `:`.
    ///
    /// # Errors
    ///
    /// Another name.
    pub fn new(name: &str) -> Result<Self, Error> {
        checked("tap", name).map(Self)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TapName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A fleet's name: what is sent under another is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fleet(Arc<str>);

impl Fleet {
    /// A name of 1 to 32 letters, digits, `-` and `_`: it names streams, too.
    ///
    /// # Errors
    ///
    /// Another name.
    pub fn new(name: &str) -> Result<Self, Error> {
        if name.contains(':') {
            return Err(Error::Name(format!(
                "expected the name of a fleet, without `:`; found `{}`",
                name.escape_debug()
            )));
        }
        checked("fleet", name).map(Self)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where a tap's parcels go.
    pub fn parcel(&self, tap: &TapName) -> String {
        format!("wormsift.{}.parcel.{tap}", self.0)
    }

    /// Where a tap is asked.
    pub fn ask(&self, tap: &TapName) -> String {
        format!("wormsift.{}.ask.{tap}", self.0)
    }

    /// Where a tap's answers go.
    pub fn piece(&self, tap: &TapName) -> String {
        format!("wormsift.{}.piece.{tap}", self.0)
    }

    /// Where the merger says what its checkpoint covers.
    pub fn done(&self) -> String {
        format!("wormsift.{}.done", self.0)
    }

    /// Where findings go.
    pub fn finding(&self) -> String {
        format!("wormsift.{}.finding", self.0)
    }

    /// The stream of what the merger is a function of: parcels and pieces.
    pub fn log_stream(&self) -> String {
        format!("wormsift-{}-log", self.0)
    }

    /// The stream of what the merger says.
    pub fn notes_stream(&self) -> String {
        format!("wormsift-{}-notes", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_token() {
        let (fleet, tap) = (Fleet::new("prod-1").unwrap(), TapName::new("a:1").unwrap());
        assert_eq!(fleet.parcel(&tap), "wormsift.prod-1.parcel.a:1");
        assert_eq!(fleet.ask(&tap), "wormsift.prod-1.ask.a:1");
        assert_eq!(fleet.piece(&tap), "wormsift.prod-1.piece.a:1");
        assert_eq!(fleet.done(), "wormsift.prod-1.done");
        assert_eq!(fleet.finding(), "wormsift.prod-1.finding");
        for name in ["", "a.b", "*", ">", "a b", "a\n", "é", &"a".repeat(33)] {
            let said = TapName::new(name).unwrap_err().to_string();
            assert!(said.contains("the name of a tap"), "{said}");
            assert!(!said.contains('\n'), "one line");
            assert!(Fleet::new(name).is_err(), "{name}");
        }
        assert!(Fleet::new("a:b").is_err());
    }
}
