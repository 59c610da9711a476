//! Infected hosts over time, with the moments of detection.

use super::Alarm;
use crate::page::plot::{Axis, Plot};
use crate::page::scale::Scale;
use crate::results::{Row, Run};
use wormsift_export::html::markup::Markup;
use wormsift_export::html::number::{count, duration, percent, tick, time_unit};

/// Infected hosts over time: one run in front, the others behind it.
pub(in crate::page) fn draw(page: &mut Markup, row: &Row) {
    let Some(front) = front(row) else { return };
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
        y: Axis::numbers(infected_scale(most), "hosts infected", 5),
        width: 300.0,
        height: 190.0,
    };
    let curve = |run: &Run| -> Vec<Option<[f64; 2]>> {
        run.growth.iter().map(|[time, hosts]| Some([time / unit, *hosts])).collect()
    };
    let others: Vec<_> =
        row.runs.iter().filter(|run| run.seed != front.seed).map(curve).collect();
    let title = format!("Growth of {}", row.name);
    plot.draw(page, &title, &description(row, front), |plot, page| {
        plot.lines(page, "line others", others.iter().map(Vec::as_slice));
        plot.line(page, "line front", &curve(front));
        for alarm in Alarm::BOTH {
            let at = |run: &Run| {
                alarm.of_run(run).map(|found| [found.at / unit, found.infected as f64])
            };
            let behind: Vec<_> = row
                .runs
                .iter()
                .filter(|run| run.seed != front.seed)
                .filter_map(at)
                .collect();
            let class = format!("mark faint {}", alarm.name());
            plot.marks(page, &class, alarm.shape(), 2.2, &behind);
        }
        for alarm in Alarm::BOTH {
            if let Some(found) = alarm.of_run(front) {
                let point = [found.at / unit, found.infected as f64];
                let class = format!("mark {}", alarm.name());
                plot.marks(page, &class, alarm.shape(), 4.5, &[point]);
            }
        }
    });
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

/// An outbreak grows by factors, and the moments of detection lie low.
fn infected_scale(most: f64) -> Scale {
    if most >= 20.0 { Scale::logarithmic(1.0, most) } else { Scale::linear(0.0, most, 5) }
}
