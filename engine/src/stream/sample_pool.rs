//! Where samples lie, and which one goes first when there is no room.

use super::extents::Extents;
use super::{NONE, rehash};
use crate::packet::{Host, Timestamp};
use crate::pages::Bytes;
use crate::state::persist;

/// Samples of one direction that are looked at, the latest first: one
/// direction with very many must not slow down all of its segments.
const LOOKED_AT: usize = 64;

/// One sample without its bytes: a region of a stream, of which some runs of
/// bytes are known.
#[derive(Clone, Copy, Default)]
pub(super) struct Sample {
    pub(super) id: u64,
    pub(super) packet: u64,
    pub(super) source: Host,
    pub(super) destination: Host,
    pub(super) source_port: u16,
    pub(super) destination_port: u16,
    pub(super) time: Timestamp,
    /// Payload bytes of a whole datagram.
    pub(super) payload_length: Option<u32>,
    /// The TCP direction; others are never continued.
    pub(super) direction: Option<u64>,
    /// Sequence number of the region's first byte.
    pub(super) base: u32,
    /// Where in the region the first wanted window begins: the sample is the
    /// run around it.
    pub(super) core: u32,
    pub(super) extents: Extents,
    pub(super) priority: u8,
    /// Running packet time at which it was taken.
    pub(super) taken: Timestamp,
    /// Place in the order of taking.
    pub(super) born: u64,
    /// First of its anchors.
    pub(super) anchors: u32,
}

#[derive(Clone, Copy)]
struct Links {
    older: u32,
    newer: u32,
    /// The next sample of the same bucket, or of the free ones.
    next: u32,
}

pub(super) struct Pool {
    samples: Box<[Option<Sample>]>,
    links: Box<[Links]>,
    bytes: Bytes,
    region: usize,
    free: u32,
    /// Oldest and newest sample of each priority.
    ranks: Box<[(u32, u32)]>,
    /// Which priorities have samples.
    present: [u64; 4],
    buckets: Box<[u32]>,
    seed: u64,
    live: usize,
}

const PRIORITIES: usize = 256;

impl Pool {
    /// Bytes that the pool takes without any sample.
    pub(super) const FIXED_BYTES: usize = PRIORITIES * size_of::<(u32, u32)>();

    /// Bytes that each sample takes.
    pub(super) fn sample_bytes(region: usize) -> usize {
        region + size_of::<Option<Sample>>() + size_of::<Links>() + size_of::<u32>()
    }

    pub(super) fn new(capacity: usize, region: usize, seed: u64) -> Self {
        let chain = |i: usize| if i + 1 < capacity { i as u32 + 1 } else { NONE };
        let ranks = if capacity == 0 { 0 } else { PRIORITIES };
        Self {
            samples: vec![None; capacity].into_boxed_slice(),
            links: (0..capacity)
                .map(|i| Links { older: NONE, newer: NONE, next: chain(i) })
                .collect(),
            bytes: Bytes::zeroed(capacity * region),
            region,
            free: if capacity > 0 { 0 } else { NONE },
            ranks: vec![(NONE, NONE); ranks].into_boxed_slice(),
            present: [0; 4],
            buckets: vec![NONE; capacity].into_boxed_slice(),
            seed,
            live: 0,
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.samples.len() * Self::sample_bytes(self.region) + size_of_val(&*self.ranks)
    }

    pub(super) fn live(&self) -> usize {
        self.live
    }

    pub(super) fn has_room(&self) -> bool {
        self.free != NONE
    }

    pub(super) fn sample(&self, i: u32) -> Option<&Sample> {
        self.samples.get(i as usize)?.as_ref()
    }

    pub(super) fn sample_mut(&mut self, i: u32) -> Option<&mut Sample> {
        self.samples.get_mut(i as usize)?.as_mut()
    }

    /// The region's bytes; those outside of its extents mean nothing.
    pub(super) fn bytes(&self, i: u32) -> &[u8] {
        &self.bytes[i as usize * self.region..][..self.region]
    }

    /// Writes bytes that begin `at` bytes into the region, as far as they lie
    /// in it and are missing there.
    pub(super) fn fill(&mut self, i: u32, at: i32, bytes: &[u8]) {
        let Some(sample) = &mut self.samples[i as usize] else { return };
        let region = &mut self.bytes[i as usize * self.region..][..self.region];
        if let Some((from, to)) = clip(at, bytes.len(), self.region) {
            sample.extents.add(from, to, |from, to| {
                let skipped = (i64::from(from) - i64::from(at)) as usize;
                let (from, to) = (from as usize, to as usize);
                region[from..to].copy_from_slice(&bytes[skipped..skipped + to - from]);
            });
        }
    }

    /// The latest samples of a direction.
    pub(super) fn of(&self, direction: u64) -> impl Iterator<Item = u32> {
        let first = if self.buckets.is_empty() {
            NONE
        } else {
            self.buckets[self.bucket(direction)]
        };
        self.chain(first)
            .filter(move |&i| {
                self.sample(i).is_some_and(|s| s.direction == Some(direction))
            })
            .take(LOOKED_AT)
    }

    /// Adds the same bytes to every sample of the direction that lacks some of
    /// them.
    pub(super) fn fill_all(&mut self, direction: u64, start: u32, bytes: &[u8]) {
        if self.buckets.is_empty() {
            return;
        }
        let mut i = self.buckets[self.bucket(direction)];
        let mut looked_at = 0;
        while i != NONE && looked_at < LOOKED_AT {
            if let Some(sample) = &self.samples[i as usize]
                && sample.direction == Some(direction)
            {
                looked_at += 1;
                if !sample.extents.is_full(self.region as u32) {
                    self.fill(i, super::after(start, sample.base), bytes);
                }
            }
            i = self.links[i as usize].next;
        }
    }

    /// Takes a free slot for a sample. There must be one.
    pub(super) fn insert(&mut self, sample: Sample) -> u32 {
        let i = self.free;
        self.free = self.links[i as usize].next;
        if let Some(direction) = sample.direction {
            let bucket = self.bucket(direction);
            self.links[i as usize].next = std::mem::replace(&mut self.buckets[bucket], i);
        }
        self.samples[i as usize] = Some(sample);
        self.live += 1;
        self.rank(i, sample.priority, sample.born);
        i
    }

    /// Frees a slot.
    pub(super) fn remove(&mut self, i: u32) {
        let Some(sample) = self.samples[i as usize].take() else { return };
        self.live -= 1;
        self.unrank(i, sample.priority);
        if let Some(direction) = sample.direction {
            let bucket = self.bucket(direction);
            let next = self.links[i as usize].next;
            if self.buckets[bucket] == i {
                self.buckets[bucket] = next;
            } else {
                let before = self
                    .chain(self.buckets[bucket])
                    .find(|&b| self.links[b as usize].next == i);
                if let Some(before) = before {
                    self.links[before as usize].next = next;
                }
            }
        }
        self.links[i as usize].next = self.free;
        self.free = i;
    }

    /// Gives a sample at least this priority.
    pub(super) fn raise(&mut self, i: u32, priority: u8) {
        let Some(sample) = &mut self.samples[i as usize] else { return };
        if priority > sample.priority {
            let (old, born) = (sample.priority, sample.born);
            sample.priority = priority;
            self.unrank(i, old);
            self.rank(i, priority, born);
        }
    }

    /// The oldest sample of the lowest priority.
    pub(super) fn first_to_go(&self) -> Option<u32> {
        let word = self.present.iter().position(|&word| word != 0)?;
        let priority = word * 64 + self.present[word].trailing_zeros() as usize;
        Some(self.ranks[priority].0)
    }

    /// All samples: of the lowest priority first, the oldest first.
    pub(super) fn by_rank(&self) -> impl Iterator<Item = u32> {
        let ranks = self.ranks.iter();
        ranks.flat_map(|(oldest, _)| {
            std::iter::successors((*oldest != NONE).then_some(*oldest), |&i| {
                let newer = self.links[i as usize].newer;
                (newer != NONE).then_some(newer)
            })
        })
    }

    fn chain(&self, first: u32) -> impl Iterator<Item = u32> {
        std::iter::successors((first != NONE).then_some(first), |&i| {
            let next = self.links[i as usize].next;
            (next != NONE).then_some(next)
        })
    }

    fn bucket(&self, direction: u64) -> usize {
        let spread =
            u128::from(rehash(direction, self.seed)) * self.buckets.len() as u128;
        (spread >> 64) as usize
    }

    /// Puts a sample among those of its priority, by age.
    fn rank(&mut self, i: u32, priority: u8, born: u64) {
        let (oldest, newest) = self.ranks[usize::from(priority)];
        let mut older = newest;
        while self.sample(older).is_some_and(|sample| sample.born > born) {
            older = self.links[older as usize].older;
        }
        let newer = if older == NONE { oldest } else { self.links[older as usize].newer };
        (self.links[i as usize].older, self.links[i as usize].newer) = (older, newer);
        self.tie(priority, older, i);
        self.tie(priority, i, newer);
        self.present[usize::from(priority) / 64] |= 1 << (priority % 64);
    }

    fn unrank(&mut self, i: u32, priority: u8) {
        let Links { older, newer, .. } = self.links[i as usize];
        self.tie(priority, older, newer);
        if older == NONE && newer == NONE {
            self.present[usize::from(priority) / 64] &= !(1 << (priority % 64));
        }
    }

    /// Makes two samples neighbours in their rank; `NONE` is its end.
    fn tie(&mut self, priority: u8, older: u32, newer: u32) {
        match older {
            NONE => self.ranks[usize::from(priority)].0 = newer,
            _ => self.links[older as usize].newer = newer,
        }
        match newer {
            NONE => self.ranks[usize::from(priority)].1 = older,
            _ => self.links[newer as usize].older = older,
        }
    }
}

/// The part of `len` bytes from `at` on that lies in a region.
pub(super) fn clip(at: i32, len: usize, region: usize) -> Option<(u32, u32)> {
    let from = i64::from(at).max(0);
    let to = (i64::from(at) + len as i64).min(region as i64);
    (from < to).then_some((from as u32, to as u32))
}

persist!(Pool {
    samples, links, bytes, free, ranks, present, buckets, live; region, seed
});
persist!(Links { older, newer, next });
persist!(Sample {
    id,
    packet,
    source,
    destination,
    source_port,
    destination_port,
    time,
    payload_length,
    direction,
    base,
    core,
    extents,
    priority,
    taken,
    born,
    anchors
});
