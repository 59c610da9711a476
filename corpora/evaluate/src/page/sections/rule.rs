//! Table of the detection rule: how far a worm has spread when a monitored prefix has seen
//! the threshold of sources.

use crate::page::plot::{Shape, outline, path, px};
use crate::page::scale::Scale;
use crate::results::{Estimate, Evaluation, RulePoint};
use maud::{Markup, html};
use wormsift_export::html::number::{
    NOTHING, count, duration, percent, percent_interval,
};
use wormsift_export::html::table;

const NOTE: &str = "Infected share of the vulnerable hosts at the moment when a monitored prefix \
    has seen that many distinct sources: by the numerical model, and over simulated epidemics \
    (mean, with the 95 % interval of the mean).";
const HEADINGS: [&str; 8] = [
    "Worm and prefix",
    "#Sources",
    "#Model",
    "#Simulated",
    "#95 % interval",
    "Model (stroke), simulated (dot); by factors",
    "#Median time",
    "#Runs",
];

/// Prefixes and worms: the model's share beside the simulated one.
pub(super) fn draw(evaluation: &Evaluation) -> Option<Markup> {
    let points = &evaluation.detection_rule;
    let ends = points
        .iter()
        .flat_map(|p| [p.expected, p.simulated.interval[0], p.simulated.interval[1]]);
    let ends = ends.filter(|share| *share > 0.0 && share.is_finite());
    let (least, most) =
        ends.fold((1.0, 0.0), |(least, most), share| (share.min(least), share.max(most)));
    let scale = Scale::logarithmic(least, most);
    let rows = html! {
        @for worm in points.chunk_by(|a, b| a.worm == b.worm) {
            tbody {
                tr.group { th colspan="8" scope="rowgroup" { (worm[0].worm) } }
                @for point in worm { (one(point, &scale)) }
            }
        }
    };
    (!points.is_empty()).then(|| {
        html! {
            p.note { (NOTE) }
            (table("plain", "Infected share by worm and prefix", &HEADINGS, rows))
        }
    })
}

fn one(point: &RulePoint, scale: &Scale) -> Markup {
    let of = |e: Estimate, text: fn(Estimate) -> String| match e.count {
        0 => NOTHING.to_owned(),
        _ => text(e),
    };
    html! {
        tr {
            th scope="row" { "/" (point.prefix_bits) }
            td.n { (count(f64::from(point.sources))) }
            td.n { (percent(point.expected)) }
            td.n { (of(point.simulated, |e| percent(e.mean))) }
            td.n { (of(point.simulated, |e| percent_interval(e.interval))) }
            td { (strip(point, scale)) }
            td.n { (of(point.seconds, |e| duration(e.median))) }
            td.n { (count(point.simulated.count as f64)) }
        }
    }
}

/// Model as an upright stroke, simulation as a dot on its interval.
fn strip(point: &RulePoint, scale: &Scale) -> Markup {
    let x = |share: f64| 6.0 + scale.unit(share) * 188.0;
    let [low, high] = point.simulated.interval.map(|share| px(x(share)));
    html! {
        svg.strip viewBox="0 0 200 16" aria-hidden="true" {
            (path("grid", "M6 8H194"))
            @if point.simulated.count > 0 {
                (path("line whisker dispersion", &format!("M{low} 8H{high}")))
                (path("mark dispersion", &outline(Shape::Circle, x(point.simulated.mean), 8.0, 3.5)))
            }
            (path("line front", &format!("M{} 1V15", px(x(point.expected)))))
        }
    }
}
