//! An evaluation as comma-separated values (RFC 4180): one line a row.

use super::incident_rows::{SubjectRow, kinds};
use super::results::{AlarmResult, Estimate, Evaluation};

/// The table with its heading.
pub fn render(evaluation: &Evaluation) -> String {
    let mut table = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    let mut write = |fields: &[String]| {
        table.write_record(fields).expect("rows of one length, into memory");
    };
    write(&heading());
    for row in &evaluation.rows {
        let mut fields = vec![
            row.name.clone(),
            subject(row.subject).to_owned(),
            row.settings.clone(),
            row.swept.clone().unwrap_or_default(),
            row.as_expected.to_string(),
        ];
        for alarm in [&row.dispersion, &row.propagation, &row.first] {
            fields.extend(alarm_fields(alarm));
        }
        fields.extend([
            number(Some(&row.false_signatures), |it| it.mean),
            number(row.benign_packets_matched.as_ref(), |it| it.mean),
            number(row.recall.as_ref(), |it| it.mean),
            number(row.precision.as_ref(), |it| it.mean),
            row.exact[0].to_string(),
            row.exact[1].to_string(),
            row.edge_bytes.map(|bytes| bytes.to_string()).unwrap_or_default(),
            number(row.rules_hit.as_ref(), |it| it.mean),
            number(row.rules_hit.as_ref(), |it| it.range[0]),
            row.rules_hit_benign.map(|[hit, _]| hit.to_string()).unwrap_or_default(),
            row.rules_hit_benign.map(|[_, all]| all.to_string()).unwrap_or_default(),
            row.rules_wrong.clone(),
            row.counted.compared.to_string(),
            row.counted.within.to_string(),
            row.counted.precisions.map(|count| count.to_string()).join(" "),
            row.counted.error.map(|error| format!("{error:.6}")).unwrap_or_default(),
            row.counted.certain.to_string(),
            row.counted.late.map(|late| format!("{late:.6}")).unwrap_or_default(),
            row.counted.wrong.clone(),
            number(Some(&row.packets), |it| it.mean),
            row.memory_bytes.to_string(),
            format!("{:.0}", row.bytes_per_second),
            row.sees_all.to_string(),
            number(Some(&row.incidents.number), |it| it.mean),
            row.incidents.high.to_string(),
            kinds(&row.incidents.kinds),
            subjects(&row.incidents.subjects),
            row.incidents.wrong.clone(),
            row.high.high.to_string(),
            row.high.relayed.to_string(),
            row.high.within.to_string(),
            number(row.high.infected.as_ref(), |it| it.median),
            number(row.high.after_relay.as_ref(), |it| it.median),
            number(row.high.after_relay.as_ref(), |it| it.range[1]),
            row.high.why_not.clone(),
        ]);
        let guarded: Vec<String> = fields.iter().map(|field| guard(field)).collect();
        write(&guarded);
    }
    let bytes = table.into_inner().expect("memory takes everything");
    String::from_utf8(bytes).expect("text was written")
}

fn heading() -> Vec<String> {
    let mut names: Vec<String> =
        ["name", "subject", "settings", "swept", "as_expected"].map(str::to_owned).into();
    for alarm in ["dispersion", "propagation", "first"] {
        for name in ALARM {
            names.push(format!("{alarm}_{name}"));
        }
    }
    let rest = [
        "false_signatures",
        "benign_packets_matched",
        "recall",
        "precision",
        "exact",
        "exact_runs",
        "edge_bytes",
        "rules_hit",
        "rules_hit_least",
        "rules_hit_benign",
        "rules_benign_packets",
        "rules_wrong",
        "hosts_compared",
        "hosts_within",
        "hosts_exact_about_at_least",
        "hosts_error",
        "first_seen_certain",
        "first_seen_late",
        "hosts_wrong",
        "packets",
        "memory_bytes",
        "bytes_per_second",
        "sees_all",
        "incidents",
        "incidents_high",
        "incidents_kinds",
        "incidents_subjects",
        "incidents_wrong",
        "high_runs",
        "high_relayed_runs",
        "high_within_runs",
        "high_infected_median",
        "high_after_relay_median",
        "high_after_relay_most",
        "high_why_not",
    ];
    names.extend(rest.map(str::to_owned));
    names
}

const ALARM: [&str; 12] = [
    "expected",
    "reason",
    "detected",
    "runs",
    "rate_low",
    "rate_high",
    "seconds_median",
    "packets_median",
    "infected_median",
    "infected_mean_low",
    "infected_mean_high",
    "infected_share_median",
];

fn alarm_fields(alarm: &AlarmResult) -> [String; 12] {
    let infected = alarm.infected.as_ref();
    [
        alarm.expected.clone(),
        alarm.reason.clone(),
        alarm.detected.to_string(),
        alarm.runs.to_string(),
        format!("{:.4}", alarm.rate_interval[0]),
        format!("{:.4}", alarm.rate_interval[1]),
        number(alarm.seconds.as_ref(), |it| it.median),
        number(alarm.packets.as_ref(), |it| it.median),
        number(infected, |it| it.median),
        number(infected, |it| it.interval[0]),
        number(infected, |it| it.interval[1]),
        number(alarm.infected_share.as_ref(), |it| it.median),
    ]
}

fn number(estimate: Option<&Estimate>, of: fn(&Estimate) -> f64) -> String {
    estimate.map(|it| format!("{:.6}", of(it))).unwrap_or_default()
}

/// Each with the kind and grade expected, and the runs that are as expected.
fn subjects(subjects: &[SubjectRow]) -> String {
    let parts = subjects.iter().map(|it| {
        let expected = format!("{} {}", it.kind, it.grade);
        format!("{}: {} {}/{}", it.subject, expected.trim(), it.as_expected, it.runs)
    });
    parts.collect::<Vec<_>>().join("; ")
}

pub(crate) fn subject(subject: super::results::Subject) -> &'static str {
    use super::results::Subject::{Benign, Clean, Labelled, Worm};
    match subject {
        Worm => "worm",
        Benign => "benign",
        Labelled => "labelled",
        Clean => "clean",
    }
}

/// A field that a spreadsheet would take for a formula is marked as text.
fn guard(field: &str) -> String {
    if field.starts_with(['=', '+', '@', '\t', '\r'])
        || (field.starts_with('-') && field.parse::<f64>().is_err())
    {
        format!("'{field}")
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::super::results::Row;
    use super::*;

    #[test]
    fn every_line_has_as_many_fields_as_the_heading() {
        let row = Row {
            name: "a,\"b\"\n=c".to_owned(),
            settings: "=cmd()".to_owned(),
            ..Row::default()
        };
        let evaluation = Evaluation { rows: vec![row], ..Evaluation::default() };
        let text = render(&evaluation);
        let (heading, line) = text.split_once("\r\n").unwrap();
        assert!(line.starts_with("\"a,\"\"b\"\"\n=c\",worm,'=cmd(),"), "{line}");
        let commas = heading.matches(',').count();
        assert_eq!(line.matches(',').count(), commas + 1);
    }
}
