//! The runs of a subject, summed up in a row.

use super::counted::CountedRow;
use super::high_rows::high_row;
use super::incident_rows::Asked;
use super::incident_sums::incidents_row;
use super::job::{Key, values};
use super::results::{AlarmResult, Estimate, Found, Row, Run, Subject, Sweep};
use super::statistics::{
    estimate, share_interval, some_estimate, some_estimate_of_shares,
};
use super::story::{Case, Expected, Story};
use std::collections::BTreeMap;
use wormsift_corpora::Kind;

/// One row a scenario, group of settings and swept value, worms first.
pub(crate) fn rows(
    stories: &[Story],
    sweep: Option<&Sweep>,
    mut runs: BTreeMap<Key, Run>,
) -> Vec<Row> {
    let swept = values(sweep);
    let mut rows = Vec::new();
    for story in stories {
        for case in &story.cases {
            for &value in &swept {
                let is_of_row = |key: &Key| {
                    (&key.name, &key.settings) == (&story.name, &case.settings)
                        && key.swept.as_ref() == value
                };
                let of_row: BTreeMap<Key, Run>;
                (of_row, runs) = runs.into_iter().partition(|(key, _)| is_of_row(key));
                let of_row: Vec<Run> = of_row.into_values().collect();
                if !of_row.is_empty() {
                    rows.push(row(story, case, value.cloned(), of_row));
                }
            }
        }
    }
    rows.sort_by_key(|row| row.subject != Subject::Worm);
    rows
}

fn row(story: &Story, case: &Case, swept: Option<String>, runs: Vec<Run>) -> Row {
    let profile = story.profile;
    let dispersion =
        expected(alarm_result(&runs, |run| run.dispersion), &case.dispersion);
    let propagation =
        expected(alarm_result(&runs, |run| run.propagation), &case.propagation);
    Row {
        name: story.name.clone(),
        summary: profile.summary.to_owned(),
        defeats: profile.defeats.to_owned(),
        subject: match profile.kind {
            Kind::Worm if story.options.worm => Subject::Worm,
            _ => Subject::Benign,
        },
        settings: case.settings.clone(),
        swept,
        as_expected: as_expected(&dispersion) && as_expected(&propagation),
        dispersion,
        propagation,
        sees_all: story.options.sees_all,
        found_only: profile.adversary,
        rules_wrong: rules_wrong(&runs),
        ..measured(runs, case.incidents)
    }
}

/// A content may begin or end so many bytes off its invariant, but for one run in twenty:
/// where no window of what is left is sampled, nothing shows it.
const EDGE_BYTES: u64 = 8;
const EDGE_RUNS: usize = 20;

/// What the rules of a run must hit of its worm, and may of held-out packets: a body of
/// several strings shares less with its copies.
fn goals(polymorphic: bool) -> (f64, f64) {
    if polymorphic { (0.95, 1e-4) } else { (0.99, 0.0) }
}

/// What is not good enough in the first run in which something is not.
fn rules_wrong(runs: &[Run]) -> String {
    let off = |run: &&Run| run.edges.is_some_and(|(bytes, _)| bytes > EDGE_BYTES);
    if runs.iter().filter(off).count() * EDGE_RUNS > runs.len()
        && let Some(run) = runs.iter().find(off)
    {
        let bytes = run.edges.map_or(0, |(bytes, _)| bytes);
        return format!("seed {}: content {bytes} bytes off", run.seed);
    }
    let wrong = |run: &Run| {
        let (least, most) = goals(run.polymorphic);
        if let Some([hit, all]) = run.rules_hit
            && (hit as f64) < least * all as f64
        {
            return Some(format!("seed {}: rules hit {hit} of {all}", run.seed));
        }
        let [hit, all] = run.rules_hit_benign?;
        (hit as f64 > most * all as f64)
            .then(|| format!("seed {}: rules hit {hit} benign packets", run.seed))
    };
    runs.iter().find_map(wrong).unwrap_or_default()
}

/// Whether all is as expected, rules and edges are good enough, what signatures count is
/// true, and incidents are what they should be; of what is only to be found, the first and
/// the last.
pub(crate) fn is_good(row: &Row) -> bool {
    let finer = [&row.rules_wrong, &row.counted.wrong];
    row.as_expected
        && row.incidents.wrong.is_empty()
        && (row.found_only || finer.iter().all(|wrong| wrong.is_empty()))
}

/// Over all rows that ask for it, runs whose content is the invariant byte for byte, and runs
/// that could be.
pub(crate) fn exact(rows: &[Row]) -> [u64; 2] {
    rows.iter()
        .filter(|row| !row.found_only)
        .fold([0; 2], |[exact, all], row| [exact + row.exact[0], all + row.exact[1]])
}

/// The infected at the first alarm in the rows of worms where one fired, whose tap sees all
/// or not: each row counts with its median.
pub(crate) fn first_alarms(rows: &[Row], sees_all: bool) -> Option<Estimate> {
    let rows = rows
        .iter()
        .filter(|row| row.subject == Subject::Worm && row.sees_all == sees_all);
    some_estimate(rows.filter_map(|row| row.first.infected.map(|it| it.median)))
}

/// Whether these are at least 95 in a hundred.
pub(crate) fn is_exact_enough([exact, all]: [u64; 2]) -> bool {
    100 * exact >= 95 * all
}

/// The one row of a capture.
pub(crate) fn capture_row(
    name: &str,
    subject: Subject,
    swept: Option<String>,
    run: Run,
) -> Row {
    let runs = vec![run];
    let (summary, quiet) = match subject {
        Subject::Clean => ("a capture in which nothing spreads", true),
        _ => ("a capture with its truth beside it", false),
    };
    let dispersion = alarm_result(&runs, |run| run.dispersion);
    let propagation = alarm_result(&runs, |run| run.propagation);
    // Of swept settings nothing is expected.
    let asked = if swept.is_some() { Asked::Nothing } else { Asked::Subjects };
    Row {
        name: name.to_owned(),
        summary: summary.to_owned(),
        subject,
        as_expected: !quiet
            || swept.is_some()
            || dispersion.detected + propagation.detected == 0,
        swept,
        dispersion,
        propagation,
        ..measured(runs, asked)
    }
}

/// What is counted and measured in any runs.
fn measured(runs: Vec<Run>, asked: Asked) -> Row {
    let edges = || runs.iter().filter_map(|run| run.edges);
    let exact = [edges().filter(|(_, exact)| *exact).count(), edges().count()];
    let hits = runs.iter().filter_map(|run| run.rules_hit).filter(|[_, all]| *all > 0);
    let benign = runs.iter().filter_map(|run| run.rules_hit_benign);
    let speeds = runs.iter().filter(|run| run.seconds > 0.0);
    Row {
        first: alarm_result(&runs, |run| run.first),
        false_signatures: estimate(
            runs.iter().map(|run| run.false_signatures.len() as f64),
        ),
        benign_packets_matched: some_estimate(
            runs.iter().filter_map(|run| run.benign_packets_matched.map(|n| n as f64)),
        ),
        recall: some_estimate_of_shares(runs.iter().filter_map(|run| run.recall)),
        precision: some_estimate_of_shares(runs.iter().filter_map(|run| run.precision)),
        exact: exact.map(|count| count as u64),
        edge_bytes: edges().map(|(bytes, _)| bytes).max(),
        rules_hit: some_estimate_of_shares(
            hits.map(|[hit, all]| hit as f64 / all as f64),
        ),
        rules_hit_benign: benign.reduce(|a, b| [a[0] + b[0], a[1] + b[1]]),
        counted: CountedRow::of(runs.iter().map(|run| (run.seed, &run.counted[..]))),
        incidents: incidents_row(&runs, asked),
        high: high_row(&runs),
        confirmed: (runs.iter().map(|run| run.confirmed))
            .fold([0; 2], |a, b| [a[0] + b[0], a[1] + b[1]]),
        packets: estimate(runs.iter().map(|run| run.packets as f64)),
        memory_bytes: runs.iter().map(|run| run.memory_bytes).max().unwrap_or(0),
        bytes_per_second: estimate(speeds.map(|run| run.bytes as f64 / run.seconds))
            .median,
        runs,
        ..Row::default()
    }
}

/// How one alarm did, whatever was expected of it.
pub(crate) fn alarm_result(runs: &[Run], of: fn(&Run) -> Option<Found>) -> AlarmResult {
    let found: Vec<(&Run, Found)> =
        runs.iter().filter_map(|run| Some((run, of(run)?))).collect();
    let (detected, all) = (found.len() as u64, runs.len() as u64);
    let values =
        |of: fn(&Found) -> f64| some_estimate(found.iter().map(|(_, one)| of(one)));
    let worms = found.iter().any(|(run, _)| run.vulnerable > 0);
    let shares = found.iter().filter(|(run, _)| run.vulnerable > 0);
    AlarmResult {
        detected,
        runs: all,
        rate_interval: share_interval(detected, all),
        seconds: values(|one| one.seconds),
        packets: values(|one| one.packets as f64).filter(|_| worms),
        infected: values(|one| one.infected as f64).filter(|_| worms),
        infected_share: some_estimate_of_shares(
            shares.map(|(run, one)| one.infected as f64 / run.vulnerable as f64),
        ),
        ..AlarmResult::default()
    }
}

fn expected(result: AlarmResult, expected: &Expected) -> AlarmResult {
    AlarmResult {
        expected: expected.verdict.clone(),
        reason: expected.reason.clone(),
        ..result
    }
}

fn as_expected(result: &AlarmResult) -> bool {
    match &*result.expected {
        "fires" => result.detected == result.runs,
        "silent" => result.detected == 0,
        _ => true,
    }
}
