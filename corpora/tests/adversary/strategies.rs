//! Ways to spread, to flood and to deceive are on the wire as said.

use std::collections::{BTreeMap, BTreeSet};

use super::{carriers, datagram};
use crate::common::{self, alone, parse};

#[test]
fn each_host_of_the_chain_infects_one_other() {
    let trace = alone("one-infection-a-host", 2);
    let mut targets: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (_, packet) in common::carriers(&trace) {
        targets.entry(packet.source).or_default().insert(packet.destination);
    }
    assert!(targets.values().all(|it| it.len() == 1));
    assert!((40..80).contains(&targets.len()), "{}", targets.len());
    let infections = &trace.truth.infections;
    let by: BTreeSet<_> = infections.iter().filter_map(|it| it.by).collect();
    assert_eq!(by.len() + 1, infections.len());
}

/// Three packets of each content, 200 a second in all; in the tunnel, from one host.
#[test]
fn a_flood_passes_each_content_on() {
    for (name, is_inside) in [("forged-flood", false), ("forged-flood-in-tunnel", true)] {
        let trace = alone(name, 3);
        let mut contents: BTreeMap<&[u8], Vec<[u8; 4]>> = BTreeMap::new();
        let (mut outer, mut times) = (BTreeSet::new(), Vec::new());
        for (time_ns, frame) in trace.frames.iter().filter(|(_, it)| it.len() > 1_400) {
            outer.insert(datagram(frame).0);
            times.push(*time_ns);
            let content = &frame[frame.len() - 1_400..];
            let header = frame.len() - 1_400 - 8 - 20;
            let source = frame[header + 12..header + 16].try_into().unwrap();
            contents.entry(content).or_default().push(source);
        }
        let span = (times[times.len() - 1] - times[0]) as f64 / 1e9;
        let rate = times.len() as f64 / span;
        assert!((190.0..210.0).contains(&rate), "{name}: {rate}");
        let whole = contents.values().filter(|it| it.len() == 3);
        let passed_on = whole.filter(|it| it[0] != it[1] && it[1] == it[2]).count();
        assert!(passed_on + 2 >= contents.len(), "{name}: {passed_on}");
        assert_eq!(outer.len() == 1, is_inside, "{name}: {}", outer.len());
    }
}

#[test]
fn inner_addresses_are_the_same_at_every_hop() {
    let trace = alone("constant-inner-addresses", 3);
    let (mut outer, mut inner) = (BTreeSet::new(), BTreeSet::new());
    for number in carriers(&trace) {
        let frame = &trace.frames[number - 1].1;
        outer.insert(&frame[26..34]);
        // Ethernet, IP, UDP, VXLAN, Ethernet.
        let header = 14 + 20 + 8 + 8 + 14;
        inner.insert(&frame[header + 12..header + 20]);
    }
    assert!(outer.len() > 300, "{}", outer.len());
    assert_eq!(inner.len(), 1);
}

/// Each spurious part is in all copies up to some one, and in none after it.
#[test]
fn spurious_invariants_are_dropped_one_after_the_other() {
    let trace = alone("red-herring", 3);
    let copies: Vec<&[u8]> =
        common::carriers(&trace).into_iter().map(|(_, packet)| packet.payload).collect();
    let mut dropped_at = vec![0];
    for spurious in [24..84, 444..504, 84..144, 384..444] {
        let holds = |copy: &&[u8]| copy[spurious.clone()] == copies[0][spurious.clone()];
        let first = copies.iter().take_while(|copy| holds(copy)).count();
        assert_eq!(first, copies.iter().filter(|copy| holds(copy)).count());
        dropped_at.push(first);
    }
    assert!(dropped_at.windows(2).all(|two| two[0] < two[1]), "{dropped_at:?}");
    assert!(dropped_at[4] < copies.len());
    assert!(copies.iter().all(|copy| copy[144..384] == copies[0][144..384]));
}

#[test]
fn what_an_allergy_attack_sends_is_part_of_the_page() {
    let trace = alone("allergy", 3);
    let (mut page, mut attacks) = (Vec::new(), BTreeMap::new());
    for packet in trace.frames.iter().filter_map(|(_, frame)| parse(frame)) {
        if packet.ports[0] == 80 && page.len() < 4_000 {
            page.extend_from_slice(packet.payload);
        }
        if packet.ports[1] == 48_885 && !packet.payload.is_empty() {
            let to = attacks.entry(packet.source).or_insert_with(Vec::new);
            to.push((packet.destination, packet.payload));
        }
    }
    assert!(attacks.len() == 40 && attacks.values().all(|it| it.len() == 3));
    for (_, sent) in attacks.values().flatten() {
        assert!(page.windows(sent.len()).any(|part| part == *sent));
    }
}
