//! Frames to chunks: decoding over all cores.

use super::batch::{Chunk, FragmentAt, Frames, KeptFrame, PayloadAt, Record};
use super::coverage::{StopAt, reach, wire_len};
use super::stage_times::StageTimer;
use super::worker::{Run, Sifter, TOGETHER};
use crate::decode::{self, Decoded, Decoder, DropCounters, Stop};
use crate::fingerprint::{Scratch, prefetch};
use crate::packet::{Frame, Packet};
use rayon::prelude::*;
use std::cell::{Cell, RefCell};

thread_local! {
    pub(super) static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Something that holds frames by index: a batch of a capture, or a slice.
pub trait FrameList: Sync {
    /// How many there are.
    fn len(&self) -> usize;
    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Frame `index`, below [`len`](Self::len).
    fn frame(&self, index: usize) -> Frame<'_>;
}

impl FrameList for [Frame<'_>] {
    fn len(&self) -> usize {
        <[Frame<'_>]>::len(self)
    }
    fn frame(&self, index: usize) -> Frame<'_> {
        self[index]
    }
}

impl FrameList for Vec<Frame<'_>> {
    fn len(&self) -> usize {
        Self::len(self)
    }
    fn frame(&self, index: usize) -> Frame<'_> {
        self[index]
    }
}

impl FrameList for [KeptFrame] {
    fn len(&self) -> usize {
        <[KeptFrame]>::len(self)
    }
    fn frame(&self, index: usize) -> Frame<'_> {
        self[index].frame()
    }
}

/// A frame list as the later stages see it.
pub(crate) struct Lent<'a, L: ?Sized>(pub(crate) &'a L);

impl<L: FrameList + ?Sized> Frames for Lent<'_, L> {
    fn data(&self, index: usize) -> &[u8] {
        self.0.frame(index).data
    }
    fn is_whole(&self, index: usize) -> bool {
        let frame = self.0.frame(index);
        frame.original_len as usize <= frame.data.len()
    }
}

/// How much is sifted between two barriers. None of it changes the answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    /// Captured bytes.
    pub(crate) bytes: usize,
    /// Frames.
    pub(crate) frames: usize,
}

impl Round {
    /// Bounds the buffers between stages, whatever the density of sampling.
    pub(crate) fn for_density(density: f64) -> Self {
        let bytes = (SIGHTINGS / density).min(ROUND_BYTES) as usize;
        Self { bytes, frames: ROUND_FRAMES }
    }

    /// The end of the run of frames that starts at `start`.
    pub(crate) fn end<L: FrameList + ?Sized>(&self, frames: &L, start: usize) -> usize {
        let mut bytes = 0;
        let last = frames.len().min(start + self.frames);
        for index in start..last {
            bytes += frames.frame(index).data.len();
            if bytes >= self.bytes {
                return index + 1;
            }
        }
        last
    }

    /// Splits a run into chunks, some for each thread.
    pub(crate) fn cut<L: FrameList + ?Sized>(
        &self,
        frames: &L,
        range: std::ops::Range<usize>,
    ) -> Vec<std::ops::Range<usize>> {
        let chunks = (CHUNKS_A_THREAD * rayon::current_num_threads()).min(CHUNKS);
        let part = Self { bytes: self.bytes / chunks, frames: self.frames / chunks };
        let mut cuts = Vec::with_capacity(chunks);
        let mut start = range.start;
        while start < range.end {
            let end = part.end(frames, start).min(range.end);
            cuts.push(start..end);
            start = end;
        }
        cuts
    }
}

/// Sightings that the buffers of a round hold, in the mean at most.
const SIGHTINGS: f64 = 65_536.0;
const ROUND_BYTES: f64 = 1_048_576.0;
const ROUND_FRAMES: usize = 8_192;
/// Chunks that a full round is cut into, at most. Each has a list for each shard, so that
/// many small ones cost as much as what is in them.
const CHUNKS: usize = 16;
/// Those for each thread: none waits for long while another has its last one.
const CHUNKS_A_THREAD: usize = 4;

/// How many frames before it is decoded a frame is asked for: headers alone, each a
/// stride from the last, do not come by themselves as whole frames in a row do.
const AHEAD: usize = 4;
/// What is asked for of a frame: one of Ethernet, not one that offloading put together.
const MOST_AHEAD: usize = 1_536;

/// Decodes and fingerprints the frames of each range, in parallel.
pub(crate) fn fill_chunks<L: FrameList + ?Sized>(
    chunks: &mut [Chunk],
    ranges: &[std::ops::Range<usize>],
    frames: &L,
    decoder: &Decoder,
    sifter: &Sifter,
    timer: StageTimer,
) -> DropCounters {
    chunks
        .par_iter_mut()
        .zip(ranges)
        .map(|(chunk, range)| {
            SCRATCH.with_borrow_mut(|scratch| {
                fill_chunk(chunk, range.clone(), frames, decoder, sifter, timer, scratch)
            })
        })
        .reduce(DropCounters::default, |mut sum, part| {
            sum.merge(&part);
            sum
        })
}

fn fill_chunk<L: FrameList + ?Sized>(
    chunk: &mut Chunk,
    range: std::ops::Range<usize>,
    frames: &L,
    decoder: &Decoder,
    sifter: &Sifter,
    timer: StageTimer,
    scratch: &mut Scratch,
) -> DropCounters {
    let mut drops = DropCounters::default();
    let mut run = Run::<TOGETHER>::new();
    let mut moment = timer.start();
    for start in range.clone().step_by(TOGETHER) {
        for index in start..range.end.min(start + TOGETHER) {
            if index + AHEAD < range.end {
                let next = frames.frame(index + AHEAD).data;
                prefetch(&next[..next.len().min(MOST_AHEAD)]);
            }
            let frame = frames.frame(index);
            let noted = Cell::default();
            let outcome = decoder.decode(&frame, &noted);
            chunk.coverage.frame(wire_len(&frame));
            if sifter.has_several_taps() {
                chunk.count_at(frame.tap);
            }
            match &outcome {
                Ok(Decoded::Packet(packet)) => {
                    let payload = place_in(frame.data, index, packet);
                    sifter.enter(packet, payload, None, &mut run, chunk);
                    if packet.payload.is_empty() || !noted.get().is_none() {
                        let stop = decode::stop_of(&outcome, &frame, noted.get());
                        sifter.note_stop(&frame, stop, Some(packet), chunk);
                    }
                }
                Ok(Decoded::Fragment(_)) => {
                    let stop = decode::stop_of(&outcome, &frame, noted.get());
                    sifter.note_stop(&frame, stop, None, chunk);
                    chunk.fragments.push(FragmentAt {
                        frame: index as u32,
                        record: chunk.records.len() as u32,
                    });
                    chunk.records.push(Record::vacant(frame.number));
                }
                Ok(Decoded::Drop(reason)) | Err(reason) => {
                    drops.add(*reason);
                    let stop = decode::stop_of(&outcome, &frame, noted.get());
                    sifter.note_stop(&frame, stop, None, chunk);
                }
            }
        }
        moment = timer.add(moment, &mut chunk.nanos[0]);
        sifter.sift_run(&mut run, scratch, chunk);
        moment = timer.add(moment, &mut chunk.nanos[1]);
    }
    drops
}

/// Where a packet's payload lies in the frame that it was decoded from.
fn place_in(data: &[u8], frame: usize, packet: &Packet<'_>) -> PayloadAt {
    let start = if packet.payload.is_empty() {
        0
    } else {
        packet.payload.as_ptr().addr() - data.as_ptr().addr()
    };
    PayloadAt {
        origin: frame as u32,
        start: start as u64,
        len: packet.payload.len() as u32,
    }
}

impl Sifter {
    /// Counts a frame that was not read to a payload, or has none.
    #[cold]
    pub(super) fn note_stop(
        &self,
        frame: &Frame<'_>,
        stop: Stop,
        packet: Option<&Packet<'_>>,
        chunk: &mut Chunk,
    ) {
        chunk.coverage.stop(reach(stop, packet), 1, wire_len(frame));
        if !stop.is_none() {
            let flow = packet.map(|packet| self.connection(packet).0);
            chunk.stops.push(StopAt::new(frame.number, stop, 1, flow));
        }
    }
}

#[cfg(test)]
mod tests;
