//! Tables of incidents: each subject of the truth, and worms that were not high soon.

use super::summary::full_name;
use crate::high::FEW;
use crate::incident_rows::{SubjectRow, kinds};
use crate::results::Evaluation;
use maud::{Markup, html};
use wormsift_export::html::number::count;
use wormsift_export::html::table;

const NOTE: &str = "Signatures that belong together are one incident, with a kind and a grade. An \
    incident is about the subjects at whose port it is, or with whose hosts it shares most. About \
    a subject at most two may be, of the kind and grade expected; incidents about others may not \
    be high.";
const HEADINGS: [&str; 7] = [
    "Scenario",
    "Subject",
    "Expected",
    "Kinds found",
    "#Incidents a run",
    "#High",
    "As expected",
];

/// Nothing where the truth expects nothing of incidents and every worm was high soon.
pub(super) fn draw(evaluation: &Evaluation) -> Option<Markup> {
    let rows = || evaluation.rows.iter().map(|row| (full_name(evaluation, row), row));
    let subjects: Vec<(String, &SubjectRow)> = rows()
        .flat_map(|(name, row)| {
            row.incidents.subjects.iter().map(move |it| (name.clone(), it))
        })
        .collect();
    let late: Vec<_> = rows().filter(|(_, row)| !row.high.why_not.is_empty()).collect();
    let body = html! { tbody { @for (name, it) in &subjects { (one(name, it)) } } };
    let reasons = html! {
        tbody { @for (name, row) in &late { tr { td { (name) } td { (row.high.why_not) } } } }
    };
    let title = format!(
        "Worms that were not high within {FEW} infections after the first relay that the tap sees"
    );
    (!subjects.is_empty() || !late.is_empty()).then(|| {
        html! {
            p.note { (NOTE) }
            @if !subjects.is_empty() {
                (table("plain", "What is to be made of each subject", &HEADINGS, body))
            }
            @if !late.is_empty() {
                (table("plain", &title, &["Scenario", "Why not"], reasons))
            }
        }
    })
}

fn one(name: &str, it: &SubjectRow) -> Markup {
    html! {
        tr {
            td { (name) }
            td { (it.subject) }
            td { (it.kind) " " (it.grade) }
            td { (kinds(&it.kinds)) }
            td.n { (count(it.number.mean)) }
            td.n { (it.high) }
            td { (it.as_expected) "/" (it.runs) @if !it.wrong.is_empty() { " " (it.wrong) } }
        }
    }
}
