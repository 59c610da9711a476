use super::*;
use crate::detect::conversations::Facts;
use crate::detect::count::{Count, Precision};
use crate::packet::Handshake;
use crate::signature::Handshakes;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn host(n: u64) -> Host {
    Host(0xffff_0a00_0000 + u128::from(n))
}

fn seen(packet: u64, seconds: u64, source: u64, destination: u64) -> Seen {
    Seen {
        content: 0,
        packet,
        time: Timestamp::from_nanos(seconds * 1_000_000_000),
        offset: 7,
        source: host(source),
        destination: host(destination),
        protocol: 6,
        source_port: 1_024,
        destination_port: 80,
        flow_shard: (source % 64) as u8,
        facts: Facts::default(),
        missing: Missing { promoted: true, any: false },
        is_decoys: false,
        tap: 0,
    }
}

/// Keys as the sensor makes them: spread over 64 bits.
fn key(n: u64) -> u64 {
    n.wrapping_add(1).wrapping_mul(0xd6e8_feb8_6659_fd93)
}

fn table(entries: usize) -> Candidates {
    let table = Candidates::new(
        2 * entries * (FIXED + FIRST_LISTS),
        8,
        Span::from_secs(4 * 3_600),
        11,
    );
    assert_eq!(table.capacity(), entries);
    table
}

#[test]
fn a_content_becomes_a_candidate_and_is_sampled_from_two_by_two_or_a_relay_on() {
    let mut table = table(8);
    let requests = &mut Vec::new();
    let cases = [((1, 9), 0, 0), ((9, 1), 0, 0), ((2, 2), 0, 1)];
    for (n, (estimates, spread, samples)) in cases.into_iter().enumerate() {
        requests.clear();
        let slot =
            table.observe(key(n as u64), &seen(1, 1, 1, 1), estimates, spread, requests);
        assert!(slot.is_some());
        assert_eq!(requests.len(), samples);
    }
    assert!(table.observe(key(9), &seen(1, 1, 1, 1), (1, 1), 2, requests).is_some());
    assert_eq!(requests.len(), 2);
    assert_eq!((table.len(), table.counters().admitted), (4, 4));
    assert!(table.find(key(3)).is_none());
    // Once a candidate, it is counted whatever the estimates say.
    let slot = table.observe(key(2), &seen(2, 2, 3, 4), (1, 1), 0, requests).unwrap();
    let entry = table.get(slot).unwrap();
    assert_eq!(
        (entry.packets, entry.sources.estimate(), entry.destinations.estimate()),
        (2, 2, 2)
    );
    assert_eq!(entry.sources.list(), [host(1), host(3)]);
    assert_eq!(entry.destinations.list(), [host(1), host(4)]);
    assert_eq!(entry.first.time, seen(1, 1, 0, 0).time);
    assert_eq!(entry.last_seen, seen(2, 2, 0, 0).time);
}

#[test]
fn lists_are_exact_up_to_64_hosts_and_say_when_they_are_not() {
    let mut table = Candidates::new(1 << 20, 8, Span::from_secs(4 * 3_600), 11);
    let requests = &mut Vec::new();
    let mut slot = None;
    for n in 0..100 {
        slot = table.observe(key(1), &seen(n, n, n, n % 64), (2, 2), 0, requests);
        let entry = table.get(slot.unwrap()).unwrap();
        assert_eq!(entry.sources.list().len() as u64, (n + 1).min(64));
        assert_eq!(entry.sources.is_listed(), n < 64);
        assert_eq!(entry.destinations.list().len() as u64, (n + 1).min(64));
    }
    let entry = table.get(slot.unwrap()).unwrap();
    assert!(entry.destinations.is_listed());
    assert_eq!(entry.sources.list()[63], host(63));
    assert_eq!(table.counters().lists_cut, 0);
}

#[test]
fn full_sketches_inflate_no_figure_while_the_lists_are_complete() {
    let mut table = Candidates::new(1 << 20, 8, Span::from_secs(4 * 3_600), 11);
    let mut observe = |n: u64, estimates| {
        let seen = seen(n, n, n, n % 3);
        let slot = table.observe(key(1), &seen, estimates, 0, &mut Vec::new());
        let entry = table.get(slot.unwrap()).unwrap();
        (entry.sources.estimate(), entry.destinations.estimate())
    };
    // At admission 5 and 2 were estimated, so 4 and 1 hosts came before.
    assert_eq!(observe(0, (5, 2)), (5, 2));
    // A sketch that says less is believed; one that says more, up to what is listed.
    assert_eq!(observe(1, (5, 3)), (5, 3));
    assert_eq!(observe(2, (300, 300)), (4 + 3, 1 + 3));
    assert_eq!(observe(3, (300, 300)), (4 + 4, 1 + 3));
    for n in 4..64 {
        assert_eq!(observe(n, (300, 300)), (4 + n as u32 + 1, 1 + 3));
    }
    // From the 65th on there is no list of all sources to go by.
    assert_eq!(observe(64, (300, 300)), (300, 1 + 3));
}

#[test]
fn a_list_that_may_not_grow_is_cut_and_counted_once() {
    // Room for two entries and not one list more.
    let mut table =
        Candidates::new(2 * (FIXED + FIRST_LISTS) * 2, 8, Span::from_secs(4 * 3_600), 11);
    table.budget = table.fixed_bytes() + 2 * FIRST_LISTS;
    let requests = &mut Vec::new();
    for n in 0..20 {
        table.observe(key(1), &seen(n, n, n, 1), (2, 2), 0, requests);
        table.observe(key(2), &seen(n, n, 1, 1), (2, 2), 0, requests);
        assert!(table.memory_bytes() <= table.budget);
    }
    let entry = table.get(table.find(key(1)).unwrap()).unwrap();
    assert_eq!(entry.sources.list(), [0, 1, 2, 3].map(host));
    assert!(!entry.sources.is_listed());
    assert!(entry.destinations.is_listed());
    assert_eq!(table.counters().lists_cut, 1);
    assert_eq!(entry.samples.len(), 2);
    assert_eq!(table.counters().samples_refused, 18);
}

#[test]
fn samples_come_from_distinct_sources_and_newer_ones_follow_each_doubling() {
    let mut table = Candidates::new(1 << 20, 3, Span::from_secs(4 * 3_600), 11);
    let mut requests = Vec::new();
    let mut observe = |packet, source, destination, estimate| {
        requests.clear();
        table.observe(
            key(1),
            &seen(packet, packet, source, destination),
            (estimate, estimate),
            0,
            &mut requests,
        );
        requests.clone()
    };
    let take = |packet, source: u64, priority| SampleRequest::Take {
        flow_shard: source as u8,
        packet,
        offset: 7,
        priority,
    };
    let release = |packet, source: u64| SampleRequest::Release {
        flow_shard: source as u8,
        packet,
        offset: 7,
    };
    assert_eq!(observe(1, 10, 20, 2), [take(1, 10, 1)]);
    assert_eq!(observe(2, 10, 20, 2), [], "same pair");
    assert_eq!(observe(3, 10, 21, 2), [take(3, 10, 1)], "new destination");
    assert_eq!(observe(4, 10, 22, 2), [take(4, 10, 1)], "and another");
    assert_eq!(observe(5, 11, 22, 2), [], "full");
    assert_eq!(observe(6, 10, 23, 3), [], "full, and known");
    assert_eq!(observe(7, 12, 22, 4), [release(1, 10), take(7, 12, 2)]);
    assert_eq!(observe(8, 13, 23, 5), [release(3, 10), take(8, 13, 2)]);
    assert_eq!(observe(9, 14, 24, 6), [release(4, 10), take(9, 14, 2)]);
    assert_eq!(observe(10, 15, 25, 7), [], "three at this level");
    assert_eq!(observe(11, 14, 26, 8), [], "known source");
    assert_eq!(observe(12, 16, 26, 8), [release(7, 12), take(12, 16, 3)]);
}

#[test]
fn early_samples_are_of_four_destinations() {
    let mut table = Candidates::new(1 << 20, 8, Span::from_secs(4 * 3_600), 11);
    let mut requests = Vec::new();
    for n in 0..20 {
        table.observe(key(1), &seen(n, n, 1, n), (2, 2), 0, &mut requests);
    }
    assert_eq!(requests.len(), 4, "{requests:?}");
    table.observe(key(1), &seen(20, 20, 2, 3), (2, 2), 0, &mut requests);
    assert_eq!(requests.len(), 5, "a new source, whatever its destination");
}

#[test]
fn an_entry_that_displaced_another_samples_from_its_second_sighting_on() {
    let mut table = table(1);
    let mut requests = Vec::new();
    table.observe(key(1), &seen(1, 1, 1, 1), (2, 2), 0, &mut requests);
    assert!(matches!(requests[..], [SampleRequest::Take { packet: 1, .. }]));
    requests.clear();
    // What goes through in passing leaves no request behind it.
    for n in 2..10 {
        table.observe(key(n), &seen(n, n, 1, 1), (2, 2), 0, &mut requests);
    }
    assert!(matches!(requests[..], [SampleRequest::Release { packet: 1, .. }]));
    requests.clear();
    table.observe(key(9), &seen(10, 10, 2, 2), (2, 2), 0, &mut requests);
    assert!(matches!(requests[..], [SampleRequest::Take { packet: 10, .. }]));
    requests.clear();
    table.observe(key(11), &seen(11, 11, 1, 1), (2, 2), 2, &mut requests);
    assert!(matches!(
        requests[..],
        [
            SampleRequest::Release { packet: 10, .. },
            SampleRequest::Take { packet: 11, .. }
        ]
    ));
}

#[test]
fn a_relay_raises_the_priority_of_samples() {
    let mut table = Candidates::new(1 << 20, 1, Span::from_secs(4 * 3_600), 11);
    let mut requests = Vec::new();
    table.observe(key(1), &seen(1, 1, 1, 1), (2, 2), 0, &mut requests);
    table.observe(key(1), &seen(2, 1, 2, 1), (2, 2), 0, &mut requests);
    assert_eq!(requests.len(), 1);
    table.observe(key(1), &seen(3, 1, 3, 1), (2, 2), 2, &mut requests);
    assert!(
        matches!(requests[2], SampleRequest::Take { packet: 3, priority: 33, .. }),
        "{requests:?}"
    );
}

#[test]
fn a_flood_neither_displaces_nor_keeps_out_an_outbreak() {
    let entries = 64;
    let mut table = table(entries);
    let mut requests = Vec::new();
    let mut flood = 0;
    let mut packet = 0;
    let mut last = None;
    // Ten times the table between any two sightings of the outbreak, all within
    // a minute. Its estimates come from the sketch, which does not forget.
    for sighting in 0..40_u64 {
        for _ in 0..10 * entries {
            flood += 1;
            packet += 1;
            let seen = seen(packet, sighting, flood, flood);
            table.observe(key(1_000 + flood), &seen, (2, 2), 0, &mut requests);
        }
        packet += 1;
        let estimate = (sighting / 4).min(10) as u32;
        let seen = seen(packet, sighting, sighting, sighting);
        let slot = table.observe(key(1), &seen, (estimate, estimate), 0, &mut requests);
        assert_eq!(slot.is_some(), estimate >= 2, "sighting {sighting}");
        last = slot.or(last);
    }
    let entry = table.get(last.unwrap()).unwrap();
    assert_eq!(entry.key, key(1));
    // From 3 x 3 on, it stays: 28 of the 40 sightings in one entry.
    assert_eq!(entry.packets, 28);
    assert_eq!(entry.sources.list().len(), 28);
    assert!(entry.samples.iter().all(|sample| sample.priority >= 2));
    assert_eq!(table.counters().evicted_less_dispersed, {
        table.counters().admitted - entries as u64
    });
}

#[test]
fn fresh_and_more_dispersed_entries_keep_new_ones_out_for_a_minute() {
    let mut table = table(4);
    let requests = &mut Vec::new();
    for n in 0..4 {
        table.observe(key(n), &seen(n, n, 1, 1), (3, 3), 0, requests);
    }
    assert!(table.observe(key(9), &seen(9, 59, 1, 1), (2, 8), 0, requests).is_none());
    assert_eq!(table.counters().refused, 1);
    // Equal ones displace the longest unseen.
    assert!(table.observe(key(8), &seen(9, 59, 1, 1), (3, 3), 0, requests).is_some());
    assert!(table.find(key(0)).is_none());
    assert!(table.find(key(1)).is_some());
    // After a minute anything does.
    assert!(table.observe(key(9), &seen(9, 61, 1, 1), (2, 2), 0, requests).is_some());
    assert!(table.find(key(1)).is_none());
    let counters = *table.counters();
    assert_eq!((counters.evicted_less_dispersed, counters.evicted_unseen), (1, 1));
}

#[test]
fn addresses_are_counted_from_the_alarm_on_within_their_budget() {
    let budget = 8_192 + AddressCounter::bytes_for(4);
    let mut table = table(8).with_populations(budget);
    let requests = &mut Vec::new();
    let mut observe = |table: &mut Candidates, content: u64, n: u64| {
        let mut seen = seen(n, n, n, n);
        seen.missing.promoted = false;
        assert!(table.observe(key(content), &seen, (2, 2), 0, requests).is_some());
    };
    let addresses = |table: &Candidates, content: u64| {
        let slot = table.find(key(content))?;
        Some(table.get(slot)?.population.as_ref()?.addresses())
    };
    let alarm = |table: &mut Candidates, content: u64| {
        let slot = table.find(key(content)).unwrap();
        table.set_alarm(slot, Alarm::Dispersion, Some(Timestamp::from_nanos(1)));
    };
    (0..10).for_each(|n| observe(&mut table, 1, n));
    assert_eq!((addresses(&table, 1), table.population_bytes()), (None, 0));
    alarm(&mut table, 1);
    assert_eq!(addresses(&table, 1), Some(Count::exact(10)));
    alarm(&mut table, 1);
    (5..300).for_each(|n| observe(&mut table, 1, n));
    let many = addresses(&table, 1).unwrap();
    assert!((many.number as f64 - 300.0).abs() < 15.0, "{many}");
    assert_eq!(many.precision, Precision::About);
    // One that is small still has room, cannot grow much, and the next has none.
    (0..4).for_each(|n| observe(&mut table, 2, n));
    alarm(&mut table, 2);
    (0..300).for_each(|n| observe(&mut table, 2, n));
    assert_eq!(addresses(&table, 2).unwrap().precision, Precision::AtLeast);
    assert!(table.population_bytes() <= budget);
    (0..64).for_each(|n| observe(&mut table, 3, n));
    alarm(&mut table, 3);
    assert_eq!(addresses(&table, 3), None);
    let counters = table.counters();
    assert_eq!((counters.populations_refused, counters.populations_cut), (1, 1));
    // What goes gives its memory back.
    table.expire(Timestamp::MAX, requests);
    assert_eq!(table.population_bytes(), 0);
}

#[test]
fn a_flood_of_one_class_leaves_the_others_their_shares() {
    let mut table = table(8);
    let requests = &mut Vec::new();
    // Four that nobody passed on, two that somebody did, two that have alarmed.
    for n in 0..8 {
        let spread = if n < 4 { 0 } else { 2 };
        let slot = table.observe(key(n), &seen(n, n, 1, 1), (2, 2), spread, requests);
        if n >= 6 {
            table.set_alarm(
                slot.unwrap(),
                Alarm::Propagation,
                Some(seen(n, n, 0, 0).time),
            );
        }
    }
    let kept = |table: &Candidates, of: std::ops::Range<u64>| {
        of.filter(|n| table.find(key(*n)).is_some()).count()
    };
    for n in 100..200 {
        table.observe(key(n), &seen(n, 9, 1, 1), (1, 1), 30, requests);
    }
    assert_eq!([kept(&table, 0..4), kept(&table, 4..6), kept(&table, 6..8)], [4, 0, 2]);
    assert_eq!(table.counters().evicted_relay, 100);
    for n in 200..300 {
        table.observe(key(n), &seen(n, 10, 1, 1), (99, 99), 0, requests);
    }
    assert_eq!(
        [kept(&table, 0..4), kept(&table, 198..200), kept(&table, 6..8)],
        [0, 2, 2]
    );
}

#[test]
fn what_is_unseen_makes_room_whatever_its_rank() {
    let mut table = table(2);
    let requests = &mut Vec::new();
    table.observe(key(1), &seen(1, 1, 1, 1), (50, 50), 0, requests);
    table.observe(key(2), &seen(2, 50, 1, 1), (5, 5), 0, requests);
    // The lower one is fresh and nearer than the new one; the higher one is not seen any more.
    table.observe(key(3), &seen(3, 70, 1, 1), (2, 2), 0, requests);
    assert!(table.find(key(1)).is_none() && table.find(key(2)).is_some());
    assert_eq!(table.counters().evicted_unseen, 1);
}

#[test]
fn an_alarm_fires_once_a_window() {
    let window = Span::from_secs(100);
    let mut table = Candidates::new(1 << 16, 8, window, 11);
    let slot =
        table.observe(key(1), &seen(1, 1, 1, 1), (2, 2), 0, &mut Vec::new()).unwrap();
    let at = |seconds: u64| Timestamp::from_nanos(seconds * 1_000_000_000);
    let mut fire = |alarm, time| {
        let may = table.may_alarm(slot, alarm, at(time));
        may.inspect(|_| table.set_alarm(slot, alarm, Some(at(time))))
    };
    let fired = [10, 11, 109, 110, 150, 210].map(|time| fire(Alarm::Dispersion, time));
    let (never, once, twice) = (Some(None), Some(Some(at(10))), Some(Some(at(110))));
    assert_eq!(fired, [never, None, None, once, None, twice]);
    assert_eq!(fire(Alarm::Propagation, 211), never);
    // Taken back, it may fire again at once.
    table.set_alarm(slot, Alarm::Propagation, None);
    assert_eq!(table.may_alarm(slot, Alarm::Propagation, at(211)), never);
    table.set_alarm(slot, Alarm::Propagation, Some(at(211)));
    let entry = table.get(slot).unwrap();
    assert_eq!(entry.alarmed(Alarm::Dispersion), Some(at(210)));
    assert_eq!(entry.alarmed(Alarm::Propagation), Some(at(211)));
}

#[test]
fn what_is_unseen_expires_with_its_samples_and_its_slot_is_used_again() {
    let mut table = table(3);
    let mut requests = Vec::new();
    for n in 0..3 {
        let size = 2 + n as u32;
        table.observe(key(n), &seen(n, n, 1, 1), (size, size), 0, &mut requests);
    }
    let slot = table.find(key(0)).unwrap();
    let memory = table.memory_bytes();
    requests.clear();
    table.expire(seen(0, 2, 0, 0).time, &mut requests);
    assert_eq!(requests.len(), 2);
    assert_eq!((table.len(), table.counters().expired), (1, 2));
    assert!(table.get(slot).is_none());
    let time = Timestamp::default();
    assert_eq!(table.may_alarm(slot, Alarm::Dispersion, time), None);
    assert_eq!(table.by_key().map(|entry| entry.key).collect::<Vec<_>>(), [key(2)]);
    for n in 3..5 {
        table.observe(key(n), &seen(n, n, 1, 1), (2, 2), 0, &mut requests);
    }
    assert_eq!((table.len(), table.memory_bytes()), (3, memory));
}

#[test]
fn a_budget_below_one_entry_refuses_everything() {
    let mut table = Candidates::new(100, 8, Span::from_secs(4 * 3_600), 11);
    let slot = table.observe(key(1), &seen(1, 1, 1, 1), (9, 9), 2, &mut Vec::new());
    assert!(slot.is_none() && table.is_empty());
    assert_eq!(table.counters().refused, 1);
    assert!(table.memory_bytes() <= 100);
}

proptest! {
    /// While the table is not full, it is a map of exact sets; always, memory
    /// keeps to the budget and the requests balance.
    #[test]
    fn it_answers_like_exact_sets_and_keeps_to_its_budget(
        steps in prop::collection::vec((0_u64..40, 0_u64..90, 0_u64..90), 1..800),
        bytes in prop::sample::select(vec![0_usize, 3_000, 20_000, 1 << 20]),
    ) {
        let mut table = Candidates::new(bytes, 8, Span::from_secs(4 * 3_600), 11);
        let mut twin: BTreeMap<u64, (BTreeSet<Host>, BTreeSet<Host>, u64)> =
            BTreeMap::new();
        let mut held = BTreeSet::new();
        let mut requests = Vec::new();
        for (packet, (n, source, destination)) in steps.into_iter().enumerate() {
            let seen = seen(packet as u64, packet as u64, source, destination);
            let minimum = 2 + (n / 4) as u32;
            table.observe(key(n), &seen, (minimum, minimum), 0, &mut requests);
            let exact = twin.entry(key(n)).or_default();
            exact.0.insert(host(source));
            exact.1.insert(host(destination));
            exact.2 += 1;
            for request in requests.drain(..) {
                match request {
                    SampleRequest::Take { flow_shard, packet, .. } =>
                        prop_assert!(held.insert((flow_shard, packet))),
                    SampleRequest::Release { flow_shard, packet, .. } =>
                        prop_assert!(held.remove(&(flow_shard, packet))),
                }
            }
            prop_assert!(table.memory_bytes() <= bytes.max(100));
        }
        let named: BTreeSet<_> = table
            .by_key()
            .flat_map(|entry| &entry.samples)
            .map(|sample| (sample.flow_shard, sample.packet))
            .collect();
        prop_assert_eq!(named, held);
        let lists: usize = table.entries.iter().map(Candidate::reserved).sum();
        prop_assert_eq!(table.lists, lists);
        for entry in table.by_key() {
            let exact = &twin[&entry.key];
            let sources: BTreeSet<_> = entry.sources.list().iter().copied().collect();
            prop_assert_eq!(sources.len(), entry.sources.list().len());
            prop_assert!(sources.is_subset(&exact.0));
            let whole = table.counters().admitted <= table.capacity() as u64;
            if whole {
                prop_assert_eq!(entry.packets, exact.2);
                prop_assert_eq!(entry.sources.is_listed(), sources == exact.0);
            }
        }
    }
}

/// An entry of a table by definition: its key, class, nearness, and when it was last seen.
type Plain = (u64, usize, u32, u64);

/// The place of the entry that makes room for a new one in a full table, if any does.
fn place_to_go(entries: &[Plain], class: usize, near: u32, now: u64) -> Option<usize> {
    let excess = |of: usize| {
        let count = entries.iter().filter(|it| it.1 == of).count();
        let with_new = (count + usize::from(of == class)) as i64;
        (count > 0).then(|| 4 * with_new - [2, 1, 1][of] * entries.len() as i64)
    };
    // The first of the greatest of those that have entries.
    let mut loser = 0;
    for of in 1..3 {
        if excess(of) > excess(loser) {
            loser = of;
        }
    }
    // Ranks are exact up to 15, and entries are in the order in which they were last seen.
    let mut places: Vec<usize> =
        (0..entries.len()).filter(|at| entries[*at].1 == loser).collect();
    places.sort_by_key(|at| entries[*at].2);
    places.dedup_by_key(|at| entries[*at].2);
    places.into_iter().find(|at| {
        let (_, _, rank, seen) = entries[*at];
        loser != class || rank <= near || now - seen >= 60
    })
}

proptest! {
    #[test]
    fn a_full_table_lets_go_as_a_plain_list_does(
        // Content, hosts, spread, whether it alarms, seconds gone by.
        steps in prop::collection::vec(
            (0_u64..30, 1_u32..8, prop::sample::select(vec![0_u32, 0, 2, 3, 9]), 0_u8..8, 0_u64..25),
            1..200,
        ),
        entries in 1_usize..12,
    ) {
        let mut table = table(entries);
        let mut twin: Vec<Plain> = Vec::new();
        let mut now = 0;
        for (packet, (n, hosts, spread, alarms, gap)) in (0..).zip(steps) {
            now += gap;
            let seen = Seen {
                missing: Missing { promoted: true, any: false },
        is_decoys: false,
        tap: 0,
                ..seen(packet, now, 1, 1)
            };
            let slot = table.observe(key(n), &seen, (hosts, hosts), spread, &mut Vec::new());
            if let Some(slot) = slot.filter(|_| alarms == 0) {
                table.set_alarm(slot, Alarm::Dispersion, Some(seen.time));
            }
            // Of one host on either side, and those that came before the entry.
            let near = hosts.max(spread);
            let known = twin.iter().position(|it| it.0 == n).map(|at| twin.remove(at));
            let entered = match known {
                Some((_, class, nearness, _)) => {
                    let class = class.max(usize::from(spread > 0));
                    Some((class, nearness.max(spread)))
                }
                None => {
                    let class = usize::from(spread > 0);
                    let room = if twin.len() < entries {
                        true
                    } else if let Some(at) = place_to_go(&twin, class, near, now) {
                        twin.remove(at);
                        true
                    } else {
                        false
                    };
                    room.then_some((class, near))
                }
            };
            prop_assert_eq!(slot.is_some(), entered.is_some());
            if let Some((class, near)) = entered {
                let class = if alarms == 0 { 2 } else { class };
                twin.push((n, class, near, now));
            }
            let mut kept: Vec<u64> = twin.iter().map(|it| key(it.0)).collect();
            kept.sort_unstable();
            prop_assert_eq!(table.by_key().map(|it| it.key).collect::<Vec<_>>(), kept);
        }
    }
}

#[test]
fn each_source_counts_once_and_one_that_takes_anothers_place_begins_anew() {
    let mut table = table(10);
    let mut observe = |source, hours: u64, handshake| {
        let facts = Facts { handshake, ..Facts::default() };
        let seen = Seen { facts, ..seen(source, hours * 3_600, source, source + 1) };
        let slot = table.observe(key(1), &seen, (2, 2), 2, &mut Vec::new()).unwrap();
        table.get(slot).unwrap().handshakes()
    };
    use Handshake::{Answered, Unanswered, Unknown};
    for (source, handshake) in
        [(1, Unanswered), (1, Unanswered), (2, Unanswered), (2, Answered), (3, Unknown)]
    {
        observe(source, 0, handshake);
    }
    for source in 4..=64 {
        observe(source, 0, Unanswered);
    }
    let full = Handshakes { answered: 1, unanswered: 62, unknown: 1 };
    assert_eq!(observe(64, 0, Unknown), full);
    // No room for another until the first ones have left the dispersion window.
    assert_eq!(observe(65, 1, Answered), full);
    assert_eq!(
        observe(66, 24, Unknown),
        Handshakes { unanswered: 61, unknown: 2, ..full }
    );
    assert_eq!(
        observe(66, 24, Answered),
        Handshakes { answered: 2, unanswered: 61, unknown: 1 }
    );
}
