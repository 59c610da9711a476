//! What do the runs of a subject come to?

use super::job::Key;
use super::results::{AlarmResult, Found, Row, Run, Subject, Sweep};
use super::statistics::{estimate, share_interval, some_estimate};
use std::collections::BTreeMap;
use wormsift_corpora::{Expectation, Kind, Profile, Verdict};

/// One row a scenario, group of settings and swept value, worms first.
pub(crate) fn rows(
    profiles: &[&'static Profile],
    sweep: Option<&Sweep>,
    mut runs: BTreeMap<Key, Run>,
) -> Vec<Row> {
    let mut rows = Vec::new();
    for profile in profiles {
        for expectation in profile.expectations {
            let swept: Vec<Option<&String>> = match sweep {
                Some(sweep) => sweep.values.iter().map(Some).collect(),
                None => vec![None],
            };
            for value in swept {
                let of_row: Vec<Key> = runs
                    .keys()
                    .filter(|key| {
                        key.name == profile.name
                            && key.settings == expectation.settings
                            && key.swept.as_ref() == value
                    })
                    .cloned()
                    .collect();
                let runs: Vec<Run> =
                    of_row.iter().filter_map(|key| runs.remove(key)).collect();
                if !runs.is_empty() {
                    let swept = value.cloned();
                    rows.push(row(profile, expectation, swept, runs, sweep.is_some()));
                }
            }
        }
    }
    rows.sort_by_key(|row| row.subject != Subject::Worm);
    rows
}

fn row(
    profile: &Profile,
    expectation: &Expectation,
    swept: Option<String>,
    runs: Vec<Run>,
    is_swept: bool,
) -> Row {
    let alarm = |verdict: Verdict, of: fn(&Run) -> Option<Found>| {
        let result = alarm_result(&runs, of);
        // What was expected holds for the settings that it was written down for.
        if is_swept { result } else { expected(result, verdict) }
    };
    let dispersion = alarm(expectation.dispersion, |run| run.dispersion);
    let propagation = alarm(expectation.propagation, |run| run.propagation);
    Row {
        name: profile.name.to_owned(),
        summary: profile.summary.to_owned(),
        defeats: profile.defeats.to_owned(),
        subject: match profile.kind {
            Kind::Worm => Subject::Worm,
            Kind::Benign => Subject::Benign,
        },
        settings: expectation.settings.to_owned(),
        swept,
        as_expected: as_expected(&dispersion) && as_expected(&propagation),
        dispersion,
        propagation,
        ..measured(runs)
    }
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
    Row {
        name: name.to_owned(),
        summary: summary.to_owned(),
        subject,
        swept,
        as_expected: !quiet || dispersion.detected + propagation.detected == 0,
        dispersion,
        propagation,
        ..measured(runs)
    }
}

/// What is counted and measured in any runs.
fn measured(runs: Vec<Run>) -> Row {
    let speeds = runs.iter().filter(|run| run.seconds > 0.0);
    Row {
        false_signatures: estimate(
            runs.iter().map(|run| run.false_signatures.len() as f64),
        ),
        benign_packets_matched: some_estimate(
            runs.iter().filter_map(|run| run.benign_packets_matched.map(|n| n as f64)),
        ),
        recall: some_estimate(runs.iter().filter_map(|run| run.recall)),
        precision: some_estimate(runs.iter().filter_map(|run| run.precision)),
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
        infected_share: some_estimate(
            shares.map(|(run, one)| one.infected as f64 / run.vulnerable as f64),
        ),
        ..AlarmResult::default()
    }
}

fn expected(result: AlarmResult, verdict: Verdict) -> AlarmResult {
    let (expected, reason) = match verdict {
        Verdict::Fires => ("fires", ""),
        Verdict::Late(why) => ("fires", why),
        Verdict::Silent(why) => ("silent", why),
        Verdict::Open(what) => ("open", what),
    };
    AlarmResult { expected: expected.to_owned(), reason: reason.to_owned(), ..result }
}

fn as_expected(result: &AlarmResult) -> bool {
    match &*result.expected {
        "fires" => result.detected == result.runs,
        "silent" => result.detected == 0,
        _ => true,
    }
}
