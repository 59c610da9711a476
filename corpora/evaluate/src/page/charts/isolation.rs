//! Chart of an epidemic with and without an isolation list.

use crate::isolation::IsolationRow;
use crate::page::plot::{Axis, Plot};
use crate::page::scale::Scale;
use maud::{Markup, html};
use wormsift_export::html::number::{duration, percent, tick, time_unit};

/// Share infected over time: without a list in front, with one behind it.
pub(in crate::page) fn draw(rows: &[IsolationRow]) -> Markup {
    let ends = rows.iter().filter_map(|row| row.curve.last());
    let last = ends.map(|point| point[0]).fold(0.0, f64::max);
    let (unit, unit_name) = time_unit(last);
    let plot = Plot {
        x: Axis::written(Scale::between(0.0, last / unit), unit_name, 5, tick),
        y: Axis::shares("infected inside"),
        width: 420.0,
        height: 220.0,
    };
    let curve = |row: &IsolationRow| -> Vec<Option<[f64; 2]>> {
        row.curve.iter().map(|[time, share]| Some([time / unit, *share])).collect()
    };
    let of = |with_list: bool| -> Vec<_> {
        let rows = rows.iter().filter(|row| row.after_seconds.is_some() == with_list);
        rows.map(curve).collect()
    };
    let (with, without) = (of(true), of(false));
    let drawn = html! {
        (plot.lines("line others", with.iter().map(Vec::as_slice)))
        (plot.lines("line front", without.iter().map(Vec::as_slice)))
    };
    let ends = rows.iter().map(|row| {
        let after = row.after_seconds.map_or("never".to_owned(), duration);
        format!("{after}: {}", percent(row.infected_share.median))
    });
    let description = format!(
        "Share infected over time since the first infection. In the end, by when hosts are cut \
         off: {}.",
        ends.collect::<Vec<_>>().join(", ")
    );
    plot.draw(&format!("Isolation in {}", rows[0].name), &description, &drawn)
}
