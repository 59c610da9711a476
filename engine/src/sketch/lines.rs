//! Cache lines, with a record of which were written. They cost nothing before, and little
//! to clear.

use crate::pages::{CACHE_LINE, Words};
use crate::state::{Exchange, Persist};

/// Words in a cache line.
pub(super) const WORDS: usize = CACHE_LINE / size_of::<u64>();

/// One 64-byte cache line.
pub(crate) type Line = [u64; WORDS];

/// No line was written there.
const EMPTY: &Line = &[0; WORDS];

/// A fixed number of zeroed, 64-byte aligned lines.
///
/// A bit for each line says whether it was written since it was last cleared; a line
/// without its bit reads as zeros, whatever it holds, and is zeroed when it is next
/// written. So clearing clears the bits, a 512th of the table, and is exact.
///
/// The words come from a zeroed allocation, which a system gives untouched, page by
/// page, on first use; a vector of an aligned type would be written at once instead.
/// Hence the plain words with an aligned beginning.
#[derive(Debug)]
pub(crate) struct Lines {
    words: Words,
    /// Where the first aligned line begins in `words`.
    first: usize,
    count: usize,
    /// A bit for each line.
    written: Vec<u64>,
}

impl Lines {
    /// As many lines as fit in `bytes`, bookkeeping included; at least one.
    pub(crate) fn within(bytes: usize) -> Self {
        // count * 64 + 56 to align + 8 * (bits / 64, rounded up) <= bytes
        let left = bytes.saturating_sub(CACHE_LINE - 1);
        let per_word = 64 * CACHE_LINE + size_of::<u64>();
        let rest = (left % per_word).saturating_sub(size_of::<u64>()) / CACHE_LINE;
        Self::with_count(left / per_word * 64 + rest)
    }

    /// `count` lines, at least one.
    pub(super) fn with_count(count: usize) -> Self {
        let count = count.max(1);
        let slack = WORDS - 1;
        let words = Words::zeroed(count * WORDS + slack);
        // Unaligned lines would only be slower, so the fallback is no harm.
        let first = words.as_ptr().align_offset(CACHE_LINE).min(slack);
        Self { words, first, count, written: vec![0; count.div_ceil(64)] }
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Line `index`, which must be below [`Lines::len`].
    #[inline]
    pub(crate) fn line(&self, index: usize) -> &Line {
        if self.is_written(index) { self.raw(index) } else { EMPTY }
    }

    /// The same, to be written.
    #[inline]
    pub(crate) fn line_mut(&mut self, index: usize) -> &mut Line {
        let bits = &mut self.written[index / 64];
        let line = &mut self.words[self.first..].as_chunks_mut().0[index];
        if *bits >> (index % 64) & 1 == 0 {
            *bits |= 1 << (index % 64);
            *line = *EMPTY;
        }
        line
    }

    /// Where a line lies, for a prefetch: what is read there may have been cleared.
    #[inline]
    pub(super) fn place(&self, index: usize) -> &Line {
        self.raw(index)
    }

    /// Clears every line.
    pub(super) fn clear(&mut self) {
        self.written.fill(0);
    }

    #[inline]
    fn is_written(&self, index: usize) -> bool {
        self.written[index / 64] >> (index % 64) & 1 == 1
    }

    /// What lies in memory, cleared or not.
    #[inline]
    fn raw(&self, index: usize) -> &Line {
        &self.words[self.first..].as_chunks().0[index]
    }

    /// Ors another table of the same size in; false, and nothing done, for another size.
    pub(super) fn or(&mut self, other: &Self) -> bool {
        if self.count != other.count {
            return false;
        }
        for index in 0..self.count {
            if other.is_written(index) {
                for (word, their) in self.line_mut(index).iter_mut().zip(other.raw(index))
                {
                    *word |= their;
                }
            }
        }
        true
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.words.memory_bytes() + self.written.capacity() * size_of::<u64>()
    }
}

impl Persist for Lines {
    fn persist(&mut self, file: &mut Exchange<'_>) -> std::io::Result<()> {
        file.fixed(&mut self.words[self.first..][..self.count * WORDS])?;
        file.fixed(&mut self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_aligned_zero_and_within_their_bytes() {
        for bytes in [0, 64, 128, 129, 1_000, 4_096, 65_536, 1_000_003] {
            let lines = Lines::within(bytes);
            assert!(lines.memory_bytes() <= bytes.max(2 * CACHE_LINE), "{bytes}");
            let unused = bytes.saturating_sub(lines.memory_bytes());
            assert!(unused < 3 * CACHE_LINE, "{bytes}: {unused} unused");
            assert_eq!(lines.line(0), &[0; WORDS]);
            assert_eq!(lines.raw(0).as_ptr() as usize % CACHE_LINE, 0);
            assert_eq!(lines.line(lines.len() - 1), &[0; WORDS]);
        }
    }

    /// What may be done to lines: write one word, clear all.
    #[derive(Clone, Debug)]
    enum Act {
        Write(usize, usize, u64),
        Clear,
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let act = prop_oneof![
            20 => (0usize..300, 0..WORDS, 1u64..).prop_map(|(i, w, v)| Act::Write(i, w, v)),
            1 => Just(Act::Clear),
        ];
        prop::collection::vec(act, 1..200)
    }

    proptest! {
        #[test]
        fn they_read_like_lines_that_are_cleared_one_by_one(acts in acts()) {
            let mut lines = Lines::with_count(300);
            let mut plain = vec![[0u64; WORDS]; 300];
            for act in acts {
                match act {
                    Act::Write(index, word, value) => {
                        lines.line_mut(index)[word] |= value;
                        plain[index][word] |= value;
                    }
                    Act::Clear => {
                        lines.clear();
                        plain.fill([0; WORDS]);
                    }
                }
                prop_assert!((0..300).all(|index| lines.line(index) == &plain[index]));
            }
            let mut other = Lines::with_count(300);
            other.line_mut(7)[0] = 5;
            prop_assert!(other.or(&lines));
            plain[7][0] |= 5;
            prop_assert!((0..300).all(|index| other.line(index) == &plain[index]));
        }
    }
}
