//! What a file should have held, and what it holds.

use std::fmt;
use std::io;

/// One defect of one input. Displays as one line without control characters, whatever
/// the path and the file hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file, or the argument that stands for none.
    pub path: String,
    /// Where in it.
    pub place: Place,
    /// What should be there; empty where that goes without saying.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// Where a file is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// So many bytes lie before it in the file, as on disk.
    Byte(u64),
    /// The n-th packet of the file, from 1. It is used where a byte of the content is
    /// none on disk: in compressed files.
    Packet(u64),
    /// The file as a whole, or the argument that stands for none.
    Whole,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Byte(byte) => write!(f, "byte {byte}"),
            Self::Packet(packet) => write!(f, "packet {packet}"),
            Self::Whole => f.write_str("the whole"),
        }
    }
}

impl Damage {
    /// An input that cannot be opened or listed.
    pub(super) fn unreadable(path: impl Into<String>, error: &io::Error) -> Self {
        let found = match error.kind() {
            io::ErrorKind::NotFound => "no such file or folder".into(),
            io::ErrorKind::PermissionDenied => "permission denied".into(),
            _ => error.to_string(),
        };
        Self::whole(path, found)
    }

    /// An input of which one thing is to be said.
    pub(super) fn whole(path: impl Into<String>, found: impl Into<String>) -> Self {
        let (path, found) = (path.into(), found.into());
        Self { path, place: Place::Whole, expected: String::new(), found }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_on_one_line(f, &self.path)?;
        if self.place != Place::Whole {
            write!(f, ": {}", self.place)?;
        }
        f.write_str(": ")?;
        if !self.expected.is_empty() {
            f.write_str("expected ")?;
            write_on_one_line(f, &self.expected)?;
            f.write_str(", found ")?;
        }
        write_on_one_line(f, &self.found)
    }
}

/// Writes text with everything escaped that could move a terminal's cursor, start a new
/// line, or reorder the rest of the line (the bidirectional marks).
pub(super) fn write_on_one_line(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    use fmt::Write as _;
    text.chars().try_for_each(|c| {
        let escaped = c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if escaped { write!(f, "{}", c.escape_default()) } else { f.write_char(c) }
    })
}

/// What a parser finds wrong, before the file and the place in it are known.
#[derive(Debug)]
pub(super) struct Defect {
    /// Bytes from the start of the record; `None` if the file as a whole is meant.
    pub(super) at: Option<usize>,
    pub(super) expected: String,
    pub(super) found: String,
}

impl Defect {
    pub(super) fn new(
        at: usize,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Box<Self> {
        Box::new(Self { at: Some(at), expected: expected.into(), found: found.into() })
    }

    /// A file that is something else.
    pub(super) fn of_whole(
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Box<Self> {
        Box::new(Self { at: None, expected: expected.into(), found: found.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damage_is_one_line_whatever_it_quotes() {
        let damage = Damage {
            path: "evil\nname\u{1b}[2J\u{202e}.pcap".into(),
            place: Place::Byte(24),
            expected: "a record\r".into(),
            found: "été\u{2028}".into(),
        };
        assert_eq!(
            damage.to_string(),
            "evil\\nname\\u{1b}[2J\\u{202e}.pcap: byte 24: expected a record\\r, found été\\u{2028}"
        );
        let place = Place::Packet(7);
        let damage = Damage { place, ..damage };
        assert!(damage.to_string().contains(": packet 7: "));
        let gone = io::Error::from(io::ErrorKind::NotFound);
        let line = Damage::unreadable("a\tb", &gone).to_string();
        assert_eq!(line, "a\\tb: no such file or folder");
        let damage = Damage { place: Place::Whole, ..damage };
        assert!(damage.to_string().contains(".pcap: expected a record"));
    }
}
