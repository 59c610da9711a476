//! Conversations that several taps see wrapped in different ways.
//!
//! A VLAN tag or a tunnel tells flows apart, and a packet may have it at one tap and not at
//! another. A copy of a packet shows that two conversations are one; from then on both go by the
//! name of the one that was seen first.
//!
//! Bounded: of those in a set the longest unused one makes room, and its conversation is two again
//! (`forgotten`, of those that were used within a minute). Costs a look-up a packet; nothing with one tap.

use crate::sketch::reduce;
use crate::state::persist;
use crate::time::{Span, Timestamp};

/// Entries of a set.
const WAYS: usize = 4;
/// A conversation that was silent for so long is no loss.
const LATELY: Span = Span::from_secs(60);

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    connection: u64,
    /// The name that it goes by; 0 for no entry.
    name: u64,
    used: Timestamp,
}

/// Names of conversations. See the [module](self).
#[derive(Debug)]
pub(crate) struct Aliases {
    entries: Vec<Entry>,
    forgotten: u64,
}

impl Aliases {
    /// A table of at most `bytes`, and never less than one set.
    pub(crate) fn new(bytes: usize) -> Self {
        let sets = (bytes / (WAYS * size_of::<Entry>())).max(1);
        Self { entries: vec![Entry::default(); sets * WAYS], forgotten: 0 }
    }

    /// The name that a conversation goes by: its own, where no other is known.
    pub(crate) fn name(&mut self, connection: u64, now: Timestamp) -> u64 {
        let known = self.set(connection).iter_mut();
        let mut known = known.filter(|it| it.name > 0 && it.connection == connection);
        known.next().map_or(connection, |entry| {
            entry.used = now;
            entry.name
        })
    }

    /// Lets a conversation go by another name.
    pub(crate) fn enter(&mut self, connection: u64, name: u64, now: Timestamp) {
        let set = self.set(connection);
        let known = set.iter().position(|it| it.connection == connection);
        let way = known
            .unwrap_or_else(|| (0..WAYS).min_by_key(|way| set[*way].used).unwrap_or(0));
        let is_lately = now.since(set[way].used) < LATELY;
        let forgot = known.is_none() && set[way].name > 0 && is_lately;
        set[way] = Entry { connection, name, used: now };
        self.forgotten += u64::from(forgot);
    }

    fn set(&mut self, connection: u64) -> &mut [Entry] {
        let set = reduce(connection, self.entries.len() / WAYS) * WAYS;
        &mut self.entries[set..set + WAYS]
    }

    /// Names that were forgotten.
    pub(crate) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }
}

persist!(Entry { connection, name, used });
persist!(Aliases { entries, forgotten });

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    #[test]
    fn a_full_set_forgets_the_longest_unused() {
        let mut aliases = Aliases::new(0);
        let at = |seconds: u64| Timestamp::from_nanos(seconds * 1_000_000_000);
        (1..=4).for_each(|n| aliases.enter(n, 10 * n, at(n)));
        assert_eq!(aliases.name(1, at(5)), 10);
        aliases.enter(5, 50, at(6));
        assert_eq!([1, 2, 5].map(|n| aliases.name(n, at(7))), [10, 2, 50]);
        aliases.enter(6, 60, at(90));
        assert_eq!((aliases.forgotten, aliases.memory_bytes()), (1, 4 * 24));
    }

    proptest! {
        /// Against a map, with room for all.
        #[test]
        fn with_room_it_is_a_map(steps in prop::collection::vec((1_u64..20, 1_u64..20), 0..100)) {
            let mut aliases = Aliases::new(1 << 16);
            let mut map = HashMap::new();
            let hash = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            for (connection, name) in steps {
                aliases.enter(hash(connection), name, Timestamp::default());
                map.insert(connection, name);
                for n in 1..20 {
                    let expected = map.get(&n).copied().unwrap_or(hash(n));
                    prop_assert_eq!(aliases.name(hash(n), Timestamp::default()), expected);
                }
            }
        }
    }
}
