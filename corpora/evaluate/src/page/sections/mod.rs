//! The sections of the page, in order.

mod drawn;
mod false_signatures;
mod rule;
mod scenarios;
mod setting;
pub(super) mod summary;

use crate::results::Evaluation;
use wormsift_export::html::markup::Markup;

/// A part of the page.
pub(super) struct Section {
    /// Its anchor.
    pub(super) id: &'static str,
    /// Its heading.
    pub(super) title: &'static str,
    /// Whether the evaluation has data for it.
    pub(super) present: fn(&Evaluation) -> bool,
    /// Writes what stands under the heading.
    pub(super) draw: fn(&mut Markup, &Evaluation),
}

const fn section(
    id: &'static str,
    title: &'static str,
    present: fn(&Evaluation) -> bool,
    draw: fn(&mut Markup, &Evaluation),
) -> Section {
    Section { id, title, present, draw }
}

/// All parts, in reading order.
pub(super) const SECTIONS: [Section; 11] = [
    section("summary", "Summary", |_| true, summary::draw),
    section("sensitivity", "Sensitivity", drawn::has_sweep, drawn::sensitivity),
    section(
        "scenarios",
        "Scenarios and captures",
        |e| !e.rows.is_empty(),
        scenarios::draw,
    ),
    section("growth", "Growth and detection", drawn::has_growth, drawn::growth),
    section(
        "benign",
        "Signatures without worms",
        |e| !e.benign.is_empty(),
        drawn::benign,
    ),
    section("maps", "Prevalence and dispersion", |e| !e.maps.is_empty(), drawn::maps),
    section("sampling", "Sampling", |e| !e.sampling.is_empty(), drawn::sampling),
    section("sketch", "Sketch accuracy", |e| !e.sketches.is_empty(), drawn::sketch),
    section("rule", "Detection rule", |e| !e.detection_rule.is_empty(), rule::draw),
    section("false", "False signatures", false_signatures::any, false_signatures::draw),
    section("setting", "Settings and inputs", |_| true, setting::draw),
];
