//! Samples by the packet that they hold.
//!
//! A fixed hash table from packet numbers to places in samples, each with the
//! number of references to it.

use super::{NONE, rehash};
use crate::state::persist;

/// One packet's place in one sample.
#[derive(Clone, Copy)]
pub(super) struct Anchor {
    pub(super) number: u64,
    /// The sample.
    pub(super) slot: u32,
    /// Where the packet's payload begins in the sample's region; negative if
    /// the region begins later.
    pub(super) at: i32,
    pub(super) references: u32,
    /// The next anchor of the same bucket, or of the free ones.
    next: u32,
    /// The next anchor of the same sample.
    pub(super) sibling: u32,
}

pub(super) struct Anchors {
    anchors: Box<[Anchor]>,
    buckets: Box<[u32]>,
    free: u32,
    seed: u64,
}

impl Anchors {
    /// Bytes that each anchor takes.
    pub(super) const BYTES: usize = size_of::<Anchor>() + size_of::<u32>();

    pub(super) fn new(capacity: usize, seed: u64) -> Self {
        let chain = |i: usize| if i + 1 < capacity { i as u32 + 1 } else { NONE };
        let blank =
            Anchor { number: 0, slot: 0, at: 0, references: 0, next: 0, sibling: 0 };
        Self {
            anchors: (0..capacity).map(|i| Anchor { next: chain(i), ..blank }).collect(),
            buckets: vec![NONE; capacity].into_boxed_slice(),
            free: if capacity > 0 { 0 } else { NONE },
            seed,
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.anchors.len() * Self::BYTES
    }

    pub(super) fn has_room(&self) -> bool {
        self.free != NONE
    }

    /// The packet's anchors, the latest first.
    pub(super) fn of(&self, number: u64) -> impl Iterator<Item = u32> {
        let first = if self.buckets.is_empty() {
            NONE
        } else {
            self.buckets[self.bucket(number)]
        };
        std::iter::successors((first != NONE).then_some(first), |&i| {
            let next = self.anchors[i as usize].next;
            (next != NONE).then_some(next)
        })
        .filter(move |&i| self.anchors[i as usize].number == number)
    }

    pub(super) fn anchor(&self, i: u32) -> Anchor {
        self.anchors[i as usize]
    }

    /// Adds an anchor with one reference, before `sibling`. There must be room.
    pub(super) fn insert(
        &mut self,
        number: u64,
        slot: u32,
        at: i32,
        sibling: u32,
    ) -> u32 {
        let i = self.free;
        let bucket = self.bucket(number);
        self.free = self.anchors[i as usize].next;
        let next = std::mem::replace(&mut self.buckets[bucket], i);
        self.anchors[i as usize] =
            Anchor { number, slot, at, references: 1, next, sibling };
        i
    }

    /// One reference more.
    pub(super) fn hold(&mut self, i: u32) {
        let references = &mut self.anchors[i as usize].references;
        *references = references.saturating_add(1);
    }

    /// One reference less; says how many are left.
    pub(super) fn drop_one(&mut self, i: u32) -> u32 {
        let references = &mut self.anchors[i as usize].references;
        *references = references.saturating_sub(1);
        *references
    }

    /// Takes an anchor out of its sample's list, which begins with `first`;
    /// returns the list's new beginning.
    pub(super) fn unlink(&mut self, first: u32, i: u32) -> u32 {
        let after = self.anchors[i as usize].sibling;
        if first == i {
            return after;
        }
        let mut at = first;
        while self.anchors[at as usize].sibling != i {
            at = self.anchors[at as usize].sibling;
        }
        self.anchors[at as usize].sibling = after;
        first
    }

    /// Frees an anchor that is in no sample's list any more.
    pub(super) fn remove(&mut self, i: u32) {
        let Anchor { number, next, .. } = self.anchors[i as usize];
        let bucket = self.bucket(number);
        if self.buckets[bucket] == i {
            self.buckets[bucket] = next;
        } else {
            let mut at = self.buckets[bucket];
            while self.anchors[at as usize].next != i {
                at = self.anchors[at as usize].next;
            }
            self.anchors[at as usize].next = next;
        }
        self.anchors[i as usize].next = self.free;
        self.free = i;
    }

    fn bucket(&self, number: u64) -> usize {
        let spread = u128::from(rehash(number, self.seed)) * self.buckets.len() as u128;
        (spread >> 64) as usize
    }
}

persist!(Anchors { anchors, buckets, free; seed });
persist!(Anchor { number, slot, at, references, next, sibling });
