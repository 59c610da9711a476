//! What a signature says of its hosts and its first packet is true, or says that it is not
//! known.

use crate::common::{Random, datagram};
use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use wormsift::config::{Config, Size};
use wormsift::pipeline::Sensor;
use wormsift::signature::{Count, HostRange, HostRangeMethod, Precision, Signature};

const SECOND: u64 = 1_000_000_000;

fn address(n: u64) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(0x0a00_0000 | n as u32))
}

/// Who sends the content to whom, at what time; `None` for a packet of another content.
type Sent = (u64, Option<(u64, u64)>);

/// The one signature at the end of it.
fn found(config: Config, traffic: &[Sent]) -> Signature {
    let content = Random(77).bytes(160);
    let mut sensor = Sensor::new(config).unwrap();
    let mut worker = sensor.worker();
    for (number, (time, pair)) in (1..).zip(traffic) {
        let other = Random(number << 20).bytes(160);
        let (source, destination) =
            pair.unwrap_or((900_000 + number, 1_900_000 + number));
        worker.observe(&datagram(
            number,
            *time,
            (address(source), 9),
            (address(destination), 7_777),
            if pair.is_some() { &content } else { &other },
        ));
        if number % 500 == 0 {
            sensor.absorb([&mut worker]);
        }
    }
    sensor.absorb([&mut worker]);
    sensor.finish();
    let last: HashMap<String, Signature> = (sensor.findings().into_iter())
        .map(|finding| (finding.signature().id.clone(), finding.into_signature()))
        .collect();
    assert_eq!(last.len(), 1, "one content");
    last.into_values().next().unwrap()
}

fn config() -> Config {
    let mut config = Config::default();
    config.sampling = "8".parse().unwrap();
    config.memory = Size(64 << 20);
    (config.sources, config.destinations) = (8, 8);
    config
}

fn distinct(traffic: &[Sent], side: fn(&(u64, u64)) -> u64) -> usize {
    let pairs = traffic.iter().filter_map(|(_, pair)| pair.as_ref());
    pairs.map(side).collect::<BTreeSet<_>>().len()
}

#[test]
fn few_hosts_are_counted_exactly_from_the_first_packet_on() {
    for (sources, destinations) in [(8, 10), (10, 28), (31, 64)] {
        let mut time = 1_000 * SECOND;
        let mut traffic: Vec<Sent> = Vec::new();
        for source in 0..sources {
            for destination in 0..destinations {
                time += SECOND / 50;
                traffic.push((time, None));
                traffic.push((time, Some((source, 10_000 + destination))));
            }
        }
        let it = found(config(), &traffic);
        assert_eq!((it.sources, it.destinations), (sources as u32, destinations as u32));
        assert_eq!(it.sources_precision, Precision::Exact);
        assert_eq!(it.destinations_precision, Precision::Exact);
        let first = it.first_sighting.unwrap();
        assert_eq!((first.packet, first.certain), (2, true));
        assert_eq!(it.first_seen.as_nanos(), traffic[1].0);
        assert_eq!(first.source.to_string(), "10.0.0.0");
        assert_eq!(first.destination.to_string(), "10.0.39.16");
        assert_eq!(it.packets as usize, traffic.len() / 2);
    }
}

#[test]
fn many_hosts_are_counted_without_an_end_and_said_to_be_estimated() {
    let random = &mut Random(5);
    let mut time = 1_000 * SECOND;
    let traffic: Vec<Sent> = (0..12_000)
        .map(|_| {
            time += SECOND / 100;
            (time, Some((random.below(800), 10_000 + random.below(20_000))))
        })
        .collect();
    let it = found(config(), &traffic);
    for (number, precision, truth) in [
        (it.sources, it.sources_precision, distinct(&traffic, |pair| pair.0)),
        (it.destinations, it.destinations_precision, distinct(&traffic, |pair| pair.1)),
    ] {
        let error = f64::from(number) / truth as f64 - 1.0;
        // Four standard errors.
        assert!(error.abs() < 4.0 * 0.023, "{number} for {truth}");
        assert_eq!(precision, Precision::About);
    }
    assert_eq!((it.source_list.len(), it.destination_list.len()), (64, 64));
    assert_eq!(it.first_sighting.unwrap().packet, 1);
    let population = it.population.unwrap();
    let truth = distinct(&traffic, |pair| pair.0) as f64;
    let addresses = f64::from(population.addresses.number);
    assert_eq!(population.addresses.precision, Precision::About);
    assert!((addresses / truth - 1.0).abs() < 4.0 * 0.01625, "{addresses} for {truth}");
    // All of it is in one hour, and all 800 send within two minutes.
    let now = f64::from(population.addresses_now);
    assert_eq!(population.addresses_now, population.addresses_hour_peak);
    assert!((now / truth - 1.0).abs() < 4.0 * 0.023, "{now} for {truth}");
    let HostRange { low, estimate, high, method } = population.hosts;
    assert!((0.8 * truth..=truth).contains(&f64::from(low)), "{low} for {truth}");
    assert!(f64::from(high) >= truth, "{high} for {truth}");
    assert_eq!((estimate, method), (None, HostRangeMethod::Window));
}

/// The windows of one content are counted apart, and their counts are not added up.
#[test]
fn few_addresses_are_counted_exactly_by_the_hour() {
    // Forty at ten an hour, over four hours, every one some times.
    let mut traffic: Vec<Sent> = Vec::new();
    for n in 0..160 {
        let time = (3_600 * 100 + n * 90) * SECOND;
        traffic.push((time, Some((n / 40 * 10 + n % 10, 10_000 + n))));
    }
    let mut config = config();
    config.prevalence_window = "1d".parse().unwrap();
    let it = found(config, &traffic);
    let population = it.population.unwrap();
    assert_eq!(population.addresses, Count::exact(40));
    assert_eq!((population.addresses_hour_peak, population.addresses_now), (10, 10));
    // Ten minutes hold seven packets, of seven hosts.
    assert_eq!((population.hosts.low, population.hosts.high), (7, 40));
}

#[test]
fn a_first_packet_that_may_have_been_forgotten_is_said_to_be_uncertain() {
    let mut config = config();
    config.memory = Size(16 << 20);
    let mut time = 1_000 * SECOND;
    // Patient zero's first packet, then more of other contents than the log remembers.
    let mut traffic: Vec<Sent> = vec![(time, Some((0, 10_000)))];
    for _ in 0..12_000 {
        time += SECOND / 10_000;
        traffic.push((time, None));
    }
    for n in 0..30 {
        time += SECOND / 50;
        traffic.push((time, Some((n % 10, 10_000 + n))));
    }
    let it = found(config, &traffic);
    let first = it.first_sighting.unwrap();
    assert_eq!((first.packet, first.certain), (12_002, false));
    assert!(it.may_be_earlier());
    assert_eq!((it.sources, it.sources_precision), (10, Precision::Exact));
}
