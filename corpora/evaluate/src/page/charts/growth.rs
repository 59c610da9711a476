//! Chart of infected hosts over time, with the moments of detection.

use super::Alarm;
use crate::page::plot::{Axis, Plot};
use crate::page::scale::Scale;
use crate::results::{Row, Run};
use maud::{Markup, html};
use wormsift_export::html::number::{count, duration, percent, tick, time_unit};

/// Infected hosts over time: one run in front, the others behind it.
pub(in crate::page) fn draw(row: &Row, front: &Run) -> Markup {
    let found = |run: &Run| Alarm::BOTH.map(|alarm| alarm.of_run(run));
    let moments = || row.runs.iter().flat_map(found).flatten();
    let ends = row.runs.iter().filter_map(|run| run.growth.last());
    let last = ends.map(|point| point[0]).chain(moments().map(|found| found.at));
    let last = last.fold(0.0, f64::max);
    let points = row.runs.iter().flat_map(|run| &run.growth);
    let most = points
        .map(|point| point[1])
        .chain(moments().map(|found| found.infected as f64))
        .fold(1.0, f64::max);
    let (unit, unit_name) = time_unit(last);
    let plot = Plot {
        x: Axis::written(Scale::between(0.0, last / unit), unit_name, 5, tick),
        // An outbreak grows by factors, and the moments of detection lie low.
        y: Axis::numbers(Scale::counts(most, 19.0, 5), "hosts infected", 5),
        width: 300.0,
        height: 190.0,
    };
    let curve = |run: &Run| -> Vec<Option<[f64; 2]>> {
        run.growth.iter().map(|[time, hosts]| Some([time / unit, *hosts])).collect()
    };
    let behind = || row.runs.iter().filter(|run| run.seed != front.seed);
    let others: Vec<_> = behind().map(curve).collect();
    let marks = |class: &str,
                 alarm: Alarm,
                 radius: f64,
                 runs: &mut dyn Iterator<Item = &Run>| {
        let found = runs.filter_map(|run| alarm.of_run(run));
        let places: Vec<_> =
            found.map(|found| [found.at / unit, found.infected as f64]).collect();
        plot.marks(&format!("{class} {}", alarm.name()), alarm.shape(), radius, &places)
    };
    let drawn = html! {
        (plot.lines("line others", others.iter().map(Vec::as_slice)))
        (plot.lines("line front", [&curve(front)[..]]))
        @for alarm in Alarm::BOTH { (marks("mark faint", alarm, 2.2, &mut behind())) }
        @for alarm in Alarm::BOTH { (marks("mark", alarm, 4.5, &mut [front].into_iter())) }
    };
    plot.draw(&format!("Growth of {}", row.name), &description(row, front), &drawn)
}

/// The run that is drawn in front: the first with a curve.
pub(in crate::page) fn front(row: &Row) -> Option<&Run> {
    row.runs.iter().find(|run| !run.growth.is_empty())
}

/// What the chart shows of one alarm in the run in front, in words.
pub(in crate::page) fn moment(row: &Row, run: &Run, alarm: Alarm) -> String {
    match alarm.of_run(run) {
        Some(found) => {
            let share = match run.vulnerable {
                0 => String::new(),
                all => format!(" ({})", percent(found.infected as f64 / all as f64)),
            };
            let hosts = if found.infected == 1 { "host" } else { "hosts" };
            let infected = count(found.infected as f64);
            format!("{infected} {hosts}{share} at {}", duration(found.at))
        }
        None if alarm.of_row(row).expected == "silent" => {
            "did not fire, as expected".to_owned()
        }
        None => "did not fire".to_owned(),
    }
}

fn description(row: &Row, front: &Run) -> String {
    let [dispersion, propagation] = Alarm::BOTH.map(|alarm| moment(row, front, alarm));
    let end = front.growth.last().map_or([0.0, 0.0], |point| *point);
    format!(
        "Hosts infected over time since the first infection; {} runs. Seed {} reaches {} \
         hosts after {}. Dispersion: {dispersion}. Propagation: {propagation}.",
        row.runs.len(),
        front.seed,
        count(end[1]),
        duration(end[0])
    )
}
