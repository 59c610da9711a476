use super::*;
use crate::sketch::hash_word;
use proptest::prelude::*;
use std::collections::{BTreeMap, HashSet};

const NO_END: usize = usize::MAX / 2;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

fn note(counter: &mut AddressCounter, address: u64, seconds: u64) {
    counter.note(hash_word(address, 5), at(seconds), NO_END);
}

/// The same with sets of addresses by hour and by ten minutes.
#[derive(Default)]
struct Twin {
    all: HashSet<u64>,
    hours: BTreeMap<u64, HashSet<u64>>,
    windows: BTreeMap<u64, HashSet<u64>>,
    days: BTreeMap<u64, HashSet<u64>>,
}

impl Twin {
    fn note(&mut self, address: u64, seconds: u64) {
        self.all.insert(address);
        self.hours.entry(seconds / 3_600).or_default().insert(address);
        self.windows.entry(seconds / 600).or_default().insert(address);
        self.days.entry(seconds / 86_400).or_default().insert(address);
    }

    /// In all, at most in an hour, in the last one, at most in ten minutes, in the last day.
    fn figures(&self) -> [u32; 5] {
        let most = |sets: &BTreeMap<u64, HashSet<u64>>| {
            sets.values().map(HashSet::len).max().unwrap_or(0)
        };
        let now = self.hours.values().next_back().map_or(0, HashSet::len);
        let today = self.days.values().next_back().map_or(0, HashSet::len);
        [self.all.len(), most(&self.hours), now, most(&self.windows), today]
            .map(|n| n as u32)
    }
}

fn figures(counter: &AddressCounter) -> [u32; 5] {
    let addresses = counter.addresses().number;
    let Hour { addresses: now, of_day, .. } = counter.hour();
    assert_eq!(now, counter.now());
    [addresses, counter.hour_peak(), now, counter.window_peak(), of_day]
}

/// Holds the figures within so many standard errors of the truth, and the last never above.
fn holds(found: [u32; 5], truth: [u32; 5], errors: f64) -> bool {
    let is_near = |kind: usize, registers: f64| {
        let (found, truth) = (f64::from(found[kind]), f64::from(truth[kind]));
        (found - truth).abs() <= (errors * 1.04 / registers.sqrt() * truth).max(1.0)
    };
    is_near(0, 4_096.0)
        && is_near(1, 2_048.0)
        && is_near(2, 2_048.0)
        && is_near(4, 512.0)
        && found[3] <= truth[3]
}

proptest! {
    #[test]
    fn few_addresses_are_counted_like_sets(
        steps in prop::collection::vec((0_u64..128, 0_u64..900), 1..400),
    ) {
        let (mut counter, mut twin, mut now) = (AddressCounter::default(), Twin::default(), 0);
        for (address, later) in steps {
            now += later;
            note(&mut counter, address, now);
            twin.note(address, now);
            prop_assert_eq!(figures(&counter), twin.figures());
        }
        prop_assert_eq!(counter.addresses(), Count::exact(twin.all.len() as u32));
    }

    #[test]
    fn a_merged_counter_is_one_that_saw_all(
        steps in prop::collection::vec((0_u64..400, 0_u64..30, any::<bool>()), 1..600),
    ) {
        // Within one span of each kind: what is over is told by its greatest alone.
        let [mut one, mut two, mut all] = [(); 3].map(|()| AddressCounter::default());
        let mut now = 3_600;
        for (address, later, first) in steps {
            now = (now + later).min(4_199);
            note(if first { &mut one } else { &mut two }, address, now);
            note(&mut all, address, now);
        }
        let mut other = two.clone();
        other.merge(&one);
        one.merge(&two);
        prop_assert_eq!(figures(&one), figures(&all));
        prop_assert_eq!(figures(&other), figures(&all));
        prop_assert_eq!(&one.registers, &all.registers);
        let before = one.clone();
        one.merge(&two);
        prop_assert_eq!(one, before);
    }

    #[test]
    fn a_saved_counter_goes_on_as_if_nothing_had_been(
        addresses in 1_u64..400, cut in any::<bool>(),
    ) {
        let mut counter = AddressCounter::new(at(7), cut);
        (0..addresses).for_each(|n| note(&mut counter, n, 10 * n));
        let mut bytes = Vec::new();
        counter.persist(&mut Exchange::writing(&mut bytes)).unwrap();
        let mut restored = AddressCounter::default();
        restored.persist(&mut Exchange::reading(&mut &*bytes)).unwrap();
        prop_assert_eq!(restored, counter);
    }
}

#[test]
fn from_ten_to_a_million_it_stays_within_three_errors_of_the_sets() {
    for addresses in [10_u64, 100, 128, 129, 1_000, 10_000, 100_000, 1_000_000] {
        let (mut counter, mut twin) = (AddressCounter::default(), Twin::default());
        // Over three hours, a third of them a second time an hour later.
        for n in 0..addresses {
            let seconds = n * 10_800 / addresses;
            for address in [n, n.saturating_sub(addresses / 3)] {
                note(&mut counter, address, seconds);
                twin.note(address, seconds);
            }
        }
        let (found, truth) = (figures(&counter), twin.figures());
        assert!(holds(found, truth, 3.0), "{addresses}: {found:?}, truly {truth:?}");
        assert!(found[3] * 10 >= truth[3] * 7, "{addresses}: {found:?}, truly {truth:?}");
        assert!(counter.memory_bytes() <= MOST_BYTES);
        if addresses <= 128 {
            assert_eq!(found, truth);
        }
    }
}

#[test]
fn spans_that_are_over_are_told_by_their_greatest() {
    let mut one = AddressCounter::default();
    (0..5).for_each(|n| note(&mut one, n, 0));
    note(&mut one, 9, 3_600);
    assert_eq!(figures(&one), [6, 5, 1, 5, 6]);
    let mut earlier = AddressCounter::default();
    (20..27).for_each(|n| note(&mut earlier, n, 100));
    // Merged either way: seven in an hour that is over, one in the latest.
    let mut other = earlier.clone();
    other.merge(&one);
    one.merge(&earlier);
    assert_eq!(figures(&one), [13, 7, 1, 7, 13]);
    assert_eq!(figures(&other), [13, 7, 1, 7, 13]);
    // A sighting that comes late counts in all, and in its hour if that is the latest.
    note(&mut one, 30, 50);
    assert_eq!(figures(&one), [14, 7, 1, 7, 14]);
}

#[test]
fn what_was_seen_at_some_time_counts_where_it_must_have_been() {
    // Three addresses seen from 3,000 s on, and counted from some time on.
    for (now, figure) in
        [(3_599, [3, 3, 3, 3, 3]), (3_001, [3, 3, 3, 3, 3]), (3_600, [3, 0, 0, 0, 3])]
    {
        let mut counter = AddressCounter::new(at(now), false);
        (0..3).for_each(|n| note(&mut counter, n, 3_000));
        assert_eq!(figures(&counter), figure, "{now}");
    }
    let mut counter = AddressCounter::new(at(2_900), false);
    (0..3).for_each(|n| note(&mut counter, n, 2_000));
    assert_eq!(figures(&counter), [3, 3, 3, 0, 3]);
}

#[test]
fn without_memory_it_says_at_least_and_is_refused_once() {
    let mut counter = AddressCounter::default();
    for n in 0..8 {
        assert_eq!(counter.note(hash_word(n, 5), at(n), 0), Counted::Yes);
    }
    assert_eq!(counter.note(hash_word(8, 5), at(8), 0), Counted::Refused);
    assert_eq!(counter.note(hash_word(9, 5), at(9), 0), Counted::Yes);
    assert_eq!(counter.addresses(), Count::at_least(8));
    assert_eq!(counter.memory_bytes(), AddressCounter::bytes_for(8));
    // With room it goes on, but what was missed stays missed.
    assert_eq!(counter.note(hash_word(10, 5), at(10), 128), Counted::Yes);
    assert_eq!(counter.addresses(), Count::at_least(9));
    assert_eq!(AddressCounter::new(at(7), true).addresses(), Count::at_least(0));
}
