//! The bytes of a region that are there.

use crate::state::persist;

/// Runs of bytes that a region may have apart from each other.
const RUNS: usize = 8;

/// Up to eight disjoint runs, in order, that do not touch.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extents {
    runs: [(u32, u32); RUNS],
    len: usize,
}

impl Extents {
    /// The run that holds byte `at`.
    pub(super) fn around(&self, at: u32) -> Option<(u32, u32)> {
        self.runs[..self.len].iter().copied().find(|&(from, to)| from <= at && at < to)
    }

    /// The runs, in order.
    pub(super) fn runs(&self) -> impl Iterator<Item = (u32, u32)> {
        self.runs[..self.len].iter().copied()
    }

    /// Whether the first `end` bytes are all there.
    pub(super) fn is_full(&self, end: u32) -> bool {
        self.runs[..self.len] == [(0, end)]
    }

    /// Adds `[from, to)` and calls `fill` with each part of it that was
    /// missing. Refuses, and fills nothing, if that were one run too many.
    pub(super) fn add(
        &mut self,
        from: u32,
        to: u32,
        mut fill: impl FnMut(u32, u32),
    ) -> bool {
        if from >= to {
            return true;
        }
        let runs = &self.runs[..self.len];
        // The runs that the new one overlaps or touches.
        let first = runs.iter().take_while(|run| run.1 < from).count();
        let last = first + runs[first..].iter().take_while(|run| run.0 <= to).count();
        if first == last && self.len == RUNS {
            return false;
        }
        let mut at = from;
        for &(start, end) in &runs[first..last] {
            if at < start {
                fill(at, start);
            }
            at = at.max(end);
        }
        if at < to {
            fill(at, to);
        }
        if first == last {
            self.runs.copy_within(first..self.len, first + 1);
            self.runs[first] = (from, to);
            self.len += 1;
        } else {
            self.runs[first] =
                (self.runs[first].0.min(from), self.runs[last - 1].1.max(to));
            self.runs.copy_within(last..self.len, first + 1);
            self.len -= last - first - 1;
        }
        true
    }
}

persist!(Extents { runs, len });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::test_traffic::Rng;

    #[test]
    fn runs_are_those_of_a_set_of_bytes() {
        let mut rng = Rng(1);
        let mut refused = 0;
        for _ in 0..2_000 {
            let mut extents = Extents::default();
            let mut there = [false; 100];
            for _ in 0..rng.below(40) {
                let from = rng.below(100);
                let to = from + rng.below(1 + (100 - from).min(8));
                let mut filled = Vec::new();
                let added =
                    extents.add(from as u32, to as u32, |a, b| filled.extend(a..b));
                let missing: Vec<_> =
                    (from as u32..to as u32).filter(|&i| !there[i as usize]).collect();
                if added {
                    assert_eq!(filled, missing);
                    there[from..to].fill(true);
                } else {
                    refused += 1;
                    assert!(filled.is_empty() && extents.len == RUNS);
                }
                for (i, &is_there) in there.iter().enumerate() {
                    let run = extents.around(i as u32);
                    assert_eq!(run.is_some(), is_there);
                    if let Some((from, to)) = run {
                        assert!(there[from as usize..to as usize].iter().all(|&t| t));
                        assert!(to == 100 || !there[to as usize]);
                    }
                }
            }
            assert_eq!(extents.is_full(100), there.iter().all(|&t| t));
        }
        assert!(refused > 0);
    }
}
