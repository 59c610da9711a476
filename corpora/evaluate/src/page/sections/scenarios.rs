//! A table row for each scenario and capture.

use super::summary::{difference, is_odd};
use crate::counted::CountedRow;
use crate::high::HighRow;
use crate::incident_rows::IncidentsRow;
use crate::page::charts::Alarm;
use crate::results::{AlarmResult, Estimate, Evaluation, Row, Subject};
use maud::{Markup, html};
use wormsift_export::html::number::{
    NOTHING, bytes, count, count_interval, duration, percent, percent_interval, rate,
};
use wormsift_export::html::table_of;

/// Columns of the table.
const COLUMNS: &str = "17";
const GROUPS: [(Subject, &str); 4] = [
    (Subject::Worm, "Worms"),
    (Subject::Benign, "Hard negatives: nothing spreads"),
    (Subject::Labelled, "Labelled captures"),
    (Subject::Clean, "Clean captures: nothing spreads"),
];
const NOTE: &str = "Detected: runs in which the alarm found all that was planted (without worms: \
    in which it fired at all), over the 95 % interval of the rate. Infected: the median number \
    of hosts by then, over the share of the vulnerable and the range. Delay: the median time \
    from the content’s first packet, over the packets that had carried it. Recall and \
    precision: of invariant bytes; exact: runs whose content is the invariant, byte for byte. \
    Hosts as counted: true signatures whose sources, destinations and first sighting are what \
    the truth says, within the error that they state. Incidents: over how many are high in all \
    runs. Infected when high: hosts infected when the worm was first graded high, over those \
    since the first relay that the tap sees. \
    Over TCP, rules hit flows. Other numbers are means over their 95 % interval; speed is one \
    thread’s.";
/// The columns after those of the alarms.
const NUMBERS: [&str; 9] = [
    "False signatures a run",
    "Recall, precision",
    "Benign packets matched",
    "Worm packets hit by rules",
    "Content exact",
    "Hosts as counted",
    "Incidents a run",
    "Infected when high",
    "Memory, speed",
];

/// One row a scenario and group of settings.
pub(super) fn draw(evaluation: &Evaluation) -> Option<Markup> {
    let rows = |subject| {
        (0..).zip(&evaluation.rows).filter(move |(_, row)| row.subject == subject)
    };
    let body = html! {
        @for (subject, title) in GROUPS {
            @if rows(subject).next().is_some() {
                tbody.group { tr { th colspan=(COLUMNS) scope="rowgroup" { (title) } } }
            }
            @for (index, row) in rows(subject) {
                // Along a sweep, what is said of the scenario is said once.
                @let before = rows(subject).take_while(|(other, _)| *other < index).last();
                @let again = before
                    .is_some_and(|(_, it)| it.name == row.name && it.settings == row.settings);
                (one(evaluation, index, row, again))
            }
        }
    };
    (!evaluation.rows.is_empty()).then(|| {
        html! {
            p.note { (NOTE) }
            (table_of("rows", "Results of every row", head(), body))
        }
    })
}

fn head() -> Markup {
    html! {
        tr {
            th scope="col" rowspan="2" { "Scenario and settings" }
            th scope="col" rowspan="2" { "Verdict" }
            @for alarm in Alarm::BOTH {
                th.alarm scope="colgroup" colspan="3" { (alarm.key()) " " (alarm.name()) " alarm" }
            }
            @for name in NUMBERS { th.n scope="col" rowspan="2" { (name) } }
        }
        tr {
            @for _ in Alarm::BOTH {
                th.n.first scope="col" { "Detected" }
                th.n scope="col" { "Infected" }
                th.n scope="col" { "Delay" }
            }
        }
    }
}

fn one(evaluation: &Evaluation, index: usize, row: &Row, again: bool) -> Markup {
    let (class, verdict) = match is_odd(row) {
        false => ("row", "as expected"),
        true => ("row unexpected", "not as expected"),
    };
    let key = evaluation.sweep.as_ref().map_or("", |sweep| &sweep.key);
    html! {
        tbody class=(class) id={ "row" (index) } {
            tr {
                th scope="row" {
                    (row.name)
                    @if let Some(swept) = &row.swept { code { (key) " = " (swept) } }
                    @for line in row.settings.lines().filter(|line| !line.trim().is_empty()) {
                        code { (line) }
                    }
                }
                td.verdict { (verdict) }
                @for alarm in Alarm::BOTH { (alarm_cells(alarm.of_row(row), row.subject)) }
                (numbers(row))
            }
            @if !again || is_odd(row) {
                tr.about { td colspan=(COLUMNS) { div { (about(row, again)) } } }
            }
        }
        "\n"
    }
}

fn alarm_cells(result: &AlarmResult, subject: Subject) -> Markup {
    let class = match (result.expected.as_str(), result.detected) {
        ("fires", detected) if detected < result.runs => "n first wrong",
        ("silent", detected) if detected > 0 => "n first wrong",
        _ => "n first",
    };
    let has_infected = matches!(subject, Subject::Worm | Subject::Labelled);
    let infected = result.infected.filter(|_| has_infected).map(|infected| {
        let share =
            result.infected_share.map(|share| format!("{}, ", percent(share.median)));
        let range = count_interval(infected.range);
        (count(infected.median), share.unwrap_or_default() + &range)
    });
    let delay = result.seconds.map(|seconds| {
        let more = match result.packets {
            Some(packets) => format!("{} packets", count(packets.median)),
            None => seconds.range.map(duration).join("–"),
        };
        (duration(seconds.median), more)
    });
    html! {
        td class=(class) {
            @if result.runs == 0 { (NOTHING) } @else { (result.detected) "/" (result.runs) }
            @if result.runs > 1 { small { (percent_interval(result.rate_interval)) } }
        }
        (cell(infected))
        (cell(delay))
    }
}

/// A cell with a number and, smaller under it, more about it.
fn cell(content: Option<(String, String)>) -> Markup {
    let (number, more) = content.unwrap_or_else(|| (NOTHING.to_owned(), String::new()));
    html! { td.n { (number) @if !more.is_empty() { small { (more) } } } }
}

fn numbers(row: &Row) -> Markup {
    let mean = |e: Option<Estimate>| e.map_or(NOTHING.to_owned(), |e| percent(e.mean));
    let [exact, runs] = row.exact;
    html! {
        (cell(mean_of(Some(row.false_signatures))))
        td.n.first {
            (mean(row.recall))
            @if row.recall.is_some() || row.precision.is_some() { small { (mean(row.precision)) } }
        }
        (cell(mean_of(row.benign_packets_matched)))
        (cell(row.rules_hit.map(|hit| (percent(hit.mean), row.rules_wrong.clone()))))
        (cell((runs > 0).then(|| (format!("{exact} of {runs}"), String::new()))))
        (cell(hosts(&row.counted)))
        (cell(incidents(&row.incidents)))
        (cell(high(&row.high)))
        (cell(Some((bytes(row.memory_bytes), rate(row.bytes_per_second)))))
    }
}

/// Of how many signatures the hosts and the first sighting are as they say.
fn hosts(it: &CountedRow) -> Option<(String, String)> {
    let said = format!("{} of {}", it.within, it.compared);
    (it.compared > 0).then(|| (said, it.wrong.clone()))
}

/// Incidents a run, and how many are high in all.
fn incidents(it: &IncidentsRow) -> Option<(String, String)> {
    let high = if it.high > 0 { format!("{} high", it.high) } else { String::new() };
    (it.number.count > 0).then(|| (count(it.number.mean), high))
}

/// Hosts infected when it was high, and those since the first relay.
fn high(it: &HighRow) -> Option<(String, String)> {
    let mut more = it.after_relay.map(|it| format!("{} since a relay", count(it.median)));
    if it.high < it.runs {
        more = Some(format!("in {} of {} runs", it.high, it.runs));
    }
    let infected = it.infected.map_or_else(|| NOTHING.to_owned(), |it| count(it.median));
    (it.runs > 0).then(|| (infected, more.unwrap_or_default()))
}

/// A mean of counts, and its interval where it has a length.
fn mean_of(estimate: Option<Estimate>) -> Option<(String, String)> {
    let e = estimate.filter(|estimate| estimate.count > 0)?;
    let is_interval = e.count > 1 && e.interval[0] < e.interval[1];
    let interval = if is_interval { count_interval(e.interval) } else { String::new() };
    Some((count(e.mean), interval))
}

/// What the row is about, and what was expected of it and why.
fn about(row: &Row, again: bool) -> Markup {
    let introduced = match row.subject {
        Subject::Worm | Subject::Labelled => " Meant to defeat: ",
        Subject::Benign | Subject::Clean => " Imitates: ",
    };
    html! {
        @if !again {
            @if !row.summary.is_empty() { (sentence(&row.summary)) }
            @if !row.defeats.is_empty() { i { (introduced) } (sentence(&row.defeats)) }
            @for alarm in Alarm::BOTH { (expectation(alarm, alarm.of_row(row))) }
        }
        @if is_odd(row) { strong { " Not as expected: " (difference(row)) "." } }
    }
}

fn expectation(alarm: Alarm, result: &AlarmResult) -> Markup {
    let reason = match result.reason.is_empty() {
        true => String::new(),
        false => format!(", {}", result.reason),
    };
    html! {
        @if !result.expected.is_empty() {
            i { " Expected of the " (alarm.name()) " alarm: " }
            (sentence(&format!("{}{reason}", result.expected)))
        }
    }
}

/// Ends with one full stop.
fn sentence(text: &str) -> String {
    format!("{}.", text.trim_end_matches('.'))
}
