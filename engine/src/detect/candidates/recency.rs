//! Who goes first when the table is full.

use crate::state::persist;

/// What a relay adds to a rank, or to the priority of a sample: more than dispersion can.
pub(super) const WITH_RELAY: u8 = 32;
/// How many ranks there are: by dispersion, and the same again with a relay.
pub(super) const RANKS: usize = 2 * WITH_RELAY as usize;

/// One list a rank, each from the newest to the longest unseen entry, threaded
/// through the slots: every step takes constant time.
#[derive(Debug)]
pub(super) struct Recency {
    links: Vec<Link>,
    ends: [Ends; RANKS],
    /// Bit r: rank r has entries.
    occupied: u64,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Link {
    newer: u32,
    older: u32,
    rank: u8,
}

#[derive(Clone, Copy, Debug)]
struct Ends {
    newest: u32,
    oldest: u32,
}

const NONE: u32 = u32::MAX;

/// The rank of a candidate: exact up to a minimum of 15, then by octaves, and
/// above all others once it has a relay.
pub(super) fn rank(minimum: u32, has_relay: bool) -> u8 {
    let by_dispersion = match minimum {
        0..=15 => minimum as u8,
        wide => (12 + wide.ilog2() as u8).min(WITH_RELAY - 1),
    };
    by_dispersion + if has_relay { WITH_RELAY } else { 0 }
}

impl Recency {
    pub(super) const BYTES_PER_ENTRY: usize = size_of::<Link>();

    pub(super) fn new(capacity: usize) -> Self {
        Self {
            links: vec![Link { newer: NONE, older: NONE, rank: 0 }; capacity],
            ends: [Ends { newest: NONE, oldest: NONE }; RANKS],
            occupied: 0,
        }
    }

    /// Enters a slot as the newest of its rank.
    pub(super) fn insert(&mut self, slot: u32, rank: u8) {
        let ends = &mut self.ends[usize::from(rank)];
        let older = ends.newest;
        ends.newest = slot;
        match older {
            NONE => {
                ends.oldest = slot;
                self.occupied |= 1 << rank;
            }
            _ => self.links[older as usize].newer = slot,
        }
        self.links[slot as usize] = Link { newer: NONE, older, rank };
    }

    /// Takes a slot out.
    pub(super) fn remove(&mut self, slot: u32) {
        let Link { newer, older, rank } = self.links[slot as usize];
        let ends = &mut self.ends[usize::from(rank)];
        match newer {
            NONE => ends.newest = older,
            _ => self.links[newer as usize].older = older,
        }
        match older {
            NONE => ends.oldest = newer,
            _ => self.links[older as usize].newer = newer,
        }
        if ends.newest == NONE {
            self.occupied &= !(1 << rank);
        }
    }

    /// The longest unseen slot of the lowest rank that has any.
    pub(super) fn first_to_go(&self) -> Option<u32> {
        let rank = self.occupied.trailing_zeros() as u8;
        (self.occupied != 0).then(|| self.ends[usize::from(rank)].oldest)
    }

    /// The longest unseen slot of one rank.
    pub(super) fn oldest(&self, rank: u8) -> Option<u32> {
        Some(self.ends[usize::from(rank)].oldest).filter(|slot| *slot != NONE)
    }
}

persist!(Recency { links, ends, occupied });
persist!(Link { newer, older, rank });
persist!(Ends { newest, oldest });

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranks_rise_with_dispersion_and_a_relay_tops_them() {
        let minima = [0, 1, 2, 9, 10, 15, 16, 32, 64, 100_000, u32::MAX];
        assert!(minima.map(|m| rank(m, false)).is_sorted());
        assert_eq!(rank(15, false), 15);
        assert_eq!(rank(16, false), 16);
        assert_eq!(rank(31, false), 16);
        assert_eq!(rank(u32::MAX, false), 31);
        assert_eq!(rank(0, true), 32);
        assert_eq!(usize::from(rank(u32::MAX, true)), RANKS - 1);
    }

    proptest! {
        #[test]
        fn it_orders_like_a_plain_list(
            steps in prop::collection::vec((0_u32..12, 0_u8..5), 0..300),
        ) {
            let mut recency = Recency::new(12);
            let mut twin: Vec<(u32, u8)> = Vec::new();
            for (slot, rank) in steps {
                match twin.iter().position(|entry| entry.0 == slot) {
                    Some(at) => {
                        recency.remove(slot);
                        twin.remove(at);
                    }
                    None => {
                        recency.insert(slot, rank);
                        twin.push((slot, rank));
                    }
                }
                let first = twin.iter().min_by_key(|entry| entry.1).map(|entry| entry.0);
                prop_assert_eq!(recency.first_to_go(), first);
                for rank in 0..5 {
                    let oldest = twin.iter().find(|entry| entry.1 == rank);
                    prop_assert_eq!(recency.oldest(rank), oldest.map(|entry| entry.0));
                }
            }
        }
    }
}
