//! Datagrams put together again: a bounded pool around one-datagram buffers.

use crate::packet::Timestamp;
use etherparse::defrag::{IpDefragBuf, IpFragRange};
use etherparse::{IpFragOffset, IpNumber};
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// A part of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// Number of the frame that brought it.
    pub number: u64,
    /// When that was captured.
    pub time: Timestamp,
    /// Who sent it.
    pub source: IpAddr,
    /// Whom it was sent to.
    pub destination: IpAddr,
    /// Protocol of the datagram; for IPv6 the header after the fragment header.
    pub protocol: u8,
    /// What the fragments of a datagram have in common: 16 bits, 32 for IPv6.
    pub identification: u32,
    /// See [`Packet::encapsulation`](crate::packet::Packet::encapsulation).
    pub encapsulation: u64,
    /// Headers of encapsulation that it was found under.
    pub depth: u8,
    /// Where its bytes belong, a multiple of 8.
    pub offset: usize,
    /// Whether more follow it.
    pub more: bool,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// A datagram put together again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Number of the frame that completed it.
    pub number: u64,
    /// When that was captured.
    pub time: Timestamp,
    /// Who sent it.
    pub source: IpAddr,
    /// Whom it was sent to.
    pub destination: IpAddr,
    /// Its protocol.
    pub protocol: u8,
    /// See [`Packet::encapsulation`](crate::packet::Packet::encapsulation).
    pub encapsulation: u64,
    /// Headers of encapsulation that it was found under.
    pub depth: u8,
    /// Its bytes after the IP header.
    pub payload: Vec<u8>,
}

/// What became of fragments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DefragCounters {
    /// Fragments taken.
    pub fragments: u64,
    /// Datagrams completed.
    pub datagrams: u64,
    /// Fragments that completed datagrams were made of.
    pub used: u64,
    /// Fragments that brought nothing new: copies, and overlaps, where the first
    /// copy wins.
    pub repeated: u64,
    /// Fragments refused: they contradict where the datagram ends, are not aligned,
    /// reach beyond 65,535 bytes, or come in too many pieces.
    pub refused: u64,
    /// Fragments lost because the rest did not come within 30 s.
    pub timed_out: u64,
    /// Fragments lost to make room.
    pub evicted: u64,
}

impl DefragCounters {
    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("fragments", self.fragments),
            ("datagrams", self.datagrams),
            ("used", self.used),
            ("repeated", self.repeated),
            ("refused", self.refused),
            ("timed_out", self.timed_out),
            ("evicted", self.evicted),
        ]
        .into_iter()
    }
}

/// Packet time that a datagram may take to arrive (RFC 791 asks for 15 s at least,
/// RFC 8200 for 60 s at most).
const PATIENCE: u64 = 30_000_000_000;

/// Separate stretches that a datagram may be in: more is an attack.
const MOST_STRETCHES: usize = 512;

/// What a datagram costs beside its bytes.
const SLOT_BYTES: usize =
    size_of::<Slot>() + size_of::<Id>() * 4 + MOST_STRETCHES * size_of::<IpFragRange>();

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Id {
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    identification: u32,
    encapsulation: u64,
}

struct Slot {
    buffer: IpDefragBuf,
    begun: u64,
    /// Tells the entries of `order` that are still good from those of an earlier
    /// datagram with the same identification.
    serial: u64,
    fragments: u64,
}

/// A pool of datagrams that wait for fragments: bounded in number and bytes, oldest
/// out, first copy of a byte wins.
pub struct Defragmenter {
    slots: HashMap<Id, Slot>,
    /// Oldest first.
    order: VecDeque<(Id, u64)>,
    most_slots: usize,
    most_bytes: usize,
    bytes: usize,
    now: u64,
    serial: u64,
    counters: DefragCounters,
}

impl Defragmenter {
    /// Room for `slots` datagrams of together at most `bytes`.
    pub fn new(slots: usize, bytes: usize) -> Self {
        Self {
            slots: HashMap::new(),
            order: VecDeque::new(),
            most_slots: slots.min(bytes / (2 * SLOT_BYTES)).max(1),
            most_bytes: bytes,
            bytes: 0,
            now: 0,
            serial: 0,
            counters: DefragCounters::default(),
        }
    }

    /// Takes a fragment; gives the datagram that it completes.
    pub fn insert(&mut self, fragment: &Fragment<'_>) -> Option<Datagram> {
        self.counters.fragments += 1;
        self.now = self.now.max(fragment.time.as_nanos());
        self.expire();
        let id = Id {
            source: fragment.source,
            destination: fragment.destination,
            protocol: fragment.protocol,
            identification: fragment.identification,
            encapsulation: fragment.encapsulation,
        };
        if !plausible(fragment) {
            self.counters.refused += 1;
            return None;
        }
        if !self.slots.contains_key(&id) {
            if self.slots.len() == self.most_slots {
                self.evict_oldest(None);
            }
            self.open(id, fragment.protocol);
        }
        self.make_room(&id, fragment.offset + fragment.bytes.len());
        let slot = self.slots.get_mut(&id)?;
        let before = slot.buffer.data().capacity();
        let added = add(&mut slot.buffer, fragment);
        self.bytes += slot.buffer.data().capacity() - before;
        match added {
            Added::New => slot.fragments += 1,
            Added::Nothing => self.counters.repeated += 1,
            Added::Contradiction => self.counters.refused += 1,
        }
        if !slot.buffer.is_complete() {
            return None;
        }
        let slot = self.close(&id)?;
        self.counters.datagrams += 1;
        self.counters.used += slot.fragments;
        let (payload, _) = slot.buffer.take_bufs();
        Some(Datagram {
            number: fragment.number,
            time: fragment.time,
            source: fragment.source,
            destination: fragment.destination,
            protocol: fragment.protocol,
            encapsulation: fragment.encapsulation,
            depth: fragment.depth,
            payload,
        })
    }

    /// What became of fragments.
    pub fn counters(&self) -> DefragCounters {
        self.counters
    }

    /// Fragments that wait for others.
    pub fn waiting(&self) -> u64 {
        self.slots.values().map(|slot| slot.fragments).sum()
    }

    /// Bytes in use.
    pub fn memory_bytes(&self) -> usize {
        self.bytes
    }

    fn open(&mut self, id: Id, protocol: u8) {
        self.serial += 1;
        let slot = Slot {
            buffer: IpDefragBuf::new(IpNumber(protocol), Vec::new(), Vec::new()),
            begun: self.now,
            serial: self.serial,
            fragments: 0,
        };
        self.bytes += SLOT_BYTES;
        self.slots.insert(id, slot);
        self.order.push_back((id, self.serial));
        // Closed datagrams leave stale entries; they are swept before they add up.
        if self.order.len() > 2 * self.most_slots {
            let slots = &self.slots;
            self.order.retain(|(id, serial)| {
                slots.get(id).is_some_and(|s| s.serial == *serial)
            });
        }
    }

    fn close(&mut self, id: &Id) -> Option<Slot> {
        let slot = self.slots.remove(id)?;
        self.bytes -= SLOT_BYTES + slot.buffer.data().capacity();
        Some(slot)
    }

    fn expire(&mut self) {
        while let Some((id, serial)) = self.order.front().copied() {
            let live = self.slots.get(&id).filter(|slot| slot.serial == serial);
            if live.is_some_and(|slot| self.now - slot.begun <= PATIENCE) {
                return;
            }
            if live.is_some()
                && let Some(slot) = self.close(&id)
            {
                self.counters.timed_out += slot.fragments;
            }
            self.order.pop_front();
        }
    }

    /// Makes room for `reach` bytes of a datagram: a buffer at most doubles.
    fn make_room(&mut self, id: &Id, reach: usize) {
        let Some(slot) = self.slots.get(id) else { return };
        let capacity = slot.buffer.data().capacity();
        let grown =
            if reach > capacity { reach.max(2 * capacity).max(8) } else { capacity };
        while self.bytes + grown - capacity > self.most_bytes
            && self.evict_oldest(Some(id))
        {}
        if self.bytes + grown - capacity > self.most_bytes
            && let Some(slot) = self.close(id)
        {
            // Alone in the pool and still too large.
            self.counters.evicted += slot.fragments + 1;
        }
    }

    /// Evicts the oldest datagram but `spared`; whether there was one.
    fn evict_oldest(&mut self, spared: Option<&Id>) -> bool {
        let oldest = self.order.iter().position(|(id, serial)| {
            Some(id) != spared && self.slots.get(id).is_some_and(|s| s.serial == *serial)
        });
        let Some((id, _)) = oldest.and_then(|at| self.order.remove(at)) else {
            return false;
        };
        if let Some(slot) = self.close(&id) {
            self.counters.evicted += slot.fragments;
        }
        true
    }
}

fn plausible(fragment: &Fragment<'_>) -> bool {
    let end = fragment.offset + fragment.bytes.len();
    let aligned = fragment.offset.is_multiple_of(8)
        && (!fragment.more || fragment.bytes.len().is_multiple_of(8));
    !fragment.bytes.is_empty() && aligned && end <= usize::from(u16::MAX)
}

enum Added {
    New,
    Nothing,
    Contradiction,
}

/// Adds the bytes that are not there yet. The buffer itself would let later copies
/// win, and would let an end cut what lies beyond it.
fn add(buffer: &mut IpDefragBuf, fragment: &Fragment<'_>) -> Added {
    let (start, end) = (fragment.offset, fragment.offset + fragment.bytes.len());
    let beyond = |range: &IpFragRange| usize::from(range.end) > end;
    if let Some(known) = buffer.end().map(usize::from) {
        if end > known || (!fragment.more && end != known) {
            return Added::Contradiction;
        }
    } else if !fragment.more && buffer.sections().iter().any(beyond) {
        return Added::Contradiction;
    }
    if buffer.sections().len() >= MOST_STRETCHES {
        return Added::Contradiction;
    }
    let mut held: Vec<(usize, usize)> = buffer
        .sections()
        .iter()
        .map(|range| (usize::from(range.start), usize::from(range.end)))
        .collect();
    held.sort_unstable();
    held.push((end, end));
    let mut gaps = Vec::new();
    let mut at = start;
    for (from, to) in held {
        if from > at && at < end {
            gaps.push((at, from.min(end)));
        }
        at = at.max(to);
    }
    let mut news = false;
    for (from, to) in gaps {
        let more = fragment.more || to < end;
        let Ok(offset) = IpFragOffset::try_new((from / 8) as u16) else {
            return Added::Contradiction;
        };
        if buffer.add(offset, more, &fragment.bytes[from - start..to - start]).is_err() {
            return Added::Contradiction;
        }
        news = true;
    }
    // The last bytes may have come before without saying that they are the last.
    if !news && !fragment.more && buffer.end().is_none() {
        let tail = start + (end - start - 1) / 8 * 8;
        let copy = buffer.data()[tail..end].to_vec();
        if let Ok(offset) = IpFragOffset::try_new((tail / 8) as u16)
            && buffer.add(offset, false, &copy).is_ok()
        {
            return Added::New;
        }
    }
    if news { Added::New } else { Added::Nothing }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fragment(
        identification: u32,
        offset: usize,
        more: bool,
        bytes: &[u8],
    ) -> Fragment<'_> {
        Fragment {
            number: 1,
            time: Timestamp::from_nanos(0),
            source: [192, 0, 2, 1].into(),
            destination: [192, 0, 2, 2].into(),
            protocol: 17,
            identification,
            encapsulation: 0,
            depth: 0,
            offset,
            more,
            bytes,
        }
    }

    #[test]
    fn the_datagram_has_the_number_of_the_fragment_that_completed_it() {
        let mut pool = Defragmenter::new(8, 1 << 20);
        assert!(pool.insert(&fragment(7, 8, false, b"tail")).is_none());
        let last = Fragment { number: 9, ..fragment(7, 0, true, b"01234567") };
        let datagram = pool.insert(&last).unwrap();
        assert_eq!((datagram.number, &datagram.payload[..]), (9, &b"01234567tail"[..]));
        assert_eq!((pool.waiting(), pool.memory_bytes()), (0, 0));
    }

    #[test]
    fn the_first_copy_wins_and_contradictions_are_refused() {
        let mut pool = Defragmenter::new(8, 1 << 20);
        pool.insert(&fragment(7, 0, true, b"firstone"));
        pool.insert(&fragment(7, 0, true, b"secondly"));
        pool.insert(&fragment(7, 0, true, b"secondlyfollowed"));
        assert!(pool.insert(&fragment(7, 0, false, b"short")).is_none());
        let datagram = pool.insert(&fragment(7, 16, false, b"end")).unwrap();
        assert_eq!(datagram.payload, b"firstonefollowedend");
        let counters = pool.counters();
        assert_eq!((counters.repeated, counters.refused, counters.used), (1, 1, 3));
    }

    #[test]
    fn fragments_expire_after_thirty_seconds_of_packet_time() {
        let mut pool = Defragmenter::new(8, 1 << 20);
        pool.insert(&fragment(7, 0, true, b"01234567"));
        let late = Timestamp::from_nanos(PATIENCE + 1);
        let rest = Fragment { time: late, ..fragment(7, 8, false, b"tail") };
        assert!(pool.insert(&rest).is_none());
        assert_eq!((pool.counters().timed_out, pool.waiting()), (1, 1));
    }

    #[test]
    fn a_flood_stays_in_the_budget_and_every_fragment_is_accounted_for() {
        let budget = 256 << 10;
        let mut pool = Defragmenter::new(4_096, budget);
        for n in 0..20_000_u32 {
            let bytes = vec![n as u8; 8 * (n as usize % 150 + 1)];
            let place = (n as usize * 40 % 60_000) / 8 * 8;
            pool.insert(&fragment(n / 2, place, n % 5 != 0, &bytes));
            assert!(pool.memory_bytes() <= budget);
        }
        let c = pool.counters();
        assert_eq!(
            c.fragments,
            c.used + c.repeated + c.refused + c.timed_out + c.evicted + pool.waiting()
        );
        assert!(c.evicted > 1_000);
    }

    /// The naive twin: a byte map, first copy wins.
    fn twin(parts: &[(usize, Vec<u8>)], total: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![None; total];
        for (offset, part) in parts {
            for (at, byte) in (*offset..).zip(part) {
                bytes[at].get_or_insert(*byte);
            }
        }
        bytes.into_iter().collect()
    }

    proptest! {
        #[test]
        fn any_order_with_overlaps_gives_what_the_twin_gives(
            total in 9_usize..2_000,
            cuts in prop::collection::vec((any::<prop::sample::Index>(), 1_usize..60, any::<u8>()), 1..60),
            order in any::<u64>(),
        ) {
            // Cover everything once, then add overlapping parts with other bytes.
            let mut parts: Vec<(usize, Vec<u8>)> = (0..total)
                .step_by(64)
                .map(|at| (at, (at..(at + 64).min(total)).map(|i| i as u8).collect()))
                .collect();
            for (at, length, byte) in cuts {
                let from = at.index(total) / 8 * 8;
                let to = (from + 8 * length).min(total);
                parts.push((from, vec![byte; to - from]));
            }
            let mut random = order;
            for i in (1..parts.len()).rev() {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                parts.swap(i, (random >> 33) as usize % (i + 1));
            }
            let mut pool = Defragmenter::new(4, 1 << 20);
            let mut given = Vec::new();
            let mut found = None;
            for (offset, bytes) in parts {
                let more = offset + bytes.len() < total;
                found = pool.insert(&fragment(1, offset, more, &bytes));
                given.push((offset, bytes));
                if found.is_some() {
                    break;
                }
            }
            let datagram = found.expect("all bytes came");
            prop_assert_eq!(Some(datagram.payload), twin(&given, total));
        }
    }
}
