//! The detection rule against simulated epidemics.

use crate::common::environment::sample;
use wormsift_corpora::detection_rule::{detection_rule, expected};
use wormsift_corpora::presets::{BLASTER, CODE_RED, Preset, SLAMMER};

const SOURCES: u32 = 30;

/// A preset, the sensor's prefix, and the share of the vulnerable hosts, in %,
/// that the susceptible-infected model gave for it, with its rounding.
const SHARES: [(&Preset, u8, f64, f64); 9] = [
    (&SLAMMER, 16, 0.09, 0.005),
    (&SLAMMER, 20, 0.78, 0.005),
    (&SLAMMER, 24, 11.0, 0.5),
    (&CODE_RED, 16, 0.05, 0.005),
    (&CODE_RED, 20, 0.74, 0.005),
    (&CODE_RED, 24, 11.0, 0.5),
    (&BLASTER, 16, 0.06, 0.005),
    (&BLASTER, 20, 0.74, 0.005),
    (&BLASTER, 24, 11.0, 0.5),
];

#[test]
fn thirty_sources_are_seen_at_the_known_share_of_infected_hosts() {
    for &(preset, bits, percent, rounding) in sample(&SHARES[1..3], &SHARES[..]) {
        let outcome = detection_rule(preset, bits, SOURCES, 0..20).unwrap();
        assert_eq!(outcome.infected_share.len(), 20);
        let share = outcome.mean_share();
        let name = preset.name;
        let known = (percent - rounding) / 100.0..(percent + rounding) / 100.0;
        assert!(share.meets(known), "{name} /{bits}: {share:?}, not {percent} %");
        let equations = outcome.expected_share;
        assert!(
            share.meets(equations..equations),
            "{name} /{bits}: {share:?}, not {equations}"
        );
        // An interval that holds everything would prove nothing.
        assert!(share.half_width < 0.13 * share.mean, "{name} /{bits}: {share:?}");
    }
}

#[test]
fn the_equations_give_the_known_times() {
    // Seconds for Slammer, hours for Code Red v2: the latter for six scans a
    // second and in inverse proportion to that.
    let slower = 6.0 / CODE_RED.scan_rate * 3_600.0;
    for (preset, bits, seconds) in [
        (&SLAMMER, 16, 60.0),
        (&SLAMMER, 20, 92.0),
        (&SLAMMER, 24, 132.0),
        (&CODE_RED, 16, 2.9 * slower),
        (&CODE_RED, 20, 4.4 * slower),
        (&CODE_RED, 24, 5.9 * slower),
    ] {
        let found = expected(preset, bits, SOURCES).seconds;
        let off = found / seconds - 1.0;
        assert!(off.abs() < 0.015, "{} /{bits}: {found}", preset.name);
    }
}

#[test]
fn simulated_times_are_later_by_the_chance_of_the_first_infections() {
    // The logarithm of an exponential variable has the mean -0.577, Euler's
    // constant: the growth of one host's infections is late by so many growth
    // times on average.
    let outcome = detection_rule(&SLAMMER, 16, SOURCES, 0..400).unwrap();
    let late = outcome.mean_seconds();
    let known = outcome.expected_seconds + 0.577 / SLAMMER.growth_rate();
    assert!(late.meets(known - 0.7..known + 0.7), "{late:?}, not {known}");
    assert!(!late.meets(outcome.expected_seconds..outcome.expected_seconds));
}
