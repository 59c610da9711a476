//! The stories of `worms/` are told as their profiles say, with a truth that the
//! frames bear out.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;
use std::time::Duration;

use wormsift_corpora::body::{Body, Piece};
use wormsift_corpora::{
    Carriage, GenerateOptions, Kind, Profile, Scenario, Trace, Verdict,
};

/// The worm scenarios of this room.
const NAMES: [&str; 19] = [
    "tcp-exploit",
    "local-preference",
    "hit-list",
    "topological",
    "mail",
    "web-server-browser",
    "slow",
    "multi-stage",
    "random-port",
    "padded-core",
    "polymorphic-long-tokens",
    "polymorphic-short-tokens",
    "short-datagram",
    "encrypted",
    "small-segments",
    "reordered",
    "fragmented",
    "ipv6",
    "tunnelled",
];

fn profile(name: &str) -> &'static Profile {
    Scenario::profiles().find(|profile| profile.name == name).expect(name)
}

fn trace_with(name: &str, seed: u64, options: GenerateOptions) -> Trace {
    let scenario = Scenario::named(name, seed).expect(name).options(options);
    scenario.stream().expect(name).into_trace()
}

fn trace(name: &str, seed: u64) -> Trace {
    trace_with(name, seed, GenerateOptions::default())
}

/// The worm alone.
fn alone(name: &str, seed: u64) -> Trace {
    let options =
        GenerateOptions { background_hosts: Some(0), ..GenerateOptions::default() };
    trace_with(name, seed, options)
}

fn refused(name: &str, options: GenerateOptions) -> bool {
    Scenario::named(name, 1).expect(name).options(options).stream().is_err()
}

/// Addresses, protocol, ports and payload of a plain frame over IPv4.
struct Parsed<'a> {
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    ports: [u16; 2],
    payload: &'a [u8],
}

fn parse(frame: &[u8]) -> Option<Parsed<'_>> {
    if frame.get(12..15)? != [8, 0, 0x45] {
        return None;
    }
    let address = |at: usize| {
        let bytes: [u8; 4] = frame[at..at + 4].try_into().unwrap();
        IpAddr::from(bytes)
    };
    let word = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    let end = 14 + usize::from(word(16));
    let protocol = frame[23];
    let start = if protocol == 6 { 34 + usize::from(frame[46] >> 4) * 4 } else { 42 };
    Some(Parsed {
        source: address(26),
        destination: address(30),
        protocol,
        ports: [word(34), word(36)],
        payload: frame.get(start..end)?,
    })
}

/// The carriers of the first content, with their times.
fn carriers(trace: &Trace) -> Vec<(u64, Parsed<'_>)> {
    let listed = &trace.truth.contents[0].carriers;
    let frames = trace.frames.iter().zip(1..);
    frames
        .filter(|(_, number)| listed.contains(*number))
        .map(|((time, frame), _)| (*time, parse(frame).expect("a plain frame")))
        .collect()
}

#[test]
fn every_story_has_a_profile_that_says_why() {
    let listed: Vec<&str> = Scenario::names().collect();
    assert_eq!(listed.iter().collect::<BTreeSet<_>>().len(), listed.len());
    for name in NAMES {
        let profile = profile(name);
        assert_eq!((profile.kind, profile.standard), (Kind::Worm, true), "{name}");
        assert!(!profile.summary.is_empty() && !profile.defeats.is_empty(), "{name}");
        let settings: Vec<&str> =
            profile.expectations.iter().map(|one| one.settings).collect();
        assert_eq!(settings.first(), Some(&""), "{name}");
        assert!(settings[1..].iter().all(|settings| !settings.is_empty()), "{name}");
        for expectation in profile.expectations {
            for verdict in [expectation.dispersion, expectation.propagation] {
                if let Verdict::Silent(why) | Verdict::Open(why) = verdict {
                    assert!(why.len() > 20, "{name}: {why}");
                }
            }
        }
    }
}

#[test]
fn a_seed_decides_every_byte() {
    for name in NAMES {
        let first = trace(name, 5);
        let again = trace(name, 5);
        assert!(first.frames == again.frames, "{name}");
        assert_eq!(first.truth, again.truth, "{name}");
        assert!(first.frames != trace(name, 6).frames, "{name}");
    }
}

#[test]
fn captures_are_small_and_their_outbreaks_large_enough() {
    for name in NAMES {
        for seed in 1..=3 {
            let trace = trace(name, seed);
            let truth = &trace.truth;
            assert!(
                (2_000..=60_000).contains(&truth.packets),
                "{name}: {}",
                truth.packets
            );
            assert!(truth.infections.len() >= 100, "{name}: {}", truth.infections.len());
            assert!(truth.vulnerable_hosts >= truth.infections.len() as u64, "{name}");
            assert!(trace.frames.windows(2).all(|pair| pair[0].0 <= pair[1].0), "{name}");
        }
    }
}

#[test]
fn every_planted_byte_is_in_a_frame_that_the_truth_names() {
    const RUN: usize = 12;
    for name in NAMES {
        let trace = trace(name, 7);
        for content in &trace.truth.contents {
            let pieces = content.invariant_pieces();
            let runs: HashSet<&[u8]> =
                pieces.iter().flat_map(|piece| piece.windows(RUN)).collect();
            assert!(content.carriers.count > 0, "{name}");
            let mut holding = 0;
            for (number, (_, frame)) in (1..).zip(&trace.frames) {
                let named = content.carriers.contains(number);
                let holds = frame.windows(RUN).any(|window| runs.contains(window));
                assert!(named || !holds, "{name}, {}: frame {number}", content.name);
                holding += u64::from(holds);
            }
            // Those named without such a run hold mutable bytes or short ends.
            let least = if name == "encrypted" { 0 } else { content.carriers.count / 2 };
            assert!(holding >= least, "{name}: {holding} of {}", content.carriers.count);
        }
    }
}

#[test]
fn infections_have_a_cause_that_can_be_seen() {
    for name in NAMES {
        let trace = trace(name, 8);
        let mut infected: BTreeMap<IpAddr, u64> = BTreeMap::new();
        let mut seen = 0;
        for infection in &trace.truth.infections {
            assert_eq!(
                infected.insert(infection.host, infection.time_ns),
                None,
                "{name}"
            );
            match infection.by {
                Some(by) => assert!(infected[&by] <= infection.time_ns, "{name}"),
                None => assert_eq!(infected.len(), 1, "{name}"),
            }
            let Some(number) = infection.packet else { continue };
            seen += 1;
            let (time_ns, frame) = &trace.frames[number as usize - 1];
            assert_eq!(*time_ns, infection.time_ns, "{name}");
            let contents = &trace.truth.contents;
            assert!(contents.iter().any(|one| one.carriers.contains(number)), "{name}");
            // By mail, what infects comes from a server; tunnels and IPv6 are
            // not parsed here.
            if let Some(parsed) = parse(frame) {
                assert_eq!(parsed.destination, infection.host, "{name}");
                assert!(name == "mail" || Some(parsed.source) == infection.by, "{name}");
            } else {
                assert!(["ipv6", "tunnelled"].contains(&name), "{name}");
            }
        }
        assert!(seen >= 8, "{name}: {seen}");
    }
}

#[test]
fn options_are_kept() {
    for name in NAMES {
        let base = GenerateOptions::default();
        let quiet = trace_with(name, 1, GenerateOptions { worm: false, ..base.clone() });
        assert!(quiet.truth.contents.is_empty() && quiet.truth.packets > 100, "{name}");

        let start_ns = 1_000_000_000_000_000_000;
        let options = GenerateOptions {
            start_ns,
            packets: Some(700),
            background_rate: Some(0.5),
            ..base.clone()
        };
        let cut = trace_with(name, 1, options);
        assert_eq!(cut.truth.packets, 700, "{name}");
        assert!(cut.truth.first_packet_ns >= start_ns, "{name}");

        let options = GenerateOptions {
            until_infected: Some(20),
            list_carriers: false,
            ..base.clone()
        };
        let short = trace_with(name, 1, options);
        let whole = trace(name, 1);
        assert!(short.truth.infections.len() >= 20, "{name}");
        assert!(short.truth.packets < whole.truth.packets, "{name}");
        assert!(short.truth.contents[0].carriers.runs.is_empty(), "{name}");

        let options = GenerateOptions {
            duration: Some(Duration::from_secs(30)),
            background_hosts: Some(5),
            ..base.clone()
        };
        let brief = trace_with(name, 1, options).truth;
        assert!(brief.last_packet_ns <= base.start_ns + 30_000_000_000, "{name}");

        let too_many = Some(1_000_000);
        let too_many = GenerateOptions { until_infected: too_many, ..base.clone() };
        assert!(refused(name, too_many), "{name}");
        let endless = GenerateOptions { scan_rate: Some(f64::NAN), ..base.clone() };
        assert!(refused(name, endless), "{name}");
        let none = GenerateOptions { vulnerable_hosts: Some(0), ..base.clone() };
        assert!(refused(name, none), "{name}");
        let late = GenerateOptions { start_ns: u64::MAX, ..base };
        assert!(refused(name, late), "{name}");
    }
}

#[test]
fn a_site_may_lie_elsewhere() {
    let inside = "10.20.128.0".parse().unwrap();
    let inside = wormsift_corpora::address_space::Prefix::new(inside, 19);
    for name in ["tcp-exploit", "mail", "web-server-browser", "slow", "topological"] {
        let options =
            GenerateOptions { inside: Some(inside), ..GenerateOptions::default() };
        let trace = trace_with(name, 2, options);
        for (_, parsed) in carriers(&trace) {
            let behind = [parsed.source, parsed.destination]
                .map(|host| matches!(host, IpAddr::V4(host) if inside.contains(host)));
            assert_ne!(behind[0], behind[1], "{name}");
        }
    }
}

#[test]
fn bodies_and_carriages_are_taken_where_they_make_sense() {
    let base = GenerateOptions::default();
    let brought = Body::new(vec![Piece::Invariant(b"a body of the user's own".to_vec())]);
    let with_body = GenerateOptions { body: Some(brought), ..base.clone() };
    let shapes = NAMES.iter().filter(|name| {
        ["padded", "poly", "short", "encrypted"].iter().any(|kind| name.starts_with(kind))
    });
    let shapes: BTreeSet<&str> = shapes.copied().collect();
    assert_eq!(shapes.len(), 5);
    for name in NAMES {
        assert_eq!(refused(name, with_body.clone()), shapes.contains(name), "{name}");
    }
    let padded = Body::new(vec![Piece::Padding { least: 1, most: 9 }]);
    let empty = GenerateOptions { body: Some(padded), ..base.clone() };
    assert!(refused("hit-list", empty.clone()) && refused("mail", empty));

    let carried = |text: &str| GenerateOptions {
        carriage: text.parse::<Carriage>().unwrap(),
        ..base.clone()
    };
    let own_conversations = ["tcp-exploit", "mail", "web-server-browser", "multi-stage"];
    for name in own_conversations {
        assert!(refused(name, carried("tcp:100")), "{name}");
        assert!(refused(name, carried("reorder")), "{name}");
        let wrapped = trace_with(name, 1, carried("udp,ipv6,vlan:3,fragment:400"));
        assert!(wrapped.truth.infections.iter().all(|one| one.host.is_ipv6()), "{name}");
        assert!(wrapped.truth.infections.len() >= 100, "{name}");
    }
    for name in ["local-preference", "hit-list", "topological", "slow", "random-port"] {
        let over_tcp = trace_with(name, 1, carried("tcp:500"));
        let carriers = carriers(&over_tcp);
        assert!(carriers.iter().all(|(_, parsed)| parsed.protocol == 6), "{name}");
    }
    assert!(refused("fragmented", carried("tcp:100")));
    assert!(!refused("fragmented", carried("fragment:128")));
}

#[test]
fn most_infections_of_local_preference_stay_on_their_side() {
    let truth = trace("local-preference", 3).truth;
    let seen = truth.infections.iter().filter(|one| one.packet.is_some()).count();
    assert!(seen * 10 < truth.infections.len(), "{seen} of {}", truth.infections.len());
}

#[test]
fn the_hit_list_is_through_within_seconds() {
    let truth = trace("hit-list", 3).truth;
    let outbreak = trace("outbreak", 3).truth;
    let fifty = |truth: &wormsift_corpora::GroundTruth| {
        truth.infections[50].time_ns - truth.infections[0].time_ns
    };
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
fn letters_carry_the_attachment_in_lines_by_way_of_servers() {
    let trace = trace("mail", 4);
    let content = trace.truth.contents[0].content();
    let mut lines: Vec<&[u8]> = content.split(|&byte| byte == b'\n').collect();
    assert_eq!(lines.pop(), Some(&b""[..]));
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
fn datagrams_share_what_their_story_says() {
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
