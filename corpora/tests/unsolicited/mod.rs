//! Scenarios of dark addresses and decoys: their truth against a recount of the frames that
//! shares nothing with the generator, and with no detector.

mod address_churn;
mod class;
mod farm;
mod telescope;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::common::{assert_seed_decides, parse, refused, trace_with};
use wormsift_corpora::{
    AddressMap, Carriage, GenerateOptions, GroundTruth, Profile, Scenario,
};

fn profiles() -> impl Iterator<Item = &'static Profile> {
    Scenario::profiles().filter(|profile| profile.unsolicited)
}

#[test]
fn they_are_in_no_suite() {
    let names: Vec<&str> = profiles().map(|profile| profile.name).collect();
    let of_churn = ["", "-about-1d", "-about-7d", "-none"];
    let of_churn = of_churn.map(|kept| format!("address-churn{kept}"));
    let others = ["telescope", "honey-farm", "honey-farm-quiet"].map(str::to_owned);
    assert_eq!(names, [&others[..], &of_churn].concat());
    for profile in profiles() {
        assert!(!profile.standard && !profile.trust && !profile.adversary);
        assert!(!profile.is_plain(), "{}", profile.name);
    }
}

#[test]
fn a_seed_decides_every_byte() {
    profiles().for_each(|profile| assert_seed_decides(profile.name));
}

#[test]
fn the_truth_reads_back_and_its_new_parts_are_only_here() {
    let short = || GenerateOptions { packets: Some(3_000), ..GenerateOptions::default() };
    for profile in profiles() {
        let truth = trace_with(profile.name, 2, short()).truth;
        let is_dark = profile.name == "telescope";
        let is_churn = profile.name.starts_with("address-churn");
        let parts = [truth.dark.is_some(), truth.decoys.is_some(), truth.churn.is_some()];
        assert_eq!(parts, [is_dark, !is_dark && !is_churn, is_churn]);
        let text = truth.to_json().unwrap();
        assert_eq!(GroundTruth::from_json(&text).unwrap(), truth, "{}", profile.name);
    }
    let text = trace_with("outbreak", 2, short()).truth.to_json().unwrap();
    assert!(!text.contains("\"dark\"") && !text.contains("\"decoys\""), "{text}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let default = GenerateOptions::default;
    for profile in profiles() {
        let refused = |options: GenerateOptions| refused(profile.name, options);
        assert!(!refused(default()));
        assert!(refused(GenerateOptions { until_infected: Some(3), ..default() }));
        let is_churn = profile.name.starts_with("address-churn");
        let few = GenerateOptions { vulnerable_hosts: Some(3), ..default() };
        assert_eq!(refused(few), !is_churn);
        let often = GenerateOptions { scan_rate: Some(2.0), ..default() };
        assert_eq!(refused(often), !is_churn);
        assert!(refused(GenerateOptions { start_ns: u64::MAX, ..default() }));
        assert!(refused(GenerateOptions { carriage: Carriage::tcp(40), ..default() }));
        let ipv6 = Carriage::udp().over_ipv6();
        let is_dark = profile.name == "telescope" || is_churn;
        let over_ipv6 = GenerateOptions { carriage: ipv6, ..default() };
        assert_eq!(refused(over_ipv6), is_dark, "{}", profile.name);
        let background = GenerateOptions { background_hosts: Some(5), ..default() };
        assert_eq!(refused(background), is_dark, "{}", profile.name);
    }
}

#[test]
fn without_the_worm_option_nothing_of_their_own_is_left() {
    for profile in profiles() {
        let duration = Some(Duration::from_secs(120));
        let options =
            GenerateOptions { worm: false, duration, ..GenerateOptions::default() };
        let truth = trace_with(profile.name, 1, options).truth;
        assert!(truth.contents.is_empty() && truth.infections.is_empty());
        assert!(truth.dark.is_none() && truth.decoys.is_none(), "{}", profile.name);
        let is_silent = !profile.name.starts_with("honey-farm");
        assert_eq!(truth.packets == 0, is_silent, "{}", profile.name);
    }
}

/// As `wormsift generate --into` does with a capture of two minutes from a /24.
#[test]
fn they_can_be_laid_into_a_small_capture() {
    let network: IpAddr = [192, 0, 2, 0].into();
    let hosts: Vec<IpAddr> = (10..40).map(|last| [192, 0, 2, last].into()).collect();
    for profile in profiles() {
        let map = AddressMap::new(&[(network, 24)], &hosts).unwrap();
        let options = GenerateOptions {
            inside: Some(map.scenario_inside()),
            addresses: Some(Arc::new(map)),
            background_hosts: Some(0),
            duration: Some(Duration::from_secs(120)),
            ..GenerateOptions::default()
        };
        let trace = trace_with(profile.name, 1, options);
        assert!(!trace.frames.is_empty(), "{}", profile.name);
        for (_, frame) in &trace.frames {
            let packet = parse(frame).unwrap();
            let is_inside = |host: IpAddr| host.to_string().starts_with("192.0.2.");
            assert_ne!(is_inside(packet.source), is_inside(packet.destination));
        }
    }
}
