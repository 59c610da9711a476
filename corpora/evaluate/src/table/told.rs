//! What the table says of incidents: each subject, hard negatives, and worms that were not high.

use crate::high::FEW;
use crate::incident_rows::{SubjectRow, kinds};
use crate::incident_sums::of_hard_negatives;
use crate::results::{Evaluation, Row};
use std::fmt::Write;
use wormsift_export::text::counted;

/// One line a subject of which something is expected, under a heading; nothing without any.
pub(super) fn subjects(evaluation: &Evaluation) -> Vec<Vec<String>> {
    let heading = [
        "scenario",
        "subject",
        "expected",
        "grade",
        "incidents",
        "high",
        "kinds found",
        "as expected",
        "",
    ];
    let lines = evaluation
        .rows
        .iter()
        .flat_map(|row| row.incidents.subjects.iter().map(|it| line(row, it)));
    let mut lines: Vec<_> = lines.collect();
    if !lines.is_empty() {
        lines.insert(0, heading.map(str::to_owned).to_vec());
    }
    lines
}

fn line(row: &Row, it: &SubjectRow) -> Vec<String> {
    vec![
        row.name.clone(),
        it.subject.clone(),
        if it.kind.is_empty() { "any".to_owned() } else { it.kind.clone() },
        it.grade.clone(),
        format!("{:.1}", it.number.mean),
        it.high.to_string(),
        kinds(&it.kinds),
        format!("{}/{}", it.as_expected, it.runs),
        it.wrong.clone(),
    ]
}

/// Of hard negatives, and of worms.
pub(super) fn sums(evaluation: &Evaluation) -> String {
    let mut text = String::new();
    if let Some([runs, all, high]) = of_hard_negatives(&evaluation.rows) {
        let _ = writeln!(
            text,
            "{:.2} incidents a run of hard negatives under the settings as they are, {high} of {all} \
             high",
            all as f64 / runs as f64
        );
    }
    let highs = || evaluation.rows.iter().map(|row| &row.high);
    let relayed: u64 = highs().map(|it| it.relayed).sum();
    if relayed > 0 {
        let within: u64 = highs().map(|it| it.within).sum();
        let _ = writeln!(
            text,
            "high within {FEW} infections after the first relay in {within} of {} whose tap sees \
             one",
            counted(relayed, "run")
        );
    }
    for row in evaluation.rows.iter().filter(|row| !row.high.why_not.is_empty()) {
        let settings = row.settings.trim().replace('\n', ", ");
        let of =
            if settings.is_empty() { String::new() } else { format!(" ({settings})") };
        let _ = writeln!(text, "not high, {}{of}: {}", row.name, row.high.why_not);
    }
    text
}
