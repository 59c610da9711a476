//! Packets that several taps saw.
//!
//! A packet on its way may pass more than one tap, within moments. It counts once: of equal
//! packets within [`APART`] as many count as the tap that saw most of them saw, so that a host
//! that really sends twice counts twice. Equal is all that no router changes: addresses, ports,
//! protocol, IPv4 identification, TCP numbers and flags, and the payload.
//!
//! Guarantees: exact, against a list of all packets, while no more than four equal sets of the
//! table are in use at a time and no more than seven taps saw a packet; a packet that is forgotten early
//! counts again (`duplicates_forgotten`). It depends on the order of packets alone. Costs: 32 bytes a packet
//! of the last 10 ms, one cache line a look-up; nothing with one tap.

use crate::counters::counters;
use crate::sketch::reduce;
use crate::state::persist;
use crate::time::{Span, Timestamp};

/// For how long copies are expected: a few milliseconds of clocks that differ, and of the way.
pub(crate) const APART: Span = Span(10_000_000);
/// Taps that are counted of a packet.
const TAPS: usize = 7;
/// Entries of a set.
const WAYS: usize = 4;

counters! {
    /// What came by at one tap.
    pub struct TapCounters {
        /// Packets.
        pub packets: u64,
        /// Those that another tap had shown before; none counts again.
        pub duplicates: u64,
        /// Packets for which it was forgotten early what another had shown: a copy counts again.
        pub duplicates_forgotten: u64,
    }
}

/// A packet of the last moments.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    identity: u64,
    /// When it was first seen.
    first: Timestamp,
    /// The most copies at one tap; 0 for no entry.
    most: u8,
    /// Taps that are counted.
    taps: u8,
    /// Taps with their copies.
    copies: [(u8, u8); TAPS],
}

/// The packets of the last moments. See the [module](self).
#[derive(Debug)]
pub(crate) struct Duplicates {
    entries: Vec<Entry>,
    /// By tap.
    counters: Vec<TapCounters>,
}

impl Duplicates {
    /// A table of at most `bytes`, and never less than one set, for so many taps.
    pub(crate) fn new(bytes: usize, taps: usize) -> Self {
        let sets = (bytes / (WAYS * size_of::<Entry>())).max(1);
        Self {
            entries: vec![Entry::default(); sets * WAYS],
            counters: vec![TapCounters::default(); taps],
        }
    }

    /// Notes a packet; whether another tap has shown it before. Times never run back.
    pub(crate) fn see(&mut self, identity: u64, now: Timestamp, tap: u8) -> bool {
        let sets = self.entries.len() / WAYS;
        let set = reduce(identity, sets) * WAYS;
        let ways = &mut self.entries[set..set + WAYS];
        let is_alive = |it: &Entry| it.most > 0 && now.since(it.first) <= APART;
        let known = ways.iter().position(|it| is_alive(it) && it.identity == identity);
        let mut forgot = false;
        let way = known.unwrap_or_else(|| {
            let free = ways.iter().position(|it| !is_alive(it));
            let oldest = || (0..WAYS).min_by_key(|way| ways[*way].first).unwrap_or(0);
            let way = free.unwrap_or_else(oldest);
            forgot = free.is_none();
            ways[way] = Entry { identity, first: now, ..Entry::default() };
            way
        });
        let is_copy = ways[way].count(tap);
        if let Some(counters) = self.counters.get_mut(usize::from(tap)) {
            counters.packets += 1;
            counters.duplicates += u64::from(is_copy);
            counters.duplicates_forgotten += u64::from(forgot);
        }
        is_copy
    }

    /// What came by, by tap.
    pub(crate) fn counters(&self) -> &[TapCounters] {
        &self.counters
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }
}

impl Entry {
    /// Whether as many had been seen at another tap.
    fn count(&mut self, tap: u8) -> bool {
        let taps = usize::from(self.taps);
        let known = self.copies[..taps].iter().position(|(it, _)| *it == tap);
        let place = match known {
            Some(place) => place,
            None if taps < TAPS => {
                self.copies[taps] = (tap, 0);
                self.taps += 1;
                taps
            }
            // An eighth tap on one way.
            None => return true,
        };
        let copies = &mut self.copies[place].1;
        *copies = copies.saturating_add(1);
        let is_copy = *copies <= self.most;
        self.most = self.most.max(*copies);
        is_copy
    }
}

persist!(Entry { identity, first, most, taps, copies });
persist!(Duplicates { entries, counters });

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(microseconds: u64) -> Timestamp {
        Timestamp::from_nanos(1_000_000_000 + 1_000 * microseconds)
    }

    #[test]
    fn what_a_host_sends_twice_counts_twice() {
        let mut table = Duplicates::new(1 << 12, 3);
        let seen = [(0, 0), (1, 50), (0, 60), (1, 110), (2, 120), (2, 130), (2, 140)];
        let copies = seen.map(|(tap, time)| table.see(7, at(time), tap));
        assert_eq!(copies, [false, true, false, true, true, true, false]);
        assert!(!table.see(7, at(10_001), 1));
        let counted = table.counters().iter().map(|it| (it.packets, it.duplicates));
        assert_eq!(counted.collect::<Vec<_>>(), [(2, 0), (3, 2), (3, 2)]);
    }

    #[test]
    fn a_full_set_forgets_the_oldest_and_says_so() {
        let mut table = Duplicates::new(0, 2);
        for n in 1..=5 {
            assert!(!table.see(n, at(n), 0));
        }
        assert_eq!(table.counters()[0].duplicates_forgotten, 1);
        assert!(table.see(2, at(6), 1) && !table.see(1, at(6), 1));
        assert_eq!(table.memory_bytes(), WAYS * size_of::<Entry>());
        assert_eq!(size_of::<Entry>(), 32);
    }

    proptest! {
        /// Against a list of all packets: an instance of a packet begins where none is within
        /// [`APART`], and of its copies those count that raise the most at one tap.
        #[test]
        fn it_agrees_with_a_list_of_all_packets(
            packets in prop::collection::vec((1_u64..6, 0_u8..4, 0_u64..3_000), 0..200),
        ) {
            let mut table = Duplicates::new(1 << 16, 4);
            let mut before: Vec<(u64, Timestamp, u8)> = Vec::new();
            let mut first: Vec<Option<Timestamp>> = vec![None; 6];
            let mut now = 0;
            for (identity, tap, later) in packets {
                now += later;
                let begin = &mut first[identity as usize];
                if begin.is_none_or(|it| at(now).since(it) > APART) {
                    *begin = Some(at(now));
                }
                let begin = begin.unwrap_or_default();
                let copies = |of: u8| {
                    before.iter().filter(|it| it.0 == identity && it.1 >= begin && it.2 == of).count()
                };
                let most = (0..4).map(copies).max().unwrap_or(0);
                let is_copy = copies(tap) < most;
                // Keyed hashes are spread over the sets.
                let hash = identity.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                prop_assert_eq!(table.see(hash, at(now), tap), is_copy);
                before.push((identity, at(now), tap));
            }
            let forgotten = |it: &TapCounters| it.duplicates_forgotten;
            prop_assert_eq!(table.counters().iter().map(forgotten).sum::<u64>(), 0);
        }
    }
}
