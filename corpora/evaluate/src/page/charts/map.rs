//! Heat map of contents by prevalence and dispersion, with planted contents marked.

use crate::page::plot::{Axis, Plot, Shape, label, outline, path, px};
use crate::page::scale::Scale;
use crate::results::{DispersionMap, MapCell};
use maud::{Markup, html};
use wormsift_export::html::number::count;

/// Shades of the map, from one key to ten thousand and more.
pub(in crate::page) const SHADES: u32 = 5;

/// Keys by prevalence and dispersion. `threshold` is the dispersion that raises the
/// alarm, where it is known.
pub(in crate::page) fn draw(map: &DispersionMap, threshold: Option<u32>) -> Markup {
    // Cells are drawn up to 2^40: no counter of a capture goes further.
    let cells =
        || map.cells.iter().filter(|c| c.sightings_log2 < 40 && c.dispersion_log2 < 40);
    let columns = cells().map(|c| c.sightings_log2 + 1).max().unwrap_or(1);
    let rows = cells().map(|c| c.dispersion_log2 + 1).max().unwrap_or(1);
    let side = (450.0 / f64::from(columns.max(8))).min(30.0);
    let axis = |name: &str, length: u32| {
        let every = length.div_ceil(10).max(1);
        let ticks = (0..=length)
            .step_by(every as usize)
            .map(|power| (f64::from(power), power_of_two(power)))
            .collect();
        Axis::labelled(Scale::between(0.0, f64::from(length)), name, ticks)
    };
    let plot = Plot {
        x: axis("sightings", columns),
        y: axis("smaller of sources and destinations", rows),
        width: 54.0 + side * f64::from(columns.max(8)),
        height: 52.0 + side * f64::from(rows.max(3)),
    };
    let height = threshold.filter(|t| *t > 0).map(|t| (t, f64::from(t).log2()));
    let drawn = html! {
        @for cell in cells() { (square(&plot, cell)) }
        @if let Some((threshold, height)) = height.filter(|(_, it)| *it < f64::from(rows)) {
            (plot.lines("line threshold", [
                &[Some([0.0, height]), Some([f64::from(columns), height])][..],
            ]))
            (label("tick end", plot.width - 10.0, 10.0, &format!("dashed: alarm at {threshold}")))
        }
    };
    plot.draw(
        &format!("Prevalence and dispersion in {}", map.name),
        &description(map),
        &drawn,
    )
}

fn square(plot: &Plot, cell: &MapCell) -> Markup {
    let (x, y) = (f64::from(cell.sightings_log2), f64::from(cell.dispersion_log2));
    let ([left, top], [right, floor]) =
        (plot.place([x, y + 1.0]), plot.place([x + 1.0, y]));
    let hint = format!(
        "{} to {} sightings, {} to {} hosts: {} ordinary, {} planted",
        power_of_two(cell.sightings_log2),
        power_of_two(cell.sightings_log2 + 1),
        power_of_two(cell.dispersion_log2),
        power_of_two(cell.dispersion_log2 + 1),
        count(cell.ordinary as f64),
        count(cell.planted as f64)
    );
    let class = match cell.ordinary {
        0 => "shade-none".to_owned(),
        keys => format!("shade{}", keys.ilog10().min(SHADES - 1)),
    };
    // The area tells how many, from one key to a million.
    let share = (1.0 + cell.planted as f64).log10().min(6.0) / 6.0;
    let most = (right - left).min(floor - top) / 2.4;
    let radius = most * (0.35 + 0.65 * share.sqrt()) * 0.8;
    html! {
        g {
            title { (hint) }
            rect class=(class) x=(px(left)) y=(px(top)) width=(px(right - left - 1.0))
                height=(px(floor - top - 1.0)) {}
            @if cell.planted > 0 {
                (plot.marks("mark planted", Shape::Triangle, radius, &[[x + 0.5, y + 0.5]]))
            }
        }
    }
}

/// The mark of planted content, for running text.
pub(in crate::page) fn key() -> Markup {
    html! {
        svg.swatch viewBox="0 0 12 12" aria-hidden="true" {
            (path("mark planted", &outline(Shape::Triangle, 6.0, 6.0, 4.0)))
        }
    }
}

/// `1`, `512`, `16k`, `2G`: with binary prefixes.
fn power_of_two(power: u32) -> String {
    match power {
        0..10 => (1u32 << power).to_string(),
        10..20 => format!("{}k", 1u32 << (power - 10)),
        20..30 => format!("{}M", 1u32 << (power - 20)),
        _ => format!("{}G", 1u64 << (power.min(60) - 30)),
    }
}

fn description(map: &DispersionMap) -> String {
    let sum = |of: fn(&MapCell) -> u64| {
        map.cells.iter().fold(0u64, |sum, cell| sum.saturating_add(of(cell))) as f64
    };
    let highest = |planted: bool| {
        let cells = map.cells.iter();
        cells
            .filter(|c| if planted { c.planted > 0 } else { c.ordinary > 0 })
            .map(|c| c.dispersion_log2.saturating_add(1))
            .max()
            .map_or_else(
                || "none".to_owned(),
                |power| format!("under {}", power_of_two(power)),
            )
    };
    format!(
        "{} ordinary and {} planted keys by sightings and by the smaller of sources and \
         destinations, both in powers of two. Hosts of ordinary keys: {}; of planted keys: \
         {}.",
        count(sum(|c| c.ordinary)),
        count(sum(|c| c.planted)),
        highest(false),
        highest(true)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_short() {
        assert_eq!(
            [0, 9, 10, 14, 20, 31].map(power_of_two),
            ["1", "512", "1k", "16k", "1M", "2G"]
        );
    }

    #[test]
    fn far_cells_do_not_blow_up_the_map() {
        let far =
            MapCell { sightings_log2: u32::MAX, dispersion_log2: u32::MAX, ..near() };
        let map = DispersionMap { name: "x".to_owned(), cells: vec![near(), far] };
        let drawn = draw(&map, Some(30)).into_string();
        assert_eq!(drawn.matches("<rect").count(), 1);
    }

    fn near() -> MapCell {
        MapCell { sightings_log2: 3, dispersion_log2: 2, ordinary: 5, planted: 1 }
    }
}
