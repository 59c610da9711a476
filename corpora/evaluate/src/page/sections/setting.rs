//! Settings, machine and inputs of the evaluation.

use crate::results::Evaluation;
use maud::{Markup, html};
use wormsift_export::html::number::{bytes, count, duration, ranges};
use wormsift_export::html::{pairs, table};

/// Everything that is needed to do it again.
pub(super) fn draw(evaluation: &Evaluation) -> Option<Markup> {
    let setting = &evaluation.setting;
    let facts = [
        ("Engine", setting.tool.clone()),
        ("Machine", setting.machine.clone()),
        ("Threads", setting.threads.to_string()),
        ("Started", setting.started.clone()),
        ("Took", duration(setting.seconds)),
        ("Seeds", ranges(&setting.seeds)),
    ];
    let facts = facts.iter().filter(|(_, value)| !value.is_empty());
    let command = (!setting.command.is_empty())
        .then(|| ("Command", html! { code { (setting.command) } }));
    let files = html! {
        tbody {
            @for input in &setting.inputs {
                tr {
                    th scope="row" { (input.name) }
                    td.n { (bytes(input.bytes)) }
                    td.n { (count(input.packets as f64)) }
                    td { code { (input.sha256) } }
                }
            }
        }
    };
    Some(html! {
        (pairs(command.into_iter().chain(facts.map(|(name, value)| (*name, html! { (value) })))))
        @if !setting.config.is_empty() {
            h3 { "Configuration" }
            pre { (setting.config.trim_end()) }
        }
        @if !setting.inputs.is_empty() {
            h3 { "Files read" }
            (table("plain", "Files that were read", &["File", "#Size", "#Packets", "SHA-256"], files))
        }
    })
}
