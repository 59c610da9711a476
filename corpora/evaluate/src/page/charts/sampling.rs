//! Chart of the share of contents that value sampling tracks, with its formula.

use crate::page::plot::{Axis, Plot, Shape};
use crate::page::scale::Scale;
use crate::results::SamplingPoint;
use maud::{Markup, html};
use wormsift_export::html::number::percent;

/// The curve of the formula, and the shares measured.
pub(in crate::page) fn draw(points: &[SamplingPoint]) -> Markup {
    let mut points = points.to_vec();
    points.sort_by_key(|point| point.length);
    let longest = points.last().map_or(1, |point| point.length) as f64;
    let plot = Plot {
        x: Axis::numbers(
            Scale::linear(0.0, longest, 8),
            "length of the invariant, bytes",
            8,
        ),
        y: Axis::shares("share tracked"),
        width: 480.0,
        height: 270.0,
    };
    let whiskers: Vec<_> =
        points.iter().map(|p| [p.length as f64, p.interval[0], p.interval[1]]).collect();
    let marks: Vec<_> = points.iter().map(|p| [p.length as f64, p.tracked]).collect();
    let drawn = html! {
        (plot.lines("line front", [&curve(&points)[..]]))
        (plot.whiskers("line whisker dispersion", &whiskers))
        (plot.marks("mark dispersion", Shape::Circle, 3.5, &marks))
    };
    plot.draw("Sampling against the formula", &description(&points), &drawn)
}

/// The formula between the points: what is missed falls by one factor a byte.
fn curve(points: &[SamplingPoint]) -> Vec<Option<[f64; 2]>> {
    const STEPS: u32 = 16;
    let mut curve = Vec::new();
    for pair in points.windows(2) {
        let [from, to] = [pair[0], pair[1]];
        let missed = [1.0 - from.expected, 1.0 - to.expected];
        for step in 0..STEPS {
            let way = f64::from(step) / f64::from(STEPS);
            let x = from.length as f64 + way * (to.length as f64 - from.length as f64);
            let y = if missed[0] > 0.0 && missed[1] > 0.0 {
                1.0 - missed[0] * (missed[1] / missed[0]).powf(way)
            } else {
                from.expected + way * (to.expected - from.expected)
            };
            curve.push(Some([x, y]));
        }
    }
    curve.extend(points.last().map(|p| Some([p.length as f64, p.expected])));
    curve
}

/// Points whose interval holds the formula's value.
pub(in crate::page) fn within(points: &[SamplingPoint]) -> usize {
    let holds =
        |p: &&SamplingPoint| p.interval[0] <= p.expected && p.expected <= p.interval[1];
    points.iter().filter(holds).count()
}

fn description(points: &[SamplingPoint]) -> String {
    let ends = match points {
        [first, .., last] => format!(
            " From {} tracked at {} bytes to {} at {} bytes.",
            percent(first.tracked),
            first.length,
            percent(last.tracked),
            last.length
        ),
        _ => String::new(),
    };
    format!(
        "Share of invariants tracked against their length: measured with 95 % intervals, \
         over the formula's curve.{ends} {} of {} intervals hold the formula's value.",
        within(points),
        points.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_between_points_is_the_formula() {
        let formula = |x: f64| 1.0 - (1.0f64 - 1.0 / 64.0).powf(x - 39.0);
        let point = |length: usize| SamplingPoint {
            length,
            expected: formula(length as f64),
            ..SamplingPoint::default()
        };
        let curve = curve(&[point(40), point(100), point(400)]);
        assert_eq!(curve.len(), 33);
        for [x, y] in curve.into_iter().flatten() {
            assert!((y - formula(x)).abs() < 1e-9, "{x} {y}");
        }
    }
}
