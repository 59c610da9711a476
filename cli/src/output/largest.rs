//! The largest of many things that have ids, for a table: each by its last word.
//!
//! Keeps [`MOST`] of them; the smallest go first, and are counted.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use wormsift_export::text::grouped;

/// Rows that are shown.
pub(super) const ROWS: usize = 20;
/// Things that are kept at the same time.
pub(super) const MOST: usize = 64 * ROWS;

/// See the [module](self).
pub(super) struct Largest<T> {
    by_id: BTreeMap<String, T>,
    size: fn(&T) -> u64,
    left_out: u64,
}

impl<T> Largest<T> {
    /// None so far, whose size is this.
    pub(super) fn by(size: fn(&T) -> u64) -> Self {
        Self { by_id: BTreeMap::new(), size, left_out: 0 }
    }

    /// Takes what is said last of the one with this id.
    pub(super) fn take(&mut self, id: String, it: T) {
        self.by_id.insert(id, it);
        if self.by_id.len() > MOST {
            let least = self.by_id.iter().min_by_key(|(_, it)| (self.size)(it));
            if let Some(id) = least.map(|(id, _)| id.clone()) {
                self.by_id.remove(&id);
                self.left_out += 1;
            }
        }
    }

    /// How many were not kept.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Those for which `wanted` holds, the largest first.
    pub(super) fn sorted(&self, wanted: impl Fn(&T) -> bool) -> Vec<&T> {
        let mut all: Vec<&T> = self.by_id.values().filter(|it| wanted(it)).collect();
        all.sort_by_key(|it| Reverse((self.size)(it)));
        all
    }
}

/// A title and a row each of the first, and how many of `all` are not shown; nothing of none.
pub(super) fn table<T>(
    title: &str,
    shown: &[&T],
    all: u64,
    row: impl Fn(&T) -> String,
) -> String {
    let mut text = String::new();
    if all == 0 {
        return text;
    }
    let _ = writeln!(text, "\n{title}");
    for it in shown.iter().take(ROWS) {
        let _ = writeln!(text, "  {}", row(it));
    }
    let others = all.saturating_sub(ROWS as u64);
    if others > 0 {
        let _ = writeln!(text, "  and {} more", grouped(others));
    }
    text
}
