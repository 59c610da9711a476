//! Positions in a batch, and what belongs to one.

use super::batch::{Chunk, Frames, Record};
use crate::detect::conversations::Facts;
use crate::signature::SampleRequest;
use crate::state::persist;

/// A position in the order of all packets of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RecordAt {
    pub(crate) chunk: u32,
    pub(crate) record: u32,
}

impl RecordAt {
    pub(crate) fn record(self, chunks: &[Chunk]) -> &Record {
        &chunks[self.chunk as usize].records[self.record as usize]
    }

    pub(crate) fn payload<'a>(
        self,
        chunks: &'a [Chunk],
        frames: &'a dyn Frames,
    ) -> &'a [u8] {
        chunks[self.chunk as usize].payload(self.record(chunks), frames)
    }

    /// What the flow stage has found out about the packet's conversation.
    #[inline]
    pub(crate) fn facts(self, chunks: &[Chunk]) -> Facts {
        chunks[self.chunk as usize].facts.facts(self.record as usize)
    }
}

/// A window seen across a seam.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SeamSighting {
    pub(crate) at: RecordAt,
    pub(crate) key: u64,
    pub(crate) offset: i32,
}

/// A sample request and the packet during which it was made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PlacedRequest {
    pub(crate) at: RecordAt,
    /// The content key that a sample is to be taken for.
    pub(crate) key: u64,
    pub(crate) request: SampleRequest,
}

persist!(RecordAt { chunk, record });
persist!(SeamSighting { at, key, offset });
persist!(PlacedRequest { at, key, request });
