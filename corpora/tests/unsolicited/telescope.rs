//! What the scenario `telescope` promises.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::class::{Class, add, class_of};
use crate::common::{Parsed, parse, trace, trace_with};
use wormsift_corpora::address_space::Prefix;
use wormsift_corpora::ground_truth::{
    Answer, DarkClasses, DarkTruth, Protocol, ScanTool, ScannerTruth, VictimTruth,
};
use wormsift_corpora::{AddressMap, GenerateOptions, Scenario, Trace};

const NAME: &str = "telescope";
/// One address in so many is dark, by default.
const SHARE: f64 = 65_536.0;

fn dark(trace: &Trace) -> &DarkTruth {
    trace.truth.dark.as_ref().expect("a dark network")
}

/// A frame with its time and what is in it.
type Seen<'a> = (u64, Parsed<'a>, &'a [u8]);

fn parsed(trace: &Trace) -> impl Iterator<Item = Seen<'_>> {
    let frames = trace.frames.iter();
    frames.map(|(time, frame)| (*time, parse(frame).expect("a plain frame"), &frame[..]))
}

fn number(address: IpAddr) -> u32 {
    let IpAddr::V4(address) = address else { panic!("{address}") };
    address.into()
}

/// Whether a packet is an answer of this victim, by its bytes.
fn answers(victim: &VictimTruth, packet: &Parsed<'_>) -> bool {
    let port = victim.service_port.unwrap_or(0);
    packet.source == victim.address
        && match victim.answer {
            Answer::SynAck => {
                (packet.protocol, packet.ports[0], packet.flags) == (6, port, 0x12)
            }
            Answer::Reset => {
                (packet.protocol, packet.ports[0], packet.flags) == (6, port, 0x14)
            }
            Answer::EchoReply => packet.protocol == 1 && packet.ports[1] == 0,
            Answer::DnsAnswer => {
                packet.protocol == 17
                    && packet.ports[0] == port
                    && packet.payload[2] & 0x80 != 0
            }
            // The quoted datagram goes from the dark address to the victim's port.
            Answer::PortUnreachable => {
                let quote = packet.payload;
                let word = |at: usize| u16::from_be_bytes([quote[at], quote[at + 1]]);
                let address = |at: usize| {
                    IpAddr::from(<[u8; 4]>::try_from(&quote[at..at + 4]).unwrap())
                };
                packet.protocol == 1
                    && packet.ports[1] == 0x0303
                    && quote[0] == 0x45
                    && quote[9] == 17
                    && address(12) == packet.destination
                    && address(16) == victim.address
                    && word(22) == port
            }
        }
}

#[test]
fn everything_goes_to_dark_addresses_and_nothing_comes_from_them() {
    let trace = trace(NAME, 1);
    let inside = Prefix::new([10, 64, 0, 0].into(), 16);
    assert_eq!(dark(&trace).network.as_deref(), Some("10.64.0.0/16"));
    assert_eq!(dark(&trace).addresses, 65_536);
    let is_dark = |address| match address {
        IpAddr::V4(address) => inside.contains(address),
        IpAddr::V6(_) => false,
    };
    for (_, packet, _) in parsed(&trace) {
        assert!(is_dark(packet.destination) && !is_dark(packet.source));
    }
    assert!((60_000..=110_000).contains(&trace.truth.packets), "{}", trace.truth.packets);
    let length = trace.truth.last_packet_ns - trace.truth.first_packet_ns;
    assert!(length <= 7_200_000_000_000);
}

#[test]
fn classes_are_those_of_an_independent_recount() {
    for seed in 1..=4 {
        let trace = trace(NAME, seed);
        let mut recount = DarkClasses::default();
        parsed(&trace).for_each(|(_, packet, _)| add(&mut recount, class_of(&packet)));
        assert_eq!(recount, dark(&trace).classes, "seed {seed}");
        let DarkClasses { backscatter, scan, probe, other } = recount;
        assert_eq!(backscatter + scan + probe + other, trace.truth.packets);
        assert!(backscatter > 4_000 && scan > 80_000 && probe > 1_000 && other > 100);
    }
}

/// Acknowledgements and ends of no connection, requests for time stamps.
#[test]
fn there_is_noise_of_every_class() {
    let trace = trace(NAME, 2);
    let mut of_other: BTreeMap<(u8, u8), u64> = BTreeMap::new();
    for (_, packet, _) in parsed(&trace) {
        if class_of(&packet) == Class::Other {
            *of_other.entry((packet.protocol, packet.flags)).or_default() += 1;
        }
    }
    let kinds: Vec<(u8, u8)> = of_other.keys().copied().collect();
    assert_eq!(kinds, [(1, 0), (6, 0x01), (6, 0x10), (6, 0x11)]);
    let quic = |packet: &Parsed<'_>| packet.protocol == 17 && packet.ports[0] == 443;
    let long_headers = parsed(&trace).filter(|(_, packet, _)| quic(packet));
    let payloads: Vec<_> = long_headers.map(|(_, packet, _)| packet.payload).collect();
    assert!(payloads.len() > 10);
    assert!(payloads.iter().all(|it| it[0] & 0xc0 == 0xc0 && it[1..5] == [0, 0, 0, 1]));
}

#[test]
fn victims_are_what_the_truth_says() {
    let trace = trace(NAME, 3);
    let victims = &dark(&trace).victims;
    let listed: Vec<_> = victims
        .iter()
        .map(|it| (it.answer, it.protocol, it.service_port, it.rate))
        .collect();
    assert_eq!(
        listed,
        [
            (Answer::SynAck, Protocol::Tcp, Some(80), 100_000.0),
            (Answer::SynAck, Protocol::Tcp, Some(443), 20_000.0),
            (Answer::Reset, Protocol::Tcp, Some(6_667), 5_000.0),
            (Answer::PortUnreachable, Protocol::Udp, Some(27_015), 2_000.0),
            (Answer::EchoReply, Protocol::Icmp, None, 500.0),
            (Answer::DnsAnswer, Protocol::Udp, Some(53), 100.0),
        ]
    );
    for victim in victims {
        let mut packets = 0;
        let mut destinations = BTreeSet::new();
        for (time, packet, _) in parsed(&trace) {
            if packet.source != victim.address {
                continue;
            }
            assert!(answers(victim, &packet), "{victim:?}");
            assert!((victim.begin_ns..victim.end_ns).contains(&time), "{victim:?}");
            packets += 1;
            destinations.insert(packet.destination);
        }
        assert_eq!(packets, victim.packets, "{victim:?}");
        let seconds = (victim.end_ns - victim.begin_ns) as f64 / 1e9;
        let expected = victim.rate / SHARE * seconds;
        assert!((expected - victim.expected).abs() < 1e-6, "{victim:?}");
        // Forged sources are drawn from all addresses: hardly any comes twice.
        assert!(destinations.len() as u64 * 10 >= packets * 9, "{victim:?}");
    }
}

/// Counts of a Poisson process have the mean and the variance that is expected.
#[test]
fn victims_answer_as_a_poisson_process_does() {
    const SEEDS: u64 = 24;
    let mut by_victim: Vec<(f64, Vec<f64>)> = Vec::new();
    for seed in 1..=SEEDS {
        let stream = Scenario::named(NAME, seed).unwrap().stream().unwrap();
        let truth = stream.into_trace().truth;
        let victims = truth.dark.unwrap().victims;
        assert_eq!(victims.len(), 6);
        by_victim.resize(6, (0.0, Vec::new()));
        for (all, victim) in by_victim.iter_mut().zip(victims) {
            all.0 = victim.expected;
            all.1.push(victim.packets as f64);
        }
    }
    let few = by_victim.last().unwrap().0;
    let many = by_victim.first().unwrap().0;
    assert!(few < 10.0 && many > 3_000.0, "{few}, {many}");
    let mut chi_square = 0.0;
    for (expected, counts) in &by_victim {
        let mean = counts.iter().sum::<f64>() / SEEDS as f64;
        let error = (expected / SEEDS as f64).sqrt();
        assert!((mean - expected).abs() < 4.0 * error, "{expected}: {mean}");
        chi_square +=
            counts.iter().map(|it| (it - expected).powi(2) / expected).sum::<f64>();
    }
    // 144 squares, with a standard deviation of 17.
    assert!((93.0..=203.0).contains(&chi_square), "{chi_square}");
}

/// Exponential gaps have a mean as large as their standard deviation, and a share of
/// exp(-1) is longer than the mean.
#[test]
fn gaps_between_answers_are_exponential() {
    let trace = trace(NAME, 4);
    let victim = &dark(&trace).victims[0];
    let times: Vec<u64> = parsed(&trace)
        .filter(|(_, packet, _)| packet.source == victim.address)
        .map(|(time, _, _)| time)
        .collect();
    let gaps: Vec<f64> =
        times.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 1e9).collect();
    let count = gaps.len() as f64;
    let mean = gaps.iter().sum::<f64>() / count;
    let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count;
    let expected = SHARE / victim.rate;
    assert!((mean / expected - 1.0).abs() < 0.07, "{mean} and {expected}");
    assert!((variance.sqrt() / mean - 1.0).abs() < 0.1, "{}", variance.sqrt() / mean);
    let longer = gaps.iter().filter(|gap| **gap > mean).count() as f64 / count;
    assert!((longer - (-1.0f64).exp()).abs() < 0.035, "{longer}");
}

/// Whether the mark of a tool is in a frame of TCP.
fn marked(tool: ScanTool, frame: &[u8], packet: &Parsed<'_>) -> bool {
    let identification = u16::from_be_bytes([frame[18], frame[19]]);
    let sequence = u32::from_be_bytes(frame[38..42].try_into().unwrap());
    let address = number(packet.destination);
    match tool {
        ScanTool::Zmap => identification == 54_321,
        ScanTool::Masscan => {
            let all = address ^ u32::from(packet.ports[1]) ^ sequence;
            u32::from(identification) == all & 0xffff
        }
        ScanTool::Mirai => sequence == address,
    }
}

#[test]
fn scanners_are_what_the_truth_says() {
    for seed in [5, 6] {
        let trace = trace(NAME, seed);
        let scanners = &dark(&trace).scanners;
        assert_eq!(scanners.len(), 20);
        let mut seen: BTreeMap<IpAddr, Vec<Seen<'_>>> = BTreeMap::new();
        for one in parsed(&trace) {
            seen.entry(one.1.source).or_default().push(one);
        }
        for scanner in scanners {
            check_scanner(scanner, &seen[&scanner.source]);
        }
    }
}

fn check_scanner(scanner: &ScannerTruth, packets: &[Seen<'_>]) {
    assert_eq!(packets.len() as u64, scanner.packets, "{scanner:?}");
    let destinations: BTreeSet<IpAddr> =
        packets.iter().map(|(_, packet, _)| packet.destination).collect();
    assert_eq!(destinations.len() as u64, scanner.destinations, "{scanner:?}");
    assert_eq!(scanner.packets, scanner.destinations, "no address twice");
    let coverage = destinations.len() as f64 / SHARE;
    assert!((coverage - scanner.coverage).abs() < 1e-9, "{scanner:?}");
    assert!((0.01..=1.0).contains(&coverage), "{scanner:?}");
    for (_, packet, frame) in packets {
        assert_eq!(class_of(packet), Class::Scan, "{scanner:?}");
        let (protocol, port) = match packet.protocol {
            6 => (Protocol::Tcp, Some(packet.ports[1])),
            17 => (Protocol::Udp, Some(packet.ports[1])),
            _ => (Protocol::Icmp, None),
        };
        assert_eq!((protocol, port), (scanner.protocol, scanner.port), "{scanner:?}");
        let marks = [ScanTool::Zmap, ScanTool::Masscan, ScanTool::Mirai];
        match scanner.tool {
            Some(tool) => assert!(marked(tool, frame, packet), "{scanner:?}"),
            None if packet.protocol == 6 => {
                let any = marks.into_iter().any(|tool| marked(tool, frame, packet));
                assert!(!any, "{scanner:?}");
            }
            None => assert!(!marked(ScanTool::Zmap, frame, packet), "{scanner:?}"),
        }
    }
    let (first, last) = (packets[0].0, packets[packets.len() - 1].0);
    assert!(scanner.begin_ns < first && scanner.end_ns == last, "{scanner:?}");
    // The rate in all of IPv4, by what came: within four standard errors.
    let seconds = (last - scanner.begin_ns) as f64 / 1e9;
    let rate = packets.len() as f64 / seconds * SHARE;
    let error = 4.0 / (packets.len() as f64).sqrt();
    assert!((rate / scanner.rate - 1.0).abs() < error, "{scanner:?}: {rate}");
}

#[test]
fn scanners_are_of_all_tools_and_coverages() {
    let trace = trace(NAME, 7);
    let scanners = &dark(&trace).scanners;
    let mut of_tool: BTreeMap<String, usize> = BTreeMap::new();
    for scanner in scanners {
        *of_tool.entry(format!("{:?}", scanner.tool)).or_default() += 1;
    }
    let counts: Vec<(&str, usize)> =
        of_tool.iter().map(|(tool, count)| (&tool[..], *count)).collect();
    let expected =
        [("None", 6), ("Some(Masscan)", 5), ("Some(Mirai)", 4), ("Some(Zmap)", 5)];
    assert_eq!(counts, expected);
    let sources: BTreeSet<IpAddr> = scanners.iter().map(|it| it.source).collect();
    assert_eq!(sources.len(), 20);
    let coverages: BTreeSet<u64> =
        scanners.iter().map(|it| (it.coverage * 100.0).round() as u64).collect();
    assert_eq!(coverages.into_iter().collect::<Vec<_>>(), [1, 2, 3, 4, 8, 100]);
}

#[test]
fn the_worm_is_in_one_packet_each_from_many_hosts() {
    for seed in 8..=11 {
        let trace = trace(NAME, seed);
        let truth = &trace.truth;
        let [content] = &truth.contents[..] else { panic!("{:?}", truth.contents) };
        let invariant = &content.invariant_pieces()[0];
        assert!(invariant.len() >= 200);
        let holds = |packet: &Parsed<'_>| {
            packet.payload.windows(invariant.len()).any(|window| window == invariant)
        };
        let mut sources = BTreeSet::new();
        let mut targets = BTreeSet::new();
        for ((_, packet, _), number) in parsed(&trace).zip(1..) {
            let is_udp_to_port = packet.protocol == 17
                && Some(packet.ports[1]) == content.destination_port;
            let is_carrier = content.carriers.contains(number);
            assert_eq!(is_udp_to_port && holds(&packet), is_carrier, "{number}");
            if is_carrier {
                assert_eq!(class_of(&packet), Class::Probe);
                sources.insert(packet.source);
                targets.insert(packet.destination);
            }
        }
        let infected: BTreeSet<IpAddr> =
            truth.infections.iter().map(|one| one.host).collect();
        assert_eq!(infected.len(), truth.infections.len());
        assert_eq!(truth.vulnerable_hosts, 40);
        assert!(sources.len() >= 30 && sources.is_subset(&infected), "{}", sources.len());
        assert!(targets.len() >= 500, "{}", targets.len());
        assert!(truth.infections.iter().all(|one| one.packet.is_none()));
        let known = |by: &IpAddr| infected.contains(by);
        let first = truth.infections.iter().filter(|one| one.by.is_none()).count();
        assert_eq!(first, 3);
        assert!(truth.infections.iter().filter_map(|one| one.by.as_ref()).all(known));
    }
}

/// What the end cuts off is not in the truth.
#[test]
fn a_short_capture_has_the_truth_of_what_is_in_it() {
    let duration = Some(Duration::from_secs(1_500));
    let options = GenerateOptions { duration, ..GenerateOptions::default() };
    let trace = trace_with(NAME, 12, options);
    let dark = dark(&trace);
    let end_ns = trace.truth.last_packet_ns;
    let mut recount = DarkClasses::default();
    let mut of_source: BTreeMap<IpAddr, u64> = BTreeMap::new();
    for (_, packet, _) in parsed(&trace) {
        add(&mut recount, class_of(&packet));
        *of_source.entry(packet.source).or_default() += 1;
    }
    assert_eq!(recount, dark.classes);
    // Those at 443, 27015 and 53 are flooded later.
    assert_eq!(dark.victims.len(), 3);
    for victim in &dark.victims {
        assert_eq!(victim.end_ns, end_ns);
        let seconds = (end_ns - victim.begin_ns) as f64 / 1e9;
        assert!((victim.expected - victim.rate / SHARE * seconds).abs() < 1e-6);
        assert_eq!(of_source.get(&victim.address).copied().unwrap_or(0), victim.packets);
    }
    assert!((5..20).contains(&dark.scanners.len()), "{}", dark.scanners.len());
    for scanner in &dark.scanners {
        assert_eq!(of_source[&scanner.source], scanner.packets);
        assert!(scanner.end_ns <= end_ns);
    }
    assert!(trace.truth.infections.is_empty());
}

#[test]
fn a_network_of_another_size_sees_its_share() {
    let inside = Prefix::new([192, 168, 0, 0].into(), 20);
    let options = GenerateOptions { inside: Some(inside), ..GenerateOptions::default() };
    let trace = trace_with(NAME, 13, options);
    let dark = dark(&trace);
    assert_eq!(dark.network.as_deref(), Some("192.168.0.0/20"));
    let victim = &dark.victims[0];
    assert_eq!(victim.rate, 100_000.0);
    assert!((victim.expected - 100_000.0 / SHARE / 16.0 * 2_400.0).abs() < 1e-6);
    let whole = dark.scanners.iter().find(|it| it.port == Some(443)).unwrap();
    assert_eq!((whole.destinations, whole.coverage), (4_096, 1.0));
    assert!(trace.truth.contents[0].carriers.count > 500);
}

/// Between the hosts of a given capture, marks are of the addresses that frames have.
#[test]
fn marks_fit_the_addresses_of_a_given_capture() {
    let inside: IpAddr = [172, 16, 0, 0].into();
    let hosts: Vec<IpAddr> = (1..=9).map(|last| [172, 16, 3, last].into()).collect();
    let map = AddressMap::new(&[(inside, 18)], &hosts).unwrap();
    let options = GenerateOptions {
        inside: Some(map.scenario_inside()),
        addresses: Some(Arc::new(map)),
        ..GenerateOptions::default()
    };
    let trace = trace_with(NAME, 14, options);
    let dark = dark(&trace);
    assert_eq!((dark.network.as_deref(), dark.addresses), (None, 16_384));
    let inside = Prefix::new([172, 16, 0, 0].into(), 18);
    let mut marks = 0;
    for (_, packet, frame) in parsed(&trace) {
        assert!(matches!(packet.destination, IpAddr::V4(host) if inside.contains(host)));
        let is_of = |scanner: &&ScannerTruth| scanner.source == packet.source;
        if let Some(tool) = dark.scanners.iter().find(is_of).and_then(|it| it.tool) {
            assert!(marked(tool, frame, &packet));
            marks += 1;
        }
    }
    assert!(marks > 16_384, "{marks}");
}
