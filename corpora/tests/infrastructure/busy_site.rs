//! The busy site has all infrastructure, and one worm that differs from it.

use std::collections::BTreeSet;

use super::forwarders::{knew_each_other, receives_before_it_sends};
use super::{acquainted, after, packets, pair};
use crate::common::{alone, parse, trace};
use wormsift_corpora::{IncidentGrade, IncidentKind};

#[test]
fn forwarders_and_members_of_clusters_are_as_they_are_alone() {
    let trace = alone("busy-site", 1);
    for incident in &trace.truth.incidents {
        let spreading = after(&trace, incident);
        let subject = &*incident.subject;
        println!("{subject}: {} packets", spreading.packets.len());
        assert!(spreading.packets.len() >= 60, "{subject}: {}", spreading.packets.len());
        if !matches!(subject, "node-discovery" | "nat-both-sides" | "broadcasts" | "worm")
        {
            receives_before_it_sends(incident, &spreading);
            assert!(knew_each_other(&trace, incident, &spreading) >= 4, "{subject}");
        }
    }
}

#[test]
fn its_worm_infects_some_twenty_hosts_by_packets_of_the_capture() {
    for seed in [1, 2, 3] {
        let trace = trace("busy-site", seed);
        let truth = &trace.truth;
        let infected = truth.infections.len();
        println!("seed {seed}: {infected} infected");
        assert!((17..=20).contains(&infected), "seed {seed}: {infected}");
        assert_eq!(truth.vulnerable_hosts, 20);
        let [content] = &truth.contents[..] else { panic!("{:?}", truth.contents) };
        let body = &content.invariant_pieces()[0];
        assert_eq!(body.len(), 900);
        for infection in &truth.infections[1..] {
            let frame = &trace.frames[infection.packet.unwrap() as usize - 1].1;
            let packet = parse(frame).unwrap();
            assert_eq!(Some(packet.source), infection.by);
            assert_eq!(packet.destination, infection.host);
            assert!(packet.payload.windows(body.len()).any(|window| window == body));
        }
        let carried = trace.frames.iter().zip(1..).filter(|((_, frame), number)| {
            let payload = parse(frame).unwrap().payload;
            let holds = payload.windows(body.len()).any(|window| window == body);
            assert_eq!(holds, content.carriers.contains(*number));
            holds
        });
        assert_eq!(carried.count() as u64, content.carriers.count);
    }
}

/// The worm goes to hosts that its senders never talked to; only it is to be high.
#[test]
fn its_worm_alone_goes_to_new_hosts_after_its_receipt() {
    let trace = alone("busy-site", 1);
    let truth = &trace.truth;
    let high = truth.incidents.iter().filter(|one| one.grade == IncidentGrade::High);
    let [worm] = &high.collect::<Vec<_>>()[..] else { panic!("{:?}", truth.incidents) };
    assert_eq!(worm.kind, IncidentKind::Outbreak);
    let hosts: BTreeSet<_> = worm.hosts.iter().collect();
    assert!(truth.infections.iter().all(|one| hosts.contains(&one.host)));
    let known = acquainted(&trace, truth.infections[0].time_ns);
    let port = worm.port;
    let mut passed_on = BTreeSet::new();
    for (time, packet) in packets(&trace).filter(|(_, packet)| packet.ports[1] == port) {
        let pair = pair(packet.source, packet.destination);
        assert!(!known.contains(&pair), "{pair:?}");
        let infection = truth.infections.iter().find(|one| one.host == packet.source);
        let infection = infection.expect("an infected host");
        assert!(time >= infection.time_ns);
        if infection.by.is_some() && !packet.payload.is_empty() {
            passed_on.insert(packet.source);
        }
    }
    assert!(passed_on.len() >= 12, "{passed_on:?}");
}
