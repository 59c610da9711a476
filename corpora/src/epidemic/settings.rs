//! Settings of an epidemic.

use std::time::Duration;

use crate::address_space::AddressSpace;
use crate::error::CorpusError;

/// What an epidemic starts from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpidemicSettings {
    /// Who is scanned and where the tap is.
    pub space: AddressSpace,
    /// Vulnerable hosts behind the tap; at most half of the addresses there. 0
    /// makes it a telescope.
    pub vulnerable_inside: u32,
    /// Vulnerable hosts elsewhere; at most half of the addresses there, at
    /// least one.
    pub vulnerable_outside: u32,
    /// Hosts infected at the start, all outside; at least one.
    pub first_infected: u32,
    /// Mean scans a second of one infected host.
    pub scan_rate: f64,
    /// From a host's infection to its first scan.
    pub latency: Duration,
    /// Which share of the scans stays near the scanner.
    pub local: LocalPreference,
    /// So many vulnerable hosts, drawn from both sides, are on a list that the
    /// worm brings with it. All scanners share it: each scan goes to the next
    /// host on the list until it is used up, only then are addresses drawn. At
    /// most all vulnerable hosts but the first infected.
    pub hit_list: u32,
    /// How likely a scan that finds a vulnerable host infects it, above 0, at
    /// most 1: a worm that guesses passwords mostly fails. Scans of listed hosts
    /// always succeed.
    pub infection_chance: f64,
    /// Whether the tap sees every scan, and not only those from one side to the other.
    pub sees_all: bool,
}

/// 600 vulnerable hosts in the default space, 100 of them inside, one infected,
/// four scans a second, nothing local, no list.
impl Default for EpidemicSettings {
    fn default() -> Self {
        Self {
            space: AddressSpace::default(),
            vulnerable_inside: 100,
            vulnerable_outside: 500,
            first_infected: 1,
            scan_rate: 4.0,
            latency: Duration::from_secs(1),
            local: LocalPreference::default(),
            hit_list: 0,
            infection_chance: 1.0,
            sees_all: false,
        }
    }
}

/// Shares of a host's scans, 0 or more each and less than 1 together. The rest
/// goes anywhere in the scanned space; so does a share whose network would be
/// larger than that.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LocalPreference {
    /// To addresses drawn evenly from the scanner's own /8.
    pub same_8: f64,
    /// From its own /16.
    pub same_16: f64,
    /// From its own /24.
    pub same_24: f64,
}

impl LocalPreference {
    /// (leading bits, share) of each network, the whole space first.
    pub(super) fn levels(self) -> [(u8, f64); 4] {
        let Self { same_8, same_16, same_24 } = self;
        let rest = (1.0 - same_8 - same_16 - same_24).max(0.0);
        [(0, rest), (8, same_8), (16, same_16), (24, same_24)]
    }

    fn validate(self) -> Result<(), CorpusError> {
        let Self { same_8, same_16, same_24 } = self;
        let shares = [same_8, same_16, same_24, same_8 + same_16 + same_24];
        // Without a rest it might never cross the tap.
        if shares.iter().all(|share| (0.0..1.0).contains(share)) {
            return Ok(());
        }
        let expected = format!("shares that leave a rest, found {self:?}");
        Err(CorpusError::setting("local", expected))
    }
}

impl EpidemicSettings {
    /// Vulnerable hosts on both sides.
    pub fn vulnerable(&self) -> u64 {
        u64::from(self.vulnerable_inside) + u64::from(self.vulnerable_outside)
    }

    pub(super) fn validate(&self) -> Result<(), CorpusError> {
        let space = self.space;
        space.validate()?;
        self.local.validate()?;
        let half = |size: u64| u32::try_from(size / 2).unwrap_or(u32::MAX);
        let fits = |name, count: u32, least: u32, most: u32| {
            if (least..=most).contains(&count) {
                return Ok(());
            }
            Err(CorpusError::setting(name, format!("{least} to {most}, found {count}")))
        };
        fits("vulnerable_inside", self.vulnerable_inside, 0, half(space.inside.size()))?;
        let outside = half(space.outside_size());
        fits("vulnerable_outside", self.vulnerable_outside, 1, outside)?;
        fits("first_infected", self.first_infected, 1, self.vulnerable_outside)?;
        let others = self.vulnerable() - u64::from(self.first_infected);
        let others = u32::try_from(others).unwrap_or(u32::MAX);
        fits("hit_list", self.hit_list, 0, others)?;
        if !(self.infection_chance > 0.0 && self.infection_chance <= 1.0) {
            let expected = format!("above 0, at most 1, found {}", self.infection_chance);
            return Err(CorpusError::setting("infection_chance", expected));
        }
        if self.scan_rate.is_finite() && self.scan_rate > 0.0 {
            return Ok(());
        }
        let expected = format!("a number above 0, found {}", self.scan_rate);
        Err(CorpusError::setting("scan_rate", expected))
    }
}
