use super::*;
use crate::{RuleOptions, Sid};
use proptest::prelude::*;
use std::collections::BTreeMap;
use wormsift::packet::{AddressPlan, Timestamp};
use wormsift::signature::{Alarm, Confidence, Evidence, Precision, Signature};

fn signature(protocol: u8, port: Option<u16>, tokens: &[&[u8]]) -> Signature {
    Signature {
        id: "0".repeat(32),
        alarm: Alarm::Dispersion,
        confidence: Confidence::Medium,
        kind: wormsift::signature::Kind::Unclear,
        incident: None,
        protocol,
        port,
        port_rule: "destination".to_owned(),
        part_of: None,
        content: tokens.concat(),
        tokens: tokens.iter().map(|token| token.to_vec()).collect(),
        tokens_ordered: false,
        packets: 0,
        sources: 0,
        sources_precision: Precision::Exact,
        destinations: 0,
        destinations_precision: Precision::Exact,
        source_list: Vec::new(),
        destination_list: Vec::new(),
        roles: wormsift::signature::Roles::default(),
        ports: wormsift::signature::PortCounts::default(),
        spread: 0,
        relays: Vec::new(),
        population: None,
        taps: std::collections::BTreeMap::new(),
        blind: std::collections::BTreeMap::new(),
        withheld: std::collections::BTreeSet::new(),
        first_seen: Timestamp::default(),
        first_sighting: None,
        last_seen: Timestamp::default(),
        detected_at: Timestamp::default(),
        evidence: Evidence::default(),
        samples: Vec::new(),
        addresses: AddressPlan::default(),
    }
}

fn rules(signatures: &[Signature]) -> Vec<Rule<'_>> {
    let sid = Sid { sid: 1, rev: 1 };
    let options = RuleOptions::default();
    signatures.iter().map(|it| Rule::new(it, sid, &options).unwrap()).collect()
}

fn packet(protocol: u8, port: u16, sequence: u32, payload: &[u8]) -> Packet<'_> {
    Packet {
        number: 1,
        time: Timestamp::default(),
        source: [10, 0, 0, 1].into(),
        destination: [10, 0, 0, 2].into(),
        protocol,
        source_port: 40_000,
        destination_port: port,
        sequence,
        acknowledgement: 0,
        tcp_flags: 0,
        encapsulation: 0,
        to_group: false,
        untrusted_tunnel: false,
        identification: None,
        tap: 0,
        payload,
    }
}

fn holding(matcher: &mut Matcher, packet: &Packet<'_>) -> Vec<usize> {
    let (mut found, mut holding) = (Vec::new(), Vec::new());
    matcher.scan(packet, &mut found);
    matcher.complete(packet, &found, &mut holding);
    holding
}

const A: &[u8] = b"the first token of two";
const B: &[u8] = b"and the second one, too";

#[test]
fn a_rule_holds_on_its_own_service_alone() {
    let signatures = [
        signature(17, Some(445), &[A]),
        signature(17, None, &[A]),
        signature(6, None, &[A]),
    ];
    let mut matcher = Matcher::new(&rules(&signatures), 1 << 20).unwrap();
    assert_eq!(holding(&mut matcher, &packet(17, 445, 0, A)), [0, 1]);
    assert_eq!(holding(&mut matcher, &packet(17, 446, 0, A)), [1]);
    assert_eq!(holding(&mut matcher, &packet(6, 445, 0, A)), [2]);
    assert_eq!(holding(&mut matcher, &packet(1, 445, 0, A)), [0; 0]);
    assert_eq!(holding(&mut matcher, &packet(17, 445, 0, B)), [0; 0]);
    assert_eq!(matcher.counters().matched, 3);
}

#[test]
fn all_tokens_must_occur_in_one_datagram_or_one_stream() {
    let signatures = [signature(17, None, &[A, B]), signature(6, None, &[A, B])];
    let mut matcher = Matcher::new(&rules(&signatures), 1 << 20).unwrap();
    let both = [B, b" .. ", A].concat();
    assert_eq!(holding(&mut matcher, &packet(17, 1, 0, A)), [0; 0]);
    assert_eq!(holding(&mut matcher, &packet(17, 1, 0, B)), [0; 0]);
    assert_eq!(holding(&mut matcher, &packet(17, 1, 0, &both)), [0]);
    assert_eq!(holding(&mut matcher, &packet(6, 1, 0, B)), [0; 0]);
    assert_eq!(holding(&mut matcher, &packet(6, 2, 0, A)), [0; 0], "another stream");
    assert_eq!(holding(&mut matcher, &packet(6, 1, 500, A)), [1]);
    assert_eq!(holding(&mut matcher, &packet(6, 1, 900, A)), [0; 0], "counted once");
}

#[test]
fn an_offset_must_be_met() {
    let mut one = signature(17, None, &[A]);
    one.samples = (0..8)
        .map(|n: u8| wormsift::signature::SignatureSample {
            packet: 1,
            time: Timestamp::default(),
            source: wormsift::packet::Host::of([10, 0, 0, n].into(), 64),
            destination: wormsift::packet::Host::default(),
            source_port: 1,
            destination_port: 1,
            offset: 3,
            payload_length: None,
        })
        .collect();
    let signatures = [one];
    let mut matcher = Matcher::new(&rules(&signatures), 1 << 20).unwrap();
    assert_eq!(holding(&mut matcher, &packet(17, 1, 0, &[b"abc", A].concat())), [0]);
    assert_eq!(holding(&mut matcher, &packet(17, 1, 0, A)), [0; 0]);
}

#[test]
fn ordered_tokens_must_follow_each_other() {
    let mut signatures = [signature(17, None, &[A, B]), signature(6, None, &[A, B])];
    signatures.iter_mut().for_each(|it| it.tokens_ordered = true);
    let mut matcher = Matcher::new(&rules(&signatures), 1 << 20).unwrap();
    let (right, wrong) = ([A, b"..", B].concat(), [B, b"..", A].concat());
    assert_eq!(holding(&mut matcher, &packet(17, 1, 0, &right)), [0]);
    assert_eq!(holding(&mut matcher, &packet(17, 1, 0, &wrong)), [0; 0]);
    let twice = [B, b"..", A, B].concat();
    assert_eq!(holding(&mut matcher, &packet(17, 1, 0, &twice)), [0]);
    // The second token behind the first in the stream, whichever segment comes first.
    assert_eq!(holding(&mut matcher, &packet(6, 1, 500, B)), [0; 0]);
    assert_eq!(holding(&mut matcher, &packet(6, 1, 100, A)), [1]);
    assert_eq!(holding(&mut matcher, &packet(6, 2, 100, B)), [0; 0]);
    assert_eq!(holding(&mut matcher, &packet(6, 2, 500, A)), [0; 0]);
    assert_eq!(holding(&mut matcher, &packet(6, 2, 900, B)), [1]);
}

#[test]
fn a_payload_length_must_be_met() {
    let mut one = signature(17, None, &[A]);
    let sample = |n: u8| wormsift::signature::SignatureSample {
        source: wormsift::packet::Host::of([10, 0, 0, n].into(), 64),
        destination: wormsift::packet::Host::default(),
        packet: 1,
        time: Timestamp::default(),
        source_port: 1,
        destination_port: 1,
        offset: i64::from(n),
        payload_length: Some(30),
    };
    one.samples = (0..8).map(sample).collect();
    let signatures = [one];
    let mut matcher = Matcher::new(&rules(&signatures), 1 << 20).unwrap();
    let of = |length: usize| [A, &[0; 40][..length - A.len()]].concat();
    assert_eq!(holding(&mut matcher, &packet(17, 1, 0, &of(30))), [0]);
    assert_eq!(holding(&mut matcher, &packet(17, 1, 0, &of(31))), [0; 0]);
}

proptest! {
    /// However a stream is cut, a rule of ordered tokens first holds on the segment in
    /// which the tokens, looked for one behind the other, are complete.
    #[test]
    fn ordered_tokens_are_found_as_in_the_whole_stream(
        pieces in prop::collection::vec(0usize..4, 1..12),
        cuts in prop::collection::vec(1usize..50, 1..60),
    ) {
        const C: &[u8] = b"third token";
        let kinds = [A, B, C, b"...."];
        let stream: Vec<u8> = pieces.iter().flat_map(|kind| kinds[*kind].to_vec()).collect();
        let mut signatures = [signature(6, None, &[A, B, C])];
        signatures[0].tokens_ordered = true;
        let mut matcher = Matcher::new(&rules(&signatures), 1 << 20).unwrap();
        let (mut at, mut held) = (0, None);
        let start = u32::MAX - 40;
        for cut in cuts.iter().cycle() {
            if at == stream.len() || held.is_some() {
                break;
            }
            let end = (at + cut).min(stream.len());
            let segment = packet(6, 1, start.wrapping_add(at as u32), &stream[at..end]);
            held = (!holding(&mut matcher, &segment).is_empty()).then_some(at..end);
            at = end;
        }
        let mut from = 0;
        let found = [A, B, C].iter().all(|token| {
            let next = (from..stream.len()).find(|at| stream[*at..].starts_with(token));
            from = next.map_or(0, |at| at + token.len());
            next.is_some()
        });
        prop_assert_eq!(held.is_some(), found);
        if let Some(segment) = held {
            prop_assert!(segment.start < from && from <= segment.end);
        }
    }

    /// However a stream is cut, the rule holds as often as in the whole stream.
    #[test]
    fn segments_match_as_the_whole_stream_does(
        gaps in prop::collection::vec(0usize..60, 1..6),
        cuts in prop::collection::vec(1usize..50, 1..60),
    ) {
        let stream: Vec<u8> =
            gaps.iter().flat_map(|gap| [&vec![b'.'; *gap][..], A].concat()).collect();
        let signatures = [signature(6, None, &[A])];
        let mut matcher = Matcher::new(&rules(&signatures), 1 << 20).unwrap();
        let (mut at, mut packets, mut ends) = (0, 0, BTreeMap::new());
        for cut in cuts.iter().cycle() {
            if at == stream.len() {
                break;
            }
            let end = (at + cut).min(stream.len());
            let held = holding(&mut matcher, &packet(6, 1, at as u32, &stream[at..end]));
            packets += held.len();
            ends.insert(end, ());
            at = end;
        }
        // The naive twin: segments in which at least one occurrence ends.
        let occurrences = (A.len()..=stream.len()).filter(|end| stream[..*end].ends_with(A));
        let mut segments: Vec<usize> = occurrences
            .map(|end| *ends.range(end..).next().expect("a segment").0)
            .collect();
        segments.dedup();
        prop_assert_eq!(packets, segments.len());
    }
}

proptest! {
    /// Rules of every kind of service, some for the same ports and strings: what holds on a
    /// datagram is what asking each rule in turn says.
    #[test]
    fn services_change_nothing(
        asked in prop::collection::vec((0usize..4, 0u16..3, 0usize..4), 1..8),
        sent in prop::collection::vec((0u16..3, 0u16..3, 0usize..5), 1..20),
    ) {
        let mut rng = 7_u64;
        let mut body = || -> Vec<u8> {
            (0..40)
                .map(|_| {
                    rng = rng.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (rng >> 56) as u8
                })
                .collect()
        };
        let bodies: Vec<Vec<u8>> = (0..5).map(|_| body()).collect();
        let signatures: Vec<Signature> = asked
            .iter()
            .map(|&(kind, port, body)| Signature {
                port_rule: ["destination", "source", "service", "none"][kind].to_owned(),
                ..signature(protocol::UDP, (kind < 3).then_some(port), &[&bodies[body]])
            })
            .collect();
        let rules = rules(&signatures);
        let mut matcher = Matcher::new(&rules, 1 << 16).unwrap();
        for &(source_port, destination_port, body) in &sent {
            let whole = [b"before ", &bodies[body][..], b" after"].concat();
            let packet = Packet {
                source_port,
                destination_port,
                ..packet(protocol::UDP, 0, 0, &whole)
            };
            let expected: Vec<usize> = (0..rules.len())
                .filter(|&r| {
                    rules[r].service.concerns(protocol::UDP, &packet) && asked[r].2 == body
                })
                .collect();
            prop_assert_eq!(holding(&mut matcher, &packet), expected);
        }
    }
}

#[test]
fn work_grows_with_the_number_of_rules_and_not_with_its_square() {
    use crate::distinct::work;
    for count in [500_u32, 4_000] {
        let tokens: Vec<Vec<u8>> = (0..count)
            .map(|n| format!("{:08x} of its own {n:08x}", n.wrapping_mul(2_654_435_761)))
            .map(String::into_bytes)
            .collect();
        let signatures: Vec<Signature> = tokens
            .iter()
            // One token is that of all.
            .map(|token| signature(17, Some(53), &[token, b"common to all of them"]))
            .collect();
        let rules = rules(&signatures);
        let (matcher, compared) = work::of(|| Matcher::new(&rules, 1 << 20).unwrap());
        assert_eq!(matcher.owners.len(), count as usize + 1);
        assert!(compared <= 3 * u64::from(count), "{count}: {compared}");
    }
}
