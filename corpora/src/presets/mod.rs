//! Known worms, with their published figures.
//!
//! A [`Preset`] is a set of numbers: how many hosts, how fast, over which ports, in packets
//! of which length. Its bytes are random and from the seed. Each is also a scenario: a
//! monitored network, none of whose hosts is vulnerable, is scanned by the worm from the
//! whole Internet ([`crate::epidemic`]). Over TCP every address of that network accepts the
//! connection, as sensors do that answer for unused addresses.
//!
//! What is simplified: all hosts of one worm scan at one rate, from their infection to the
//! end; vulnerable hosts are spread evenly over the whole IPv4 space.

mod attack;
mod figures;
mod scenarios;

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::address_space::{AddressSpace, Prefix};
use crate::body::{Body, Piece};
use crate::epidemic::{EpidemicSettings, LocalPreference};
use crate::rng::Rng;

pub use figures::{BLASTER, CODE_RED, MIRAI, SASSER, SLAMMER, WITTY};
pub(crate) use scenarios::SCENARIOS;

/// All presets, in the order of their years.
pub const PRESETS: [&Preset; 6] =
    [&CODE_RED, &SLAMMER, &BLASTER, &WITTY, &SASSER, &MIRAI];

/// The figures of one worm.
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    /// The name of its scenario.
    pub name: &'static str,
    /// Hosts that could be infected.
    pub population: u32,
    /// Hosts infected at the start.
    pub first_infected: u32,
    /// Mean scans a second of an infected host.
    pub scan_rate: f64,
    /// See [`EpidemicSettings::infection_chance`].
    pub infection_chance: f64,
    /// Which share of the scans stays near the scanner.
    pub local: LocalPreference,
    /// How it goes from host to host.
    pub attack: AttackKind,
    /// Bytes that every copy shares.
    pub invariant: usize,
    /// Random bytes after them, so many in each copy.
    pub padding: RangeInclusive<usize>,
}

/// How a worm goes from host to host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttackKind {
    /// In one UDP packet.
    Udp {
        /// The port that it is sent from; `None` for a random one.
        source_port: Option<u16>,
        /// The port that it is sent to; `None` for a random one.
        destination_port: Option<u16>,
    },
    /// Over one TCP connection to this port, in full segments.
    Tcp {
        /// The port.
        port: u16,
    },
    /// By guessing a name and a password in a terminal session, and one short
    /// command after that; nine in ten go to the first port.
    Login {
        /// The two ports.
        ports: [u16; 2],
    },
}

impl Preset {
    /// The preset of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PRESETS.into_iter().find(|preset| preset.name == name)
    }

    /// Its epidemic over the whole IPv4 space, seen from a network without any
    /// vulnerable host.
    pub fn epidemic(&self, monitored: Prefix) -> EpidemicSettings {
        EpidemicSettings {
            space: AddressSpace {
                scanned: Prefix::new([0, 0, 0, 0].into(), 0),
                inside: monitored,
            },
            vulnerable_inside: 0,
            vulnerable_outside: self.population,
            first_infected: self.first_infected,
            scan_rate: self.scan_rate,
            latency: Duration::ZERO,
            local: self.local,
            hit_list: 0,
            infection_chance: self.infection_chance,
            sees_all: false,
        }
    }

    /// New infections a second of one infected host while hardly any host is
    /// infected.
    pub fn growth_rate(&self) -> f64 {
        let found = f64::from(self.population) / (1u64 << 32) as f64;
        self.scan_rate * self.infection_chance * found
    }

    /// The bytes of this seed: what every copy shares, and no padding yet.
    pub(crate) fn body(&self, seed: u64) -> Body {
        let mut bytes = Vec::new();
        Rng::new(seed, self.name).append(self.invariant, &mut bytes);
        Body::new(vec![Piece::Invariant(bytes)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_their_presets() {
        for preset in PRESETS {
            assert_eq!(Preset::named(preset.name), Some(preset));
        }
        assert_eq!(Preset::named("morris"), None);
    }

    #[test]
    fn doubling_times_are_those_of_the_literature() {
        // Seconds, and how far the figures may be from them: Slammer's measured
        // rate and population do not give its measured doubling time exactly.
        let minutes = |minutes: f64| minutes * 60.0;
        for (preset, seconds, tolerance) in [
            (&SLAMMER, 8.5, 0.20),
            (&CODE_RED, minutes(37.0), 0.02),
            (&MIRAI, minutes(75.5), 0.02),
        ] {
            let doubling = std::f64::consts::LN_2 / preset.growth_rate();
            let off = doubling / seconds - 1.0;
            assert!(off.abs() < tolerance, "{}: {off}", preset.name);
        }
    }
}
