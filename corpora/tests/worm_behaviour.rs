//! Each worm scenario does what its profile says.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;

use crate::common::{alone, carriers, parse, refused, trace, trace_with};
use wormsift_corpora::{GenerateOptions, GroundTruth};

#[test]
fn most_infections_of_local_preference_stay_on_their_side() {
    let truth = trace("local-preference", 3).truth;
    let seen = truth.infections.iter().filter(|one| one.packet.is_some()).count();
    assert!(seen * 4 < truth.infections.len(), "{seen} of {}", truth.infections.len());
}

#[test]
fn the_hit_list_is_infected_within_seconds() {
    let truth = trace("hit-list", 3).truth;
    let outbreak = trace("outbreak", 3).truth;
    let fifty =
        |truth: &GroundTruth| truth.infections[50].time_ns - truth.infections[0].time_ns;
    assert!(fifty(&truth) < 15_000_000_000, "{}", fifty(&truth));
    assert!(fifty(&outbreak) > 3 * fifty(&truth));
}

#[test]
fn a_topological_worm_meets_only_hosts_that_talk_to_it_anyway() {
    let options = GenerateOptions {
        background_hosts: Some(0),
        until_infected: Some(200),
        // Time for every pair of contacts to talk.
        scan_rate: Some(0.002),
        ..GenerateOptions::default()
    };
    let trace = trace_with("topological", 3, options);
    let listed = &trace.truth.contents[0].carriers;
    let (mut talking, mut attacks) = (BTreeSet::new(), BTreeSet::new());
    for (number, (_, frame)) in (1..).zip(&trace.frames) {
        let parsed = parse(frame).unwrap();
        let pair = (parsed.source, parsed.destination);
        if listed.contains(number) {
            assert!(attacks.insert(pair), "attacked twice");
        } else {
            talking.insert(pair);
        }
    }
    assert!(attacks.len() > 60, "{}", attacks.len());
    assert!(attacks.is_subset(&talking));
}

#[test]
fn slow_copies_are_never_three_in_two_minutes() {
    for seed in 1..=5 {
        let trace = trace("slow", seed);
        let times: Vec<u64> = carriers(&trace).iter().map(|(time, _)| *time).collect();
        assert!(times.len() >= 60);
        assert!(times.windows(3).all(|three| three[2] - three[0] > 120_000_000_000));
    }
}

#[test]
fn messages_carry_the_attachment_in_lines_by_way_of_servers() {
    let trace = trace("mail", 4);
    let content = trace.truth.contents[0].content();
    // The end of the headers and the beginning of the last boundary are in every message.
    let attached = content.strip_prefix(b")\r\n\r\n").unwrap();
    let mut lines: Vec<&[u8]> = attached.split(|&byte| byte == b'\n').collect();
    assert_eq!(lines.pop(), Some(&b"--"[..]));
    let last = lines.pop().unwrap();
    assert!(lines.iter().all(|line| line.len() == 77 && line.ends_with(b"\r")));
    assert!(last.len() <= 77);
    let (mut to_servers, mut from_servers) = (BTreeSet::new(), BTreeSet::new());
    let infected: BTreeSet<IpAddr> =
        trace.truth.infections.iter().map(|one| one.host).collect();
    let mut relayed = 0;
    for (_, parsed) in carriers(&trace) {
        match parsed.ports {
            [_, 25] => {
                to_servers.insert(parsed.destination);
                relayed += u64::from(!infected.contains(&parsed.source));
            }
            [110, _] => {
                from_servers.insert(parsed.source);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(to_servers.len() > 30 && from_servers.len() > 20 && relayed > 100);
    assert!(to_servers.is_disjoint(&infected) && from_servers.is_disjoint(&infected));
}

#[test]
fn servers_infect_browsers_and_browsers_servers() {
    let trace = trace("web-server-browser", 4);
    let mut ends = [BTreeSet::new(), BTreeSet::new()];
    for (_, parsed) in carriers(&trace) {
        match parsed.ports {
            [80, _] => ends[0].insert((parsed.source, parsed.destination)),
            [_, 80] => ends[1].insert((parsed.destination, parsed.source)),
            other => panic!("{other:?}"),
        };
    }
    for [servers, browsers] in ends.map(|pairs| {
        let split: (BTreeSet<IpAddr>, BTreeSet<IpAddr>) = pairs.into_iter().unzip();
        [split.0.len(), split.1.len()]
    }) {
        assert!((10..=18).contains(&servers) && browsers >= 30, "{servers} {browsers}");
    }
}

#[test]
fn the_exploit_comes_after_four_turns_and_the_second_stage_from_the_attacker() {
    let exploit = alone("tcp-exploit", 4);
    let mut segments: BTreeMap<_, usize> = BTreeMap::new();
    for (_, parsed) in carriers(&exploit) {
        let connection = (parsed.source, parsed.destination, parsed.ports);
        *segments.entry(connection).or_default() += 1;
    }
    assert!(segments.values().all(|count| (2..=4).contains(count)));
    assert_eq!(segments.values().collect::<BTreeSet<_>>().len(), 3);

    let stages = alone("multi-stage", 4);
    let [first, second] = &stages.truth.contents[..] else { panic!("two stages") };
    assert!(first.length < 200 && second.length == 4_096);
    let mut exploited = BTreeSet::new();
    for (number, (_, frame)) in (1..).zip(&stages.frames) {
        let parsed = parse(frame).unwrap();
        let pair = (parsed.source, parsed.destination);
        if first.carriers.contains(number) {
            assert_eq!(parsed.ports[1], 5_000);
            exploited.insert(pair);
        } else if second.carriers.contains(number) {
            assert_eq!(parsed.ports[0], 8_099);
            assert!(exploited.contains(&pair), "fetched before it was exploited");
        }
    }
}

#[test]
fn datagrams_share_what_their_profile_says() {
    let ports = alone("random-port", 4);
    let seen = carriers(&ports);
    assert!(seen.iter().all(|(_, parsed)| parsed.ports[0] == 4_000));
    let lengths: BTreeSet<usize> =
        seen.iter().map(|(_, one)| one.payload.len()).collect();
    let distinct: BTreeSet<u16> = seen.iter().map(|(_, one)| one.ports[1]).collect();
    assert!(distinct.len() * 10 > seen.len() * 9 && lengths.len() > 300);

    let padded = alone("padded-core", 4);
    let core = &padded.truth.contents[0].invariant_pieces()[0];
    assert_eq!(core.len(), 250);
    let offset = |payload: &[u8]| payload.windows(250).position(|run| run == core);
    let offsets: BTreeSet<usize> =
        carriers(&padded).iter().map(|(_, one)| offset(one.payload).unwrap()).collect();
    assert!(offsets.len() > 300, "{}", offsets.len());

    for seed in 1..=20 {
        let options = GenerateOptions { packets: Some(1), ..GenerateOptions::default() };
        let truth = trace_with("polymorphic-short-tokens", seed, options).truth;
        let tokens = truth.contents[0].invariant_pieces();
        assert!((2..=6).contains(&tokens.len()));
        assert!(tokens.iter().all(|token| (4..=30).contains(&token.len())));
        assert!(tokens.iter().any(|token| token.len() >= 20));
    }
    let tokens = &trace("polymorphic-long-tokens", 4).truth.contents[0];
    assert_eq!(
        tokens.invariant_pieces().iter().map(Vec::len).collect::<Vec<_>>(),
        [60; 3]
    );

    let short = alone("short-datagram", 4);
    assert!(carriers(&short).iter().all(|(_, one)| one.payload.len() == 30));

    let encrypted = alone("encrypted", 4);
    assert!(encrypted.truth.contents[0].invariant.is_empty());
    let mut runs = HashSet::new();
    for (_, parsed) in carriers(&encrypted).iter().take(500) {
        assert_eq!(parsed.payload.len(), 400);
        assert!(parsed.payload.chunks(8).all(|run| runs.insert(run)));
    }
}

#[test]
fn a_tap_that_sees_all_sees_every_infection() {
    for name in
        ["outbreak", "local-preference", "hit-list", "tcp-exploit", "mail", "slow"]
            .into_iter()
            .chain(["topological", "web-server-browser", "multi-stage", "fragmented"])
    {
        let unseen = |sees_all| {
            let options = GenerateOptions {
                background_hosts: Some(0),
                until_infected: Some(40),
                sees_all,
                ..GenerateOptions::default()
            };
            let truth = trace_with(name, 3, options).truth;
            let later = truth.infections.iter().filter(|one| one.by.is_some());
            assert!(later.clone().count() >= 39, "{name}");
            later.filter(|one| one.packet.is_none()).count()
        };
        assert_eq!(unseen(true), 0, "{name}");
        assert!(unseen(false) > 0, "{name}");
    }
}

#[test]
fn where_nothing_spreads_the_tap_sees_all_there_is() {
    let all = GenerateOptions { sees_all: true, ..GenerateOptions::default() };
    assert!(refused("flash-crowd", all));
}
