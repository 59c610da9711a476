//! Dark addresses: classes, scans, victims and the alarm, against the truth of generated
//! telescopes.

use crate::common::environment::sample;
use crate::common::{datagram, frames};
use rayon::ThreadPoolBuilder;
use std::collections::BTreeSet;
use std::net::IpAddr;
use wormsift::config::Config;
use wormsift::dark::{DarkClass, DarkEvent, ScanEvent, VictimEvent};
use wormsift::packet::{Host, Network};
use wormsift::signature::{Alarm, Confidence, Signature};
use wormsift::{Finding, Sensor};
use wormsift_corpora::ground_truth::{DarkTruth, Protocol, ScanTool};
use wormsift_corpora::{Scenario, Trace};
use wormsift_export::json_lines;

const NETWORK: &str = "10.64.0.0/16";

fn config(dark: &str) -> Config {
    Config::from_toml(&format!("memory = \"64MiB\"\ndark = [\"{dark}\"]")).unwrap()
}

fn telescope(seed: u64) -> (Trace, DarkTruth) {
    let trace =
        Scenario::named("telescope", seed).unwrap().stream().unwrap().into_trace();
    let truth = trace.truth.dark.clone().expect("the truth of a telescope");
    (trace, truth)
}

/// The last word on each event, signatures, and the counters, with all lines.
struct Said {
    scans: Vec<ScanEvent>,
    victims: Vec<VictimEvent>,
    signatures: Vec<Signature>,
    lines: Vec<String>,
    stats: wormsift::Stats,
}

fn run(trace: &Trace, config: &Config, (threads, batch): (usize, usize)) -> Said {
    let frames = frames(&trace.frames);
    let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let mut sensor = Sensor::new(config.clone()).unwrap();
        let mut events = Vec::new();
        for part in frames.chunks(batch) {
            sensor.sift(part);
            events.extend(sensor.dark_events());
        }
        sensor.finish();
        events.extend(sensor.dark_events());
        let lines = events.iter().map(json_lines::write_event).collect();
        let (mut scans, mut victims) =
            (Vec::<ScanEvent>::new(), Vec::<VictimEvent>::new());
        for event in events {
            match event {
                DarkEvent::Scan(it) => {
                    scans.retain(|one| one.id != it.id);
                    scans.push(it);
                }
                DarkEvent::Victim(it) => {
                    victims.retain(|one| one.id != it.id);
                    victims.push(it);
                }
                other => panic!("{other:?}"),
            }
        }
        let signatures = sensor.findings().into_iter();
        let signatures = signatures.filter_map(|finding| match finding {
            Finding::Signature(it) => Some(it),
            _ => None,
        });
        let signatures = signatures.collect();
        Said { scans, victims, signatures, lines, stats: sensor.stats() }
    })
}

fn number(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::Icmp => 1,
    }
}

/// The port of the worm.
fn truth_port(trace: &Trace) -> u16 {
    trace.truth.contents[0].destination_port.expect("a worm at one port")
}

fn host(address: IpAddr) -> Host {
    Host::of(address, 64)
}

/// At most 0.1 % of packets in a wrong class; every victim of 25 expected packets is found; the
/// true rate is in the interval in 93 % of cases; coverage is within 10 %; tools are named.
#[test]
fn a_generated_telescope_is_told_as_it_is() {
    let (mut inside, mut intervals) = (0, 0);
    for seed in 1..=sample(3, 20) {
        let (trace, truth) = telescope(seed);
        let said = run(&trace, &config(NETWORK), (2, 4_096));
        let counters = said.stats.dark;
        let expected = truth.classes;
        let found = [
            (counters.dark_backscatter, expected.backscatter),
            (counters.dark_scans, expected.scan),
            (counters.dark_probes, expected.probe),
            (counters.dark_other, expected.other),
        ];
        let wrong: u64 =
            found.iter().map(|(found, expected)| found.abs_diff(*expected)).sum();
        let all: u64 = found.iter().map(|(_, expected)| expected).sum();
        assert!(1_000 * wrong <= all, "seed {seed}: {found:?}");
        for victim in &truth.victims {
            let key =
                (host(victim.address), number(victim.protocol), victim.service_port);
            let event =
                said.victims.iter().find(|it| (it.victim, it.protocol, it.port) == key);
            if victim.packets < 25 {
                assert!(event.is_none(), "seed {seed}: {event:?}");
                continue;
            }
            let event = event.unwrap_or_else(|| panic!("seed {seed}: {victim:?}"));
            assert_eq!(event.packets, victim.packets);
            let rate = event.rate.unwrap();
            intervals += 1;
            inside += u64::from(rate.low <= victim.rate && victim.rate <= rate.high);
        }
        for scanner in &truth.scanners {
            let key = (host(scanner.source), number(scanner.protocol), scanner.port);
            let found = |it: &&ScanEvent| {
                (it.source, it.protocol, it.port) == key && it.class == DarkClass::Scan
            };
            let event = said.scans.iter().find(found);
            let event = event.unwrap_or_else(|| panic!("seed {seed}: {scanner:?}"));
            let tool = scanner.tool.map(|tool| match tool {
                ScanTool::Zmap => "zmap",
                ScanTool::Masscan => "masscan",
                ScanTool::Mirai => "mirai",
            });
            assert_eq!(event.tool.map(|tool| tool.name()), tool, "{scanner:?}");
            assert_eq!(event.packets, scanner.packets);
            let coverage = event.coverage.unwrap().estimate;
            let error = (coverage / scanner.coverage - 1.0).abs();
            assert!(error <= 0.1, "seed {seed}: {coverage} of {scanner:?}");
        }
        // Nobody else but hosts of the worm scans in probes.
        let others = said.scans.iter().filter(|it| it.class == DarkClass::Scan).count();
        assert_eq!(others, truth.scanners.len(), "seed {seed}");
        // Nothing but the worm is a signature, and it by the alarm for dark addresses first.
        let service = (17, Some(truth_port(&trace)));
        let [first, ..] = &said.signatures[..] else {
            panic!("seed {seed}: no signature")
        };
        assert_eq!(first.alarm, Alarm::Dark);
        for signature in &said.signatures {
            assert_eq!((signature.protocol, signature.port), service, "seed {seed}");
            assert_ne!(signature.confidence, Confidence::High);
        }
    }
    assert!(inside * 100 >= intervals * 93, "{inside} of {intervals}");
}

#[test]
fn threads_and_batches_change_nothing() {
    let (trace, _) = telescope(7);
    let config = config(NETWORK);
    let truth = run(&trace, &config, (1, trace.frames.len()));
    assert!(truth.lines.len() > 25);
    for way in [(1, 997), (2, 5_000), (3, 64)] {
        let other = run(&trace, &config, way);
        assert_eq!(truth.lines, other.lines, "{way:?}");
        assert_eq!(truth.stats.dark, other.stats.dark, "{way:?}");
    }
    for line in &truth.lines {
        let event = json_lines::read_event(line).unwrap().expect("an event");
        assert_eq!(json_lines::write_event(&event), *line);
    }
}

/// A telescope that is stopped and goes on tells what one run does.
#[test]
fn a_restart_changes_nothing() {
    let (trace, _) = telescope(8);
    let config = config(NETWORK);
    let whole = run(&trace, &config, (1, 10_000));
    let frames = frames(&trace.frames);
    let half = frames.len() / 2 / 10_000 * 10_000;
    let folder =
        std::env::temp_dir().join(format!("wormsift-dark-{}", std::process::id()));
    let mut lines = Vec::new();
    let mut sensor = Sensor::new(config.clone()).unwrap();
    let mut take = |sensor: &mut Sensor| {
        lines.extend(sensor.dark_events().iter().map(json_lines::write_event));
    };
    sensor.sift(&frames[..half]);
    take(&mut sensor);
    sensor.save(&folder).unwrap();
    let mut sensor = Sensor::restore(config, &folder).unwrap();
    std::fs::remove_file(&folder).unwrap();
    sensor.sift(&frames[half..]);
    sensor.finish();
    take(&mut sensor);
    assert_eq!(lines, whole.lines);
}

/// Three sources to three dark addresses, and no fewer; where nothing is dark, none.
#[test]
fn content_from_three_hosts_to_three_dark_addresses_alarms() {
    let content: Vec<u8> = (0..200_u32).map(|at| (at * at * 31 + at) as u8).collect();
    let outcome = |config: &Config, pairs: &[(u8, u8)]| {
        let mut sensor = Sensor::new(config.clone()).unwrap();
        let mut worker = sensor.worker();
        for (number, (source, destination)) in (1..).zip(pairs) {
            let source = (IpAddr::from([198, 51, 100, *source]), 4_000);
            let destination = (IpAddr::from([10, 64, 9, *destination]), 1_434);
            let time = number * 1_000_000_000;
            worker.observe(&datagram(number, time, source, destination, &content));
        }
        sensor.absorb([&mut worker]);
        sensor.finish();
        let signatures =
            sensor.findings().into_iter().filter_map(|finding| match finding {
                Finding::Signature(it) => Some(it),
                _ => None,
            });
        signatures.collect::<Vec<_>>()
    };
    let dark = config(NETWORK);
    let three = [(1, 1), (2, 2), (3, 3)];
    let found = outcome(&dark, &three);
    let [signature] = &found[..] else { panic!("{found:?}") };
    assert_eq!(signature.alarm, Alarm::Dark);
    assert_eq!(signature.evidence.alarms, [Alarm::Dark]);
    assert_eq!(signature.confidence, Confidence::Medium);
    assert_eq!((signature.protocol, signature.port), (17, Some(1_434)));
    let reason = "At least 3 sources sent it to at least 3 dark addresses";
    assert!(signature.evidence.reasons.iter().any(|it| it.starts_with(reason)));
    let two_sources = [(1, 1), (2, 2), (1, 3), (2, 4), (1, 5), (2, 6)];
    let two_destinations = [(1, 1), (2, 2), (3, 1), (4, 2), (5, 1)];
    for few in [&two_sources[..], &two_destinations, &three[..2]] {
        assert!(outcome(&dark, few).is_empty(), "{few:?}");
    }
    assert!(outcome(&Config::default(), &three).is_empty());
    assert!(outcome(&config("10.64.8.0/24"), &three).is_empty());
}

/// Addresses of the home network that never sent are dark once that is known, and until they do.
#[test]
fn dark_addresses_are_learned() {
    let content: Vec<u8> = (0..200_u32).map(|at| (at * at * 37 + at) as u8).collect();
    let config = Config::from_toml(
        "memory = \"64MiB\"\nhome_net = [\"10.64.9.0/24\"]\ndark_learn = \"60s\"",
    );
    let config = config.unwrap();
    let outside = |n: u8| (IpAddr::from([198, 51, 100, n]), 4_000);
    let inside = |n: u8| (IpAddr::from([10, 64, 9, n]), 1_434);
    // Ten hosts live there, and talk in the first minute; later the content goes to three of
    // them, or to three that nobody heard of.
    let outcome = |targets: [u8; 3], late: Option<u8>| {
        let mut sensor = Sensor::new(config.clone()).unwrap();
        let mut worker = sensor.worker();
        let mut number = 0;
        let mut send = |seconds: u64, from, to, payload: &[u8]| {
            number += 1;
            worker.observe(&datagram(number, seconds * 1_000_000_000, from, to, payload));
        };
        for n in 0..10 {
            send(100 + u64::from(n), inside(n), outside(99), b"something else in here");
        }
        // Not yet: who sends is still being learned.
        for n in 0..3 {
            send(120, outside(50 + n), inside(100 + n), &content[20..180]);
        }
        if let Some(late) = late {
            send(170, inside(late), outside(98), b"a host that comes late");
        }
        for (n, target) in (0..).zip(targets) {
            send(200 + u64::from(n), outside(n), inside(target), &content);
        }
        sensor.absorb([&mut worker]);
        sensor.finish();
        let alarms = sensor.findings().into_iter().filter_map(|finding| match finding {
            Finding::Signature(it) => Some(it.alarm),
            _ => None,
        });
        (alarms.collect::<Vec<_>>(), sensor.stats().dark.dark_probes)
    };
    assert_eq!(outcome([20, 21, 22], None), (vec![Alarm::Dark], 3));
    assert_eq!(outcome([7, 8, 9], None), (vec![], 0));
    assert_eq!(outcome([20, 21, 22], Some(22)), (vec![], 2));
    for wrong in ["", "home_net = [\"10.0.0.0/7\"]\n", "home_net = [\"2001:db8::/32\"]\n"]
    {
        let config = Config::from_toml(&format!("{wrong}dark_learn = \"1h\"")).unwrap();
        let error = config.validate().unwrap_err().to_string();
        assert!(error.contains("dark_learn") && error.contains("16777216"), "{error}");
    }
}

/// Addresses of an IPv6 network are told apart where they are dark.
#[test]
fn dark_addresses_of_one_ipv6_network_are_several() {
    let content: Vec<u8> = (0..200_u32).map(|at| (at * at * 41 + at) as u8).collect();
    let mut sensor = Sensor::new(config("2001:db8:1::/64")).unwrap();
    let mut worker = sensor.worker();
    for n in 1..=3_u16 {
        let source = (IpAddr::from([0x2001, 0xdb9, 0, n, 0, 0, 0, 1]), 4_000);
        let destination = (IpAddr::from([0x2001, 0xdb8, 1, 0, 0, 0, 0, n]), 1_434);
        let time = u64::from(n) * 1_000_000_000;
        worker.observe(&datagram(n.into(), time, source, destination, &content));
    }
    sensor.absorb([&mut worker]);
    sensor.finish();
    let alarms = sensor.findings().into_iter().filter_map(|finding| match finding {
        Finding::Signature(it) => Some(it.alarm),
        _ => None,
    });
    assert_eq!(alarms.collect::<Vec<_>>(), [Alarm::Dark]);
}

/// A decoy is not dark, and a named address in the home network counts once.
#[test]
fn decoys_are_not_dark_and_no_address_counts_twice() {
    let scan = |settings: &str| {
        let mut config = config("10.64.8.0/23");
        config.home_net = vec!["10.64.8.0/22".parse().unwrap()].into();
        for setting in settings.split(';').filter(|it| !it.is_empty()) {
            let (name, value) = setting.split_once('=').unwrap();
            config.set_text(name, value).unwrap();
        }
        let mut sensor = Sensor::new(config).unwrap();
        let mut worker = sensor.worker();
        // Each host of the other half of the home network sends at the beginning.
        for n in 0..1_200_u64 {
            let (from, to) = match n {
                0..512 => ([10, 64, 10 + (n >> 8) as u8, n as u8], [198, 51, 100, 1]),
                _ => ([198, 51, 100, 7], [10, 64, 8 + (n >> 8 & 1) as u8, n as u8]),
            };
            let (from, to) = ((IpAddr::from(from), 4_000), (IpAddr::from(to), 9));
            worker.observe(&datagram(n + 1, n * 1_000_000_000, from, to, b"hello"));
        }
        sensor.absorb([&mut worker]);
        sensor.finish();
        let mut scans =
            sensor.dark_events().into_iter().filter_map(|event| match event {
                DarkEvent::Scan(it) => Some((it.packets, it.rate.unwrap().estimate)),
                _ => None,
            });
        scans.next_back().unwrap()
    };
    let (packets, rate) = scan("");
    assert_eq!(packets, 688);
    let expected = f64::from(1 << 23);
    assert!((rate / expected - 1.0).abs() < 0.01, "{rate}");
    // The same with what is learned: nothing more is dark.
    let (packets, learned) = scan("dark_learn=10s");
    assert!(packets == 688 && (learned / rate - 1.0).abs() < 0.01, "{learned}");
    // With half of them decoys: 432 packets in the same time, at half of the addresses.
    let (packets, fewer) = scan("decoys=10.64.9.0/24");
    let expected = expected * 2.0 * 431.0 / 687.0;
    assert!(
        packets == 432 && (fewer / expected - 1.0).abs() < 0.01,
        "{packets}, {fewer}"
    );
}

/// A quarter of the site behind the tap of the generated worms.
const QUARTER: &str = "10.20.28.0/22";

/// IPv4 source, destination and protocol of an Ethernet frame; TCP beyond a SYN as 0.
fn addresses(frame: &[u8]) -> Option<(Host, Host, u8)> {
    let ip = frame.get(12..)?.strip_prefix(&[8, 0])?;
    let host = |at: usize| {
        let address: [u8; 4] = *ip.get(at..)?.first_chunk()?;
        Some(host(address.into()))
    };
    let is_syn = ip.get(33).is_some_and(|flags| flags & 0x17 == 2);
    let protocol = if ip[9] == 6 && !is_syn { 0 } else { ip[9] };
    Some((host(12)?, host(16)?, protocol))
}

/// With a quarter of the site dark, worms over datagrams alarm as soon as three sources have sent
/// theirs to three dark addresses, whatever else is seen. Prints how many hosts are infected then.
#[test]
fn on_a_tap_content_to_a_dark_quarter_alarms_with_the_third_source() {
    let quarter: Network = QUARTER.parse().unwrap();
    let is_dark = |host: Host| quarter.contains(host.address());
    let mut infected = Vec::new();
    for scenario in ["outbreak", "padded-core", "short-datagram", "local-preference"] {
        for seed in 1..=sample(1, 5) {
            let trace =
                Scenario::named(scenario, seed).unwrap().stream().unwrap().into_trace();
            let runs = trace.truth.contents[0].carriers.runs.clone();
            let carries =
                |number: u64| runs.iter().any(|[a, b]| (*a..=*b).contains(&number));
            // Nobody is there: what would come of them, and to them behind a SYN, does not.
            let mut kept = Vec::new();
            let (mut sources, mut targets) = (BTreeSet::new(), BTreeSet::new());
            let mut reached = None;
            for ((time, frame), number) in trace.frames.iter().zip(1..) {
                let ends = addresses(frame);
                if ends.is_some_and(|(from, to, kind)| {
                    is_dark(from) || is_dark(to) && kind == 0
                }) {
                    continue;
                }
                kept.push((*time, frame.clone()));
                if let Some((from, to, 17)) =
                    ends.filter(|it| is_dark(it.1) && carries(number))
                {
                    sources.insert(from);
                    targets.insert(to);
                    if reached.is_none() && sources.len() >= 3 && targets.len() >= 3 {
                        reached = Some(*time);
                    }
                }
            }
            let reached = reached.expect("the worm comes to three dark addresses");
            // By dark addresses alone.
            let settings = "spread = 4096\nsources = 4096\ndestinations = 4096";
            let config =
                format!("memory = \"64MiB\"\ndark = [\"{QUARTER}\"]\n{settings}");
            let said = run(
                &Trace { frames: kept, truth: trace.truth.clone() },
                &Config::from_toml(&config).unwrap(),
                (2, 4_096),
            );
            let told = said.signatures.iter().map(|it| it.detected_at.as_nanos()).min();
            let told = told.expect("a signature");
            assert!(
                (reached..reached + 2_000_000_000).contains(&told),
                "{scenario} {seed}"
            );
            assert!(said.signatures.iter().all(|it| it.alarm == Alarm::Dark));
            let infections = trace.truth.infections.iter();
            infected.push(
                infections
                    .filter(|it| it.time_ns <= told && !is_dark(host(it.host)))
                    .count(),
            );
        }
    }
    infected.sort_unstable();
    println!(
        "infected at the alarm: {infected:?}, median {}",
        infected[infected.len() / 2]
    );
}
