//! Propagation against an exact twin, and against what it must never do.

use super::*;
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};

const WINDOW: u64 = 100;
const SPAN: Span = Span(WINDOW);

/// The definition, with sets. Keeps to the same epochs.
#[derive(Default)]
struct Twin {
    received: HashSet<(u64, Host, u64)>,
    sent: HashSet<(u64, Host, u64)>,
    first_receipt: HashMap<(u64, Host), (u64, Host)>,
    relays: HashMap<(u64, Host), TwinRelay>,
}

struct TwinRelay {
    receipt: Option<(u64, Host)>,
    sent_at: u64,
    seen: u64,
    targets: HashSet<Host>,
    proven: Option<bool>,
}

impl Twin {
    fn observe(
        &mut self,
        key: u64,
        time: u64,
        from: Host,
        to: Host,
        sending: Sending,
    ) -> Option<u32> {
        let now = time / WINDOW;
        let since = now.saturating_sub(1);
        self.relays.retain(|_, relay| relay.seen >= since);
        self.first_receipt.retain(|_, receipt| receipt.0 / WINDOW >= since);
        let known = |set: &HashSet<(u64, Host, u64)>, host| {
            (since..=now).any(|epoch| set.contains(&(key, host, epoch)))
        };
        let before = self.spread(key);
        if sending.passing != Passing::Never {
            if known(&self.received, from) && !known(&self.sent, from) {
                let receipt = self.first_receipt.get(&(key, from)).copied();
                self.relays.entry((key, from)).or_insert(TwinRelay {
                    receipt,
                    sent_at: time,
                    seen: now,
                    targets: HashSet::new(),
                    proven: None,
                });
            }
            if let Some(relay) = self.relays.get_mut(&(key, from)) {
                relay.seen = now;
                relay.proven = match (relay.proven, sending.proven) {
                    (Some(true), _) | (_, Some(true)) => Some(true),
                    (Some(false), _) | (_, Some(false)) => Some(false),
                    (None, None) => None,
                };
                if !to.is_group() && to != from && !known(&self.sent, to) {
                    relay.targets.insert(to);
                }
            }
        }
        if !sending.is_doubtful {
            self.sent.insert((key, from, now));
        }
        if !to.is_group() {
            self.received.insert((key, to, now));
            self.first_receipt.entry((key, to)).or_insert((time, from));
        }
        let after = self.spread(key);
        (after > before).then_some(after)
    }

    fn relays(&self, key: u64) -> Vec<Relay> {
        let counts = |(of, relay): &(&(u64, Host), &TwinRelay)| {
            of.0 == key && relay.targets.len() > 1
        };
        let mut relays: Vec<_> = self
            .relays
            .iter()
            .filter(counts)
            .map(|(of, relay)| Relay {
                host: of.1,
                received_at: relay.receipt.map(|(time, _)| Timestamp::from_nanos(time)),
                received_from: relay.receipt.map(|(_, from)| from),
                sent_at: Timestamp::from_nanos(relay.sent_at),
                fan_out: relay.targets.len() as u32,
                proven: relay.proven,
                ..Relay::default()
            })
            .collect();
        relays.sort_by_key(|relay| (relay.sent_at, relay.host));
        relays
    }

    fn spread(&self, key: u64) -> u32 {
        self.relays(key).iter().map(|relay| relay.fan_out).sum()
    }
}

/// All hosts, groups too: forged packets may come from one.
fn hosts() -> Vec<Host> {
    (0..16).map(host).collect()
}

/// Hosts 0 to 13; 14 is a multicast group and 15 broadcast.
fn host(n: u64) -> Host {
    match n {
        14 => Host(0xffff_e000_0001),
        15 => Host(0xffff_ffff_ffff),
        _ => Host(0xffff_0a00_0000 + u128::from(n)),
    }
}

fn at(time: u64) -> Timestamp {
    Timestamp::from_nanos(time)
}

/// A step of random traffic: key, source, destination, time since the last, and which of
/// ten ways of sending.
type Step = (u64, u64, u64, u64, u8);

/// Exempt, doubtful, proven, or none of these.
fn sending(way: u8) -> Sending {
    let ordinary = Sending::default();
    match way {
        0 => Sending { passing: Passing::Never, ..ordinary },
        1 => Sending { proven: Some(false), is_doubtful: true, ..ordinary },
        2 => Sending { is_doubtful: true, ..ordinary },
        3 => Sending { proven: Some(false), ..ordinary },
        4..6 => Sending { proven: Some(true), ..ordinary },
        _ => ordinary,
    }
}

/// Random pairs, replies to the step before, echoes, and chains from its destination.
fn traffic() -> impl Strategy<Value = Vec<Step>> {
    let step = (0u64..3, 0u64..14, 0u64..16, 0u64..25, 0u8..10, 0u8..4);
    prop::collection::vec(step, 1..250).prop_map(|steps| {
        let mut last = (0, 0, 0);
        let mut follow = |(key, source, destination, gap, exempt, kind)| {
            let (last_key, last_source, last_destination) = last;
            let (key, source, destination) = match kind {
                0 => (last_key, last_destination, last_source),
                1 => (last_key, last_destination, destination),
                _ => (key, source, destination),
            };
            last = (key, source, destination);
            (key, source, destination, gap, exempt)
        };
        steps.into_iter().map(&mut follow).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn with_roomy_tables_spread_and_relays_equal_the_twins(steps in traffic(), seed: u64) {
        let mut table = Propagation::new(200_000, SPAN, seed);
        let (mut twin, mut time) = (Twin::default(), 0);
        for (key, source, destination, gap, way) in steps {
            time += gap;
            let (from, to, sending) = (host(source), host(destination), sending(way));
            let expected = twin.observe(key, time, from, to, sending);
            let passed = table.observe_if(key, at(time), (from, to), sending);
            prop_assert_eq!(passed.map(|passed| passed.spread), expected);
            for key in 0..3 {
                prop_assert_eq!(table.spread(key), twin.spread(key));
                prop_assert_eq!(table.relays(key, &hosts()), twin.relays(key));
                prop_assert_eq!(table.has_relay(key), !twin.relays(key).is_empty());
            }
        }
    }

    #[test]
    fn with_tiny_tables_nothing_breaks_and_the_sums_agree(
        steps in traffic(), bytes in 0usize..8_000, seed: u64,
    ) {
        let mut table = Propagation::new(bytes, SPAN, seed);
        let (memory, mut time) = (table.memory_bytes(), 0);
        prop_assert!(memory <= bytes.max(LEAST_BYTES), "{} of {}", memory, bytes);
        for (key, source, destination, gap, exempt) in steps {
            time += gap;
            table.observe(key, at(time), host(source), host(destination), exempt == 0);
            let sum: u32 = table.relays(key, &[]).iter().map(|relay| relay.fan_out).sum();
            prop_assert_eq!(table.spread(key), sum);
        }
        prop_assert_eq!(table.memory_bytes(), memory);
        prop_assert!(table.fill().relays <= 1.0);
    }
}

fn table() -> Propagation {
    Propagation::new(1 << 20, SPAN, 7)
}

#[test]
fn a_chain_of_infections_is_followed_from_host_to_host() {
    let mut table = table();
    let send = |table: &mut Propagation, time, from, to| {
        table
            .observe(5, at(time), host(from), host(to), false)
            .map(|passed| passed.spread)
    };
    // The first sender received nothing: it is no relay, however many it reaches.
    for to in 1..5 {
        assert_eq!(send(&mut table, to, 0, to), None);
    }
    assert_eq!(send(&mut table, 10, 2, 6), None, "one target is not yet two");
    assert_eq!(send(&mut table, 11, 2, 7), Some(2));
    assert_eq!(send(&mut table, 12, 2, 7), None, "a target counts once");
    assert_eq!(send(&mut table, 13, 2, 0), None, "the infector sent it before");
    assert_eq!(send(&mut table, 14, 7, 8), None);
    assert_eq!(send(&mut table, 15, 7, 9), Some(4));
    assert_eq!(send(&mut table, 16, 2, 10), Some(5));
    let relay = |n, (received, from), sent, fan_out| Relay {
        host: host(n),
        received_at: Some(at(received)),
        received_from: from,
        sent_at: at(sent),
        fan_out,
        ..Relay::default()
    };
    let second = relay(7, (11, Some(host(2))), 14, 2);
    let relays = table.relays(5, &hosts());
    assert_eq!(relays, [relay(2, (2, Some(host(0))), 10, 3), second]);
    // The first sender is no relay, so that its name must come from elsewhere.
    assert_eq!(table.relays(5, &[]), [relay(2, (2, None), 10, 3), second]);
    assert_eq!((table.spread(6), table.has_relay(6)), (0, false));
}

#[test]
fn echoes_replies_and_groups_never_count() {
    let mut table = table();
    for time in 0..90 {
        let client = host(time % 9);
        for (from, to) in [
            (client, host(12)),   // a request,
            (host(12), client),   // its echo,
            (host(12), host(12)), // to oneself,
            (host(12), host(14)), // to a group,
            (host(12), host(15)), // to all.
        ] {
            assert_eq!(table.observe(1, at(time), from, to, false), None);
        }
    }
    assert_eq!((table.spread(1), table.relays(1, &[])), (0, vec![]));
}

#[test]
fn an_exempt_service_counts_nothing_and_stays_a_sender() {
    let mut table = table();
    table.observe(1, at(0), host(0), host(1), false);
    for to in 2..9 {
        assert_eq!(table.observe(1, at(to), host(1), host(to), true), None);
    }
    // Once it has sent, it cannot become a relay elsewhere either.
    for to in 9..13 {
        assert_eq!(table.observe(1, at(to), host(1), host(to), false), None);
    }
}

#[test]
fn a_forged_copy_does_not_hide_a_relay() {
    let forged = Sending { is_doubtful: true, ..Sending::default() };
    for (copy, spread) in [(forged, Some(2)), (Sending::default(), None)] {
        let mut table = table();
        let mut send = |time, from, to, sending| {
            table
                .observe_if(1, at(time), (host(from), host(to)), sending)
                .map(|passed| passed.spread)
        };
        assert_eq!(send(0, 1, 9, copy), None);
        assert_eq!(send(1, 0, 1, Sending::default()), None);
        assert_eq!(send(2, 1, 2, Sending::default()), None);
        assert_eq!(send(3, 1, 3, Sending::default()), spread);
    }
}

#[test]
fn relays_that_fell_silent_for_two_windows_are_gone() {
    let mut table = table();
    let mut send =
        |time, from, to| table.observe(1, at(time), host(from), host(to), false);
    send(50, 0, 1);
    send(60, 1, 2);
    assert_eq!(send(70, 1, 3), Some(Passed { spread: 2, is_evident: false }));
    assert_eq!(
        send(150, 1, 4),
        Some(Passed { spread: 3, is_evident: false }),
        "the next window"
    );
    table.advance(at(299));
    assert_eq!(table.spread(1), 3);
    table.advance(at(300));
    assert_eq!((table.spread(1), table.counters().relays_expired), (0, 1));
}

#[test]
fn a_large_fan_out_stays_within_the_stated_error() {
    let mut table = table();
    table.observe(1, at(0), host(0), host(1), false);
    let mut last = 0;
    for n in 0..1_000u32 {
        let to = Host(0xffff_0b00_0000 + u128::from(n));
        if let Some(passed) = table.observe(1, at(1), host(1), to, false) {
            assert!(passed.spread > last);
            last = passed.spread;
        }
    }
    // A standard error of 4.8 % at 1,000.
    assert!((850..1_150).contains(&last), "{last}");
    assert_eq!(table.relays(1, &[])[0].fan_out, last);
}

#[test]
fn a_flood_of_hosts_that_echo_does_not_push_out_relays_that_count() {
    let mut table = Propagation::new(64 << 10, SPAN, 7);
    for (from, to) in [(0, 1), (1, 2), (1, 3), (1, 4)] {
        table.observe(1, at(0), host(from), host(to), false);
    }
    // Each victim of the flood receives and answers; receipts, and filters, overflow.
    for n in 0..20_000 {
        let victim = Host(0xffff_0b00_0000 + n);
        table.observe(2, at(1), host(5), victim, false);
        table.observe(2, at(1), victim, host(5), false);
    }
    for n in 20_000..40_000 {
        table.observe(2, at(1), host(5), Host(0xffff_0b00_0000 + n), false);
    }
    assert_eq!((table.spread(1), table.relays(1, &[]).len()), (3, 1));
    let counters = table.counters();
    assert_eq!(counters.counting_relays_evicted, 0);
    assert!(counters.relays_evicted > 19_000, "{counters:?}");
    assert!(counters.receipts_evicted > 10_000, "{counters:?}");
    assert!(counters.recipients_turned_early > 0 && counters.senders_turned_early > 0);
    assert!(table.fill().recipients < 1.0 && table.fill().relays == 1.0);
    // An outbreak in the midst of it all is still followed.
    for (from, to) in [(0, 6), (6, 7), (6, 8), (6, 9)] {
        table.observe(3, at(2), host(from), host(to), false);
    }
    assert_eq!(table.spread(3), 3);
}

#[test]
fn the_least_fanned_out_relay_goes_first_when_all_count() {
    let mut table = Propagation::new(8_000, SPAN, 7);
    let capacity = table.relays.capacity() as u64;
    assert!((4..20).contains(&capacity));
    let outside = |n: u64| Host(0xffff_0b00_0000 + u128::from(n));
    // Relay n has n + 2 targets, but for the last one, which has as few as the first.
    for n in 0..capacity {
        table.observe(n, at(n), host(0), host(1), false);
        let targets = if n + 1 == capacity { 2 } else { n + 2 };
        (0..targets).for_each(|to| {
            table.observe(n, at(n), host(1), outside(to), false);
        });
    }
    table.observe(99, at(50), host(0), host(1), false);
    table.observe(99, at(50), host(1), host(2), false);
    assert_eq!(
        (table.spread(0), table.spread(capacity - 1)),
        (0, 2),
        "the older of two goes"
    );
    assert!((1..capacity - 1).all(|n| u64::from(table.spread(n)) == n + 2));
    assert_eq!(table.counters().counting_relays_evicted, 1);
}

#[test]
fn false_relays_stay_within_the_filters_rate() {
    let mut table = Propagation::new(1 << 20, SPAN, 3);
    let outside = |n: u64| Host(0xffff_0b00_0000 + u128::from(n));
    // Both epochs nearly full of recipients.
    let fill = table.recipients.capacity() as u64 - 1;
    (0..2 * fill).for_each(|n| {
        table.observe(1, at(n / fill * WINDOW), host(0), outside(n), false);
    });
    // Hosts that received nothing.
    let strangers =
        (0..100_000).map(|n| hash_pair(1, outside(1_000_000 + n).0, table.host_seed));
    let wrong = strangers.filter(|&hash| table.recipients.contains(hash)).count();
    assert!(wrong <= 25, "{wrong} of 100,000: 10 expected");
    assert_eq!(table.counters.recipients_turned_early, 0);
}
