use super::*;
use proptest::prelude::*;
use std::net::{Ipv4Addr, Ipv6Addr};
use wormsift::packet::{AddressPlan, Host, Timestamp};
use wormsift::signature::{
    Alarm, Confidence, Count, Evidence, FirstSighting, Growth, Handshakes, HostRange,
    HostRangeMethod, Kind, Load, Nearest, PassingOn, Population, PortCounts, Precision,
    Relay, Roles, Signature, SignatureSample, View,
};

fn host(text: &str) -> Host {
    Host::of(text.parse().unwrap(), 128)
}

fn at(nanos: u64) -> Timestamp {
    Timestamp::from_nanos(nanos)
}

fn signature() -> Signature {
    Signature {
        id: "00112233445566778899aabbccddeeff".to_owned(),
        alarm: Alarm::Propagation,
        confidence: Confidence::High,
        kind: Kind::Outbreak,
        incident: Some("0123456789abcdef0123456789abcdef".to_owned()),
        protocol: 6,
        port: Some(445),
        port_rule: "destination".to_owned(),
        part_of: None,
        content: b"GET \"/\" \x00\xff~".to_vec(),
        tokens: vec![b"GET \"/\" \x00\xff~".to_vec()],
        tokens_ordered: true,
        packets: 12,
        sources: 5,
        sources_precision: Precision::Exact,
        destinations: 9,
        destinations_precision: Precision::About,
        source_list: vec![host("192.0.2.7"), host("192.0.2.30")],
        destination_list: vec![host("198.51.100.1"), host("2001:db8:1:2::")],
        roles: Roles { initiator: 10, responder: 1, unknown: 1 },
        ports: PortCounts::of(&[(445, 11)], 1),
        taps: [("core".to_owned(), 4), ("edge".to_owned(), 12)].into(),
        blind: [("core".to_owned(), 7)].into(),
        withheld: ["edge".to_owned()].into(),
        spread: 4,
        relays: vec![
            Relay {
                host: host("192.0.2.7"),
                received_at: Some(at(1_000_000_000)),
                received_from: Some(host("192.0.2.30")),
                sent_at: at(1_500_000_000),
                fan_out: 2,
                began_before: Some(false),
                begun: 7,
                unanswered: 3,
                proven: Some(true),
                is_decoy: true,
                ..Relay::default()
            },
            Relay {
                host: host("192.0.2.30"),
                received_at: None,
                sent_at: at(1_600_000_001),
                fan_out: 2,
                ..Relay::default()
            },
        ],
        population: Some(Population {
            addresses: Count::about(900),
            addresses_hour_peak: 300,
            addresses_now: 200,
            hosts: HostRange {
                low: 220,
                estimate: Some(310),
                high: 400,
                method: HostRangeMethod::Cardcount,
            },
        }),
        first_seen: at(0),
        first_sighting: Some(FirstSighting {
            packet: 7,
            time: at(0),
            source: host("192.0.2.7"),
            destination: host("198.51.100.1"),
            source_port: 1_024,
            destination_port: 445,
            certain: true,
        }),
        last_seen: at(1_700_000_000),
        detected_at: at(2_000_000_000),
        evidence: Evidence {
            keys: 3,
            alarms: vec![Alarm::Propagation],
            distinct_bytes: 9,
            translated: 2,
            passing_on: PassingOn {
                generations: 2,
                sender_unknown: 1,
                target_unknown: 4,
                turned: 1,
                began_unknown: 1,
                begun: 7,
                unanswered: 3,
                begun_unknown: 1,
                proven: 1,
                decoys: 1,
                ..PassingOn::default()
            },
            reasons: vec!["2 hosts received it.".to_owned()],
            growth: Some(Growth {
                rate_per_second: 0.25,
                doubling_seconds: 2.772588722239781,
                standard_error: 0.001,
                points: 7,
            }),
            handshakes: Handshakes { answered: 1, unanswered: 3, unknown: 1 },
            view: View { directions: 100, answered: 90 },
            load: Load { prevalence: 31, dispersion: 7 },
            nearest: Some(Nearest { literals: "http".to_owned(), bytes: 6 }),
        },
        samples: vec![SignatureSample {
            packet: 41,
            time: at(1_500_000_000),
            source: host("192.0.2.7"),
            destination: host("198.51.100.1"),
            source_port: 1_025,
            destination_port: 445,
            offset: -3,
            payload_length: None,
        }],
        addresses: AddressPlan {
            v6_prefix: 56,
            home_net: vec!["192.0.2.0/28".parse().unwrap()].into(),
        },
    }
}

const GOLDEN: &str = concat!(
    r#"{"schema":"wormsift/2","type":"signature","#,
    r#""id":"00112233445566778899aabbccddeeff","alarm":"propagation","#,
    r#""confidence":"high","kind":"outbreak","#,
    r#""incident":"0123456789abcdef0123456789abcdef","#,
    r#""protocol":"tcp","port":445,"port_rule":"destination","#,
    r#""content_hex":"47455420222f222000ff7e","length":11,"ascii":"GET \"/\" ..~","#,
    r#""tokens_hex":["47455420222f222000ff7e"],"tokens_ordered":true,"#,
    r#""packets":12,"sources":5,"sources_precision":"exact","#,
    r#""destinations":9,"destinations_precision":"about","source_list":["192.0.2.7","192.0.2.30"],"#,
    r#""destination_list":["198.51.100.1","2001:db8:1:2::"],"spread":4,"#,
    r#""spread_precision":"exact","#,
    r#""relays":[{"host":"192.0.2.7","received_at":"1970-01-01T00:00:01.000000000Z","#,
    r#""sent_at":"1970-01-01T00:00:01.500000000Z","fan_out":2,"new_targets":0,"known_targets":0,"#,
    r#""received_from":"192.0.2.30","began_before":false,"#,
    r#""conversations_begun":7,"conversations_unanswered":3,"proven":true,"is_decoy":true,"inside":true},"#,
    r#"{"host":"192.0.2.30","received_at":null,"#,
    r#""sent_at":"1970-01-01T00:00:01.600000001Z","fan_out":2,"new_targets":0,"known_targets":0,"#,
    r#""received_from":null,"began_before":null,"#,
    r#""conversations_begun":0,"conversations_unanswered":0,"proven":null,"is_decoy":false,"inside":false}],"#,
    r#""first_seen":"1970-01-01T00:00:00.000000000Z","#,
    r#""first_sighting":{"packet":7,"time":"1970-01-01T00:00:00.000000000Z","#,
    r#""source":"192.0.2.7","destination":"198.51.100.1","source_port":1024,"#,
    r#""destination_port":445,"certain":true},"#,
    r#""last_seen":"1970-01-01T00:00:01.700000000Z","#,
    r#""detected_at":"1970-01-01T00:00:02.000000000Z","#,
    r#""evidence":{"keys":3,"alarms":["propagation"],"distinct_bytes":9,"#,
    r#""reasons":["2 hosts received it."],"growth":{"rate_per_second":0.25,"#,
    r#""doubling_seconds":2.772588722239781,"standard_error":0.001,"points":7},"#,
    r#""handshake":{"answered":1,"unanswered":3,"unknown":1},"#,
    r#""view":{"two_way":true,"directions":100,"answered":90},"#,
    r#""load":{"prevalence_fill":0.031,"dispersion_fill":0.007},"#,
    r#""nearest":{"literals":"http","bytes":6},"translated":2,"#,
    r#""passing_on":{"generations":2,"sender_unknown":1,"new_targets":0,"known_targets":0,"#,
    r#""target_unknown":4,"turned":1,"had_begun":0,"began_unknown":1,"#,
    r#""conversations_begun":7,"conversations_unanswered":3,"conversations_unknown":1,"#,
    r#""relays_proven":1,"decoys":1}},"#,
    r#""samples":[{"packet":41,"time":"1970-01-01T00:00:01.500000000Z","#,
    r#""source":"192.0.2.7","destination":"198.51.100.1","source_port":1025,"#,
    r#""destination_port":445,"offset":-3,"payload_length":null,"#,
    r#""source_inside":true,"destination_inside":false}],"#,
    r#""v6_prefix":56,"home_net":["192.0.2.0/28"],"#,
    r#""sources_inside":1,"destinations_inside":0,"#,
    r#""roles":{"initiator":10,"responder":1,"role_unknown":1},"#,
    r#""ports":[{"service_port":445,"packets":11}],"ports_unlisted":1,"#,
    r#""taps":[{"tap":"core","packets":4},{"tap":"edge","packets":12}],"#,
    r#""blind":[{"tap":"core","seconds":7}],"#,
    r#""payload_withheld":["edge"],"#,
    r#""population":{"addresses":900,"addresses_precision":"about","#,
    r#""addresses_hour_peak":300,"addresses_now":200,"hosts_low":220,"#,
    r#""hosts_estimate":310,"hosts_high":400,"hosts_method":"cardcount"}}"#,
);

#[test]
fn a_line_is_written_exactly_so_and_read_back() {
    let finding = Finding::Signature(signature());
    assert_eq!(write(&finding), GOLDEN);
    assert_eq!(read(GOLDEN), Ok(Some(finding)));
}

#[test]
fn what_mutes_a_finding_goes_round_and_is_missing_without() {
    let finding = Finding::Update(signature());
    for (until, written) in
        [(None, "null"), (Some(at(1_000_000_000)), r#""1970-01-01T00:00:01.000000000Z""#)]
    {
        let muted =
            Muted { entry: "00".to_owned(), reason: "a \"test\"".to_owned(), until };
        let line = write_marked(&finding, Some(&muted));
        let said = format!(
            r#""muted":{{"entry":"00","reason":"a \"test\"","until":{written}}},"#
        );
        assert!(line.contains(&said), "{line}");
        assert_eq!(line.replace(&said, ""), write(&finding));
        assert_eq!(read_marked(&line), Ok(Some((finding.clone(), Some(muted)))));
        assert_eq!(read(&line), Ok(Some(finding.clone())));
        let bad = line.replace(written, r#""later""#);
        if until.is_some() {
            assert!(matches!(read(&bad), Err(LineError::Field { name: "until", .. })));
        }
    }
    assert_eq!(read_marked(&write(&finding)), Ok(Some((finding, None))));
}

#[test]
fn without_home_net_nothing_is_said_of_inside() {
    let mut signature = signature();
    signature.addresses = AddressPlan::default();
    let line = write(&Finding::Signature(signature.clone()));
    assert_eq!(line.matches(r#"inside":null"#).count(), 6, "{line}");
    assert!(line.contains(r#""v6_prefix":64,"home_net":null,"#), "{line}");
    assert_eq!(read(&line), Ok(Some(Finding::Signature(signature))));
}

#[test]
fn the_type_and_a_missing_port_go_round() {
    let mut signature = signature();
    signature.port = None;
    signature.port_rule = "none".to_owned();
    for (finding, name) in [
        (Finding::Update(signature.clone()), "update"),
        (Finding::Summary(signature.clone()), "summary"),
    ] {
        let line = write(&finding);
        assert!(
            line.starts_with(&format!(r#"{{"schema":"wormsift/2","type":"{name}","#))
        );
        assert!(line.contains(r#""port":null,"port_rule":"none""#));
        assert_eq!(read(&line), Ok(Some(finding)));
    }
}

#[test]
fn protocols_without_a_name_are_numbers() {
    for (number, name) in
        [(1, "icmp"), (17, "udp"), (58, "icmpv6"), (132, "sctp"), (253, "253"), (0, "0")]
    {
        let finding = Finding::Signature(Signature { protocol: number, ..signature() });
        let line = write(&finding);
        assert!(line.contains(&format!(r#""protocol":"{name}""#)));
        assert_eq!(read(&line), Ok(Some(finding)));
    }
}

#[test]
fn a_reader_skips_other_types_and_unknown_fields() {
    assert_eq!(read(r#"{"schema":"wormsift/1","type":"stats","run":{}}"#), Ok(None));
    let longer = GOLDEN.replacen('{', r#"{"growth":[1,2],"#, 1);
    assert_eq!(read(&longer), Ok(Some(Finding::Signature(signature()))));
}

#[test]
fn a_line_of_an_earlier_writer_is_read() {
    // The first writer of this schema knew neither the order of tokens nor payload
    // lengths, and of the evidence the first four fields only.
    let at = GOLDEN.find(r#","growth""#).unwrap();
    let end = GOLDEN.find(r#"},"samples""#).unwrap();
    let first = [&GOLDEN[..at], &GOLDEN[end..]].concat();
    let last = first.find(r#","v6_prefix""#).unwrap();
    let first = [&first[..last], "}"].concat();
    let first = first
        .replace("wormsift/2", "wormsift/1")
        .replace(r#","new_targets":0,"known_targets":0"#, "")
        .replace(r#","received_from":"192.0.2.30","began_before":false"#, "")
        .replace(r#","received_from":null,"began_before":null"#, "")
        .replace(
            r#","conversations_begun":7,"conversations_unanswered":3,"proven":true,"is_decoy":true"#,
            "",
        )
        .replace(
            r#","conversations_begun":0,"conversations_unanswered":0,"proven":null,"is_decoy":false"#,
            "",
        )
        .replace(
            r#""kind":"outbreak","incident":"0123456789abcdef0123456789abcdef","#,
            "",
        )
        .replace(r#","inside":true"#, "")
        .replace(r#","inside":false"#, "")
        .replace(r#","source_inside":true,"destination_inside":false"#, "")
        .replace(r#""tokens_ordered":true,"#, "")
        .replace(r#","payload_length":null"#, "");
    assert!(first.len() < GOLDEN.len() - 40);
    assert!(!first.contains("inside"));
    let mut expected = signature();
    expected.tokens_ordered = false;
    (expected.kind, expected.incident) = (Kind::Unclear, None);
    let relay = &mut expected.relays[0];
    (relay.received_from, relay.began_before) = (None, None);
    (relay.begun, relay.unanswered, relay.proven) = (0, 0, None);
    relay.is_decoy = false;
    expected.roles = Roles::default();
    expected.ports = PortCounts::default();
    expected.taps.clear();
    expected.blind.clear();
    expected.withheld.clear();
    expected.population = None;
    expected.addresses = AddressPlan::default();
    let Evidence { keys, alarms, distinct_bytes, reasons, .. } = expected.evidence;
    let passing_on = PassingOn::of(&expected.relays);
    expected.evidence = Evidence {
        keys,
        alarms,
        distinct_bytes,
        reasons,
        passing_on,
        ..Evidence::default()
    };
    assert_eq!(read(&first), Ok(Some(Finding::Signature(expected))));
}

#[test]
fn what_cannot_be_read_is_named() {
    assert!(matches!(read(""), Err(LineError::Json(_))));
    assert!(matches!(read("[1]"), Err(LineError::Json(_))));
    assert!(matches!(
        read(r#"{"schema":"wormsift/1","type":"update"}"#),
        Err(LineError::Json(_))
    ));
    let later = GOLDEN.replace("wormsift/2", "wormsift/3");
    let error = read(&later).unwrap_err();
    assert_eq!(error.to_string(), "expected schema wormsift/2, found wormsift/3");
    let cases = [
        (r#"hex":"47455420222f"#, r#"hex":"47455420222"#, "content_hex"),
        (r#"hex":"47455420222f"#, r#"hex":"4745 420222f"#, "content_hex"),
        (r#"["474554"#, r#"["47g554"#, "tokens_hex"),
        (r#""high""#, r#""certain""#, "confidence"),
        (r#""tcp""#, r#""256""#, "protocol"),
        (r#"m":"propagation""#, r#"m":"both""#, "alarm"),
        (r#"["propagation""#, r#"["both""#, "alarms"),
        (r#"["192.0.2.7""#, r#"["192.0.2""#, "source_list"),
        (r#"first_seen":"1970-01-01"#, r#"first_seen":"1970-02-30"#, "first_seen"),
        (r#"first_seen":"1970"#, r#"first_seen":"1969"#, "first_seen"),
        (r#"first_seen":"1970"#, r#"first_seen":"9999"#, "first_seen"),
        (r#"last_seen":"1970-01-01T"#, r#"last_seen":"1970-01-01 "#, "last_seen"),
        (r#"detected_at":"1970"#, r#"detected_at":"+970"#, "detected_at"),
        (r#"detected_at":"1970"#, r#"detected_at":"","x":"1970"#, "detected_at"),
        (r#"_net":["192"#, r#"_net":["392"#, "home_net"),
        (
            r#"s_precision":"about","addresses_"#,
            r#"s_precision":"near","addresses_"#,
            "addresses_precision",
        ),
        (r#""cardcount""#, r#""guess""#, "hosts_method"),
        (r#""tap":"core"#, r#""tap":"c re"#, "taps"),
        (r#"withheld":["edge"#, r#"withheld":["e ge"#, "payload_withheld"),
        (r#""core","seconds"#, r#""c re","seconds"#, "blind"),
        (r#"["192.0.2.7""#, r#"["192.0.2.7%berlin""#, "source_list"),
        (r#""id":"0"#, r#""id":"0,"#, "id"),
        (r#""incident":""#, r#""incident":"A"#, "incident"),
        (r#"v6_prefix":56"#, r#"v6_prefix":156"#, "v6_prefix"),
    ];
    for (from, to, field) in cases {
        let line = GOLDEN.replacen(from, to, 1);
        assert_ne!(line, GOLDEN, "{from}");
        match read(&line) {
            Err(LineError::Field { name, .. }) => assert_eq!(name, field),
            other => panic!("{to}: {other:?}"),
        }
    }
}

proptest! {
    #[test]
    fn any_content_host_and_time_goes_round(
        content in prop::collection::vec(any::<u8>(), 0..200),
        hosts in prop::collection::vec((any::<u128>(), "[a-z]{0,3}"), 0..5),
        times in prop::array::uniform3(any::<u64>()),
        offset in any::<i64>(),
        figures in prop::array::uniform3(prop::num::f64::NORMAL),
        load in (0_u16..=1_000, 0_u16..=1_000),
    ) {
        let mut signature = signature();
        let [rate_per_second, doubling_seconds, standard_error] = figures;
        signature.evidence.growth =
            Some(Growth { rate_per_second, doubling_seconds, standard_error, points: 9 });
        signature.evidence.load = Load { prevalence: load.0, dispersion: load.1 };
        signature.tokens = content.chunks(7).map(<[u8]>::to_vec).collect();
        signature.content = content;
        // Of every other one the address is that of IPv4, and may belong to a site.
        let host = |(bits, site): (u128, String)| match bits % 2 {
            0 => Host::of(Ipv6Addr::from(bits).into(), 128),
            _ => Host::of(Ipv4Addr::from(10 << 24 | bits as u32 >> 8).into(), 128).at(site.parse().ok()),
        };
        signature.source_list = hosts.into_iter().map(host).collect();
        signature.first_seen = at(times[0]);
        signature.relays[0].received_at = Some(at(times[1]));
        signature.samples[0].time = at(times[2]);
        signature.samples[0].offset = offset;
        let finding = Finding::Signature(signature);
        let line = write(&finding);
        prop_assert!(!line.contains('\n'));
        prop_assert_eq!(read(&line), Ok(Some(finding)));
    }

    #[test]
    fn no_line_panics(text in ".{0,80}", at in 0_usize..1_400, byte in any::<u8>()) {
        let _ = read(&text);
        let mut line = GOLDEN.as_bytes().to_vec();
        let at = at % line.len();
        line[at] = byte;
        let _ = read(&String::from_utf8_lossy(&line));
    }
}
