//! Frames that own what they show.

use std::sync::Arc;

use super::buffer::Buffer;
use super::step::RawFrame;
use wormsift::packet::{Frame, LinkType, Timestamp};
use wormsift::pipeline::FrameList;

/// When a batch is full: as soon as one of both is reached. A batch holds at least one
/// frame, so 0 is as good as 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Captured bytes of its frames.
    pub bytes: usize,
    /// Its frames.
    pub frames: usize,
}

/// 1 MiB or 8,192 frames: enough to keep a hand-over between threads cheap, little
/// enough that a batch stays in a core's cache.
impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 1 << 20, frames: 8_192 }
    }
}

/// Chunks that a batch may hold.
const MAX_BUFFERS: usize = 1_024;
/// What chunks may hold in memory beside the frames that count: headers, and blocks
/// without frames.
const MAX_IDLE_BYTES: usize = 4 << 20;

/// A run of frames, in order, from one file or several. It keeps their bytes alive, so it
/// can be sent to another thread and outlive its [`Trace`](super::Trace).
#[derive(Default)]
pub struct FrameBatch {
    entries: Vec<Entry>,
    /// Chunks, each with the tap of its file.
    buffers: Vec<(Arc<Buffer>, u16)>,
    bytes: usize,
    held_bytes: usize,
    /// What the chunks may hold beyond [`MAX_IDLE_BYTES`]: those that readers still have
    /// in view, which this batch shares with them.
    shared_bytes: usize,
}

/// Where a frame lies, and what its record says.
struct Entry {
    number: u64,
    time: Timestamp,
    start: usize,
    len: u32,
    original_len: u32,
    link: LinkType,
    buffer: u32,
}

impl FrameBatch {
    /// Number of frames.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no frame is left; a trace gives none such.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Captured bytes of all frames.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Memory that goes free with the batch, if it is the last to hold its chunks;
    /// bytes that the host gave are not counted.
    pub fn memory_bytes(&self) -> usize {
        self.held_bytes
            + self.entries.capacity() * size_of::<Entry>()
            + self.buffers.capacity() * size_of::<(Arc<Buffer>, u16)>()
    }

    /// The frame at an index.
    ///
    /// # Panics
    /// If the index is not below [`FrameBatch::len`], like a slice.
    #[inline]
    pub fn frame(&self, index: usize) -> Frame<'_> {
        self.entries[index].frame(&self.buffers)
    }

    /// All frames in order.
    pub fn frames(&self) -> impl ExactSizeIterator<Item = Frame<'_>> + Clone + '_ {
        self.entries.iter().map(|entry| entry.frame(&self.buffers))
    }

    /// Drops the frames for which `keep` is false. The others keep their numbers.
    pub fn retain(&mut self, mut keep: impl FnMut(&Frame<'_>) -> bool) {
        self.entries.retain(|entry| keep(&entry.frame(&self.buffers)));
        self.bytes = self.entries.iter().map(|entry| entry.len as usize).sum();
    }

    /// An empty batch, whose readers have chunks of so many bytes in view.
    pub(super) fn sharing(shared_bytes: usize) -> Self {
        Self { shared_bytes, ..Self::default() }
    }

    /// Whether nothing more may come in: the limits are reached, or what is held beside
    /// the frames grows too large.
    #[inline]
    pub(super) fn is_full(&self, limits: Limits) -> bool {
        self.entries.len() >= limits.frames.max(1)
            || (!self.entries.is_empty()
                && (self.bytes >= limits.bytes
                    || self.held_bytes
                        >= limits
                            .bytes
                            .saturating_add(MAX_IDLE_BYTES)
                            .saturating_add(self.shared_bytes)
                    || self.buffers.len() >= MAX_BUFFERS))
    }

    /// Takes in a frame whose record begins at `record` in `buffer`. `slot` is where the
    /// reader's last buffer lies in the batch: files that are read in turns share a batch.
    /// `tap` is that of the file.
    #[inline]
    pub(super) fn push(
        &mut self,
        number: u64,
        buffer: &Arc<Buffer>,
        record: usize,
        raw: RawFrame,
        tap: u16,
        slot: &mut u32,
    ) {
        let known = self.buffers.get(*slot as usize);
        if !known.is_some_and(|known| Arc::ptr_eq(&known.0, buffer) && known.1 == tap) {
            *slot = self.buffers.len() as u32;
            self.held_bytes += buffer.held_bytes();
            self.buffers.push((Arc::clone(buffer), tap));
        }
        self.bytes += raw.len;
        self.entries.push(Entry {
            number,
            time: raw.time,
            start: record + raw.start,
            // A record is bounded far below 2^32 bytes, and so are the buffers' number.
            len: raw.len as u32,
            original_len: raw.original_len,
            link: raw.link,
            buffer: *slot,
        });
    }
}

impl Entry {
    #[inline]
    fn frame<'a>(&self, buffers: &'a [(Arc<Buffer>, u16)]) -> Frame<'a> {
        let (data, tap) = &buffers[self.buffer as usize];
        Frame {
            number: self.number,
            time: self.time,
            link: self.link,
            original_len: self.original_len,
            tap: *tap,
            data: &data[self.start..self.start + self.len as usize],
        }
    }
}

impl FrameList for FrameBatch {
    fn len(&self) -> usize {
        Self::len(self)
    }
    fn frame(&self, index: usize) -> Frame<'_> {
        Self::frame(self, index)
    }
}

impl std::fmt::Debug for FrameBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrameBatch")
            .field("frames", &self.entries.len())
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}
