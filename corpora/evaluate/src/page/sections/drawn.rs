//! The drawings with their text.

use super::summary::full_name;
use crate::page::charts::{Alarm, bars, growth as curve, map, sampling as formula};
use crate::page::charts::{sensitivity as swept, sketch as scatter};
use crate::results::{Evaluation, Row};
use wormsift_export::html::markup::Markup;
use wormsift_export::html::number::{count, percent, percent_interval, tick};
use wormsift_export::html::tables::{headings, number, scrolling};

/// Rows whose growth is drawn. Along a sweep the curves are the same: one is enough.
fn grown(evaluation: &Evaluation) -> impl Iterator<Item = (usize, &Row)> {
    let rows = &evaluation.rows;
    rows.iter().enumerate().filter(move |(index, row)| {
        let same = |other: &Row| other.name == row.name && other.settings == row.settings;
        let repeated = row.swept.is_some() && rows[..*index].iter().any(same);
        curve::front(row).is_some() && !repeated
    })
}

pub(super) fn has_growth(evaluation: &Evaluation) -> bool {
    grown(evaluation).next().is_some()
}

/// One small chart a worm.
pub(super) fn growth(page: &mut Markup, evaluation: &Evaluation) {
    page.element("p", &[("class", "note")], |page| {
        page.text("Hosts infected over time since the first infection. ");
        page.text("The dark line is the first run, the pale ones are the others; ");
        for alarm in Alarm::BOTH {
            alarm.key(page);
            page.text(&format!(" {} alarm, ", alarm.name()));
        }
        page.text(
            "large in the first run and small in the others. Vertical axes are \
                   logarithmic where the outbreak passes twenty hosts.",
        );
    });
    page.element("div", &[("class", "grid3")], |page| {
        for (index, row) in grown(evaluation) {
            page.element("figure", &[], |page| {
                page.element("figcaption", &[], |page| {
                    page.leaf(
                        "a",
                        &[("href", &format!("#row{index}"))],
                        &full_name(evaluation, row),
                    );
                });
                curve::draw(page, row);
                if let Some(front) = curve::front(row) {
                    page.element("ul", &[("class", "moments")], |page| {
                        for alarm in Alarm::BOTH {
                            page.element("li", &[], |page| {
                                alarm.key(page);
                                let moment = curve::moment(row, front, alarm);
                                page.text(&format!(" {}: {moment}", alarm.name()));
                            });
                        }
                    });
                }
            });
        }
    });
}

pub(super) fn has_sweep(evaluation: &Evaluation) -> bool {
    let Some(sweep) = &evaluation.sweep else { return false };
    !swept::group(&evaluation.rows, sweep).is_empty()
}

/// Three charts a scenario: detection, delay, false signatures.
pub(super) fn sensitivity(page: &mut Markup, evaluation: &Evaluation) {
    let Some(sweep) = &evaluation.sweep else { return };
    page.element("p", &[("class", "note")], |page| {
        page.text("Against ");
        page.leaf("code", &[], &sweep.key);
        page.text(": the share of runs detected, hosts infected at detection (mean), and false \
                   signatures a run (mean; both alarms together). Shades are 95 % intervals. ");
        for alarm in Alarm::BOTH {
            alarm.key(page);
            page.text(&format!(" {} ", alarm.name()));
        }
    });
    for group in swept::group(&evaluation.rows, sweep) {
        let mut name = group.first.clone();
        name.swept = None;
        page.leaf("h3", &[], &full_name(evaluation, &name));
        page.element("div", &[("class", "three")], |page| {
            page.element("figure", &[], |page| group.detection(page, sweep));
            page.element("figure", &[], |page| group.infected(page, sweep));
            page.element("figure", &[], |page| group.false_signatures(page, sweep));
        });
    }
}

/// Signatures by thresholds.
pub(super) fn benign(page: &mut Markup, evaluation: &Evaluation) {
    let note = "Signatures on captures that hold nothing that spreads, by the thresholds of \
                sources and destinations, and by the propagation alarm.";
    page.leaf("p", &[("class", "note")], note);
    let counts = &evaluation.benign;
    let most = counts.iter().map(|c| c.signatures.len()).max().unwrap_or(0) as f64;
    scrolling(page, "plain", "Signatures by thresholds", |page| {
        headings(page, &["Capture", "Thresholds", "Signatures"]);
        for capture in counts.chunk_by(|a, b| a.name == b.name) {
            page.element("tbody", &[], |page| {
                for (index, one) in capture.iter().enumerate() {
                    page.element("tr", &[], |page| {
                        if index == 0 {
                            let span = capture.len().to_string();
                            let head =
                                [("scope", "rowgroup"), ("rowspan", span.as_str())];
                            page.leaf("th", &head, &one.name);
                        }
                        page.leaf("td", &[], &one.thresholds);
                        page.element("td", &[("class", "bars")], |page| {
                            bars::draw(page, one.signatures.len() as f64, most);
                        });
                    });
                }
            });
        }
    });
}

/// Heat maps.
pub(super) fn maps(page: &mut Markup, evaluation: &Evaluation) {
    page.element("p", &[("class", "note")], |page| {
        page.text("Content keys by how often they were seen and by the smaller of their numbers \
                   of sources and destinations; each square spans powers of two. Shades, ordinary \
                   keys: ");
        for shade in 0..map::SHADES {
            let attributes = [
                ("xmlns", "http://www.w3.org/2000/svg"),
                ("class", "swatch"),
                ("viewBox", "0 0 12 12"),
                ("aria-hidden", "true"),
            ];
            page.element("svg", &attributes, |page| {
                let class = format!("shade{shade}");
                let size = [("class", class.as_str()), ("width", "12"), ("height", "12")];
                page.empty("rect", &size);
            });
            page.text(&format!(" from {} ", tick(10f64.powi(shade as i32))));
        }
        page.text("· ");
        map::key(page);
        page.text(" planted keys, the larger the more.");
    });
    let threshold = threshold(&evaluation.setting.config);
    page.element("div", &[("class", "grid2")], |page| {
        for one in &evaluation.maps {
            page.element("figure", &[], |page| {
                page.leaf("figcaption", &[], &one.name);
                map::draw(page, one, threshold);
            });
        }
    });
}

/// The dispersion that both sides must reach, when it is one number.
fn threshold(config: &str) -> Option<u32> {
    let table: toml::Table = toml::from_str(config).ok()?;
    let value = |key: &str| table.get(key)?.as_integer();
    let (sources, destinations) = (value("sources")?, value("destinations")?);
    (sources == destinations).then(|| u32::try_from(sources).ok()).flatten()
}

/// Tracked shares over the formula, and the numbers behind them.
pub(super) fn sampling(page: &mut Markup, evaluation: &Evaluation) {
    let points = &evaluation.sampling;
    let note = format!(
        "Share of invariants of which at least one window is sampled: dots are measured, with \
         95 % intervals; the curve is 1 − (1 − f)^(x − β + 1). {} of {} intervals hold the \
         formula’s value.",
        formula::within(points),
        points.len()
    );
    page.leaf("p", &[("class", "note")], &note);
    page.element("div", &[("class", "beside")], |page| {
        page.element("figure", &[("class", "wide")], |page| formula::draw(page, points));
        scrolling(page, "plain", "Share tracked by length", |page| {
            headings(
                page,
                &["#Bytes", "#Formula", "#Measured", "#95 % interval", "#Trials"],
            );
            page.element("tbody", &[], |page| {
                for point in points {
                    page.element("tr", &[], |page| {
                        let length = point.length.to_string();
                        page.leaf("th", &[("scope", "row"), ("class", "n")], &length);
                        number(page, &percent(point.expected));
                        number(page, &percent(point.tracked));
                        number(page, &percent_interval(point.interval));
                        number(page, &count(point.trials as f64));
                    });
                }
            });
        });
    });
}

/// Estimates against exact counts.
pub(super) fn sketch(page: &mut Markup, evaluation: &Evaluation) {
    let agreement = scatter::Agreement::of(&evaluation.sketches);
    let note = format!(
        "Hosts of one side of a key: the dispersion sketch against exact sets. {} The line is a \
         perfect counter; the fuller a mark, the more keys.",
        agreement.in_words()
    );
    page.leaf("p", &[("class", "note")], &note);
    page.element("figure", &[("class", "square")], |page| {
        scatter::draw(page, &evaluation.sketches);
    });
}
