//! The payloads of one flow shard: the seams of its TCP directions, and the samples of its
//! packets.

use super::batch::{Chunk, Frames, Record};
use super::flow_shard::originals;
use super::record_at::{PlacedRequest, RecordAt, SeamSighting};
use super::seeds::{Seeds, mix};
use super::sizing::Plan;
use super::worker::{Sifter, TOGETHER};
use crate::fingerprint::{Scratch, Windows};
use crate::packet::Timestamp;
use crate::signature::SampleRequest;
use crate::state::persist;
use crate::stream::{PacketPiece, Samples, Segment, StreamTails};

/// The tails and samples of the address pairs that hash to one shard.
pub(crate) struct StreamShard {
    pub(crate) tails: StreamTails,
    pub(crate) samples: Samples,
    scratch: Scratch,
    /// Windows of seam buffers.
    pub(crate) windows: Windows,
    joined: Joined,
    /// Seam sightings of the batch, in packet order.
    pub(crate) seams: Vec<SeamSighting>,
    /// What joining segments and taking samples took, nanoseconds.
    pub(crate) nanos: [u64; 2],
    /// Sample requests of the batch, in packet order.
    pub(crate) requests: Vec<(u8, PlacedRequest)>,
    /// How far the second pass has come.
    cursor: Cursor,
}

/// What the first pass leaves for the second one.
#[derive(Default)]
pub(crate) struct Joined {
    /// The batch's TCP segments of this shard with payload or SYN, in packet order.
    segments: Vec<RecordAt>,
    /// The bytes around the batch's seams, one after the other, and what they are.
    buffers: Vec<u8>,
    laid: Vec<Laid>,
}

/// What lies in the buffers from `begin` to `end`.
#[derive(Clone, Copy)]
struct Laid {
    /// The segment that closed the seam.
    at: RecordAt,
    /// Where the bytes begin, relative to its payload.
    offset: i32,
    begin: usize,
    end: usize,
}

#[derive(Clone, Copy, Default)]
struct Cursor {
    segment: usize,
    request: usize,
}

impl StreamShard {
    /// `context` bytes of tails.
    pub(crate) fn new(shard: usize, plan: &Plan, seeds: &Seeds, context: usize) -> Self {
        Self {
            tails: StreamTails::new(plan.tails, context, seeds.shard("tails", shard)),
            samples: Samples::new(
                plan.samples,
                SAMPLE_BYTES,
                seeds.shard("samples", shard),
            ),
            scratch: Scratch::default(),
            windows: Windows::default(),
            joined: Joined::default(),
            seams: Vec::new(),
            nanos: [0; 2],
            requests: Vec::new(),
            cursor: Cursor::default(),
        }
    }

    /// First pass: sifts across the seams of this shard's segments.
    pub(crate) fn join(
        &mut self,
        shard: usize,
        chunks: &[Chunk],
        frames: &dyn Frames,
        sifter: &Sifter,
    ) {
        self.seams.clear();
        self.joined.segments.clear();
        self.joined.buffers.clear();
        self.joined.laid.clear();
        if !sifter.tails {
            return;
        }
        let segments = originals(shard, chunks).filter(|at| at.record(chunks).fills());
        self.joined.segments.extend(segments);
        self.lay_seams(chunks, frames);
        self.sift_seams(chunks, sifter);
    }

    /// Takes out what the first pass left, so that another batch may have its first pass before
    /// this one has its second.
    pub(crate) fn take_joined(&mut self) -> Joined {
        std::mem::take(&mut self.joined)
    }

    /// Puts it back for the second pass.
    pub(crate) fn put_joined(&mut self, joined: Joined) {
        self.joined = joined;
    }

    /// Lays out the bytes around the seams that the batch's segments close.
    fn lay_seams(&mut self, chunks: &[Chunk], frames: &dyn Frames) {
        let Joined { segments, buffers, laid } = &mut self.joined;
        for &at in &*segments {
            let segment = segment_of(at.record(chunks), at.payload(chunks, frames));
            self.tails.advance_apart(segment, |[before, after], offset| {
                let begin = buffers.len();
                buffers.extend_from_slice(before);
                buffers.extend_from_slice(after);
                laid.push(Laid { at, offset, begin, end: buffers.len() });
            });
        }
    }

    /// Sifts the buffers that the segments left at their seams, many at a time.
    fn sift_seams(&mut self, chunks: &[Chunk], sifter: &Sifter) {
        for group in self.joined.laid.chunks(TOGETHER) {
            let mut buffers = [&[][..]; TOGETHER];
            for (buffer, laid) in buffers.iter_mut().zip(group) {
                *buffer = &self.joined.buffers[laid.begin..laid.end];
            }
            let buffers = &buffers[..group.len()];
            let (scratch, seams) = (&mut self.scratch, &mut self.seams);
            let fingerprinter = &sifter.fingerprinter;
            self.windows +=
                fingerprinter.for_each_of(scratch, buffers, |which, window, print| {
                    let Laid { at, offset, .. } = group[which];
                    seams.push(SeamSighting {
                        at,
                        key: mix(print.0 ^ at.record(chunks).salt),
                        offset: offset + window as i32,
                    });
                });
        }
    }

    /// Puts the batch's requests into packet order, those of one packet in the order of
    /// content shards. Those already met go.
    pub(crate) fn begin_collecting(&mut self) {
        self.requests.drain(..std::mem::take(&mut self.cursor.request));
        self.requests.sort_by_key(|(shard, placed)| (placed.at, *shard));
    }

    /// Second pass: feeds samples with the batch's packets of time before `until`.
    pub(crate) fn collect(
        &mut self,
        chunks: &[Chunk],
        frames: &dyn Frames,
        sifter: &Sifter,
        until: Timestamp,
    ) {
        loop {
            let segment = self.joined.segments.get(self.cursor.segment).copied();
            let request = self.requests.get(self.cursor.request).map(|(_, r)| r.at);
            let Some(at) = [segment, request].into_iter().flatten().min() else {
                break;
            };
            let chunk = &chunks[at.chunk as usize];
            let record = at.record(chunks);
            if record.time >= until {
                break;
            }
            // Only datagrams are asked whether they are whole.
            let whole = !record.is_segment() && chunk.is_whole(record, frames);
            let piece = piece_of(record, chunk.payload(record, frames), whole);
            if segment == Some(at) {
                self.samples.segment(piece);
                self.cursor.segment += 1;
                continue;
            }
            self.cursor.request += 1;
            let PlacedRequest { key, request, .. } =
                self.requests[self.cursor.request - 1].1;
            let beta = sifter.fingerprinter.beta();
            match request {
                SampleRequest::Take { offset, priority, .. } => {
                    // A datagram shorter than a window was hashed whole.
                    let window = match piece.direction {
                        Some(_) => beta,
                        None => beta.min(piece.payload.len()),
                    };
                    let seams = seams_of(&self.joined.laid, &self.joined.buffers, at);
                    let seam = seams.into_iter().find(|(begin, bytes)| {
                        let from = i64::from(offset) - i64::from(*begin);
                        usize::try_from(from)
                            .ok()
                            .and_then(|from| bytes.get(from..from + window))
                            .is_some_and(|it| sifter.has_salted_key(it, key, record.salt))
                    });
                    let piece = PacketPiece { seam, ..piece };
                    self.samples.take(piece, offset, window, priority);
                }
                SampleRequest::Release { packet, offset, .. } => {
                    self.samples.release(packet, offset, beta);
                }
            }
        }
    }

    /// Ends the batch. Every shard's queue grown to what its busiest batch asked for
    /// would be a multiple of what one batch can ask for in all.
    pub(crate) fn end_collecting(&mut self) {
        self.cursor = Cursor::default();
        self.requests.clear();
        self.requests.shrink_to(KEPT);
        self.joined.buffers.clear();
        self.joined.buffers.shrink_to(64 * KEPT);
        self.joined.laid.clear();
        self.joined.laid.shrink_to(KEPT);
        self.seams.shrink_to(KEPT);
        self.joined.segments.clear();
        self.joined.segments.shrink_to(KEPT);
    }
}

/// The bytes around the seams that a segment closed, each with where they begin from its
/// payload's start.
fn seams_of<'a>(
    laid: &'a [Laid],
    buffers: &'a [u8],
    segment: RecordAt,
) -> impl IntoIterator<Item = (i32, &'a [u8])> {
    let first = laid.partition_point(|laid| laid.at < segment);
    let of_segment = laid[first..].iter().take_while(move |laid| laid.at == segment);
    of_segment.map(|laid| (laid.offset, &buffers[laid.begin..laid.end]))
}

fn segment_of<'a>(record: &Record, payload: &'a [u8]) -> Segment<'a> {
    Segment {
        direction: record.direction,
        sequence: record.sequence,
        syn: record.syn(),
        payload,
    }
}

fn piece_of<'a>(record: &Record, payload: &'a [u8], whole: bool) -> PacketPiece<'a> {
    PacketPiece {
        number: record.number,
        time: record.time,
        direction: record.is_segment().then_some(record.direction),
        sequence: record.sequence,
        syn: record.syn(),
        source: record.source,
        destination: record.destination,
        source_port: record.source_port,
        destination_port: record.destination_port,
        payload,
        whole,
        seam: None,
    }
}

/// Places that a queue keeps from batch to batch.
const KEPT: usize = 128;

/// A sample's bytes after the history (DESIGN, "Candidates").
const SAMPLE_BYTES: usize = 2_048;

// Between batches, what was joined, seams and requests are empty.
persist!(StreamShard {
    tails, samples, windows; scratch, joined, seams, nanos, requests, cursor
});
