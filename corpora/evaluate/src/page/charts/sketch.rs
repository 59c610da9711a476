//! Scatter plot of the dispersion sketch's estimates against exact counts.

use crate::page::plot::{Axis, Plot, Shape};
use crate::page::scale::Scale;
use crate::results::SketchPoint;
use maud::{Markup, html};
use std::collections::BTreeMap;
use wormsift_export::html::number::{count, percent};

/// Estimates against exact counts; the diagonal is a perfect counter.
pub(in crate::page) fn draw(points: &[SketchPoint]) -> Markup {
    let most = points.iter().map(|p| p.exact.max(p.estimate)).max().unwrap_or(1);
    let most = f64::from(most.max(2));
    let axis = |name| Axis::numbers(Scale::counts(most, 200.0, 8), name, 8);
    let plot = Plot {
        x: axis("exact hosts"),
        y: axis("estimated hosts"),
        width: 460.0,
        height: 430.0,
    };
    let description = format!(
        "Estimated against exact numbers of hosts. {}",
        Agreement::of(points).in_words()
    );
    let drawn = html! {
        @for (shade, places) in binned(&plot, points) {
            (plot.marks(&format!("mark dispersion many{shade}"), Shape::Circle, 2.4, &places))
        }
        (plot.lines("line exact", [&[Some([0.0, 0.0]), Some([most, most])][..]]))
    };
    plot.draw("Sketch against exact counts", &description, &drawn)
}

/// Points that fall on the same few pixels are one mark, the fuller the more keys.
fn binned(plot: &Plot, points: &[SketchPoint]) -> BTreeMap<u32, Vec<[f64; 2]>> {
    const PIXELS: f64 = 3.0;
    let mut bins: BTreeMap<(i64, i64), ([f64; 2], u64)> = BTreeMap::new();
    for point in points {
        let values = [f64::from(point.exact), f64::from(point.estimate)];
        let [x, y] = plot.place(values).map(|place| (place / PIXELS).round() as i64);
        let bin = bins.entry((x, y)).or_insert((values, 0));
        bin.1 = bin.1.saturating_add(point.keys);
    }
    let mut shades: BTreeMap<u32, Vec<[f64; 2]>> = BTreeMap::new();
    for (place, keys) in bins.into_values() {
        shades.entry(keys.max(1).ilog10().min(3)).or_default().push(place);
    }
    shades
}

/// How well estimates and exact counts agree, over keys.
pub(in crate::page) struct Agreement {
    keys: f64,
    under: f64,
    near: f64,
    error: f64,
}

impl Agreement {
    pub(in crate::page) fn of(points: &[SketchPoint]) -> Self {
        let mut all = Self { keys: 0.0, under: 0.0, near: 0.0, error: 0.0 };
        for point in points.iter().filter(|point| point.exact > 0) {
            let (keys, exact) = (point.keys as f64, f64::from(point.exact));
            let error = (f64::from(point.estimate) - exact) / exact;
            all.keys += keys;
            all.under += if error < 0.0 { keys } else { 0.0 };
            all.near += if error.abs() <= 0.1 { keys } else { 0.0 };
            all.error += error.abs() * keys;
        }
        all
    }

    pub(in crate::page) fn in_words(&self) -> String {
        format!(
            "Of {} keys, {} are estimated within 10 % of the exact number and {} under it; \
             the mean error is {}.",
            count(self.keys),
            percent(self.near / self.keys),
            percent(self.under / self.keys),
            percent(self.error / self.keys)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agreement_weighs_keys() {
        let point = |exact, estimate, keys| SketchPoint { exact, estimate, keys };
        let words =
            Agreement::of(&[point(10, 10, 98), point(10, 8, 1), point(10, 20, 1)]);
        assert_eq!(
            words.in_words().replace('\u{a0}', " "),
            "Of 100 keys, 98 % are estimated within 10 % of the exact number and 1 % under \
             it; the mean error is 1.2 %."
        );
    }
}
