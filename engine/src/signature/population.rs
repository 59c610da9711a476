//! How many addresses sent a content, and how many hosts that may be.
//!
//! Addresses are what was seen. Hosts are not: where addresses change (DHCP) one host has
//! several in turn, and behind a translator (NAT) several hosts share one. So hosts are a
//! range.
//!
//! - `low`, the greatest number of addresses active within ten minutes, errs downwards: few
//!   hosts are active all the time. It is above the truth only where hosts changed their
//!   address inside those ten minutes. Under NAT it is never above it.
//! - `high`, all addresses, as an estimate three standard errors more, errs upwards under
//!   changes of address, and downwards under NAT.
//! - Where it is known for how long hosts keep an address, both and an estimate between them
//!   are by CARDCount (Böck, Levin, Padmanabhan, Doerr, Mühlhäuser, NDSS 2023): of U addresses
//!   within a time W, and durations D for which hosts kept one,
//!
//!   ```text
//!   hosts = U mean(D W / (D + W)) / W
//!   ```
//!
//!   with the middle 95 % of 1,000 bootstrap means as its interval.
//!
//! Costs: a bootstrap of at most a million additions, and only where durations are given.
//! Nothing here says that a host is infected: it is known that an address sent the content.

use crate::detect::count::{Count, Precision};
use crate::detect::population::AddressCounter;
use crate::sketch::{hash_word, reduce};
use crate::time::Span;

/// The addresses that sent a content. See the module's text on what they say of hosts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Population {
    /// How many addresses sent it: exact to 128, then with a standard error of 1.6 %.
    pub addresses: Count,
    /// The greatest number within one hour of packet time: exact to 128, then 2.3 %.
    pub addresses_hour_peak: u32,
    /// How many there were within the hour of the latest sighting, likewise.
    pub addresses_now: u32,
    /// How many hosts that may be.
    pub hosts: HostRange,
}

/// Between which numbers that of hosts lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostRange {
    /// As many at least.
    pub low: u32,
    /// The most likely, where there is an estimate.
    pub estimate: Option<u32>,
    /// As many at most, unless hosts share addresses, or some addresses are not counted.
    pub high: u32,
    /// What it rests on.
    pub method: HostRangeMethod,
}

/// What a range of hosts rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostRangeMethod {
    /// The greatest number of addresses within ten minutes, and all addresses.
    #[default]
    Window,
    /// Durations for which hosts keep an address.
    Cardcount,
}

impl HostRangeMethod {
    /// Every method.
    pub const ALL: [Self; 2] = [Self::Window, Self::Cardcount];

    /// The name used in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Window => "window",
            Self::Cardcount => "cardcount",
        }
    }
}

/// Means that the bootstrap draws, as in the published code.
const DRAWS: usize = 1_000;
/// With so many durations the distribution of their mean is normal, and nothing is drawn.
const NORMAL: usize = 1_000;
/// Of the middle 95 %, to each side, in standard errors.
const TO_EACH_SIDE: f64 = 1.96;
/// Standard error of the number of addresses, where it is an estimate: 1.04 / sqrt(4,096).
const ADDRESS_ERROR: f64 = 0.01625;
/// Standard errors by which the greatest number of hosts is taken higher.
const CAUTION: f64 = 3.0;
/// The bootstrap draws the same in every run.
const SEED: u64 = 0x6361_7264_636f_756e;

impl Population {
    /// The figures of a counter; `addresses` is how many there are by all that is known.
    pub(super) fn of(counter: &AddressCounter, addresses: Count) -> Self {
        let number = addresses.number;
        let more = 1.0 + CAUTION * error_of(addresses);
        let high = (f64::from(number) * more).ceil() as u32;
        let low = counter.window_peak().min(high);
        let method = HostRangeMethod::Window;
        Self {
            addresses,
            addresses_hour_peak: counter.hour_peak().min(number),
            addresses_now: counter.now().min(number),
            hosts: HostRange { low, estimate: None, high, method },
        }
    }

    /// Itself, where copies of the content may have been missed.
    pub(super) fn at_least(self) -> Self {
        Self { addresses: Count::at_least(self.addresses.number), ..self }
    }

    /// Itself with the estimate by durations, in seconds, for which hosts kept an address
    /// that was in use at some time within the `window` in which the addresses were seen.
    ///
    /// Each duration is a whole one, also where it begins before the window or ends after
    /// it. Such ones are long more often than all durations are, in proportion D + W, and
    /// with these the formula is exact whatever their distribution: its mean is then
    /// W mean(D) / (mean(D) + W), and hosts change their address 1 / mean(D) times a second.
    ///
    /// Unchanged without a duration above zero, or a window. The interval is wider by two
    /// standard errors of the number of addresses, where that is an estimate, and never wider
    /// than the range without durations.
    pub fn with_durations(self, durations: &[f64], window: Span) -> Self {
        let window = window.as_secs_f64();
        let shares: Vec<f64> = durations
            .iter()
            .filter(|kept| kept.is_finite() && **kept > 0.0)
            .map(|kept| kept / (kept + window))
            .collect();
        if shares.is_empty() || window <= 0.0 {
            return self;
        }
        let [least, mean, most] = bootstrapped(&shares);
        let error = 2.0 * error_of(self.addresses);
        let HostRange { low, high, .. } = self.hosts;
        let hosts = |share: f64| {
            let hosts = f64::from(self.addresses.number) * share;
            (hosts.round() as u32).clamp(low.min(high), high)
        };
        let hosts = HostRange {
            low: hosts(least * (1.0 - error)),
            estimate: Some(hosts(mean)),
            high: hosts(most * (1.0 + error)),
            method: HostRangeMethod::Cardcount,
        };
        Self { hosts, ..self }
    }
}

/// The standard error of a number of addresses, as a share of it.
fn error_of(addresses: Count) -> f64 {
    match addresses.precision {
        Precision::Exact => 0.0,
        Precision::About | Precision::AtLeast => ADDRESS_ERROR,
    }
}

/// The mean, between the ends of the middle 95 % of bootstrap means (Efron 1979).
fn bootstrapped(values: &[f64]) -> [f64; 3] {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    if values.len() >= NORMAL {
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let error = TO_EACH_SIDE * (squares / count).sqrt() / count.sqrt();
        return [mean - error, mean, mean + error];
    }
    let mut draws = 0_u64;
    let mut draw = || {
        draws += 1;
        values[reduce(hash_word(draws, SEED), values.len())]
    };
    let mut means: Vec<f64> =
        (0..DRAWS).map(|_| values.iter().map(|_| draw()).sum::<f64>() / count).collect();
    means.sort_unstable_by(f64::total_cmp);
    [means[DRAWS / 40], mean, means[DRAWS - 1 - DRAWS / 40]]
}

#[cfg(test)]
mod tests;
