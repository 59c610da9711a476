//! What the scenario `address-churn` and its like promise.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use crate::common::{parse, refused, trace_with};
use wormsift_corpora::{GenerateOptions, Trace};

const DAY: u64 = 86_400_000_000_000;
const NAMES: [&str; 4] = [
    "address-churn",
    "address-churn-about-1d",
    "address-churn-about-7d",
    "address-churn-none",
];

fn options(hosts: u32) -> GenerateOptions {
    GenerateOptions { vulnerable_hosts: Some(hosts), ..GenerateOptions::default() }
}

/// Addresses by the hours in which they sent.
fn by_hour(trace: &Trace) -> BTreeMap<u64, BTreeSet<IpAddr>> {
    let mut hours: BTreeMap<u64, BTreeSet<IpAddr>> = BTreeMap::new();
    for (time_ns, frame) in &trace.frames {
        let packet = parse(frame).unwrap();
        assert!(packet.destination.to_string().starts_with("10.64."));
        hours.entry(time_ns / (DAY / 24)).or_default().insert(packet.source);
    }
    hours
}

#[test]
fn the_truth_is_what_the_packets_show() {
    for name in NAMES {
        let trace = trace_with(name, 4, options(500));
        let truth = trace.truth.churn.clone().unwrap();
        let hours = by_hour(&trace);
        let addresses: BTreeSet<_> = hours.values().flatten().copied().collect();
        assert_eq!(truth.addresses as usize, addresses.len(), "{name}");
        assert_eq!((truth.hosts, truth.senders), (500, 500));
        assert_eq!(trace.truth.contents[0].carriers.count, trace.truth.packets);
        // In one hour a host has one address, or few have two.
        let most = hours.values().map(BTreeSet::len).max().unwrap() as u64;
        let peak = truth.concurrent_peak;
        assert!(peak <= most && 10 * most <= 11 * peak, "{name}: {peak}, {most}");
        let length = trace.truth.last_packet_ns - trace.truth.first_packet_ns;
        assert!((9 * DAY..=10 * DAY).contains(&length), "{name}");
    }
}

#[test]
fn hosts_have_so_many_addresses_as_they_should() {
    // 24 h: one in ten days, ten more; of a mean m, 10 / m more.
    for (name, expected) in NAMES.into_iter().zip([11.0, 11.0, 17.0 / 7.0, 1.0]) {
        let truth = trace_with(name, 5, options(2_000)).truth;
        let churn = truth.churn.unwrap();
        let each = churn.addresses as f64 / 2_000.0;
        assert!((each / expected - 1.0).abs() < 0.05, "{name}: {each}");
        let told = churn.kept_seconds.len() as f64 / 200.0;
        assert!((told / expected - 1.0).abs() < 0.1, "{name}: {told}");
    }
}

#[test]
fn it_ends_where_it_is_told_to_and_counts_no_further() {
    for packets in [1, 2, 700] {
        let options = GenerateOptions { packets: Some(packets), ..options(50) };
        let trace = trace_with(NAMES[0], 6, options);
        let addresses: BTreeSet<_> = by_hour(&trace).into_values().flatten().collect();
        let churn = trace.truth.churn.unwrap();
        assert_eq!(churn.addresses as usize, addresses.len(), "{packets}");
        assert_eq!(churn.senders, packets.min(50));
    }
    let duration = Some(Duration::from_secs(3_600));
    let hour = GenerateOptions { duration, ..options(50) };
    let trace = trace_with(NAMES[3], 6, hour);
    assert_eq!(trace.truth.churn.unwrap().concurrent_peak, 50);
}

#[test]
fn what_makes_no_sense_is_refused() {
    for hosts in [0, 10_000_001] {
        assert!(refused(NAMES[0], options(hosts)));
    }
    for scan_rate in [0.0, -1.0, f64::NAN, 1e9] {
        assert!(refused(
            NAMES[1],
            GenerateOptions { scan_rate: Some(scan_rate), ..options(9) }
        ));
    }
}
