//! When each host first received each content, and from whom.
//!
//! Best effort: what does not fit is forgotten, oldest first. The
//! sender is remembered by a tag of 32 bits, to be compared with those of hosts that are
//! known otherwise: of a thousand, one is taken for another once in four million times.

use crate::sketch::FirstValues;
use crate::state::persist;
use crate::time::Timestamp;

/// A first receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Receipt {
    pub(super) time: Timestamp,
    /// Tag of the sender.
    pub(super) from: u32,
}

#[derive(Debug)]
pub(super) struct Receipts(FirstValues);

impl Receipts {
    /// A table of at most `bytes` (and never less than 124).
    pub(super) fn new(bytes: usize) -> Self {
        Self(FirstValues::new(bytes))
    }

    /// Notes that the hash of a content and a host was seen, unless an earlier receipt is
    /// known. Those before `since` have expired: they are replaced, and make room first.
    /// Returns whether one that had not expired was forgotten for it.
    pub(super) fn note(&mut self, hash: u64, receipt: Receipt, since: Timestamp) -> bool {
        self.0.note(hash, (receipt.time, receipt.from), since)
    }

    /// The first receipt, if it is still known and not before `since`.
    pub(super) fn first(&self, hash: u64, since: Timestamp) -> Option<Receipt> {
        self.0.first(hash, since).map(|(time, from)| Receipt { time, from })
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.0.memory_bytes()
    }
}

persist!(Receipts { 0 });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::hash_word;
    use crate::time::Span;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn with_room_it_knows_every_first_receipt_that_has_not_expired(
            notes in prop::collection::vec((0u64..40, 0u64..9, 1u32..9), 1..200),
            window in 1u64..200,
        ) {
            let mut table = Receipts::new(1 << 20);
            let mut exact: HashMap<u64, Receipt> = HashMap::new();
            let mut time = Timestamp::default();
            for (key, gap, from) in notes {
                time = time + Span(gap);
                let since = time - Span(window);
                let receipt = Receipt { time, from };
                prop_assert!(!table.note(hash_word(key, 1), receipt, since));
                let first = exact.entry(key).or_insert(receipt);
                if first.time < since {
                    *first = receipt;
                }
                for key in 0..40 {
                    let known = exact.get(&key).copied().filter(|it| it.time >= since);
                    prop_assert_eq!(table.first(hash_word(key, 1), since), known);
                }
            }
        }
    }

    #[test]
    fn the_oldest_is_forgotten_for_the_fifth_of_a_line() {
        let mut table = Receipts::new(0);
        let receipt = |n: u64| Receipt { time: Timestamp::from_nanos(10 + n), from: 3 };
        let since = Timestamp::from_nanos(5);
        for n in 0..4 {
            assert!(!table.note(hash_word(n, 1), receipt(n), since));
        }
        assert!(table.note(hash_word(9, 1), receipt(9), since));
        assert_eq!(table.first(hash_word(0, 1), since), None);
        assert_eq!(table.first(hash_word(9, 1), since), Some(receipt(9)));
        assert_eq!(table.first(hash_word(3, 1), Timestamp::from_nanos(14)), None);
    }
}
