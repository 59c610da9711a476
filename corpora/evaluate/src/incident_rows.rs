//! The incidents of a row's runs, summed up.

use super::incidents::RunIncidents;
use super::results::{Estimate, Row, Run, Subject};
use super::statistics::estimate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use wormsift_export::text::counted;

/// The incidents of a row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct IncidentsRow {
    /// Incidents a run.
    pub(crate) number: Estimate,
    /// How many are high, in all runs.
    pub(crate) high: u64,
    /// How many are of each kind, in all runs.
    pub(crate) kinds: BTreeMap<String, u64>,
    /// What was expected of each subject beside what was said.
    pub(crate) subjects: Vec<SubjectRow>,
    /// All that is not as expected; empty where all is, or nothing is expected.
    pub(crate) wrong: String,
}

/// One subject in all runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SubjectRow {
    pub(crate) subject: String,
    /// The kind expected; empty where any may be.
    pub(crate) kind: String,
    /// The grade expected.
    pub(crate) grade: String,
    /// Runs, and those that are as expected.
    pub(crate) runs: u64,
    /// See `runs`.
    pub(crate) as_expected: u64,
    /// Incidents about it a run.
    pub(crate) number: Estimate,
    /// How many are high, in all runs.
    pub(crate) high: u64,
    /// How many are of each kind, in all runs.
    pub(crate) kinds: BTreeMap<String, u64>,
    /// What is not as expected in the first run in which something is not.
    pub(crate) wrong: String,
}

/// What is asked of a row's incidents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Nothing.
    Nothing,
    /// What the truth expects of its subjects.
    Subjects,
    /// The same, and that a run has so many at most, none of them high: nothing spreads.
    Few(u64),
}

impl IncidentsRow {
    pub(crate) fn of(runs: &[Run], asked: Asked) -> Self {
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
        Self {
            number,
            high,
            kinds: count(its().flat_map(|it| it.all.iter().map(|it| &it.kind))),
            subjects,
            wrong: wrong.join("; "),
        }
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

/// Kinds and how many of each, for a cell: `outbreak 3, unclear 1`.
pub(crate) fn kinds(counts: &BTreeMap<String, u64>) -> String {
    let parts: Vec<_> = counts.iter().map(|(kind, n)| format!("{kind} {n}")).collect();
    parts.join(", ")
}
