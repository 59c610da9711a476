//! The part of a file's content that is in view.

use std::io::{self, Read};
use std::sync::Arc;

use super::buffer::{Buffer, Pool};
use super::stream::{Compression, Stream};

/// A view that moves over the content of one file: over all of it where it lies in
/// memory, else over a chunk at a time.
pub(super) struct Window {
    buffer: Arc<Buffer>,
    /// What is in view and not yet parsed: `buffer[start..end]`.
    start: usize,
    end: usize,
    /// Bytes of content before `buffer[0]`.
    before: u64,
    rest: Option<Rest>,
}

/// Where the content after the buffer comes from.
struct Rest {
    stream: Stream,
    /// Whether bytes may come slowly, so that what is there must not wait for more.
    live: bool,
    /// Bytes of the next chunk; grows as long as chunks come full.
    chunk: usize,
    ended: bool,
    failure: Option<io::Error>,
}

impl Window {
    /// A view of content that lies in memory as a whole.
    pub(super) fn whole(buffer: Arc<Buffer>) -> Self {
        Self { start: 0, end: buffer.len(), before: 0, rest: None, buffer }
    }

    /// A view of a stream, at first `chunk` bytes long. A `live` one never reads on
    /// while it has what it needs.
    pub(super) fn stream(stream: Stream, chunk: usize, live: bool) -> Self {
        let rest = Rest { stream, live, chunk, ended: false, failure: None };
        let buffer = Arc::new(Buffer::Chunk(Vec::new()));
        Self { buffer, start: 0, end: 0, before: 0, rest: Some(rest) }
    }

    /// The memory in view, for a batch to keep.
    pub(super) fn buffer(&self) -> &Arc<Buffer> {
        &self.buffer
    }

    /// Where in [`Window::buffer`] the unparsed bytes begin.
    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// What is in view and not yet parsed.
    #[inline]
    pub(super) fn unread(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Moves on by so many of the unread bytes.
    #[inline]
    pub(super) fn consume(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.end);
    }

    /// Content offset of the first unread byte.
    pub(super) fn offset(&self) -> u64 {
        self.before + self.start as u64
    }

    /// How the file is compressed.
    pub(super) fn compression(&self) -> Option<Compression> {
        self.rest.as_ref().and_then(|rest| rest.stream.compression())
    }

    /// Bytes used so far, as on disk.
    pub(super) fn position(&self) -> u64 {
        self.rest.as_ref().map_or(self.offset(), |rest| rest.stream.position())
    }

    /// Whether bytes arrive at their own pace.
    pub(super) fn is_live(&self) -> bool {
        self.rest.as_ref().is_some_and(|rest| rest.live)
    }

    /// Whether nothing comes after what is in view.
    pub(super) fn is_last(&self) -> bool {
        self.rest.as_ref().is_none_or(|rest| rest.ended)
    }

    /// Why the content ended early, if it did.
    pub(super) fn failure(&self) -> Option<&io::Error> {
        self.rest.as_ref().and_then(|rest| rest.failure.as_ref())
    }

    /// Moves the unread bytes to a new chunk and reads behind them until `need` are in
    /// view or the stream ends; one that is not live is read on until the chunk is full.
    pub(super) fn fill(&mut self, need: usize, pool: &mut Pool) {
        let unread = self.end - self.start;
        let Some(rest) = &mut self.rest else { return };
        let most = pool.chunk_bytes();
        let mut chunk = pool.take(need.max(rest.chunk.min(most)).max(unread + 1));
        chunk[..unread].copy_from_slice(&self.buffer[self.start..self.end]);
        let mut end = unread;
        while !rest.ended && end < chunk.len() && !(rest.live && end >= need) {
            match rest.stream.read(&mut chunk[end..]) {
                Ok(0) => rest.ended = true,
                Ok(read) => end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    rest.ended = true;
                    rest.failure = Some(error);
                }
            }
        }
        if end == chunk.len() {
            rest.chunk = (rest.chunk * 4).min(most);
        }
        let parsed = std::mem::replace(&mut self.buffer, Arc::new(Buffer::Chunk(chunk)));
        pool.give(parsed);
        self.before += self.start as u64;
        (self.start, self.end) = (0, end);
    }
}
