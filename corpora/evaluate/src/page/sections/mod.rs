//! The sections of the page, in order.

mod drawn;
mod false_signatures;
mod incidents;
mod isolation;
mod rule;
mod scenarios;
mod setting;
pub(super) mod summary;

use crate::results::Evaluation;
use maud::Markup;

/// What stands under a heading; nothing where the evaluation has no data for it.
type Draw = fn(&Evaluation) -> Option<Markup>;

/// Anchors, headings and contents, in reading order.
pub(super) const SECTIONS: [(&str, &str, Draw); 13] = [
    ("summary", "Summary", summary::draw),
    ("sensitivity", "Sensitivity", drawn::sensitivity),
    ("scenarios", "Scenarios and captures", scenarios::draw),
    ("incidents", "Incidents", incidents::draw),
    ("growth", "Growth and detection", drawn::growth),
    ("isolation", "Isolation", isolation::draw),
    ("benign", "Signatures without worms", drawn::benign),
    ("maps", "Prevalence and dispersion", drawn::maps),
    ("sampling", "Sampling", drawn::sampling),
    ("sketch", "Sketch accuracy", drawn::sketch),
    ("rule", "Detection rule", rule::draw),
    ("false", "False signatures", false_signatures::draw),
    ("setting", "Settings and inputs", setting::draw),
];
