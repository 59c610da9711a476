//! Large tables, in huge pages where the system has them.
//!
//! A look-up lands anywhere in tables of many megabytes. With pages of 4 KiB nearly each
//! one also misses the cache of address translations; pages of 2 MiB are few enough for it.
//!
//! They are asked for at once: keys fall at random, so that soon all of a table is in use.
//! Tables of neighbouring shards lie side by side, so a shard's may be smaller than a page.
//! Memory that no key touches costs nothing.

use crate::state::{Exchange, Persist};
use memmap2::MmapMut;
use std::ops::{Deref, DerefMut};

/// Bytes in a cache line.
pub(crate) const CACHE_LINE: usize = 64;

/// Bytes from which a table has a mapping of its own.
const LEAST: usize = 64 << 10;

/// Bytes in a huge page. A table of that size or more begins with one.
const HUGE: usize = 2 << 20;

/// Bytes in pages of their own, zero at first.
#[derive(Debug)]
pub(crate) struct Pages {
    mapping: MmapMut,
    first: usize,
    len: usize,
}

/// A fixed number of words, zero at first.
#[derive(Debug)]
pub(crate) enum Words {
    Heap(Vec<u64>),
    /// Whole words: the mapping's length is a multiple of theirs.
    Pages(Pages),
}

/// Zeroed pages of so many bytes, at least one byte.
///
/// # Panics
///
/// If the system has no such memory, as any allocation does.
pub(crate) fn pages(bytes: usize) -> Pages {
    let len = bytes.max(1);
    // A table by itself would begin anywhere between two huge pages. What lies before its
    // first one is never touched.
    let slack = if len >= HUGE { HUGE } else { 0 };
    let mapping = MmapMut::map_anon(len + slack).expect("memory for a table");
    // The system may decline; then pages are as usual.
    #[cfg(target_os = "linux")]
    if len >= LEAST {
        let _ = mapping.advise(memmap2::Advice::HugePage);
    }
    let first = mapping.as_ptr().align_offset(HUGE).min(slack);
    Pages { mapping, first, len }
}

impl Deref for Pages {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.mapping[self.first..][..self.len]
    }
}

impl DerefMut for Pages {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.mapping[self.first..][..self.len]
    }
}

/// Whether the system has so many bytes to give, asked for in one piece. Nothing is kept.
pub(crate) fn can_reserve(bytes: u64) -> bool {
    usize::try_from(bytes).is_ok_and(|bytes| MmapMut::map_anon(bytes.max(1)).is_ok())
}

impl Words {
    pub(crate) fn zeroed(count: usize) -> Self {
        let bytes = count * size_of::<u64>();
        if bytes < LEAST {
            return Self::Heap(vec![0; count]);
        }
        Self::Pages(pages(bytes))
    }

    /// Bytes reserved.
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of_val(&**self)
    }
}

/// A fixed number of bytes, zero at first; large ones begin with a page.
#[derive(Debug)]
pub(crate) struct Bytes {
    words: Words,
    len: usize,
}

impl Bytes {
    pub(crate) fn zeroed(len: usize) -> Self {
        Self { words: Words::zeroed(len.div_ceil(size_of::<u64>())), len }
    }
}

impl Deref for Bytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.len]
    }
}

impl DerefMut for Bytes {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.words)[..self.len]
    }
}

impl Persist for Bytes {
    fn persist(&mut self, file: &mut Exchange<'_>) -> std::io::Result<()> {
        file.fixed(self)
    }
}

impl Deref for Words {
    type Target = [u64];

    #[inline]
    fn deref(&self) -> &[u64] {
        match self {
            Self::Heap(words) => words,
            Self::Pages(pages) => bytemuck::cast_slice(pages),
        }
    }
}

impl DerefMut for Words {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u64] {
        match self {
            Self::Heap(words) => words,
            Self::Pages(pages) => bytemuck::cast_slice_mut(pages),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_tables_are_zero_and_keep_what_is_written() {
        for count in [0, 1, LEAST / 8 - 1, LEAST / 8, LEAST / 8 + 1, 1 << 20] {
            let mut words = Words::zeroed(count);
            assert_eq!(words.len(), count);
            assert_eq!(matches!(words, Words::Pages(_)), 8 * count >= LEAST);
            assert!(words.iter().all(|word| *word == 0));
            if let Some(last) = words.last_mut() {
                *last = u64::MAX;
                assert_eq!(words[count - 1], u64::MAX);
            }
            assert_eq!(words.memory_bytes(), 8 * count);
        }
    }
}
