//! Detection rule: how far a worm has spread when so many sources were seen.
//!
//! A sensor that asks for S distinct sources of one content, and watches M
//! addresses, raises its alarm when about S/M of the vulnerable hosts are
//! infected, however fast the worm is: a host is seen once for every 2^32/M
//! scans, as it infects others once for every 2^32/V. [`detection_rule`] runs
//! the epidemic of a [`Preset`] and notes time and share; [`expected`] computes
//! the same from the differential equations, without any chance.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::address_space::Prefix;
use crate::epidemic::Epidemic;
use crate::error::CorpusError;
use crate::presets::Preset;
use crate::rng::Rng;

/// When the last of the asked sources was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleOutcome {
    /// Share of the vulnerable hosts infected at that moment, 0 to 1, by seed.
    pub infected_share: Vec<f64>,
    /// Seconds since the epidemic's start, by seed.
    pub seconds: Vec<f64>,
    /// Hosts that could be infected.
    pub population: u32,
    /// The share by the equations.
    pub expected_share: f64,
    /// The seconds by the equations. Chance makes the first infections of a
    /// single host come later on average: by 0.58 growth times.
    pub expected_seconds: f64,
}

/// A mean and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    /// The mean of the values.
    pub mean: f64,
    /// Half the width of its 95 % confidence interval (Student's); infinite for
    /// fewer than two values.
    pub half_width: f64,
}

impl RuleOutcome {
    /// The mean share infected.
    pub fn mean_share(&self) -> Mean {
        Mean::of(&self.infected_share)
    }

    /// The mean time.
    pub fn mean_seconds(&self) -> Mean {
        Mean::of(&self.seconds)
    }
}

impl Mean {
    /// The mean of these values.
    pub fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count.max(1.0);
        if values.len() < 2 {
            return Self { mean, half_width: f64::INFINITY };
        }
        let freedom = count - 1.0;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let error = (squares / freedom / count).sqrt();
        Self { mean, half_width: student(freedom) * error }
    }

    /// Whether the interval reaches into this range.
    pub fn meets(&self, range: Range<f64>) -> bool {
        self.mean - self.half_width < range.end
            && self.mean + self.half_width > range.start
    }
}

/// The 97.5 % point of Student's distribution, by the first terms of its
/// expansion around the normal one: right to 0.3 % from five degrees of freedom.
fn student(freedom: f64) -> f64 {
    let z = 1.959_964_f64;
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    let third = 3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z;
    z + first / freedom + second / freedom.powi(2) + third / 384.0 / freedom.powi(3)
}

/// Runs the epidemic once a seed, seen from a network of `prefix_bits` leading
/// bits without any vulnerable host, until the scans of `sources` different
/// hosts have reached it. No packets are made.
///
/// # Errors
/// A prefix that is not of 1 to 32 bits; no sources or more than vulnerable hosts.
pub fn detection_rule(
    preset: &Preset,
    prefix_bits: u8,
    sources: u32,
    seeds: Range<u64>,
) -> Result<RuleOutcome, CorpusError> {
    if !(1..=32).contains(&prefix_bits) {
        let expected = format!("1 to 32, found {prefix_bits}");
        return Err(CorpusError::setting("prefix_bits", expected));
    }
    if !(1..=preset.population).contains(&sources) {
        let expected = format!("1 to {}, found {sources}", preset.population);
        return Err(CorpusError::setting("sources", expected));
    }
    let monitored = Prefix::new([44, 0, 0, 0].into(), prefix_bits);
    let settings = preset.epidemic(monitored);
    let expected = expected(preset, prefix_bits, sources);
    let mut outcome = RuleOutcome {
        infected_share: Vec::new(),
        seconds: Vec::new(),
        population: preset.population,
        expected_share: expected.share,
        expected_seconds: expected.seconds,
    };
    for seed in seeds {
        let mut epidemic = Epidemic::new(settings, 0, Rng::new(seed, "detection rule"))?;
        let mut seen = BTreeSet::new();
        while let Some(contact) = epidemic.next_contact() {
            seen.insert(contact.source);
            if seen.len() == sources as usize {
                let infected = epidemic.infections().len() as f64;
                outcome.infected_share.push(infected / f64::from(preset.population));
                outcome.seconds.push(contact.time_ns as f64 / 1e9);
                break;
            }
        }
    }
    Ok(outcome)
}

/// What the differential equations say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// Share of the vulnerable hosts infected, 0 to 1.
    pub share: f64,
    /// Seconds since the start.
    pub seconds: f64,
}

/// The same from the susceptible-infected model without chance: i' = b i (1 -
/// i/V) for the infected and u' = i' - r u M/2^32 for those not yet seen, until
/// i - u has reached `sources`. A local preference is not in it.
pub fn expected(preset: &Preset, prefix_bits: u8, sources: u32) -> Expected {
    let population = f64::from(preset.population);
    let sources = f64::from(sources).min(population);
    let growth = preset.growth_rate();
    let watched = (1u64 << (32 - u32::from(prefix_bits.min(32)))) as f64;
    let seen = preset.scan_rate * watched / (1u64 << 32) as f64;
    let slope = |[infected, unseen]: [f64; 2]| {
        let new = growth * infected * (1.0 - infected / population);
        [new, new - seen * unseen]
    };
    // Runge and Kutta's method of fourth order, in steps that change nothing by
    // more than 0.2 %. Near the end of the population only what is unseen moves.
    let step = 0.002 / growth.max(seen);
    let mut state = [f64::from(preset.first_infected); 2];
    let mut seconds = 0.0;
    // Half a host unseen will do: the last one is waited for in vain.
    while state[0] - state[1] < sources.min(population - 0.5) {
        let add = |slope: [f64; 2], by: f64| {
            [state[0] + slope[0] * by, state[1] + slope[1] * by]
        };
        let a = slope(state);
        let b = slope(add(a, step / 2.0));
        let c = slope(add(b, step / 2.0));
        let d = slope(add(c, step));
        for which in 0..2 {
            let sum = a[which] + 2.0 * (b[which] + c[which]) + d[which];
            state[which] += sum * step / 6.0;
        }
        seconds += step;
    }
    Expected { share: state[0] / population, seconds }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presets::{CODE_RED, SLAMMER};

    #[test]
    fn the_equations_agree_with_their_closed_form() {
        // While hardly any host is infected: i = e^(b t), and of those a share
        // of m / (m + b) has been seen, less what decays as e^(-m t).
        let growth = SLAMMER.growth_rate();
        let seen = SLAMMER.scan_rate / 65_536.0;
        let Expected { share, seconds } = expected(&SLAMMER, 16, 30);
        let infected = (growth * seconds).exp();
        assert!((share * 75_000.0 / infected - 1.0).abs() < 0.005);
        let unseen =
            (growth * infected + seen * (-seen * seconds).exp()) / (growth + seen);
        assert!((infected - unseen - 30.0).abs() < 0.3, "{}", infected - unseen);
    }

    #[test]
    fn the_share_does_not_depend_on_the_scan_rate() {
        let fast = Preset { scan_rate: 10.0 * CODE_RED.scan_rate, ..CODE_RED };
        let [slow, fast] = [&CODE_RED, &fast].map(|preset| expected(preset, 20, 30));
        assert!((slow.share / fast.share - 1.0).abs() < 1e-9);
        assert!((slow.seconds / fast.seconds - 10.0).abs() < 1e-6);
    }

    #[test]
    fn students_distribution_is_close_to_its_tables() {
        for (freedom, value) in [(5.0, 2.571), (9.0, 2.262), (19.0, 2.093), (99.0, 1.984)]
        {
            assert!((student(freedom) / value - 1.0).abs() < 0.003, "{freedom}");
        }
    }

    #[test]
    fn impossible_questions_are_refused() {
        for (bits, sources) in [(0, 30), (33, 30), (16, 0), (16, 75_001)] {
            assert!(detection_rule(&SLAMMER, bits, sources, 0..1).is_err());
        }
    }
}
