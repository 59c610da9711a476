//! Worm scenarios keep what all scenarios promise: their truth agrees with the frames, and
//! options are kept or refused.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;
use std::time::Duration;

use crate::common::{carriers, parse, refused, trace, trace_with};
use wormsift_corpora::address_space::Prefix;
use wormsift_corpora::body::{Body, Piece};
use wormsift_corpora::presets::PRESETS;
use wormsift_corpora::{Carriage, GenerateOptions, Kind, Profile, Scenario, Verdict};

/// Every scenario of `src/worms` but `outbreak`, of which the others are variants.
fn names() -> impl Iterator<Item = &'static str> {
    let is_preset = |name: &str| PRESETS.iter().any(|preset| preset.name == name);
    Scenario::profiles()
        .filter(|it| it.kind == Kind::Worm && it.is_plain())
        .map(|it| it.name)
        .filter(move |name| *name != "outbreak" && !is_preset(name))
}

fn profile(name: &str) -> &'static Profile {
    Scenario::profiles().find(|profile| profile.name == name).expect(name)
}

#[test]
fn every_scenario_has_a_profile_that_says_why() {
    let listed: Vec<&str> = Scenario::names().collect();
    assert_eq!(listed.iter().collect::<BTreeSet<_>>().len(), listed.len());
    assert!(names().count() >= 19, "the worms are not found: {listed:?}");
    for name in names() {
        let profile = profile(name);
        assert!(!profile.summary.is_empty() && !profile.defeats.is_empty(), "{name}");
        let settings: Vec<&str> =
            profile.expectations.iter().map(|one| one.settings).collect();
        assert_eq!(settings.first(), Some(&""), "{name}");
        assert!(settings[1..].iter().all(|settings| !settings.is_empty()), "{name}");
        for expectation in profile.expectations {
            for verdict in [expectation.dispersion, expectation.propagation] {
                if let Verdict::Silent(why) | Verdict::Open(why) = verdict {
                    assert!(why.len() > 20, "{name}: a reason is a sentence: {why:?}");
                }
            }
        }
    }
}

#[test]
fn a_seed_decides_every_byte() {
    for name in names() {
        let first = trace(name, 5);
        let again = trace(name, 5);
        assert!(first.frames == again.frames, "{name}");
        assert_eq!(first.truth, again.truth, "{name}");
        assert!(first.frames != trace(name, 6).frames, "{name}");
    }
}

#[test]
fn captures_are_small_and_their_outbreaks_large_enough() {
    for name in names() {
        for seed in 1..=3 {
            let trace = trace(name, seed);
            let truth = &trace.truth;
            let (packets, infected) = (truth.packets, truth.infections.len());
            let few = (2_000..=50_000).contains(&packets);
            assert!(few, "{name}: 2,000 to 50,000 packets by default, not {packets}");
            assert!(infected >= 100, "{name}: 100 infected at least, not {infected}");
            assert!(truth.vulnerable_hosts >= truth.infections.len() as u64, "{name}");
            assert!(trace.frames.windows(2).all(|pair| pair[0].0 <= pair[1].0), "{name}");
        }
    }
}

#[test]
fn every_planted_byte_is_in_a_frame_that_the_truth_names() {
    const RUN: usize = 12;
    for name in names() {
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
    for name in names() {
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
                let unread = ["ipv6", "tunnelled"].contains(&name);
                assert!(unread, "{name}: no plain IPv4; name it here if that is meant");
            }
        }
        assert!(seen >= 8, "{name}: {seen}");
    }
}

#[test]
fn options_are_kept() {
    for name in names() {
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
fn a_site_may_be_elsewhere() {
    let inside = "10.20.128.0".parse().unwrap();
    let inside = Prefix::new(inside, 19);
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
    let shapes = names().filter(|name| {
        ["padded", "poly", "short", "encrypted"].iter().any(|kind| name.starts_with(kind))
    });
    let shapes: BTreeSet<&str> = shapes.collect();
    assert_eq!(shapes.len(), 5);
    for name in names() {
        let expected = shapes.contains(name);
        let refused = refused(name, with_body.clone());
        assert_eq!(refused, expected, "{name}: `shapes` names who refuses another body");
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
