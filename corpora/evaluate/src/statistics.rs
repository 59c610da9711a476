//! Confidence intervals of means and shares.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// A quantity over several runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Estimate {
    /// Runs that have a value.
    pub(crate) count: u64,
    /// Mean.
    pub(crate) mean: f64,
    /// 95 % interval of the mean (Student).
    pub(crate) interval: [f64; 2],
    /// Median.
    pub(crate) median: f64,
    /// Least and greatest.
    pub(crate) range: [f64; 2],
}

/// Two-sided 95 % of the normal distribution.
const NORMAL: f64 = 1.959_964;

/// Two-sided 95 % of Student's distribution with this many degrees of freedom.
fn student(freedom: usize) -> f64 {
    StudentsT::new(0.0, 1.0, freedom as f64)
        .map_or(f64::INFINITY, |distribution| distribution.inverse_cdf(0.975))
}

/// Mean, its 95 % interval, median and range of numbers that are never negative. The
/// interval of one value is the value.
///
/// The interval is Student's on the scale of logarithms (delta method), so that it is
/// above zero like the mean itself.
pub(crate) fn estimate(values: impl IntoIterator<Item = f64>) -> Estimate {
    estimate_on(values, |mean, half| {
        let factor = (half / mean).exp();
        [mean / factor, mean * factor]
    })
}

/// The same of shares, which are from 0 to 1: on the scale of log odds.
pub(crate) fn estimate_of_shares(values: impl IntoIterator<Item = f64>) -> Estimate {
    estimate_on(values, |mean, half| {
        let factor = (half / (mean * (1.0 - mean))).exp();
        let odds = mean / (1.0 - mean);
        [odds / factor, odds * factor].map(|odds| match odds.is_finite() {
            true => odds / (1.0 + odds),
            false => 1.0,
        })
    })
}

/// With the interval that follows from the mean and half the width of Student's.
fn estimate_on(
    values: impl IntoIterator<Item = f64>,
    interval: fn(f64, f64) -> [f64; 2],
) -> Estimate {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let (Some(&least), Some(&most)) = (values.first(), values.last()) else {
        return Estimate::default();
    };
    let count = values.len();
    let mean = values.iter().sum::<f64>() / count as f64;
    let half = if count < 2 {
        0.0
    } else {
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (squares / (count - 1) as f64).sqrt();
        student(count - 1) * deviation / (count as f64).sqrt()
    };
    let median = (values[(count - 1) / 2] + values[count / 2]) / 2.0;
    Estimate {
        count: count as u64,
        mean,
        interval: if half > 0.0 { interval(mean, half) } else { [mean, mean] },
        median,
        range: [least, most],
    }
}

/// [`estimate`], or nothing where there are no values.
pub(crate) fn some_estimate(values: impl IntoIterator<Item = f64>) -> Option<Estimate> {
    Some(estimate(values)).filter(|estimate| estimate.count > 0)
}

/// [`estimate_of_shares`], or nothing where there are no values.
pub(crate) fn some_estimate_of_shares(
    values: impl IntoIterator<Item = f64>,
) -> Option<Estimate> {
    Some(estimate_of_shares(values)).filter(|estimate| estimate.count > 0)
}

/// The 95 % interval of a share (Wilson 1927); everything from 0 to 1 without trials.
pub(crate) fn share_interval(hits: u64, trials: u64) -> [f64; 2] {
    if trials == 0 {
        return [0.0, 1.0];
    }
    let (n, z2) = (trials as f64, NORMAL * NORMAL);
    let share = hits as f64 / n;
    let centre = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half =
        NORMAL / (1.0 + z2 / n) * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    [(centre - half).max(0.0), (centre + half).min(1.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 5e-4, "{found}, not {expected}");
    }

    #[test]
    fn intervals_are_those_of_the_textbooks() {
        let it = estimate([4.0, 2.0, 9.0, 5.0]);
        assert_eq!((it.count, it.mean, it.median, it.range), (4, 5.0, 4.5, [2.0, 9.0]));
        // s = 2.9439, t = 3.18245, half = 4.68447; exp(4.68447 / 5) = 2.55204.
        near(it.interval[0], 1.9592);
        near(it.interval[1], 12.7602);
        assert_eq!(estimate([7.0]).interval, [7.0, 7.0]);
        assert_eq!(estimate([]).count, 0);
        near(student(31), 2.0395);
        near(student(40), 2.0211);
        near(student(1_000), 1.9623);
    }

    #[test]
    fn no_interval_leaves_what_is_possible() {
        // Student's own would begin at -9.4 hosts.
        let hosts = estimate([1.0, 2.0, 40.0, 3.0]);
        let [low, high] = hosts.interval;
        assert!(0.0 < low && low < hosts.mean && hosts.mean < high, "{hosts:?}");
        assert_eq!(estimate([0.0, 0.0]).interval, [0.0, 0.0]);
        for shares in [[0.9, 1.0, 1.0], [0.0, 0.0, 0.4], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]]
        {
            let it = estimate_of_shares(shares);
            let [low, high] = it.interval;
            assert!(
                0.0 <= low && low <= it.mean && it.mean <= high && high <= 1.0,
                "{it:?}"
            );
        }
        // Near the middle, and with little scatter, it is Student's.
        let it = estimate_of_shares([0.50, 0.51, 0.49, 0.50]);
        near(it.interval[0], 0.4870);
        near(it.interval[1], 0.5130);
    }

    #[test]
    fn shares_keep_within_0_and_1() {
        let [low, high] = share_interval(20, 20);
        near(low, 0.8389);
        assert_eq!(high, 1.0);
        let [low, high] = share_interval(5, 10);
        near(low, 0.2366);
        near(high, 0.7634);
        assert_eq!(share_interval(0, 0), [0.0, 1.0]);
    }
}
