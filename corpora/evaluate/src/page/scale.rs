//! Scale of an axis: the place of a value, and the values that are labelled.

/// How values are spread over an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Spread {
    /// In steps of this length, where the ends were made for one.
    Linear(Option<f64>),
    Logarithmic,
}

/// An axis: its ends, and how values lie between them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    spread: Spread,
    low: f64,
    high: f64,
}

impl Scale {
    /// Equal steps; the ends are moved outwards to round numbers.
    pub(super) fn linear(low: f64, high: f64, ticks: usize) -> Self {
        let (low, high) = ordered(low, high);
        let step = nice_step(high - low, ticks);
        Self {
            spread: Spread::Linear(Some(step)),
            low: (low / step + 1e-9).floor() * step,
            high: (high / step - 1e-9).ceil() * step,
        }
    }

    /// Equal steps between exactly these ends.
    pub(super) fn between(low: f64, high: f64) -> Self {
        let (low, high) = ordered(low, high);
        Self { spread: Spread::Linear(None), low, high }
    }

    /// Equal factors; the ends are moved outwards to 1, 2 or 5 times a power of ten.
    pub(super) fn logarithmic(low: f64, high: f64) -> Self {
        let low = if low > 0.0 && low.is_finite() { low } else { 1.0 };
        let high = if high.is_finite() && high > low { high } else { low * 10.0 };
        Self { spread: Spread::Logarithmic, low: round_down(low), high: round_up(high) }
    }

    /// Counts up to `most`: by factors where they go beyond `far`, else in equal steps.
    pub(super) fn counts(most: f64, far: f64, ticks: usize) -> Self {
        if most > far {
            Self::logarithmic(1.0, most)
        } else {
            Self::linear(0.0, most.max(1.0), ticks)
        }
    }

    /// 0 at the lower end, 1 at the upper one; what lies outside stops at the end.
    pub(super) fn unit(&self, value: f64) -> f64 {
        let place = match self.spread {
            Spread::Linear(_) => (value - self.low) / (self.high - self.low),
            Spread::Logarithmic if value > 0.0 => {
                (value / self.low).ln() / (self.high / self.low).ln()
            }
            Spread::Logarithmic => 0.0,
        };
        if place.is_nan() { 0.0 } else { place.clamp(0.0, 1.0) }
    }

    /// Round values between the ends, about so many.
    pub(super) fn ticks(&self, wanted: usize) -> Vec<f64> {
        match self.spread {
            Spread::Linear(step) => {
                let step =
                    step.unwrap_or_else(|| nice_step(self.high - self.low, wanted));
                let first = (self.low / step - 1e-9).ceil();
                let last = (self.high / step + 1e-9).floor();
                (0..=(last - first).max(0.0) as usize)
                    .map(|index| (first + index as f64) * step)
                    .collect()
            }
            Spread::Logarithmic => self.powers(wanted),
        }
    }

    fn powers(&self, wanted: usize) -> Vec<f64> {
        let decades = (self.high / self.low).log10();
        let factors: &[f64] = match decades * 3.0 <= wanted as f64 {
            true => &[1.0, 2.0, 5.0],
            false => &[1.0],
        };
        let stride = (decades / wanted.max(1) as f64).ceil().max(1.0) as i32;
        let (first, last) = (exponent(self.low), exponent(self.high));
        (first..=last)
            .filter(|power| power.rem_euclid(stride) == 0)
            .flat_map(|power| factors.iter().map(move |factor| factor * ten_to(power)))
            .filter(|tick| *tick >= self.low * 0.999 && *tick <= self.high * 1.001)
            .collect()
    }
}

/// The ends in order, finite and apart.
fn ordered(low: f64, high: f64) -> (f64, f64) {
    let low = if low.is_finite() { low } else { 0.0 };
    let high = if high.is_finite() { high } else { low + 1.0 };
    if high > low { (low, high) } else { (low, low + 1.0) }
}

/// The least of 1, 2 and 5 times a power of ten that makes at most so many steps.
fn nice_step(span: f64, at_most: usize) -> f64 {
    let rough = span / at_most.max(1) as f64;
    round_up(rough)
}

fn round_up(value: f64) -> f64 {
    let power = ten_to(exponent(value));
    let factor =
        [1.0, 2.0, 5.0, 10.0].into_iter().find(|f| f * power >= value * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

fn round_down(value: f64) -> f64 {
    let power = ten_to(exponent(value));
    let factor = [5.0, 2.0, 1.0].into_iter().find(|f| f * power <= value * (1.0 + 1e-9));
    factor.unwrap_or(1.0) * power
}

/// The power of ten at or under a value.
fn exponent(value: f64) -> i32 {
    let exponent = value.log10().floor() as i32;
    // The logarithm of 1000 may fall just short of 3.
    if ten_to(exponent + 1) <= value * (1.0 + 1e-12) { exponent + 1 } else { exponent }
}

fn ten_to(exponent: i32) -> f64 {
    10f64.powi(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(left: &[f64], right: &[f64]) {
        assert_eq!(left.len(), right.len(), "{left:?} {right:?}");
        for (a, b) in left.iter().zip(right) {
            assert!((a - b).abs() <= 1e-9 * b.abs().max(1.0), "{left:?} {right:?}");
        }
    }

    #[test]
    fn linear_ends_and_ticks_are_round() {
        close(
            &Scale::linear(0.0, 97.0, 5).ticks(5),
            &[0.0, 20.0, 40.0, 60.0, 80.0, 100.0],
        );
        close(&Scale::linear(0.0, 1.0, 4).ticks(4), &[0.0, 0.5, 1.0]);
        close(&Scale::linear(0.0, 1.0, 5).ticks(5), &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        close(
            &Scale::linear(2.0, 50.0, 5).ticks(5),
            &[0.0, 10.0, 20.0, 30.0, 40.0, 50.0],
        );
        close(&Scale::between(2.0, 50.0).ticks(5), &[10.0, 20.0, 30.0, 40.0, 50.0]);
        close(&Scale::linear(-3.0, 3.0, 3).ticks(3), &[-4.0, -2.0, 0.0, 2.0, 4.0]);
    }

    #[test]
    fn logarithmic_ticks_are_powers_or_one_two_five() {
        close(&Scale::logarithmic(1.0, 3400.0).ticks(5), &[1.0, 10.0, 100.0, 1000.0]);
        close(&Scale::logarithmic(2.0, 40.0).ticks(6), &[2.0, 5.0, 10.0, 20.0, 50.0]);
        close(&Scale::logarithmic(1.0, 1e12).ticks(4), &[1.0, 1e3, 1e6, 1e9, 1e12]);
        close(&Scale::logarithmic(1.0, 1000.0).ticks(3), &[1.0, 10.0, 100.0, 1000.0]);
    }

    #[test]
    fn values_lie_between_the_ends() {
        let linear = Scale::between(0.0, 10.0);
        assert_eq!(linear.unit(5.0), 0.5);
        assert_eq!(linear.unit(-1.0), 0.0);
        assert_eq!(linear.unit(11.0), 1.0);
        assert_eq!(linear.unit(f64::NAN), 0.0);
        let logarithmic = Scale::logarithmic(1.0, 10_000.0);
        assert!((logarithmic.unit(100.0) - 0.5).abs() < 1e-12);
        assert_eq!(logarithmic.unit(0.0), 0.0);
        assert_eq!(logarithmic.unit(-5.0), 0.0);
    }

    #[test]
    fn odd_ends_still_make_an_axis() {
        let ends = [0.0, 1.0, -1.0, 1e-300, 1e300, f64::NAN, f64::INFINITY];
        for low in ends {
            for high in ends {
                for scale in [Scale::linear(low, high, 5), Scale::logarithmic(low, high)]
                {
                    for value in ends {
                        let unit = scale.unit(value);
                        assert!((0.0..=1.0).contains(&unit), "{low} {high} {value}");
                    }
                    assert!(scale.ticks(5).len() < 20, "{low} {high}");
                }
            }
        }
    }
}
