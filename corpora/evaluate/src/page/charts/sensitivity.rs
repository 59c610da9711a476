//! Charts of detection, delay and false signatures over the values of a setting.

use super::Alarm;
use crate::page::plot::{Axis, Plot};
use crate::page::scale::Scale;
use crate::results::{Estimate, Row, Sweep};
use maud::{Markup, PreEscaped};
use wormsift_export::html::number::count;

/// All rows that differ in the swept value only, in the order of the values.
pub(in crate::page) struct Swept<'a> {
    pub(in crate::page) first: &'a Row,
    rows: Vec<(usize, &'a Row)>,
}

/// The rows by what they share, in order of appearance.
pub(in crate::page) fn group<'a>(rows: &'a [Row], sweep: &Sweep) -> Vec<Swept<'a>> {
    let mut groups: Vec<Swept<'a>> = Vec::new();
    for row in rows {
        let place = |value: &String| sweep.values.iter().position(|v| v == value);
        let Some(place) = row.swept.as_ref().and_then(place) else { continue };
        let same = |group: &&mut Swept| {
            group.first.name == row.name && group.first.settings == row.settings
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.rows.push((place, row)),
            None => groups.push(Swept { first: row, rows: vec![(place, row)] }),
        }
    }
    for group in &mut groups {
        group.rows.sort_by_key(|(place, _)| *place);
    }
    groups
}

/// The classes of the alarms' lines.
const BY_ALARM: [&str; 2] = ["dispersion", "propagation"];

/// Low, middle, high.
type Spread = Option<[f64; 3]>;

impl Swept<'_> {
    /// Share of runs in which each alarm found it.
    pub(in crate::page) fn detection(&self, sweep: &Sweep) -> Markup {
        let axis = Axis::shares("runs detected");
        self.draw(sweep, "detection rate", axis, BY_ALARM, |row, alarm| {
            let result = alarm.of_row(row);
            let rate = result.detected as f64 / result.runs as f64;
            let [low, high] = result.rate_interval;
            (result.runs > 0).then_some([low, rate, high])
        })
    }

    /// Hosts infected when each alarm fired.
    pub(in crate::page) fn infected(&self, sweep: &Sweep) -> Markup {
        let of = |row: &Row, alarm: Alarm| alarm.of_row(row).infected.and_then(spread);
        let axis = numbers("hosts infected at detection", self.greatest(of));
        self.draw(sweep, "hosts infected at detection", axis, BY_ALARM, of)
    }

    /// False signatures a run, by both alarms together.
    pub(in crate::page) fn false_signatures(&self, sweep: &Sweep) -> Markup {
        let of = |row: &Row, alarm: Alarm| match alarm {
            Alarm::Dispersion => spread(row.false_signatures),
            Alarm::Propagation => None,
        };
        let axis = numbers("false signatures a run", self.greatest(of));
        self.draw(sweep, "false signatures", axis, ["front", ""], of)
    }

    fn greatest(&self, of: impl Fn(&Row, Alarm) -> Spread) -> f64 {
        let values =
            self.rows.iter().flat_map(|(_, row)| Alarm::BOTH.map(|a| of(row, a)));
        values.flatten().map(|[.., high]| high).fold(0.0, f64::max)
    }

    fn draw(
        &self,
        sweep: &Sweep,
        what: &str,
        y: Axis,
        classes: [&str; 2],
        of: impl Fn(&Row, Alarm) -> Spread,
    ) -> Markup {
        let (x, places) = swept_axis(sweep);
        let plot = Plot { x, y, width: 330.0, height: 200.0 };
        let radius = if sweep.values.len() > 15 { 2.2 } else { 3.0 };
        let (mut bands, mut lines) = (String::new(), String::new());
        for (alarm, class) in Alarm::BOTH.into_iter().zip(classes) {
            let at =
                |(place, row): &(usize, &Row)| Some((places[*place], of(row, alarm)?));
            let points: Vec<_> = self.rows.iter().map(at).collect();
            let band: Vec<_> = points
                .iter()
                .map(|p| p.map(|(x, [low, _, high])| [x, low, high]))
                .collect();
            let line: Vec<_> =
                points.iter().map(|p| p.map(|(x, [_, middle, _])| [x, middle])).collect();
            let marks: Vec<_> = line.iter().copied().flatten().collect();
            bands += &plot.band(&format!("band {class}"), &band).0;
            lines += &plot.lines(&format!("line {class}"), [&line[..]]).0;
            lines +=
                &plot.marks(&format!("mark {class}"), alarm.shape(), radius, &marks).0;
        }
        let title = format!("{}: {what} against {}", self.first.name, sweep.key);
        // Bands lie under all lines.
        plot.draw(&title, &self.description(sweep, &of), &PreEscaped(bands + &lines))
    }

    fn description(&self, sweep: &Sweep, of: impl Fn(&Row, Alarm) -> Spread) -> String {
        let Some(((_, first), (_, last))) = self.rows.first().zip(self.rows.last())
        else {
            return String::new();
        };
        let mut text = "With 95 % intervals.".to_owned();
        for alarm in Alarm::BOTH {
            let ends = [first, last].map(|row| (row, of(row, alarm)));
            for (row, [_, middle, _]) in ends.iter().filter_map(|(r, v)| Some((r, (*v)?)))
            {
                let value = row.swept.as_deref().unwrap_or_default();
                let middle = count(middle);
                let name = alarm.name();
                text.push_str(&format!(" {name}, {} {value}: {middle}.", sweep.key));
            }
        }
        text
    }
}

fn spread(estimate: Estimate) -> Spread {
    let [low, high] = estimate.interval;
    (estimate.count > 0 && estimate.mean.is_finite()).then_some([
        low.max(0.0),
        estimate.mean,
        high,
    ])
}

fn numbers(name: &str, greatest: f64) -> Axis {
    Axis::numbers(Scale::counts(greatest, 200.0, 5), name, 5)
}

/// The axis of the swept values, and where each stands: as a number when all are
/// numbers, else one after another.
fn swept_axis(sweep: &Sweep) -> (Axis, Vec<f64>) {
    let numbers: Option<Vec<f64>> = sweep
        .values
        .iter()
        .map(|v| v.parse().ok().filter(|n: &f64| n.is_finite()))
        .collect();
    let Some(numbers) = numbers else {
        let last = sweep.values.len().saturating_sub(1) as f64;
        let every = sweep.values.len().div_ceil(8).max(1);
        let ticks = sweep.values.iter().enumerate().step_by(every);
        let short = |text: &String| text.trim_matches('"').chars().take(8).collect();
        let ticks = ticks.map(|(index, value)| (index as f64, short(value))).collect();
        let scale = Scale::between(-0.3, last + 0.3);
        let places = (0..sweep.values.len()).map(|index| index as f64).collect();
        return (Axis::labelled(scale, &sweep.key, ticks), places);
    };
    let low = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let high = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let scale = if low > 0.0 && high / low > 40.0 {
        Scale::logarithmic(low, high)
    } else {
        Scale::linear(low, high, 6)
    };
    (Axis::numbers(scale, &sweep.key, 6), numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, swept: &str) -> Row {
        Row { name: name.to_owned(), swept: Some(swept.to_owned()), ..Row::default() }
    }

    #[test]
    fn rows_are_grouped_and_ordered_by_value() {
        let values = ["9", "30", "50"].map(str::to_owned).to_vec();
        let sweep = Sweep { key: "sources".to_owned(), values };
        let rows = [row("a", "50"), row("b", "9"), row("a", "9"), row("a", "other")];
        let groups = group(&rows, &sweep);
        let shown: Vec<(&str, Vec<usize>)> = groups
            .iter()
            .map(|g| (g.first.name.as_str(), g.rows.iter().map(|(p, _)| *p).collect()))
            .collect();
        assert_eq!(shown, [("a", vec![0, 2]), ("b", vec![0])]);
    }

    #[test]
    fn words_are_places_one_after_another() {
        let values = ["64", "winnow"].map(str::to_owned).to_vec();
        let (_, places) = swept_axis(&Sweep { key: "sampling".to_owned(), values });
        assert_eq!(places, [0.0, 1.0]);
        let values = ["1", "64"].map(str::to_owned).to_vec();
        let (_, places) = swept_axis(&Sweep { key: "sampling".to_owned(), values });
        assert_eq!(places, [1.0, 64.0]);
    }
}
