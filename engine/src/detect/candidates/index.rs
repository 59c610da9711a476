//! Key to slot, in a fixed open-addressed table.

use crate::state::persist;

/// Linear probing at a load of at most one half, with backward-shift deletion:
/// no tombstones, so it never has to be rebuilt.
///
/// A cell holds 32 bits of the key beside the slot, so that a search for an
/// absent key (nearly every search) does not touch the candidates.
#[derive(Debug)]
pub(super) struct Index {
    /// 0 for empty, else tag << 32 | slot + 1.
    cells: Vec<u64>,
    shift: u32,
}

/// 2^64 divided by the golden ratio, odd: spreads the key over the top bits.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

impl Index {
    pub(super) fn new(capacity: usize) -> Self {
        let cells = Self::cells_for(capacity);
        Self { cells: vec![0; cells], shift: 64 - cells.trailing_zeros() }
    }

    /// At most four cells an entry.
    pub(super) const BYTES_PER_ENTRY: usize = 4 * size_of::<u64>();

    pub(super) fn bytes_for(capacity: usize) -> usize {
        Self::cells_for(capacity) * size_of::<u64>()
    }

    fn cells_for(capacity: usize) -> usize {
        (2 * capacity).next_power_of_two().max(2)
    }

    /// The slot of `key`; `is_key` settles equal tags.
    pub(super) fn find(&self, key: u64, is_key: impl Fn(u32) -> bool) -> Option<u32> {
        let mut at = self.first(key);
        loop {
            let cell = self.cells[at];
            if cell == 0 {
                return None;
            }
            if cell >> 32 == tag(key) && is_key(slot(cell)) {
                return Some(slot(cell));
            }
            at = self.after(at);
        }
    }

    /// Where [`Index::find`] looks first.
    #[inline]
    pub(super) fn place(&self, key: u64) -> &u64 {
        &self.cells[self.first(key)]
    }

    /// Enters a key that is absent. At most the capacity may be in.
    pub(super) fn insert(&mut self, key: u64, slot: u32) {
        let mut at = self.first(key);
        while self.cells[at] != 0 {
            at = self.after(at);
        }
        self.cells[at] = tag(key) << 32 | (u64::from(slot) + 1);
    }

    /// Removes a key that is present in `of`.
    pub(super) fn remove(&mut self, key: u64, of: u32, key_of: impl Fn(u32) -> u64) {
        let mut hole = self.first(key);
        while self.cells[hole] == 0 || slot(self.cells[hole]) != of {
            hole = self.after(hole);
        }
        let mut at = self.after(hole);
        while self.cells[at] != 0 {
            // A cell may fill the hole unless its search begins between the two.
            let first = self.first(key_of(slot(self.cells[at])));
            if self.distance(first, at) >= self.distance(hole, at) {
                self.cells[hole] = self.cells[at];
                hole = at;
            }
            at = self.after(at);
        }
        self.cells[hole] = 0;
    }

    fn first(&self, key: u64) -> usize {
        (key.wrapping_mul(SPREAD) >> self.shift) as usize
    }

    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.cells.len() - 1)
    }

    fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & (self.cells.len() - 1)
    }
}

fn tag(key: u64) -> u64 {
    key & 0xffff_ffff
}

fn slot(cell: u64) -> u32 {
    (cell & 0xffff_ffff) as u32 - 1
}

persist!(Index { cells; shift });

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn it_answers_like_a_map_under_inserts_and_removals(
            steps in prop::collection::vec((any::<bool>(), 0_u64..40), 0..400),
            stride in prop::sample::select(vec![1_u64, 1 << 32, 0x1234_5678_9abc]),
        ) {
            let mut index = Index::new(24);
            let mut keys = [u64::MAX; 24];
            let mut free: Vec<u32> = (0..24).collect();
            let mut twin = BTreeMap::new();
            for (insert, n) in steps {
                let key = n * stride;
                match twin.get(&key).copied() {
                    None if insert => if let Some(slot) = free.pop() {
                        keys[slot as usize] = key;
                        index.insert(key, slot);
                        twin.insert(key, slot);
                    },
                    Some(slot) if !insert => {
                        index.remove(key, slot, |s| keys[s as usize]);
                        twin.remove(&key);
                        keys[slot as usize] = u64::MAX;
                        free.push(slot);
                    }
                    _ => {}
                }
                for n in 0..40 {
                    let key = n * stride;
                    let found = index.find(key, |s| keys[s as usize] == key);
                    prop_assert_eq!(found, twin.get(&key).copied());
                }
            }
        }
    }
}
