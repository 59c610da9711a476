//! Settings, machine and inputs of the evaluation.

use crate::results::{Evaluation, Input};
use wormsift_export::html::markup::Markup;
use wormsift_export::html::number::{bytes, count, duration, ranges};
use wormsift_export::html::tables::{headings, number, scrolling};

/// Everything that is needed to do it again.
pub(super) fn draw(page: &mut Markup, evaluation: &Evaluation) {
    let setting = &evaluation.setting;
    page.element("dl", &[("class", "setting")], |page| {
        pair(page, "Command", &setting.command, "code");
        pair(page, "Engine", &setting.tool, "span");
        pair(page, "Machine", &setting.machine, "span");
        pair(page, "Threads", &setting.threads.to_string(), "span");
        pair(page, "Started", &setting.started, "span");
        pair(page, "Took", &duration(setting.seconds), "span");
        pair(page, "Seeds", &ranges(&setting.seeds), "span");
    });
    if !setting.config.is_empty() {
        page.leaf("h3", &[], "Configuration");
        page.leaf("pre", &[], setting.config.trim_end());
    }
    if !setting.inputs.is_empty() {
        page.leaf("h3", &[], "Files read");
        inputs(page, &setting.inputs);
    }
}

fn pair(page: &mut Markup, name: &str, value: &str, element: &'static str) {
    if value.is_empty() {
        return;
    }
    page.leaf("dt", &[], name);
    page.element("dd", &[], |page| page.leaf(element, &[], value));
}

fn inputs(page: &mut Markup, inputs: &[Input]) {
    scrolling(page, "plain", "Files that were read", |page| {
        headings(page, &["File", "#Size", "#Packets", "SHA-256"]);
        page.element("tbody", &[], |page| {
            for input in inputs {
                page.element("tr", &[], |page| {
                    page.leaf("th", &[("scope", "row")], &input.name);
                    number(page, &bytes(input.bytes));
                    number(page, &count(input.packets as f64));
                    page.element("td", &[], |page| page.leaf("code", &[], &input.sha256));
                });
            }
        });
    });
}
