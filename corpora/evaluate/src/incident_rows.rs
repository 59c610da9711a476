//! The incidents of a row's runs, summed up.

use super::statistics::Estimate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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

/// Kinds and how many of each, for a cell: `outbreak 3, unclear 1`.
pub(crate) fn kinds(counts: &BTreeMap<String, u64>) -> String {
    let parts: Vec<_> = counts.iter().map(|(kind, n)| format!("{kind} {n}")).collect();
    parts.join(", ")
}
