//! The few windows that can be the minimum of a run, and which of them are.
//!
//! About 2 of w + 1 windows are minima of a run, so most can be put aside at once. The
//! values are cut into cells of 32. A run of w values holds at least
//! `(w + 1) / 32 - 1` whole cells in a row, and its minimum is no larger than theirs. So
//! a value that is larger than every such row of cells that a run of its could hold is
//! no minimum. What is left are the candidates: of random values 0.019 at w = 128, where
//! 0.0155 are minima.
//!
//! Every minimum is a candidate, so the minimum of a run is that of its candidates. A
//! candidate is a minimum when the nearest strictly smaller candidates on either side
//! lie so far apart that a run fits between them. These are looked for in the list of
//! candidates, 32 at once, a step away on each side, then two, and so on.
//!
//! 65535 is never a candidate: periodic windows have it, and they come in long
//! stretches. A run without a candidate has no other value; all its windows are minima.

use super::lanes::Lanes;
use crate::fingerprint::winnow::pick;

/// Values in a cell.
pub(super) const CELL: usize = 32;

/// The narrowest runs that hold a whole cell wherever they begin.
pub(super) const MIN_WIDTH: usize = 2 * CELL - 1;

/// The most candidates that are listed, for the windows of a block and the runs around
/// them: more than a repeated unit of 9 bytes leaves of any width.
pub(super) const MOST: usize = 1_024;

/// How far a smaller candidate is looked for, in candidates.
const FARTHEST: usize = 128;

/// Candidates that are looked at together, and steps between two looks at whether all
/// have found what they need.
const LANES: usize = 32;
const STEPS: usize = 4;

/// Buffers of one thread, reused from payload to payload.
#[derive(Debug, Default)]
pub(in crate::fingerprint) struct Candidates {
    /// Of cells: their minima; those of rows of cells; what a candidate may be at most.
    minima: Vec<u16>,
    rows: Vec<u16>,
    bounds: Vec<u16>,
    /// Of candidates, behind `FARTHEST` that stand for none: positions, counted from 1,
    /// and values.
    positions: Vec<u16>,
    values: Vec<u16>,
}

impl Candidates {
    /// Numbers held.
    pub(in crate::fingerprint) fn capacity(&self) -> usize {
        let Self { minima, rows, bounds, positions, values } = self;
        [minima, rows, bounds, positions, values].map(Vec::capacity).iter().sum()
    }

    /// The largest value that a candidate may have, in every two cells. There are more
    /// than `width` windows, and `width` is at least `MIN_WIDTH`.
    #[inline(always)]
    pub(super) fn bounds(
        &mut self,
        values: &[u16],
        windows: usize,
        width: usize,
    ) -> &[[u16; 2]] {
        let row = (width + 1) / CELL - 1;
        let (cells, _) = values[..windows].as_chunks::<CELL>();
        let length = cells.len().next_multiple_of(LANES) + 4 * LANES;
        if self.bounds.len() < length {
            for buffer in [&mut self.minima, &mut self.rows, &mut self.bounds] {
                buffer.resize(length, 0);
            }
        }
        for (minimum, cell) in self.minima.iter_mut().zip(cells) {
            *minimum = cell.iter().fold(u16::MAX, |least, &value| least.min(value));
        }
        // The row that begins at a cell stands `row` behind it: so the rows that matter
        // to a cell, from the one that ends before it to the one that begins behind it,
        // begin at its own place. Zeros stand for rows that reach beyond the values.
        self.rows[..LANES].fill(0);
        extremes::<false>(&self.minima, &mut self.rows[row..], cells.len(), row);
        self.rows[cells.len() + 1..][..3 * LANES].fill(0);
        let count = windows.div_ceil(CELL);
        extremes::<true>(&self.rows, &mut self.bounds, count, row + 2);
        self.bounds[..count.next_multiple_of(2)].as_chunks().0
    }

    /// Room for the positions of up to `MOST` candidates; what is written behind them
    /// means nothing.
    #[inline(always)]
    pub(super) fn positions(&mut self) -> &mut [u16] {
        if self.positions.is_empty() {
            let length = FARTHEST + MOST + LANES + FARTHEST + 64;
            self.positions = vec![0; length];
            self.values = vec![u16::MAX; length];
        }
        &mut self.positions[FARTHEST..]
    }

    /// Leaves only minima of runs among the set bits of `words`, of which there are
    /// `count` with their positions written, and sets those of runs without a candidate.
    /// Returns whether it has done so; else very many values are equal.
    ///
    /// # Safety
    ///
    /// As [`Lanes`].
    #[inline(always)]
    pub(super) unsafe fn verify<L: Lanes>(
        &mut self,
        values: &[u16],
        windows: usize,
        width: usize,
        count: usize,
        words: &mut [u64],
    ) -> bool {
        let bounds = Bounds::new(windows, width);
        let end = FARTHEST + count;
        let listed = self.positions[FARTHEST..end].iter_mut();
        for (position, value) in listed.zip(&mut self.values[FARTHEST..]) {
            *value = values[usize::from(*position)];
            *position += bounds.first;
        }
        self.positions[end] = bounds.end;
        self.positions[end + 1..][..LANES + FARTHEST].fill(u16::MAX);
        self.values[end] = u16::MAX;
        let mut has_gap = false;
        // The one behind the last too: there may be a gap in front of it.
        for first in (FARTHEST..=end).step_by(LANES) {
            // SAFETY: the caller's promise is that of `Lanes`.
            let (near, narrow) = unsafe {
                let Some(left) = self.smaller::<L, false>(first, &bounds) else {
                    return false;
                };
                let Some(right) = self.smaller::<L, true>(first, &bounds) else {
                    return false;
                };
                let width = L::splat_number(bounds.width);
                let outermost = L::splat_number(bounds.first - 1);
                let own = L::load_numbers(chunk(&self.positions, first));
                let before = L::load_numbers(chunk(&self.positions, first - 1));
                let gap = L::minus(own, L::larger(before, outermost));
                (L::are_at_most(gap, width), L::are_at_most(L::minus(right, left), width))
            };
            let listed = end - first;
            let mut out = narrow & lowest(listed);
            while out != 0 {
                let position = self.positions[first + out.trailing_zeros() as usize];
                let at = usize::from(position - bounds.first);
                words[at / 64] &= !(1 << (at % 64));
                out &= out - 1;
            }
            has_gap |= !near & lowest(listed + 1) != 0;
        }
        if has_gap {
            self.fill_gaps(end, &bounds, words);
        }
        true
    }

    /// The positions of the nearest strictly smaller candidates, on the right or on the
    /// left of those from `first` on; the outermost for those that have none in their
    /// runs. Nothing where that is not known after `FARTHEST`.
    ///
    /// # Safety
    ///
    /// As [`Lanes`].
    #[inline(always)]
    unsafe fn smaller<L: Lanes, const RIGHT: bool>(
        &self,
        first: usize,
        bounds: &Bounds,
    ) -> Option<L::Numbers> {
        // SAFETY: the caller's promise is that of `Lanes`.
        unsafe {
            let own = L::load_numbers(chunk(&self.positions, first));
            let value = L::load_numbers(chunk(&self.values, first));
            let none = if RIGHT { bounds.end } else { bounds.first - 1 };
            let none = L::splat_number(none);
            let (mut nearest, mut farthest) = (none, own);
            let mut at = first;
            for _ in 0..FARTHEST / STEPS {
                for _ in 0..STEPS {
                    at = if RIGHT { at + 1 } else { at - 1 };
                    farthest = L::load_numbers(chunk(&self.positions, at));
                    let other = L::load_numbers(chunk(&self.values, at));
                    let position = L::where_smaller(other, value, farthest, none);
                    nearest = if RIGHT {
                        L::smaller(nearest, position)
                    } else {
                        L::larger(nearest, position)
                    };
                }
                let (before, after) =
                    if RIGHT { (own, farthest) } else { (farthest, own) };
                // No distance at all: both stand for none.
                let distance = L::minus(L::minus(after, before), L::splat_number(1));
                let near = L::are_at_most(distance, L::splat_number(bounds.width - 2));
                let (low, high) = if RIGHT { (none, nearest) } else { (nearest, none) };
                if near & L::are_at_most(low, high) == 0 {
                    return Some(nearest);
                }
            }
            None
        }
    }

    /// Sets the bits of all windows in runs without a candidate.
    #[cold]
    fn fill_gaps(&self, end: usize, bounds: &Bounds, words: &mut [u64]) {
        for at in FARTHEST..=end {
            // From behind the candidate before to this one.
            let from = (self.positions[at - 1] + 1).max(bounds.first);
            let to = self.positions[at];
            if to - from >= bounds.width {
                let from = usize::from(from - bounds.first);
                let to = usize::from(to - bounds.first);
                let (first, last) = (from / 64, to / 64);
                let (above, below) = (!0 << (from % 64), !(!0 << (to % 64)));
                if first == last {
                    words[first] |= above & below;
                    continue;
                }
                words[first] |= above;
                words[first + 1..last].fill(!0);
                if below != 0 {
                    words[last] |= below;
                }
            }
        }
    }
}

/// Where positions in the list begin and end. They are counted from beyond `width` on,
/// so that what stands for none, 0 or 65535, is further away than a run is long.
struct Bounds {
    width: u16,
    first: u16,
    end: u16,
}

impl Bounds {
    #[inline(always)]
    fn new(windows: usize, width: usize) -> Self {
        let first = width + 1;
        Self { width: width as u16, first: first as u16, end: (first + windows) as u16 }
    }
}

/// The lowest `count` bits, or all.
#[inline(always)]
fn lowest(count: usize) -> u32 {
    if count >= LANES { !0 } else { (1 << count) - 1 }
}

#[inline(always)]
fn chunk(numbers: &[u16], at: usize) -> &[u16; LANES] {
    &numbers[at..].as_chunks().0[0]
}

/// The smallest, or the largest below 65535, of each `reach` numbers in a row. Goes on to
/// a whole number of vectors, over numbers that mean nothing.
#[inline(always)]
fn extremes<const LARGEST: bool>(
    from: &[u16],
    to: &mut [u16],
    count: usize,
    reach: usize,
) {
    for at in (0..count).step_by(LANES) {
        let mut extreme = *chunk(from, at);
        for step in 1..reach {
            extreme = pick::<LARGEST>(extreme, chunk(from, at + step));
        }
        if LARGEST {
            extreme = pick::<false>(extreme, &[u16::MAX - 1; LANES]);
        }
        to[at..at + LANES].copy_from_slice(&extreme);
    }
}
