//! Whoever forges sources does not make a worm of a popular page.

use crate::common;
use wormsift::config::{Config, Size};
use wormsift::pipeline::Sensor;
use wormsift::signature::{Alarm, Confidence, Finding, Signature};
use wormsift_corpora::Scenario;
use wormsift_export::json_lines;

/// The last word on each content.
fn summaries(settings: &str, frames: &[(u64, Vec<u8>)]) -> Vec<Signature> {
    let mut sensor = Sensor::new(Config::from_toml(settings).expect(settings)).unwrap();
    sensor.sift(&common::frames(frames)[..]);
    sensor.finish();
    let findings = sensor.findings().into_iter();
    findings
        .filter_map(|finding| match finding {
            Finding::Summary(signature) => Some(signature),
            Finding::Signature(_) | Finding::Update(_) => None,
        })
        .collect()
}

fn frames(name: &str, seed: u64) -> Vec<(u64, Vec<u8>)> {
    Scenario::named(name, seed).unwrap().stream().unwrap().into_trace().frames
}

/// At the default thresholds and below, with 30 forged hosts that send and ten that seem
/// to pass it on.
#[test]
fn forged_tcp_sources_are_low_and_said_to_be_forged() {
    for seed in 1..=4 {
        let frames = frames("forged-sources", seed);
        let mut alarms = [0; 2];
        for settings in ["", "sources = 20\ndestinations = 20"] {
            for found in summaries(settings, &frames) {
                let evidence = &found.evidence;
                assert_eq!(found.port, Some(80), "{seed}: {evidence:?}");
                assert_eq!(found.confidence, Confidence::Low, "{seed}: {evidence:?}");
                assert!(
                    evidence.reasons.iter().any(|it| it.starts_with("Forged sources:")),
                    "{seed}: {evidence:?}"
                );
                assert!(evidence.view.is_two_way(), "{seed}: {evidence:?}");
                assert_eq!(evidence.handshakes.answered, 0, "{seed}: {evidence:?}");
                for alarm in &evidence.alarms {
                    alarms[*alarm as usize] += 1;
                }
            }
        }
        assert!(alarms.iter().all(|count| *count > 0), "{seed}: {alarms:?}");
    }
}

#[test]
fn forged_datagrams_are_never_high() {
    for seed in 1..=4 {
        let frames = frames("forged-datagrams", seed);
        let found = summaries("sources = 20\ndestinations = 20", &frames);
        assert!(!found.is_empty(), "{seed}");
        for found in found.iter().chain(&summaries("", &frames)) {
            let evidence = &found.evidence;
            assert_eq!(evidence.alarms, [Alarm::Dispersion], "{seed}: {evidence:?}");
            assert_eq!(found.confidence, Confidence::Medium, "{seed}: {evidence:?}");
            assert!(
                evidence.reasons.iter().any(|it| it.starts_with("Sources may be forged")),
                "{seed}: {evidence:?}"
            );
        }
    }
}

/// The same forged traffic on a tap that sees one direction: nothing can be told of it.
#[test]
fn a_tap_that_sees_one_direction_tells_no_forged_source() {
    let inward = |frame: &[u8]| frame[30..32] == [10, 20];
    let mut frames = frames("forged-sources", 1);
    let all = frames.len();
    frames.retain(|(_, frame)| inward(frame));
    assert!((all / 10..all * 9 / 10).contains(&frames.len()));
    let found = summaries("", &frames);
    assert!(!found.is_empty());
    for found in found {
        let evidence = &found.evidence;
        assert!(!evidence.view.is_two_way(), "{evidence:?}");
        assert_eq!(found.confidence, Confidence::Medium, "{evidence:?}");
    }
}

/// A worm over TCP that only an inward tap sees is medium: nothing shows that its hosts are not
/// forged, and nothing that they are.
#[test]
fn a_worm_that_is_seen_in_one_direction_is_medium() {
    let trace = |name: &str| Scenario::named(name, 1).unwrap().stream().unwrap();
    let both = trace("tcp-exploit").into_trace().frames;
    let grades = |frames: &[(u64, Vec<u8>)]| -> Vec<(Confidence, u32)> {
        let found = summaries("", frames);
        found.iter().map(|it| (it.confidence, it.evidence.handshakes.answered)).collect()
    };
    assert_eq!(grades(&both), [(Confidence::High, 64)]);
    // Without every SYN+ACK and all that servers say, no connection has an answer.
    let to_server = |frame: &[u8]| frame[23] != 6 || frame[34..36] > frame[36..38];
    let one: Vec<_> = both.into_iter().filter(|(_, frame)| to_server(frame)).collect();
    let one = grades(&one);
    assert!(!one.is_empty());
    assert!(one.iter().all(|found| *found == (Confidence::Medium, 0)), "{one:?}");
}

/// Findings as lines, the sensor being saved and restored between batches of this size.
fn lines(frames: &[(u64, Vec<u8>)], threads: usize, batch: usize) -> Vec<String> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let path = std::env::temp_dir()
        .join(format!("wormsift-{}-forged-{threads}-{batch}", std::process::id()));
    let mut config = Config::default();
    config.memory = Size(16 << 20);
    pool.install(|| {
        let mut sensor = Sensor::new(config.clone()).unwrap();
        let mut lines = Vec::new();
        for (n, part) in common::frames(frames).chunks(batch).enumerate() {
            sensor.sift(part);
            lines.extend(sensor.findings().iter().map(json_lines::write));
            if n == 1 {
                sensor.save(&path).unwrap();
                sensor = Sensor::restore(config.clone(), &path).unwrap();
            }
        }
        sensor.finish();
        lines.extend(sensor.findings().iter().map(json_lines::write));
        let _ = std::fs::remove_file(&path);
        lines.push(serde_json::to_string(&sensor.stats()).unwrap());
        lines
    })
}

#[test]
fn what_is_known_of_senders_depends_on_no_batch_thread_or_restart() {
    for name in ["forged-sources", "tcp-exploit"] {
        let frames = frames(name, 3);
        let truth = lines(&frames, 1, frames.len());
        assert!(truth.iter().any(|line| line.contains(r#""type":"update""#)), "{name}");
        for (threads, batch) in [(1, 61), (3, 997), (8, 4_000)] {
            assert_eq!(truth, lines(&frames, threads, batch), "{name} {threads} {batch}");
        }
    }
}
