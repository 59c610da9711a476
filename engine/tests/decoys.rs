//! Decoys: which of their conversations are told, what they had received, and what they pass
//! on.

mod farm;
mod twin;

use crate::common::Random;
use farm::{Farm, config, decoy, outside};
use proptest::prelude::*;
use rayon::ThreadPoolBuilder;
use twin::{Twin, random_packets};
use wormsift::config::{Config, Span};
use wormsift::packet::{Host, Packet};
use wormsift::signature::{Alarm, Confidence, DecoyReport, Kind, Signature};
use wormsift::{Finding, Sensor};
use wormsift_export::json_lines;

/// What a sensor has said.
#[derive(Debug, Default, PartialEq)]
struct Said {
    reports: Vec<DecoyReport>,
    lines: Vec<String>,
    signatures: Vec<Signature>,
    stats: String,
}

impl Said {
    fn take(&mut self, sensor: &mut Sensor) {
        self.reports.extend(sensor.decoy_reports());
        for finding in sensor.findings() {
            self.lines.push(json_lines::write(&finding));
            if let Finding::Signature(it) = finding {
                self.signatures.push(it);
            }
        }
        self.lines.extend(sensor.incidents().iter().map(json_lines::write_incident));
    }
}

/// Packets dealt out to workers, `batch` of them at a time, on so many threads.
fn run(
    packets: &[Packet<'_>],
    config: &Config,
    (threads, workers, batch): (usize, usize, usize),
) -> Said {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let mut sensor = Sensor::new(config.clone()).unwrap();
        let mut workers: Vec<_> = (0..workers).map(|_| sensor.worker()).collect();
        let mut said = Said::default();
        for part in packets.chunks(batch) {
            for (n, packet) in part.iter().enumerate() {
                let count = workers.len();
                workers[n * 7 % count].observe(packet);
            }
            sensor.absorb(&mut workers);
            said.take(&mut sensor);
        }
        sensor.finish();
        said.take(&mut sensor);
        said.stats = serde_json::to_string(&sensor.stats()).unwrap();
        said
    })
}

fn all_at_once(packets: &[Packet<'_>], config: &Config) -> Said {
    run(packets, config, (1, 1, packets.len().max(1)))
}

fn small(mut config: Config) -> Config {
    config.memory = "64MiB".parse().unwrap();
    config
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Against hash maps over all packets: which starts are told, with which suspects.
    #[test]
    fn what_is_told_is_what_a_slow_model_tells(
        seed: u64,
        length in 1_usize..600,
        batch in 1_usize..300,
    ) {
        let payloads = twin::payloads();
        let packets = random_packets(seed, length, &payloads);
        let mut config = small(config());
        config.dispersion_window = Span::from_secs(1_200);
        let mut twin = Twin::new(config.dispersion_window);
        let expected: Vec<DecoyReport> =
            packets.iter().filter_map(|packet| twin.take(packet)).collect();
        let found = run(&packets, &config, (2, 1, batch)).reports;
        prop_assert_eq!(found, expected);
    }
}

/// Random packets make all sorts of reports: the property above is not empty.
#[test]
fn random_packets_make_reports_with_suspects_and_repetitions() {
    let payloads = twin::payloads();
    let (mut reports, mut with_suspects, mut again) = (0, 0, 0);
    for seed in 0..20 {
        let mut twin = Twin::new(Span::from_secs(1_200));
        for packet in random_packets(seed, 400, &payloads) {
            if let Some(report) = twin.take(&packet) {
                reports += 1;
                with_suspects += usize::from(!report.suspects.is_empty());
                again += usize::from(!report.is_first);
            }
        }
    }
    assert!(reports > 100 && with_suspects > 50 && again > 50);
    println!("{reports} reports, {with_suspects} with suspects, {again} not the first");
}

#[test]
fn threads_batches_and_workers_change_nothing() {
    let worm = Random(5).bytes(700);
    let mut farm = Farm::new(11);
    farm.quiet_day();
    farm.session(outside(1), decoy(3), 445, &worm);
    farm.quiet_day();
    farm.session(decoy(3), outside(77), 445, &worm);
    farm.quiet_day();
    let (packets, config) = (farm.packets(), small(config()));
    let truth = all_at_once(&packets, &config);
    assert_eq!((truth.reports.len(), truth.signatures.len()), (1, 1));
    for how in [(1, 1, 1), (2, 3, 7), (3, 2, 997), (8, 1, 64)] {
        let other = run(&packets, &config, how);
        assert_eq!(truth.reports, other.reports, "{how:?}");
        assert_eq!(truth.lines, other.lines, "{how:?}");
        assert_eq!(truth.stats, other.stats, "{how:?}");
    }
}

/// A sensor that is saved and restored tells no start twice, and knows what came before.
#[test]
fn restarts_change_nothing() {
    let worm = Random(6).bytes(300);
    let mut farm = Farm::new(12);
    farm.session(outside(1), decoy(3), 445, &worm);
    farm.session(decoy(3), outside(77), 445, &worm);
    farm.session(decoy(3), outside(78), 445, &worm);
    let (packets, config) = (farm.packets(), small(config()));
    let truth = all_at_once(&packets, &config);
    assert_eq!(truth.reports.len(), 1);
    let path = std::env::temp_dir()
        .join(format!("wormsift-decoys-state-{}", std::process::id()));
    for cut in 0..=packets.len() {
        let mut said = Said::default();
        let mut sensor = Sensor::new(config.clone()).unwrap();
        for part in [&packets[..cut], &packets[cut..]] {
            let mut worker = sensor.worker();
            part.iter().for_each(|packet| worker.observe(packet));
            sensor.absorb([&mut worker]);
            said.take(&mut sensor);
            sensor.save(&path).unwrap();
            sensor = Sensor::restore(config.clone(), &path).unwrap();
        }
        sensor.finish();
        said.take(&mut sensor);
        assert_eq!((&truth.reports, &truth.lines), (&said.reports, &said.lines), "{cut}");
    }
    std::fs::remove_file(path).unwrap();
}

#[test]
fn nothing_is_told_of_a_farm_without_an_infection() {
    for seed in 0..20 {
        let mut farm = Farm::new(seed);
        (0..3).for_each(|_| farm.quiet_day());
        let said = all_at_once(&farm.packets(), &small(config()));
        assert_eq!(said.reports, [], "{seed}");
        let found: Vec<_> = said.signatures.iter().map(|it| &it.evidence).collect();
        assert!(found.is_empty(), "{seed}: {found:?}");
    }
}

/// The first packet that an infected decoy sends is told at once with what infected it, and
/// its content is found byte for byte with one infected host.
#[test]
fn one_infected_decoy_is_told_at_its_first_packet_and_its_content_found_whole() {
    for seed in 0..20 {
        for is_tcp in [true, false] {
            let worm = Random(seed).bytes(600);
            let mut farm = Farm::new(seed);
            let attack = |farm: &mut Farm, from, to| match is_tcp {
                true => farm.session(from, to, 445, &worm),
                false => farm.datagram(from, to, 1_434, &worm),
            };
            farm.quiet_day();
            let received = attack(&mut farm, outside(9), decoy(5));
            let sent = attack(&mut farm, decoy(5), outside(200));
            farm.quiet_day();
            let said = all_at_once(&farm.packets(), &small(config()));
            let [report] = &said.reports[..] else { panic!("{:?}", said.reports) };
            let host = |address| Host::of(address, 128);
            assert_eq!(report.decoy, host(decoy(5)));
            assert_eq!(report.destination, host(outside(200)));
            assert_eq!((report.packet, report.is_first), (sent.first, true));
            let [suspect, ..] = &report.suspects[..] else { panic!("no suspect") };
            assert_eq!(suspect.content, worm[..256]);
            assert_eq!(suspect.sender, host(outside(9)));
            assert_eq!(suspect.packet, received.payload);
            match is_tcp {
                true => assert!(report.payload.is_empty()),
                false => assert_eq!(report.payload, worm[..256]),
            }
            let [found] = &said.signatures[..] else { panic!("{:?}", said.lines) };
            assert_eq!(found.content, worm, "{seed} {is_tcp}");
            assert_eq!((found.alarm, found.kind), (Alarm::Propagation, Kind::Outbreak));
            let [relay] = &found.relays[..] else { panic!("{:?}", found.relays) };
            assert_eq!((relay.host, relay.fan_out), (host(decoy(5)), 1));
            assert!(relay.is_decoy);
            assert_eq!(relay.received_from, Some(host(outside(9))));
            assert_eq!((found.spread, found.evidence.passing_on.decoys), (1, 1));
            // Over TCP it is shown not to be forged.
            let grade = if is_tcp { Confidence::High } else { Confidence::Medium };
            assert_eq!(found.confidence, grade, "{:?}", found.evidence.reasons);
            let said = &found.evidence.reasons[0];
            assert!(
                said.starts_with("A decoy, which starts nothing by itself"),
                "{said}"
            );
        }
    }
}

/// A content that comes in small segments, and goes on at another port.
#[test]
fn content_in_small_segments_and_at_other_ports_is_found() {
    for (there, back, cut) in [(445, 445, 100), (445, 9_999, 700)] {
        let worm = Random(8).bytes(700);
        let mut farm = Farm::new(8);
        farm.quiet_day();
        farm.cut_session(outside(9), decoy(5), there, &worm, cut);
        farm.cut_session(decoy(5), outside(200), back, &worm, cut);
        let said = all_at_once(&farm.packets(), &small(config()));
        let contents: Vec<_> = said.signatures.iter().map(|it| &it.content[..]).collect();
        assert_eq!(contents, [&worm[..]], "{there} {back} {cut}");
        assert_eq!(said.reports.len(), 1);
    }
}

/// Without the setting the same traffic says nothing.
#[test]
fn hosts_that_are_no_decoys_are_not_told() {
    let worm = Random(8).bytes(700);
    let mut farm = Farm::new(8);
    farm.session(outside(9), decoy(5), 445, &worm);
    farm.session(decoy(5), outside(200), 445, &worm);
    let said = all_at_once(&farm.packets(), &small(Config::default()));
    assert_eq!((said.reports.len(), said.signatures.len()), (0, 0));
    let stats: serde_json::Value = serde_json::from_str(&said.stats).unwrap();
    let counters = stats["decoy_counters"].as_object().unwrap();
    assert!(counters.values().all(|count| count == 0), "{counters:?}");
    assert_eq!(stats["memory"]["decoys_bytes"], 0);
}

/// A decoy in IPv6 is one address, whoever else is in its network.
#[test]
fn a_decoy_in_ipv6_is_a_single_address() {
    let address = |text: &str| text.parse().unwrap();
    let mut config = small(Config::default());
    config.decoys = vec!["2001:db8::7".parse().unwrap()];
    let mut farm = Farm::new(1);
    farm.datagram(address("2001:db8::8"), address("2001:db8:1::1"), 9, b"a neighbour");
    farm.datagram(address("2001:db8:1::1"), address("2001:db8::7"), 9, b"a question");
    farm.datagram(address("2001:db8::7"), address("2001:db8:2::1"), 9, b"an attack");
    let said = all_at_once(&farm.packets(), &config);
    let [report] = &said.reports[..] else { panic!("{:?}", said.reports) };
    assert_eq!(report.decoy, Host::of(address("2001:db8::7"), 128));
    assert_eq!(report.suspects[0].content, b"a question");
}
