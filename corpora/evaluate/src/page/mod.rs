//! An evaluation as one HTML page.
//!
//! Drawings are SVG in the text. Whatever stands in an [`Evaluation`] may be hostile, payload
//! bytes above all; `wormsift_export::html` says what keeps the page harmless.

mod charts;
mod plot;
mod scale;
mod sections;
#[cfg(test)]
mod synthetic;
#[cfg(test)]
mod tests;

use super::results::Evaluation;
use maud::html;
use sections::SECTIONS;
use wormsift_export::html::{self, Section};

const STYLE: &str = include_str!("style.css");

/// The page of an evaluation.
pub fn render(evaluation: &Evaluation) -> String {
    let mut present = Vec::new();
    let mut absent = Vec::new();
    for (id, title, draw) in SECTIONS {
        match draw(evaluation) {
            Some(content) => present.push(Section { id, title, content }),
            None => absent.push(title.to_lowercase()),
        }
    }
    let body = html! {
        header { (sections::summary::masthead(evaluation)) }
        (html::contents(&present))
        (html::sections(&present))
        @if !absent.is_empty() {
            p.absent { "Not part of this evaluation: " (absent.join(", ")) "." }
        }
        footer { (evaluation.setting.tool) " · " (evaluation.schema) }
    };
    html::page(&format!("wormsift evaluation: {}", evaluation.title), STYLE, body)
}
