//! The incidents of many runs, summed up.

use super::incident_rows::{Asked, IncidentsRow, SubjectRow};
use super::incidents::RunIncidents;
use super::results::{Row, Run, Subject};
use super::statistics::estimate;
use std::collections::BTreeMap;
use wormsift_export::text::counted;

/// The incidents of a row's runs.
pub(crate) fn incidents_row(runs: &[Run], asked: Asked) -> IncidentsRow {
    let its = || runs.iter().map(|run| &run.incidents);
    let number = estimate(its().map(|it| it.all.len() as f64));
    let high = its().map(RunIncidents::high).sum();
    let subjects = subjects(runs);
    let odd = subjects.iter().filter(|it| !it.wrong.is_empty());
    let mut wrong: Vec<_> =
        odd.map(|it| format!("{}: {}", it.subject, it.wrong)).collect();
    match asked {
        Asked::Nothing => wrong.clear(),
        Asked::Subjects => {}
        Asked::Few(most) => wrong.extend(too_many(number.mean, high, most)),
    }
    IncidentsRow {
        number,
        high,
        kinds: count(its().flat_map(|it| it.all.iter().map(|it| &it.kind))),
        subjects,
        wrong: wrong.join("; "),
    }
}

/// Of hard negatives under the settings as they are: runs, incidents, and those that are high.
pub(crate) fn of_hard_negatives(rows: &[Row]) -> Option<[u64; 3]> {
    let is_plain = |row: &&Row| row.settings.is_empty() && row.swept.is_none();
    let rows = rows.iter().filter(|row| row.subject == Subject::Benign).filter(is_plain);
    let its: Vec<_> = rows.flat_map(|row| &row.runs).map(|run| &run.incidents).collect();
    let all = its.iter().map(|it| it.all.len() as u64).sum();
    let high = its.iter().map(|it| it.high()).sum();
    (!its.is_empty()).then_some([its.len() as u64, all, high])
}

fn too_many(mean: f64, high: u64, most: u64) -> Option<String> {
    match (high, mean > most as f64) {
        (0, false) => None,
        (0, true) => Some(format!("{mean:.1} incidents a run")),
        (high, _) => Some(format!("{} high", counted(high, "incident"))),
    }
}

/// Each subject of the truth, in its order.
fn subjects(runs: &[Run]) -> Vec<SubjectRow> {
    let names = runs.first().into_iter().flat_map(|run| &run.incidents.subjects);
    let row = |(at, expected): (usize, &super::incidents::SubjectSaid)| {
        let its = || {
            runs.iter()
                .filter_map(move |run| Some((run.seed, run.incidents.subjects.get(at)?)))
        };
        let odd = its().find(|(_, it)| !it.wrong.is_empty());
        SubjectRow {
            subject: expected.subject.clone(),
            kind: expected.kind.clone(),
            grade: expected.grade.clone(),
            runs: its().count() as u64,
            as_expected: its().filter(|(_, it)| it.wrong.is_empty()).count() as u64,
            number: estimate(its().map(|(_, it)| it.kinds.len() as f64)),
            high: its().map(|(_, it)| it.high).sum(),
            kinds: count(its().flat_map(|(_, it)| &it.kinds)),
            wrong: odd
                .map(|(seed, it)| format!("seed {seed}: {}", it.wrong))
                .unwrap_or_default(),
        }
    };
    names.enumerate().map(row).collect()
}

fn count<'a>(kinds: impl Iterator<Item = &'a String>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for kind in kinds {
        *counts.entry(kind.clone()).or_default() += 1;
    }
    counts
}
