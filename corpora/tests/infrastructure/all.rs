//! What holds for every infrastructure scenario.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{profile, profiles, spreading};
use crate::common::{alone, assert_seed_decides, parse, refused, trace, trace_with};
use wormsift_corpora::address_space::Prefix;
use wormsift_corpora::{
    Carriage, GenerateOptions, GroundTruth, IncidentGrade, IncidentKind, Kind,
};

const MINUTE: u64 = 60_000_000_000;

#[test]
fn they_are_listed_with_what_is_to_be_made_of_them() {
    use IncidentGrade::{High, NeverHigh, Nothing};
    use IncidentKind::{ForwardingService, Outbreak, PeerProtocol, Unclear};
    let expected = [
        ("load-balancers", ForwardingService, NeverHigh),
        ("syslog-relays", ForwardingService, NeverHigh),
        ("dns-forwarders", ForwardingService, NeverHigh),
        ("radius-proxies", ForwardingService, NeverHigh),
        ("service-mesh", ForwardingService, NeverHigh),
        ("gossip", PeerProtocol, NeverHigh),
        ("node-discovery", PeerProtocol, NeverHigh),
        ("replication", PeerProtocol, NeverHigh),
        ("update-peers", PeerProtocol, NeverHigh),
        ("nat-both-sides", Unclear, NeverHigh),
        ("broadcasts", Unclear, Nothing),
        ("worm", Outbreak, High),
    ];
    let told = profile("busy-site").incidents.iter();
    let told: Vec<_> = told.map(|one| (one.subject, one.kind, one.grade)).collect();
    assert_eq!(told, expected);
    // What happens in each is named as the scenario; the busy site has them all.
    let alone: Vec<_> = profiles().filter(|one| one.name != "busy-site").collect();
    for one in &alone {
        assert_eq!((one.kind, one.incidents.len()), (Kind::Benign, 1), "{}", one.name);
        assert_eq!(one.incidents[0].subject, one.name);
    }
    for (subject, ..) in &expected[..11] {
        assert!(alone.iter().any(|one| one.name == *subject), "{subject}");
    }
    assert!(profiles().all(|one| !one.standard));
}

#[test]
fn they_are_of_moderate_size_and_begin_with_other_talk() {
    for profile in profiles() {
        let trace = trace(profile.name, 1);
        let count = trace.frames.len();
        println!("{}: {count} packets", profile.name);
        let most = if profile.name == "busy-site" { 40_000 } else { 20_000 };
        assert!((3_000..=most).contains(&count), "{}: {count}", profile.name);
        let length = trace.truth.last_packet_ns - trace.truth.first_packet_ns;
        assert!((9 * MINUTE..=10 * MINUTE).contains(&length), "{}", profile.name);
        for incident in &trace.truth.incidents {
            let before = incident.begins_ns - trace.truth.first_packet_ns;
            assert!((MINUTE..3 * MINUTE).contains(&before), "{}", incident.subject);
        }
    }
}

#[test]
fn something_repeats_from_the_moment_that_the_truth_names_and_not_before() {
    for profile in profiles().filter(|profile| profile.kind == Kind::Benign) {
        for seed in [1, 2] {
            let trace = alone(profile.name, seed);
            let incident = &trace.truth.incidents[0];
            let before = spreading(&trace, incident.port, 0, incident.begins_ns);
            let after = super::after(&trace, incident);
            let what = format!(
                "{}, seed {seed}: {} and {}",
                profile.name,
                before.windows.len(),
                after.windows.len()
            );
            println!("{what}");
            assert!(before.windows.is_empty() && !after.windows.is_empty(), "{what}");
            assert!(after.packets.len() >= 200, "{what}: {}", after.packets.len());
            let first = after.packets[0].0;
            assert!(first < incident.begins_ns + MINUTE, "{what}");
        }
    }
}

#[test]
fn the_truth_says_what_the_profile_does_and_reads_back() {
    for profile in profiles() {
        let trace = trace(profile.name, 1);
        let truth = &trace.truth;
        let told: Vec<_> = profile.incidents.iter().map(|one| one.subject).collect();
        let said: Vec<_> = truth.incidents.iter().map(|one| &*one.subject).collect();
        assert_eq!(said, told);
        for (said, told) in truth.incidents.iter().zip(profile.incidents) {
            assert_eq!((said.kind, said.grade), (told.kind, told.grade));
            assert_eq!(said.reason, told.reason);
            let hosts: BTreeSet<_> = said.hosts.iter().collect();
            assert!(hosts.len() >= 2 && hosts.len() == said.hosts.len());
            let seen: BTreeSet<_> = trace
                .frames
                .iter()
                .map(|(_, frame)| parse(frame).unwrap())
                .filter(|packet| packet.ports.contains(&said.port))
                .map(|packet| packet.source)
                .collect();
            let missing = hosts.iter().filter(|host| !seen.contains(host)).count();
            // Of a large overlay some nodes elsewhere may meet nobody here.
            let most = if said.subject == "node-discovery" { hosts.len() / 4 } else { 0 };
            assert!(missing <= most, "{}: {missing} send nothing", said.subject);
        }
        let nothing = truth.contents.is_empty() && truth.infections.is_empty();
        assert_eq!(nothing, profile.kind == Kind::Benign, "{}", profile.name);
        let text = truth.to_json().unwrap();
        let word = if nothing { "\"never_high\"" } else { "\"forwarding_service\"" };
        assert!(text.contains(word) || profile.name == "broadcasts", "{text}");
        assert_eq!(GroundTruth::from_json(&text).unwrap(), *truth);
    }
}

#[test]
fn a_seed_decides_every_byte() {
    profiles().for_each(|profile| assert_seed_decides(profile.name));
}

#[test]
fn they_can_be_made_over_ipv6() {
    for profile in profiles() {
        let options = GenerateOptions {
            carriage: Carriage::udp().over_ipv6(),
            background_hosts: Some(0),
            packets: Some(500),
            ..GenerateOptions::default()
        };
        let trace = trace_with(profile.name, 1, options);
        assert_eq!(trace.frames.len(), 500);
        let version = |frame: &Vec<u8>| frame[12..14] == [0x86, 0xdd];
        assert!(trace.frames.iter().all(|(_, frame)| version(frame)), "{}", profile.name);
    }
}

#[test]
fn without_the_worm_option_the_background_is_left() {
    for profile in profiles() {
        let options = GenerateOptions {
            worm: false,
            duration: Some(Duration::from_secs(200)),
            ..GenerateOptions::default()
        };
        let background = trace_with(profile.name, 1, options.clone());
        let whole =
            trace_with(profile.name, 1, GenerateOptions { worm: true, ..options });
        let (least, all) = (background.frames.len(), whole.frames.len());
        assert!(least > 100 && all > 2 * least, "{}: {least}, {all}", profile.name);
        assert!(background.truth.incidents.is_empty());
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let default = GenerateOptions::default;
    for profile in profiles() {
        let refused = |options: GenerateOptions| refused(profile.name, options);
        assert!(!refused(default()));
        assert!(refused(GenerateOptions { until_infected: Some(3), ..default() }));
        assert!(refused(GenerateOptions { vulnerable_hosts: Some(3), ..default() }));
        assert!(refused(GenerateOptions { scan_rate: Some(1.0), ..default() }));
        assert!(refused(GenerateOptions { start_ns: u64::MAX, ..default() }));
        assert!(refused(GenerateOptions { carriage: Carriage::tcp(40), ..default() }));
        let inside = Some(Prefix::new([10, 20, 16, 0].into(), 30));
        assert!(refused(GenerateOptions { inside, ..default() }), "{}", profile.name);
    }
}
