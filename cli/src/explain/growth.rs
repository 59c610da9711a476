//! How did it grow?

use crate::table::{counted, grouped, moment};
use crate::talk::{Paint, Palette};
use serde::Serialize;
use std::fmt::Write as _;
use wormsift::packet::Timestamp;

/// Lines of the drawing.
const STEPS: u64 = 12;
/// Columns of its longest bar.
const WIDTH: usize = 48;

/// How many hosts had begun to send at some time.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Point {
    pub(super) time: String,
    pub(super) hosts: u64,
}

/// The count at the end of each of twelve equal steps; fewer where times are few.
pub(super) fn points(times: &[Timestamp]) -> Vec<Point> {
    steps(times)
        .into_iter()
        .map(|(time, hosts)| Point { time: time.to_string(), hosts })
        .collect()
}

fn steps(times: &[Timestamp]) -> Vec<(Timestamp, u64)> {
    let (Some(first), Some(last)) = (times.first(), times.last()) else {
        return Vec::new();
    };
    let span = last.as_nanos() - first.as_nanos();
    let many = STEPS.min(span.max(1));
    (1..=many)
        .map(|step| {
            // 128 bits: a span may take all 64.
            let part = (u128::from(span) * u128::from(step) / u128::from(many)) as u64;
            let end = Timestamp::from_nanos(first.as_nanos() + part);
            (end, times.partition_point(|time| *time <= end) as u64)
        })
        .collect()
}

/// Exponential growth, as fitted: after t seconds exp(`rate_per_second` t) times as many
/// hosts.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Fit {
    rate_per_second: f64,
    /// ln 2 / `rate_per_second`.
    doubling_seconds: f64,
    /// Of `rate_per_second`. It takes deviations as independent, which those of a running
    /// count are not: it tells a good fit from a bad one, and is no confidence interval.
    standard_error: f64,
    /// Distinct times that the line was laid through.
    points: usize,
}

/// Fewer distinct times than this say nothing of a line's slope and scatter.
const LEAST_POINTS: usize = 4;

/// Ordinary least squares of ln(hosts so far) over seconds, hosts of one time as one
/// point: the early phase of an epidemic is a line there, and one that has reached most
/// of its hosts bends below it. `None` of fewer than four distinct times.
pub(super) fn fit(times: &[Timestamp]) -> Option<Fit> {
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
    Some(Fit {
        rate_per_second: rate,
        doubling_seconds: std::f64::consts::LN_2 / rate,
        standard_error: (scatter / xx).sqrt(),
        points: points.len(),
    })
}

/// A bar a step. Nothing where nobody was seen to pass it on.
pub(super) fn write(text: &mut String, times: &[Timestamp], palette: Palette) {
    if times.is_empty() {
        return;
    }
    let all = times.len();
    let title = format!("growth: {} seen to send it", counted(all as u64, "host"));
    let _ = writeln!(text, "\n   {}", palette.paint(Paint::Bold, &title));
    for (time, hosts) in steps(times) {
        let bar = "#".repeat((hosts as usize * WIDTH).div_ceil(all));
        let _ = writeln!(text, "   {}  {:>7} {bar}", moment(time), grouped(hosts));
    }
    if let Some(line) = doubling(times) {
        let _ = writeln!(text, "   {line}");
    }
    if let Some(fit) = fit(times) {
        let _ = writeln!(
            text,
            "   least squares of ln(hosts): {:.3e} per second, standard error {:.1e}, \
             doubling in {:.1} s ({})",
            fit.rate_per_second,
            fit.standard_error,
            fit.doubling_seconds,
            counted(fit.points as u64, "point"),
        );
    }
}

/// How long the last doubling took that is not the first hosts' chance.
fn doubling(times: &[Timestamp]) -> Option<String> {
    let half = times.len() / 2;
    if half < 4 {
        return None;
    }
    let took = times[times.len() - 1].as_nanos() - times[half - 1].as_nanos();
    let seconds = took as f64 / 1e9;
    Some(format!("from {half} hosts to {} in {seconds:.1} s", times.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn each_step_counts_who_began_by_its_end() {
        let times: Vec<Timestamp> = (0..=24).map(at).collect();
        let counts: Vec<u64> = steps(&times).into_iter().map(|(_, n)| n).collect();
        assert_eq!(counts, (1..=12).map(|step| 2 * step + 1).collect::<Vec<u64>>());
        assert!(steps(&[]).is_empty());
        assert_eq!(steps(&[at(7), at(7)]), [(at(7), 2)]);
        let far = [Timestamp::from_nanos(0), Timestamp::from_nanos(u64::MAX)];
        assert_eq!(steps(&far).last(), Some(&(far[1], 2)));
    }

    #[test]
    fn a_doubling_is_told_of_enough_hosts_only() {
        assert_eq!(doubling(&[at(1), at(2), at(3)]), None);
        let times: Vec<Timestamp> = (1..=8).map(|n| at(n * n)).collect();
        assert_eq!(doubling(&times).as_deref(), Some("from 4 hosts to 8 in 48.0 s"));
    }

    #[test]
    fn a_doubling_count_is_fitted_exactly() {
        // 1, 2, 4, ... 32 hosts at 0, 10, 20, ... seconds.
        let mut times = vec![at(0)];
        for step in 1..=5 {
            times.extend(vec![at(10 * step); 1 << (step - 1)]);
        }
        let fit = fit(&times).unwrap();
        assert_eq!(fit.points, 6);
        assert!((fit.doubling_seconds - 10.0).abs() < 1e-9, "{fit:?}");
        assert!(fit.standard_error < 1e-6, "{fit:?}");
    }

    #[test]
    fn the_fit_is_the_textbooks() {
        // Through (0, 0), (1, ln 2), (2, ln 3), (3, ln 4), by hand: the sum of
        // (x - 1.5) y is 1.5 ln 4 + 0.5 ln 3 - 0.5 ln 2 = 2.2821740, and of squares 5.
        let fit = fit(&[at(5), at(6), at(7), at(8)]).unwrap();
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
        assert_eq!(fit(&[]), None);
        assert_eq!(fit(&[at(1), at(2), at(3)]), None);
        assert_eq!(fit(&[at(1); 100]), None);
        let mut three = vec![at(1); 50];
        three.extend([at(2), at(2), at(3)]);
        assert_eq!(fit(&three), None);
        assert!(fit(&[at(0), at(1), at(2), Timestamp::from_nanos(u64::MAX)]).is_some());
    }
}
