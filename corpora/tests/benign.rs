//! The hard negatives are what they say, by an exact count that shares nothing with a
//! detector.
//!
//! One window of 40 bytes in eight is followed, chosen by a hash of its first eight bytes,
//! with the sets of all hosts that sent or received it. Where a profile promises silence,
//! no window may reach the thresholds; where it leaves an alarm open, some window must, or
//! the cause that it names would be wrong.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::time::Duration;

use crate::common::environment::sample;
use crate::common::exact::{self, Seen, Tails, WINDOW, followed, periodic};
use crate::common::{Parsed, assert_seed_decides, parse, refused, trace, trace_with};
use wormsift_corpora::address_space::Prefix;
use wormsift_corpora::{
    Carriage, Expectation, GenerateOptions, Kind, Profile, Scenario, Trace, Verdict,
};

const FOLLOWED: u64 = 8;

fn profiles() -> impl Iterator<Item = &'static Profile> {
    Scenario::profiles().filter(|one| one.kind == Kind::Benign && one.is_plain())
}

/// How the settings of an expectation change the count.
struct Rules {
    port: fn([u16; 2]) -> u16,
    /// Answers of name servers to dark addresses are left out too.
    dark: bool,
    /// What this host sends at this port counts for no fan-out.
    exempt: Option<(IpAddr, u16)>,
}

impl Rules {
    fn of(expectation: &Expectation) -> Self {
        let default = Self { port: |ports| ports[1], dark: false, exempt: None };
        match expectation.settings {
            // By default a content counts at its port, and over all ports by rules of which
            // this count knows none.
            "" | "port_rule = \"destination\"" => default,
            "port_rule = \"none\"" => Self { port: |_| 0, ..default },
            "port_rule = \"service\"" => {
                Self { port: |ports| ports[0].min(ports[1]), ..default }
            }
            "dark = [\"10.20.16.0/20\"]" => Self { dark: true, ..default },
            "relay_exempt = [\"10.20.16.5:5060\"]" => {
                let proxy = IpAddr::from([10, 20, 16, 5]);
                Self { exempt: Some((proxy, 5_060)), ..default }
            }
            other => panic!("{other} is not known to this count: add it to `Rules::of`"),
        }
    }

    /// Replies to what somebody forged, which are not sifted by default.
    fn leave_out(&self, packet: &Parsed<'_>) -> bool {
        match packet.protocol {
            1 => matches!(packet.ports[1] >> 8, 3 | 4 | 5 | 11 | 12),
            6 => packet.flags & 4 != 0,
            _ => self.dark && packet.ports[0] == 53,
        }
    }
}

/// Calls `each` with the key of every followed window, once a packet.
fn follow(trace: &Trace, rules: &Rules, mut each: impl FnMut(u64, &Parsed<'_>)) {
    let mut tails = Tails::default();
    let mut in_packet = HashSet::new();
    for (_, frame) in &trace.frames {
        let packet = parse(frame).unwrap();
        if packet.payload.is_empty() || rules.leave_out(&packet) {
            continue;
        }
        let bytes = tails.join(&packet);
        let port = (rules.port)(packet.ports);
        in_packet.clear();
        let mut enter = |window: &[u8]| {
            if !followed(window, FOLLOWED) || periodic(window) {
                return;
            }
            let mut hasher = DefaultHasher::new();
            (packet.protocol, port, window).hash(&mut hasher);
            let key = hasher.finish();
            if in_packet.insert(key) {
                each(key, &packet);
            }
        };
        let short = packet.protocol != 6 && (16..WINDOW).contains(&bytes.len());
        if short {
            enter(&bytes);
        }
        bytes.windows(WINDOW).for_each(&mut enter);
    }
}

/// The greatest dispersion and the greatest spread.
fn greatest(trace: &Trace, rules: &Rules) -> (usize, usize) {
    // A first pass, so that only what recurs is kept.
    let mut often = vec![0u8; 1 << 24];
    let place = |key: u64| (key >> 32) as usize & 0xff_ffff;
    follow(trace, rules, |key, _| {
        often[place(key)] = often[place(key)].saturating_add(1);
    });
    let mut seen: HashMap<u64, Seen> = HashMap::new();
    follow(trace, rules, |key, packet| {
        if often[place(key)] >= 3 {
            let exempt = rules.exempt == Some((packet.source, packet.ports[1]));
            seen.entry(key).or_default().add(packet, exempt);
        }
    });
    exact::greatest(seen.values())
}

/// Whether the verdict fits a figure and its threshold.
fn fits(verdict: Verdict, figure: usize, threshold: usize) -> bool {
    match verdict {
        Verdict::Fires | Verdict::Late(_) | Verdict::Open(_) => figure >= threshold,
        Verdict::Silent(_) => figure < threshold,
    }
}

/// The scenarios whose place in the list leaves this remainder by three; a third of them in
/// short runs.
fn check(remainder: usize) {
    for profile in profiles().skip(remainder).step_by(sample(9, 3)) {
        let trace = trace(profile.name, 3);
        for expectation in profile.expectations {
            let (dispersion, spread) = greatest(&trace, &Rules::of(expectation));
            // What is left open by default must be many to many at a port or over all.
            let over_all =
                Expectation { settings: "port_rule = \"none\"", ..*expectation };
            let is_default = expectation.settings.is_empty();
            let is_open = |verdict| !matches!(verdict, Verdict::Silent(_));
            let (dispersion, spread) = match is_default && profile.name != "sip-proxy" {
                true => {
                    let (wider, further) = greatest(&trace, &Rules::of(&over_all));
                    let pick = |verdict, at_port, all| {
                        if is_open(verdict) { all } else { at_port }
                    };
                    (
                        pick(expectation.dispersion, dispersion, wider.max(dispersion)),
                        pick(expectation.propagation, spread, further.max(spread)),
                    )
                }
                false => (dispersion, spread),
            };
            let what = format!(
                "{}, {:?}: at most {dispersion} x {dispersion}, spread {spread}",
                profile.name, expectation.settings
            );
            println!("{what}");
            assert!(fits(expectation.propagation, spread, 3), "{what}");
            if profile.name == "sip-proxy" {
                // Open for an estimate's sake alone: 25 hosts take part.
                assert!((15..=25).contains(&dispersion), "{what}");
            } else {
                assert!(fits(expectation.dispersion, dispersion, 30), "{what}");
            }
        }
    }
}

#[test]
fn an_exact_count_agrees_with_the_first_third_of_the_profiles() {
    check(0);
}

#[test]
fn an_exact_count_agrees_with_the_second_third_of_the_profiles() {
    check(1);
}

#[test]
fn an_exact_count_agrees_with_the_last_third_of_the_profiles() {
    check(2);
}

/// Windows by content alone, one in 64: who counts repetition and nothing else
/// would report each of these.
#[test]
fn every_one_repeats_often_within_minutes() {
    for profile in profiles() {
        let trace = trace(profile.name, 1);
        let minutes = trace.truth.last_packet_ns - trace.truth.first_packet_ns;
        let name = profile.name;
        let brief = (60_000_000_000..600_000_000_000).contains(&minutes);
        assert!(brief, "{name}: one to ten minutes by default, not {minutes} ns");
        let count = trace.frames.len();
        let few = (3_000..=40_000).contains(&count);
        assert!(few, "{name}: 3,000 to 40,000 packets by default, not {count}");
        let mut often: HashMap<u64, u32> = HashMap::new();
        for (_, frame) in &trace.frames {
            let packet = parse(frame).unwrap();
            let mut in_packet = HashSet::new();
            for window in packet.payload.windows(WINDOW) {
                // Zeros are what padding repeats, whatever a hash says of them.
                if !followed(window, 64) && window.iter().any(|byte| *byte != 0) {
                    continue;
                }
                let mut hasher = DefaultHasher::new();
                window.hash(&mut hasher);
                let key = hasher.finish();
                if in_packet.insert(key) {
                    *often.entry(key).or_default() += 1;
                }
            }
        }
        let most = often.into_values().max().unwrap_or(0);
        println!("{name}: {count} packets, one window in {most} of them");
        assert!(most >= 60, "{name}: no window is in 60 packets, at most in {most}");
    }
}

#[test]
fn a_seed_decides_every_byte() {
    profiles().for_each(|profile| assert_seed_decides(profile.name));
}

#[test]
fn the_truth_is_that_nothing_was_planted() {
    for profile in profiles() {
        let options =
            GenerateOptions { packets: Some(200), ..GenerateOptions::default() };
        let truth = trace_with(profile.name, 1, options).truth;
        assert_eq!(truth.scenario, profile.name);
        assert!(truth.contents.is_empty() && truth.infections.is_empty());
        assert_eq!(truth.vulnerable_hosts, 0);
        assert!(!truth.parameters.is_empty(), "{}: no parameters", profile.name);
    }
}

#[test]
fn every_frame_crosses_the_tap_of_the_network_asked_for() {
    let inside = Prefix::new([192, 168, 0, 0].into(), 20);
    for profile in profiles() {
        let options = GenerateOptions {
            inside: Some(inside),
            packets: Some(1_500),
            start_ns: 5_000_000_000,
            ..GenerateOptions::default()
        };
        let trace = trace_with(profile.name, 1, options);
        assert!(trace.frames[0].0 >= 5_000_000_000);
        for (_, frame) in &trace.frames {
            let packet = parse(frame).unwrap();
            let is_inside = |address| match address {
                IpAddr::V4(address) => inside.contains(address),
                IpAddr::V6(_) => false,
            };
            let ends = [packet.source, packet.destination].map(is_inside);
            assert!(ends[0] != ends[1], "{}: {ends:?}", profile.name);
        }
    }
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
        for (_, frame) in &trace.frames {
            assert_eq!(frame[12..14], [0x86, 0xdd], "{}", profile.name);
            // ICMP has another number there.
            assert!(matches!(frame[20], 6 | 17 | 58), "{}", profile.name);
        }
    }
}

#[test]
fn without_the_worm_option_the_background_is_left() {
    for profile in profiles() {
        let seconds = 60;
        let options = GenerateOptions {
            worm: false,
            background_hosts: Some(10),
            duration: Some(Duration::from_secs(seconds)),
            ..GenerateOptions::default()
        };
        let background = trace_with(profile.name, 1, options.clone());
        let last = background.truth.last_packet_ns - options.start_ns;
        assert!(last <= seconds * 1_000_000_000);
        let whole =
            trace_with(profile.name, 1, GenerateOptions { worm: true, ..options });
        let (least, all) = (background.frames.len(), whole.frames.len());
        let (name, own) = (profile.name, all.saturating_sub(least));
        assert!(least > 100, "{name}: no background is left, {least} packets");
        assert!(
            own > least,
            "{name}: {own} packets of its own in a minute among {least}"
        );
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
        assert!(refused(GenerateOptions { start_ns: u64::MAX, ..default() }));
        let nothing = GenerateOptions { background_hosts: Some(5), ..default() };
        assert!(refused(GenerateOptions { background_rate: Some(0.0), ..nothing }));
        assert!(refused(GenerateOptions { carriage: Carriage::tcp(40), ..default() }));
        let scans = profile.name == "loud-scanner";
        let rate = |rate| GenerateOptions { scan_rate: Some(rate), ..default() };
        assert_eq!(refused(rate(2.0)), !scans, "{}", profile.name);
        assert!(refused(rate(f64::NAN)) && refused(rate(0.0)));
        let inside = |network: [u8; 4], bits| {
            let inside = Some(Prefix::new(network.into(), bits));
            refused(GenerateOptions { inside, ..default() })
        };
        assert!(inside([100, 64, 0, 0], 16) && inside([0; 4], 0), "{}", profile.name);
        // A telescope may be of any size; where hosts are they need addresses.
        let dark = profile.name == "backscatter";
        assert_eq!(inside([10, 20, 16, 0], 30), !dark, "{}", profile.name);
    }
}
