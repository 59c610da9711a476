//! The rows as a table for a terminal.

mod isolated;
mod told;

pub(crate) use isolated::of_without;

use super::confirmed::ConfirmedSums;
use super::results::{AlarmResult, Estimate, Evaluation, Row, Subject};
use super::rows;
use std::fmt::Write;
use wormsift_export::text::counted;

/// One line a row, then one for each that is not as expected.
pub fn render(evaluation: &Evaluation) -> String {
    let heading = [
        "scenario",
        "settings",
        "dispersion",
        "infected",
        "propagation",
        "infected",
        "first alarm",
        "infected",
        "false",
        "recall",
        "precision",
        "exact",
        "hosts",
        "incidents",
        "high at",
        "rules hit",
        "benign",
        "",
    ];
    let mut lines: Vec<Vec<String>> = vec![heading.map(str::to_owned).to_vec()];
    lines.extend(evaluation.rows.iter().map(fields));
    let is_empty = evaluation.rows.is_empty() && !evaluation.isolation.is_empty();
    let mut text = if is_empty { String::new() } else { aligned(&lines) };
    let subjects = told::subjects(evaluation);
    if !subjects.is_empty() {
        text.push('\n');
        text += &aligned(&subjects);
        text.push('\n');
    }
    if !evaluation.isolation.is_empty() {
        text += &aligned(&isolated::lines(evaluation));
        text.push('\n');
    }
    let (judged, free): (Vec<&Row>, Vec<&Row>) =
        evaluation.rows.iter().partition(|row| is_judged(row));
    let good = |row: &&&Row| rows::is_good(row);
    let right = judged.iter().filter(good).count();
    let [exact, all] = rows::exact(&evaluation.rows);
    if all > 0 {
        let _ = writeln!(
            text,
            "the content found is the invariant byte for byte in {exact} of {} whose body has one \
             invariant piece ({:.1} %)",
            counted(all, "run"),
            100.0 * exact as f64 / all as f64
        );
    }
    let counts = || evaluation.rows.iter().map(|row| &row.counted);
    let compared: u64 = counts().map(|it| it.compared).sum();
    if compared > 0 {
        let within: u64 = counts().map(|it| it.within).sum();
        let _ = writeln!(
            text,
            "what is said of hosts and first sightings holds for {within} of {}",
            counted(compared, "signature")
        );
    }
    for (sees_all, whose) in [(false, "worms"), (true, "worms whose tap sees all")] {
        if let Some(median) = rows::first_alarms(&evaluation.rows, sees_all) {
            let _ = writeln!(
                text,
                "{:.1} infected at the first alarm, the median of {} of {whose}",
                median.median,
                counted(median.count, "row")
            );
        }
    }
    text += &told::sums(evaluation);
    if let Some(confirmed) = ConfirmedSums::of(&evaluation.rows).text() {
        let _ = writeln!(text, "{confirmed}");
    }
    if !judged.is_empty() {
        let _ = writeln!(text, "{right} of {} rows as expected", judged.len());
    }
    if !free.is_empty() {
        let _ = writeln!(
            text,
            "no expectation is written down for {}",
            counted(free.len() as u64, "row")
        );
    }
    for count in &evaluation.benign {
        let _ = writeln!(
            text,
            "{}: {} signatures at {}",
            count.name,
            count.signatures.len(),
            count.thresholds
        );
    }
    text
}

/// Lines of cells, in columns.
fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for line in lines {
        let cells = line.iter().zip(&widths);
        let row: Vec<String> =
            cells.map(|(cell, width)| format!("{cell:<width$}")).collect();
        let _ = writeln!(text, "{}", row.join("  ").trim_end());
    }
    text
}

/// Whether anything was expected of it; of a clean capture that is silence.
fn is_judged(row: &Row) -> bool {
    let said =
        !(row.dispersion.expected.is_empty() && row.propagation.expected.is_empty());
    said || row.subject == Subject::Clean && row.swept.is_none()
}

fn fields(row: &Row) -> Vec<String> {
    let mut settings = row.settings.replace(" = ", "=").replace('"', "");
    if let Some(value) = &row.swept {
        settings = value.clone();
    }
    let share = |estimate: Option<&Estimate>| {
        estimate.map_or_else(String::new, |it| format!("{:.1} %", it.mean * 100.0))
    };
    vec![
        row.name.clone(),
        settings.replace('\n', " "),
        rate(&row.dispersion),
        infected(&row.dispersion),
        rate(&row.propagation),
        infected(&row.propagation),
        rate(&row.first),
        infected(&row.first),
        format!("{:.2}", row.false_signatures.mean),
        share(row.recall.as_ref()),
        share(row.precision.as_ref()),
        match row.exact {
            [_, 0] => String::new(),
            [exact, all] => format!("{exact}/{all}"),
        },
        match row.counted.compared {
            0 => String::new(),
            all => format!("{}/{all}", row.counted.within),
        },
        match row.incidents.high {
            0 => format!("{:.1}", row.incidents.number.mean),
            high => format!("{:.1} ({high} high)", row.incidents.number.mean),
        },
        row.high.cell(),
        share(row.rules_hit.as_ref()),
        row.rules_hit_benign.map_or_else(String::new, |[hit, _]| hit.to_string()),
        wrong(row),
    ]
}

/// All that is not as it should be.
fn wrong(row: &Row) -> String {
    let unexpected = if row.as_expected { "" } else { "not as expected" };
    let parts = [unexpected, &row.rules_wrong, &row.counted.wrong, &row.incidents.wrong];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("; ")
}

fn rate(alarm: &AlarmResult) -> String {
    let expected = match &*alarm.expected {
        "" => "",
        "fires" => " (fires)",
        "silent" => " (silent)",
        _ => " (open)",
    };
    format!("{}/{}{expected}", alarm.detected, alarm.runs)
}

fn infected(alarm: &AlarmResult) -> String {
    alarm.infected.map_or_else(String::new, |it| format!("{:.0}", it.median))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::high::HighRow;
    use crate::incident_rows::{IncidentsRow, SubjectRow};

    #[test]
    fn subjects_and_worms_that_were_not_high_have_their_lines() {
        let subject = SubjectRow {
            subject: "relays".to_owned(),
            kind: "forwarding_service".to_owned(),
            grade: "never_high".to_owned(),
            runs: 3,
            as_expected: 1,
            high: 2,
            kinds: [("outbreak".to_owned(), 2)].into(),
            wrong: "seed 1: outbreak at udp/514 is high".to_owned(),
            ..SubjectRow::default()
        };
        let row = Row {
            name: "site".to_owned(),
            incidents: IncidentsRow {
                high: 2,
                subjects: vec![subject],
                wrong: "relays: wrong".to_owned(),
                ..IncidentsRow::default()
            },
            high: HighRow {
                runs: 3,
                relayed: 3,
                within: 2,
                why_not: "seed 2: late".to_owned(),
                ..HighRow::default()
            },
            ..Row::default()
        };
        let plain = Row { name: "plain".to_owned(), ..Row::default() };
        let evaluation = |rows| Evaluation { rows, ..Evaluation::default() };
        let text = render(&evaluation(vec![row, plain.clone()]));
        let words = |line: &&str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let lines: Vec<String> = text.lines().map(|line| words(&line)).collect();
        for line in [
            "site relays forwarding_service never_high 0.0 2 outbreak 2 1/3 seed 1: outbreak at \
             udp/514 is high",
            "not high, site: seed 2: late",
            "high within 10 infections after the first relay in 2 of 3 runs whose tap sees one",
        ] {
            assert!(lines.iter().any(|it| it == line), "{line}: {text}");
        }
        assert!(
            lines
                .iter()
                .any(|it| it.starts_with("site ") && it.ends_with("; relays: wrong"))
        );
        let text = render(&evaluation(vec![plain]));
        assert!(!text.contains("subject") && !text.contains("not high"), "{text}");
    }
}
