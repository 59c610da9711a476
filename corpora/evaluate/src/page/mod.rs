//! An evaluation as one HTML page.
//!
//! As one HTML page that holds all it needs: drawings are SVG in the text, there is no
//! script, nothing is fetched, and a content security policy says so. It reads in
//! light and dark, on paper and on a telephone.
//!
//! Whatever stands in an [`Evaluation`] may be hostile, payload bytes above all;
//! [`markup`] lets none of it become markup.

mod charts;
mod plot;
mod scale;
mod sections;
#[cfg(test)]
mod synthetic;
#[cfg(test)]
mod tests;

use super::results::Evaluation;
use sections::SECTIONS;
use wormsift_export::html::markup::Markup;
use wormsift_export::html::page;

const STYLE: &str = include_str!("style.css");

/// The page of an evaluation.
pub fn render(evaluation: &Evaluation) -> String {
    let title = format!("wormsift evaluation: {}", evaluation.title);
    page(&title, STYLE, |page| body(page, evaluation))
}

fn body(page: &mut Markup, evaluation: &Evaluation) {
    page.element("header", &[], |page| sections::summary::masthead(page, evaluation));
    let present = || SECTIONS.iter().filter(|section| (section.present)(evaluation));
    page.element("nav", &[("aria-label", "Contents")], |page| {
        for section in present() {
            page.leaf("a", &[("href", &format!("#{}", section.id))], section.title);
            page.text(" ");
        }
    });
    page.element("main", &[], |page| {
        for section in present() {
            page.element("section", &[("id", section.id)], |page| {
                page.leaf("h2", &[], section.title);
                (section.draw)(page, evaluation);
            });
        }
        absent(page, evaluation);
    });
    page.element("footer", &[], |page| {
        page.text(&format!("{} · {}", evaluation.setting.tool, evaluation.schema));
    });
}

/// What this evaluation has no data for, in one line.
fn absent(page: &mut Markup, evaluation: &Evaluation) {
    let absent = SECTIONS.iter().filter(|section| !(section.present)(evaluation));
    let names: Vec<String> = absent.map(|section| section.title.to_lowercase()).collect();
    if !names.is_empty() {
        let text = format!("Not part of this evaluation: {}.", names.join(", "));
        page.leaf("p", &[("class", "absent")], &text);
    }
}
