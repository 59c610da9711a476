//! Who goes first when the table is full.
//!
//! Entries are of three classes, each with a share of the table: those that nobody passed
//! on, those that somebody did, and those that have alarmed. What exceeds its share most
//! makes room, so no class can push out what another has within its share. In a class the
//! one that is farthest from an alarm goes first, of equal ones the longest unseen.

use super::super::alarms::Thresholds;
use crate::state::{persist, persist_choice};

/// How many ranks a class has.
const RANKS: usize = 32;
const CLASSES: usize = Class::SHARES.len();
/// Lists of entries: one for each class and rank.
pub(super) const LISTS: usize = CLASSES * RANKS;

/// What is known of a content, as far as it decides which share of the table it is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// Nobody is known to have passed it on.
    #[default]
    Plain,
    /// Somebody has.
    PassedOn,
    /// It has alarmed, so that it was reported or is about to be.
    Alarmed,
}

impl Class {
    /// Quarters of the table.
    const SHARES: [usize; 3] = [2, 1, 1];
    const ALL: [Self; CLASSES] = [Self::Plain, Self::PassedOn, Self::Alarmed];
}

/// Where an entry stands: its class, and how near it is to an alarm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Standing {
    pub(super) class: Class,
    rank: u8,
}

impl Standing {
    pub(super) fn new(class: Class, nearness: u32) -> Self {
        Self { class, rank: rank(nearness) }
    }

    fn list(self) -> usize {
        self.class as usize * RANKS + usize::from(self.rank)
    }
}

/// Of a content with so many sources and destinations that was passed on to so many hosts:
/// the larger of its shares of the thresholds, in hosts of the lower threshold of both sides.
pub(super) fn nearness(hosts: (u32, u32), spread: u32, thresholds: &Thresholds) -> u32 {
    let unit = thresholds.sources.min(thresholds.destinations);
    let scaled = |count: u32, threshold: u32| {
        let scaled = u64::from(count) * u64::from(unit) / u64::from(threshold.max(1));
        u32::try_from(scaled).unwrap_or(u32::MAX)
    };
    let sources = scaled(hosts.0, thresholds.sources);
    let destinations = scaled(hosts.1, thresholds.destinations);
    sources.min(destinations).max(scaled(spread, thresholds.spread))
}

/// Exact up to 15, then four to an octave.
fn rank(nearness: u32) -> u8 {
    match nearness {
        0..=15 => nearness as u8,
        near => {
            let octave = near.ilog2();
            let quarter = near >> (octave - 2) & 3;
            (4 * octave + quarter).min(RANKS as u32 - 1) as u8
        }
    }
}

/// One list a class and rank, each from the newest to the longest unseen entry, threaded
/// through the slots: every step takes constant time.
#[derive(Debug)]
pub(super) struct Recency {
    links: Vec<Link>,
    ends: [Ends; LISTS],
    /// Bit r: rank r of the class has entries.
    occupied: [u32; CLASSES],
    /// Entries of each class.
    counts: [u32; CLASSES],
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Link {
    newer: u32,
    older: u32,
    standing: Standing,
}

#[derive(Clone, Copy, Debug)]
struct Ends {
    newest: u32,
    oldest: u32,
}

const NONE: u32 = u32::MAX;

impl Recency {
    pub(super) const BYTES_PER_ENTRY: usize = size_of::<Link>();

    pub(super) fn new(capacity: usize) -> Self {
        let link = Link { newer: NONE, older: NONE, standing: Standing::default() };
        Self {
            links: vec![link; capacity],
            ends: [Ends { newest: NONE, oldest: NONE }; LISTS],
            occupied: [0; CLASSES],
            counts: [0; CLASSES],
        }
    }

    /// Enters a slot as the newest of its standing.
    pub(super) fn insert(&mut self, slot: u32, standing: Standing) {
        let ends = &mut self.ends[standing.list()];
        let older = ends.newest;
        ends.newest = slot;
        match older {
            NONE => {
                ends.oldest = slot;
                self.occupied[standing.class as usize] |= 1 << standing.rank;
            }
            _ => self.links[older as usize].newer = slot,
        }
        self.links[slot as usize] = Link { newer: NONE, older, standing };
        self.counts[standing.class as usize] += 1;
    }

    /// Takes a slot out.
    pub(super) fn remove(&mut self, slot: u32) {
        let Link { newer, older, standing } = self.links[slot as usize];
        let ends = &mut self.ends[standing.list()];
        match newer {
            NONE => ends.newest = older,
            _ => self.links[newer as usize].older = older,
        }
        match older {
            NONE => ends.oldest = newer,
            _ => self.links[older as usize].newer = newer,
        }
        if ends.newest == NONE {
            self.occupied[standing.class as usize] &= !(1 << standing.rank);
        }
        self.counts[standing.class as usize] -= 1;
    }

    /// Entries of each class.
    pub(super) fn counts(&self) -> [u32; CLASSES] {
        self.counts
    }

    /// Where a slot stands.
    pub(super) fn standing(&self, slot: u32) -> Standing {
        self.links[slot as usize].standing
    }

    /// The class that has to make room for a new entry of `class` in a full table: the one
    /// that would exceed its share most.
    pub(super) fn class_to_go(&self, class: Class) -> Class {
        let all: i64 = self.counts.iter().map(|count| i64::from(*count)).sum();
        let excess = |of: Class| {
            let count = i64::from(self.counts[of as usize]) + i64::from(of == class);
            4 * count - all * Class::SHARES[of as usize] as i64
        };
        // Of equal ones the first.
        let present =
            Class::ALL.into_iter().rev().filter(|of| self.counts[*of as usize] > 0);
        present.max_by_key(|of| excess(*of)).unwrap_or_default()
    }

    /// The longest unseen slot of each rank of a class that has any, the lowest first.
    pub(super) fn oldest_by_rank(&self, class: Class) -> impl Iterator<Item = u32> {
        let first = class as usize * RANKS;
        let occupied = self.occupied[class as usize];
        (0..RANKS)
            .filter(move |rank| occupied >> rank & 1 != 0)
            .map(move |rank| self.ends[first + rank].oldest)
    }

    /// The longest unseen slot of one list.
    pub(super) fn oldest(&self, list: usize) -> Option<u32> {
        Some(self.ends[list].oldest).filter(|slot| *slot != NONE)
    }
}

persist!(Recency { links, ends, occupied, counts });
persist!(Link { newer, older, standing });
persist!(Ends { newest, oldest });
persist!(Standing { class, rank });
persist_choice!(Class: Class::Plain, Class::PassedOn, Class::Alarmed);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn thresholds(sources: u32, destinations: u32, spread: u32) -> Thresholds {
        Thresholds { sources, destinations, spread, relays: 1 }
    }

    #[test]
    fn ranks_rise_with_nearness() {
        let steps = [0, 1, 2, 9, 10, 15, 16, 20, 24, 28, 32, 64, 300, 100_000, u32::MAX];
        assert!(steps.map(rank).is_sorted());
        assert_eq!(
            [15, 16, 19, 20, 32, 255, 256].map(rank),
            [15, 16, 16, 17, 20, 31, 31]
        );
        assert_eq!(rank(u32::MAX), 31);
    }

    #[test]
    fn nearness_is_the_larger_share_of_a_threshold() {
        let even = thresholds(30, 30, 3);
        for (hosts, spread, expected) in
            [((7, 9), 0, 7), ((7, 9), 2, 20), ((25, 31), 2, 25), ((0, 0), 3, 30)]
        {
            assert_eq!(nearness(hosts, spread, &even), expected);
        }
        // Half of each of both: ten of twenty sources, fifty of a hundred destinations.
        assert_eq!(nearness((10, 50), 0, &thresholds(20, 100, 3)), 10);
        assert_eq!(nearness((u32::MAX, u32::MAX), 0, &thresholds(1, 1, 3)), u32::MAX);
    }

    /// Against a list of (slot, standing), the longest unseen first.
    type Twin = Vec<(u32, Standing)>;

    fn class_by_list(twin: &Twin, new: Class) -> Class {
        let mut best = (i64::MIN, Class::Plain);
        for of in Class::ALL {
            let count = twin.iter().filter(|entry| entry.1.class == of).count();
            let share = twin.len() as i64 * Class::SHARES[of as usize] as i64;
            let excess = 4 * (count as i64 + i64::from(of == new)) - share;
            if count > 0 && excess > best.0 {
                best = (excess, of);
            }
        }
        best.1
    }

    proptest! {
        #[test]
        fn it_orders_like_a_plain_list(
            steps in prop::collection::vec((0_u32..12, 0_u32..40, 0_usize..3), 0..300),
        ) {
            let mut recency = Recency::new(12);
            let mut twin = Twin::new();
            for (slot, nearness, class) in steps {
                let standing = Standing::new(Class::ALL[class], nearness);
                match twin.iter().position(|entry| entry.0 == slot) {
                    Some(at) => {
                        prop_assert_eq!(recency.standing(slot), twin[at].1);
                        recency.remove(slot);
                        twin.remove(at);
                    }
                    None => {
                        recency.insert(slot, standing);
                        twin.push((slot, standing));
                    }
                }
                for class in Class::ALL {
                    let of_class = twin.iter().filter(|entry| entry.1.class == class);
                    let mut by_rank: Vec<_> = of_class.copied().collect();
                    // Stable: of equal ones the longest unseen stays first.
                    by_rank.sort_by_key(|entry| entry.1);
                    by_rank.dedup_by_key(|entry| entry.1);
                    let slots: Vec<_> = by_rank.iter().map(|entry| entry.0).collect();
                    prop_assert_eq!(recency.oldest_by_rank(class).collect::<Vec<_>>(), slots);
                    prop_assert_eq!(recency.class_to_go(class), class_by_list(&twin, class));
                }
                for list in 0..LISTS {
                    let oldest = twin.iter().find(|entry| entry.1.list() == list);
                    prop_assert_eq!(recency.oldest(list), oldest.map(|entry| entry.0));
                }
            }
        }

        /// Whoever comes, no class loses what it has within its share.
        #[test]
        fn no_class_is_pushed_below_its_share(
            newcomers in prop::collection::vec((0_usize..3, 0_u32..40), 1..400),
        ) {
            let mut recency = Recency::new(16);
            for (n, (class, nearness)) in newcomers.into_iter().enumerate() {
                let class = Class::ALL[class];
                let slot = if n < 16 {
                    n as u32
                } else {
                    let loser = recency.class_to_go(class);
                    let slot = recency.oldest_by_rank(loser).next().unwrap();
                    let left = recency.counts[loser as usize] - 1;
                    prop_assert!(
                        loser == class || left as usize >= 4 * Class::SHARES[loser as usize]
                    );
                    recency.remove(slot);
                    slot
                };
                recency.insert(slot, Standing::new(class, nearness));
            }
        }
    }
}
