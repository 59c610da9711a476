//! Rows in columns, for a terminal of any width and for a pipe.

use crate::output::talk::{Paint, Palette};
use std::fmt::Write as _;
use wormsift::signature::Confidence;

/// Characters of the last column that a row shows where no width bounds it.
const PIPED_PREVIEW: usize = 64;
pub(super) const LEAST_PREVIEW: usize = 16;
const GAP: &str = "  ";

/// One column of rows of a type.
pub(super) struct Column<T> {
    heading: &'static str,
    right: bool,
    /// Columns of a higher order give way first where the terminal is narrow.
    order: u8,
    cell: fn(usize, &T) -> String,
    /// Of a column of grades.
    grade: Option<fn(&T) -> Confidence>,
}

/// A column with its heading, whether its cells stand at the right, its order, and what
/// a cell says of a row and its rank.
pub(super) const fn column<T>(
    heading: &'static str,
    right: bool,
    order: u8,
    cell: fn(usize, &T) -> String,
) -> Column<T> {
    Column { heading, right, order, cell, grade: None }
}

/// The column of grades, in colours.
pub(super) const fn grade<T>(of: fn(&T) -> Confidence) -> Column<T> {
    let cell = |_: usize, _: &T| String::new();
    Column { heading: "grade", right: false, order: 0, cell, grade: Some(of) }
}

impl<T> Column<T> {
    fn text(&self, rank: usize, row: &T) -> String {
        match self.grade {
            Some(of) => of(row).name().to_owned(),
            None => (self.cell)(rank, row),
        }
    }
}

/// A column that is shown: its cells and the longest of them.
struct Shown<'a, T> {
    column: &'a Column<T>,
    cells: Vec<String>,
    width: usize,
}

/// The rows, numbered, and in what is left a preview under its heading. Without a width, as for
/// a pipe, every column is there, single tabs stand between them, and nothing is padded.
pub(super) fn table<T>(
    rows: &[T],
    columns: &[Column<T>],
    (heading, show): (&str, impl Fn(&T, usize) -> String),
    width: Option<usize>,
    palette: Palette,
) -> String {
    let mut columns: Vec<Shown<'_, T>> = (columns.iter())
        .map(|column| {
            let ranked = rows.iter().zip(1..);
            let cells: Vec<String> =
                ranked.map(|(row, rank)| column.text(rank, row)).collect();
            let longest = cells.iter().map(String::len).max().unwrap_or(0);
            Shown { column, cells, width: longest.max(column.heading.len()) }
        })
        .collect();
    let taken = |columns: &[Shown<'_, T>]| -> usize {
        columns.iter().map(|it| it.width + GAP.len()).sum()
    };
    let mut preview = PIPED_PREVIEW;
    if let Some(width) = width {
        while taken(&columns) + LEAST_PREVIEW > width {
            let last = (0..columns.len()).max_by_key(|i| columns[*i].column.order);
            match last.filter(|i| columns[*i].column.order > 0) {
                Some(i) => columns.remove(i),
                None => break,
            };
        }
        preview = width.saturating_sub(taken(&columns)).max(LEAST_PREVIEW);
    }
    let fit = |text: &str, it: &Shown<'_, T>| match width {
        Some(_) => pad(text, it.width, it.column.right) + GAP,
        None => format!("{text}\t"),
    };
    let mut text = String::new();
    let headings: String = columns.iter().map(|it| fit(it.column.heading, it)).collect();
    let _ = writeln!(text, "{}", palette.paint(Paint::Bold, &(headings + heading)));
    for (index, row) in rows.iter().enumerate() {
        for it in &columns {
            let cell = fit(&it.cells[index], it);
            text.push_str(&match it.column.grade.map(|of| of(row)) {
                Some(Confidence::High) => palette.paint(Paint::Red, &cell),
                Some(Confidence::Medium) => palette.paint(Paint::Yellow, &cell),
                Some(Confidence::Low) => palette.paint(Paint::Dim, &cell),
                None => cell,
            });
        }
        let _ = writeln!(text, "{}", show(row, preview));
    }
    text
}

fn pad(text: &str, width: usize, right: bool) -> String {
    if right { format!("{text:>width$}") } else { format!("{text:width$}") }
}
