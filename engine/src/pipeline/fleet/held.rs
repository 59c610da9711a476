//! What a tap keeps of its parcels until the merger has closed their ticks: payloads, and the
//! bytes at seams.
//!
//! Guarantees: parts have their second pass in order, each once, whether something is asked of
//! them or not. Costs: the payloads of what is held, up to a bound; what is beyond it has its
//! second pass early, and no samples can be taken from it any more.

use super::ask::Request;
use crate::pipeline::batch::{Chunk, NoFrames};
use crate::pipeline::record_at::{PlacedRequest, RecordAt};
use crate::pipeline::stage_times::StageTimer;
use crate::pipeline::stream_shard::Joined;
use crate::pipeline::streams::Streams;
use crate::pipeline::worker::Sifter;
use crate::signature::SampleRequest;
use crate::time::Timestamp;
use std::collections::VecDeque;

/// One parcel's.
struct Part {
    sequence: u64,
    chunk: Chunk,
    joined: Vec<Joined>,
    bytes: usize,
}

/// See the [module](self).
pub(super) struct Held {
    parts: VecDeque<Part>,
    bytes: usize,
    most: usize,
}

impl Held {
    pub(super) fn new(most: usize) -> Self {
        Self { parts: VecDeque::new(), bytes: 0, most }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes what the first pass over a chunk has left.
    pub(super) fn put(&mut self, sequence: u64, chunk: Chunk, streams: &mut Streams) {
        let joined = streams.shards().iter_mut().map(|shard| shard.take_joined());
        let joined = joined.collect();
        let bytes = chunk.memory_bytes();
        self.bytes += bytes;
        self.parts.push_back(Part { sequence, chunk, joined, bytes });
    }

    /// Lets go of the oldest parts while there is too much; how many.
    pub(super) fn make_room(&mut self, streams: &mut Streams, sifter: &Sifter) -> u64 {
        let mut gone = 0;
        while self.bytes > self.most
            && let Some(part) = self.parts.front()
        {
            let sequence = part.sequence;
            self.settle(sequence + 1, &[], streams, sifter);
            gone += 1;
        }
        gone
    }

    /// Gives the parts before `until` their second pass, with what is requested of them; how
    /// many requests came too late.
    pub(super) fn settle(
        &mut self,
        until: u64,
        requests: &[Request],
        streams: &mut Streams,
        sifter: &Sifter,
    ) -> u64 {
        let mut late = 0;
        let mut requests = requests.iter().peekable();
        while self.parts.front().is_some_and(|part| part.sequence < until)
            && let Some(mut part) = self.parts.pop_front()
        {
            self.bytes -= part.bytes;
            let own = part.sequence;
            let of_part =
                |it: &&Request| it.at.is_none_or(|(sequence, _)| sequence <= own);
            while let Some(request) = requests.next_if(of_part) {
                let at = request.at.filter(|at| at.0 == own);
                match at.map(|(_, record)| record) {
                    Some(record) => part.request(record, request, streams),
                    None => late += u64::from(!at_once(request, streams, sifter)),
                }
            }
            for (shard, joined) in streams.shards().iter_mut().zip(part.joined) {
                shard.put_joined(joined);
            }
            streams.begin_collecting();
            let chunks = &[part.chunk];
            let timer = StageTimer::default();
            streams.collect(chunks, &NoFrames, sifter, timer, Timestamp::MAX);
            streams.end_collecting();
        }
        for request in requests {
            late += u64::from(!at_once(request, streams, sifter));
        }
        late
    }
}

impl Part {
    /// Puts a request where the second pass comes to it.
    fn request(&mut self, record: u32, request: &Request, streams: &mut Streams) {
        let Request { key, time, sample, .. } = *request;
        let flow_shard = usize::from(sample.flow_shard());
        let Some(it) = self.chunk.records.get_mut(record as usize) else { return };
        if let SampleRequest::Take { packet, .. } = sample {
            // As the merger counts it.
            (it.number, it.time) = (packet, time);
        }
        let at = RecordAt { chunk: 0, record };
        if let Some(shard) = streams.shards().get_mut(flow_shard) {
            // Those of one packet stay in their order.
            shard.requests.push((0, PlacedRequest { at, key, request: sample }));
        }
    }
}

/// Lets go of a sample now; false if one is to be taken, for which it is too late.
fn at_once(request: &Request, streams: &mut Streams, sifter: &Sifter) -> bool {
    let SampleRequest::Release { flow_shard, packet, offset } = request.sample else {
        return false;
    };
    if let Some(shard) = streams.shards().get_mut(usize::from(flow_shard)) {
        shard.samples.release(packet, offset, sifter.fingerprinter.beta());
    }
    true
}
