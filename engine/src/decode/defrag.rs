//! Datagrams put together from their fragments.
//!
//! A pool of a fixed number of datagrams and a fixed number of bytes. Each
//! datagram is put together by etherparse's `IpDefragBuf`, which lets later
//! copies overwrite earlier ones and an end come short of bytes already there;
//! so it is only handed what is new, after the checks.
//!
//! **First copy wins.** Systems differ in whose copy they keep where fragments
//! overlap, and honest senders never make them overlap. The rule here is fixed
//! and cheap, and a sender who plays with overlaps shows in the counters.
//!
//! **Time.** A datagram has 30 seconds from its first fragment to its last. The
//! pool keeps no clock that one wrong timestamp could throw: a fragment is
//! compared with the start of its own datagram only. What waits too long holds
//! its place until a sibling comes late or until the place is needed; the
//! oldest go first, and are then counted as timed out, not as evicted.

mod counters;
mod partial;
#[cfg(test)]
mod tests;

use crate::state::{Exchange, Persist};
use std::collections::VecDeque;
use std::net::IpAddr;

pub use counters::FragmentCounters;
use partial::{Key, News, PIECES_BYTES, Partial};

use super::Fragment;
use crate::packet::Timestamp;

/// How long a datagram may wait for its last fragment, in nanoseconds of packet
/// time: 30 s, the time for which Linux keeps one.
pub const REASSEMBLY_NANOS: u64 = 30_000_000_000;

/// The longest datagram, without its IP header, in bytes.
const MAX_BYTES: usize = 65_535;

/// The pool of datagrams that are being put together.
#[derive(Debug)]
pub struct Defragmenter {
    /// In order of arrival: the oldest at the front.
    waiting: VecDeque<Partial>,
    /// A tag of each key, in the same order: a look-up walks only these.
    tags: VecDeque<u64>,
    slots: usize,
    budget: usize,
    used: usize,
    counters: FragmentCounters,
}

/// An IP datagram put together from its fragments; decode on with
/// [`Decoder::datagram`](super::Decoder::datagram).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Place in the input of the fragment that completed it.
    pub number: u64,
    /// When that fragment was captured.
    pub time: Timestamp,
    /// Who sent it.
    pub source: IpAddr,
    /// Whom it was sent to.
    pub destination: IpAddr,
    /// IP protocol number; for IPv6 the header after the fragment header.
    pub protocol: u8,
    /// See [`Packet::encapsulation`](crate::packet::Packet::encapsulation).
    pub encapsulation: u64,
    /// Whether any of its fragments came through a tunnel that is not trusted, see
    /// [`Packet::untrusted_tunnel`](crate::packet::Packet::untrusted_tunnel).
    pub untrusted_tunnel: bool,
    /// Tunnels and reassemblies passed before this one.
    pub depth: u8,
    /// See [`Fragment::routed`].
    pub routed: bool,
    /// All bytes after the IP header (IPv6: after the fragment header).
    pub bytes: Vec<u8>,
    /// The frames that brought something new of it.
    pub carried: Carried,
}

/// The frames that fragments came in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// How many.
    pub frames: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
}

impl Defragmenter {
    /// A pool of `slots` datagrams (at least one) that together hold at most
    /// `bytes` bytes of fragments and bookkeeping. A datagram takes up to twice
    /// its length while it grows.
    pub fn new(slots: usize, bytes: usize) -> Self {
        let slots = slots.max(1);
        Self {
            waiting: VecDeque::with_capacity(slots),
            tags: VecDeque::with_capacity(slots),
            slots,
            budget: bytes,
            used: 0,
            counters: FragmentCounters::default(),
        }
    }

    /// Takes a fragment; hands back the datagram that it completes, if any.
    pub fn insert(&mut self, fragment: &Fragment<'_>) -> Option<Datagram> {
        self.insert_carried(fragment, Carried::default())
    }

    /// The same, and remembers which frames brought it.
    pub(crate) fn insert_carried(
        &mut self,
        fragment: &Fragment<'_>,
        carried: Carried,
    ) -> Option<Datagram> {
        self.counters.fragments += 1;
        let end = usize::from(fragment.offset) + fragment.bytes.len();
        if end > MAX_BYTES {
            self.counters.refused_too_long += 1;
            return None;
        }
        if fragment.more
            && (fragment.bytes.is_empty() || !fragment.bytes.len().is_multiple_of(8))
        {
            self.counters.refused_length += 1;
            return None;
        }
        let key = Key::of(fragment);
        let place = self.place_in_time(&key, fragment.time);
        if let Some(partial) = place.and_then(|place| self.waiting.get(place)) {
            if partial.contradicts_end(fragment, end) {
                self.counters.refused_end += 1;
                return None;
            }
            if partial.is_scattered(fragment.offset, end) {
                self.counters.refused_scattered += 1;
                return None;
            }
        }
        let place = self.make_room(place, &key, fragment, end)?;
        let partial = self.waiting.get_mut(place)?;
        let before = partial.memory_bytes();
        let news = partial.add(fragment, end);
        self.used = self.used - before + partial.memory_bytes();
        match news {
            News::Nothing => self.counters.duplicates += 1,
            News::Part => self.counters.overlaps += 1,
            News::All => {}
        }
        if !matches!(news, News::Nothing) {
            partial.carried.frames += carried.frames;
            partial.carried.bytes += carried.bytes;
        }
        if !partial.buffer.is_complete() {
            return None;
        }
        let partial = self.remove(place)?;
        self.counters.datagrams += 1;
        self.counters.reassembled += partial.fragments;
        Some(partial.into_datagram(fragment))
    }

    /// What became of the fragments so far.
    pub fn counters(&self) -> FragmentCounters {
        self.counters
    }

    /// Fragments that are part of a datagram not complete yet.
    pub fn waiting(&self) -> u64 {
        self.waiting.iter().map(|partial| partial.fragments).sum()
    }

    /// The most memory that the pool ever holds: its places and its byte budget.
    pub fn memory_bytes(&self) -> usize {
        self.waiting.capacity() * size_of::<Partial>()
            + self.tags.capacity() * size_of::<u64>()
            + self.budget
    }

    /// The place of a datagram that is still in time.
    fn place_in_time(&mut self, key: &Key, time: Timestamp) -> Option<usize> {
        let tag = key.tag();
        let place = self
            .tags
            .iter()
            .zip(&self.waiting)
            .position(|(its, partial)| *its == tag && partial.key == *key)?;
        if self.waiting.get(place).is_some_and(|partial| partial.is_late(time)) {
            self.counters.timed_out += self.remove(place)?.fragments;
            return None;
        }
        Some(place)
    }

    /// The place of the fragment's datagram, new if there is none, with memory
    /// for it; the oldest others make room. `None` if all of it is not enough.
    fn make_room(
        &mut self,
        mut place: Option<usize>,
        key: &Key,
        fragment: &Fragment<'_>,
        end: usize,
    ) -> Option<usize> {
        let partial = place.and_then(|place| self.waiting.get(place));
        let (now, grown) = match partial {
            Some(partial) => (partial.memory_bytes(), partial.memory_bytes_with(end)),
            None => (0, PIECES_BYTES + end),
        };
        if grown > self.budget {
            self.counters.refused_memory += 1;
            return None;
        }
        while self.used - now + grown > self.budget {
            // The datagram itself must stay, so if it is the oldest, the next goes.
            let victim = usize::from(place == Some(0));
            self.counters.evicted_bytes += self.evict(victim, fragment.time)?;
            place = place.map(|place| place - usize::from(victim < place));
        }
        if place.is_none() {
            if self.waiting.len() == self.slots {
                self.counters.evicted_slots += self.evict(0, fragment.time)?;
            }
            let partial = Partial::new(key, fragment, end);
            self.used += partial.memory_bytes();
            self.tags.push_back(key.tag());
            self.waiting.push_back(partial);
            place = Some(self.waiting.len() - 1);
        }
        place
    }

    /// Removes a datagram; hands back how many fragments were lost before their time.
    fn evict(&mut self, place: usize, now: Timestamp) -> Option<u64> {
        let partial = self.remove(place)?;
        if partial.is_late(now) {
            self.counters.timed_out += partial.fragments;
            return Some(0);
        }
        Some(partial.fragments)
    }

    fn remove(&mut self, place: usize) -> Option<Partial> {
        self.tags.remove(place);
        let partial = self.waiting.remove(place)?;
        self.used -= partial.memory_bytes();
        Some(partial)
    }
}

/// Only what was counted: what waits is lost with the process, as if it had timed out.
impl Persist for Defragmenter {
    fn persist(&mut self, file: &mut Exchange<'_>) -> std::io::Result<()> {
        let mut counters = self.counters;
        counters.timed_out +=
            self.waiting.iter().map(|partial| partial.fragments).sum::<u64>();
        counters.persist(file)?;
        if file.is_reading() {
            self.counters = counters;
        }
        Ok(())
    }
}
