//! Sections that show charts.

use super::summary::full_name;
use crate::page::charts::{Alarm, bars, growth as curve, map, sampling as formula};
use crate::page::charts::{sensitivity as swept, sketch as scatter};
use crate::results::{Evaluation, Row};
use maud::{Markup, html};
use wormsift_export::html::number::{count, percent, percent_interval, tick};
use wormsift_export::html::table;

/// One small chart a worm. Along a sweep the curves are the same: one is enough.
pub(super) fn growth(evaluation: &Evaluation) -> Option<Markup> {
    let rows = &evaluation.rows;
    let drawn: Vec<_> = (0..)
        .zip(rows)
        .filter(|(index, row)| {
            let same =
                |other: &Row| other.name == row.name && other.settings == row.settings;
            row.swept.is_none() || !rows[..*index].iter().any(same)
        })
        .filter_map(|(index, row)| Some((index, row, curve::front(row)?)))
        .collect();
    (!drawn.is_empty()).then(|| html! {
        p.note {
            "Hosts infected over time since the first infection. "
            "The dark line is the first run, the pale ones are the others; "
            @for alarm in Alarm::BOTH { (alarm.key()) " " (alarm.name()) " alarm, " }
            "large in the first run and small in the others. Vertical axes are logarithmic \
             where the outbreak passes twenty hosts."
        }
        div.grid3 {
            @for (index, row, front) in drawn {
                figure {
                    figcaption { a href={ "#row" (index) } { (full_name(evaluation, row)) } }
                    (curve::draw(row, front))
                    ul.moments {
                        @for alarm in Alarm::BOTH {
                            li {
                                (alarm.key()) " " (alarm.name()) ": "
                                (curve::moment(row, front, alarm))
                            }
                        }
                    }
                }
            }
        }
    })
}

/// Three charts a scenario: detection, delay, false signatures.
pub(super) fn sensitivity(evaluation: &Evaluation) -> Option<Markup> {
    let sweep = evaluation.sweep.as_ref()?;
    let groups = swept::group(&evaluation.rows, sweep);
    let name = |row: &Row| full_name(evaluation, &Row { swept: None, ..row.clone() });
    (!groups.is_empty()).then(|| html! {
        p.note {
            "Against " code { (sweep.key) }
            ": the share of runs detected, hosts infected at detection (mean), and false \
             signatures a run (mean; both alarms together). Shades are 95 % intervals. "
            @for alarm in Alarm::BOTH { (alarm.key()) " " (alarm.name()) " " }
        }
        @for group in groups {
            h3 { (name(group.first)) }
            div.grid3 {
                figure { (group.detection(sweep)) }
                figure { (group.infected(sweep)) }
                figure { (group.false_signatures(sweep)) }
            }
        }
    })
}

/// Signatures by thresholds.
pub(super) fn benign(evaluation: &Evaluation) -> Option<Markup> {
    let counts = &evaluation.benign;
    let most = counts.iter().map(|c| c.signatures.len()).max()? as f64;
    let rows = html! {
        @for capture in counts.chunk_by(|a, b| a.name == b.name) {
            tbody {
                @for (index, one) in capture.iter().enumerate() {
                    tr {
                        @if index == 0 {
                            th scope="rowgroup" rowspan=(capture.len()) { (one.name) }
                        }
                        td { (one.thresholds) }
                        td.bars { (bars::draw(one.signatures.len() as f64, most)) }
                    }
                }
            }
        }
    };
    let headings = ["Capture", "Thresholds", "Signatures"];
    Some(html! {
        p.note {
            "Signatures on captures that hold nothing that spreads, by the thresholds of sources \
             and destinations, and by the propagation alarm."
        }
        (table("plain", "Signatures by thresholds", &headings, rows))
    })
}

/// Heat maps.
pub(super) fn maps(evaluation: &Evaluation) -> Option<Markup> {
    let threshold = threshold(&evaluation.setting.config);
    (!evaluation.maps.is_empty()).then(|| html! {
        p.note {
            "Content keys by how often they were seen and by the smaller of their numbers of \
             sources and destinations; each square spans powers of two. Shades, ordinary keys: "
            @for shade in 0..map::SHADES {
                svg.swatch viewBox="0 0 12 12" aria-hidden="true" {
                    rect class={ "shade" (shade) } width="12" height="12" {}
                }
                " from " (tick(10f64.powi(shade as i32))) " "
            }
            "· " (map::key()) " planted keys, the larger the more."
        }
        div.grid2 {
            @for one in &evaluation.maps {
                figure { figcaption { (one.name) } (map::draw(one, threshold)) }
            }
        }
    })
}

/// The dispersion that both sides must reach, when it is one number.
fn threshold(config: &str) -> Option<u32> {
    let table: toml::Table = toml::from_str(config).ok()?;
    let value = |key: &str| table.get(key)?.as_integer();
    let (sources, destinations) = (value("sources")?, value("destinations")?);
    (sources == destinations).then(|| u32::try_from(sources).ok()).flatten()
}

/// Tracked shares over the formula, and the numbers behind them.
pub(super) fn sampling(evaluation: &Evaluation) -> Option<Markup> {
    let points = &evaluation.sampling;
    let headings = ["#Bytes", "#Formula", "#Measured", "#95 % interval", "#Trials"];
    let rows = html! {
        tbody {
            @for point in points {
                tr {
                    th.n scope="row" { (point.length) }
                    td.n { (percent(point.expected)) }
                    td.n { (percent(point.tracked)) }
                    td.n { (percent_interval(point.interval)) }
                    td.n { (count(point.trials as f64)) }
                }
            }
        }
    };
    (!points.is_empty()).then(|| html! {
        p.note {
            "Share of invariants of which at least one window is sampled: dots are measured, \
             with 95 % intervals; the curve is 1 − (1 − f)^(x − β + 1). "
            (formula::within(points)) " of " (points.len())
            " intervals hold the formula’s value."
        }
        div.beside {
            figure.wide { (formula::draw(points)) }
            (table("plain", "Share tracked by length", &headings, rows))
        }
    })
}

/// Estimates against exact counts.
pub(super) fn sketch(evaluation: &Evaluation) -> Option<Markup> {
    let points = &evaluation.sketches;
    (!points.is_empty()).then(|| {
        html! {
            p.note {
                "Hosts of one side of a key: the dispersion sketch against exact sets. "
                (scatter::Agreement::of(points).in_words())
                " The line is a perfect counter; the fuller a mark, the more keys."
            }
            figure.square { (scatter::draw(points)) }
        }
    })
}
