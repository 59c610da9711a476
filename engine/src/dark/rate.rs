//! Rates over all of IPv4, extrapolated from what a dark network shows.
//!
//! Who sends to addresses at random sends a packet to a dark one with the probability n / 2^32,
//! n being their number; so packets seen are a Poisson process, and what is sent is what is seen
//! times 2^32 / n (Moore, Voelker, Savage 2001, section 3). Of k packets from the first to the
//! last, k - 1 gaps took that time, so the rate's interval is that of a gamma variable: exact
//! for any k. There is no such rate for IPv6.

use crate::state::persist;
use crate::time::Span;

/// An estimate with its 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interval {
    /// 2.5 % of the time the truth is below.
    pub low: f64,
    /// The estimate.
    pub estimate: f64,
    /// 2.5 % of the time the truth is above.
    pub high: f64,
}

/// How much of IPv4 is dark.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    addresses: f64,
}

/// The shortest time that a rate is measured over.
const SHORTEST: Span = Span::from_secs(1);

impl Extent {
    /// Of so many IPv4 addresses.
    pub(super) fn of(addresses: u64) -> Self {
        Self { addresses: addresses as f64 }
    }

    /// Whether any IPv4 address is dark.
    pub(super) fn is_some(self) -> bool {
        self.addresses > 0.0
    }

    fn share(self) -> f64 {
        self.addresses / 2.0_f64.powi(32)
    }

    /// Packets a second over all of IPv4 of what showed `packets` from the first to the last,
    /// `span` later.
    pub(super) fn rate(self, packets: u64, span: Span) -> Option<Interval> {
        let gaps = packets.checked_sub(1).filter(|gaps| *gaps > 0)? as f64;
        let seconds = span.max(SHORTEST).0 as f64 / 1e9;
        let per = |gaps: f64| gaps / (seconds * self.share());
        (self.addresses > 0.0).then(|| Interval {
            low: per(chi_square(2.0 * gaps, -Z) / 2.0),
            estimate: per(gaps),
            high: per(chi_square(2.0 * gaps, Z) / 2.0),
        })
    }

    /// The share of all IPv4 addresses that were reached, of `reached` dark ones.
    pub(super) fn coverage(self, reached: u64) -> Option<Interval> {
        let reached = reached as f64;
        let of = |count: f64| (count / self.addresses).min(1.0);
        (self.addresses > 0.0 && reached > 0.0).then(|| Interval {
            low: of(chi_square(2.0 * reached, -Z) / 2.0),
            estimate: of(reached),
            high: of(chi_square(2.0 * (reached + 1.0), Z) / 2.0),
        })
    }

    /// A rate over all of IPv4 in packets a second, of `packets` in a minute.
    pub(super) fn of_minute(self, packets: u32) -> f64 {
        f64::from(packets) / (60.0 * self.share())
    }

    /// The silence that a sender of `rate` packets a second shows in 5 % of cases:
    /// exp(-3) = 0.05.
    pub(super) fn silence(self, rate: f64) -> Span {
        let [least, most] = super::SILENCE;
        let seconds = 3.0 / (rate * self.share());
        // Too long a time saturates.
        Span((seconds * 1e9) as u64).clamp(least, most)
    }
}

/// The standard normal deviate of 97.5 %.
const Z: f64 = 1.959_963_985;

/// The quantile of a chi-square variable at the normal deviate `z` (Wilson, Hilferty 1931):
/// within 0.5 % from 18 degrees of freedom on.
fn chi_square(freedom: f64, z: f64) -> f64 {
    let width = 2.0 / (9.0 * freedom);
    freedom * (1.0 - width + z * width.sqrt()).max(0.0).powi(3)
}

persist!(Extent { addresses });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        // Abramowitz, Stegun, table 26.8.
        for (freedom, low, high) in
            [(20.0, 9.591, 34.170), (50.0, 32.357, 71.420), (100.0, 74.222, 129.561)]
        {
            assert!((chi_square(freedom, -Z) / low - 1.0).abs() < 0.005, "{freedom}");
            assert!((chi_square(freedom, Z) / high - 1.0).abs() < 0.005, "{freedom}");
        }
    }

    #[test]
    fn a_rate_is_that_of_all_addresses() {
        let extent = Extent::of(65_536);
        let rate = extent.rate(101, Span::from_secs(100)).unwrap();
        assert!((rate.estimate - 65_536.0).abs() < 1e-6);
        assert!(rate.low < 0.83 * rate.estimate && rate.low > 0.80 * rate.estimate);
        assert!(rate.high > 1.19 * rate.estimate && rate.high < 1.22 * rate.estimate);
        assert_eq!(extent.rate(1, Span::from_secs(100)), None);
        let half = extent.coverage(32_768).unwrap();
        assert!((half.estimate - 0.5).abs() < 1e-9 && half.low < 0.5 && half.high < 0.51);
        assert_eq!(extent.coverage(70_000).unwrap().high, 1.0);
        // 10 packets a second: one in 6,554 s.
        assert_eq!(extent.silence(10.0).0 / 1_000_000_000, 19_660);
        let none = Extent::of(0);
        assert!(none.rate(101, Span::from_secs(100)).is_none());
    }
}
