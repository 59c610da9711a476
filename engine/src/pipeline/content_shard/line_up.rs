//! The sightings of one shard in packet order.

use crate::fingerprint::prefetch;
use crate::pipeline::batch::{Chunk, Sighting};
use crate::pipeline::record_at::{RecordAt, SeamSighting};

/// Sightings of the next chunk whose memory is asked for ahead.
const NEXT_CHUNK: usize = 32;

/// A sighting in its turn.
#[derive(Clone, Copy)]
pub(crate) struct Next {
    pub(crate) key: u64,
    /// The key of the content in its class at its port.
    pub(crate) class: u64,
    /// The key as the prevalence tables have it.
    pub(crate) hash: u64,
    pub(crate) at: RecordAt,
    pub(crate) offset: i32,
}

/// Appends a shard's sightings from a record on, by (record, offset); what a packet shows
/// by itself comes before what it shows with others at the same offset. `seams` are in
/// this order already.
pub(crate) fn line_up(
    queue: &mut Vec<Next>,
    shard: usize,
    chunks: &[Chunk],
    seams: &[SeamSighting],
    from: RecordAt,
    hash: impl Fn(u64) -> u64,
    class: impl Fn(u64, u16) -> u64,
) {
    let next = |at: RecordAt, key, offset| {
        let class = class(key, chunks[at.chunk as usize].ports[at.record as usize]);
        Next { key, class, hash: hash(key), at, offset }
    };
    let done = seams.partition_point(|seam| seam.at < from);
    let mut seams = seams[done..].iter().peekable();
    for (c, chunk) in (0..).zip(chunks).skip(from.chunk as usize) {
        // Each chunk is a list of lists, and this shard's are new to the cache.
        if let Some(after_next) = chunks.get(c as usize + 2) {
            prefetch(&after_next.sightings[shard]);
        }
        if let Some(next) = chunks.get(c as usize + 1) {
            let sightings = &next.sightings[shard];
            prefetch(&sightings[..sightings.len().min(NEXT_CHUNK)]);
        }
        let is_sifted = |s: &Sighting| {
            !(chunk.has_unsifted && chunk.records[s.record as usize].unsifted)
        };
        let at = |s: &Sighting| RecordAt { chunk: c, record: s.record };
        let mut own = chunk.sightings[shard].iter();
        if from.chunk == c {
            let done = own.as_slice().partition_point(|s| at(s) < from);
            own = chunk.sightings[shard][done..].iter();
        }
        while let Some(seam) = seams.next_if(|seam| seam.at.chunk == c) {
            let place = (seam.at.record, seam.offset);
            while let Some(s) =
                own.as_slice().first().filter(|s| (s.record, s.offset) <= place)
            {
                own.next();
                if is_sifted(s) {
                    queue.push(next(at(s), s.key, s.offset));
                }
            }
            queue.push(next(seam.at, seam.key, seam.offset));
        }
        let own = own.filter(|s| is_sifted(s));
        queue.extend(own.map(|s| next(at(s), s.key, s.offset)));
    }
}
