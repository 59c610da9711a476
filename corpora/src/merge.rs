//! Merge of many captures into those of one network.
//!
//! File i of n starts at a base time plus i n-ths of a span; inside a file, times keep
//! their distance to its first packet, at most the span. All frames come in order of their
//! new times; of one time, those of the earlier file come first, and those of one file in
//! its order. So captures from anywhere, of any year, become one mix of at most twice the
//! span.
//!
//! A file is opened when its time has come and closed with its last frame.

use std::collections::{BTreeMap, VecDeque};
use std::iter::Fuse;

use crate::event_queue::EventQueue;
use crate::pcap_writer::CapturedFrame;

/// How far out of order a file's frames may be. A frame with so many later ones before it
/// in its file comes too late.
const LOOK_AHEAD: usize = 2_048;

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
    /// Files whose time has not come.
    waiting: VecDeque<Box<File<I>>>,
    /// The others, by the time of their next frame, then by their number.
    open: BTreeMap<(u64, usize), Box<File<I>>>,
}

struct File<I: Iterator> {
    number: usize,
    start_ns: u64,
    first_ns: Option<u64>,
    frames: Fuse<I>,
    /// Frames read so far that have not left.
    ahead: EventQueue<I::Item>,
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
        let file = |(number, frames): (usize, I)| {
            let (start_ns, frames) = (start(number), frames.fuse());
            let ahead = EventQueue::default();
            Box::new(File { number, start_ns, first_ns: None, frames, ahead })
        };
        let waiting = files.into_iter().enumerate().map(file).collect();
        Self { span_ns, waiting, open: BTreeMap::new() }
    }

    fn open_those_due(&mut self) {
        while let Some(file) = self.waiting.front() {
            let first = self.open.first_key_value();
            if first.is_some_and(|((time_ns, _), _)| *time_ns < file.start_ns) {
                break;
            }
            let file = self.waiting.pop_front();
            file.into_iter().for_each(|file| self.read_on(file));
        }
    }

    /// Reads ahead in a file, and keeps it open while it has frames.
    fn read_on(&mut self, mut file: Box<File<I>>) {
        file.look_ahead(self.span_ns);
        if let Some(time_ns) = file.ahead.next_time() {
            self.open.insert((time_ns, file.number), file);
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
        let (_, mut file) = self.open.pop_first()?;
        let first = file.ahead.pop();
        self.read_on(file);
        first
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
            self.ahead.push(time_ns, frame);
        }
    }
}

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
