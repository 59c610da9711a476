//! A table row for each scenario and capture.

use super::summary::difference;
use crate::page::charts::Alarm;
use crate::results::{AlarmResult, Estimate, Evaluation, Row, Subject};
use wormsift_export::html::markup::Markup;
use wormsift_export::html::number::{
    NOTHING, bytes, count, count_interval, duration, percent, percent_interval, rate,
};
use wormsift_export::html::tables::{number, number_with, scrolling};

/// Columns of the table.
const COLUMNS: &str = "14";
const GROUPS: [(Subject, &str); 4] = [
    (Subject::Worm, "Worms"),
    (Subject::Benign, "Hard negatives: nothing spreads"),
    (Subject::Labelled, "Labelled captures"),
    (Subject::Clean, "Clean captures: nothing spreads"),
];

/// One row a scenario and group of settings.
pub(super) fn draw(page: &mut Markup, evaluation: &Evaluation) {
    let note = "Detected: runs in which the alarm found all that was planted (without worms: \
                in which it fired at all), over the 95 % interval of the rate. Infected: the \
                median number of hosts by then, over the share of the vulnerable and the range. \
                Delay: the median time from the content’s first packet, over the packets that \
                had carried it. Recall and precision: of invariant bytes; exact: runs whose content is the \
                invariant, byte for byte. Over TCP, rules hit flows. Other numbers are \
                means over their 95 % interval; speed is one thread’s.";
    page.leaf("p", &[("class", "note")], note);
    scrolling(page, "rows", "Results of every row", |page| {
        head(page);
        for (subject, title) in GROUPS {
            let rows = || {
                let rows = evaluation.rows.iter().enumerate();
                rows.filter(move |(_, row)| row.subject == subject)
            };
            if rows().next().is_none() {
                continue;
            }
            page.element("tbody", &[("class", "group")], |page| {
                page.element("tr", &[], |page| {
                    let span = [("colspan", COLUMNS), ("scope", "rowgroup")];
                    page.leaf("th", &span, title);
                });
            });
            let mut previous: Option<&Row> = None;
            for (index, row) in rows() {
                // Along a sweep, what is said of the scenario is said once.
                let again = previous
                    .is_some_and(|p| p.name == row.name && p.settings == row.settings);
                one(page, evaluation, index, row, again);
                previous = Some(row);
            }
        }
    });
}

fn head(page: &mut Markup) {
    page.element("thead", &[], |page| {
        page.element("tr", &[], |page| {
            let single = |page: &mut Markup, name: &str, class: &str| {
                page.leaf(
                    "th",
                    &[("scope", "col"), ("rowspan", "2"), ("class", class)],
                    name,
                );
            };
            single(page, "Scenario and settings", "");
            single(page, "Verdict", "");
            for alarm in Alarm::BOTH {
                let span = [("colspan", "3"), ("scope", "colgroup"), ("class", "alarm")];
                page.element("th", &span, |page| {
                    alarm.key(page);
                    page.text(&format!(" {} alarm", alarm.name()));
                });
            }
            for name in [
                "False signatures a run",
                "Recall, precision",
                "Benign packets matched",
                "Worm packets hit by rules",
                "Content exact",
                "Memory, speed",
            ] {
                single(page, name, "n");
            }
        });
        page.element("tr", &[], |page| {
            for _ in Alarm::BOTH {
                for (name, class) in
                    [("Detected", "n first"), ("Infected", "n"), ("Delay", "n")]
                {
                    page.leaf("th", &[("scope", "col"), ("class", class)], name);
                }
            }
        });
    });
}

fn one(page: &mut Markup, evaluation: &Evaluation, index: usize, row: &Row, again: bool) {
    let class = if row.as_expected { "row" } else { "row unexpected" };
    page.element("tbody", &[("class", class), ("id", &format!("row{index}"))], |page| {
        page.element("tr", &[], |page| {
            page.element("th", &[("scope", "row")], |page| name(page, evaluation, row));
            match row.as_expected {
                true => page.leaf("td", &[("class", "verdict")], "as expected"),
                false => page.leaf("td", &[("class", "verdict")], "not as expected"),
            }
            for alarm in Alarm::BOTH {
                alarm_cells(page, alarm.of_row(row), row.subject);
            }
            numbers(page, row);
        });
        if !again || !row.as_expected {
            page.element("tr", &[("class", "about")], |page| {
                page.element("td", &[("colspan", COLUMNS)], |page| {
                    page.element("div", &[], |page| about(page, row, again));
                });
            });
        }
    });
}

fn name(page: &mut Markup, evaluation: &Evaluation, row: &Row) {
    page.text(&row.name);
    if let Some(swept) = &row.swept {
        let key = evaluation.sweep.as_ref().map_or("", |sweep| &sweep.key);
        page.leaf("code", &[], &format!("{key} = {swept}"));
    }
    for line in row.settings.lines().filter(|line| !line.trim().is_empty()) {
        page.leaf("code", &[], line);
    }
}

fn alarm_cells(page: &mut Markup, result: &AlarmResult, subject: Subject) {
    let class = match (result.expected.as_str(), result.detected) {
        ("fires", detected) if detected < result.runs => "n first wrong",
        ("silent", detected) if detected > 0 => "n first wrong",
        _ => "n first",
    };
    page.element("td", &[("class", class)], |page| {
        if result.runs == 0 {
            page.text(NOTHING);
            return;
        }
        page.text(&format!("{}/{}", result.detected, result.runs));
        if result.runs > 1 {
            page.leaf("small", &[], &percent_interval(result.rate_interval));
        }
    });
    let has_infected = matches!(subject, Subject::Worm | Subject::Labelled);
    match result.infected.filter(|_| has_infected) {
        Some(infected) => {
            let share = result.infected_share.map(|share| percent(share.median));
            let share = share.map_or_else(String::new, |share| format!("{share}, "));
            let more = format!("{share}{}", count_interval(infected.range));
            number_with(page, &count(infected.median), &more);
        }
        None => number(page, NOTHING),
    }
    match result.seconds {
        Some(seconds) => {
            let [least, greatest] = seconds.range.map(duration);
            let more = result.packets.map_or_else(
                || format!("{least}–{greatest}"),
                |packets| format!("{} packets", count(packets.median)),
            );
            number_with(page, &duration(seconds.median), &more);
        }
        None => number(page, NOTHING),
    }
}

fn numbers(page: &mut Markup, row: &Row) {
    mean_of(page, Some(row.false_signatures), count, count_interval);
    page.element("td", &[("class", "n first")], |page| {
        match (row.recall, row.precision) {
            (None, None) => page.text(NOTHING),
            (recall, precision) => {
                let text = |e: Option<Estimate>| {
                    e.map_or(NOTHING.to_owned(), |e| percent(e.mean))
                };
                page.text(&text(recall));
                page.leaf("small", &[], &text(precision));
            }
        }
    });
    mean_of(page, row.benign_packets_matched, count, count_interval);
    match row.rules_hit {
        Some(hit) => number_with(page, &percent(hit.mean), &row.rules_wrong),
        None => number(page, NOTHING),
    }
    match row.exact {
        [_, 0] => number(page, NOTHING),
        [exact, all] => number(page, &format!("{exact} of {all}")),
    }
    number_with(page, &bytes(row.memory_bytes), &rate(row.bytes_per_second));
}

fn mean_of(
    page: &mut Markup,
    estimate: Option<Estimate>,
    text: fn(f64) -> String,
    interval: fn([f64; 2]) -> String,
) {
    match estimate.filter(|estimate| estimate.count > 0) {
        Some(e) if e.count > 1 && e.interval[0] < e.interval[1] => {
            number_with(page, &text(e.mean), &interval(e.interval));
        }
        Some(e) => number(page, &text(e.mean)),
        None => number(page, NOTHING),
    }
}

/// What the row is about, and what was expected of it and why.
fn about(page: &mut Markup, row: &Row, again: bool) {
    if !again {
        purpose(page, row);
    }
    if !row.as_expected {
        let text = format!(" Not as expected: {}.", difference(row));
        page.leaf("strong", &[], &text);
    }
}

fn purpose(page: &mut Markup, row: &Row) {
    if !row.summary.is_empty() {
        page.text(&sentence(&row.summary));
    }
    if !row.defeats.is_empty() {
        let introduced = match row.subject {
            Subject::Worm | Subject::Labelled => " Meant to defeat: ",
            Subject::Benign | Subject::Clean => " Imitates: ",
        };
        page.leaf("i", &[], introduced);
        page.text(&sentence(&row.defeats));
    }
    for alarm in Alarm::BOTH {
        let result = alarm.of_row(row);
        if !result.expected.is_empty() {
            page.leaf("i", &[], &format!(" Expected of the {} alarm: ", alarm.name()));
            let reason = match result.reason.is_empty() {
                true => String::new(),
                false => format!(", {}", result.reason),
            };
            page.text(&sentence(&format!("{}{reason}", result.expected)));
        }
    }
}

/// Ends with one full stop.
fn sentence(text: &str) -> String {
    format!("{}.", text.trim_end_matches('.'))
}
