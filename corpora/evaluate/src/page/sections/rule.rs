//! The detection rule: how far a worm has spread when a monitored prefix has seen enough
//! of it.

use crate::page::plot::{Shape, outline, px};
use crate::page::scale::Scale;
use crate::results::{Estimate, Evaluation, RulePoint};
use wormsift_export::html::markup::Markup;
use wormsift_export::html::number::{
    NOTHING, count, duration, percent, percent_interval,
};
use wormsift_export::html::tables::{headings, number, scrolling};

/// Prefixes and worms: the model's share beside the simulated one.
pub(super) fn draw(page: &mut Markup, evaluation: &Evaluation) {
    let note = "Infected share of the vulnerable hosts at the moment when a monitored prefix has \
                seen that many distinct sources: by the numerical model, and over simulated \
                epidemics (mean, with the 95 % interval of the mean).";
    page.leaf("p", &[("class", "note")], note);
    let points = &evaluation.detection_rule;
    let ends = points
        .iter()
        .flat_map(|p| [p.expected, p.simulated.interval[0], p.simulated.interval[1]]);
    let ends = ends.filter(|share| *share > 0.0 && share.is_finite());
    let (least, most) =
        ends.fold((1.0, 0.0), |(least, most), share| (share.min(least), share.max(most)));
    let scale = Scale::logarithmic(least, most);
    scrolling(page, "plain", "Infected share by worm and prefix", |page| {
        let names = [
            "Worm and prefix",
            "#Sources",
            "#Model",
            "#Simulated",
            "#95 % interval",
            "Model (stroke), simulated (dot); by factors",
            "#Median time",
            "#Runs",
        ];
        headings(page, &names);
        for worm in points.chunk_by(|a, b| a.worm == b.worm) {
            page.element("tbody", &[], |page| {
                page.element("tr", &[("class", "group")], |page| {
                    page.leaf(
                        "th",
                        &[("colspan", "8"), ("scope", "rowgroup")],
                        &worm[0].worm,
                    );
                });
                for point in worm {
                    one(page, point, &scale);
                }
            });
        }
    });
}

fn one(page: &mut Markup, point: &RulePoint, scale: &Scale) {
    let of = |e: Estimate, text: fn(Estimate) -> String| match e.count {
        0 => NOTHING.to_owned(),
        _ => text(e),
    };
    page.element("tr", &[], |page| {
        page.leaf("th", &[("scope", "row")], &format!("/{}", point.prefix_bits));
        number(page, &count(f64::from(point.sources)));
        number(page, &percent(point.expected));
        number(page, &of(point.simulated, |e| percent(e.mean)));
        number(page, &of(point.simulated, |e| percent_interval(e.interval)));
        page.element("td", &[], |page| strip(page, point, scale));
        number(page, &of(point.seconds, |e| duration(e.median)));
        number(page, &count(point.simulated.count as f64));
    });
}

/// Model as an upright stroke, simulation as a dot on its interval.
fn strip(page: &mut Markup, point: &RulePoint, scale: &Scale) {
    let x = |share: f64| 6.0 + scale.unit(share) * 188.0;
    let attributes = [
        ("xmlns", "http://www.w3.org/2000/svg"),
        ("class", "strip"),
        ("viewBox", "0 0 200 16"),
        ("aria-hidden", "true"),
    ];
    page.element("svg", &attributes, |page| {
        page.empty("path", &[("class", "grid"), ("d", "M6 8H194")]);
        if point.simulated.count > 0 {
            let [low, high] = point.simulated.interval.map(x);
            let whisker = format!("M{} 8H{}", px(low), px(high));
            page.empty("path", &[("class", "line whisker dispersion"), ("d", &whisker)]);
            let dot = outline(Shape::Circle, x(point.simulated.mean), 8.0, 3.5);
            page.empty("path", &[("class", "mark dispersion"), ("d", &dot)]);
        }
        let model = format!("M{} 1V15", px(x(point.expected)));
        page.empty("path", &[("class", "line front"), ("d", &model)]);
    });
}
