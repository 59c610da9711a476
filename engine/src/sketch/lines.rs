//! Cache lines that cost nothing until they are written, and little to clear.

/// Words in a cache line.
pub(super) const WORDS: usize = 8;
/// Bytes in a cache line.
pub(super) const BYTES: usize = 64;

/// One 64-byte cache line.
pub(super) type Line = [u64; WORDS];

/// Lines that one remembered index stands for. The list of written lines then costs
/// 4 bytes for 16 lines, 0.4 % of the table.
const LINES_PER_NOTE: usize = 16;

/// A fixed number of zeroed, 64-byte aligned lines.
///
/// The words come from a zeroed allocation, which a system hands out untouched, page by
/// page, on first use; a vector of an aligned type would be written at once instead.
/// Hence the plain words with an aligned beginning.
#[derive(Debug)]
pub(super) struct Lines {
    words: Vec<u64>,
    /// Where the first aligned line begins in `words`.
    first: usize,
    count: usize,
    /// Lines written since the last clear, as long as they are few.
    written: Vec<u32>,
    /// Too many were written to remember them: clear everything.
    overflowed: bool,
}

impl Lines {
    /// As many lines as fit in `bytes`, bookkeeping included; at least one.
    pub(super) fn within(bytes: usize) -> Self {
        // count * 64 + 56 to align + 4 * (count / 16 + 1) <= bytes
        let count = bytes.saturating_sub(60) / (4 * BYTES + 1) * 4
            + bytes.saturating_sub(60) % (4 * BYTES + 1) / (BYTES + 1);
        Self::with_count(count)
    }

    /// `count` lines, at least one and at most 2^32 - 1.
    pub(super) fn with_count(count: usize) -> Self {
        let count = count.clamp(1, u32::MAX as usize);
        let words = vec![0u64; count * WORDS + (WORDS - 1)];
        // Unaligned lines would only be slower, so the fallback is no harm.
        let first = words.as_ptr().align_offset(BYTES).min(WORDS - 1);
        let written = Vec::with_capacity(count / LINES_PER_NOTE + 1);
        Self { words, first, count, written, overflowed: false }
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Line `index`, which must be below [`Lines::len`].
    #[inline]
    pub(super) fn line(&self, index: usize) -> &Line {
        &self.words[self.first..].as_chunks().0[index]
    }

    /// The same, to be written.
    #[inline]
    pub(super) fn line_mut(&mut self, index: usize) -> &mut Line {
        let line = &mut self.words[self.first..].as_chunks_mut().0[index];
        if !self.overflowed && line.iter().fold(0, |all, word| all | word) == 0 {
            if self.written.len() < self.count / LINES_PER_NOTE + 1 {
                self.written.push(index as u32);
            } else {
                self.overflowed = true;
            }
        }
        line
    }

    /// Zeroes every line: those written, while they are few, else all.
    pub(super) fn clear(&mut self) {
        if self.overflowed {
            self.words.fill(0);
        } else {
            let lines = self.words[self.first..].as_chunks_mut::<WORDS>().0;
            for &index in &self.written {
                lines[index as usize] = [0; WORDS];
            }
        }
        self.written.clear();
        self.overflowed = false;
    }

    /// Ors another table of the same size in; false, and nothing done, for another size.
    pub(super) fn or(&mut self, other: &Self) -> bool {
        if self.count != other.count {
            return false;
        }
        for index in 0..self.count {
            let theirs = other.line(index);
            if *theirs != [0; WORDS] {
                for (word, their) in self.line_mut(index).iter_mut().zip(theirs) {
                    *word |= their;
                }
            }
        }
        true
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.words.capacity() * size_of::<u64>()
            + self.written.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_aligned_zero_and_within_their_bytes() {
        for bytes in [0, 64, 124, 125, 1_000, 4_096, 65_536, 1_000_003] {
            let lines = Lines::within(bytes);
            assert!(lines.len() >= 1);
            assert!(lines.memory_bytes() <= bytes.max(128), "{bytes}");
            assert!(lines.memory_bytes() + 140 >= bytes, "{bytes}: budget left unused");
            assert_eq!(lines.line(0).as_ptr() as usize % BYTES, 0);
            assert_eq!(lines.line(lines.len() - 1), &[0; WORDS]);
        }
    }

    #[test]
    fn clearing_zeroes_few_and_many_written_lines() {
        for written in [1usize, 5, 64, 1_000] {
            let mut lines = Lines::with_count(1_000);
            for index in 0..written {
                lines.line_mut(index * 7 % 1_000)[index % 8] = u64::MAX;
            }
            assert_eq!(lines.overflowed, written > 63, "{written}");
            lines.clear();
            assert!((0..1_000).all(|index| lines.line(index) == &[0; WORDS]));
            assert!(lines.written.is_empty() && !lines.overflowed);
        }
    }
}
