//! Datagrams put together from their fragments.
//!
//! A pool of a fixed number of datagrams and a fixed number of bytes. What is put together
//! is read as the datagram that it is. What is not (out of time, evicted, refused, left
//! when the input ends) is given back as pieces, so that every byte is sifted, in one form:
//! as a part of a whole datagram or of a piece.
//!
//! **Overlaps.** Systems differ in whose copy they keep where fragments overlap (Ptacek and
//! Newsham 1998; Shankar and Paxson 2003), and honest senders never make them overlap. The
//! datagram is that of the first copies. Where later copies differ they are kept beside it,
//! and given back as pieces with what lies around them, as a system has it that keeps last
//! copies. Mixtures of both are not made, but for what each fragment holds by itself.
//!
//! **Time.** A datagram has 30 seconds from its first fragment to its last. The
//! pool keeps no clock that one wrong timestamp could throw: a datagram is out of time once
//! a late sibling says so, or two fragments in a row of any datagrams. The oldest go first.
//!
//! **Sources.** Places are shared out among sets, and a keyed hash of the source says which
//! one its datagrams are in. In a full set the oldest gives way, but first those of a
//! source that has more than an eighth of the places; no source has more than an eighth of
//! the bytes, or one datagram. So one source evicts a few others at most. A flood of forged sources evicts
//! once it fills the pool within the 30 seconds; then pieces are all there is, and
//! `evicted_slots` and `evicted_bytes` count them.

mod assembly;
mod bits;
mod counters;
mod partial;
#[cfg(test)]
mod tests;

use crate::state::{Exchange, Persist};
use std::collections::VecDeque;
use std::net::IpAddr;

use bits::Bits;
pub use counters::FragmentCounters;
pub(crate) use partial::Leftover;
use partial::{Key, Partial, source_hash};

use super::Fragment;
use crate::packet::Timestamp;

/// How long a datagram may wait for its last fragment, in nanoseconds of packet
/// time: 30 s, the time for which Linux keeps one.
pub const REASSEMBLY_NANOS: u64 = 30_000_000_000;

/// The longest datagram, without its IP header, in bytes.
const MAX_BYTES: usize = 65_535;

/// Places of one set: looking a datagram up is a linear scan of its tags.
const SET: usize = 256;

/// What the longest datagram takes, in two versions.
const LONGEST: usize = 2 * (MAX_BYTES + Bits::bytes_for(MAX_BYTES));

/// One in so many places of a set, and bytes of the pool, is what one source may have.
const SOURCES: usize = 8;

/// The pool of datagrams that are being put together.
#[derive(Debug)]
pub struct Defragmenter {
    sets: Box<[Set]>,
    /// Places of each set.
    places: usize,
    seed: u64,
    /// By tap, the first one that sees the same addresses.
    spaces: Vec<u16>,
    /// Bytes on either side of what differs that are given back with it.
    context: usize,
    budget: usize,
    used: usize,
    arrivals: u64,
    /// The time of the fragment before.
    before: Timestamp,
    counters: FragmentCounters,
}

/// The datagrams of some sources, in order of arrival: the oldest at the front.
#[derive(Debug)]
struct Set {
    waiting: VecDeque<Partial>,
    /// A tag of each key, in the same order: a look-up walks only these.
    tags: VecDeque<u64>,
}

impl Set {
    fn new(places: usize) -> Self {
        let tags = VecDeque::with_capacity(places);
        Self { waiting: VecDeque::with_capacity(places), tags }
    }

    fn place_of(&self, key: &Key) -> Option<usize> {
        let tag = key.tag();
        let mut both = self.tags.iter().zip(&self.waiting);
        both.position(|(its, partial)| *its == tag && partial.key == *key)
    }

    /// The datagram that makes room for a new one of this source: the oldest of those
    /// whose source has more than its share, or else the oldest.
    fn victim(&self, source: u64) -> usize {
        // Sources that meet in a place of 256 count together.
        let at = |source: u64| (source >> 56) as usize;
        let mut counts = [0_usize; 256];
        self.waiting.iter().for_each(|partial| counts[at(partial.source)] += 1);
        counts[at(source)] += 1;
        let share = (self.waiting.len() / SOURCES).max(1);
        let exceeds = |its: u64| {
            let of_source = self.waiting.iter().filter(|other| other.source == its);
            of_source.count() + usize::from(its == source) > share
        };
        // Counted exactly only where so many may be of one source.
        let greedy = |it: &Partial| counts[at(it.source)] > share && exceeds(it.source);
        self.waiting.iter().position(greedy).unwrap_or(0)
    }

    /// The bytes that a source takes.
    fn bytes_of(&self, source: u64) -> usize {
        let of_source = self.waiting.iter().filter(|partial| partial.source == source);
        of_source.map(|partial| partial.assembly.memory_bytes()).sum()
    }

    fn push(&mut self, key: &Key, partial: Partial) -> usize {
        self.tags.push_back(key.tag());
        self.waiting.push_back(partial);
        self.waiting.len() - 1
    }
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
    /// The tap that saw the fragment that completed it, see
    /// [`Frame::tap`](crate::packet::Frame::tap).
    pub tap: u16,
    /// The identification that its fragments share, of IPv4.
    pub identification: Option<u16>,
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
    /// `bytes` bytes of fragments and bookkeeping. A datagram takes up to some 2.3 times
    /// its length while it grows, and twice that once copies differ.
    pub fn new(slots: usize, bytes: usize) -> Self {
        Self::keyed(slots, bytes, 0, 0)
    }

    /// The same with a secret that decides which sources share places. What is left of
    /// datagrams comes with `context` bytes on either side.
    pub(crate) fn keyed(slots: usize, bytes: usize, context: usize, seed: u64) -> Self {
        let slots = slots.max(1);
        let sets = slots.div_ceil(SET);
        let places = slots.div_ceil(sets);
        Self {
            sets: (0..sets).map(|_| Set::new(places)).collect(),
            places,
            seed,
            spaces: Vec::new(),
            context,
            budget: bytes,
            used: 0,
            arrivals: 0,
            before: Timestamp::default(),
            counters: FragmentCounters::default(),
        }
    }

    /// The same for several taps: what those of one space saw is put together.
    pub(crate) fn with_spaces(self, spaces: Vec<u16>) -> Self {
        Self { spaces, ..self }
    }

    /// Takes a fragment; hands back the datagram that it completes, if any. What is given
    /// up is only counted.
    pub fn insert(&mut self, fragment: &Fragment<'_>) -> Option<Datagram> {
        self.insert_carried(fragment, Carried::default(), &mut Vec::new())
    }

    /// The same, and remembers which frames brought it; adds what is given up to
    /// `leftovers`.
    pub(crate) fn insert_carried(
        &mut self,
        fragment: &Fragment<'_>,
        carried: Carried,
        leftovers: &mut Vec<Leftover>,
    ) -> Option<Datagram> {
        self.counters.fragments += 1;
        self.expire(fragment.time, leftovers);
        let start = usize::from(fragment.offset);
        let length = fragment.bytes.len();
        if start + length > MAX_BYTES {
            self.counters.refused_too_long += 1;
            leftovers.push(Leftover::of(fragment));
            return None;
        }
        if fragment.more && (length == 0 || !length.is_multiple_of(8)) {
            self.counters.refused_length += 1;
            leftovers.push(Leftover::of(fragment));
            return None;
        }
        let space = self.spaces.get(usize::from(fragment.tap)).copied();
        let key = Key::of(fragment, space.unwrap_or(0));
        let source = source_hash(fragment.source, self.seed);
        let set = self.set_of(source);
        let Some(place) = self.make_room(set, source, &key, fragment, leftovers) else {
            self.counters.refused_memory += 1;
            leftovers.push(Leftover::of(fragment));
            return None;
        };
        let context = self.context;
        let partial = self.sets.get_mut(set)?.waiting.get_mut(place)?;
        let memory = partial.assembly.memory_bytes();
        let mut added = partial.add(fragment, context);
        self.used = self.used - memory + partial.assembly.memory_bytes();
        let displaced = std::mem::take(&mut added.displaced);
        if !displaced.is_empty() {
            leftovers.push(partial.leftover(displaced));
        }
        self.counters.conflicts += u64::from(added.differs);
        self.counters.end_conflicts += u64::from(added.contradicts_end);
        if !added.is_news() {
            self.counters.duplicates += 1;
        } else {
            self.counters.overlaps += u64::from(added.new_bytes < length);
            partial.carried.frames += carried.frames;
            partial.carried.bytes += carried.bytes;
        }
        if !partial.assembly.is_complete() {
            return None;
        }
        let partial = self.remove(set, place)?;
        self.counters.datagrams += 1;
        self.counters.reassembled += partial.fragments;
        let (datagram, leftover) = partial.into_datagram(fragment, context);
        leftovers.extend(leftover);
        Some(datagram)
    }

    /// Gives all up that waits, the oldest first: the input has ended.
    pub(crate) fn give_up_all(&mut self, leftovers: &mut Vec<Leftover>) {
        while let Some(set) = self.oldest_set() {
            let Some(partial) = self.remove(set, 0) else { return };
            self.counters.unfinished += partial.fragments;
            leftovers.push(partial.into_leftover(self.context));
        }
    }

    /// Counts packets that were made of pieces.
    pub(crate) fn count_pieces(&mut self, pieces: u64) {
        self.counters.pieces += pieces;
    }

    /// What became of the fragments so far.
    pub fn counters(&self) -> FragmentCounters {
        self.counters
    }

    /// Fragments that are part of a datagram not complete yet.
    pub fn waiting(&self) -> u64 {
        let waiting = self.sets.iter().flat_map(|set| &set.waiting);
        waiting.map(|partial| partial.fragments).sum()
    }

    /// The most memory that the pool ever holds: its places and its byte budget.
    pub fn memory_bytes(&self) -> usize {
        let places = |set: &Set| {
            set.waiting.capacity() * size_of::<Partial>()
                + set.tags.capacity() * size_of::<u64>()
        };
        self.sets.iter().map(places).sum::<usize>() + self.budget
    }

    fn set_of(&self, source: u64) -> usize {
        ((u128::from(source) * self.sets.len() as u128) >> 64) as usize
    }

    /// The set that holds the oldest datagram of all.
    fn oldest_set(&self) -> Option<usize> {
        let fronts = self.sets.iter().zip(0..);
        fronts
            .filter_map(|(set, at)| Some((set.waiting.front()?.arrival, at)))
            .min()
            .map(|(_, at)| at)
    }

    /// Gives up what is out of time by this fragment and the one before.
    fn expire(&mut self, time: Timestamp, leftovers: &mut Vec<Leftover>) {
        let both = time.min(std::mem::replace(&mut self.before, time));
        while let Some(set) = self.oldest_set() {
            let oldest = self.sets.get(set).and_then(|set| set.waiting.front());
            if !oldest.is_some_and(|partial| partial.is_late(both)) {
                return;
            }
            self.time_out(set, 0, leftovers);
        }
    }

    fn time_out(&mut self, set: usize, place: usize, leftovers: &mut Vec<Leftover>) {
        if let Some(partial) = self.remove(set, place) {
            self.counters.timed_out += partial.fragments;
            leftovers.push(partial.into_leftover(self.context));
        }
    }

    /// The place of the fragment's datagram, new if there is none in time, with memory
    /// for it; others make room. `None` if all of it is not enough.
    fn make_room(
        &mut self,
        set: usize,
        source: u64,
        key: &Key,
        fragment: &Fragment<'_>,
        leftovers: &mut Vec<Leftover>,
    ) -> Option<usize> {
        let mut place = self.sets.get(set)?.place_of(key);
        if let Some(late) = place.filter(|place| {
            let partial = self.sets[set].waiting.get(*place);
            partial.is_some_and(|partial| partial.is_late(fragment.time))
        }) {
            self.time_out(set, late, leftovers);
            place = None;
        }
        if place.is_none() && self.sets.get(set)?.waiting.len() == self.places {
            let victim = self.sets.get(set)?.victim(source);
            self.counters.evicted_slots +=
                self.evict(set, victim, fragment.time, leftovers)?;
        }
        let place = match place {
            Some(place) => place,
            None => {
                self.arrivals += 1;
                let partial = Partial::new(key, source, self.arrivals, fragment);
                self.sets.get_mut(set)?.push(key, partial)
            }
        };
        let roomy = self.make_bytes(set, place, source, fragment, leftovers);
        let place = self.sets.get(set)?.place_of(key)?;
        if !roomy && self.sets[set].waiting[place].fragments == 0 {
            self.remove(set, place);
        }
        roomy.then_some(place)
    }

    /// Gives others up until a datagram can take a fragment: those of the same source
    /// where that has its share, or else the oldest. Whether it can.
    fn make_bytes(
        &mut self,
        set: usize,
        place: usize,
        source: u64,
        fragment: &Fragment<'_>,
        leftovers: &mut Vec<Leftover>,
    ) -> bool {
        let start = usize::from(fragment.offset);
        let own = &self.sets[set].waiting[place];
        let (arrival, now) = (own.arrival, own.assembly.memory_bytes());
        let grown = own.assembly.memory_bytes_with(start, fragment.bytes);
        let share = (self.budget / SOURCES).max(LONGEST).min(self.budget);
        if grown > share {
            return false;
        }
        while self.sets[set].bytes_of(source) - now + grown > share {
            let mut waiting = self.sets[set].waiting.iter();
            let others = |it: &Partial| it.source == source && it.arrival != arrival;
            let Some(victim) = waiting.position(others) else { return false };
            let Some(lost) = self.evict(set, victim, fragment.time, leftovers) else {
                return false;
            };
            self.counters.evicted_bytes += lost;
        }
        while self.used - now + grown > self.budget {
            // The datagram itself must stay.
            let oldest = self.sets.iter().zip(0..).filter_map(|(set, at)| {
                let mut waiting = set.waiting.iter().zip(0..);
                let (it, place) = waiting.find(|(it, _)| it.arrival != arrival)?;
                Some((it.arrival, at, place))
            });
            let Some((_, set, victim)) = oldest.min() else { return false };
            let Some(lost) = self.evict(set, victim, fragment.time, leftovers) else {
                return false;
            };
            self.counters.evicted_bytes += lost;
        }
        true
    }

    /// Gives a datagram up; hands back how many fragments were so before their time.
    fn evict(
        &mut self,
        set: usize,
        place: usize,
        now: Timestamp,
        leftovers: &mut Vec<Leftover>,
    ) -> Option<u64> {
        let partial = self.remove(set, place)?;
        let (fragments, late) = (partial.fragments, partial.is_late(now));
        leftovers.push(partial.into_leftover(self.context));
        if late {
            self.counters.timed_out += fragments;
        }
        Some(if late { 0 } else { fragments })
    }

    fn remove(&mut self, set: usize, place: usize) -> Option<Partial> {
        let set = self.sets.get_mut(set)?;
        set.tags.remove(place);
        let partial = set.waiting.remove(place)?;
        self.used -= partial.assembly.memory_bytes();
        Some(partial)
    }
}

/// Only what was counted: what waits is lost with the process.
impl Persist for Defragmenter {
    fn persist(&mut self, file: &mut Exchange<'_>) -> std::io::Result<()> {
        let mut counters = self.counters;
        counters.unfinished += self.waiting();
        counters.persist(file)?;
        if file.is_reading() {
            self.counters = counters;
        }
        Ok(())
    }
}
