//! The same body is found however it is carried, and whole: against the ground truth
//! of the generator.

use crate::common;
use wormsift::config::Config;
use wormsift::pipeline::Sensor;
use wormsift_corpora::ground_truth::Protocol;
use wormsift_corpora::{Carriage, Claim, Outbreak, Score};

/// What a detector that reads frames alone claims, and how the generator scores it.
fn score(carriage: &str) -> Score {
    let trace = Outbreak::new(5)
        .carriage(carriage.parse::<Carriage>().expect("a carriage"))
        .background_hosts(20)
        .infected(60)
        .trace()
        .expect("an outbreak");
    let mut sensor = Sensor::new(Config::default()).unwrap();
    sensor.sift(&common::frames(&trace.frames)[..]);
    sensor.finish();
    let claims: Vec<Claim> = sensor
        .findings()
        .iter()
        .map(wormsift::Finding::signature)
        .map(|s| Claim {
            content: s.content.clone(),
            protocol: if s.protocol == 6 { Protocol::Tcp } else { Protocol::Udp },
            port: s.port,
            time_ns: s.detected_at.as_nanos(),
        })
        .collect();
    Score::new(&claims, &trace.truth)
}

fn found_whole(carriage: &str, least_recall: f64) {
    let score = score(carriage);
    assert!(score.all_detected(), "{carriage}: {score:?}");
    assert_eq!(score.false_claims, 0, "{carriage}: {score:?}");
    for content in &score.contents {
        assert!(content.recall >= least_recall, "{carriage}: {score:?}");
        assert!(content.precision >= 0.99, "{carriage}: {score:?}");
    }
}

#[test]
fn whatever_it_is_wrapped_in() {
    for carriage in [
        "udp",
        "udp,fragment:128",
        "udp,ipv6",
        "udp,ipv6,fragment:128",
        "udp,vlan:7",
        "udp,vlan:7,vlan:9",
    ] {
        found_whole(carriage, 1.0);
    }
    for carriage in ["udp,vxlan:42", "udp,gre", "udp,vlan:7,vxlan:42,fragment:128"] {
        found_whole(carriage, 1.0);
    }
}

#[test]
fn in_tcp_segments_of_any_size() {
    for size in [1, 7, 39] {
        let score = score(&format!("tcp:{size},retransmissions"));
        assert!(score.all_detected(), "segments of {size}: {score:?}");
    }
    for size in [40, 536, 1_460] {
        found_whole(&format!("tcp:{size},retransmissions"), 0.95);
        found_whole(&format!("tcp:{size},reorder,duplicates,far-ahead-fake"), 0.95);
    }
}
