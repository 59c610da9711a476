//! Summary: the headline numbers, and the rows that are not as expected.

use crate::high::FEW;
use crate::incident_sums::of_hard_negatives;
use crate::page::charts::Alarm;
use crate::results::{AlarmResult, Evaluation, Row, Run, Subject};
use crate::rows::first_alarms;
use maud::{Markup, html};
use wormsift_export::html::figures;
use wormsift_export::html::number::{NOTHING, count, duration, percent};
use wormsift_export::text::counted;

/// Rows that are named for not being as expected; the table marks them all.
const NAMED: usize = 12;

/// The head of the page: what, with what, when, where.
pub(in crate::page) fn masthead(evaluation: &Evaluation) -> Markup {
    let setting = &evaluation.setting;
    let took = format!("{} on {} threads", duration(setting.seconds), setting.threads);
    let parts = [&setting.started, &setting.tool, &setting.machine, &took];
    let parts: Vec<&str> =
        parts.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    html! {
        p.kind { "wormsift evaluation" }
        h1 { (evaluation.title) }
        p.meta { (parts.join(" · ")) }
    }
}

/// The headline numbers, and every row that is not as expected.
pub(super) fn draw(evaluation: &Evaluation) -> Option<Markup> {
    let rows = &evaluation.rows;
    let worms = || rows.iter().filter(|row| spreads(row));
    let expected = worms().filter(|row| !is_odd(row)).count();
    let [recall, precision] = [|run: &Run| run.recall, |run: &Run| run.precision]
        .map(|of| mean(worms().flat_map(|row| &row.runs).filter_map(of)));
    let mut numbers = vec![(
        "Worm rows as expected".to_owned(),
        format!("{expected}/{}", worms().count()),
        verdicts(rows),
    )];
    for alarm in Alarm::BOTH {
        let (value, detail) = infected(worms(), alarm);
        let name = format!("Median infected at the {} alarm", alarm.name());
        numbers.push((name, value, detail));
    }
    for (sees_all, name) in [
        (false, "Median infected at the first alarm"),
        (true, "The same where the tap sees all"),
    ] {
        if let Some(median) = first_alarms(rows, sees_all) {
            let detail = format!("of {}", counted(median.count, "worm row"));
            numbers.push((name.to_owned(), count(median.median), detail));
        }
    }
    if let Some((value, detail)) = high_soon(rows) {
        numbers.push(("Worm runs high soon after a relay".to_owned(), value, detail));
    }
    if let Some((value, detail)) = quiet_incidents(rows) {
        numbers.push(("Incidents a run of hard negatives".to_owned(), value, detail));
    }
    let (value, detail) = false_signatures(rows.iter().filter(|row| !spreads(row)));
    numbers.push(("Signatures where nothing spreads".to_owned(), value, detail));
    numbers.push((
        "Recall / precision".to_owned(),
        format!("{recall} / {precision}"),
        "of invariant bytes in true signatures, mean of all runs".to_owned(),
    ));
    Some(html! {
        p.lead { (lead(evaluation)) }
        @if !rows.is_empty() { (figures(numbers)) (surprises(evaluation)) }
    })
}

/// Of the runs whose tap sees a relay, those whose worm was high soon after the first.
fn high_soon(rows: &[Row]) -> Option<(String, String)> {
    let relayed: u64 = rows.iter().map(|row| row.high.relayed).sum();
    let within: u64 = rows.iter().map(|row| row.high.within).sum();
    let detail = format!("within {FEW} infections of the first relay that the tap sees");
    (relayed > 0).then(|| (format!("{within}/{relayed}"), detail))
}

/// The mean, and how many are high.
fn quiet_incidents(rows: &[Row]) -> Option<(String, String)> {
    let [runs, all, high] = of_hard_negatives(rows)?;
    let detail = format!("{high} of {all} high, under the settings as they are");
    Some((count(all as f64 / runs as f64), detail))
}

/// Whether something spreads in a row's subject.
pub(super) fn spreads(row: &Row) -> bool {
    matches!(row.subject, Subject::Worm | Subject::Labelled)
}

fn lead(evaluation: &Evaluation) -> String {
    let of =
        |subject| evaluation.rows.iter().filter(|row| row.subject == subject).count();
    let parts: Vec<String> = [
        (of(Subject::Worm), "of worms"),
        (of(Subject::Benign), "of hard negatives"),
        (of(Subject::Labelled), "of labelled captures"),
        (of(Subject::Clean), "of clean captures"),
    ]
    .into_iter()
    .filter(|(rows, _)| *rows > 0)
    .map(|(rows, what)| format!("{rows} {what}"))
    .collect();
    if parts.is_empty() {
        return "No scenario or capture was sifted.".to_owned();
    }
    let runs: usize = evaluation.rows.iter().map(|row| row.runs.len()).sum();
    let packets: u64 =
        evaluation.rows.iter().flat_map(|row| &row.runs).map(|run| run.packets).sum();
    let sweep = match &evaluation.sweep {
        None => String::new(),
        Some(sweep) => {
            let values = sweep.values.len();
            format!(", over {values} values of {}", sweep.key)
        }
    };
    format!(
        "{} rows{sweep}: {}. Each row is one scenario or capture under one group of \
         settings; {} runs, {} packets in all.",
        evaluation.rows.len(),
        parts.join(", "),
        count(runs as f64),
        count(packets as f64)
    )
}

fn verdicts(rows: &[Row]) -> String {
    let all = rows.iter().filter(|row| !spreads(row)).count();
    let expected = rows.iter().filter(|row| !spreads(row) && !is_odd(row)).count();
    match all {
        0 => "no rows without worms".to_owned(),
        _ => format!("and {expected}/{all} rows without worms"),
    }
}

/// The median over all runs in which an alarm fired.
fn infected<'a>(rows: impl Iterator<Item = &'a Row>, alarm: Alarm) -> (String, String) {
    let runs: Vec<&Run> = rows.flat_map(|row| &row.runs).collect();
    let mut hosts = Vec::new();
    let mut shares = Vec::new();
    for (run, found) in runs.iter().filter_map(|run| Some((run, alarm.of_run(run)?))) {
        hosts.push(found.infected as f64);
        if run.vulnerable > 0 {
            shares.push(found.infected as f64 / run.vulnerable as f64);
        }
    }
    let [fired, all] = [hosts.len(), runs.len()].map(|number| count(number as f64));
    let fired = format!("fired in {fired} of {all} runs");
    let share =
        median(shares).map(|share| format!("{} of the vulnerable; ", percent(share)));
    let hosts = median(hosts).map_or_else(|| NOTHING.to_owned(), count);
    (hosts, share.unwrap_or_default() + &fired)
}

/// Signatures in rows without worms, split by what is written down for the row: only those
/// of rows that should stay silent are errors of the engine.
fn false_signatures<'a>(rows: impl Iterator<Item = &'a Row>) -> (String, String) {
    let rows: Vec<&Row> = rows.filter(|row| !row.runs.is_empty()).collect();
    if rows.is_empty() {
        return (NOTHING.to_owned(), "no rows without worms".to_owned());
    }
    let of = |row: &Row| -> usize {
        row.runs.iter().map(|run| run.false_signatures.len()).sum()
    };
    let silent = |row: &&&Row| {
        row.dispersion.expected == "silent" && row.propagation.expected == "silent"
    };
    let all: usize = rows.iter().map(|row| of(row)).sum();
    let unexpected: usize = rows.iter().filter(silent).map(|row| of(row)).sum();
    let [all, expected, unexpected] =
        [all, all - unexpected, unexpected].map(|number| count(number as f64));
    let runs: usize = rows.iter().map(|row| row.runs.len()).sum();
    (
        all,
        format!(
            "in {} runs of traffic made to look like a worm: {expected} in rows where an alarm is \
             expected or allowed (services that forward by nature, low thresholds), {unexpected} \
             in rows that must stay silent",
            count(runs as f64)
        ),
    )
}

fn surprises(evaluation: &Evaluation) -> Markup {
    let odd: Vec<_> =
        evaluation.rows.iter().enumerate().filter(|(_, row)| is_odd(row)).collect();
    let more = odd.len().saturating_sub(NAMED);
    html! {
        @if odd.is_empty() { p { "Every row is as expected." } }
        @else {
            h3 { "Not as expected" }
            ul.odd {
                @for (index, row) in odd.iter().take(NAMED) {
                    li {
                        a href={ "#row" (index) } { (full_name(evaluation, row)) }
                        ": " (difference(row))
                    }
                }
            }
            @if more > 0 { p.note { "and " (counted(more as u64, "more row")) "." } }
        }
    }
}

/// A row's name with what sets it apart from others of that name.
pub(super) fn full_name(evaluation: &Evaluation, row: &Row) -> String {
    let mut parts = vec![row.name.clone()];
    let settings = row.settings.trim().replace('\n', ", ");
    parts.extend((!settings.is_empty()).then_some(settings));
    if let Some(swept) = &row.swept {
        let key = evaluation.sweep.as_ref().map_or("swept", |sweep| &sweep.key);
        parts.push(format!("{key} = {swept}"));
    }
    parts.join(" · ")
}

/// Whether an alarm or an incident of a row is not as expected.
pub(super) fn is_odd(row: &Row) -> bool {
    !row.as_expected || !row.incidents.wrong.is_empty()
}

/// How a row differs from what was expected of it.
pub(super) fn difference(row: &Row) -> String {
    let parts = Alarm::BOTH.into_iter().filter_map(|alarm| {
        let AlarmResult { detected, runs, expected, .. } = alarm.of_row(row);
        let what = match expected.as_str() {
            "fires" if detected < runs => "should fire always, and did",
            "silent" if *detected > 0 => "should stay silent, and fired",
            _ => return None,
        };
        Some(format!("{} {what} in {detected} of {runs} runs", alarm.name()))
    });
    let incidents = Some(row.incidents.wrong.clone()).filter(|it| !it.is_empty());
    let parts: Vec<String> = parts.chain(incidents).collect();
    if parts.is_empty() { "see its row".to_owned() } else { parts.join("; ") }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        length if length.is_multiple_of(2) => {
            Some((values[middle - 1] + values[middle]) / 2.0)
        }
        _ => Some(values[middle]),
    }
}

fn mean(values: impl Iterator<Item = f64>) -> String {
    let (sum, number) = values.fold((0.0, 0u32), |(sum, n), value| (sum + value, n + 1));
    if number == 0 { NOTHING.to_owned() } else { percent(sum / f64::from(number)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn what_incidents_are_not_is_a_difference() {
        let mut row = Row { as_expected: true, ..Row::default() };
        assert!(!is_odd(&row));
        row.incidents.wrong = "relays: seed 1: 3 incidents".to_owned();
        assert!(is_odd(&row));
        assert_eq!(difference(&row), "relays: seed 1: 3 incidents");
    }

    #[test]
    fn a_difference_is_a_sentence() {
        let result = |expected: &str, detected| AlarmResult {
            expected: expected.to_owned(),
            detected,
            runs: 20,
            ..AlarmResult::default()
        };
        let mut row = Row::default();
        (row.dispersion, row.propagation) = (result("fires", 19), result("silent", 0));
        assert_eq!(
            difference(&row),
            "dispersion should fire always, and did in 19 of 20 runs"
        );
        (row.dispersion, row.propagation) = (result("open", 7), result("silent", 2));
        assert_eq!(
            difference(&row),
            "propagation should stay silent, and fired in 2 of 20 runs"
        );
    }
}
