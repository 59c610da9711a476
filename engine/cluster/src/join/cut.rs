//! What is too long for one message goes in several.
//!
//! A part begins with a byte that says what follows; the last part of a message says so. Parts
//! of one message come in order, or the message begins anew.

use crate::codec::Malformed;

/// The message ends here.
pub(super) const LAST: u8 = 1;
/// The message begins here.
const FIRST: u8 = 2;
/// Nothing more is asked: the merger is at its end. A message of its own.
pub(super) const DISMISSED: u8 = 4;

/// The parts of a message, each of at most `most` bytes.
pub(super) fn parts(message: &[u8], most: usize) -> Vec<Vec<u8>> {
    // An empty message is one part, too.
    let count = message.len().div_ceil(most - 1).max(1);
    let mut rest = message;
    let part = |at: usize| {
        let (now, after) = rest.split_at(rest.len().min(most - 1));
        rest = after;
        let mut flags = 0;
        flags |= if at == 0 { FIRST } else { 0 };
        flags |= if at + 1 == count { LAST } else { 0 };
        let mut part = vec![flags];
        part.extend_from_slice(now);
        part
    };
    (0..count).map(part).collect()
}

/// Parts of a message that is not whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Joined(pub(super) Vec<u8>);

impl Joined {
    /// Takes a part; the message, where it is whole.
    pub(super) fn take(&mut self, part: &[u8]) -> Result<Option<Vec<u8>>, Malformed> {
        let (flags, bytes) = part.split_first().ok_or(Malformed)?;
        if *flags > (FIRST | LAST) {
            return Err(Malformed);
        }
        if flags & FIRST != 0 {
            self.0.clear();
        }
        self.0.extend_from_slice(bytes);
        Ok((flags & LAST != 0).then(|| std::mem::take(&mut self.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_one_message_again() {
        for length in [0, 1, 8, 9, 10, 26, 27, 28] {
            let message: Vec<u8> = (0..length).collect();
            let parts = parts(&message, 10);
            assert!(parts.iter().all(|part| part.len() <= 10));
            let (mut joined, mut whole) = (Joined::default(), Vec::new());
            // One that was cut short before does no harm.
            if parts.len() > 1 {
                assert_eq!(joined.take(&parts[0]), Ok(None));
            }
            for part in &parts {
                whole.extend(joined.take(part).unwrap());
            }
            assert_eq!(whole, [message], "{length}");
        }
        assert_eq!(Joined::default().take(&[]), Err(Malformed));
        assert_eq!(Joined::default().take(&[DISMISSED]), Err(Malformed));
    }
}
