//! The epidemic against its twin, which makes every scan of every host.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::time::Duration;

use super::*;
use crate::address_space::{AddressSpace, Prefix};

fn settings() -> EpidemicSettings {
    EpidemicSettings::default()
}

/// Runs on until `seconds` and infects every victim at once.
fn run(settings: EpidemicSettings, seed: u64, seconds: f64) -> (Epidemic, Vec<Contact>) {
    let mut epidemic = Epidemic::new(settings, 0, Rng::new(seed, "epidemic")).unwrap();
    let mut contacts = Vec::new();
    while epidemic.next_time().is_some_and(|time| (time as f64) < seconds * 1e9) {
        let contact = epidemic.next_contact().unwrap();
        if let Some(victim) = contact.victim {
            epidemic.infect(&contact, victim, contact.time_ns);
        }
        contacts.push(contact);
    }
    (epidemic, contacts)
}

/// What is compared with the twin: how many are infected, how many scans cross
/// the tap in and out, how many of each do so between the inside and its own
/// /16, and how many infected hosts share their /24 with another vulnerable one.
type Tally = [f64; 6];

fn tally(
    inside: Prefix,
    vulnerable: &BTreeSet<Ipv4Addr>,
    infected: impl Iterator<Item = Ipv4Addr>,
    scans: impl Iterator<Item = (Ipv4Addr, Ipv4Addr)>,
) -> Tally {
    let mut tally = [0.0; 6];
    for host in infected {
        let network = Prefix::new(host, 24);
        let last = network.address(255);
        let crowded = vulnerable.range(network.network..=last).count() > 1;
        tally[0] += 1.0;
        tally[5] += f64::from(u8::from(crowded));
    }
    let around = Prefix::new(inside.network, 16);
    for (source, destination) in scans {
        let (inwards, far) = match inside.contains(destination) {
            true => (1, source),
            false => (2, destination),
        };
        tally[inwards] += 1.0;
        tally[inwards + 2] += f64::from(u8::from(around.contains(far)));
    }
    tally
}

/// The slow twin: every scan of every host is made, seen or not.
fn naive(settings: EpidemicSettings, seed: u64, seconds: f64) -> Tally {
    let mut rng = Rng::new(seed, "naive");
    let space = settings.space;
    let mut vulnerable: Vec<Ipv4Addr> =
        distinct(settings.vulnerable_inside, space.inside.size(), &mut rng)
            .map(|index| space.inside.address(index))
            .collect();
    vulnerable.extend(
        distinct(settings.vulnerable_outside, space.outside_size(), &mut rng)
            .map(|index| space.outside_address(index)),
    );
    let all: BTreeSet<Ipv4Addr> = vulnerable.iter().copied().collect();
    rng.shuffle(&mut vulnerable[settings.vulnerable_inside as usize..]);
    let others = vulnerable.len() - settings.first_infected as usize;
    let mut infected = vulnerable.split_off(others);
    rng.shuffle(&mut vulnerable);
    let mut list = vulnerable[..settings.hit_list as usize].to_vec();
    let mut healthy: BTreeSet<Ipv4Addr> = vulnerable.into_iter().collect();
    let latency = settings.latency.as_secs_f64();
    let wait = 1.0 / settings.scan_rate;
    // The bits of positive numbers are in the order of their values.
    let mut scans: BinaryHeap<Reverse<(u64, usize)>> = (0..infected.len())
        .map(|host| Reverse(((latency + rng.exponential(wait)).to_bits(), host)))
        .collect();
    let mut crossed = Vec::new();
    while let Some(Reverse((time, scanner))) = scans.pop() {
        let time = f64::from_bits(time);
        if time >= seconds {
            break;
        }
        scans.push(Reverse(((time + rng.exponential(wait)).to_bits(), scanner)));
        let source = infected[scanner];
        let listed = list.pop();
        let target = listed.unwrap_or_else(|| {
            let mut point = rng.unit();
            let own = settings.local.levels().into_iter().find(|(_, share)| {
                point -= share;
                point < 0.0
            });
            let bits = own.map_or(0, |(bits, _)| bits).max(space.scanned.bits);
            let network = Prefix::new(source, bits);
            network.address(rng.below(network.size()))
        });
        if space.inside.contains(source) != space.inside.contains(target) {
            crossed.push((source, target));
        }
        if healthy.contains(&target)
            && (listed.is_some() || rng.chance(settings.infection_chance))
        {
            healthy.remove(&target);
            infected.push(target);
            let first = time + latency + rng.exponential(wait);
            scans.push(Reverse((first.to_bits(), infected.len() - 1)));
        }
    }
    tally(space.inside, &all, infected.into_iter(), crossed.into_iter())
}

fn fast(settings: EpidemicSettings, seed: u64, seconds: f64) -> Tally {
    let (epidemic, contacts) = run(settings, seed, seconds);
    let before = |infection: &&Infection| (infection.time_ns as f64) < seconds * 1e9;
    tally(
        settings.space.inside,
        &epidemic.hosts.iter().copied().collect(),
        epidemic.infections().iter().filter(before).map(|one| one.host),
        contacts.iter().map(|one| (one.source, one.destination)),
    )
}

/// Means over the seeds, each with its standard error.
fn means(
    runs: u64,
    one: fn(EpidemicSettings, u64, f64) -> Tally,
    settings: EpidemicSettings,
    seconds: f64,
) -> [(f64, f64); 6] {
    let results: Vec<Tally> =
        (0..runs).map(|seed| one(settings, seed, seconds)).collect();
    let runs = runs as f64;
    std::array::from_fn(|which| {
        let values = results.iter().map(|result| result[which]);
        let mean = values.clone().sum::<f64>() / runs;
        let spread: f64 = values.map(|value| (value - mean).powi(2)).sum();
        (mean, spread.sqrt() / runs)
    })
}

#[track_caller]
fn agrees_with_the_twin(runs: u64, settings: EpidemicSettings, seconds: f64) {
    let fast = means(runs, fast, settings, seconds);
    let naive = means(runs, naive, settings, seconds);
    for (which, (fast, naive)) in fast.into_iter().zip(naive).enumerate() {
        let apart = (fast.0 - naive.0).abs();
        let error = (fast.1.powi(2) + naive.1.powi(2)).sqrt();
        assert!(apart <= 3.5 * error, "{which}: {fast:?} against {naive:?}");
    }
    // Something has happened, and it is known to a few parts in a hundred.
    assert!(naive[0].0 > 5.0 && naive[1].0 > 5.0, "{naive:?}");
    assert!(naive[0].1 < 0.1 * naive[0].0, "{naive:?}");
}

#[test]
fn contacts_cross_the_tap_in_order_of_time() {
    let (epidemic, contacts) = run(settings(), 1, 200.0);
    assert!(contacts.len() > 1_000);
    let inside = AddressSpace::default().inside;
    for pair in contacts.windows(2) {
        assert!(pair[0].time_ns <= pair[1].time_ns);
    }
    for contact in &contacts {
        assert_ne!(inside.contains(contact.source), inside.contains(contact.destination));
        let infection = epidemic.infections()[contact.source_infection as usize];
        assert_eq!(infection.host, contact.source);
        assert!(contact.time_ns >= infection.time_ns + 1_000_000_000);
    }
}

#[test]
fn every_infection_has_one_cause_and_happens_once() {
    let (epidemic, _) = run(settings(), 2, 600.0);
    let infections = epidemic.infections();
    assert!(infections.len() > 590, "{}", infections.len());
    for (index, infection) in infections.iter().enumerate() {
        let earlier = &infections[..index];
        assert!(earlier.iter().all(|other| other.host != infection.host));
        match infection.by {
            None => assert_eq!(index, 0),
            Some(by) => assert!(earlier.iter().any(|other| other.host == by)),
        }
    }
}

#[test]
fn it_agrees_with_scanning_one_by_one() {
    agrees_with_the_twin(150, settings(), 100.0);
}

/// Sixteen networks of /16, and a quarter of the second of them inside.
fn crowd() -> EpidemicSettings {
    EpidemicSettings {
        space: AddressSpace {
            scanned: Prefix::new(Ipv4Addr::new(10, 16, 0, 0), 12),
            inside: Prefix::new(Ipv4Addr::new(10, 17, 64, 0), 18),
        },
        vulnerable_inside: 200,
        vulnerable_outside: 1_800,
        first_infected: 20,
        scan_rate: 20.0,
        ..settings()
    }
}

#[test]
fn scans_of_the_own_16_agree_with_scanning_one_by_one() {
    let local = LocalPreference { same_16: 0.7, ..LocalPreference::default() };
    agrees_with_the_twin(100, EpidemicSettings { local, ..crowd() }, 60.0);
}

#[test]
fn scans_of_the_own_24_agree_with_scanning_one_by_one() {
    let local = LocalPreference { same_24: 0.7, ..LocalPreference::default() };
    agrees_with_the_twin(100, EpidemicSettings { local, ..crowd() }, 60.0);
}

#[test]
fn scans_of_several_networks_agree_with_scanning_one_by_one() {
    // The whole space is smaller than a /8, and the inside is the preferred /16
    // itself, or larger than it.
    let local = LocalPreference { same_8: 0.1, same_16: 0.4, same_24: 0.1 };
    for bits in [15, 16] {
        let mut crowd = EpidemicSettings { local, ..crowd() };
        crowd.space.inside = Prefix::new(Ipv4Addr::new(10, 18, 0, 0), bits);
        agrees_with_the_twin(100, crowd, 60.0);
    }
}

#[test]
fn a_hit_list_agrees_with_scanning_one_by_one() {
    let listed = EpidemicSettings { hit_list: 200, ..settings() };
    agrees_with_the_twin(150, listed, 25.0);
}

#[test]
fn the_list_is_used_up_first() {
    let listed = EpidemicSettings { hit_list: 599, ..settings() };
    let (epidemic, contacts) = run(listed, 6, 100.0);
    assert_eq!(epidemic.infections().len(), 600);
    let first = contacts.iter().position(|contact| contact.victim.is_none()).unwrap();
    assert!(contacts[first..].iter().all(|contact| contact.victim.is_none()));
    let all = EpidemicSettings { hit_list: 600, ..settings() };
    assert!(Epidemic::new(all, 0, Rng::new(1, "list")).is_err());
}

#[test]
fn scans_that_mostly_fail_agree_with_scanning_one_by_one() {
    let failing =
        EpidemicSettings { infection_chance: 0.2, scan_rate: 20.0, ..settings() };
    agrees_with_the_twin(150, failing, 70.0);
}

#[test]
fn ten_million_hosts_begin_to_scan_the_whole_internet() {
    let large = EpidemicSettings {
        space: AddressSpace {
            scanned: Prefix::new(Ipv4Addr::UNSPECIFIED, 0),
            inside: Prefix::new(Ipv4Addr::new(44, 0, 0, 0), 8),
        },
        vulnerable_inside: 0,
        vulnerable_outside: 10_000_000,
        scan_rate: 10.0,
        ..settings()
    };
    let (epidemic, contacts) = run(large, 7, 400.0);
    assert!(epidemic.vulnerable_inside().is_empty());
    assert!(contacts.len() > 1_000, "{}", contacts.len());
}

#[test]
fn growth_follows_the_logistic_curve() {
    // Many first hosts, so that chance matters little.
    let settings = EpidemicSettings {
        vulnerable_inside: 200,
        vulnerable_outside: 9_800,
        first_infected: 100,
        latency: Duration::ZERO,
        ..settings()
    };
    let (epidemic, _) = run(settings, 3, 12.0);
    let rate: f64 = 4.0 * 10_000.0 / 65_536.0;
    for seconds in [2.0, 4.0, 6.0, 8.0, 10.0] {
        let infected = epidemic
            .infections()
            .iter()
            .filter(|infection| (infection.time_ns as f64) < seconds * 1e9)
            .count() as f64;
        let expected = 10_000.0 / (1.0 + 99.0 * (-rate * seconds).exp());
        assert!((infected / expected - 1.0).abs() < 0.25, "{seconds}: {infected}");
    }
}

#[test]
fn the_whole_internet_costs_only_what_the_tap_sees() {
    let settings = EpidemicSettings {
        space: AddressSpace {
            scanned: Prefix::new(Ipv4Addr::UNSPECIFIED, 0),
            inside: Prefix::new(Ipv4Addr::new(44, 0, 0, 0), 16),
        },
        vulnerable_inside: 1,
        vulnerable_outside: 75_000,
        first_infected: 1,
        scan_rate: 4_000.0,
        latency: Duration::ZERO,
        ..settings()
    };
    let (epidemic, contacts) = run(settings, 4, 120.0);
    assert!(!contacts.is_empty());
    assert!(epidemic.infections().len() > 100);
}

#[test]
fn impossible_settings_are_refused() {
    for wrong in [
        EpidemicSettings { scan_rate: 0.0, ..settings() },
        EpidemicSettings { scan_rate: f64::NAN, ..settings() },
        EpidemicSettings { first_infected: 0, ..settings() },
        EpidemicSettings { first_infected: 501, ..settings() },
        EpidemicSettings { vulnerable_inside: 2_049, ..settings() },
        EpidemicSettings { vulnerable_outside: 0, ..settings() },
        EpidemicSettings { infection_chance: 0.0, ..settings() },
        EpidemicSettings { infection_chance: 1.1, ..settings() },
        EpidemicSettings {
            local: LocalPreference { same_8: 0.5, same_16: 0.5, same_24: 0.0 },
            ..settings()
        },
    ] {
        assert!(Epidemic::new(wrong, 0, Rng::new(1, "wrong")).is_err(), "{wrong:?}");
    }
}

/// Every scan of every host is seen, on either side as often as there are addresses, and
/// the epidemic is the same one.
#[test]
fn a_tap_that_sees_all_sees_every_scan() {
    let local = LocalPreference { same_24: 0.5, ..LocalPreference::default() };
    for local in [LocalPreference::default(), local] {
        let settings = EpidemicSettings {
            vulnerable_inside: 0,
            vulnerable_outside: 40,
            first_infected: 40,
            local,
            sees_all: true,
            ..settings()
        };
        let (_, contacts) = run(settings, 1, 201.0);
        // 40 hosts, 4 scans a second, for 200 s after the latency: sd 179.
        let expected = 32_000.0;
        let apart = contacts.len() as f64 - expected;
        assert!(apart.abs() < 5.0 * expected.sqrt(), "{}", contacts.len());
        assert!(contacts.iter().all(|one| one.source != one.destination));
        // One address of sixteen is inside; local scans of hosts outside never are.
        let inside = settings.space.inside;
        let into = contacts.iter().filter(|one| inside.contains(one.destination)).count();
        let share = (1.0 - local.same_24) / 16.0;
        let apart = into as f64 - share * expected;
        assert!(apart.abs() < 5.0 * (share * expected).sqrt(), "{into}");
    }
}

#[test]
fn what_a_tap_sees_changes_no_epidemic() {
    let infected = |sees_all| -> f64 {
        let one = |seed| {
            let settings = EpidemicSettings { sees_all, ..settings() };
            let (epidemic, _) = run(settings, seed, 80.0);
            let seen = epidemic.infections()[1..].iter().all(|one| one.seen);
            assert!(seen || !sees_all, "seed {seed}");
            (epidemic.infections().len() as f64).ln()
        };
        (1..=200).map(one).sum::<f64>() / 200.0
    };
    // The logarithm of the infected has a standard deviation of about 1 over seeds.
    let [all, across] = [true, false].map(infected);
    assert!((all - across).abs() < 0.4, "{all}, {across}");
}
