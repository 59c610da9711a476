//! Which fragments make which datagram?
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

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::IpAddr;

use etherparse::defrag::{IpDefragBuf, IpFragRange};
use etherparse::{IpFragOffset, IpNumber};

use super::Fragment;
use crate::packet::Timestamp;

/// How long a datagram may wait for its last fragment, in nanoseconds of packet
/// time: 30 s, the time for which Linux keeps one.
pub const REASSEMBLY_NANOS: u64 = 30_000_000_000;

/// The longest datagram, without its IP header, in bytes.
const MAX_BYTES: usize = 65_535;

/// The most pieces with gaps between them in one datagram. A full datagram in
/// fragments of 576 bytes has 119 pieces, so at most 60 gaps in the worst order;
/// a scan over them must stay cheap when somebody sends every other fragment.
const MAX_PIECES: usize = 64;

/// Bytes that a waiting datagram takes for its list of pieces.
const PIECES_BYTES: usize = (MAX_PIECES + 1) * size_of::<IpFragRange>();

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
    counters: DefragCounters,
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
    /// Tunnels and reassemblies passed before this one.
    pub depth: u8,
    /// See [`Fragment::routed`].
    pub routed: bool,
    /// All bytes after the IP header (IPv6: after the fragment header).
    pub bytes: Vec<u8>,
}

/// What became of every fragment.
///
/// `fragments` is the sum of `reassembled`, `duplicates`, `timed_out`,
/// `evicted_slots`, `evicted_bytes`, all `refused_` counts and
/// [`Defragmenter::waiting`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DefragCounters {
    /// Fragments handed in.
    pub fragments: u64,
    /// Datagrams completed.
    pub datagrams: u64,
    /// Fragments that became part of a completed datagram.
    pub reassembled: u64,
    /// Fragments with nothing new in them.
    pub duplicates: u64,
    /// Fragments partly there before, whose other part was used. They are
    /// counted a second time here.
    pub overlaps: u64,
    /// Fragments lost because their datagram was not complete in time.
    pub timed_out: u64,
    /// Fragments lost because a new datagram needed the place.
    pub evicted_slots: u64,
    /// Fragments lost because other datagrams needed the memory.
    pub evicted_bytes: u64,
    /// Fragments refused: they would end past 65,535 bytes.
    pub refused_too_long: u64,
    /// Fragments refused: not the last, and not a multiple of 8 bytes long, or empty.
    pub refused_length: u64,
    /// Fragments refused: they contradict the end of their datagram.
    pub refused_end: u64,
    /// Fragments refused: their datagram is in too many pieces.
    pub refused_scattered: u64,
    /// Fragments refused: too big for the whole pool.
    pub refused_memory: u64,
}

impl DefragCounters {
    /// Adds another pool's counts.
    pub fn merge(&mut self, other: &Self) {
        let Self {
            fragments,
            datagrams,
            reassembled,
            duplicates,
            overlaps,
            timed_out,
            evicted_slots,
            evicted_bytes,
            refused_too_long,
            refused_length,
            refused_end,
            refused_scattered,
            refused_memory,
        } = other;
        self.fragments += fragments;
        self.datagrams += datagrams;
        self.reassembled += reassembled;
        self.duplicates += duplicates;
        self.overlaps += overlaps;
        self.timed_out += timed_out;
        self.evicted_slots += evicted_slots;
        self.evicted_bytes += evicted_bytes;
        self.refused_too_long += refused_too_long;
        self.refused_length += refused_length;
        self.refused_end += refused_end;
        self.refused_scattered += refused_scattered;
        self.refused_memory += refused_memory;
    }

    /// Every count with its name, in the order of the fields.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("fragments", self.fragments),
            ("datagrams", self.datagrams),
            ("reassembled", self.reassembled),
            ("duplicates", self.duplicates),
            ("overlaps", self.overlaps),
            ("timed_out", self.timed_out),
            ("evicted_slots", self.evicted_slots),
            ("evicted_bytes", self.evicted_bytes),
            ("refused_too_long", self.refused_too_long),
            ("refused_length", self.refused_length),
            ("refused_end", self.refused_end),
            ("refused_scattered", self.refused_scattered),
            ("refused_memory", self.refused_memory),
        ]
        .into_iter()
    }
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
            counters: DefragCounters::default(),
        }
    }

    /// Takes a fragment; hands back the datagram that it completes, if any.
    pub fn insert(&mut self, fragment: &Fragment<'_>) -> Option<Datagram> {
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
        if !partial.buffer.is_complete() {
            return None;
        }
        let partial = self.remove(place)?;
        self.counters.datagrams += 1;
        self.counters.reassembled += partial.fragments;
        Some(partial.into_datagram(fragment))
    }

    /// What became of the fragments so far.
    pub fn counters(&self) -> DefragCounters {
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

/// What tells one datagram from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    source: IpAddr,
    destination: IpAddr,
    identification: u32,
    /// 0 for IPv6, where fragments need not agree on it.
    protocol: u8,
    encapsulation: u64,
}

impl Key {
    fn of(fragment: &Fragment<'_>) -> Self {
        Self {
            source: fragment.source,
            destination: fragment.destination,
            identification: fragment.identification,
            protocol: if fragment.source.is_ipv4() { fragment.protocol } else { 0 },
            encapsulation: fragment.encapsulation,
        }
    }

    /// Eight bytes of the key. Tags that collide cost a comparison, no more, so
    /// nobody gains by making them collide.
    fn tag(&self) -> u64 {
        let low = |address| match address {
            IpAddr::V4(v4) => u64::from(u32::from(v4)),
            IpAddr::V6(v6) => u128::from(v6) as u64,
        };
        (low(self.source) ^ low(self.destination).rotate_left(32) ^ self.encapsulation)
            .wrapping_add(u64::from(self.identification) << 16 | u64::from(self.protocol))
    }
}

/// A datagram that still lacks bytes.
#[derive(Debug)]
struct Partial {
    key: Key,
    started: Timestamp,
    protocol: u8,
    depth: u8,
    routed: bool,
    /// Fragments with something new in them.
    fragments: u64,
    buffer: IpDefragBuf,
}

/// How much of a fragment was not there before.
enum News {
    Nothing,
    Part,
    All,
}

impl Partial {
    fn new(key: &Key, fragment: &Fragment<'_>, end: usize) -> Self {
        Self {
            key: *key,
            started: fragment.time,
            protocol: fragment.protocol,
            depth: fragment.depth,
            routed: false,
            fragments: 0,
            // The number is kept beside it, for the first fragment's counts.
            buffer: IpDefragBuf::new(
                IpNumber(fragment.protocol),
                Vec::with_capacity(end),
                Vec::with_capacity(MAX_PIECES + 1),
            ),
        }
    }

    fn is_late(&self, now: Timestamp) -> bool {
        now.as_nanos().saturating_sub(self.started.as_nanos()) > REASSEMBLY_NANOS
    }

    fn memory_bytes(&self) -> usize {
        self.buffer.data().capacity() + PIECES_BYTES
    }

    /// The memory it takes once it reaches `end`: a vector that must grow at
    /// least doubles.
    fn memory_bytes_with(&self, end: usize) -> usize {
        let capacity = self.buffer.data().capacity();
        let grown = if end <= capacity { capacity } else { end.max(2 * capacity).max(8) };
        grown + PIECES_BYTES
    }

    /// Whether the fragment reaches past the known end, or names another, or
    /// one short of bytes that are there.
    fn contradicts_end(&self, fragment: &Fragment<'_>, end: usize) -> bool {
        let furthest =
            self.buffer.sections().iter().map(|piece| usize::from(piece.end)).max();
        match self.buffer.end() {
            Some(known) => {
                let known = usize::from(known);
                end > known || (!fragment.more && end != known)
            }
            None => !fragment.more && furthest.is_some_and(|furthest| end < furthest),
        }
    }

    /// Whether the fragment would be one piece too many.
    fn is_scattered(&self, offset: u16, end: usize) -> bool {
        let pieces = self.buffer.sections();
        pieces.len() >= MAX_PIECES
            && !pieces
                .iter()
                .any(|piece| piece.start <= end as u16 && piece.end >= offset)
    }

    /// Adds what is new of a fragment that was found fit.
    fn add(&mut self, fragment: &Fragment<'_>, end: usize) -> News {
        let start = usize::from(fragment.offset);
        let had_end = self.buffer.end().is_some();
        let mut new_bytes = 0;
        let mut at = start;
        while let Some((from, to)) = self.gap(at, end) {
            if from == 0 {
                // RFC 8200, 4.5: the first fragment's headers count.
                self.protocol = fragment.protocol;
            }
            let bytes = fragment.bytes.get(from - start..to - start).unwrap_or_default();
            if !self.put(from, !fragment.more && to == end, bytes) {
                break;
            }
            new_bytes += to - from;
            at = to;
        }
        // The end may be news although all bytes before it are old.
        if !fragment.more && self.buffer.end().is_none() {
            self.put(end, true, &[]);
        }
        if new_bytes == 0 && had_end == self.buffer.end().is_some() {
            return News::Nothing;
        }
        self.fragments += 1;
        self.depth = self.depth.max(fragment.depth);
        self.routed |= fragment.routed;
        if new_bytes == fragment.bytes.len() { News::All } else { News::Part }
    }

    /// The first run of missing bytes in `at..end`.
    fn gap(&self, mut at: usize, end: usize) -> Option<(usize, usize)> {
        let pieces = self.buffer.sections();
        // Pieces never touch, so a position lies in one at most.
        let inside = |piece: &&IpFragRange| {
            usize::from(piece.start) <= at && at < usize::from(piece.end)
        };
        if let Some(piece) = pieces.iter().find(inside) {
            at = usize::from(piece.end);
        }
        let next = pieces.iter().map(|piece| usize::from(piece.start));
        let to = next.filter(|start| *start > at).min().unwrap_or(end).min(end);
        (at < to).then_some((at, to))
    }

    /// Hands bytes that are missing to the buffer; whether it took them. It
    /// always does: gaps begin at multiples of 8, and the ends were checked.
    fn put(&mut self, from: usize, last: bool, bytes: &[u8]) -> bool {
        u16::try_from(from / 8)
            .ok()
            .and_then(|offset| IpFragOffset::try_new(offset).ok())
            .is_some_and(|offset| self.buffer.add(offset, !last, bytes).is_ok())
    }

    fn into_datagram(self, last: &Fragment<'_>) -> Datagram {
        let (bytes, _) = self.buffer.take_bufs();
        Datagram {
            number: last.number,
            time: last.time,
            source: self.key.source,
            destination: self.key.destination,
            protocol: self.protocol,
            encapsulation: self.key.encapsulation,
            depth: self.depth,
            routed: self.routed,
            bytes,
        }
    }
}
