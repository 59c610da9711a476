//! The findings of a run as an HTML page: `--report`.
//!
//! Incidents come first, each with its signatures and what it shows as pictures; then the
//! signatures.

pub(crate) mod incident;
mod pictures;
pub(crate) mod signature;

use crate::output::muted::{self, MutedFinding};
use crate::output::table::{Ranking, brief, moment, shown};
use maud::{Markup, html};
use pictures::scatter;
use serde_json::Value;
use signature::Most;
use std::collections::BTreeSet;
use wormsift::signature::{Confidence, Incident, Kind, Signature};
use wormsift_export::html::{self, Section, figures, table};
use wormsift_export::text::{counted, grouped, service};

const STYLE: &str = include_str!("findings_page/style.css");

/// Bytes of a content that a row shows.
const PREVIEW: usize = 48;
/// Incidents that have a section, and those of them that have pictures of their own.
const INCIDENTS: usize = 100;
const PICTURED: usize = 20;

/// What is shown.
pub(crate) struct Findings<'a> {
    /// The command as it was given.
    pub(crate) command: String,
    /// The program and the kernel.
    pub(crate) tool: String,
    /// The final state of each signature.
    pub(crate) signatures: &'a [Signature],
    /// The last word on each incident, in any order.
    pub(crate) incidents: Vec<&'a Incident>,
    /// What is muted, which is in neither.
    pub(crate) muted: Vec<&'a MutedFinding>,
    pub(crate) warnings: &'a [String],
    /// All counters, by section.
    pub(crate) stats: Value,
    /// The settings, TOML.
    pub(crate) settings: String,
}

/// The page of a run.
pub(crate) fn render(findings: &Findings<'_>) -> String {
    let (best, total) = Ranking::of(findings.signatures).best();
    let mut incidents = findings.incidents.clone();
    incidents.sort_by(|a, b| a.by_rank(b));
    let in_full = html! {
        @for (signature, rank) in best.iter().zip(1..) {
            (signature::draw(&format!("{rank}. "), signature, Most::ALL))
        }
    };
    let setting = html! {
        pre { (findings.command) }
        pre { (findings.settings.trim_end()) }
    };
    let sections = [
        (
            "incidents",
            "Incidents",
            self::incidents(findings.signatures, &incidents, &best),
        ),
        ("ranking", "Signatures", ranking(&best, total)),
        ("signatures", "Signatures in full", in_full),
        ("muted", "Muted", muted_findings(&findings.muted)),
        ("counters", "Counters", counters(&findings.stats)),
        ("setting", "Command and settings", setting),
    ]
    .map(|(id, title, content)| Section { id, title, content });
    let is_shown = |it: &Section| it.id != "muted" || !findings.muted.is_empty();
    let sections: Vec<Section> = sections.into_iter().filter(is_shown).collect();
    let title = format!(
        "{}, {}",
        counted(incidents.len() as u64, "incident"),
        counted(total, "signature")
    );
    let body = html! {
        header { (masthead(findings, &title)) }
        (html::contents(&sections))
        (html::sections(&sections))
        footer { (findings.tool) }
    };
    html::page(&format!("wormsift: {title}"), STYLE, body)
}

/// All signatures in a picture, and each incident.
fn incidents(all: &[Signature], incidents: &[&Incident], best: &[Signature]) -> Markup {
    let shown = &incidents[..incidents.len().min(INCIDENTS)];
    let linked: BTreeSet<&str> = best.iter().map(|it| it.id.as_str()).collect();
    let others = (incidents.len() - shown.len()) as u64;
    html! {
        @if shown.is_empty() { p { "No incident was found." } }
        @else { (incident::overview(shown)) }
        @if others > 0 { p.note { "and " (grouped(others)) " more" } }
        @if let Some(scatter) = scatter::draw(all, incidents) { (scatter) }
        @for (n, it) in shown.iter().enumerate() {
            (incident::draw(n as u64 + 1, it, &linked, n < PICTURED))
        }
    }
}

fn masthead(findings: &Findings<'_>, title: &str) -> Markup {
    let all = findings.signatures;
    let of = |name: &str| findings.stats["packet_counters"][name].as_u64().unwrap_or(0);
    let first = all.iter().map(|s| s.first_seen).min();
    let last = all.iter().map(|s| s.last_seen).max();
    let outbreaks = findings.incidents.iter().filter(|it| it.kind == Kind::Outbreak);
    let outbreaks = ("outbreaks".to_owned(), grouped(outbreaks.count() as u64), "");
    let grades = [Confidence::High, Confidence::Medium, Confidence::Low].map(|grade| {
        let many = all.iter().filter(|s| s.confidence == grade).count();
        (format!("signatures of {} confidence", grade.name()), grouped(many as u64), "")
    });
    let passed_on = all.iter().filter(|s| !s.relays.is_empty()).count() as u64;
    let passed_on =
        ("signatures seen to be passed on".to_owned(), grouped(passed_on), "");
    html! {
        p.kind { "wormsift detect" }
        h1 { (title) }
        p.meta {
            (counted(of("packets"), "packet")) " · "
            (counted(of("payload_bytes"), "byte")) " of payload"
            @if let (Some(first), Some(last)) = (first, last) {
                " · seen from " (moment(first)) " to " (moment(last)) " UTC"
            }
        }
        (figures([outbreaks].into_iter().chain(grades).chain([passed_on])))
        @for warning in findings.warnings { p.warn { (warning) } }
    }
}

const HEADINGS: [&str; 12] = [
    "#Rank",
    "Confidence",
    "Alarm",
    "Service",
    "#Bytes",
    "#Sources",
    "#Destinations",
    "#Spread",
    "#Relays",
    "First seen",
    "Detected at",
    "Content",
];

fn ranking(best: &[Signature], total: u64) -> Markup {
    let rows = html! {
        tbody {
            @for (signature, rank) in best.iter().zip(1..) { (row(rank, signature)) "\n" }
        }
    };
    let others = total - best.len() as u64;
    html! {
        @if best.is_empty() { p { "No signature was found." } }
        @else { (table("plain", "Signatures, the most telling first", &HEADINGS, rows)) }
        @if others > 0 { p.note { "and " (grouped(others)) " more" } }
    }
}

fn row(rank: u64, s: &Signature) -> Markup {
    let grade = s.confidence.name();
    html! {
        tr {
            td.n { (grouped(rank)) }
            td class=(grade) { (grade) }
            td { (s.alarm.name()) }
            td { (service(s)) }
            td.n { (grouped(s.content.len() as u64)) }
            @for count in [s.source_count(), s.destination_count(), s.spread_count()] {
                td.n { (brief(count)) }
            }
            td.n { (grouped(s.relays.len() as u64)) }
            td.n.when { (moment(s.first_seen)) }
            td.n.when { (moment(s.detected_at)) }
            td.preview { a href={ "#s" (s.id) } { code { (shown(&s.content, PREVIEW)) } } }
        }
    }
}

const MUTED_HEADINGS: [&str; 6] =
    ["What", "Kind", "Confidence", "Services", "Muted", "Id"];

/// What is muted, a row each: for this page and that of a live sensor.
pub(crate) fn muted_findings(muted: &[&MutedFinding]) -> Markup {
    let shown = &muted[..muted.len().min(muted::ROWS)];
    let rows = html! {
        tbody {
            @for it in shown {
                tr {
                    td { (it.noun()) }
                    td { (scatter::kind_name(it.kind)) }
                    td class=(it.confidence.name()) { (it.confidence.name()) }
                    td { (it.services) }
                    td { (it.muted.words()) }
                    td { code { (it.id) } }
                }
                "\n"
            }
        }
    };
    let others = muted.len() - shown.len();
    html! {
        (table("plain", "What is muted", &MUTED_HEADINGS, rows))
        @if others > 0 { p.note { "and " (grouped(others as u64)) " more" } }
    }
}

/// Counters above zero, a table a section.
fn counters(stats: &Value) -> Markup {
    let sections =
        stats.as_object().into_iter().flatten().filter_map(|(name, values)| {
            let counted = |value: &Value| value.as_f64().is_some_and(|v| v != 0.0);
            let values = values.as_object()?.iter().filter(|(_, value)| counted(value));
            let values: Vec<_> = values.collect();
            (!values.is_empty()).then_some((name, values))
        });
    let rows = |values: &[(&String, &Value)]| {
        html! {
            tbody {
                @for (name, value) in values {
                    tr {
                        td { (name.replace('_', " ")) }
                        td.n { (value.as_u64().map_or_else(|| value.to_string(), grouped)) }
                    }
                }
            }
        }
    };
    html! {
        div.counters {
            @for (name, values) in sections { (table("plain", name, &[name, "#"], rows(&values))) }
        }
    }
}

#[cfg(test)]
mod tests;
