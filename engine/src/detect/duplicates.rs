//! Packets that several taps saw.
//!
//! A packet on its way may pass more than one tap, within moments. It counts once: a packet
//! that is equal to one of the last 10 ms, which its own tap has not shown yet, is a
//! copy of that one; of several of the oldest. So a host that sends a packet twice counts twice. Equal is
//! all that no router changes: addresses, ports, protocol, IPv4 identification, TCP numbers and
//! flags, and the payload.
//!
//! Guarantees: equal to a list of all packets, but for those that are forgotten early, whose copies
//! count again (`duplicates_forgotten`). It depends on the order of packets alone. Costs: 32 bytes a
//! packet of the last 10 ms, a few cache lines a look-up; nothing with one tap.

use crate::counters::counters;
use crate::sketch::reduce;
use crate::state::persist;
use crate::time::{Span, Timestamp};

/// For how long copies are expected: a few milliseconds of clocks that differ, and of the way.
pub(crate) const APART: Span = Span(10_000_000);
/// Entries of a set: equal packets of one moment are all in one.
const WAYS: usize = 8;

counters! {
    /// What came by at one tap.
    pub struct TapCounters {
        /// Frames, or packets where a host decodes them.
        pub packets: u64,
        /// Packets and fragments that another tap had shown before; none counts again.
        pub duplicates: u64,
        /// Packets for which it was forgotten early what another had shown: a copy counts again.
        pub duplicates_forgotten: u64,
    }
}

/// A packet of the last moments.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    identity: u64,
    first: Timestamp,
    /// A bit for each tap that has shown it; 0 for no entry.
    taps: u64,
    /// The direction of its conversation at the tap that showed it first.
    direction: u64,
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

    /// Notes a packet. Of one that another tap has shown before, the direction of its
    /// conversation there.
    pub(crate) fn see(
        &mut self,
        identity: u64,
        now: Timestamp,
        (tap, direction): (u8, u64),
    ) -> Option<u64> {
        let bit = 1_u64.checked_shl(tap.into()).unwrap_or(0);
        let sets = self.entries.len() / WAYS;
        let set = reduce(identity, sets) * WAYS;
        let ways = &mut self.entries[set..set + WAYS];
        let is_alive = |it: &Entry| it.taps > 0 && now.since(it.first) <= APART;
        let may_be = |it: &&mut Entry| {
            is_alive(it) && it.identity == identity && it.taps & bit == 0
        };
        let original = ways.iter_mut().filter(may_be).min_by_key(|it| it.first);
        let counters = self.counters.get_mut(usize::from(tap));
        if let Some(original) = original {
            original.taps |= bit;
            counters.into_iter().for_each(|it| it.duplicates += 1);
            return Some(original.direction);
        }
        let free = ways.iter().position(|it| !is_alive(it));
        let oldest = || (0..WAYS).min_by_key(|way| ways[*way].first).unwrap_or(0);
        let way = free.unwrap_or_else(oldest);
        ways[way] = Entry { identity, first: now, taps: bit, direction };
        counters
            .into_iter()
            .for_each(|it| it.duplicates_forgotten += u64::from(free.is_none()));
        None
    }

    /// Counts what came by at a tap.
    pub(crate) fn count(&mut self, tap: usize, packets: u64) {
        if let Some(counters) = self.counters.get_mut(tap) {
            counters.packets += packets;
        }
    }

    /// What came by, by tap.
    pub(crate) fn counters(&self) -> &[TapCounters] {
        &self.counters
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }
}

persist!(Entry { identity, first, taps, direction });
persist!(Duplicates { entries, counters });

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(microseconds: u64) -> Timestamp {
        Timestamp::from_nanos(1_000_000_000 + 1_000 * microseconds)
    }

    fn is_copy(table: &mut Duplicates, identity: u64, time: u64, tap: u8) -> bool {
        table.see(identity, at(time), (tap, u64::from(tap))).is_some()
    }

    #[test]
    fn what_a_host_sends_twice_counts_twice() {
        let mut table = Duplicates::new(1 << 12, 3);
        let seen = [(0, 0), (1, 50), (0, 60), (1, 110), (2, 120), (2, 130), (2, 140)];
        let copies = seen.map(|(tap, time)| is_copy(&mut table, 7, time, tap));
        assert_eq!(copies, [false, true, false, true, true, true, false]);
        assert!(!is_copy(&mut table, 7, 10_141, 1));
        let counted = table.counters().iter().map(|it| it.duplicates);
        assert_eq!(counted.collect::<Vec<_>>(), [0, 2, 2]);
    }

    /// A packet every 5 ms for ever, which a second tap sees 50 us later.
    #[test]
    fn a_packet_that_comes_again_and_again_has_as_many_copies() {
        let mut table = Duplicates::new(1 << 12, 2);
        for n in 0..1_000 {
            assert!(!is_copy(&mut table, 7, 5_000 * n, 0));
            assert!(is_copy(&mut table, 7, 5_000 * n + 50, 1));
        }
    }

    #[test]
    fn a_full_set_forgets_the_oldest_and_says_so() {
        let mut table = Duplicates::new(0, 2);
        for n in 1..=9 {
            assert!(!is_copy(&mut table, n, n, 0));
        }
        assert_eq!(table.counters()[0].duplicates_forgotten, 1);
        assert!(is_copy(&mut table, 2, 10, 1) && !is_copy(&mut table, 1, 10, 1));
        assert_eq!(table.memory_bytes(), WAYS * size_of::<Entry>());
        assert_eq!(size_of::<Entry>(), 32);
        // What one tap alone shows again and again is no copy.
        (0..1_000).for_each(|n| assert!(!is_copy(&mut table, 3, 20 + n, 0)));
    }

    proptest! {
        /// Against a list of all packets, each with the taps that have shown it.
        #[test]
        fn it_agrees_with_a_list_of_all_packets(
            packets in prop::collection::vec((1_u64..6, 0_u8..4, 0_u64..3_000), 0..200),
        ) {
            let mut table = Duplicates::new(1 << 16, 4);
            let mut all: Vec<(u64, Timestamp, Vec<u8>)> = Vec::new();
            let mut now = 0;
            for (identity, tap, later) in packets {
                now += later;
                let original = all.iter_mut().find(|(other, first, taps)| {
                    *other == identity && at(now).since(*first) <= APART && !taps.contains(&tap)
                });
                // Keyed hashes are spread over the sets.
                let hash = identity.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let expected = original.as_ref().map(|it| u64::from(it.2[0]));
                let found = table.see(hash, at(now), (tap, tap.into()));
                if table.counters().iter().any(|it| it.duplicates_forgotten > 0) {
                    return Ok(());
                }
                prop_assert_eq!(found, expected);
                match original {
                    Some(original) => original.2.push(tap),
                    None => all.push((identity, at(now), vec![tap])),
                }
            }
        }
    }
}
