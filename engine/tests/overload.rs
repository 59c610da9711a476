//! Tables that are far too small say so, and cry at nothing.

use crate::common::{Random, datagram};
use wormsift::config::{Config, Size};
use wormsift::pipeline::Sensor;

/// Sifts 60,000 different payloads at one a 100 us, all windows kept, in the least
/// memory; in place of every tenth one, from the middle on, what `instead` makes of
/// its number: source, destination, payload.
fn flood(instead: impl Fn(u64) -> Option<(u32, u32, Vec<u8>)>) -> Sensor {
    let mut config = Config::default();
    config.memory = Size(16 << 20);
    config.sampling = "1".parse().unwrap();
    let mut sensor = Sensor::new(config).unwrap();
    let mut worker = sensor.worker();
    let random = &mut Random(1);
    for number in 1..=60_000_u64 {
        let unique = (number as u32, random.next() as u32 % 100_000, random.bytes(240));
        let planted = (number > 30_000 && number.is_multiple_of(10))
            .then(|| instead((number - 30_000) / 10));
        let (source, destination, payload) = planted.flatten().unwrap_or(unique);
        worker.observe(&datagram(
            number,
            number * 100_000,
            ((0x0a00_0000 + source).to_be_bytes().into(), 7),
            ((0x1400_0000 + destination).to_be_bytes().into(), 9),
            &payload,
        ));
        if number % 500 == 0 {
            sensor.absorb([&mut worker]);
        }
    }
    sensor.finish();
    let stats = sensor.stats();
    println!(
        "overload: prevalence {:.2} full, dispersion {:.2} full, {} sightings not borne out",
        stats.fill.prevalence, stats.fill.dispersion, stats.content.not_borne_out
    );
    assert!(stats.fill.prevalence > 0.95);
    // What is behind prevalence stays usable, since most newcomers are kept out of it.
    assert!(stats.fill.dispersion < 0.4);
    assert!(stats.content.kept_out > 100_000);
    sensor
}

#[test]
fn unique_traffic_in_full_tables_gives_warnings_and_no_signature() {
    let mut sensor = flood(|_| None);
    assert_eq!(sensor.findings(), []);
    let warnings = sensor.warnings();
    for told in ["prevalence tables are", "packets showed new ones"] {
        assert!(warnings.iter().any(|warning| warning.contains(told)), "{warnings:?}");
    }
}

#[test]
fn full_tables_do_not_make_a_crowd_of_one_server_into_a_worm() {
    let page = Random(2).bytes(600);
    for server in [true, false] {
        let mut sensor = flood(|n| {
            let client = 200_000 + (n % 200) as u32;
            let (from, to) = if server { (150_000, client) } else { (client, 150_000) };
            Some((from, to, page.clone()))
        });
        assert_eq!(sensor.findings(), []);
    }
}

#[test]
fn full_tables_do_not_hide_a_worm() {
    let body = Random(3).bytes(600);
    let mut sensor = flood(|n| {
        let hosts = [n % 50, n * 7 % 53].map(|host| 200_000 + host as u32);
        Some((hosts[0], hosts[1], body.clone()))
    });
    let findings = sensor.findings();
    assert!(!findings.is_empty());
    for finding in findings {
        let content = &finding.signature().content;
        assert!(body.windows(content.len()).any(|part| part == content), "{finding:?}");
    }
}
