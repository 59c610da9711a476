//! Many captures merged into those of one network.
//!
//! File i of n starts at a base time plus i n-ths of a span; inside a file times
//! stay as they are to its first packet, offsets beyond the span count as the
//! span. All frames come in order of their new times; of one time, those of the
//! earlier file come first, and those of one file in its order. So captures from
//! anywhere, of any year, become one mix of at most twice the span.
//!
//! A file is opened when its time has come and closed with its last frame.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::iter::Fuse;

use crate::pcap_writer::CapturedFrame;

/// How far out of order a file's frames may be. A frame with so many later ones
/// in front of it in its file comes too late.
pub const LOOK_AHEAD: usize = 2_048;

/// A frame with whatever holds its bytes.
pub trait HeldFrame {
    /// What it holds.
    fn view(&self) -> CapturedFrame<'_>;
}

impl<H: HeldFrame> HeldFrame for &H {
    fn view(&self) -> CapturedFrame<'_> {
        (**self).view()
    }
}

/// Frames of several files by their new times.
pub struct Merge<I: Iterator> {
    span_ns: u64,
    /// Those whose time has not come.
    waiting: VecDeque<File<I>>,
    /// The others, in no order; `front` has each once.
    open: Vec<Option<File<I>>>,
    /// The next time of each open file, its number, its place in `open`.
    front: BinaryHeap<Reverse<(u64, usize, usize)>>,
}

struct File<I: Iterator> {
    number: usize,
    start_ns: u64,
    first_ns: Option<u64>,
    frames: Fuse<I>,
    taken: u64,
    ahead: BinaryHeap<Reverse<Ahead<I::Item>>>,
}

/// A frame that waits for those that may come before it.
#[derive(Debug)]
struct Ahead<H> {
    time_ns: u64,
    index: u64,
    frame: H,
}

impl<I> Merge<I>
where
    I: Iterator,
    I::Item: HeldFrame,
{
    /// Merges files, in the order of their names, into `span_ns` from `base_ns`
    /// on. An iterator should open its file when it is first asked.
    pub fn new(files: Vec<I>, base_ns: u64, span_ns: u64) -> Self {
        let count = files.len().max(1) as u128;
        let start = |number: usize| {
            let after = u128::from(span_ns) * number as u128 / count;
            base_ns.saturating_add(after as u64)
        };
        let file = |(number, frames): (usize, I)| File {
            number,
            start_ns: start(number),
            first_ns: None,
            frames: frames.fuse(),
            taken: 0,
            ahead: BinaryHeap::new(),
        };
        Self {
            span_ns,
            waiting: files.into_iter().enumerate().map(file).collect(),
            open: Vec::new(),
            front: BinaryHeap::new(),
        }
    }

    fn open_those_due(&mut self) {
        while let Some(file) = self.waiting.front() {
            let due = match self.front.peek() {
                Some(Reverse((time_ns, ..))) => file.start_ns <= *time_ns,
                None => true,
            };
            if !due {
                break;
            }
            let Some(mut file) = self.waiting.pop_front() else { break };
            file.look_ahead(self.span_ns);
            let Some(time_ns) = file.next_time() else { continue };
            let free = self.open.iter().position(Option::is_none);
            let place = free.unwrap_or(self.open.len());
            self.front.push(Reverse((time_ns, file.number, place)));
            if free.is_none() {
                self.open.push(None);
            }
            self.open[place] = Some(file);
        }
    }
}

/// The new time, in nanoseconds since the epoch, and the frame.
impl<I> Iterator for Merge<I>
where
    I: Iterator,
    I::Item: HeldFrame,
{
    type Item = (u64, I::Item);

    fn next(&mut self) -> Option<Self::Item> {
        self.open_those_due();
        let Reverse((_, number, place)) = self.front.pop()?;
        let file = self.open[place].as_mut()?;
        let Reverse(first) = file.ahead.pop()?;
        file.look_ahead(self.span_ns);
        match file.next_time() {
            Some(time_ns) => self.front.push(Reverse((time_ns, number, place))),
            None => self.open[place] = None,
        }
        Some((first.time_ns, first.frame))
    }
}

impl<I> File<I>
where
    I: Iterator,
    I::Item: HeldFrame,
{
    fn look_ahead(&mut self, span_ns: u64) {
        while self.ahead.len() < LOOK_AHEAD {
            let Some(frame) = self.frames.next() else { return };
            let own_ns = frame.view().time_ns;
            let first_ns = *self.first_ns.get_or_insert(own_ns);
            let offset_ns = own_ns.saturating_sub(first_ns).min(span_ns);
            let time_ns = self.start_ns.saturating_add(offset_ns);
            self.ahead.push(Reverse(Ahead { time_ns, index: self.taken, frame }));
            self.taken += 1;
        }
    }

    fn next_time(&self) -> Option<u64> {
        self.ahead.peek().map(|Reverse(first)| first.time_ns)
    }
}

impl<H> Ord for Ahead<H> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.time_ns, self.index).cmp(&(other.time_ns, other.index))
    }
}

impl<H> PartialOrd for Ahead<H> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<H> PartialEq for Ahead<H> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<H> Eq for Ahead<H> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use std::cell::Cell;

    /// A frame that is only a time, in a file of this number.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Dated(u64, usize, usize);

    impl HeldFrame for Dated {
        fn view(&self) -> CapturedFrame<'_> {
            CapturedFrame::ethernet(self.0, &[])
        }
    }

    type Files = Vec<Vec<Dated>>;

    fn naive(files: &Files, base_ns: u64, span_ns: u64) -> Vec<(u64, Dated)> {
        let mut all = Vec::new();
        for (number, file) in files.iter().enumerate() {
            let start = base_ns + span_ns * number as u64 / files.len() as u64;
            for frame in file {
                let offset = frame.0.saturating_sub(file[0].0).min(span_ns);
                all.push((start + offset, *frame));
            }
        }
        all.sort_by_key(|(time_ns, _)| *time_ns);
        all
    }

    fn merged(files: &Files, base_ns: u64, span_ns: u64) -> Vec<(u64, Dated)> {
        let files = files.iter().map(|file| file.iter().copied()).collect();
        Merge::new(files, base_ns, span_ns).collect()
    }

    fn drawn(rng: &mut Rng, frames: u64) -> Files {
        let mut files = Files::new();
        for number in 0..rng.below(12) as usize {
            let mut time = rng.below(1_000);
            let mut file = Vec::new();
            for index in 0..rng.below(frames) as usize {
                // Mostly forward, by steps so small that times meet; some back.
                time = (time + rng.below(9)).saturating_sub(rng.below(4) * rng.below(9));
                file.push(Dated(time, number, index));
            }
            files.push(file);
        }
        files
    }

    #[test]
    fn a_merge_is_a_stable_sort_by_the_new_times() {
        let mut rng = Rng::new(1, "merge");
        for _ in 0..2_000 {
            let files = drawn(&mut rng, 200);
            let (base, span) = (rng.below(50), rng.below(400));
            assert_eq!(merged(&files, base, span), naive(&files, base, span));
        }
    }

    #[test]
    fn long_files_with_short_disorder_are_sorted_too() {
        let mut rng = Rng::new(2, "merge");
        let files: Files = (0..3)
            .map(|number| {
                let time = |index: u64, rng: &mut Rng| index * 10 + rng.below(1_000);
                (0..5_000)
                    .map(|index| Dated(time(index, &mut rng), number, index as usize))
                    .collect()
            })
            .collect();
        assert_eq!(merged(&files, 5, 30_000), naive(&files, 5, 30_000));
    }

    #[test]
    fn a_frame_further_out_of_order_comes_late_but_comes() {
        let mut file: Vec<Dated> = (0..9_000).map(|i| Dated(10 + i, 0, 0)).collect();
        file.push(Dated(10, 0, 1));
        let merged = merged(&vec![file], 0, 10_000);
        let place = merged.iter().position(|(_, frame)| frame.2 == 1).unwrap();
        assert_eq!((merged.len(), place), (9_001, 9_001 - LOOK_AHEAD));
    }

    #[test]
    fn files_open_when_their_time_has_come_and_close_at_their_end() {
        let open = Cell::new(0);
        let most = Cell::new(0);
        struct Counted<'a>(&'a Cell<i32>, &'a Cell<i32>, u64);
        impl Iterator for Counted<'_> {
            type Item = Dated;
            fn next(&mut self) -> Option<Dated> {
                if self.2 == 0 {
                    self.0.set(self.0.get() + 1);
                    self.1.set(self.1.get().max(self.0.get()));
                }
                if self.2 == 10_000 {
                    self.0.set(self.0.get() - 1);
                    return None;
                }
                self.2 += 1;
                Some(Dated(self.2, 0, 0))
            }
        }
        // Each lasts 10,000 ns, and one starts every 1,000 ns.
        let files = (0..100).map(|_| Counted(&open, &most, 0)).collect();
        assert_eq!(Merge::new(files, 0, 100_000).count(), 1_000_000);
        assert!((5..=11).contains(&most.get()), "{}", most.get());
    }
}
