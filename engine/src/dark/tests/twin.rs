//! The tables against maps of lists, fed from the same arrivals.

use super::super::{Dark, Learned, Tool};
use super::*;
use crate::packet::protocol;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const NETWORK: &str = "10.0.0.0/16";
/// How many of all IPv4 addresses there are for each dark one.
const FACTOR: f64 = 65_536.0;

/// What one host does at one service: times and destinations in order.
#[derive(Default)]
struct Seen {
    times: Vec<Timestamp>,
    destinations: BTreeSet<u32>,
    /// How it stood at each packet after which it was worth telling. A scan that slows down may
    /// have been told of at one of its hours, and not be worth it at its end.
    worth_telling: Told,
}

/// Activities by class, host and port, each cut where it was silent for longer than that.
type Twin = BTreeMap<(u8, u8, u16), Vec<Seen>>;

fn dark(bytes: usize) -> Dark {
    let networks = [NETWORK.parse().unwrap()];
    Dark::new(bytes, NetworkSet::new(&networks), Learned::default(), 7)
}

fn take(dark: &mut Dark, arrival: &Arrival, time: Timestamp) {
    dark.come_to(arrival.host, time);
    dark.arrive(arrival, time);
}

fn arrival(class: DarkClass, host: u8, port: u16, destination: u32) -> Arrival {
    Arrival {
        record: 0,
        class,
        tool: (host == 1).then_some(Tool::Mirai),
        host: Host(0xffff_c633_6400 | u128::from(host)),
        protocol: protocol::TCP,
        port: Some(port),
        destination: Host(0xffff_0a00_0000 | u128::from(destination)),
        quotes_foreign: false,
        is_named: true,
    }
}

fn span(seen: &Seen) -> f64 {
    let (first, last) = (seen.times[0], seen.times[seen.times.len() - 1]);
    last.since(first).as_secs_f64()
}

fn rate(seen: &Seen) -> f64 {
    (seen.times.len() - 1) as f64 / span(seen).max(1.0) * FACTOR
}

/// The most packets in a minute that begins on a step of ten seconds.
fn peak(seen: &Seen) -> usize {
    let step = |time: &Timestamp| time.as_nanos() / 10_000_000_000;
    let within = |last: u64| {
        seen.times.iter().filter(|it| step(it) <= last && step(it) + 6 > last).count()
    };
    seen.times.iter().map(|time| within(step(time))).max().unwrap_or(0)
}

fn is_told(class: u8, seen: &Seen) -> bool {
    match class {
        0 => {
            seen.times.len() >= 25
                && seen.destinations.len() >= 10
                && span(seen) >= 60.0
                && peak(seen) as f64 / 60.0 * FACTOR >= 128.0
        }
        _ => seen.destinations.len() >= 10 && rate(seen) >= 10.0,
    }
}

/// What is told of a scan or flood: class, packets, destinations, first and last time.
type State = (u8, u64, usize, Timestamp, Timestamp);
type Told = BTreeSet<State>;

fn state(class: u8, seen: &Seen) -> State {
    let packets = seen.times.len() as u64;
    let ends = (seen.times[0], seen.times[seen.times.len() - 1]);
    (class, packets, seen.destinations.len(), ends.0, ends.1)
}

proptest! {
    #[test]
    fn events_are_those_of_the_twin(
        steps in prop::collection::vec(
            (0_u8..3, 0_u8..4, 0_u16..2, 0_u32..40, prop_oneof![
                9 => 0.1_f64..8.0, 1 => 400.0_f64..30_000.0,
            ]),
            0..400,
        ),
    ) {
        let mut dark = dark(1 << 20);
        let classes = [DarkClass::Backscatter, DarkClass::Scan, DarkClass::Probe];
        let silences = [3.0 / 128.0 * FACTOR, 3.0 / 10.0 * FACTOR, 3.0 / 10.0 * FACTOR];
        let mut twin = Twin::new();
        let mut now = 1_000.0;
        for (class, host, port, destination, gap) in steps {
            now += gap;
            let time = seconds(now);
            let kind = classes[usize::from(class)];
            take(&mut dark, &arrival(kind, host, port, destination), time);
            let seen = twin.entry((class, host, port)).or_default();
            let is_over = |seen: &Seen| {
                let last = seen.times[seen.times.len() - 1];
                time.since(last).as_secs_f64() > silences[usize::from(class)]
            };
            if seen.last().is_none_or(is_over) {
                seen.push(Seen::default());
            }
            let seen = seen.last_mut().unwrap();
            seen.times.push(time);
            seen.destinations.insert(destination);
            if is_told(class, seen) {
                let state = state(class, seen);
                seen.worth_telling.insert(state);
            }
        }
        dark.finish(seconds(now));
        // What is worth telling at its end is told as it ended; what was so before may be told
        // as it was then.
        let (mut expected, mut earlier) = (Told::new(), Told::new());
        for ((class, ..), all) in &twin {
            for seen in all {
                match is_told(*class, seen) {
                    true => drop(expected.insert(state(*class, seen))),
                    false => earlier.extend(&seen.worth_telling),
                }
            }
        }
        // The last word on each; few enough destinations are exact.
        let mut last = BTreeMap::new();
        for event in dark.take_events() {
            let (id, told) = match event {
                DarkEvent::Scan(it) => {
                    let class = if it.class == DarkClass::Scan { 1 } else { 2 };
                    let rate = it.rate.unwrap();
                    prop_assert!(rate.low < rate.estimate && rate.estimate < rate.high);
                    let is_mirai = it.source.0 & 0xff == 1;
                    prop_assert_eq!(it.tool, is_mirai.then_some(Tool::Mirai));
                    (it.id, (class, it.packets, it.destinations, it.first_seen, it.last_seen))
                }
                DarkEvent::Victim(it) => {
                    (it.id, (0, it.packets, it.destinations, it.first_seen, it.last_seen))
                }
            };
            last.insert(id, told);
        }
        let told: Vec<_> = last.into_values().collect();
        let is_near = |told: &(u8, u64, u64, Timestamp, Timestamp), it: &State| {
            let exact = (it.0, it.1, it.3, it.4) == (told.0, told.1, told.3, told.4);
            exact && it.2.abs_diff(told.2 as usize) <= it.2 / 16
        };
        let (ended, before): (Vec<_>, Vec<_>) =
            told.into_iter().partition(|told| expected.iter().any(|it| is_near(told, it)));
        prop_assert_eq!(ended.len(), expected.len());
        for told in before {
            let near = earlier.iter().any(|it| is_near(&told, it));
            prop_assert!(near, "{told:?} of {expected:?}, {earlier:?}");
        }
    }
}

#[test]
fn a_scan_is_told_each_hour_and_when_it_has_ended() {
    let mut dark = dark(1 << 20);
    // A packet a minute over 150 minutes: 1,092 packets a second over all of IPv4.
    for n in 0..150 {
        let time = seconds(6_000.0 + 60.0 * f64::from(n));
        take(&mut dark, &arrival(DarkClass::Scan, 1, 23, n), time);
    }
    dark.pass(seconds(9_000_000.0));
    let scans: Vec<_> = dark
        .take_events()
        .into_iter()
        .map(|event| match event {
            DarkEvent::Scan(it) => (it.id, it.packets, it.ended),
            DarkEvent::Victim(it) => panic!("{it:?}"),
        })
        .collect();
    let told: Vec<_> =
        scans.iter().map(|(_, packets, ended)| (*packets, *ended)).collect();
    assert_eq!(told, [(60, false), (120, false), (150, false), (150, true)]);
    assert!(scans.iter().all(|(id, ..)| *id == scans[0].0 && id.len() == 32));
    assert_eq!(dark.counters().dark_scans, 150);
    assert_eq!(dark.counters().marked_mirai, 150);
    assert!(dark.take_events().is_empty());
}

#[test]
fn small_memory_keeps_what_has_most_packets_and_counts_the_rest() {
    let mut dark = dark(0);
    for n in 0..20_000_u32 {
        let time = seconds(6_000.0 + f64::from(n) / 100.0);
        // One true scanner among many that come once.
        let mut once = arrival(DarkClass::Scan, 0, 23, n % 40_000);
        once.host = Host(0xffff_2000_0000 | u128::from(n));
        take(&mut dark, &once, time);
        take(&mut dark, &arrival(DarkClass::Scan, 1, 23, n % 40_000), time);
    }
    dark.finish(seconds(7_000.0));
    let counters = dark.counters();
    assert_eq!(counters.scanners_evicted, 20_000 - 7);
    assert_eq!(counters.rows_refused, 1);
    let events = dark.take_events();
    let [DarkEvent::Scan(scan)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((scan.packets, scan.destinations), (20_000, 16));
}
