use super::*;
use proptest::prelude::*;
use wormsift::packet::{AddressPlan, Host, Timestamp};
use wormsift::signature::{Alarm, Confidence, Evidence, SignatureSample, signature_id};

/// A signature of this content, seen eight times at one place.
pub(crate) fn signature(content: &[u8]) -> Signature {
    let sample = |n: u32| SignatureSample {
        packet: u64::from(n) + 1,
        time: Timestamp::from_nanos(1_700_000_000_123_456_789),
        source: Host::of([10, 0, 0, n as u8].into(), 64),
        destination: Host::of([10, 1, 0, n as u8].into(), 64),
        source_port: 40_000 + n as u16,
        destination_port: 445,
        offset: 24,
        payload_length: None,
    };
    Signature {
        id: signature_id(17, "destination", Some(445), content),
        alarm: Alarm::Propagation,
        confidence: Confidence::High,
        kind: wormsift::signature::Kind::Unclear,
        incident: None,
        protocol: 17,
        port: Some(445),
        port_rule: "destination".to_owned(),
        part_of: None,
        content: content.to_vec(),
        tokens: vec![content.to_vec()],
        tokens_ordered: true,
        packets: 120,
        sources: 31,
        sources_precision: Precision::Exact,
        destinations: 44,
        destinations_precision: Precision::Exact,
        source_list: (0..8).map(|n| sample(n).source).collect(),
        destination_list: (0..8).map(|n| sample(n).destination).collect(),
        roles: wormsift::signature::Roles::default(),
        ports: wormsift::signature::PortCounts::default(),
        spread: 5,
        relays: Vec::new(),
        population: None,
        taps: std::collections::BTreeMap::new(),
        blind: std::collections::BTreeMap::new(),
        withheld: std::collections::BTreeSet::new(),
        first_seen: Timestamp::from_nanos(1_700_000_000_000_000_000),
        first_sighting: None,
        last_seen: Timestamp::from_nanos(1_700_000_100_000_000_000),
        detected_at: Timestamp::from_nanos(1_700_000_050_000_000_000),
        evidence: Evidence {
            keys: 3,
            alarms: vec![Alarm::Propagation],
            distinct_bytes: 200,
            reasons: vec!["Two hosts passed it on.".to_owned()],
            ..Evidence::default()
        },
        samples: (0..8).map(sample).collect(),
        addresses: AddressPlan::default(),
    }
}

pub(crate) const SID: Sid = Sid { sid: 1_500_001, rev: 1 };

proptest! {
    #[test]
    fn tokens_are_parts_and_keep_to_the_limit(
        tokens in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 1..6),
        most in 16usize..600,
    ) {
        let tokens: Vec<&[u8]> = tokens.iter().map(Vec::as_slice).collect();
        let chosen = shortened(&tokens, most);
        prop_assert!(chosen.iter().map(|token| token.len()).sum::<usize>() <= most);
        let mut rest = tokens.iter();
        for token in chosen {
            let found = rest.any(|whole| {
                whole.windows(token.len()).any(|part| part == token)
            });
            prop_assert!(found, "no part, or out of order");
        }
    }

    #[test]
    fn the_most_varied_part_is_what_trying_all_finds(
        token in prop::collection::vec(0u8..4, 2..80), length in 2usize..40,
    ) {
        let varied = |part: &[u8]| {
            part.windows(2).collect::<std::collections::HashSet<_>>().len()
        };
        let best = token.windows(length.min(token.len())).map(varied).max().unwrap();
        prop_assert_eq!(varied(most_varied(&token, length)), best);
    }
}

#[test]
fn weak_contents_make_no_rule() {
    let options = RuleOptions::default();
    let make = |content: &[u8]| {
        Rule::new(&signature(content), SID, &options).map(|rule| rule.tokens.len())
    };
    assert_eq!(make(b"fifteen bytes.."), Err(NoRule::Short(15)));
    assert_eq!(make(&[7; 300]), Err(NoRule::Monotonous(1)));
    assert_eq!(make(b"sixteen bytes..!"), Ok(1));
    // What pings are filled with.
    assert_eq!(make(b"abcdefghijklmnopqrstuvwabcdefghi"), Err(NoRule::Predictable(6)));
    let counting: Vec<u8> = (0x10..0x38).collect();
    assert_eq!(make(&counting), Err(NoRule::Predictable(0)));
}

#[test]
fn an_offset_needs_udp_samples_that_agree() {
    let options = RuleOptions::default();
    let mut it = signature(b"some content that is long enough");
    let offset = |it: &Signature| Rule::new(it, SID, &options).map(|rule| rule.offset);
    assert_eq!(offset(&it), Ok(Some(24)));
    it.samples[3].offset = 25;
    assert_eq!(offset(&it), Ok(None));
    it.samples[3].offset = 24;
    it.protocol = 6;
    assert_eq!(offset(&it), Ok(None));
}

#[test]
fn a_length_needs_whole_datagrams_that_agree() {
    let options = RuleOptions::default();
    let mut it = signature(b"some content that is long enough");
    let length =
        |it: &Signature| Rule::new(it, SID, &options).map(|rule| rule.payload_length);
    assert_eq!(length(&it), Ok(None));
    it.samples.iter_mut().for_each(|sample| sample.payload_length = Some(376));
    assert_eq!(length(&it), Ok(Some(376)));
    it.samples[3].payload_length = None;
    assert_eq!(length(&it), Ok(None));
    it.samples[3].payload_length = Some(375);
    assert_eq!(length(&it), Ok(None));
    it.samples.truncate(3);
    assert_eq!(length(&it), Ok(None));
}

#[test]
fn ports_follow_the_rule_that_they_were_keyed_by() {
    let mut it = signature(b"some content that is long enough");
    assert_eq!(service(&it), Service::To(445, false));
    it.protocol = 6;
    assert_eq!(service(&it), Service::To(445, true));
    it.samples[0].source_port = 80;
    assert_eq!(service(&it), Service::To(445, false));
    for (rule, expected) in
        [("source", Service::From(445)), ("service", Service::Either(445))]
    {
        it.port_rule = rule.to_owned();
        assert_eq!(service(&it), expected);
    }
    (it.protocol, it.port) = (1, Some(0x0800));
    assert_eq!(service(&it), Service::Icmp(8, 0));
    it.port = None;
    assert_eq!(service(&it), Service::Anywhere);
}
