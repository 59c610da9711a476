//! The frame of a drawing: two axes with their ticks.

use super::{WIDTH, label, path, px};
use maud::{Markup, html};
use wormsift_export::html::number::tick;

/// How values lie on an axis, from the least to the greatest.
#[derive(Clone, Copy)]
pub(super) enum Scale {
    /// From 0 to a multiple of the step between two ticks.
    Linear { most: f64, step: f64 },
    /// Powers of ten at both ends.
    Log(f64, f64),
}

impl Scale {
    /// Logarithmic from 1 to the power of ten that is not less than any of these.
    pub(super) fn log(values: impl Iterator<Item = f64>) -> Self {
        let most = values.fold(10.0, f64::max);
        Self::Log(1.0, 10f64.powf(most.log10().ceil()))
    }

    /// Linear from 0 to this or a little more, where it is not 0.
    pub(super) fn linear(most: f64) -> Self {
        Self::in_steps(most, if most > 0.0 { step(most) } else { 1.0 })
    }

    /// The same of things that are counted: no tick lies between two whole numbers.
    pub(super) fn count(most: usize) -> Self {
        Self::in_steps(most as f64, step(most as f64).max(1.0))
    }

    fn in_steps(most: f64, step: f64) -> Self {
        Self::Linear { most: (most / step).ceil().max(1.0) * step, step }
    }

    /// Where a value stands, from 0 to 1.
    fn unit(self, value: f64) -> f64 {
        let unit = match self {
            Self::Linear { most, .. } => value / most,
            Self::Log(least, most) => {
                (value.max(least) / least).log10() / (most / least).log10()
            }
        };
        unit.clamp(0.0, 1.0)
    }

    fn ticks(self) -> Vec<f64> {
        match self {
            Self::Linear { most, step } => {
                (0..=(most / step).round() as u32).map(|n| f64::from(n) * step).collect()
            }
            Self::Log(least, most) => {
                let decades = (most / least).log10().round() as i32;
                // Labels of more decades than this would touch.
                let every = 1 + decades / 7;
                (0..=decades)
                    .filter(|n| n % every == 0)
                    .map(|n| least * 10f64.powi(n))
                    .collect()
            }
        }
    }
}

/// A round number of which about four make this.
fn step(most: f64) -> f64 {
    let rough = most / 4.0;
    let power = 10f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|it| it * power >= rough * 0.999);
    factor.unwrap_or(10.0) * power
}

/// Margins: numbers stand at the left and under the lower edge.
const LEFT: f64 = 54.0;
const RIGHT: f64 = 26.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 36.0;

/// Two axes with their names.
pub(super) struct Frame<'a> {
    pub(super) x: (Scale, &'a str),
    pub(super) y: (Scale, &'a str),
    pub(super) height: f64,
}

impl Frame<'_> {
    /// The edges of what the axes enclose: left, right, top, bottom.
    pub(super) fn edges(&self) -> [f64; 4] {
        [LEFT, WIDTH - RIGHT, TOP, self.height - BOTTOM]
    }

    /// Where a pair of values stands.
    pub(super) fn place(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let [left, right, top, floor] = self.edges();
        let (x, y) = (self.x.0.unit(x), self.y.0.unit(y));
        [left + x * (right - left), floor - y * (floor - top)]
    }

    /// The axes, with lines across at the ticks.
    pub(super) fn draw(&self) -> Markup {
        let [left, right, top, floor] = self.edges();
        let mut grid = String::new();
        let mut edge = format!("M{} {}H{}", px(left), px(floor), px(right));
        let mut labels = html! {
            (label("name", 0.0, 11.0, self.y.1))
            (label("name end", right, self.height - 5.0, self.x.1))
        };
        for value in self.y.0.ticks() {
            let [_, y] = self.place([0.0, value]);
            grid += &format!("M{} {}H{}", px(left), px(y), px(right));
            labels.0 += &label("end", left - 6.0, y + 3.5, &tick(value)).0;
        }
        for value in self.x.0.ticks() {
            let [x, _] = self.place([value, 0.0]);
            if matches!(self.x.0, Scale::Log(..)) {
                grid += &format!("M{} {}V{}", px(x), px(top), px(floor));
            }
            edge += &format!("M{} {}v4", px(x), px(floor));
            labels.0 += &label("middle", x, floor + 15.0, &tick(value)).0;
        }
        html! { (path("grid", &grid)) (path("axis", &edge)) (labels) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_hold_their_values_between_round_ends() {
        assert_eq!(Scale::linear(37.0).ticks(), [0.0, 10.0, 20.0, 30.0, 40.0]);
        assert_eq!(Scale::linear(0.3).ticks().len(), 4);
        assert_eq!(Scale::linear(0.0).ticks(), [0.0, 1.0]);
        assert_eq!(Scale::count(2).ticks(), [0.0, 1.0, 2.0]);
        assert_eq!(Scale::count(256).ticks(), [0.0, 100.0, 200.0, 300.0]);
        let scale = Scale::log([3.0, 12_345.0].into_iter());
        assert_eq!(scale.ticks(), [1.0, 10.0, 100.0, 1e3, 1e4, 1e5]);
        assert_eq!(scale.unit(10.0), 0.2);
        // Nothing lies below 1.
        assert_eq!(scale.unit(0.0), 0.0);
        assert!(Scale::log([4e9].into_iter()).ticks().len() <= 7);
    }
}
