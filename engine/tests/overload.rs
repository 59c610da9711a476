//! Tables that are far too small say so, and cry at nothing.

mod common;

use common::Random;
use wormsift::config::{Config, Size};
use wormsift::packet::{Packet, Timestamp};
use wormsift::sensor::Sensor;

#[test]
fn unique_traffic_in_full_tables_gives_a_warning_and_no_signature() {
    let mut config = Config::default();
    config.memory = Some(Size(16 << 20));
    config.sampling = "1".parse().unwrap();
    let mut sensor = Sensor::new(config).unwrap();
    let mut worker = sensor.worker();
    let random = &mut Random(1);
    for number in 1..=60_000_u64 {
        let payload = random.bytes(240);
        worker.observe(&Packet {
            number,
            time: Timestamp::from_nanos(number * 100_000),
            source: (0x0a00_0000 + number as u32).to_be_bytes().into(),
            destination: (0x1400_0000 + random.next() as u32 % 100_000)
                .to_be_bytes()
                .into(),
            protocol: 17,
            source_port: 7,
            destination_port: 9,
            sequence: 0,
            tcp_flags: 0,
            encapsulation: 0,
            payload: &payload,
        });
        if number % 500 == 0 {
            sensor.absorb([&mut worker]);
        }
    }
    sensor.finish();
    let stats = sensor.stats();
    println!(
        "overload: prevalence {:.2} full, dispersion {:.2} full, {} sightings not borne out",
        stats.gauge("fill", "prevalence").unwrap(),
        stats.gauge("fill", "dispersion").unwrap(),
        stats.count("content", "not_borne_out").unwrap()
    );
    assert!(stats.gauge("fill", "prevalence").unwrap() > 0.95);
    assert!(stats.count("content", "not_borne_out").unwrap() > 0);
    assert_eq!(sensor.findings(), []);
    let warnings = sensor.warnings();
    assert!(
        warnings.iter().any(|warning| warning.contains("promoted falsely")),
        "{warnings:?}"
    );
}
