//! What decoys started, a line each, for the end of a table.

use std::fmt::Write as _;
use wormsift_export::text::counted;

/// Lines that are shown at the end.
const ROWS: usize = 100;
/// Lines for the end: the first of them, and how many there are.
#[derive(Debug, Default)]
pub(crate) struct DecoyLines {
    first: Vec<String>,
    all: u64,
}

impl DecoyLines {
    pub(crate) fn add(&mut self, line: String) {
        self.all += 1;
        if self.first.len() < ROWS {
            self.first.push(line);
        }
    }

    /// Empty where no decoy started anything.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for line in &self.first {
            let _ = writeln!(text, "{line}");
        }
        let others = self.all - self.first.len() as u64;
        if others > 0 {
            let _ = writeln!(text, "and {} more of decoys", counted(others, "line"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_lines_are_kept() {
        let mut lines = DecoyLines::default();
        assert_eq!(lines.text(), "");
        (0..107).for_each(|n| lines.add(format!("line {n}")));
        let text = lines.text();
        assert_eq!(text.lines().count(), 101);
        assert!(text.ends_with("line 99\nand 7 lines more of decoys\n"), "{text}");
    }
}
