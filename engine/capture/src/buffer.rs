//! Memory that frames lie in.

use std::ops::Deref;
use std::sync::Arc;

/// Bytes that batches keep alive through an [`Arc`].
pub(super) enum Buffer {
    /// Bytes that the host gave: they are in memory anyway.
    Given(Vec<u8>),
    /// A chunk of a stream, or a small file.
    Chunk(Vec<u8>),
}

impl Buffer {
    /// Bytes of memory that go free with the last batch that holds this buffer.
    pub(super) fn held_bytes(&self) -> usize {
        match self {
            Self::Given(_) => 0,
            Self::Chunk(bytes) => bytes.len(),
        }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Given(bytes) | Self::Chunk(bytes) => bytes,
        }
    }
}

/// Bytes that a chunk has at most, unless one record needs more.
pub(super) const CHUNK_BYTES: usize = 1 << 20;

/// Chunks that the pool remembers: a batch holds a few,
/// and few batches are under way; more would only stay cold.
const POOLED: usize = 32;

/// Bytes that the chunks in view of all files together should not exceed.
const IN_VIEW_BYTES: usize = 16 * CHUNK_BYTES;
/// However many files share them, a chunk is at least so long.
const LEAST_CHUNK_BYTES: usize = 16 << 10;

/// Chunks in use or free: those that nobody holds any more are used again.
#[derive(Default)]
pub(super) struct Pool {
    known: Vec<Arc<Buffer>>,
    /// Files that are under way at once.
    sharers: usize,
}

impl Pool {
    /// Says how many files are under way at once.
    pub(super) fn share_among(&mut self, files: usize) {
        self.sharers = files;
    }

    /// Bytes of a chunk, unless one record needs more: all of [`CHUNK_BYTES`] for up to
    /// 16 files, less for more.
    pub(super) fn chunk_bytes(&self) -> usize {
        (IN_VIEW_BYTES / self.sharers.max(1)).clamp(LEAST_CHUNK_BYTES, CHUNK_BYTES)
    }

    /// A chunk of at least `bytes` bytes. Its content is left over from earlier use.
    pub(super) fn take(&mut self, bytes: usize) -> Vec<u8> {
        let free =
            |chunk: &Arc<Buffer>| Arc::strong_count(chunk) == 1 && chunk.len() >= bytes;
        let reused =
            self.known.iter().position(free).map(|at| self.known.swap_remove(at));
        match reused.and_then(Arc::into_inner) {
            Some(Buffer::Chunk(chunk)) => chunk,
            _ => vec![0; bytes],
        }
    }

    /// Bytes of all chunks that it remembers.
    pub(super) fn held_bytes(&self) -> usize {
        self.known.iter().map(|chunk| chunk.held_bytes()).sum()
    }

    /// Remembers a chunk, which batches may still hold.
    pub(super) fn give(&mut self, buffer: Arc<Buffer>) {
        let reusable = matches!(*buffer, Buffer::Chunk(_)) && buffer.len() <= CHUNK_BYTES;
        if reusable {
            if self.known.len() == POOLED {
                self.known.remove(0);
            }
            self.known.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_gives_out_only_what_nobody_holds() {
        let mut pool = Pool::default();
        let mut marked = pool.take(100);
        marked.fill(7);
        let held = Arc::new(Buffer::Chunk(marked));
        pool.give(Arc::clone(&held));
        assert_eq!(pool.take(100), [0; 100], "still held");
        drop(held);
        assert_eq!(pool.take(101), [0; 101], "too small");
        assert_eq!(pool.take(50), [7; 100]);
        assert_eq!(pool.take(50), [0; 50], "given out once");
    }

    #[test]
    fn the_pool_remembers_a_bounded_number_of_bounded_chunks() {
        let mut pool = Pool::default();
        for _ in 0..100 {
            pool.give(Arc::new(Buffer::Chunk(vec![0; 10])));
            pool.give(Arc::new(Buffer::Chunk(vec![0; CHUNK_BYTES + 1])));
            pool.give(Arc::new(Buffer::Given(vec![0; 10])));
        }
        assert_eq!(pool.known.len(), POOLED);
        assert!(pool.known.iter().all(|chunk| chunk.len() == 10));
    }
}
