//! Winnowing: the windows that are the minimum of a run of w windows.
//!
//! Winnowing (Schleimer, Wilkerson, Aiken, SIGMOD 2003), but with every tie kept,
//! so that it is an erosion followed by a dilation: the minimum of each run, then
//! for each window the largest of the minima of its runs. A window is kept when
//! that is its own value. Both slide by doubling: from minima over `n` windows
//! come minima over up to `4 n` at once, in plain loops that vectorise.
//!
//! This serves the scalar path, runs of fewer than 63 windows, and values of which very
//! many are equal; all else is done in `arch::candidates`.

use super::arch::Candidates;

/// Buffers of one thread, reused from payload to payload.
#[derive(Debug, Default)]
pub(super) struct Runs {
    near: Vec<u16>,
    far: Vec<u16>,
    pub(super) candidates: Candidates,
}

impl Runs {
    /// Numbers held.
    pub(super) fn capacity(&self) -> usize {
        self.near.capacity() + self.far.capacity() + self.candidates.capacity()
    }

    /// Room for `windows` windows in runs of `width`.
    fn reserve(&mut self, windows: usize, width: usize) {
        let length = (windows + 2 * width).next_multiple_of(64) + 64;
        for buffer in [&mut self.near, &mut self.far] {
            if buffer.len() < length {
                buffer.resize(length, 0);
            }
        }
    }
}

/// The largest minimum of the runs that hold each of `windows` values' windows;
/// runs lie wholly inside, and fewer than `width` windows are one run. Both
/// `values` and what is returned go on by at least 64 that mean nothing.
#[inline(always)]
pub(super) fn largest_minima<'a>(
    values: &[u16],
    windows: usize,
    width: usize,
    runs: &'a mut Runs,
) -> &'a [u16] {
    runs.reserve(windows, width);
    let width = width.min(windows).max(1);
    let (mut from, mut to) = (&mut runs.near[..], &mut runs.far[..]);
    // Minima stand behind width - 1 zeros, one for each run that would begin
    // before the buffer; as many follow.
    let front = width - 1;
    let mut reach = width.min(4);
    slide::<false>(values, &mut from[front..], windows, 1, reach);
    while reach < width {
        let goal = width.min(4 * reach);
        slide::<false>(&from[front..], &mut to[front..], windows, reach, goal);
        std::mem::swap(&mut from, &mut to);
        reach = goal;
    }
    from[..front].fill(0);
    from[windows..windows + front].fill(0);
    let mut reach = 1;
    while reach < width {
        let goal = width.min(4 * reach);
        slide::<true>(from, to, windows + front, reach, goal);
        std::mem::swap(&mut from, &mut to);
        reach = goal;
    }
    from
}

/// From extremes over `reach` of `length` values to those over `goal`, at most
/// four times as many. Goes on to a whole number of vectors, over values that
/// mean nothing.
#[inline(always)]
fn slide<const LARGEST: bool>(
    from: &[u16],
    to: &mut [u16],
    length: usize,
    reach: usize,
    goal: usize,
) {
    let last = goal - reach;
    let length = (length + 1 - goal).next_multiple_of(32);
    let (to, _) = to[..length].as_chunks_mut::<32>();
    let (first, _) = from[..length].as_chunks::<32>();
    let (fourth, _) = from[last..][..length].as_chunks::<32>();
    if goal <= 2 * reach {
        for ((to, a), d) in to.iter_mut().zip(first).zip(fourth) {
            *to = pick::<LARGEST>(*a, d);
        }
    } else {
        let (second, _) = from[reach..][..length].as_chunks::<32>();
        let (third, _) = from[last.min(2 * reach)..][..length].as_chunks::<32>();
        let all = to.iter_mut().zip(first).zip(second).zip(third).zip(fourth);
        for ((((to, a), b), c), d) in all {
            *to = pick::<LARGEST>(pick::<LARGEST>(pick::<LARGEST>(*a, b), c), d);
        }
    }
}

/// Lane by lane; from values, so that nothing may alias and it is one instruction.
#[inline(always)]
pub(super) fn pick<const LARGEST: bool>(mut a: [u16; 32], b: &[u16; 32]) -> [u16; 32] {
    for (a, b) in a.iter_mut().zip(b) {
        *a = if LARGEST { (*a).max(*b) } else { (*a).min(*b) };
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sliding_equals_looking_at_every_run(
            values in prop::collection::vec(0u16..50, 1..300),
            width in 1usize..200,
        ) {
            let mut runs = Runs::default();
            let followed = [&values[..], &[77; 64]].concat();
            let found = largest_minima(&followed, values.len(), width, &mut runs)
                [..values.len()]
                .to_vec();
            let width = width.min(values.len());
            let mut expected = vec![0; values.len()];
            for start in 0..=values.len() - width {
                let minimum = *values[start..start + width].iter().min().unwrap();
                for largest in &mut expected[start..start + width] {
                    *largest = minimum.max(*largest);
                }
            }
            prop_assert_eq!(found, expected);
        }
    }
}
