//! How fast a content's hosts grew.

use crate::packet::Timestamp;

/// Exponential growth, as fitted: after t seconds exp(`rate_per_second` t) times as many
/// hosts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// Slope of ln(hosts) over seconds.
    pub rate_per_second: f64,
    /// ln 2 / `rate_per_second`.
    pub doubling_seconds: f64,
    /// Of `rate_per_second`. It takes deviations as independent, which those of a running
    /// count are not: it tells a good fit from a bad one, and is no confidence interval.
    pub standard_error: f64,
    /// Distinct times that the line was laid through.
    pub points: u64,
}

/// Fewer distinct times than this say nothing of a line's slope and scatter.
const LEAST_POINTS: usize = 4;

impl Growth {
    /// Ordinary least squares of ln(hosts so far) over seconds, hosts of one time as one
    /// point; `times`, in order, are those at which hosts began to send. The early phase
    /// of an epidemic is a line there, and one that has reached most of its hosts bends
    /// below it. `None` of fewer than four distinct times.
    pub fn fit(times: &[Timestamp]) -> Option<Self> {
        let first = times.first()?.as_nanos();
        let points: Vec<(f64, f64)> = (1..=times.len())
            .filter(|n| times.get(*n) != Some(&times[n - 1]))
            .map(|n| {
                let seconds = (times[n - 1].as_nanos() - first) as f64 / 1e9;
                (seconds, (n as f64).ln())
            })
            .collect();
        if points.len() < LEAST_POINTS {
            return None;
        }
        let n = points.len() as f64;
        let x = points.iter().map(|point| point.0).sum::<f64>() / n;
        let y = points.iter().map(|point| point.1).sum::<f64>() / n;
        let sum = |f: fn(f64, f64) -> f64| -> f64 {
            points.iter().map(|point| f(point.0 - x, point.1 - y)).sum()
        };
        let (xx, xy, yy) = (sum(|x, _| x * x), sum(|x, y| x * y), sum(|_, y| y * y));
        let rate = xy / xx;
        // Rounding may leave a perfect fit just below zero.
        let scatter = (yy - rate * xy).max(0.0) / (n - 2.0);
        Some(Self {
            rate_per_second: rate,
            doubling_seconds: std::f64::consts::LN_2 / rate,
            standard_error: (scatter / xx).sqrt(),
            points: points.len() as u64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn a_doubling_count_is_fitted_exactly() {
        // 1, 2, 4, ... 32 hosts at 0, 10, 20, ... seconds.
        let mut times = vec![at(0)];
        for step in 1..=5 {
            times.extend(vec![at(10 * step); 1 << (step - 1)]);
        }
        let fit = Growth::fit(&times).unwrap();
        assert_eq!(fit.points, 6);
        assert!((fit.doubling_seconds - 10.0).abs() < 1e-9, "{fit:?}");
        assert!(fit.standard_error < 1e-6, "{fit:?}");
    }

    #[test]
    fn the_fit_is_the_textbooks() {
        // Through (0, 0), (1, ln 2), (2, ln 3), (3, ln 4), by hand: the sum of
        // (x - 1.5) y is 1.5 ln 4 + 0.5 ln 3 - 0.5 ln 2 = 2.2821740, and of squares 5.
        let fit = Growth::fit(&[at(5), at(6), at(7), at(8)]).unwrap();
        assert!((fit.rate_per_second - 0.456_434_8).abs() < 1e-6, "{fit:?}");
        // The standard error from the residuals one by one.
        let (rate, middle) = (fit.rate_per_second, 24_f64.ln() / 4.0);
        let residuals: f64 = (0..4)
            .map(|i| {
                let x = f64::from(i);
                ((x + 1.0).ln() - middle - rate * (x - 1.5)).powi(2)
            })
            .sum();
        let expected = (residuals / 2.0 / 5.0).sqrt();
        assert!((fit.standard_error - expected).abs() < 1e-12, "{fit:?}");
    }

    #[test]
    fn too_few_times_or_all_at_once_give_no_fit() {
        assert_eq!(Growth::fit(&[]), None);
        assert_eq!(Growth::fit(&[at(1), at(2), at(3)]), None);
        assert_eq!(Growth::fit(&[at(1); 100]), None);
        let mut three = vec![at(1); 50];
        three.extend([at(2), at(2), at(3)]);
        assert_eq!(Growth::fit(&three), None);
        assert!(
            Growth::fit(&[at(0), at(1), at(2), Timestamp::from_nanos(u64::MAX)])
                .is_some()
        );
    }
}
