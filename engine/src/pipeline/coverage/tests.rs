//! The table of causes against an exact count.

use super::*;
use crate::decode::Decoder;
use crate::packet::{LinkType, Timestamp};
use std::collections::BTreeMap;

/// The stop of an Ethernet frame of this type.
fn stop(ethertype: u16) -> Stop {
    let mut data = [0; 60];
    data[12..14].copy_from_slice(&ethertype.to_be_bytes());
    let frame = Frame {
        number: 1,
        time: Timestamp::default(),
        link: LinkType::ETHERNET,
        original_len: 60,
        tap: 0,
        data: &data,
    };
    Decoder::new(true, false).frame_and_stop(&frame).1
}

fn feed(causes: &mut Causes, coverage: &mut Coverage, types: &[u16]) {
    for (number, ethertype) in (1..).zip(types) {
        let stop = stop(*ethertype);
        coverage.frame(60);
        coverage.stop(stop.reach(), 1, 60);
        causes.count(&StopAt::new(number, stop, 1, None));
    }
}

#[test]
fn what_is_frequent_is_found_among_more_causes_than_there_are_places() {
    let mut types = Vec::new();
    let mut exact = BTreeMap::<u16, u64>::new();
    for round in 0..4_000_u16 {
        // Numbers above those of any protocol that is read.
        types.extend([0xa000 + round, 0xf001, 0xf002]);
        if round % 4 == 0 {
            types.push(0xf003);
        }
    }
    for ethertype in &types {
        *exact.entry(*ethertype).or_default() += 1;
    }
    let (mut causes, mut coverage) = (Causes::new(), Coverage::default());
    feed(&mut causes, &mut coverage, &types);
    for place in &causes.places {
        let truth = exact[&(place.stop as u16)];
        assert!(place.count >= truth && place.count - place.error <= truth);
    }
    let warnings = causes.warnings(&coverage);
    assert_eq!(warnings.len(), 3, "{warnings:#?}");
    assert!(warnings.iter().any(|line| line.contains("0xf003")), "{warnings:#?}");
    assert!(causes.warnings(&coverage).is_empty(), "each comes once");
}

#[test]
fn a_warning_names_the_share_the_type_and_what_to_do() {
    let mut types = vec![0x8906; 30];
    types.extend([0x0806; 70]);
    let (mut causes, mut coverage) = (Causes::new(), Coverage::default());
    feed(&mut causes, &mut coverage, &types);
    let warnings = causes.warnings(&coverage);
    assert_eq!(
        warnings,
        [
            "30.0 % of the frames (30 of 100) were not read to a payload because of Ethernet \
          type 0x8906 (FCoE): let the mirror remove this header, or mirror the traffic \
          without it"
        ]
    );
}

#[test]
fn one_frame_in_a_hundred_is_not_told_of() {
    let (mut causes, mut coverage) = (Causes::new(), Coverage::default());
    for _ in 0..99 {
        coverage.frame(60);
    }
    feed(&mut causes, &mut coverage, &[0xf001]);
    assert!(causes.warnings(&coverage).is_empty());
    feed(&mut causes, &mut coverage, &[0xf001]);
    assert_eq!(causes.warnings(&coverage).len(), 1);
}

#[test]
fn conversations_are_counted_within_a_few_in_a_hundred() {
    let mut kind = Kind { packets: 0, bits: [0; FLOW_WORDS] };
    for flow in 0..2_000_u64 {
        // The finaliser of SplitMix64 stands for the keyed hash.
        let mut x = flow.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let bit = (x ^ x >> 27) as usize % (FLOW_WORDS * 64);
        kind.bits[bit / 64] |= 1 << (bit % 64);
    }
    assert!((1_900..2_100).contains(&kind.flows()), "{}", kind.flows());
}
