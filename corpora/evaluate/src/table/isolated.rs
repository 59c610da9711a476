//! What the table says of epidemics with an isolation list.

use crate::isolation::IsolationRow;
use crate::results::Evaluation;

/// One line an epidemic and span, under a heading.
pub(super) fn lines(evaluation: &Evaluation) -> Vec<Vec<String>> {
    let heading = [
        "isolation",
        "doubling",
        "cut off after",
        "infected inside",
        "of without",
        "at the first listed",
        "listed",
        "not infected",
        "confirmed",
        "not infected",
    ];
    let mut lines = vec![heading.map(str::to_owned).to_vec()];
    let rows = &evaluation.isolation;
    lines.extend(rows.iter().map(|row| line(row, of_without(rows, row))));
    lines
}

/// The median share infected as a share of that without a list.
pub(crate) fn of_without(rows: &[IsolationRow], row: &IsolationRow) -> Option<f64> {
    let same = |it: &&IsolationRow| it.name == row.name && it.after_seconds.is_none();
    let without = rows.iter().find(same)?.infected_share.median;
    (row.after_seconds.is_some() && without > 0.0)
        .then(|| row.infected_share.median / without)
}

fn line(row: &IsolationRow, of_without: Option<f64>) -> Vec<String> {
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let with_list = |text: String| match row.after_seconds {
        Some(_) => text,
        None => String::new(),
    };
    vec![
        row.name.clone(),
        format!("{:.0} s", row.doubling_seconds),
        row.after_seconds.map_or("never".to_owned(), |it| format!("{it} s")),
        percent(row.infected_share.median),
        of_without.map_or_else(String::new, percent),
        row.infected_at_first.map_or_else(String::new, |it| format!("{:.0}", it.median)),
        with_list(format!("{:.0}", row.listed.median)),
        with_list(row.all_listed[1].to_string()),
        with_list(row.confirmed[0].to_string()),
        with_list(row.confirmed[1].to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::estimate_of_shares;

    #[test]
    fn each_row_is_compared_with_the_one_without_a_list() {
        let row = |after_seconds, share| IsolationRow {
            name: "site".to_owned(),
            doubling_seconds: 18.9,
            after_seconds,
            infected_share: estimate_of_shares([share]),
            ..IsolationRow::default()
        };
        let isolation = vec![row(None, 0.8), row(Some(60.0), 0.2)];
        let lines = lines(&Evaluation { isolation, ..Evaluation::default() });
        assert_eq!(lines[1][..5], ["site", "19 s", "never", "80.0 %", ""]);
        assert_eq!(lines[2][..5], ["site", "19 s", "60 s", "20.0 %", "25.0 %"]);
    }
}
