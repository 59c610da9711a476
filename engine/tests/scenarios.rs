//! What each worm scenario's profile promises is what the sensor says of it.
//!
//! The profiles are written from how content sifting works, and know nothing of
//! this sensor. So this holds both: a promise that is too bold fails here, and
//! so does a sensor that lost an alarm.

use crate::common;
use crate::common::environment::sample;
use wormsift::config::Config;
use wormsift::pipeline::Sensor;
use wormsift::signature::{Alarm, Finding, Signature};
use wormsift_corpora::ground_truth::{ContentTruth, Protocol};
use wormsift_corpora::{Claim, GroundTruth, Kind, Scenario, Score, Trace, Verdict};

/// The settings of an expectation, with smaller tables: these captures are small,
/// and hundreds of sensors are made.
fn config(settings: &str) -> Config {
    Config::from_toml(&format!("memory = \"64MiB\"\n{settings}")).expect(settings)
}

/// Everything that was reported, each with the alarms that had fired for it.
fn reported(settings: &str, trace: &Trace) -> Vec<Signature> {
    let mut sensor = Sensor::new(config(settings)).expect(settings);
    sensor.sift(&common::frames(&trace.frames)[..]);
    sensor.finish();
    sensor
        .findings()
        .into_iter()
        .filter_map(|finding| match finding {
            Finding::Signature(signature) | Finding::Update(signature) => Some(signature),
            Finding::Summary(_) => None,
        })
        .collect()
}

/// Whether the signature is of this content.
fn is_of(signature: &Signature, content: &ContentTruth, truth: &GroundTruth) -> bool {
    let claim = Claim {
        content: signature.content.clone(),
        protocol: if signature.protocol == 6 { Protocol::Tcp } else { Protocol::Udp },
        port: signature.port,
        time_ns: signature.detected_at.as_nanos(),
    };
    // The port of a source or service rule is not the one that the truth names.
    let port = content.destination_port.filter(|_| signature.port_rule == "destination");
    let content = ContentTruth { destination_port: port, ..content.clone() };
    let truth = GroundTruth { contents: vec![content], ..truth.clone() };
    Score::new(&[claim], &truth).all_detected()
}

/// What differs from the expectations, one line each.
fn differences(name: &str, seed: u64) -> Vec<String> {
    let scenario = Scenario::named(name, seed).expect(name);
    let trace = scenario.stream().expect(name).into_trace();
    let mut lines = Vec::new();
    for expectation in scenario.profile().expectations {
        let settings = expectation.settings;
        let signatures = reported(settings, &trace);
        for (alarm, verdict) in [
            (Alarm::Dispersion, expectation.dispersion),
            (Alarm::Propagation, expectation.propagation),
        ] {
            for content in &trace.truth.contents {
                let found = signatures
                    .iter()
                    .filter(|signature| signature.evidence.alarms.contains(&alarm))
                    .any(|signature| is_of(signature, content, &trace.truth));
                let wrong = match verdict {
                    Verdict::Fires | Verdict::Late(_) => !found,
                    Verdict::Silent(_) => found,
                    Verdict::Open(_) => false,
                };
                if wrong {
                    let (what, alarm) = (&content.name, alarm.name());
                    lines.push(format!(
                        "{name}, seed {seed}, {settings:?}, {what}: {alarm} was to be \
                         {verdict:?}, found: {found}"
                    ));
                }
            }
            // Nobody forges anything here.
            let forged = |one: &&Signature| {
                one.evidence.reasons.iter().any(|it| it.starts_with("Forged sources"))
            };
            if let Some(found) = signatures.iter().find(forged) {
                lines.push(format!("{name}, seed {seed}: {:?}", found.evidence));
            }
            // By default the background is silent, so that nothing at all may be said.
            let said = signatures.iter().any(|one| one.evidence.alarms.contains(&alarm));
            if settings.is_empty() && matches!(verdict, Verdict::Silent(_)) && said {
                lines.push(format!("{name}, seed {seed}: {} fired", alarm.name()));
            }
        }
    }
    lines
}

/// All of the standard worms whose place in the list leaves this remainder by four.
fn check(remainder: usize) {
    let worms: Vec<&str> = Scenario::profiles()
        .filter(|profile| profile.kind == Kind::Worm && profile.standard)
        .map(|profile| profile.name)
        .collect();
    assert!(worms.len() >= 20, "{worms:?}");
    let mine = worms.into_iter().skip(remainder).step_by(4);
    let wrong: Vec<String> = mine
        .flat_map(|name| (1..=sample(1, 8)).flat_map(move |seed| differences(name, seed)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_profiles_hold_first_quarter() {
    check(0);
}

#[test]
fn the_profiles_hold_second_quarter() {
    check(1);
}

#[test]
fn the_profiles_hold_third_quarter() {
    check(2);
}

#[test]
fn the_profiles_hold_last_quarter() {
    check(3);
}
