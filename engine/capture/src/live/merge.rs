//! Frames of several interfaces as one order of time.
//!
//! The kernel hands over what an interface received in blocks, up to
//! [`Rings::HAND_OVER`](super::Rings::HAND_OVER) late. So frames wait here until every interface has handed over
//! what it received before them; then they go on by time, of equal times by interface. Costs a
//! copy of each frame, and the memory of what waits: at most [`MOST_BYTES`]; beyond that the
//! earliest go on early, counted.

use super::rings::LiveBatch;
use std::ops::Range;
use std::sync::Arc;
use wormsift::packet::{Frame, LinkType, Timestamp};
use wormsift::pipeline::FrameList;

/// Bytes that may wait: a tenth of a second of 10 Gbit/s.
const MOST_BYTES: usize = 128 << 20;

/// Frames that wait for those of other interfaces.
#[derive(Debug, Default)]
pub struct Merge {
    /// In order of their times, then by tap.
    waiting: Vec<Copied>,
    bytes: usize,
    number: u64,
    early: u64,
}

/// A frame in memory of its own.
#[derive(Clone, Debug)]
struct Copied {
    time: Timestamp,
    tap: u16,
    link: LinkType,
    original_len: u32,
    bytes: Arc<[u8]>,
    range: Range<usize>,
}

/// Frames in order.
#[derive(Debug, Default)]
pub struct MergedBatch {
    frames: Vec<(u64, Copied)>,
}

impl Merge {
    /// Takes frames that an interface handed over, as what this tap saw.
    pub fn take(&mut self, tap: u16, batch: &LiveBatch<'_>) {
        self.copy(tap, batch.frames());
    }

    fn copy(&mut self, tap: u16, frames: &[Frame<'_>]) {
        if frames.is_empty() {
            return;
        }
        let mut bytes =
            Vec::with_capacity(frames.iter().map(|frame| frame.data.len()).sum());
        let mut ranges = Vec::with_capacity(frames.len());
        for frame in frames {
            let start = bytes.len();
            bytes.extend_from_slice(frame.data);
            ranges.push(start..bytes.len());
        }
        self.bytes += bytes.len();
        let bytes: Arc<[u8]> = bytes.into();
        self.waiting.extend(frames.iter().zip(ranges).map(|(frame, range)| Copied {
            time: frame.time,
            tap,
            link: frame.link,
            original_len: frame.original_len,
            bytes: Arc::clone(&bytes),
            range,
        }));
        // Stable, and quick on runs that are in order already.
        self.waiting.sort_by_key(|frame| (frame.time, frame.tap));
    }

    /// The frames before a time, up to which every interface has handed over all.
    pub fn ready(&mut self, until: Timestamp) -> MergedBatch {
        let mut count = self.waiting.partition_point(|frame| frame.time < until);
        let mut left = self.bytes - sum(&self.waiting[..count]);
        while left > MOST_BYTES
            && let Some(next) = self.waiting.get(count)
        {
            left -= next.range.len();
            count += 1;
            self.early += 1;
        }
        self.bytes = left;
        let frames = (self.number + 1..).zip(self.waiting.drain(..count)).collect();
        self.number += count as u64;
        MergedBatch { frames }
    }

    /// Frames that went on early, for want of memory.
    pub fn early(&self) -> u64 {
        self.early
    }
}

fn sum(frames: &[Copied]) -> usize {
    frames.iter().map(|frame| frame.range.len()).sum()
}

impl MergedBatch {
    /// Drops the frames for which `keep` is false. The others keep their numbers.
    pub fn retain(&mut self, mut keep: impl FnMut(&Frame<'_>) -> bool) {
        self.frames.retain(|(number, copied)| keep(&copied.frame(*number)));
    }
}

impl Copied {
    fn frame(&self, number: u64) -> Frame<'_> {
        Frame {
            number,
            time: self.time,
            link: self.link,
            original_len: self.original_len,
            tap: self.tap,
            data: &self.bytes[self.range.clone()],
        }
    }
}

impl FrameList for MergedBatch {
    fn len(&self) -> usize {
        self.frames.len()
    }

    fn frame(&self, index: usize) -> Frame<'_> {
        let (number, copied) = &self.frames[index];
        copied.frame(*number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(nanos: u64, data: &[u8]) -> Frame<'_> {
        Frame {
            number: 0,
            time: Timestamp::from_nanos(nanos),
            link: LinkType::ETHERNET,
            original_len: data.len() as u32,
            tap: 0,
            data,
        }
    }

    fn told(batch: &MergedBatch) -> Vec<(u64, u64, u16, Vec<u8>)> {
        (0..batch.len())
            .map(|at| batch.frame(at))
            .map(|it| (it.number, it.time.as_nanos(), it.tap, it.data.to_vec()))
            .collect()
    }

    #[test]
    fn frames_go_on_by_time_then_by_interface_once_all_have_come() {
        let mut merge = Merge::default();
        let until = Timestamp::from_nanos;
        merge.copy(1, &[frame(1, b"a"), frame(5, b"b"), frame(9, b"c")]);
        assert_eq!(told(&merge.ready(until(1))), []);
        merge.copy(0, &[frame(2, b"d"), frame(5, b"e")]);
        let first = merge.ready(until(6));
        let expected =
            [(1, 1, 1, b"a"), (2, 2, 0, b"d"), (3, 5, 0, b"e"), (4, 5, 1, b"b")];
        assert_eq!(
            told(&first),
            expected.map(|(n, time, tap, data)| (n, time, tap, data.to_vec()))
        );
        let mut rest = merge.ready(Timestamp::MAX);
        assert_eq!(told(&rest), [(5, 9, 1, b"c".to_vec())]);
        rest.retain(|_| false);
        assert!(rest.is_empty() && merge.early() == 0 && merge.bytes == 0);
    }

    #[test]
    fn what_does_not_fit_goes_on_early_and_is_counted() {
        let mut merge = Merge::default();
        let data = vec![0; MOST_BYTES / 2];
        merge.copy(0, &[frame(1, &data), frame(2, &data), frame(3, &data)]);
        assert_eq!((merge.ready(Timestamp::default()).len(), merge.early()), (1, 1));
        assert_eq!(merge.ready(Timestamp::MAX).len(), 2);
    }
}
