//! Waves of a signature: told by its hours and days, in whatever batches packets come, and by a
//! sensor that was saved between them.

use crate::common::{Random, datagram};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use wormsift::Sensor;
use wormsift::config::Config;
use wormsift::signature::{Wave, WaveRule};
use wormsift_export::json_lines;

const SECOND: u64 = 1_000_000_000;
const HOUR: u64 = 3_600 * SECOND;

fn address(n: u64) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(0x0a00_0000 | n as u32))
}

/// So many sources of the content in each hour from the hundredth on, spread over it.
fn traffic(sources: &[u64]) -> Vec<(u64, u64)> {
    let hours = (100_u64..).zip(sources);
    hours
        .flat_map(|(hour, sources)| {
            // Twice each.
            (0..2 * sources).map(move |n| (hour * HOUR + n * HOUR / (2 * sources), n / 2))
        })
        .collect()
}

fn config() -> Config {
    Config::from_toml(
        "memory = \"64MiB\"\nsampling = \"8\"\nsources = 8\ndestinations = 8\n\
         prevalence_window = \"1d\"",
    )
    .unwrap()
}

/// The waves of it, in batches of so many packets; saved and restored after each of these.
fn waves(traffic: &[(u64, u64)], batch: usize, stops: &BTreeSet<usize>) -> Vec<Wave> {
    let content = Random(77).bytes(160);
    let folder = std::env::temp_dir()
        .join(format!("wormsift-waves-{batch}-{}", std::process::id()));
    let mut sensor = Sensor::new(config()).unwrap();
    let mut found = Vec::new();
    for (index, part) in traffic.chunks(batch).enumerate() {
        let mut worker = sensor.worker();
        for (n, (time, source)) in part.iter().enumerate() {
            let number = (index * batch + n + 1) as u64;
            let ends = ((address(*source), 9), (address(100_000 + number), 7_777));
            worker.observe(&datagram(number, *time, ends.0, ends.1, &content));
        }
        sensor.absorb([&mut worker]);
        found.extend(sensor.waves());
        if stops.contains(&index) {
            sensor.save(&folder).unwrap();
            sensor = Sensor::restore(config(), &folder).unwrap();
            std::fs::remove_file(&folder).unwrap();
        }
    }
    sensor.finish();
    found.extend(sensor.waves());
    found
}

#[test]
fn hours_of_twice_as_many_sources_are_waves() {
    let sources = [30, 40, 70, 150, 180, 0, 62, 0, 90, 100];
    let found = waves(&traffic(&sources), 1_000, &BTreeSet::new());
    let told: Vec<_> = found
        .iter()
        .map(|it| (it.hour.as_nanos() / HOUR - 100, it.hour_sources_before))
        .collect();
    // The first hour was not counted whole, 70 are less than twice 40, and 62 too few.
    assert_eq!(told, [(3, Some(70)), (8, Some(0))], "{found:?}");
    assert!(
        found.iter().all(|it| it.rule == WaveRule::Growth && it.spike_above.is_none())
    );
    // Above 128 addresses they are estimated.
    assert!((140..=160).contains(&found[0].hour_sources), "{found:?}");
    let minutes = found[0].doubling_seconds.unwrap() / 60.0;
    assert!((50.0..=60.0).contains(&minutes), "{found:?}");
    for wave in &found {
        let line = json_lines::write_wave(wave);
        assert_eq!(json_lines::read_wave(&line), Ok(Some(wave.clone())));
    }
    // The last hour counts as far as it has come.
    let found = waves(&traffic(&[30, 40, 90]), 1_000, &BTreeSet::new());
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].hour_sources, found[0].hour_sources_before), (90, Some(40)));
}

#[test]
fn batches_and_restarts_change_no_wave() {
    let random = &mut Random(8);
    let mut told = 0;
    for _ in 0..4 {
        let sources: Vec<u64> = (0..12).map(|_| 20 << random.below(4)).collect();
        let traffic = traffic(&sources);
        let whole = waves(&traffic, usize::MAX >> 1, &BTreeSet::new());
        told += whole.len();
        for batch in [1, 37, 1_000] {
            let stops = (0..6).map(|_| random.below(40) as usize).collect();
            assert_eq!(waves(&traffic, batch, &stops), whole, "{batch}, {stops:?}");
        }
    }
    assert!(told > 4, "{told}");
}

/// A content of forty sources a day, for five weeks, then of five hundred.
#[test]
fn a_day_far_above_the_days_before_is_a_spike() {
    let mut traffic: Vec<(u64, u64)> = Vec::new();
    for day in 0..35_u64 {
        let sources = 80 + day % 3;
        let start = (20_000 + day) * 24 * HOUR;
        // All day long, so that it is not forgotten.
        traffic.extend((0..480).map(|n| (start + n * HOUR / 20, n % sources)));
    }
    let last = (20_000 + 35) * 24 * HOUR;
    traffic.extend((0..500).map(|n| (last + n * 20 * SECOND, 1_000 + n)));
    let found = waves(&traffic, 100, &[60].into());
    let spikes: Vec<&Wave> =
        found.iter().filter(|it| it.rule == WaveRule::Spike).collect();
    let [first, .., end] = &spikes[..] else { panic!("{found:?}") };
    assert_eq!((first.days, first.hour.as_nanos()), (34, last));
    let by_id: BTreeMap<&str, u32> =
        spikes.iter().map(|it| (&*it.id, it.day_sources)).collect();
    assert_eq!(by_id.len(), 1);
    assert!((430..=570).contains(&end.day_sources), "{end:?}");
    assert!(end.spike_above.unwrap() < 100.0, "{end:?}");
}
