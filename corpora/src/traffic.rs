//! Sources of frames that are merged in order of time.
//!
//! Each kind is a [`Traffic`]: a stream of frames in order of time that holds
//! only what is under way. [`FrameQueue`] keeps those frames until their time.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};
use std::net::IpAddr;

use crate::body::Body;
use crate::ground_truth::Protocol;

/// Nothing starts after this moment, early in 2116, so that times may be
/// added to without care.
pub const LAST_START_NS: u64 = u64::MAX / 4;

/// What a frame is, for the ground truth. Numbers are those of the [`Traffic`]
/// that emits it, see [`Traffic::planted`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mark {
    /// Nothing planted.
    #[default]
    Ordinary,
    /// Bytes of a planted content.
    Content {
        /// Which content.
        content: u16,
        /// The infection that is complete with this frame.
        infects: Option<u32>,
    },
}

/// One kind of traffic: frames in order of time, made when asked for.
pub trait Traffic: Send {
    /// When the next frame crosses the tap, in nanoseconds since the epoch;
    /// `None` when there will be no more. Never less than an earlier answer.
    fn next_time(&mut self) -> Option<u64>;

    /// Puts the next frame in place of what `frame` holds and tells its time.
    fn next_frame(&mut self, frame: &mut Vec<u8>) -> Option<(u64, Mark)>;

    /// When the story that this traffic tells is over, once that is known. The
    /// capture ends there.
    fn ends_at(&self) -> Option<u64> {
        None
    }

    /// What has been planted so far.
    fn planted(&self) -> Planted {
        Planted::default()
    }
}

/// What one [`Traffic`] knows of the truth.
#[derive(Clone, Debug, Default)]
pub struct Planted {
    /// The settings that made it.
    pub parameters: BTreeMap<String, serde_json::Value>,
    /// Hosts that could be infected, on both sides of the tap.
    pub vulnerable_hosts: u64,
    /// Its contents, numbered as in [`Mark::Content`].
    pub contents: Vec<PlantedContent>,
    /// Its infections, numbered as in [`Mark::Content`]; also those that were
    /// under way when the capture ended.
    pub infections: Vec<PlantedInfection>,
}

/// A content that was planted.
#[derive(Clone, Debug)]
pub struct PlantedContent {
    /// What it is called among the contents of its scenario.
    pub name: String,
    /// Its bytes.
    pub body: Body,
    /// What carries it.
    pub protocol: Protocol,
    /// The port that it is sent to; `None` where that varies.
    pub destination_port: Option<u16>,
}

/// A host that was infected.
#[derive(Clone, Copy, Debug)]
pub struct PlantedInfection {
    /// The host.
    pub host: IpAddr,
    /// When, in nanoseconds since the epoch.
    pub time_ns: u64,
    /// By which host; `None` for those infected at the start.
    pub by: Option<IpAddr>,
    /// Whether what infected it crosses the tap.
    pub crosses_tap: bool,
}

/// Frames that wait for their time. Frames of one time leave in the order of
/// their entry. Buffers are used again.
#[derive(Debug, Default)]
pub struct FrameQueue {
    waiting: BinaryHeap<Reverse<Waiting>>,
    spare: Vec<Vec<u8>>,
    entered: u64,
}

impl FrameQueue {
    /// Enters one frame, its bytes written by `write` into an empty buffer.
    pub fn push(&mut self, time_ns: u64, mark: Mark, write: impl FnOnce(&mut Vec<u8>)) {
        let mut frame = self.spare.pop().unwrap_or_default();
        frame.clear();
        write(&mut frame);
        self.waiting.push(Reverse(Waiting { time_ns, entry: self.entered, mark, frame }));
        self.entered += 1;
    }

    /// When the first frame leaves.
    pub fn next_time(&self) -> Option<u64> {
        self.waiting.peek().map(|Reverse(first)| first.time_ns)
    }

    /// Takes the first frame out, in place of what `frame` holds.
    pub fn pop(&mut self, frame: &mut Vec<u8>) -> Option<(u64, Mark)> {
        let Reverse(mut first) = self.waiting.pop()?;
        std::mem::swap(frame, &mut first.frame);
        if self.spare.len() < 1_024 {
            self.spare.push(first.frame);
        }
        Some((first.time_ns, first.mark))
    }
}

#[derive(Debug)]
struct Waiting {
    time_ns: u64,
    entry: u64,
    mark: Mark,
    frame: Vec<u8>,
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.time_ns, self.entry).cmp(&(other.time_ns, other.entry))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Waiting {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_leave_by_time_then_by_entry() {
        let mut queue = FrameQueue::default();
        for (time, byte) in [(5, 1), (3, 2), (5, 3), (1, 4), (3, 5)] {
            queue.push(time, Mark::Ordinary, |frame| frame.push(byte));
        }
        let mut frame = Vec::new();
        let mut order = Vec::new();
        while let Some(time) = queue.next_time() {
            assert_eq!(queue.pop(&mut frame).map(|(time, _)| time), Some(time));
            order.push(frame[0]);
        }
        assert_eq!(order, [4, 2, 5, 1, 3]);
        assert_eq!(queue.pop(&mut frame), None);
    }
}
